"""The array source: a program written out as a training loop over whole batches, in NumPy or in PyTorch.

The same steps as `scalar_loop` writes for numbers; what a person would write by hand for a network. How a node is
written for a whole batch is the matter of `array_dialects`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.engines.array_dialects import Arrays, TorchArrays, modules_of_numbers, number_and_vector
from tidu.engines.dialects import in_tuple
from tidu.engines.namespaces import NAMESPACES, NUMPY, TORCH, Namespace
from tidu.engines.program import Program, kept_with_program
from tidu.engines.scalar_loop import Batch, LoopShape, TrainWriter
from tidu.engines.statements import Assignment, BatchMean, BatchSum, Line, Mean, Move, Update, assignments
from tidu.engines.writer import LoopText, Writer
from tidu.language.expr import Expr, evaluation_order
from tidu.language.printer import text


def inputs_of(program: Program) -> list[Expr]:
    """What the loop reads of each sample: features side by side, single columns, the target."""
    stacks = [n for n in evaluation_order([program.loss, program.score]) if _is_matrix_of_columns(n)]
    inside = {c for s in stacks for c in s.args}
    alone = {
        a
        for node in evaluation_order([program.loss, program.score])
        if node not in stacks
        for a in node.args
        if a in inside
    }
    singles = [c for c in program.columns if c not in inside or c in alone]
    return [*stacks, *singles]


def _is_matrix_of_columns(node: Expr) -> bool:
    return node.op.name == "stack" and all(a.is_symbol and a.role == "feature" and not a.shape for a in node.args)


def input_of(node: Expr, given: Mapping[Expr, npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """What the loop reads for one of `inputs_of`, a row for each sample, from the columns that are given."""
    if node.op.name == "stack":
        return np.column_stack([given[c] for c in node.args])
    if node.shape:  # 1 at the class, 0 elsewhere
        return np.eye(node.shape[0])[given[node].astype(np.int64)]
    return given[node]


class ArrayWriter(Writer):
    """Collects the statements of one function on arrays."""

    def __init__(
        self,
        program: Program,
        inputs: Sequence[Expr],
        outputs: Sequence[Expr],
        in_batches: bool = False,
        space: Namespace = NUMPY,
        dtype: str = "float64",
    ) -> None:
        self.dialect = (TorchArrays if space is TORCH else Arrays)([*inputs, *program.masks], outputs, space, dtype)
        super().__init__(program, self.dialect.template)
        names = self.names
        self.inputs = list(inputs)
        for name in (space.prefix, *modules_of_numbers(), *sorted(space.own)):
            names.fresh(name)
        single = [names.name(c, c.name if c.is_symbol else "x") for c in self.inputs]
        self.columns = [names.fresh(f"all_{name}") for name in single] if in_batches else single
        self.parameters = [names.name(p, p.name) for p in program.parameters]


@kept_with_program
def array_train_source(program: Program, shape: LoopShape) -> str:
    """The training loop of `program` over arrays, as the text of a module with one function, `train`."""
    return array_loop_of(program, shape).text


def array_loop_of(program: Program, shape: LoopShape) -> LoopText:
    """The same as statements, with the dialect that writes them."""
    outputs = [program.loss, *program.gradient]
    space = NAMESPACES[shape.namespace]
    w = ArrayWriter(program, inputs_of(program), outputs, bool(program.columns), space, shape.dtype)
    title = f"Training loop on arrays, written by tidu. {text(program.score)}; {program.optimizer.name}."
    return _ArrayTrain.of(w, shape, w.dialect).written(title)


class _ArrayTrain(TrainWriter):
    """Writes `train` with arrays; what is not said here is as for numbers."""

    w: ArrayWriter

    def per_step(self) -> list[Assignment]:
        """Nothing is written for each sample."""
        return []

    def gradient_at_start(self) -> None:
        """Of a whole set, the samples too are the same in every step."""
        super().gradient_at_start()
        if self.shape.batch is Batch.ALL:
            self.take(":".join(self.places()))

    def take(self, rows: str) -> None:
        """Take these rows of what is given for each sample."""
        batch = (self.w.names.of[c] for c in self.w.inputs)
        self.w.add(*(f"{b} = {whole}[{rows}]" for b, whole in zip(batch, self.w.columns, strict=True)))

    def batch(self, scope: dict[Expr, str]) -> None:
        """The samples of one step, all at once."""
        o, w, p = self.own, self.w, self.program
        count = o["rows"] if self.shape.batch is Batch.ALL else o["count"]
        if self.shape.batch is not Batch.ALL:
            w.add(f"{o['stop']} = min({o['start']} + {o['batch_size']}, {o['rows']})")
            rows = ":".join(self.places())
            if self.shape.shuffled:
                w.add(f"{o['order']} = {o['orders']}[{o['epoch']} - {o['first_epoch']}][{rows}]")
                rows = o["order"]
            self.take(rows)
            w.add(f"{count} = {o['stop']} - {o['start']}")
        if p.masks:
            with w.block("dropout", "dropout"):
                w.add(*(self.mask(k, mask, count) for k, mask in enumerate(p.masks, 1)))
        landmarks = [p.loss] if p.target is None else [p.score, p.loss]
        with w.block("forward", "forward"):
            w.add(*assignments(landmarks, w.names, self.labels, also_used_by=p.gradient))
        factors = [f for d in p.gradient for f in (d.args if d.op.name == "outer" else number_and_vector(d) or (d,))]
        once = [f for f, times in Counter(factors).items() if times == 1]
        with w.block("backward", "backward"):
            w.add(*assignments(factors, w.names, self.labels, inline=once))
        with w.block("mean", "mean over the batch"):
            w.add(BatchSum(o["loss_sum"], p.loss), Mean(o["batch_loss"], o["loss_sum"], count))
            w.add(*(BatchMean(g, d, count) for g, d in zip(self.grads, p.gradient, strict=True)))

    def updated(self) -> None:
        """The new parameters and the new state: arrays are changed in place where nothing reads them afterwards."""
        w, p = self.w, self.program
        olds = [*p.parameters, *(s for s, _new, _start in p.new_state)]
        news = [*p.new_parameters, *(new for _s, new, _start in p.new_state)]
        names = [*w.parameters, *self.states]
        moves = moved_in_place(olds, news)
        changed = [news[k] for k in range(len(olds)) if k not in moves]
        changed = [*(n for n in changed if n not in p.new_parameters), *(n for n in changed if n in p.new_parameters)]
        by = [change for _sign, change in moves.values()]
        self.time([*changed, *by])
        w.add(*assignments([*changed, *by], w.names, self.new_labels(), inline=by))
        w.add(*(Move(names[k], sign, change) for k, (sign, change) in moves.items()))
        found = [names[k] if k in moves else w.names.of[new] for k, new in enumerate(news)]
        self.stop_unless_finite([(name, old.shape) for name, old in zip(found, olds, strict=True)])
        w.add(*(Update(names[k], name) for k, name in enumerate(found) if k not in moves))

    def mask(self, number: int, mask: Expr, count: str) -> Line:
        """The line that draws what a dropout of this batch multiplies by."""
        o = self.own
        shape = in_tuple([count, *map(str, mask.shape)])
        dtype = f", '{self.shape.dtype}'" if self.shape.dtype != "float64" else ""
        drawn = f"dropout_mask({o['seed']}, {o['step']}, {number}, {shape}, {self.program.masks[mask]!r}{dtype})"
        return Line(f"{self.w.names.name(mask, mask.name)} = {drawn}")


def moved_in_place(olds: Sequence[Expr], news: Sequence[Expr]) -> dict[int, tuple[str, Expr]]:
    """By its number, each array whose new value is the old one plus or minus something: the sign, and that something.

    Only if no other new value reads the old one, which is gone by then.
    """
    found: dict[int, tuple[str, Expr]] = {}
    for k, (old, new) in enumerate(zip(olds, news, strict=True)):
        if not old.shape or new.op.name not in ("add", "subtract") or new.args[0] is not old:
            continue
        if not any(old in evaluation_order([other]) for j, other in enumerate(news) if j != k):
            found[k] = ("+" if new.op.name == "add" else "-", new.args[1])
    return found


@kept_with_program
def array_predict_source(program: Program) -> str:
    """A module with one function, `predict(columns, parameters)`: the prediction of each row."""
    output = program.prediction
    features = [c for c in inputs_of(program) if not c.is_symbol or c.role == "feature"]
    w = ArrayWriter(program, features, [output, program.loss])
    columns, parameters = w.own("columns"), w.own("parameters")
    with w.nested(f"def predict({columns}, {parameters}):"):
        w.unpack(w.columns, columns)
        w.unpack(w.parameters, parameters)
        with w.block("forward"):
            w.add(*assignments([output], w.names, {program.score: "y_hat"}, inline=[output]))
            w.add(Line("return {0}", (output,)))
    return w.source(f"Predictions of {text(program.score)}, written by tidu.", w.dialect)


@kept_with_program
def array_cost_source(program: Program) -> str:
    """A module with one function, `cost(columns, parameters)`: the mean loss over all rows."""
    w = ArrayWriter(program, inputs_of(program), [program.loss])
    columns, parameters = w.own("columns"), w.own("parameters")
    with w.nested(f"def cost({columns}, {parameters}):"):
        w.unpack(w.columns, columns)
        w.unpack(w.parameters, parameters)
        with w.block("forward"):
            w.add(*assignments([program.loss], w.names, {program.score: "y_hat", program.loss: "loss"}))
            w.add(Line("return float({0}.mean())", (program.loss,)))
    return w.source("Mean loss on arrays, written by tidu.", w.dialect)
