"""`sweep`: many settings of one training, each trained on the same data; those that can, in one pass."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.content.methods import AUTO
from tidu.content.schedules import rate
from tidu.content.starts import starting_value
from tidu.data.csv_options import CsvOptions
from tidu.data.disk_table import are_on_disk
from tidu.data.source import source_of
from tidu.data.streaming import is_too_large, streamed_source
from tidu.engines.scalar_loop import Batch, batch_of
from tidu.errors import SettingError
from tidu.language.printer import text
from tidu.text import _
from tidu.training.automatic import descent_of
from tidu.training.callbacks import Callback, Listeners
from tidu.training.descent import Descent, descend
from tidu.training.engine_choice import engine_for
from tidu.training.judging.evaluation import cost_of
from tidu.training.options import SETTING_NAMES, check_names, options_of
from tidu.training.orders import BLOCKS
from tidu.training.problem import Problem
from tidu.training.settings import Settings
from tidu.training.signatures import with_options
from tidu.training.sweeping.abreast import Ends, RunsAbreast, abreast
from tidu.training.sweeping.axes import INIT, SETTINGS, Axis, axes_of
from tidu.training.sweeping.networks import NetworkEnd, trained_at_once
from tidu.training.sweeping.swept import Array, Numbers, Sweep
from tidu.training.training import Execution, work_of
from tidu.training.work import Work

CURVE_POINTS = 200  # epochs of which a run's loss is kept
CURVE_NUMBERS = 20_000_000  # of all runs
MOST_NOTED = 20  # runs of which the rate that lr="auto" chose is noted
EPOCHS = ("epochs", "steps", "batch_size")  # what decides how many epochs a run has
TOGETHER_FROM = 2  # runs; fewer have nothing to share
TOGETHER_FROM_SUMMED = 4  # ... where one run alone computes eight samples at a time


@with_options("sweep")
def sweep(
    formula: str,
    data: object,
    over: Mapping[str, object],
    *,
    test_size: float | None = None,
    drop_missing: bool = False,
    stream: bool | None = None,
    csv: CsvOptions | None = None,
    engine: str = "auto",
    threads: int | None = None,
    callbacks: Callback | Sequence[Callback] = (),
    **options: Any,
) -> Sweep:
    """Train with every combination of some settings; each run has the bits of `tidu.fit` with these settings.

    Parameters
    ----------
    formula, data, csv : as in `tidu.fit`.
    over : what to vary, with its values. A name is an option that can vary, such as `lr`, `seed`, `batch_size` or
        `optimizer`, or a parameter of the formula, whose starting value is meant (`"init.lr"` where it is called as
        an option is). Values are a sequence, or text: `"0.01,0.1"`, `"low:high:step"`, `"log(1e-4, 1, 30)"`,
        `"linear(0, 1, 11)"`.
    callbacks : functions that are told of `Advanced` events: steps of all runs, and the lowest loss.
    {options}

    Returns
    -------
    Sweep

    Notes
    -----
    Runs that differ in constant learning rates, starting values and (where nothing is shuffled) seeds go through one
    compiled loop side by side; others run group after group. Networks run one on each thread. Data that are read block
    by block are trained on by one run after another.

    Examples
    --------
    >>> import tidu
    >>> result = tidu.sweep("y = w*x", {"x": [1.0, 2, 3], "y": [2.0, 4, 6]}, {"lr": [0.001, 0.1, 1]}, epochs=50)
    >>> result.best["lr"], result.stopped
    (0.1, ('epochs', 'epochs', 'diverged'))
    """
    plan = Plan(formula, data, over, options, test_size, drop_missing, csv, stream)
    return all_trained(plan, Execution(engine, threads), Listeners(callbacks))


def all_trained(plan: Plan, execution: Execution, listeners: Listeners) -> Sweep:
    """Train every run of a plan; what `sweep` does once it is read."""
    began = time.perf_counter()
    execution.check(plan.base)
    groups = [] if plan.problem.program.of_arrays else plan.groups()
    results = _Results(plan, groups, listeners)
    with suppress(KeyboardInterrupt):  # what is done is kept
        if plan.problem.program.of_arrays:
            results.train_networks(execution)
        for group in groups:
            if not results.interrupted:
                results.train(group, execution)
    return results.sweep(time.perf_counter() - began)


def _together(work: Work, runs: int) -> bool:
    """Whether so many runs are done sooner side by side than one after another."""
    return work.shape.dtype == "float64" and runs >= (TOGETHER_FROM_SUMMED if work.shape.summed else TOGETHER_FROM)


@dataclass(frozen=True)
class _Group:
    """Runs of one problem, which differ in constant rates and in where they start."""

    problem: Problem  # that of its first run
    members: Numbers  # which runs
    rates: Array  # (members,); of no meaning where the rate is a formula
    starts: Array  # (parameters, members)


class Plan:
    """What there is to train: the data, the axes, and the settings of every run; all of it checked."""

    def __init__(
        self,
        formula: str,
        data: object,
        over: Mapping[str, object],
        options: Mapping[str, Any],
        test_size: float | None,
        drop_missing: bool,
        csv: CsvOptions | None,
        stream: bool | None = None,
    ) -> None:
        check_names("sweep", options, options_of("sweep").keys() & SETTING_NAMES)
        given = {**options, "init": dict(options.get("init") or {})}
        for name in over:
            if name in given or name.removeprefix(INIT) in given["init"]:
                raise SettingError(_("'{name}' is both varied and fixed; choose one").format(name=name))
        self.test_size = test_size
        streamed = is_too_large(data) if stream is None else stream
        source = streamed_source(data, csv, drop_missing) if streamed else source_of(data, csv)
        if streamed and given.get("shuffle", True) is True:
            given["shuffle"] = BLOCKS
        starts = {n.removeprefix(INIT): 0.0 for n in over if n not in SETTINGS}
        self.base = Settings(formula, **{**given, "init": given["init"] | starts})
        self.axes = axes_of(over, [p.name for p in self.base.model(source.names).parameters])
        if streamed:
            self.axes = [_in_blocks(axis) if self._is(axis, "shuffle") else axis for axis in self.axes]
        if self.base.uses_solver or self.base.optimizer == AUTO:
            raise SettingError(_("a sweep compares descents that have a learning rate; leave out solvers and auto"))
        self.problem = Problem.of_source(self.base, source, drop_missing)
        self.parameters = self.problem.program.parameter_names
        shape = [len(a.values) for a in self.axes]
        self.places = np.indices(shape).reshape(len(shape), -1)  # (axes, runs)
        self.rates = {a.name: [_rate(v) for v in a.values] for a in self.axes if a.name == "lr" and not a.is_start}

    def groups(self) -> list[_Group]:
        """All runs, in groups."""
        apart = [
            [0 if isinstance(v, float) else k for k, v in enumerate(self.rates["lr"], 1)]
            if self._is(axis, "lr")
            else [0] * len(axis.values)
            if axis.is_start or axis.name == "seed"
            else list(range(len(axis.values)))
            for axis in self.axes
        ]
        found: list[_Group] = []
        for members in self._split(np.arange(self.places.shape[1]), apart):
            seeds = [list(range(len(a.values))) if self._is(a, "seed") else [0] * len(a.values) for a in self.axes]
            settings = self.settings_of(members[0])
            mini = batch_of(self.problem.rows, settings.batch_size) in (Batch.ONE, Batch.SOME)
            by_seed = self.test_size is not None or (settings.shuffle and mini)
            found += map(self._group, self._split(members, seeds) if by_seed else [members])
        return found

    @staticmethod
    def _is(axis: Axis, name: str) -> bool:
        return axis.name == name and not axis.is_start

    def _split(self, members: Numbers, kinds: list[list[int]]) -> Iterator[Numbers]:
        """The members, divided by the kinds of their values on each axis."""
        key = np.zeros(len(members), dtype=np.int64)
        for places, kind in zip(self.places, kinds, strict=True):
            key = key * (max(kind) + 1) + np.array(kind)[places[members]]
        order = np.argsort(key, kind="stable")
        yield from np.split(members[order], np.flatnonzero(np.diff(key[order])) + 1)

    def values_of(self, run: int) -> dict[str, Any]:
        """The value on each axis, by its label."""
        places = self.places[:, run].tolist()
        return {a.label: a.values[k] for a, k in zip(self.axes, places, strict=True)}

    def settings_of(self, run: int) -> Settings:
        """All settings of one run."""
        chosen, init = self.chosen(run)
        return replace(self.base, **chosen, init=init)

    def chosen(self, run: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """The settings of one run that vary, and its starting values."""
        chosen: dict[str, Any] = {}
        init = dict(self.base.init)
        for axis, k in zip(self.axes, self.places[:, run].tolist(), strict=True):
            (init if axis.is_start else chosen)[axis.name] = axis.values[k]
        return chosen, init

    def problem_of(self, run: int) -> Problem:
        """The problem of one run, by itself."""
        chosen, init = self.chosen(run)
        return self.problem.changed(**chosen, init=init).split(self.test_size)

    def _group(self, members: Numbers) -> _Group:
        chosen, init = self.chosen(members[0])
        problem = self.problem.changed(**chosen, init=init).split(self.test_size)
        rate_of = problem.program.rate
        rates = np.full(len(members), rate_of.value if rate_of.is_constant else math.nan)
        for axis, places in zip(self.axes, self.places, strict=True):
            if self._is(axis, "lr") and rate_of.is_constant:
                rates = np.array(self.rates["lr"], dtype=object)[places[members]].astype(np.float64)
        return _Group(problem, members, rates, self._starts(problem, members))

    def _starts(self, problem: Problem, members: Numbers) -> Array:
        """The starting values of each member, of shape (parameters, members)."""
        varied = {a.name: (a, places) for a, places in zip(self.axes, self.places, strict=True) if a.is_start}
        drawn = [*self.base.init.values(), *(v for a, _places in varied.values() for v in a.values)]
        if any(isinstance(v, str) for v in drawn):  # draws depend on the seed and on each other
            every = [problem.first_values(self.settings_of(run)) for run in members]
            return np.array(every, dtype=np.float64).T
        starts = np.tile(np.array(problem.start)[:, np.newaxis], len(members))
        for row, parameter in zip(starts, problem.program.parameters, strict=True):
            if parameter.name in varied:
                axis, places = varied[parameter.name]
                generator = np.random.default_rng(0)  # of which a number draws nothing
                checked = [starting_value(parameter.name, v, generator) for v in axis.values]
                row[:] = np.array(checked)[places[members]]
        return starts


def _in_blocks(axis: Axis) -> Axis:
    """The orders of samples on an axis, of data that are read block by block."""
    return replace(axis, values=tuple(BLOCKS if value is True else value for value in axis.values))


def _epochs_of(problem: Problem) -> int:
    """How many epochs the steps of a problem are at most."""
    size = problem.settings.batch_size or problem.rows
    return problem.limits.steps // -(-problem.rows // size)


def _rate(value: object) -> float | str:
    """A learning rate: a number, or the text of a formula."""
    if isinstance(value, float) and 0.0 < value < math.inf:  # the usual case, and there may be many
        return value
    expression = rate(value)  # type: ignore[arg-type]  # whatever it is, `rate` says what is wrong with it
    return float(expression.value) if expression.is_constant else text(expression)


class _Results:
    """What the runs gave so far, each run in its place."""

    def __init__(self, plan: Plan, groups: list[_Group], listeners: Listeners) -> None:
        self.plan, self.listeners = plan, listeners
        runs, count = plan.places.shape[1], len(plan.parameters)
        # Of a network, each entry is an array, or a number.
        of_arrays = plan.problem.program.of_arrays
        self.params: npt.NDArray[Any] = np.full((count, runs), math.nan, dtype=object if of_arrays else np.float64)
        self.loss: Array = np.full(runs, math.nan)
        self.test_loss: Array | None = None if plan.test_size is None else np.full(runs, math.nan)
        self.stopped = ["interrupted"] * runs
        self.epochs: Numbers = np.zeros(runs, dtype=np.int64)
        self.steps: Numbers = np.zeros(runs, dtype=np.int64)
        self.interrupted = False
        self.engines: dict[str, str] = {}
        self.notes: dict[str, None] = dict.fromkeys(note for group in groups for note in group.problem.notes)
        longest = max(map(_epochs_of, self._longest(groups)))
        points = max(2, min(CURVE_POINTS, CURVE_NUMBERS // runs))
        self.curve_epochs: Numbers = np.unique(np.linspace(0, max(longest - 1, 0), points).round().astype(np.int64))
        self.curves: Array = np.full((runs, len(self.curve_epochs)), math.nan)
        self.total, self.done = sum(g.problem.limits.steps * len(g.members) for g in groups) or runs, 0

    def _longest(self, groups: list[_Group]) -> list[Problem]:
        """Problems of which one has as many epochs as any run."""
        if groups:
            return [g.problem for g in groups]
        plan = self.plan
        chosen = [plan.chosen(run)[0] for run in range(plan.places.shape[1])]
        lengths = {tuple((name, c[name]) for name in EPOCHS if name in c) for c in chosen}
        return [plan.problem.changed(**dict(each)) for each in lengths]

    def train_networks(self, execution: Execution) -> None:
        """Train every run alone, several at once; progress is told in runs."""
        ends = trained_at_once(self.plan.places.shape[1], self.plan.problem_of, execution)
        with closing(ends):
            try:
                for run, end in ends:
                    self._take_network(run, end)
            except KeyboardInterrupt:
                self.interrupted = True

    def _take_network(self, run: int, end: NetworkEnd) -> None:
        descent, state = end.descent, end.state
        for row, value in zip(self.params, state.parameters, strict=True):
            row[run] = value
        losses = descent.history.loss
        self.loss[run] = float(losses[-1]) if len(losses) else math.nan
        self.stopped[run], self.epochs[run], self.steps[run] = descent.stopped, state.epoch, state.step
        if len(losses):
            epochs = descent.history.epoch
            last = np.searchsorted(epochs, self.curve_epochs, side="right") - 1
            shown = (self.curve_epochs < state.epoch) & (last >= 0)
            self.curves[run, shown] = losses[last[shown]]
        if self.test_loss is not None and end.test_loss is not None:
            self.test_loss[run] = end.test_loss
        self.engines[descent.engine.name] = descent.engine.reason
        if self.plan.settings_of(run).lr == AUTO:
            self._say(run, end.notes)
        self.done += 1
        self._said(0, float(self.loss[run]))

    def train(self, group: _Group, execution: Execution) -> None:
        """Train the runs of a group, side by side or one after another."""
        work = work_of(group.problem, execution, side_by_side=True)
        chosen = engine_for(execution.engine, replace(work, steps=work.steps * len(group.members)))
        self.engines[chosen.name] = chosen.reason
        steps = group.problem.limits.steps
        automatic = group.problem.settings.lr == AUTO  # each run has a rate of its own, and perhaps several tries
        apart = automatic or chosen.name != "compiled" or are_on_disk(group.problem.columns)
        if not apart and _together(work, len(group.members)):
            runs = RunsAbreast(work, group.problem.limits, execution.slice)
            self._take(group.members, abreast(runs, group.rates, group.starts, self.curve_epochs, self._said))
        else:
            self._one_by_one(group, replace(execution, engine=chosen.name))
        self.done += steps * len(group.members)
        self._test(group)

    def _said(self, steps: int, loss: float) -> None:
        if self.listeners.callbacks:
            self.listeners.progress(self.done + steps, self.total, float(np.fmin(loss, np.fmin.reduce(self.loss))))

    def _take(self, members: Numbers, ends: Ends) -> None:
        self.params[:, members] = ends.parameters
        self.loss[members], self.epochs[members], self.steps[members] = ends.loss, ends.epochs, ends.steps
        self.curves[members] = ends.curves
        for run, why in zip(members.tolist(), ends.stopped, strict=True):
            self.stopped[run] = why
        self.interrupted |= "interrupted" in ends.stopped

    def _one_by_one(self, group: _Group, execution: Execution) -> None:
        constant = group.problem.program.rate.is_constant
        for k, run in enumerate(group.members.tolist()):
            problem = group.problem.starting_from(group.starts[:, k].tolist())
            if problem.settings.lr == AUTO:
                _used, descent, words = descent_of(problem, execution, Listeners())
                self._say(run, words)
            else:
                if constant:
                    problem = problem.changed(lr=float(group.rates[k]))
                descent = descend(problem, execution)
            self._take(np.array([run]), self._ends(descent))
            if self.interrupted:
                return
            self._said((k + 1) * problem.limits.steps, float(self.loss[run]))

    def _say(self, run: int, words: list[str]) -> None:
        """Note what was decided for one run, of the first runs."""
        which = ", ".join(f"{name}={value}" for name, value in self.plan.values_of(run).items())
        if run < MOST_NOTED:
            self.notes.update(dict.fromkeys(f"{which}: {sentence}" for sentence in words))

    def _ends(self, descent: Descent) -> Ends:
        losses, state = descent.history.loss, descent.state
        shown = self.curve_epochs < state.epoch
        curve = np.full((1, len(self.curve_epochs)), math.nan)
        curve[0, shown] = losses[self.curve_epochs[shown]]
        last = float(losses[-1]) if len(losses) else math.nan
        parameters = np.array(state.parameters)[:, np.newaxis]
        epochs, steps = np.array([state.epoch]), np.array([state.step])
        return Ends(parameters, np.array([last]), [descent.stopped], epochs, steps, curve)

    def _test(self, group: _Group) -> None:
        """The mean loss over the rows that were kept back, without penalty."""
        if self.test_loss is None or group.problem.test is None:
            return
        plain = group.problem.changed(l1=0.0, l2=0.0, penalise=None)
        cost = cost_of(plain.program, replace(plain, table=plain.test).columns, len(group.members))
        for run in group.members.tolist():
            if self.steps[run]:
                self.test_loss[run] = cost(self.params[:, run].tolist())

    def sweep(self, seconds: float) -> Sweep:
        """All of it as one value."""
        names = {a.label for a in self.plan.axes}
        if names & {"loss"} and len(self.loss) > 1:
            self.notes[_("the runs have different losses, whose values do not compare; test them with predictions")] = (
                None
            )
        return Sweep(
            self.plan.base,
            self.plan.problem.names,
            {a.label: a.values for a in self.plan.axes},
            dict(zip(self.plan.parameters, self.params, strict=True)),
            self.loss,
            self.test_loss,
            tuple(self.stopped),
            self.epochs,
            self.steps,
            self.curve_epochs,
            self.curves,
            self.plan.problem.rows,
            seconds,
            ", ".join(self.engines),
            tuple(self.notes),
        )
