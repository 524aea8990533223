"""What a walk is: stops, each a place in the lab to be looked at, with a question that the engine answers.

A walk's module declares its stops; its pages, `pages/NAME.en.md` and `pages/NAME.zh.md`, hold the words, a section for
each stop in order (`wording.py` reads them). Walks have the names of the lessons, and their modules too.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tidu.errors import SettingError
from tidu.lab.examples import Example
from tidu.lab.walks.stage import Stage
from tidu.lab.walks.wording import Page, Section, page_of
from tidu.lessons.lesson import LESSON_MODULES, lesson_named
from tidu.text import _, counted, mark

NEARLY = 0.02  # of the right answer: a number that is no further off was computed, but not written out
Computed = Callable[[Stage], float]


@dataclass(frozen=True)
class Verdict:
    """What is said of an answer."""

    right: bool
    words: str


@dataclass(frozen=True)
class Number:
    """A question for a number, to so many `decimals`; `slips` are wrong ways to it, which the page knows by name."""

    value: Computed
    decimals: int = 2
    slips: Mapping[str, Computed] = field(default_factory=dict)
    kind = "number"

    @property
    def precision(self) -> str:
        """How exactly it is asked for."""
        if self.decimals == 0:
            return _("a whole number")
        return counted(self.decimals, mark("to {n} decimal"), mark("to {n} decimals"))

    def judged(self, stage: Stage, given: str, section: Section) -> Verdict:
        """Whether a number is the right one; if not, what may have gone wrong."""
        number = number_in(given)
        right = self.value(stage)
        room = 0.5 * 10.0**-self.decimals * (1 + 1e-9)
        if abs(number - right) <= room:
            return Verdict(True, _("Yes: {value}").format(value=f"{right:.{self.decimals}f}"))
        for name, slip in self.slips.items():
            if abs(number - slip(stage)) <= room:
                return Verdict(False, section.slips[name])
        if abs(number + right) <= room:
            return Verdict(False, _("The size is right; look at the sign."))
        if abs(number - right) <= NEARLY * abs(right):
            return Verdict(False, _("Nearly. Give it {precision}.").format(precision=self.precision))
        return Verdict(False, section.hint)


@dataclass(frozen=True)
class Choice:
    """A question with answers to choose from, which the page lists by name; `right` is the name of the right one."""

    right: Callable[[Stage], str]
    kind = "choice"
    precision = ""

    def judged(self, stage: Stage, given: str, section: Section) -> Verdict:
        """Whether the choice is the right one."""
        if given not in section.choices:
            raise SettingError(_("choose one of the answers"))
        right = given == self.right(stage)
        return Verdict(right, _("Yes.") if right else section.slips.get(given, section.hint))


@dataclass(frozen=True)
class Task:
    """Something to be done in the lab; `done` looks at the experiment as it stands, and at its step.

    It has to be an experiment on the data of the scene, and with its formula, unless that is what is to be changed.
    """

    done: Callable[[Stage, int], bool]
    any_formula: bool = False
    kind = "task"
    precision = ""

    def judged(self, stage: Stage, step: int, section: Section) -> Verdict:
        """Whether it has been done."""
        return Verdict(True, _("Yes.")) if self.done(stage, step) else Verdict(False, section.hint)


@dataclass(frozen=True)
class Stop:
    """A place on a walk.

    Attributes
    ----------
    scene : the data, formula and settings that it looks at.
    step, part : where the experiment stands, and which part of the next step is open, such as `backward`.
    look : the view that is brought to the eye, by its name on the page.
    point : a name of the loop that lights up everywhere, such as `grad_w`; `row` : whose values are told.
    values : what the places «name» of its text hold.
    """

    scene: Example
    question: Number | Choice | Task
    step: int = 0
    part: str = ""
    look: str = "data"
    point: str = ""
    row: int | None = None
    values: Mapping[str, Callable[[Stage], str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Walk:
    """A lesson's walk through the lab."""

    name: str
    stops: tuple[Stop, ...]

    def page(self, lang: str | None = None) -> Page:
        """Its words, in the language in use unless another is named."""
        return page_of(self.name, lang)


class _Walks(Mapping[str, Walk]):
    """All walks; a module is imported when its walk is first asked for."""

    def __getitem__(self, name: str) -> Walk:
        module = importlib.import_module(f"tidu.lab.walks.{LESSON_MODULES[name]}")
        return Walk(name, module.STOPS)

    def __iter__(self) -> Any:
        return iter(LESSON_MODULES)

    def __len__(self) -> int:
        return len(LESSON_MODULES)


WALKS: Mapping[str, Walk] = _Walks()


def number_in(text: str) -> float:
    """A number as a person types it: 0.5, −24, 1e-3, 2/14, in full-width digits too.

    Raises
    ------
    SettingError : it is none.
    """
    plain = text.strip().translate({0x2212: "-", 0xFF0D: "-", 0xFF0E: ".", 0xFF0F: "/", 0x2044: "/"})
    above, slash, below = plain.partition("/")
    try:
        value = float(above) / (float(below) if slash else 1.0)
    except (ValueError, ZeroDivisionError):
        value = float("nan")
    if not abs(value) < float("inf"):
        raise SettingError(_("'{text}' is not a number; write it as 0.5, -24 or 2/3").format(text=text[:40]))
    return value


def walk_named(name: str) -> Walk:
    """The walk of a lesson, by its name or number.

    Raises
    ------
    SettingError : there is none.
    """
    return WALKS[lesson_named(name).name]
