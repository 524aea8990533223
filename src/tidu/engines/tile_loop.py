"""The tile source: a program with vectors, written out as a training loop over tiles of samples.

The same steps as `array_loop` writes for whole batches, as loops: each product of matrices is a call of
`runtime.tiles`, and what is computed number by number between two products is a function of one unit and one sample.
Run as plain Python or compiled, it gives the same bits; compiled, it is the fastest engine for networks of up to some
hundred units.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

from tidu.content.schedules import STEP
from tidu.engines.dialects import Tiles, wrapped
from tidu.engines.program import Program, kept_with_program
from tidu.engines.scalar_loop import Batch, LoopShape, arguments_of
from tidu.engines.stages import Group, Product
from tidu.engines.statements import (
    Assignment,
    Block,
    Call,
    Mean,
    Nested,
    Reassignment,
    Return,
    Rounded,
    Update,
    assignments,
    per_step,
)
from tidu.engines.tile_plan import TileWriter
from tidu.engines.tile_updates import TileUpdates
from tidu.engines.writer import LoopText
from tidu.language.expr import Expr
from tidu.language.printer import text


@kept_with_program
def tile_train_source(program: Program, shape: LoopShape) -> str:
    """The training loop of `program` over tiles: the text of a module with the functions `memory` and `train`."""
    return tile_loop_of(program, shape).text


def tile_loop_of(program: Program, shape: LoopShape) -> LoopText:
    """The training loop of `program` over tiles: its statements, and the dialect that writes them."""
    title = f"Training loop over tiles, written by tidu. {text(program.score)}; {program.optimizer.name}."
    return _TileTrain.of(TileWriter(program), shape, Tiles()).written(title)


class _TileTrain(TileUpdates):
    """Writes the functions of one unit and one sample, `memory`, `chunk` and `train`."""

    def write(self) -> None:
        """Write the module, in the order of its text."""
        w = self.w
        self.own["memory"] = "memory"  # the function's name, which users' names evade, and in `train` what it gave
        self.i = self.own["i"]
        self.s, self.j, self.first, self.last, self.place, self.samples, self.m = map(
            w.own, ("s", "j", "first", "last", "place", "samples", "m")
        )
        self.sums, self.of_group, self.whole = map(w.own, ("totals", "group", "whole"))
        self.chunk, self.begin = map(w.own, ("chunk", "begin"))
        for name, hyper in self.program.optimizer.hyper_symbols().items():
            w.names.name(hyper, name)
        scope = dict(w.names.of)
        self.hoisted = self.per_step()
        self.head()
        self.forward = self.calls(w.plan.forward, "forward")
        self.backward = self.calls(w.plan.backward, "backward")
        in_chunk = dict(w.names.of)
        self.update_functions()
        self.memory_function()
        self.chunk_function(in_chunk)
        self.train(scope)

    def per_step(self) -> list[Assignment]:
        """What is the same for every sample of a step."""
        p = self.program
        return assignments(per_step([p.loss, *p.gradient], self.w.plan.given, self.labels), self.w.names, {})

    # -- one unit, one sample -------------------------------------------------------------------------
    def calls(self, steps: Sequence[Product | Group], kind: str) -> list[Call]:
        """The calls of one pass; the functions that they call are written."""
        w = self.w
        calls: list[Call] = []
        number = itertools.count(1)
        for step in steps:
            if isinstance(step, Group):
                calls.append(self.group(step, w.own(f"{kind}_{next(number)}"), kind))
                continue
            out = w.keep(step.node, self.labels.get(step.node))
            row_of_one = step.node.op.reduces and step.node.shape
            arguments = (*(w.kept.get(a) or w.names.of[a] for a in step.arguments), self.m)
            arguments = (*arguments, f"{out}[0]" if row_of_one else out)
            calls.append(Call(step.function, arguments, node=step.node, operands=step.arguments))
        return calls

    def group(self, group: Group, function: str, kind: str) -> Call:
        """The call of a function of one sample, or of one unit and one sample; the function is written."""
        w = self.w
        for node in group.stored:
            w.keep(node, self.labels.get(node))
        names = w.names.inside()
        read: dict[str, None] = {}  # what the function reads, in the order of use
        for node in self.read_by(group.nodes):
            read[w.kept.get(node) or w.names.of[node]] = None
            names.of[node] = self.cell(node, group.units)
        place = f"[{self.s}]" if group.units is None else f"[{self.i}, {self.s}]"
        labels = {n: label for n, label in self.labels.items() if n not in w.kept}
        labels |= {n: f"{w.kept[n]}_{self.s}" for n in group.stored}
        scope = dict(names.of)
        lines = assignments(group.stored, names, labels, inline=group.stored)
        block = Block(kind, (*lines, *(Reassignment(f"{w.kept[n]}{place}", n) for n in group.stored)), scope)
        written = [w.kept[n] for n in group.stored]
        indices = [self.s] if group.units is None else [self.i, self.s]
        w.add(Nested(tuple(wrapped(f"def {function}(", [*indices, *read, *written], ", ", "):")), (block,)), "", "")
        each, sizes = ("each_sample", [self.m]) if group.units is None else ("each_unit", [str(group.units), self.m])
        return Call(each, (function, *sizes, *read, *written), body=(block,))

    def cell(self, node: Expr, units: int | None) -> str:
        """How a function of one unit and one sample reads a node that is computed elsewhere."""
        w = self.w
        unit = "0" if node.shape == (1,) and units != 1 else self.i
        if node in w.kept:
            found = f"{w.kept[node]}[{unit}, {self.s}]" if node.shape else f"{w.kept[node]}[{self.s}]"
            return f"float({found})" if self.shape.dtype == "float32" else found
        return f"{w.names.of[node]}[{unit}]" if node.shape else w.names.of[node]

    # -- memory, and the beginning ------------------------------------------------------------------------
    def memory_function(self) -> None:
        """The arrays that steps write on: of a tile, and the sums of a chunk, with a name for each part of them."""
        w, o, p = self.w, self.own, self.program
        kind = ", np.float32" if self.shape.dtype == "float32" else ""
        self.room = [*w.memory, self.sums, self.of_group, self.whole]
        with w.nested(f"def {o['memory']}():"):
            w.add('"""Room for a tile of samples, and for the sums over a chunk and over a batch; made once."""')
            for name, units in w.memory.items():
                w.add(f"{name} = np.zeros({'WIDTH' if units is None else f'({units}, WIDTH)'}{kind})")
            sizes = [math.prod(q.shape) for q in p.parameters if q.shape]
            numbers = [k for k, q in enumerate(p.parameters) if not q.shape]
            w.add(f"{self.sums} = np.zeros({sum(sizes) + len(numbers) + 1})")
            first = 0
            for parameter, grad in zip(p.parameters, self.grads, strict=True):
                if parameter.shape:
                    last = first + math.prod(parameter.shape)
                    shape = "" if len(parameter.shape) == 1 else f".reshape{parameter.shape}"
                    w.add(f"{grad} = {self.sums}[{first}:{last}]{shape}")
                    self.room.append(grad)
                    first = last
            self.cells = {k: f"{self.sums}[{first + n}]" for n, k in enumerate(numbers)}
            self.loss_cell = f"{self.sums}[{first + len(numbers)}]"
            for each in (self.of_group, self.whole):
                w.add(f"{each} = np.zeros_like({self.sums})")
            w.add(Return(tuple(self.room)))
        w.add("", "")

    def signature(self) -> list[str]:
        """The first line of `train`."""
        arguments = [self.own[k] for k in (*arguments_of(self.program, self.shape), "memory")]
        return wrapped("def train(", arguments, ", ", "):")

    def gradient_at_start(self) -> None:
        """Names for what `memory` made."""
        self.w.add(*wrapped("(", self.room, ", ", f") = {self.own['memory']}"))
        pairs = zip(self.grads, self.program.parameters, strict=True)
        self.w.add(*(f"{grad} = 0.0" for grad, q in pairs if not q.shape))

    # -- the samples of a chunk -----------------------------------------------------------------------------
    def chunk_function(self, scope: dict[Expr, str]) -> None:
        """The sums over a part of a batch, tile by tile."""
        w, o, p = self.w, self.own, self.program
        outside, w.names.of = w.names.of, scope
        calls = [*self.forward, *self.backward]
        read = {name.partition("[")[0] for call in calls for name in call.arguments}
        names = [o["order"]] if self.shape.shuffled else []
        if p.masks:
            names += [o["seed"], o["step"], self.begin]
        given = [*w.parameters, *(s.name for s in self.hoisted)]
        self.given = [*names, *w.columns, *(n for n in dict.fromkeys(given) if n in read)]
        self.given += [name for name in self.room if name not in (self.sums, self.of_group, self.whole)]
        with w.nested(*wrapped(f"def {self.chunk}(", [self.first, self.last, self.sums, *self.given], ", ", "):")):
            w.add('"""Add up a part of a batch, tile by tile: the loss, and its derivative by each parameter."""')
            w.add(" = ".join([o["loss_sum"], *(self.grads[k] for k in self.cells), "0.0"]))
            with w.nested(f"for {self.place} in range({self.first}, {self.last}, TILE):"):
                self.tile()
            w.add(
                *(f"{cell} = {self.grads[k]}" for k, cell in self.cells.items()), f"{self.loss_cell} = {o['loss_sum']}"
            )
        w.add("", "")
        w.names.of = outside

    def tile(self) -> None:
        """The samples of one tile."""
        o, w, p = self.own, self.w, self.program
        last = f"min({self.place} + TILE, {self.last})"
        samples = f"{o['order']}[{self.place}:{last}]" if self.shape.shuffled else f"range({self.place}, {last})"
        w.add(f"{self.samples} = {samples}", f"{self.m} = len({self.samples})")
        for node, whole in zip(w.plan.inputs, w.columns, strict=True):
            w.add(Call("take", (whole, self.samples, w.kept[node]), node=node))
        for k, (mask, rate) in enumerate(p.masks.items(), 1):
            of = (o["seed"], o["step"], str(k), f"{self.place} - {self.begin}", repr(rate), self.m, w.kept[mask])
            w.add(Call("take_mask", of, node=mask))
        for kind, calls in (("forward", self.forward), ("backward", self.backward)):
            with w.block(kind, kind):
                w.add(*calls)
        with w.block("accumulate", "accumulate"):
            loss = (w.kept[p.loss], self.m, o["loss_sum"])
            w.add(Call("added", loss, o["loss_sum"], p.loss, (p.loss,)))
            for (function, nodes), grad, d in zip(w.plan.sums, self.grads, p.gradient, strict=True):
                given = (*(w.kept[n] for n in nodes), self.m, grad)
                w.add(Call(function, given, grad if function == "added" else "", d, nodes))

    # -- one step -----------------------------------------------------------------------------------------
    def batch(self, scope: dict[Expr, str]) -> None:
        """The sums over the samples of one step, chunk by chunk."""
        o, w = self.own, self.w
        if self.shape.batch is not Batch.ALL:
            w.add(f"{o['stop']} = min({o['start']} + {o['batch_size']}, {o['rows']})")
        if self.shape.shuffled:
            w.add(f"{o['order']} = {o['orders']}[{o['epoch']} - {o['first_epoch']}]")
        with w.block("step", scope=scope):
            w.add(*self.hoisted)
        start, stop = self.places()
        if self.begin in self.given:
            w.add(f"{self.begin} = {start}")
            start = self.begin
        of_sums = (self.sums, self.of_group, self.whole)
        w.add(Call("each_chunk", (self.chunk, start, stop, *of_sums, *self.given)))
        w.add(*(f"{self.grads[k]} = {cell}" for k, cell in self.cells.items()), f"{o['loss_sum']} = {self.loss_cell}")
        if self.count == o["count"]:
            w.add(f"{o['count']} = {o['stop']} - {o['start']}")
        with w.block("mean"):
            w.add(Mean(o["batch_loss"], o["loss_sum"], self.count))

    def step(self) -> None:
        """One update: of single numbers here, of the others by `each_number`."""
        w, p = self.w, self.program
        numbers = [k for k, q in enumerate(p.parameters) if not q.shape]
        if self.of_parameters:
            later = {call.node for call in self.of_parameters}  # they have their names already
            with w.block(
                "penalty", "what levels are drawn to", {n: s for n, s in w.names.of.items() if n not in later}
            ):
                w.add(*self.of_parameters)
        for k in numbers:
            with w.block("mean"):
                w.add(Mean(self.grads[k], self.grads[k], self.count))
            self.change(k, self.before_length(k), "penalty")
        if self.of_lengths:
            later = {STEP + 1, *(s.node for s in self.of_clips)}  # they have their names already
            scope = {n: name for n, name in w.names.of.items() if n not in later}
            with w.block("clip", "the length of the gradient", scope):
                w.add(*self.means, *self.of_lengths, *self.of_clips)
        for k in numbers:
            self.change(k, [p.clipped[k]] if p.clipped[k] is not p.mean_gradient[k] else [], "clip")
        del w.names.of[STEP + 1]  # the update functions are given it; here it has no value yet
        self.rate()
        later = {s.node for s in self.of_updates}
        with w.block("update", "update", {n: name for n, name in w.names.of.items() if n not in later}):
            self.time([new for k in range(len(p.parameters)) for new in self.new_values(k)])
            w.add(*self.of_updates)
            found = []
            for call in self.updates:
                assert call.node is not None
                found.append(w.own(f"found_{call.node.name}"))
                w.add(replace(call, name=found[-1]))
            olds: dict[str, str] = {}
            for k in numbers:
                names = [w.parameters[k], *(w.names.of[s] for s, _new, _start in self.states_of(k))]
                news = self.new_values(k)
                labels = {new: f"new_{name}" for new, name in zip(news, names, strict=True)}
                w.add(*assignments([*news[1:], news[0]], w.names, labels))
                if self.shape.dtype == "float32":
                    w.add(Rounded(w.names.of[news[0]]))
                olds |= {name: w.names.of[new] for new, name in zip(news, names, strict=True)}
            self.stop_unless_finite([(name, ()) for name in (*found, *olds.values())])
            w.add(*map(Update, olds, olds.values()))

    def change(self, k: int, changes: Sequence[Expr], kind: str) -> None:
        """Change the gradient of a single number."""
        for changed in changes:
            with self.w.block(kind):
                self.w.add(*assignments([changed], self.w.names, {}, inline=[changed]))
                self.w.add(Reassignment(self.grads[k], changed))
