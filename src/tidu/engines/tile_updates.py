"""How a loop over tiles updates its parameters: functions of one number, and the calls that run them over arrays.

A gradient that is clipped by its length is read twice: `mean` makes each number what the length is taken of, and
`update` goes on from there. Parameters whose updates read alike share one function. Called by `tile_loop`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tidu.content.schedules import STEP
from tidu.engines.dialects import wrapped
from tidu.engines.scalar_loop import Batch, TrainWriter
from tidu.engines.statements import (
    Assignment,
    Block,
    Call,
    Line,
    Mean,
    Names,
    Nested,
    Reassignment,
    Rounded,
    Update,
    assignments,
    per_step,
)
from tidu.engines.tile_plan import TileWriter, sums_of_gradients, sums_of_parameters
from tidu.language.expr import Expr, evaluation_order


class TileUpdates(TrainWriter):
    """Writes what is done with each number of a parameter, of its gradient and of the optimizer's state."""

    w: TileWriter
    j: str  # what the place of a number is called

    def read_by(self, nodes: Sequence[Expr]) -> list[Expr]:
        """What is computed elsewhere and read by these nodes, in the order of use."""
        w, inside = self.w, set(nodes)
        found: dict[Expr, None] = {}
        for node in nodes:
            for leaf in evaluation_order(node.args, known=w.kept.keys() | w.names.of.keys() | inside):
                found |= dict.fromkeys((leaf, *leaf.args))
            found |= dict.fromkeys(node.args)
        return [n for n in found if n not in inside and (n in w.kept or n in w.names.of)]

    def update_functions(self) -> None:
        """Write the functions that the calls of a step run."""
        w, p = self.w, self.program
        w.names.of[STEP + 1] = self.own["t"]
        self.with_shape = [k for k, q in enumerate(p.parameters) if q.shape]
        every = (*p.parameters, *p.mean_gradient, *(s for s, _new, _start in p.new_state))
        self.numbers = [s for s in every if s.shape]
        self.in_cells = {name: w.own(name) for name in ("w", "grad", "g", *p.optimizer.state)}
        self.functions: dict[tuple[str, ...], str] = {}
        self.sums_written: dict[tuple[str, ...], str] = {}
        self.of_parameters = [
            self.sum_of(node, p.parameters[k], "w", "penalty", f"number_{p.parameters[k].name}")
            for node, k in sums_of_parameters(p).items()
        ]
        self.of_lengths = self.sums_of_squares()
        before = self.with_shape if self.of_lengths else []
        self.means = [self.each_number(k, "mean", self.before_length(k)) for k in before]
        outputs = [new for k in self.with_shape for new in self.new_values(k)]
        self.of_updates = assignments(per_step(outputs, self.numbers, {}), w.names, {})
        self.updates = [
            self.each_number(k, "update", [*self.gradients(k), *self.new_values(k)]) for k in self.with_shape
        ]

    def sums_of_squares(self) -> list[Call]:
        """The sums over gradients by which these are clipped."""
        w, p = self.w, self.program
        calls: list[Call] = []
        for node, k in sums_of_gradients(p).items():
            called = "square" if not calls else f"square_{p.parameters[k].name}"
            calls.append(self.sum_of(node, p.mean_gradient[k], "grad", "clip", called))
        clips = [c for c in p.clipped if c.args] if calls else []
        fixed = {*(call.node for call in calls if call.node is not None), *p.mean_gradient}
        self.of_clips = assignments(_same_for_all(clips, fixed, self.numbers), w.names, {})
        return calls

    def sum_of(self, node: Expr, numbers: Expr, cell: str, kind: str, called: str) -> Call:
        """The call that gives a sum over `numbers`, by a function of one of them, which is written unless it is."""
        w, whole = self.w, self.in_cells[cell]
        names = w.names.inside()
        names.of[numbers] = f"{whole}[{self.j}]"
        scope = dict(names.of)
        lines = assignments(node.args, names, {}, inline=node.args)
        block = Block(kind, (*lines, Line("return ({0},)", node.args)), scope)
        text = tuple(line for line, _statement in self.dialect.rendered([block]))
        if text not in self.sums_written:
            self.sums_written[text] = w.own(called)
            w.add(Nested((f"def {self.sums_written[text]}({self.j}, {whole}):",), (block,)), "", "")
        given = (self.sums_written[text], w.names.of[numbers])
        return Call("sum_numbers", given, w.names.numbered(node), node, (numbers,), (block,))

    def each_number(self, k: int, kind: str, read: Sequence[Expr]) -> Call:
        """The call of a function of one number of parameter k; the function is written."""
        w, p = self.w, self.program
        states = [self.in_cells[name] for name in p.optimizer.state] if kind == "update" else []
        arrays = (
            [p.parameters[k], *(s for s, _new, _start in self.states_of(k))] if kind == "update" else [p.parameters[k]]
        )
        cells = [f"{name}[{self.j}]" for name in (self.in_cells["w"], *states)]
        names = w.names.inside()
        names.of |= dict(zip(arrays, cells, strict=True))
        others = list(dict.fromkeys(w.names.of[n] for n in self.read_by(read) if n not in self.numbers))
        body = self.mean(k, names) if kind == "mean" else self.update(k, names, cells)
        counted = [] if kind == "update" and self.of_lengths else [self.own["count"]]
        arguments = [self.j, self.in_cells["w"], self.in_cells["grad"], *states, *counted, *others]
        whole = (kind, *arguments, *(line for line, _statement in self.dialect.rendered(body)))
        if whole not in self.functions:
            first = not any(key[0] == kind for key in self.functions)
            self.functions[whole] = w.own(kind if first else f"{kind}_{p.parameters[k].name}")
            w.add(Nested(tuple(wrapped(f"def {self.functions[whole]}(", arguments, ", ", "):")), tuple(body)), "", "")
        given = [w.names.of[a] for a in (arrays[0], p.mean_gradient[k], *arrays[1:])]
        call = (self.functions[whole], *given, *([self.count] if counted else []), *others)
        return Call("each_number", call, node=p.parameters[k], body=tuple(body))

    @property
    def count(self) -> str:
        """How many samples a step takes."""
        return self.own["rows"] if self.shape.batch is Batch.ALL else self.own["count"]

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

    def before_length(self, k: int) -> list[Expr]:
        """What the gradient of a parameter becomes before its length is taken."""
        return [changed for kind, changed in self.changes(k) if kind == "penalty"]

    def gradients(self, k: int) -> list[Expr]:
        """What the gradient of a parameter becomes in the function that updates it."""
        return [changed for kind, changed in self.changes(k) if kind == "clip" or not self.of_lengths]

    def mean(self, k: int, names: Names) -> list[Block]:
        """The blocks that make one number what the length is taken of."""
        grad, g = f"{self.in_cells['grad']}[{self.j}]", self.in_cells["g"]
        blocks = self.changed(k, names, [(kind, c) for kind, c in self.changes(k) if kind == "penalty"])
        return [*blocks, Block("mean", (Update(grad, g), Line(f"return {g}")), dict(names.of))]

    def changed(self, k: int, names: Names, changes: Iterable[tuple[str, Expr]], begun: bool = False) -> list[Block]:
        """The blocks that change one number of a gradient; it begins with the mean, or where `mean` has left it."""
        grad, g = f"{self.in_cells['grad']}[{self.j}]", self.in_cells["g"]
        blocks = []
        names.of[self.program.mean_gradient[k]] = grad if begun else g
        if not begun:
            blocks.append(Block("mean", (Mean(g, grad, self.own["count"]),), dict(names.of)))
        for kind, changed in changes:
            scope = dict(names.of)
            lines = assignments([changed], names, {}, inline=[changed])
            blocks.append(Block(kind, (*lines, Reassignment(g, changed)), scope))
            names.of[self.program.mean_gradient[k]] = g
        return blocks

    def update(self, k: int, names: Names, cells: Sequence[str]) -> list[Block]:
        """The blocks that update one number."""
        changes = [(kind, c) for kind, c in self.changes(k) if kind == "clip" or not self.of_lengths]
        blocks = self.changed(k, names, changes, begun=bool(self.of_lengths))
        news = self.new_values(k)
        labels = {new: "new_" + cell.partition("[")[0] for new, cell in zip(news, cells, strict=True)}
        scope = dict(names.of)
        lines: list[Assignment | Rounded] = list(assignments([*news[1:], news[0]], names, labels))
        results = [names.of[new] for new in news]
        if self.shape.dtype == "float32":
            lines.append(Rounded(results[0]))
        grad, g = f"{self.in_cells['grad']}[{self.j}]", self.in_cells["g"]
        updates = [Update(cell, result) for cell, result in zip(cells, results, strict=True)]
        last = Line(f"return {' + '.join(results)}")
        return [*blocks, Block("update", (Update(grad, g), *lines, *updates, last), scope)]


def _same_for_all(outputs: Sequence[Expr], known: set[Expr], numbers: Sequence[Expr]) -> list[Expr]:
    """The parts of `outputs` that are the same for every number: what is computed of `known` sums alone."""
    varies = set(numbers)
    order = evaluation_order(outputs, known=known)
    for node in order:
        if any(a in varies for a in node.args):
            varies.add(node)
    found: dict[Expr, None] = {}
    for node in order:
        if node in varies:
            parts = [b for a in node.args if a not in varies for b in (a.args if a.op.boolean else (a,))]
            found |= dict.fromkeys(a for a in parts if a.args and a not in varies and a not in known)
    return list(found)
