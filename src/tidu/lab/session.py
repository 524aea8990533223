"""`Session`: what one tab of the page works on; its methods with `@request` answer what the page asks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from tidu.content.kinds import Flag
from tidu.content.losses import LOSSES
from tidu.content.optimizers import OPTIMIZERS
from tidu.data.csv_options import CsvOptions
from tidu.data.files import from_bytes
from tidu.data.source import source_of
from tidu.data.unpacked import is_larger_unpacked
from tidu.errors import DataError, SettingError, TiduError
from tidu.lab import networks, taking, views
from tidu.lab.changes import Telling, explanation
from tidu.lab.examples import EXAMPLES, Example, example_named
from tidu.lab.experiment import Experiment, Moment, Unwanted
from tidu.lab.frames import Reply
from tidu.lab.guiding import Guide, Present
from tidu.lab.problems import OF_THE_PAGE, Data, Remembered, problem_of
from tidu.lab.requests import LOOKING, request, request_read
from tidu.lab.words import page_words
from tidu.text import _, language, speak_here
from tidu.training.functions import NO_COLUMN, reads_no_column
from tidu.training.origin import Origin
from tidu.training.problem import Problem

MOST_BYTES = 256 * 1024 * 1024  # of a file, and of what it holds when it is unpacked
LONGEST_TEXT = 4_000_000  # characters of a table that is pasted
MOST_CELLS = 200_000  # of a table that the page sends point by point
MOST_OTHERS = 5  # earlier experiments that are kept to be drawn beside the present one
GOING = 0.05  # seconds that one request may go on training


@dataclass(frozen=True)
class Opened:
    """What the command line named: a file, how it is read, a formula, and options as texts."""

    path: str = ""
    formula: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)
    csv: CsvOptions | None = None
    lesson: str = ""
    step: int = 0  # to which it goes at once
    test_size: float | None = None  # the share of the rows that the run which it names kept back, for the end
    validation: float | None = None  # and to judge its epochs by
    function: bool = False  # whether the formula is a function to be minimised, without data


@dataclass(frozen=True)
class Earlier:
    """An experiment that was left for another one, and is drawn beside it."""

    formula: str
    given: Mapping[str, Any]
    experiment: Experiment

    def against(self, formula: str, given: Mapping[str, Any]) -> str:
        """Its name: the formula and the settings in which it differs from others; all, where it differs in none."""
        own, other = _chosen(self.given), _chosen(given)
        differs = [self.formula] if self.formula != formula else []
        differs += [_told(n, own.get(n)) for n in {**own, **other} if own.get(n) != other.get(n)]
        return ", ".join(differs or [self.formula, *(_told(n, v) for n, v in own.items())])


def _chosen(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are not as they would be without a word."""
    return {n: v for n, v in given.items() if v not in (None, "") and v != OF_THE_PAGE[n].default}


def _told(name: str, value: Any) -> str:
    """An option in a name of a run; a `value` of None is its default."""
    if value is None:
        value = OF_THE_PAGE[name].default
    if isinstance(value, bool):
        return name if value else _("without {name}").format(name=name)
    return f"{name} = {_('default') if value is None else value}"


class Session:
    """One tab: its data, formula and settings, the experiment with them, and where it stands."""

    def __init__(self, opened: Opened | None = None) -> None:
        self.opened = opened or Opened()
        self.data: Data | None = None
        self.formula = ""
        self.given: dict[str, str] = {}
        self.experiment: Experiment | None = None
        self.here: Moment | None = None
        self.others: list[Earlier] = []
        self.guide = Guide()
        self.telling = Telling()
        self.shown: tuple[Example | None, Data | None] = (
            None,
            None,
        )  # the scene of a walk that was opened last, with its data
        self.language: str | None = None
        self.pressed = False  # whether something newer is asked for than what is being answered

    def end(self) -> None:
        """Nobody waits any more for what is being answered: end it soon."""
        if self.experiment is not None:
            self.experiment.ended = True

    def check_unpressed(self) -> None:
        """Raise `Unwanted` where the tab has asked for something newer, or has closed."""
        if self.experiment is not None:
            self.experiment.check_wanted()
        if self.pressed:
            raise Unwanted(_("nobody waits for this any more"))

    def close(self) -> None:
        """Let go of everything that runs."""
        for experiment in [self.experiment, *(e.experiment for e in self.others)]:
            if experiment is not None:
                experiment.close()
        self.experiment, self.others = None, []
        self.guide.close()

    def answer(self, asked: dict[str, Any]) -> Reply:
        """What a request is answered; an error of the user's becomes the reply's `error`."""
        speak_here(self.language)
        number = asked.pop("id", None)
        try:
            kind, fields = request_read(asked)
            reply = kind.answer(self, fields)
        except TiduError as error:
            reply = Reply({"error": str(error), "kind": type(error).__name__})
        except MemoryError:
            reply = Reply({"error": _("there is not enough memory for this; use fewer rows or columns")})
        return reply.with_plain(id=number if isinstance(number, int) else None)

    @property
    def going(self) -> tuple[Experiment, Moment]:
        """The experiment and where it stands."""
        if self.experiment is None or self.here is None:
            raise SettingError(_("choose data and a formula first"))
        return self.experiment, self.here

    def row_of(self, asked: Mapping[str, Any]) -> int | None:
        """The row that the page looks at, where it feeds the update that begins here."""
        experiment, here = self.going
        row = asked.get("row")
        return row if row is not None and row in experiment.batch_at(here.step) else None

    def explained(self, asked: Mapping[str, Any]) -> Reply:
        """The update that begins where the experiment stands, number by number, or what is new since the one before."""
        told = explanation(*self.going, self.row_of(asked))
        return Reply({"explanation": self.telling.told(told, asked.get("known", 0))})

    def layers(self, asked: Mapping[str, Any]) -> Reply:
        """The layers of a network, with the values of the row that is looked at, or of the first of the batch."""
        experiment, here = self.going
        return networks.network(experiment, here, asked.get("row", int(experiment.batch_at(here.step)[0])))

    # -- what there is -----------------------------------------------------------------------------
    @request(lang=str, optional="lang")
    def hello(self, asked: dict[str, Any]) -> Reply:
        """The words of the page in its language, and what it may offer."""
        self.language = asked.get("lang") or self.language
        speak_here(self.language)
        options = {
            name: {"words": entry.help_of("lab"), "flag": isinstance(entry.kind, Flag), "group": _(entry.group),
                   "default": entry.kind.written(entry.default) if entry.default else ""}
            for name, entry in OF_THE_PAGE.items()
        }  # fmt: skip
        return Reply({
            "language": language(), "words": page_words(), "losses": list(LOSSES), "optimizers": list(OPTIMIZERS),
            "options": options, "examples": [e.to_dict() for e in EXAMPLES],
            "opened": {"data": bool(self.opened.path) or self.opened.function, "name": Path(self.opened.path).name,
                       "formula": self.opened.formula, "settings": dict(self.opened.given),
                       "lesson": self.opened.lesson, "step": self.opened.step},
            "walks": self.guide.walks(),
        })  # fmt: skip

    # -- data --------------------------------------------------------------------------------------
    @request()
    def opened_data(self, _asked: dict[str, Any]) -> Reply:
        """The data that the command line named."""
        o = self.opened
        path = o.path
        if o.function:
            return self._with(Data.of(_("a function"), {}, True))
        if not path:
            raise SettingError(_("choose data and a formula first"))
        origin = Origin(path, o.csv, False, o.test_size, o.validation)
        return self._with(Data(Path(path).name, source_of(path, o.csv), origin))

    @request(name=str)
    def example(self, asked: dict[str, Any]) -> Reply:
        """Data that come with the lab, with a formula and settings that go with them."""
        chosen = example_named(asked["name"])
        return self._with(chosen.data()).with_plain(formula=chosen.formula, settings=dict(chosen.settings))

    @request(name=str, text=str)
    def text(self, asked: dict[str, Any]) -> Reply:
        """A table as text, as a person pastes it."""
        if len(asked["text"]) > LONGEST_TEXT:
            raise SettingError(
                _("the text has {length} characters; the limit is {limit}: open it as a file").format(
                    length=len(asked["text"]), limit=LONGEST_TEXT
                )
            )
        return self.content(asked["name"], asked["text"].encode())

    def content(self, name: str, content: bytes) -> Reply:
        """A file's bytes, as the page uploads them."""
        if is_larger_unpacked(content, MOST_BYTES):
            raise DataError(
                _("the file would be larger than {limit} MB when unpacked; give it to 'tidu fit'").format(
                    limit=MOST_BYTES >> 20
                )
            )
        return self._with(Data(name, from_bytes(content, name, CsvOptions())))

    @request(columns=dict, function=bool, optional="function")
    def columns(self, asked: dict[str, Any]) -> Reply:
        """A small table, column by column, of points that were set or dragged; or what a function is given."""
        table: dict[str, list[float]] = {}
        for name, cells in asked["columns"].items():
            if not isinstance(cells, list) or not all(isinstance(v, (int, float)) for v in cells):
                raise SettingError(_("the request {name} has no proper {field}").format(name="columns", field=name))
            table[name] = cells
        if sum(map(len, table.values())) > MOST_CELLS:
            raise SettingError(_("the points have too many numbers; open them as a file"))
        if len(set(map(len, table.values()))) > 1:
            raise SettingError(_("the columns of the points differ in length"))
        function = asked.get("function", False)
        return self._with(Data.of(_("a function") if function else _("points"), table, function))

    def _with(self, data: Data) -> Reply:
        names, kinds = data.source.names, data.source.kinds()
        self.data = replace(data, source=Remembered(data.source))
        known = [n for n in names if n != NO_COLUMN]
        return Reply({"name": data.name, "columns": known, "kinds": dict(kinds), "function": data.function})

    # -- walks -------------------------------------------------------------------------------------
    @request(walk=str, stop=int)
    def stop(self, asked: dict[str, Any]) -> Reply:
        """The words of a stop of a walk, and its question."""
        return Reply(self.guide.stop(asked["walk"], asked["stop"]))

    @request(walk=str, stop=int)
    def scene(self, asked: dict[str, Any]) -> Reply:
        """What a stop looks at: its data, unless they are here already, with what the page is to set and to show."""
        stop = self.guide.stop_at(asked["walk"], asked["stop"])
        scene, (shown, data) = stop.scene, self.shown
        there = shown == scene and self.data is data and (self.formula, self.given) == (scene.formula, scene.settings)
        reply = Reply({"there": True}) if there and self.experiment is not None else self._with(scene.data())
        self.shown = (scene, self.data)
        return reply.with_plain(
            formula=scene.formula,
            settings=dict(scene.settings),
            step=stop.step,
            part=stop.part,
            look=stop.look,
            point=stop.point,
            row=stop.row,
        )

    @request(walk=str, stop=int, given=str)
    def judge(self, asked: dict[str, Any]) -> Reply:
        """Whether an answer to the question of a stop is right; of a task, whether it has been done."""
        scene, data = self.shown
        present = None
        if self.experiment is not None and self.here is not None and scene is not None and self.data is data:
            present = Present(scene, self.formula, self.experiment, self.here.step)
        return Reply(self.guide.judged(asked["walk"], asked["stop"], asked["given"], present))

    # -- an experiment -----------------------------------------------------------------------------
    @request(formula=str, settings=dict, keep=bool, optional="settings keep")
    def train(self, asked: dict[str, Any]) -> Reply:
        """A new experiment: the data with a formula and settings, at its start; `keep` draws the present one beside."""
        problem = self._problem(asked["formula"], asked.get("settings", {}))
        old, self.experiment = self.experiment, Experiment(problem)
        if old is not None:
            if asked.get("keep"):
                self.others = [*self.others, Earlier(self.formula, self.given, old)]
                for dropped in self.others[:-MOST_OTHERS]:
                    dropped.experiment.close()
                self.others = self.others[-MOST_OTHERS:]
            else:
                old.close()
        self.formula, self.given = asked["formula"], dict(asked.get("settings", {}))
        self.here = self.experiment.toward(0)
        made = views.mathematics(self.experiment) | views.points(self.experiment)
        return (made | views.standing(self.experiment, self.here)).with_plain(
            notes=list(problem.notes),
            others=self._names(),
            takes=self._takes(),
            rate=problem.settings.lr if isinstance(problem.settings.lr, float) else None,
        )

    @request(formula=str, settings=dict, optional="settings")
    def check(self, asked: dict[str, Any]) -> Reply:
        """Whether a formula and settings can be trained, and what they compute; nothing changes."""
        problem = self._problem(asked["formula"], asked.get("settings", {}))
        return views.formula_of(problem)

    def _problem(self, formula: str, settings: Mapping[str, Any]) -> Problem:
        if self.data is None:
            raise SettingError(_("choose data first"))
        return problem_of(self.data, formula, settings)

    def _names(self) -> list[str]:
        """What each earlier experiment is called: by what it has that the present one has not."""
        return [other.against(self.formula, self.given) for other in self.others]

    @request(which=int, optional="which")
    def drop(self, asked: dict[str, Any]) -> Reply:
        """Draw an earlier experiment no longer; without `which`, none of them."""
        which, _here = asked.get("which"), self.going
        if which is not None and not 0 <= which < len(self.others):
            raise SettingError(_("there is no earlier run number {which}").format(which=which))
        for other in self.others if which is None else [self.others[which]]:
            other.experiment.close()
        self.others = [] if which is None else [o for k, o in enumerate(self.others) if k != which]
        return Reply({"others": self._names()})

    # -- going -------------------------------------------------------------------------------------
    @request(step=int, want=list, optional="want " + " ".join(LOOKING), **LOOKING)
    def go(self, asked: dict[str, Any]) -> Reply:
        """Toward a step, as far as a twentieth of a second reaches; with the views that the page wants.

        `took` says how many milliseconds each view cost, so that the page can ask for slow ones less often. A curvature
        that takes long is given up where something newer is asked for; then it is not among them.
        """
        experiment, _here = self.going
        self.here = experiment.toward(max(0, asked["step"]), GOING)
        reply, took = views.standing(experiment, self.here), {}
        for name in asked.get("want", []):
            if not isinstance(name, str) or name not in VIEWS:
                raise SettingError(_("the lab has no view {name!r}").format(name=name))
            began = time.perf_counter()
            try:
                reply |= VIEWS[name](self, asked)
            except Unwanted:  # the page asks again, once it is left in peace
                continue
            except TiduError as error:
                reply |= Reply({f"no_{name}": str(error)})
            took[name] = 1000.0 * (time.perf_counter() - began)
        return reply.with_plain(took=took)

    @request(names=list, box=list, optional="box")
    def contours(self, asked: dict[str, Any]) -> Reply:
        """The cost over two parameters."""
        experiment, here = self.going
        known = [n for n, v in here.parameters.items() if np.ndim(v) == 0]
        names = asked["names"]
        if len(names) != 2 or not all(n in known for n in names) or names[0] == names[1]:
            raise SettingError(_("contours need two of the parameters {names}").format(names=", ".join(known)))
        box = asked.get("box")
        if box is not None and (len(box) != 4 or not all(isinstance(v, (int, float)) for v in box)):
            raise SettingError(_("a box has four numbers"))
        if box is not None and not (box[0] < box[1] and box[2] < box[3]):
            raise SettingError(_("a box has four numbers"))
        return views.contours(experiment, here, (names[0], names[1]), None if box is None else tuple(map(float, box)))

    @request()
    def why(self, _asked: dict[str, Any]) -> Reply:
        """The doctor's diagnosis."""
        return views.diagnosis(*self.going)

    def _takes(self) -> list[str]:
        """What can be taken away: of a function what needs no data, or what needs its columns."""
        if self.data is None or not self.data.function:
            return [*taking.SCRIPTS, "report", "csv", "command", "store"]
        alone = reads_no_column(self.going[0].problem.program)
        return ["report", "command", "store"] if alone else [*taking.SCRIPTS, "report", "csv", "store"]

    @request(to=str)
    def take(self, asked: dict[str, Any]) -> Reply:
        """What is taken away: a script by the name of its library, `report`, `csv`, `command`, or `store`."""
        experiment, here = self.going
        to, data = asked["to"], self.data
        assert data is not None
        if to not in self._takes():
            names = ", ".join(self._takes())
            raise SettingError(_("there is no '{to}' to take away here; there is {names}").format(to=to, names=names))
        if to == "csv":
            assert experiment.problem.table is not None
            return Reply({"name": "data.csv", "text": taking.as_csv(experiment.problem.table)})
        if to == "report":
            return Reply({"name": "report.html", "text": taking.report(experiment, here)})
        if to == "command" and data.function:
            return Reply({"text": taking.command_of_function(experiment, here)})
        if to == "command":
            return Reply({"text": taking.command(data.origin, self.formula, self.given, here)})
        if to == "store":
            number = taking.kept(experiment, here, data.origin, self.given)
            return Reply({"text": _("run {id} of 'tidu runs'").format(id=number)})
        return Reply({"name": f"train_{to}.py", "text": taking.script(experiment, here, to)})

    def beside(self, after: list[Any]) -> Reply:
        """The earlier experiments, where the present one stands: losses and paths, of each behind a step."""
        _experiment, here = self.going
        reply = Reply({"others": self._names()})
        for k, other in enumerate(e.experiment for e in self.others):
            moment = other.toward(here.step, GOING)
            known = after[k] if k < len(after) and isinstance(after[k], int) else 0
            found = views.losses(other, moment, known)
            plain = {"recorded": found.plain["recorded"], "start": views.start_of(other)}
            reply |= Reply(
                {f"{name}_{k}": v for name, v in plain.items()}, {f"{name}_{k}": a for name, a in found.arrays.items()}
            )
        return reply


# The views that `go` gives, by their names.
VIEWS: dict[str, Callable[[Session, dict[str, Any]], Reply]] = {
    "losses": lambda s, asked: views.losses(*s.going, asked.get("after", 0)),
    "fit": lambda s, _asked: views.fitted(*s.going),
    "batch": lambda s, _asked: views.batch(*s.going),
    "profile": lambda s, _asked: views.profile(*s.going),
    "curvature": lambda s, _asked: views.curvature(*s.going, s.check_unpressed),
    "explanation": lambda s, asked: s.explained(asked),
    "graph": lambda s, asked: views.graph(*s.going, s.row_of(asked)),
    "network": lambda s, asked: s.layers(asked),
    "confusion": lambda s, _asked: networks.confusion(*s.going),
    "rows": lambda s, asked: views.rows_of(s.going[0], asked.get("first", 0)),
    "predictions": lambda s, asked: views.predictions_for(*s.going, asked.get("first", 0)),
    "others": lambda s, asked: s.beside(asked.get("others_after", [])),
}
