"""What a lesson is: a program that is run for its numbers, and a page in each language that tells what they mean.

A lesson's module computes (`Material`); its pages, `pages/NAME.en.md` and `pages/NAME.zh.md`, are prose with places
«like_this» that the computed values fill. To add a lesson, add a module with a function `material`, name it in
`LESSON_MODULES`, whose order is that of the lessons, and write its two pages.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidu.errors import DataError, MissingDependency, SettingError, closest
from tidu.text import _, language
from tidu.training.fit import fit
from tidu.training.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGES = Path(__file__).parent / "pages"
PLACE = re.compile(r"«(\w+)»")
# Markdown puts a space where a line ends. Chinese has none between its characters, nor behind its punctuation.
WIDE, STOPS = "\u3000-\u9fff\uff00-\uffef", "，。；：！？、）》”"
BREAK_IN_CHINESE = re.compile(
    rf"(?<=[{WIDE}”])(\**)\n *(\**)(?=[{WIDE}“])|(?<=[{STOPS}])(\**)\n *(?![-*>#|]|```|\d+[.] )(?=\S)"
)
# In the order in which they are numbered.
LESSON_MODULES = {
    "meter": "meter",
    "one-weight": "one_weight",
    "minimum": "minimum",
    "line": "line",
    "learning-rate": "learning_rate",
    "conditioning": "conditioning",
    "parabola": "parabola",
    "linreg": "linreg",
    "backward": "backward",
    "perceptron": "perceptron",
    "xor": "xor",
    "digits": "digits",
}


@dataclass(frozen=True)
class Material:
    """What a lesson computes: `numbers` for programs, `values` for the places of its page, `data` as text of CSV
    files by name, and `pictures` to be drawn, by name.
    """

    numbers: dict[str, Any]
    values: Mapping[str, str]
    data: Mapping[str, str] = field(default_factory=dict)
    pictures: Mapping[str, Callable[[], Figure]] = field(default_factory=dict)


@dataclass(frozen=True)
class Given:
    """A lesson that was given: its page filled in, its numbers, and the files that it wrote."""

    page: str
    numbers: dict[str, Any]
    files: list[str]


@dataclass(frozen=True)
class Lesson:
    """A lesson by name."""

    name: str
    material: Callable[[], Material]

    @property
    def number(self) -> int:
        """Its place among the lessons, from 1."""
        return list(LESSON_MODULES).index(self.name) + 1

    @property
    def next(self) -> str | None:
        """The name of the lesson after it; None after the last."""
        return [*LESSON_MODULES, None][self.number]

    def title(self) -> str:
        """The first line of its page."""
        return self.page().partition("\n")[0].removeprefix("# ").strip()

    def page(self, lang: str | None = None) -> str:
        """Its page in the language in use, places not yet filled."""
        text = (PAGES / f"{self.name}.{lang or language()}.md").read_text(encoding="utf-8")
        return joined(text)

    def give(self, folder: str | None, with_pictures: bool = True) -> Given:
        """Run it; write its data and pictures to `folder`, if one is given."""
        material = self.material()
        files = [] if folder is None else self._written(Path(folder), material, with_pictures)
        values = {"folder": folder or f"tidu-lesson-{self.name}", **material.values}
        values |= {f"picture_{name}": f"{values['folder']}/{name}.png" for name in material.pictures}
        if self.next is not None:
            values["next"] = _("Lesson {number}: `tidu lesson {name}`").format(number=self.number + 1, name=self.next)
        page = self.page().replace("# ", f"# {self.number}. ", 1)
        body, closing = page.rstrip(), ""
        if self.next is not None:
            body, _blank, closing = body.rpartition("\n\n")
        walk = _("With questions, in the lab: `{command}`").format(command=f"tidu lab --lesson {self.name}")
        page = "\n\n".join(filter(None, (body, walk, closing))) + "\n"
        return Given(filled(page, values), material.numbers, files)

    @staticmethod
    def _written(folder: Path, material: Material, with_pictures: bool) -> list[str]:
        files = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in material.data.items():
                (folder / name).write_text(text, encoding="utf-8", newline="\n")
                files.append(str(folder / name))
        except OSError as error:
            raise DataError(
                _("'{path}' cannot be written: {reason}").format(path=folder, reason=error.strerror)
            ) from None
        if with_pictures:
            try:
                from tidu.pictures.figure import save
            except MissingDependency as missing:
                return [*files, f"({missing})"]
            for name, draw in material.pictures.items():
                save(draw(), folder / f"{name}.png")
                files.append(str(folder / f"{name}.png"))
        return files


class _Lessons(Mapping[str, Lesson]):
    """All lessons; a module is imported when its lesson is first asked for."""

    def __getitem__(self, name: str) -> Lesson:
        module = importlib.import_module(f"tidu.lessons.{LESSON_MODULES[name]}")
        return Lesson(name, module.material)

    def __iter__(self) -> Iterator[str]:
        return iter(LESSON_MODULES)

    def __len__(self) -> int:
        return len(LESSON_MODULES)


def fit_whole(*arguments: Any, **options: Any) -> Run:
    """A run that was not cut short by Ctrl-C, which ends the lesson: what it says would not be true."""
    run = fit(*arguments, **options)
    if run.stopped == "interrupted":
        raise KeyboardInterrupt
    return run


LESSONS: Mapping[str, Lesson] = _Lessons()


def lesson_named(name: str) -> Lesson:
    """The lesson of that name or number, or an error that lists them."""
    if name.isdecimal() and 1 <= int(name) <= len(LESSON_MODULES):
        name = list(LESSON_MODULES)[int(name) - 1]
    if name not in LESSONS:
        near = closest(name, LESSONS)
        hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
        raise SettingError(
            _("there is no lesson '{name}'{hint}; there are: {names}").format(
                name=name, hint=hint, names=", ".join(LESSONS)
            )
        )
    return LESSONS[name]


def joined(text: str) -> str:
    """Text whose lines break nowhere that Chinese has no space."""
    return BREAK_IN_CHINESE.sub(lambda found: "".join(filter(None, found.groups())), text)


def filled(page: str, values: Mapping[str, str]) -> str:
    """A page with each «place» exchanged for its value."""
    return PLACE.sub(lambda place: values[place.group(1)], page)


def rows(cells: Iterable[Sequence[object]]) -> str:
    """The body of a Markdown table."""
    return "\n".join("| " + " | ".join(str(c) for c in row) + " |" for row in cells)


def csv_text(columns: Mapping[str, Iterable[float]], header: bool = True) -> str:
    """Columns as the text of a CSV file; every number reads back to the same bits."""
    lines = [",".join(columns)] if header else []
    lines += [",".join(repr(float(v)) for v in row) for row in zip(*columns.values(), strict=True)]
    return "\n".join(lines) + "\n"
