"""The tile source: a program with vectors, written out as a training loop over tiles of samples.

The same steps as `array_loop` writes for whole batches, as loops: each product of matrices is a call of
`runtime.tiles`, and what is computed number by number between two products is a function of one unit and one sample.
Run as plain Python or compiled, it gives the same bits; compiled, it is the fastest engine for networks of up to some
hundred units.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from tidu.content.schedules import STEP
from tidu.engines.array_loop import inputs_of
from tidu.engines.dialects import OF_TILES, Tiles, of_vectors, wrapped
from tidu.engines.program import Program, kept_with_program
from tidu.engines.scalar_loop import Batch, LoopShape, TrainWriter, arguments_of
from tidu.engines.stages import Group, NotOnTiles, Product, staged, units_of
from tidu.engines.statements import (
    Assignment,
    Block,
    Call,
    Line,
    Mean,
    Names,
    Nested,
    Reassignment,
    Return,
    Update,
    assignments,
    per_step,
)
from tidu.engines.writer import LoopText, Writer
from tidu.language.expr import Expr, evaluation_order
from tidu.language.printer import text


@kept_with_program
def tile_train_source(program: Program, shape: LoopShape) -> str:
    """The training loop of `program` over tiles: the text of a module with the functions `memory` and `train`."""
    return tile_loop_of(program, shape).text


def tile_loop_of(program: Program, shape: LoopShape) -> LoopText:
    """The training loop of `program` over tiles: its statements, and the dialect that writes them."""
    title = f"Training loop over tiles, written by tidu. {text(program.score)}; {program.optimizer.name}."
    return _TileTrain.of(_TileWriter(program), shape, Tiles()).written(title)


def fits_tiles(program: Program, shape: LoopShape) -> bool:
    """Whether everything in the program has its counterpart in `runtime.tiles`."""
    if not program.of_arrays or program.masks or shape.dtype != "float64" or shape.batch is Batch.NONE:
        return False
    new_state = [new for _s, new, _start in program.new_state]
    of_step = [*program.penalised, *program.clipped, *program.new_parameters, *new_state]
    if any(n.args and not n.op.elementwise for n in evaluation_order(of_step)):
        return False
    try:
        _Plan(program)
    except NotOnTiles:
        return False
    return True


class _Plan:
    """What is computed on a tile, in order: forward, backward, and what is summed over the samples."""

    def __init__(self, program: Program) -> None:
        self.inputs = inputs_of(program)
        varies = set(self.inputs)
        order = evaluation_order([program.loss, *program.gradient], known=varies)
        for node in order:
            if any(a in varies for a in node.args):
                varies.add(node)
        fixed = [n for n in order if n not in varies and n.args]
        if any(n.shape for n in fixed):
            raise NotOnTiles("a vector of parameters alone")
        self.sums = [self._sum(p, d, varies) for p, d in zip(program.parameters, program.gradient, strict=True)]
        factors = [f for _call, nodes in self.sums for f in nodes]
        forward = [n for n in evaluation_order([program.loss], known=self.inputs) if n in varies]
        known = [n for n in forward if not n.op.boolean]
        backward = evaluation_order(factors, known=known)
        read = {a for n in backward if n not in set(known) for a in n.args} | set(factors)
        self.forward = staged([program.loss], [n for n in known if n in read], self.inputs, varies)
        self.backward = staged(factors, [], [*self.inputs, *known], varies)

    @staticmethod
    def _sum(parameter: Expr, d: Expr, varies: set[Expr]) -> tuple[str, tuple[Expr, ...]]:
        """The function that adds a derivative over samples, and the nodes that it reads."""
        rank = len(parameter.shape)
        if rank == 2 and d.op.name == "outer" and all(a in varies for a in d.args):
            return "add_outer", d.args
        if rank == 2 or d not in varies:
            raise NotOnTiles("a derivative")
        if rank == 1 and d.op.name == "multiply" and all(a in varies for a in d.args):
            numbers, vectors = sorted(d.args, key=lambda a: len(a.shape))
            if not numbers.shape and vectors.shape == parameter.shape:
                return "add_scaled", (numbers, vectors)
        return ("add_samples" if rank else "added"), (d,)


class _TileWriter(Writer):
    """Collects the statements of the functions, and where the nodes are kept."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.plan = _Plan(program)
        for name in ("np", "memory", *OF_TILES, *of_vectors()):
            self.names.fresh(name)
        self.kept: dict[Expr, str] = {}  # the memory that a node is in
        self.memory: dict[str, int | None] = {}  # its units
        for node in self.plan.inputs:
            self.keep(node, node.name if node.is_symbol else "x")
        self.columns = [self.names.fresh(f"all_{self.kept[node]}") for node in self.plan.inputs]
        self.parameters = [self.names.name(p, p.name) for p in program.parameters]

    def keep(self, node: Expr, wish: str | None) -> str:
        """Memory for a node."""
        if node not in self.kept:
            self.kept[node] = self.names.fresh(wish) if wish else self.names.numbered(node)
            self.names.of.pop(node, None)
            self.memory[self.kept[node]] = units_of(node)
        return self.kept[node]


class _TileTrain(TrainWriter):
    """Writes the functions of one unit and one sample, `memory` and `train`."""

    w: _TileWriter

    def write(self) -> None:
        """Write the module, in the order of its text."""
        w = self.w
        self.own["memory"] = "memory"  # the function's name, which users' names evade, and in `train` what it gave
        self.i = self.own["i"]
        self.s, self.j, self.first, self.samples, self.m = map(w.own, ("s", "j", "first", "samples", "m"))
        for name, hyper in self.program.optimizer.hyper_symbols().items():
            w.names.name(hyper, name)
        scope = dict(w.names.of)
        self.hoisted = self.per_step()
        self.head()
        self.forward = self.calls(w.plan.forward, "forward")
        self.backward = self.calls(w.plan.backward, "backward")
        self.updates = self.update_functions()
        self.memory_function()
        self.train(scope)

    def per_step(self) -> list[Assignment]:
        """What is the same for every sample of a step."""
        p = self.program
        return assignments(per_step([p.loss, *p.gradient], self.w.plan.inputs, self.labels), self.w.names, {})

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

    def read_by(self, nodes: Sequence[Expr]) -> list[Expr]:
        """What is computed elsewhere and read by these nodes, in the order of use."""
        w, inside = self.w, set(nodes)
        found: dict[Expr, None] = {}
        for node in nodes:
            for leaf in evaluation_order(node.args, known=w.kept.keys() | w.names.of.keys() | inside):
                found |= dict.fromkeys((leaf, *leaf.args))
            found |= dict.fromkeys(node.args)
        return [n for n in found if n not in inside and (n in w.kept or n in w.names.of)]

    def cell(self, node: Expr, units: int | None) -> str:
        """How a function of one unit and one sample reads a node that is computed elsewhere."""
        w = self.w
        unit = "0" if node.shape == (1,) and units != 1 else self.i
        if node in w.kept:
            return f"{w.kept[node]}[{unit}, {self.s}]" if node.shape else f"{w.kept[node]}[{self.s}]"
        return f"{w.names.of[node]}[{unit}]" if node.shape else w.names.of[node]

    # -- one number of a parameter ----------------------------------------------------------------------
    def update_functions(self) -> list[Call]:
        """For each parameter with a shape, the call that updates its numbers; the functions are written.

        Parameters whose updates read alike share one function.
        """
        w, p = self.w, self.program
        w.names.of[STEP + 1] = self.own["t"]
        with_shape = [k for k, q in enumerate(p.parameters) if q.shape]
        numbers = [s for s in (*p.parameters, *p.mean_gradient, *(s for s, _new, _start in p.new_state)) if s.shape]
        outputs = [new for k in with_shape for new in self.new_values(k)]
        self.of_updates = assignments(per_step(outputs, numbers, {}), w.names, {})
        weights, grad, g = w.own("w"), w.own("grad"), w.own("g")
        states = [w.own(name) for name in p.optimizer.state]
        functions: dict[tuple[str, ...], str] = {}
        calls = []
        for k in with_shape:
            arrays = [p.parameters[k], *(s for s, _new, _start in self.states_of(k))]
            cells = [f"{name}[{self.j}]" for name in (weights, *states)]
            names = w.names.inside()
            names.of |= {p.mean_gradient[k]: g} | dict(zip(arrays, cells, strict=True))
            read = [n for n in self.read_by([*self.new_values(k), *self.gradients(k)]) if n not in numbers]
            others = list(dict.fromkeys(w.names.of[n] for n in read))
            body = self.update(k, names, cells, f"{grad}[{self.j}]", g)
            arguments = [self.j, weights, grad, *states, self.own["count"], *others]
            whole = (*arguments, *(line for line, _statement in self.dialect.rendered(body)))
            if whole not in functions:
                functions[whole] = w.own("update" if not functions else f"update_{p.parameters[k].name}")
                w.add(Nested(tuple(wrapped(f"def {functions[whole]}(", arguments, ", ", "):")), tuple(body)), "", "")
            given = [w.names.of[a] for a in (arrays[0], p.mean_gradient[k], *arrays[1:])]
            call = (functions[whole], *given, self.count, *others)
            calls.append(Call("each_number", call, node=p.parameters[k], body=tuple(body)))
        return calls

    def states_of(self, k: int) -> Sequence[tuple[Expr, Expr, float]]:
        """The optimizer's state of a parameter."""
        size = len(self.program.optimizer.state)
        return self.program.new_state[k * size : (k + 1) * size]

    def new_values(self, k: int) -> list[Expr]:
        """What a parameter and its state become."""
        return [self.program.new_parameters[k], *(new for _s, new, _start in self.states_of(k))]

    def changes(self, k: int) -> Iterable[tuple[str, Expr]]:
        """The gradient of a parameter with the penalty, and clipped, as far as these change it."""
        p = self.program
        pairs = (("penalty", p.penalised[k]), ("clip", p.clipped[k]))
        return [(kind, changed) for kind, changed in pairs if changed is not p.mean_gradient[k]]

    def gradients(self, k: int) -> list[Expr]:
        """What the gradient of a parameter becomes before the update."""
        return [changed for _kind, changed in self.changes(k)]

    def update(self, k: int, names: Names, cells: Sequence[str], grad: str, g: str) -> list[Block]:
        """The blocks that update one number."""
        blocks = [Block("mean", (Mean(g, grad, self.own["count"]),), dict(names.of))]
        for kind, changed in self.changes(k):
            scope = dict(names.of)
            lines = assignments([changed], names, {}, inline=[changed])
            blocks.append(Block(kind, (*lines, Reassignment(g, changed)), scope))
        news = self.new_values(k)
        labels = {new: "new_" + cell.partition("[")[0] for new, cell in zip(news, cells, strict=True)}
        scope = dict(names.of)
        lines = assignments([*news[1:], news[0]], names, labels)
        results = [names.of[new] for new in news]
        updates = [Update(cell, result) for cell, result in zip(cells, results, strict=True)]
        last = Line(f"return {' + '.join(results)}")
        return [*blocks, Block("update", (Update(grad, g), *lines, *updates, last), scope)]

    # -- memory, and the beginning ------------------------------------------------------------------------
    def memory_function(self) -> None:
        """The arrays that steps write on."""
        w, o = self.w, self.own
        self.room = list(w.memory)
        with w.nested(f"def {o['memory']}():"):
            w.add('"""Room for a tile of samples, and for the sums of derivatives; made once."""')
            for name, units in w.memory.items():
                w.add(f"{name} = np.zeros({'WIDTH' if units is None else f'({units}, WIDTH)'})")
            for parameter, grad in zip(self.program.parameters, self.grads, strict=True):
                if parameter.shape:
                    shape = parameter.shape[0] if len(parameter.shape) == 1 else parameter.shape
                    w.add(f"{grad} = np.zeros({shape})")
                    self.room.append(grad)
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

    # -- one step -----------------------------------------------------------------------------------------
    @property
    def count(self) -> str:
        """How many samples a step takes."""
        return self.own["rows"] if self.shape.batch is Batch.ALL else self.own["count"]

    def batch(self, scope: dict[Expr, str]) -> None:
        """The sums over the samples of one step, tile by tile."""
        o, w = self.own, self.w
        start, stop = self.places()
        if self.shape.batch is not Batch.ALL:
            w.add(f"{o['stop']} = min({o['start']} + {o['batch_size']}, {o['rows']})")
        if self.shape.shuffled:
            w.add(f"{o['order']} = {o['orders']}[{o['epoch']} - {o['first_epoch']}]")
        with w.block("step", scope=scope):
            w.add(*self.hoisted)
        w.add(f"{o['loss_sum']} = 0.0")
        for parameter, grad in zip(self.program.parameters, self.grads, strict=True):
            w.add(f"clear({grad})" if parameter.shape else f"{grad} = 0.0")
        with w.nested(f"for {self.first} in range({start}, {stop}, TILE):"):
            self.tile(stop)
        if self.count == o["count"]:
            w.add(f"{o['count']} = {o['stop']} - {o['start']}")
        with w.block("mean"):
            w.add(Mean(o["batch_loss"], o["loss_sum"], self.count))

    def tile(self, stop: str) -> None:
        """The samples of one tile."""
        o, w, p = self.own, self.w, self.program
        last = f"min({self.first} + TILE, {stop})"
        samples = f"{o['order']}[{self.first}:{last}]" if self.shape.shuffled else f"range({self.first}, {last})"
        w.add(f"{self.samples} = {samples}", f"{self.m} = len({self.samples})")
        for node, whole in zip(w.plan.inputs, w.columns, strict=True):
            w.add(Call("take", (whole, self.samples, w.kept[node]), node=node))
        for kind, calls in (("forward", self.forward), ("backward", self.backward)):
            with w.block(kind, kind):
                w.add(*calls)
        with w.block("accumulate", "accumulate"):
            loss = (w.kept[p.loss], self.m, o["loss_sum"])
            w.add(Call("added", loss, o["loss_sum"], p.loss, (p.loss,)))
            for (function, nodes), grad, d in zip(w.plan.sums, self.grads, p.gradient, strict=True):
                given = (*(w.kept[n] for n in nodes), self.m, grad)
                w.add(Call(function, given, grad if function == "added" else "", d, nodes))

    def step(self) -> None:
        """One update: of single numbers here, of the others by `each_number`."""
        w, p = self.w, self.program
        numbers = [k for k, q in enumerate(p.parameters) if not q.shape]
        for k in numbers:
            with w.block("mean"):
                w.add(Mean(self.grads[k], self.grads[k], self.count))
            for kind, changed in self.changes(k):
                with w.block(kind):
                    w.add(*assignments([changed], w.names, {}, inline=[changed]))
                    w.add(Reassignment(self.grads[k], changed))
        del w.names.of[STEP + 1]  # the update functions are given it; here it has no value yet
        self.rate()
        later = {s.node for s in self.of_updates}  # they have their names already
        with w.block("update", "update", {n: name for n, name in w.names.of.items() if n not in later}):
            self.time([new for k in range(len(p.parameters)) for new in self.new_values(k)])
            w.add(*self.of_updates)
            found = []
            for call in self.updates:
                assert call.node is not None
                found.append(w.own(f"found_{call.node.name}"))
                w.add(Call(call.function, call.arguments, found[-1], call.node, body=call.body))
            olds: dict[str, str] = {}
            for k in numbers:
                names = [w.parameters[k], *(w.names.of[s] for s, _new, _start in self.states_of(k))]
                news = self.new_values(k)
                labels = {new: f"new_{name}" for new, name in zip(news, names, strict=True)}
                w.add(*assignments([*news[1:], news[0]], w.names, labels))
                olds |= {name: w.names.of[new] for new, name in zip(news, names, strict=True)}
            self.stop_unless_finite([(name, ()) for name in (*found, *olds.values())])
            w.add(*map(Update, olds, olds.values()))
