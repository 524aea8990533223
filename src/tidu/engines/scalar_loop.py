"""The loop source: a program written out as the plain Python training loop that a person would write by hand.

The text that `train_source` gives is what `run.source` shows, what is saved as a module, and what runs. One turn of
its `while` is one update; it can start and stop at any step, also in the middle of an epoch, so that a run can be
cut into slices for progress and saved between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Any, Self

import numpy as np

from tidu.content.schedules import EPOCH, STEP
from tidu.engines.program import Program
from tidu.engines.statements import assignments, per_step
from tidu.engines.writer import Writer, in_groups, in_tuple, labels_of, unpacked, wrapped
from tidu.language.expr import evaluation_order
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
    namespace: str = "numpy"  # or "torch": whose arrays a loop on arrays reads


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
        "settings": program.rate.is_constant,
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
    """What `train` carries beside the parameters: the optimizer's state, and what convergence is measured from."""
    starts = (np.full(s.shape, start) if s.shape else start for s, _new, start in program.new_state)
    return (*starts, *(parameters if shape.stops_on_change else ()))


def recorded_parameters(program: Program) -> tuple[str, ...]:
    """The parameters whose values and gradients stand in the history: all, unless they are vectors and matrices."""
    return () if program.of_arrays else program.parameter_names


def history_columns(program: Program) -> list[str]:
    """What one row of the history holds, in order."""
    names = recorded_parameters(program)
    return ["loss", "gradient_norm", "lr", *names, *(f"∂{n}" for n in names)]


def train_source(program: Program, shape: LoopShape) -> str:
    """The training loop of `program` as the text of a module with one function, `train`."""
    w = Writer(program)
    model = "" if program.target is None else f"{text(program.target)} = {text(program.score)}; "
    rest = f"loss {_shown_loss(program)}; {program.optimizer.name}, {shape.batch.value}"
    TrainWriter.of(w, shape).write()
    return w.source(f"Training loop, written by tidu. {model}{rest}.")


_OWN_NAMES = (
    "columns", "first_row", "rows", "orders", "batch_size", "settings", "parameters", "state", "position",
    "last_step", "until_loss", "tol", "history",
    "row", "stopped", "epoch", "step", "start", "stop", "epoch_loss", "first_epoch", "order", "i", "k",
    "loss_sum", "batch_loss", "gradient_norm", "lr", "GOING", "DIVERGED", "LOSS", "CONVERGED", "count", "t",
    "checked", "memory", "seed",
)  # fmt: skip


def _shown_loss(program: Program) -> str:
    if program.target is None:
        return unicode(program.loss)
    return unicode(program.loss, {program.score: "ŷ", program.target: "y"})


class TrainWriter:
    """Writes the function `train`, part by part in the order of the text."""

    def __init__(self, w: Writer, shape: LoopShape, own: dict[str, str]) -> None:
        self.w, self.shape, self.own, self.program = w, shape, own, w.program
        self.labels = labels_of(self.program)
        self.narrow = shape.dtype == "float32"
        self.grads = [w.names.name(g, f"grad_{g.name}") for g in self.program.mean_gradient]
        self.states = [w.names.name(s, s.name) for s, _new, _start in self.program.new_state]
        # Where each parameter was when the epoch began is state too: a slice may end in mid-epoch.
        self.before = [w.own(f"{p}_before") for p in w.parameters] if shape.stops_on_change else []
        w.names.of[STEP], w.names.of[EPOCH] = own["step"], own["epoch"]
        w.names.of[self.program.lr] = own["lr"]

    @classmethod
    def of(cls, w: Writer, shape: LoopShape) -> Self:
        """With names of its own that evade the user's."""
        return cls(w, shape, {name: w.own(name) for name in _OWN_NAMES})

    def write(self) -> None:
        """Write the module, in the order of its text."""
        self.hoisted = self.per_step()
        self.head()
        if self.shape.summed:
            self.sample_function()
        self.signature()
        self.setup()
        self.batch()
        self.step()
        self.end_of_step()
        self.finish()

    def per_step(self) -> list[str]:
        """The lines of what is the same for every sample of a batch."""
        if self.shape.batch not in (Batch.ALL, Batch.SOME):
            return []
        outputs = [self.program.loss, *self.program.gradient]
        return assignments(per_step(outputs, self.program.columns, self.labels), self.w.names, {})

    def head(self) -> None:
        """The names of the reasons to stop."""
        o = self.own
        self.w.add(0, f"{o['GOING']}, {o['DIVERGED']}, {o['LOSS']}, {o['CONVERGED']} = range(4)", "", "")

    def sample_function(self) -> None:
        """One sample as a function of its number, the columns and what the step gives."""
        o, w, p = self.own, self.w, self.program
        outputs = [p.loss, *p.gradient]
        read = {*outputs, *(a for node in evaluation_order(outputs, known=w.names.of) for a in node.args)}
        self.arguments = [name for node, name in w.names.of.items() if node in read]
        w.add(0, *wrapped("def sample(", [o["i"], *self.arguments], ", ", "):"))
        w.add(1, '"""The loss of one sample, and its derivative by each parameter."""')
        partials = self.sample(1)
        w.add(1, *wrapped("return (", [self.loss, *partials], ", ", ")"), "", "")

    def signature(self) -> None:
        """The first line of `train`."""
        arguments = [self.own[k] for k in arguments_of(self.program, self.shape)]
        self.w.add(0, *wrapped("def train(", arguments, ", ", "):"))

    def setup(self) -> None:
        """What comes before the first step: names for what was given."""
        o, w = self.own, self.w
        w.add(1, *unpacked(w.columns, o["columns"]))
        if self.program.rate.is_constant:
            w.add(1, *unpacked([o["lr"]], o["settings"]))
        values = self.program.optimizer.values
        for name, hyper in self.program.optimizer.hyper_symbols().items():
            w.add(1, f"{w.names.name(hyper, name)} = {values[name]!r}")
        w.add(1, *unpacked(w.parameters, o["parameters"]), *unpacked([*self.states, *self.before], o["state"]))
        w.add(1, f"{o['epoch']}, {o['step']}, {o['start']}, {o['epoch_loss']} = {o['position']}")
        w.add(1, *self.gradient_at_start())
        if self.shape.shuffled:
            w.add(1, f"{o['first_epoch']} = {o['epoch']}")
        w.add(1, f"{o['row']} = 0", f"{o['stopped']} = {o['GOING']}")
        w.add(1, f"while {o['step']} < {o['last_step']}:")

    def gradient_at_start(self) -> list[str]:
        """What the gradient is if there is no step."""
        return [" = ".join([*self.grads, *([self.own["checked"]] if self.shape.side_by_side else []), "0.0"])]

    # -- the samples of one batch ---------------------------------------------------------------
    def batch(self) -> None:
        """The samples of one step: loss and gradient, each the mean over the batch."""
        o, w, batch = self.own, self.w, self.shape.batch
        if batch is Batch.SOME:
            w.add(2, f"{o['stop']} = min({o['start']} + {o['batch_size']}, {o['rows']})")
        if self.shape.shuffled:
            w.add(2, f"{o['order']} = {o['orders']}[{o['epoch']} - {o['first_epoch']}]")
        if self.hoisted:
            w.add(2, "# the same for every sample", *self.hoisted)
        if batch not in (Batch.ALL, Batch.SOME):
            self.only_sample()
            return
        first, last = self.places()
        if self.shape.summed:
            samples = f"{o['order']}[{first}:{last}]" if self.shape.shuffled else f"range({first}, {last})"
            w.add(2, "# forward and backward of each sample, accumulated")
            sums = ", ".join([o["loss_sum"], *self.grads])
            w.add(2, *wrapped(f"{sums} = summed(", ["sample", samples, *map(self.given, self.arguments)], ", ", ")"))
        else:
            self.each_sample(first, last)
        if batch is Batch.SOME:
            w.add(2, f"{o['count']} = {o['stop']} - {o['start']}")
        self.mean(o["rows"] if batch is Batch.ALL else o["count"])

    def places(self) -> tuple[str, str]:
        """Where the samples of a batch begin and end, in the columns or in the order of the epoch."""
        o, first_row = self.own, self.own["first_row"]
        if self.shape.batch is Batch.ALL:
            return first_row, f"{first_row} + {o['rows']}"
        return f"{first_row} + {o['start']}", f"{first_row} + {o['stop']}"

    def given(self, argument: str) -> str:
        """An argument as samples want it."""
        return f"float32({argument})" if self.narrow and argument not in self.w.columns else argument

    def only_sample(self) -> None:
        """A step of one sample, or of a function without samples."""
        o, w = self.own, self.w
        if self.shape.batch is Batch.ONE:
            w.add(2, f"{o['k' if self.shape.shuffled else 'i']} = {o['first_row']} + {o['start']}")
            w.add(2, *([f"{o['i']} = {o['order']}[{o['k']}]"] if self.shape.shuffled else []))
        partials = self.sample(2)
        w.add(2, *(f"{g} = {partial}" for g, partial in zip(self.grads, partials, strict=True)))
        w.add(2, f"{o['batch_loss']} = {self.loss}")

    def each_sample(self, first: str, last: str) -> None:
        """A small batch, sample by sample."""
        o, w = self.own, self.w
        w.add(2, f"{o['loss_sum']} = 0.0", *(f"{g} = 0.0" for g in self.grads))
        w.add(2, f"for {o['k'] if self.shape.shuffled else o['i']} in range({first}, {last}):")
        if self.shape.shuffled:
            w.add(3, f"{o['i']} = {o['order']}[{o['k']}]")
        partials = self.sample(3)
        w.add(3, "# accumulate", f"{o['loss_sum']} += {self.loss}")
        w.add(3, *(f"{g} += {partial}" for g, partial in zip(self.grads, partials, strict=True)))

    def sample(self, depth: int) -> list[str]:
        """The lines of one sample; returns its partial derivatives, as code."""
        o, w, p = self.own, self.w, self.program
        outside = dict(w.names.of)
        if self.narrow:
            constants = (node for node in evaluation_order([p.loss, *p.gradient]) if node.is_constant)
            w.names.of |= {node: f"float32({node.value!r})" for node in constants}
            if not self.shape.summed:
                w.names.of |= {q: f"float32({name})" for q, name in zip(p.parameters, w.parameters, strict=True)}
        w.add(depth, "# forward")
        if p.columns:
            w.sample(depth, o["i"], [p.loss, *p.gradient])
        landmarks = [p.loss] if p.target is None else [p.score, p.loss]
        w.add(depth, *assignments(landmarks, w.names, self.labels, also_used_by=p.gradient))
        backward = assignments(p.gradient, w.names, self.labels, inline=p.gradient)
        shared = f": dloss/dy_hat is {w.names.of[p.slope]}" if p.slope in w.names.of and not backward else ""
        w.add(depth, f"# backward{shared}", *backward)
        partials = [w.names.code(d) for d in p.gradient]
        self.loss = w.names.of[p.loss]
        w.names.of = outside
        return partials

    def mean(self, count: str) -> None:
        """From sums to means."""
        o, w = self.own, self.w
        w.add(2, "# mean over the batch", f"{o['batch_loss']} = {o['loss_sum']} / {count}")
        w.add(2, *(f"{g} = {g} / {count}" for g in self.grads))

    # -- one update -----------------------------------------------------------------------------
    def step(self) -> None:
        """One update: penalty, clipping, learning rate, optimizer, and whether all is finite."""
        o, w, p = self.own, self.w, self.program
        for comment, changed in (("# penalty", p.penalised), ("# clip the gradient", p.clipped)):
            if changed != p.mean_gradient:
                w.add(2, comment, *assignments(changed, w.names, {}, inline=changed))
                w.add(2, *(f"{g} = {w.names.code(c)}" for g, c in zip(self.grads, changed, strict=True)))
        if not p.rate.is_constant:
            w.add(2, "# the learning rate of this step", *assignments([p.rate], w.names, {}, inline=[p.rate]))
            w.add(2, f"{o['lr']} = {w.names.code(p.rate)}")
        w.add(2, "# update")
        labels = {new: f"new_{s.name}" for s, new, _start in p.new_state}
        labels |= {new: f"new_{q.name}" for q, new in zip(p.parameters, p.new_parameters, strict=True)}
        new_state = [new for _s, new, _start in p.new_state]
        self.w.names.of[STEP + 1] = o["t"]
        if any(STEP + 1 in evaluation_order([new]) for new in (*new_state, *p.new_parameters)):
            w.add(2, f"{o['t']} = {o['step']} + 1.0")
        w.add(2, *assignments([*new_state, *p.new_parameters], w.names, labels))
        if self.narrow:
            w.add(2, *(f"{new} = float(float32({new}))" for new in map(w.names.of.get, p.new_parameters)))
        news = [w.names.of[new] for new in (*p.new_parameters, *new_state)]
        self.stop_unless_finite([o["batch_loss"], *news])
        olds = [*w.parameters, *self.states]
        pairs = zip(olds, news, strict=True)
        w.add(2, *(f"{old} = {new}" for old, new in pairs))

    def stop_unless_finite(self, numbers: Sequence[str]) -> None:
        """Leave the loop before a bad step is taken."""
        o, w = self.own, self.w
        if self.shape.side_by_side:  # returned, for it says which of the runs diverged
            w.add(2, *wrapped(f"{o['checked']} = (", in_groups(numbers), " + ", ")"))
            w.add(2, f"if not isfinite({o['checked']}):")
        else:
            w.add(2, *self.unless_finite(numbers))
        w.lines[-1] += "  # a sum is finite only if all its parts are"
        w.add(3, f"{o['stopped']} = {o['DIVERGED']}", "break")

    def unless_finite(self, numbers: Sequence[str]) -> list[str]:
        """The condition that one of these is not."""
        return wrapped("if not isfinite(", in_groups(numbers), " + ", "):")

    def squares(self) -> list[str]:
        """What the square of the gradient's length is the sum of."""
        return [f"{g} * {g}" for g in self.grads]

    def end_of_step(self) -> None:
        """Count the step; record it; see whether an epoch has ended."""
        o, w, batch = self.own, self.w, self.shape.batch
        w.add(2, f"{o['step']} += 1")
        if self.shape.record == "step":
            self.record(2, o["batch_loss"])
        if batch in (Batch.ALL, Batch.NONE):
            self.end_of_epoch(2, o["batch_loss"])
        else:
            added = o["loss_sum"] if batch is Batch.SOME else o["batch_loss"]
            w.add(2, self.added_to(o["epoch_loss"], added))
            w.add(2, f"{o['start']} = {o['stop']}" if batch is Batch.SOME else f"{o['start']} += 1")
            w.add(2, f"if {o['start']} == {o['rows']}:  # the end of an epoch")
            mean = w.own("mean_loss")
            w.add(3, f"{mean} = {o['epoch_loss']} / {o['rows']}", f"{o['start']} = 0")
            w.add(3, f"{o['epoch_loss']} = {self.zero_like(o['epoch_loss'])}")
            self.end_of_epoch(3, mean)

    def added_to(self, total: str, part: str) -> str:
        """The line that adds to a running sum."""
        return f"{total} += {part}"

    def zero_like(self, total: str) -> str:
        """What a running sum begins with."""
        return "0.0"

    def end_of_epoch(self, depth: int, loss: str) -> None:
        """Count the epoch; record it; see whether to stop."""
        o, w = self.own, self.w
        w.add(depth, f"{o['epoch']} += 1")
        if self.shape.record == "epoch":
            self.record(depth, loss)
        w.add(depth, f"if {self.is_below(loss, o['until_loss'])}:")
        w.add(depth + 1, f"{o['stopped']} = {o['LOSS']}", "break")
        if self.shape.stops_on_change:
            moved = list(map(self.moved, w.parameters, self.before))
            w.add(depth, f"if {self.largest(moved) if len(moved) > 1 else moved[0]} <= {o['tol']}:")
            w.add(depth + 1, f"{o['stopped']} = {o['CONVERGED']}", "break")
            w.add(depth, *map(self.remembered, self.before, w.parameters))

    def remembered(self, before: str, parameter: str) -> str:
        """The line that keeps where a parameter is as an epoch begins."""
        return f"{before} = {parameter}"

    def is_below(self, loss: str, bound: str) -> str:
        """The condition that the loss has come down to the bound."""
        return f"{loss} < {bound}"

    def largest(self, numbers: Sequence[str]) -> str:
        """The largest of several."""
        return f"max({', '.join(numbers)})"

    def moved(self, new: str, old: str) -> str:
        """How far a parameter has gone."""
        return f"fabs({new} - {old})"

    def record(self, depth: int, loss: str) -> None:
        """A row of the history."""
        o, w = self.own, self.w
        if self.shape.side_by_side:
            w.add(depth, f"{o['history']}[{o['row']}] = {loss}", f"{o['row']} += 1")
            return
        w.add(depth, *wrapped(f"{o['gradient_norm']} = sqrt(", self.squares(), " + ", ")"))
        row = [loss, o["gradient_norm"], o["lr"]]
        row += [] if self.program.of_arrays else [*w.parameters, *self.grads]
        w.add(depth, *wrapped(f"record({o['history']}, {o['row']}, (", row, ", ", "))"), f"{o['row']} += 1")

    def finish(self) -> None:
        """What `train` returns."""
        o, w = self.own, self.w
        position = in_tuple([o["epoch"], o["step"], o["start"], o["epoch_loss"]])
        states = [*self.states, *self.before]
        parts = [in_tuple(w.parameters), in_tuple(states), position, in_tuple(self.grads), o["row"], o["stopped"]]
        parts += [o["checked"]] if self.shape.side_by_side else []
        w.add(1, *wrapped("return (", parts, ", ", ")"))


def cost_source(program: Program) -> str:
    """A module with `cost(columns, first_row, rows, parameters)`: the mean loss over these rows, plus the penalty."""
    w = Writer(program)
    columns, first_row, rows, parameters = (w.own(k) for k in ("columns", "first_row", "rows", "parameters"))
    loss_sum, i = w.own("loss_sum"), w.own("i")
    w.add(0, f"def cost({columns}, {first_row}, {rows}, {parameters}):")
    w.add(1, *unpacked(w.columns, columns), *unpacked(w.parameters, parameters), f"{loss_sum} = 0.0")
    w.add(1, f"for {i} in range({first_row}, {first_row} + {rows}):")
    w.sample(2, i, [program.loss])
    w.add(2, *assignments([program.loss], w.names, labels_of(program)))
    w.add(2, f"{loss_sum} += {w.names.of[program.loss]}")
    w.add(1, *assignments([program.penalty], w.names, {}, inline=[program.penalty]))
    penalty = "" if program.penalty.is_constant else f" + {w.names.code(program.penalty)}"
    w.add(1, f"return {loss_sum} / {rows}{penalty}")
    return w.source("Mean loss, written by tidu.")


def predict_source(program: Program) -> str:
    """A module with `predict(columns, first_row, rows, parameters, predictions)`, which fills `predictions`.

    A prediction has the place in `predictions` that its row has in the columns.
    """
    w = Writer(program)
    arguments = [w.own(k) for k in ("columns", "first_row", "rows", "parameters", "predictions")]
    columns, first_row, rows, parameters, predictions = arguments
    i = w.own("i")
    w.add(0, f"def predict({', '.join(arguments)}):")
    features = [c for c in program.columns if c.role == "feature"]
    w.add(1, *unpacked([w.names.of[f] for f in features], columns), *unpacked(w.parameters, parameters))
    w.add(1, f"for {i} in range({first_row}, {first_row} + {rows}):")
    w.sample(2, i, [program.prediction])
    labels = {program.score: "y_hat"}
    w.add(2, *assignments([program.prediction], w.names, labels, inline=[program.prediction]))
    w.add(2, f"{predictions}[{i}] = {w.names.code(program.prediction)}")
    return w.source(f"Predictions of {text(program.score)}, written by tidu.")
