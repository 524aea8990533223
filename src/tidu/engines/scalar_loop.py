"""The loop source: a program written out as the plain Python training loop that a person would write by hand.

The text that `train_source` gives is what `run.source` shows, what is saved as a module, and what runs. One turn of
its `while` is one update; it can start and stop at any step, also in the middle of an epoch, so that a run can be
cut into slices for progress and saved between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Any, Self

import numpy as np

from tidu.content.schedules import EPOCH, REDUCTION, STEP, is_reduced
from tidu.engines.dialects import Dialect, EightRuns, SinglePrecision, in_tuple, wrapped
from tidu.engines.program import Program, kept_with_program
from tidu.engines.statements import (
    Accumulate,
    Assignment,
    Mean,
    Reassignment,
    Record,
    Return,
    Rounded,
    StopUnlessFinite,
    Summed,
    Update,
    assignments,
    per_step,
)
from tidu.engines.writer import LoopText, Writer, labels_of
from tidu.language.expr import Expr, evaluation_order
from tidu.language.printer import text, unicode

SUMMED_FROM = 32  # samples a step; from here on they are worth computing eight at a time


class Batch(Enum):
    """How many samples a step takes; each has a loop of its own shape."""

    NONE = "no data"  # a plain function is minimised
    ALL = "full batch"
    ONE = "one sample"
    SOME = "mini-batch"


class Stopped(IntEnum):
    """Why `train` returned."""

    GOING = 0
    DIVERGED = 1
    LOSS = 2
    CONVERGED = 3


@dataclass(frozen=True)
class LoopShape:
    """What the loop around the program looks like."""

    batch: Batch
    shuffled: bool = False
    record: str = "epoch"  # or "step": a row of the history for each
    stops_on_change: bool = False  # whether it ends once no parameter moves by more than `tol` in an epoch
    summed: bool = False  # whether samples are a function, which `summed` calls, or written into the loop
    dtype: str = "float64"  # or "float32": what a sample is computed in; sums and updates are in float64
    side_by_side: bool = False  # whether it is for several runs at once: it records no more than losses
    namespace: str = "numpy"  # or "torch", "jax": whose arrays a loop on arrays reads


def batch_of(rows: int, batch_size: int | None) -> Batch:
    """How many samples a step takes of so many rows; a `batch_size` of None is the whole set."""
    if rows == 0:
        return Batch.NONE
    if batch_size is None or batch_size >= rows:
        return Batch.ALL
    return Batch.ONE if batch_size == 1 else Batch.SOME


def shape_of(rows: int, batch_size: int | None, on_arrays: bool = False) -> LoopShape:
    """The loop for this batch size over so many rows; `on_arrays` for a model with vectors, or whole batches."""
    batch = batch_of(rows, batch_size)
    if on_arrays:
        return LoopShape(Batch.SOME if batch is Batch.ONE else batch)
    per_step = {Batch.ONE: 1, Batch.SOME: batch_size or 1}.get(batch, rows)
    return LoopShape(batch, summed=per_step >= SUMMED_FROM)


def arguments_of(program: Program, shape: LoopShape) -> list[str]:
    """What `train` takes, in order; a loop takes only what it uses.

    An epoch is `rows` samples. Sample k of it is number `first_row + k` of what is given: of the columns, or of the
    order in which they are drawn. So columns that hold a part of an epoch, from its sample B on, have `first_row` -B.
    """
    wanted = {
        "columns": bool(program.columns),
        "first_row": bool(program.columns),
        "rows": bool(program.columns),
        "orders": shape.shuffled,
        "batch_size": shape.batch is Batch.SOME,
        "settings": program.rate.is_constant or is_reduced(program.rate),
        "seed": bool(program.masks),
        "parameters": True,
        "state": bool(program.new_state) or shape.stops_on_change,
        "position": True,
        "last_step": True,
        "until_loss": True,
        "tol": shape.stops_on_change,
        "history": True,
        "checked": shape.namespace == "torch",
    }
    return [name for name, used in wanted.items() if used]


def state_at_start(program: Program, shape: LoopShape, parameters: Sequence[Any]) -> tuple[Any, ...]:
    """What `train` carries besides the parameters: the optimizer's state, and what convergence is measured from."""
    starts = (np.full(s.shape, start) if s.shape else start for s, _new, start in program.new_state)
    return (*starts, *(parameters if shape.stops_on_change else ()))


def recorded_parameters(program: Program) -> tuple[str, ...]:
    """The parameters whose values and gradients stand in the history: all, unless they are vectors and matrices."""
    return () if program.of_arrays else program.parameter_names


def history_columns(program: Program) -> list[str]:
    """What one row of the history holds, in order."""
    names = recorded_parameters(program)
    return ["loss", "gradient_norm", "lr", *names, *(f"∂{n}" for n in names)]


@kept_with_program
def train_source(program: Program, shape: LoopShape) -> str:
    """The training loop of `program` as the text of a module with one function, `train`."""
    return loop_of(program, shape).text


def loop_of(program: Program, shape: LoopShape) -> LoopText:
    """The training loop of `program`: its statements, and the dialect that writes them."""
    w = Writer(program).with_users_names()
    model = "" if program.target is None else f"{text(program.target)} = {text(program.score)}; "
    title = f"{model}loss {_shown_loss(program)}; {program.optimizer.name}, {shape.batch.value}"
    return TrainWriter.of(w, shape, _dialect(w, shape)).written(f"Training loop, written by tidu. {title}.")


def _dialect(w: Writer, shape: LoopShape) -> Dialect:
    """How the loop on numbers is written."""
    if shape.side_by_side:
        return EightRuns()
    if shape.dtype != "float32":
        return Dialect()
    p = w.program
    constants = [n for n in evaluation_order([p.loss, *p.gradient]) if n.is_constant]
    narrowed = {node: f"float32({node.value!r})" for node in constants}
    if not shape.summed:
        narrowed |= {q: f"float32({name})" for q, name in zip(p.parameters, w.parameters, strict=True)}
    return SinglePrecision(w.columns, narrowed)


_OWN_NAMES = (
    "columns", "first_row", "rows", "orders", "batch_size", "settings", "parameters", "state", "position",
    "last_step", "until_loss", "tol", "history",
    "row", "stopped", "epoch", "step", "start", "stop", "epoch_loss", "first_epoch", "order", "i", "k",
    "loss_sum", "batch_loss", "gradient_norm", "lr", "GOING", "DIVERGED", "LOSS", "CONVERGED", "count", "t",
    "checked", "memory", "seed", "reduction",
)  # fmt: skip


def _shown_loss(program: Program) -> str:
    if program.target is None:
        return unicode(program.loss)
    return unicode(program.loss, {program.score: "ŷ", program.target: "y"})


class TrainWriter:
    """Writes the function `train`, part by part in the order of the text."""

    def __init__(self, w: Writer, shape: LoopShape, dialect: Dialect, own: dict[str, str]) -> None:
        self.w, self.shape, self.dialect, self.own, self.program = w, shape, dialect, own, w.program
        self.labels = labels_of(self.program)
        self.grads = [w.names.name(g, f"grad_{g.name}") for g in self.program.mean_gradient]
        self.states = [w.names.name(s, s.name) for s, _new, _start in self.program.new_state]
        # Where each parameter was when the epoch began is state too: a slice may end in mid-epoch.
        self.before = [w.own(f"{p}_before") for p in w.parameters] if shape.stops_on_change else []
        w.names.of[STEP], w.names.of[EPOCH], w.names.of[REDUCTION] = own["step"], own["epoch"], own["reduction"]
        w.names.of[self.program.lr] = own["lr"]

    @classmethod
    def of(cls, w: Writer, shape: LoopShape, dialect: Dialect) -> Self:
        """With names of its own that evade the user's."""
        return cls(w, shape, dialect, {name: w.own(name) for name in _OWN_NAMES})

    def written(self, title: str) -> LoopText:
        """The whole module."""
        self.write()
        return LoopText(title, self.w.statements, self.dialect)

    def write(self) -> None:
        """Write the module, in the order of its text."""
        scope = dict(self.w.names.of)
        self.hoisted = self.per_step()
        self.head()
        if self.shape.summed:
            self.sample_function()
        self.train(scope)

    def train(self, scope: dict[Expr, str]) -> None:
        """The function itself; `scope` is what nodes were called before those that no sample changes."""
        with self.w.nested(*self.signature()):
            self.setup()
            with self.w.nested(f"while {self.own['step']} < {self.own['last_step']}:"):
                self.batch(scope)
                self.step()
                self.end_of_step()
            self.finish()

    def per_step(self) -> list[Assignment]:
        """What is the same for every sample of a batch."""
        if self.shape.batch not in (Batch.ALL, Batch.SOME):
            return []
        outputs = [self.program.loss, *self.program.gradient]
        return assignments(per_step(outputs, self.program.columns, self.labels), self.w.names, {})

    def head(self) -> None:
        """The names of the reasons to stop."""
        o = self.own
        self.w.add(f"{o['GOING']}, {o['DIVERGED']}, {o['LOSS']}, {o['CONVERGED']} = range(4)", "", "")

    def sample_function(self) -> None:
        """One sample as a function of its number, the columns and what the step gives."""
        o, w, p = self.own, self.w, self.program
        outputs = [p.loss, *p.gradient]
        read = {*outputs, *(a for node in evaluation_order(outputs, known=w.names.of) for a in node.args)}
        self.arguments = [name for node, name in w.names.of.items() if node in read]
        with w.nested(*wrapped("def sample(", [o["i"], *self.arguments], ", ", "):")):
            w.add('"""The loss of one sample, and its derivative by each parameter."""')
            with self.sample(), w.block("return"):
                w.add(Return((self.loss, *p.gradient)))
        w.add("", "")

    def signature(self) -> list[str]:
        """The first line of `train`."""
        return wrapped("def train(", [self.own[k] for k in arguments_of(self.program, self.shape)], ", ", "):")

    def setup(self) -> None:
        """What comes before the first step: names for what was given."""
        o, w = self.own, self.w
        w.unpack(w.columns, o["columns"])
        if "settings" in arguments_of(self.program, self.shape):
            w.unpack([o["lr" if self.program.rate.is_constant else "reduction"]], o["settings"])
        values = self.program.optimizer.values
        for name, hyper in self.program.optimizer.hyper_symbols().items():
            w.add(f"{w.names.name(hyper, name)} = {values[name]!r}")
        w.unpack(w.parameters, o["parameters"])
        w.unpack([*self.states, *self.before], o["state"])
        w.add(f"{o['epoch']}, {o['step']}, {o['start']}, {o['epoch_loss']} = {o['position']}")
        self.gradient_at_start()
        if self.shape.shuffled:
            w.add(f"{o['first_epoch']} = {o['epoch']}")
        w.add(f"{o['row']} = 0", f"{o['stopped']} = {o['GOING']}")

    def gradient_at_start(self) -> None:
        """What the gradient is if there is no step."""
        self.w.add(" = ".join([*self.grads, *([self.own["checked"]] if self.shape.side_by_side else []), "0.0"]))

    # -- the samples of one batch ---------------------------------------------------------------
    def batch(self, scope: dict[Expr, str]) -> None:
        """The samples of one step: loss and gradient, each the mean over the batch."""
        o, w, batch = self.own, self.w, self.shape.batch
        if batch is Batch.SOME:
            w.add(f"{o['stop']} = min({o['start']} + {o['batch_size']}, {o['rows']})")
        if self.shape.shuffled:
            w.add(f"{o['order']} = {o['orders']}[{o['epoch']} - {o['first_epoch']}]")
        if self.hoisted:
            with w.block("step", "the same for every sample", scope):
                w.add(*self.hoisted)
        if batch not in (Batch.ALL, Batch.SOME):
            self.only_sample()
            return
        first, last = self.places()
        if self.shape.summed:
            samples = f"{o['order']}[{first}:{last}]" if self.shape.shuffled else f"range({first}, {last})"
            nodes = (self.program.loss, *self.program.gradient)
            with w.block("accumulate", "forward and backward of each sample, accumulated"):
                w.add(Summed((o["loss_sum"], *self.grads), nodes, samples, tuple(self.arguments)))
        else:
            self.each_sample(first, last)
        if batch is Batch.SOME:
            w.add(f"{o['count']} = {o['stop']} - {o['start']}")
        count = o["rows"] if batch is Batch.ALL else o["count"]
        with w.block("mean", "mean over the batch"):
            w.add(Mean(o["batch_loss"], o["loss_sum"], count), *(Mean(g, g, count) for g in self.grads))

    def places(self) -> tuple[str, str]:
        """Where the samples of a batch begin and end, in the columns or in the order of the epoch."""
        o, first_row = self.own, self.own["first_row"]
        if self.shape.batch is Batch.ALL:
            return first_row, f"{first_row} + {o['rows']}"
        return f"{first_row} + {o['start']}", f"{first_row} + {o['stop']}"

    def only_sample(self) -> None:
        """A step of one sample, or of a function without samples."""
        o, w = self.own, self.w
        if self.shape.batch is Batch.ONE:
            w.add(f"{o['k' if self.shape.shuffled else 'i']} = {o['first_row']} + {o['start']}")
            w.add(*([f"{o['i']} = {o['order']}[{o['k']}]"] if self.shape.shuffled else []))
        with self.sample(), w.block("accumulate"):
            w.add(*(Reassignment(g, d) for g, d in zip(self.grads, self.program.gradient, strict=True)))
            w.add(Reassignment(o["batch_loss"], self.program.loss))

    def each_sample(self, first: str, last: str) -> None:
        """A small batch, sample by sample."""
        o, w = self.own, self.w
        w.add(f"{o['loss_sum']} = 0.0", *(f"{g} = 0.0" for g in self.grads))
        with w.nested(f"for {o['k'] if self.shape.shuffled else o['i']} in range({first}, {last}):"):
            if self.shape.shuffled:
                w.add(f"{o['i']} = {o['order']}[{o['k']}]")
            with self.sample(), w.block("accumulate", "accumulate"):
                w.add(Accumulate(o["loss_sum"], self.program.loss))
                w.add(*(Accumulate(g, d) for g, d in zip(self.grads, self.program.gradient, strict=True)))

    @contextmanager
    def sample(self) -> Iterator[None]:
        """The blocks of one sample; what is written meanwhile knows the names that they give."""
        o, w, p = self.own, self.w, self.program
        outside = dict(w.names.of)
        w.read_in_place(o["i"])
        scope = dict(w.names.of)
        cells = w.cells(o["i"], [p.loss, *p.gradient]) if p.columns else []
        landmarks = [p.loss] if p.target is None else [p.score, p.loss]
        lines = assignments(landmarks, w.names, self.labels, also_used_by=p.gradient)
        score = next((k + 1 for k, s in enumerate(lines) if s.node is p.score), 0) if p.target is not None else 0
        with w.block("forward", "forward", scope):
            w.add(*cells, *lines[:score])
        with w.block("loss", scope=scope | {s.node: s.name for s in (*cells, *lines[:score])}):
            w.add(*lines[score:])
        scope = dict(w.names.of)
        backward = assignments(p.gradient, w.names, self.labels, inline=p.gradient)
        shared = f": dloss/dy_hat is {scope[p.slope]}" if p.slope in scope and not backward else ""
        with w.block("backward", f"backward{shared}", scope):
            w.add(*backward)
        self.loss = w.names.of[p.loss]
        yield
        w.names.of = outside

    # -- one update -----------------------------------------------------------------------------
    def step(self) -> None:
        """One update: penalty, clipping, learning rate, optimizer, and whether all is finite."""
        w, p = self.w, self.program
        for kind, heading, changed in (
            ("penalty", "penalty", p.penalised),
            ("clip", "clip the gradient", p.clipped),
        ):
            if changed != p.mean_gradient:
                with w.block(kind, heading):
                    w.add(*assignments(changed, w.names, p.means, inline=changed))
                    w.add(*(Reassignment(g, c) for g, c in zip(self.grads, changed, strict=True)))
        self.rate()
        with w.block("update", "update"):
            self.updated()

    def updated(self) -> None:
        """The new parameters and the new state, and whether they are finite."""
        w, p = self.w, self.program
        labels = self.new_labels()
        new_state = [new for _s, new, _start in p.new_state]
        self.time([*new_state, *p.new_parameters])
        w.add(*assignments([*new_state, *p.new_parameters], w.names, labels))
        if self.shape.dtype == "float32":
            w.add(*(Rounded(w.names.of[new]) for new in p.new_parameters))
        news = [w.names.of[new] for new in (*p.new_parameters, *new_state)]
        shapes = [q.shape for q in (*p.parameters, *(s for s, _new, _start in p.new_state))]
        self.stop_unless_finite(list(zip(news, shapes, strict=True)))
        w.add(*map(Update, [*w.parameters, *self.states], news))

    def new_labels(self) -> dict[Expr, str]:
        """What new parameters and new state are called."""
        p = self.program
        labels = {new: f"new_{s.name}" for s, new, _start in p.new_state}
        return labels | {new: f"new_{q.name}" for q, new in zip(p.parameters, p.new_parameters, strict=True)}

    def rate(self) -> None:
        """The learning rate of this step, unless it is the same for all."""
        w, p = self.w, self.program
        if not p.rate.is_constant:
            with w.block("rate", "the learning rate of this step"):
                w.add(*assignments([p.rate], w.names, {}, inline=[p.rate]), Reassignment(self.own["lr"], p.rate))

    def time(self, outputs: Sequence[Expr]) -> None:
        """The number of this step, counted from 1, where the update reads it."""
        if STEP + 1 in evaluation_order(outputs):
            self.w.add(Assignment(STEP + 1, self.own["t"]))
        self.w.names.of[STEP + 1] = self.own["t"]

    def stop_unless_finite(self, numbers: Sequence[tuple[str, tuple[int, ...]]]) -> None:
        """Leave the loop before a bad step is taken."""
        o = self.own
        self.w.add(StopUnlessFinite(o["batch_loss"], tuple(numbers), o["stopped"], o["DIVERGED"], o["checked"]))

    def end_of_step(self) -> None:
        """Count the step; record it; see whether an epoch has ended."""
        o, w, batch = self.own, self.w, self.shape.batch
        w.add(f"{o['step']} += 1")
        if self.shape.record == "step":
            self.record(o["batch_loss"])
        if batch in (Batch.ALL, Batch.NONE):
            self.end_of_epoch(o["batch_loss"])
            return
        added = o["loss_sum"] if batch is Batch.SOME else o["batch_loss"]
        w.add(self.dialect.added_to(o["epoch_loss"], added))
        w.add(f"{o['start']} = {o['stop']}" if batch is Batch.SOME else f"{o['start']} += 1")
        with w.nested(f"if {o['start']} == {o['rows']}:  # the end of an epoch"):
            mean = w.own("mean_loss")
            w.add(f"{mean} = {o['epoch_loss']} / {o['rows']}", f"{o['start']} = 0")
            w.add(f"{o['epoch_loss']} = {self.dialect.zero_like(o['epoch_loss'])}")
            self.end_of_epoch(mean)

    def end_of_epoch(self, loss: str) -> None:
        """Count the epoch; record it; see whether to stop."""
        o, w, d = self.own, self.w, self.dialect
        w.add(f"{o['epoch']} += 1")
        if self.shape.record == "epoch":
            self.record(loss)
        with w.nested(f"if {d.is_below(loss, o['until_loss'])}:"):
            w.add(f"{o['stopped']} = {o['LOSS']}", "break")
        if self.shape.stops_on_change:
            pairs = zip(w.parameters, self.before, (q.shape for q in self.program.parameters), strict=True)
            names = list(pairs)
            moved = [d.moved(new, old, shape) for new, old, shape in names]
            with w.nested(f"if {d.largest(moved) if len(moved) > 1 else moved[0]} <= {o['tol']}:"):
                w.add(f"{o['stopped']} = {o['CONVERGED']}", "break")
            w.add(*(d.remembered(old, new, shape) for new, old, shape in names))

    def record(self, loss: str) -> None:
        """A row of the history."""
        o, w = self.own, self.w
        numbers = () if self.program.of_arrays else (*w.parameters, *self.grads)
        gradients = tuple(zip(self.grads, (q.shape for q in self.program.parameters), strict=True))
        w.add(Record(o["history"], o["row"], loss, o["lr"], o["gradient_norm"], gradients, numbers))

    def finish(self) -> None:
        """What `train` returns."""
        o, w = self.own, self.w
        position = in_tuple([o["epoch"], o["step"], o["start"], o["epoch_loss"]])
        states = [*self.states, *self.before]
        parts = [in_tuple(w.parameters), in_tuple(states), position, in_tuple(self.grads), o["row"], o["stopped"]]
        w.add(Return((*parts, *([o["checked"]] if self.shape.side_by_side else []))))
