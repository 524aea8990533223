"""What a loop over tiles computes, and whether a program has one; and the memory that its nodes are kept in.

`Plan` puts the nodes of one sample in order. Read by `tile_loop`, which writes the loop, by whoever chooses an engine,
and by the trace.
"""

from __future__ import annotations

from tidu.engines.array_loop import inputs_of
from tidu.engines.dialects import OF_TILES, of_vectors
from tidu.engines.program import Program
from tidu.engines.scalar_loop import Batch, LoopShape
from tidu.engines.stages import NotOnTiles, staged, units_of
from tidu.engines.writer import Writer
from tidu.language.expr import Expr, evaluation_order


def fits_tiles(program: Program, shape: LoopShape) -> bool:
    """Whether everything in the program has its counterpart in `runtime.tiles`."""
    if not program.of_arrays or shape.batch is Batch.NONE:
        return False
    new_state = [new for _s, new, _start in program.new_state]
    of_step = [*program.penalised, *program.clipped, *program.new_parameters, *new_state]
    sums = {*sums_of_gradients(program), *sums_of_parameters(program)}
    if any(n.args and not n.op.elementwise and n not in sums for n in evaluation_order(of_step)):
        return False
    try:
        Plan(program)
    except NotOnTiles:
        return False
    return True


def sums_of_gradients(program: Program) -> dict[Expr, int]:
    """The sums over the numbers of one gradient that a step clips by, each with the place of its parameter."""
    places = {g: k for k, g in enumerate(program.mean_gradient)}
    found: dict[Expr, int] = {}
    for node in evaluation_order(program.clipped):
        if node.op.name == "sum" and not node.shape:
            inside = evaluation_order(node.args)
            of = [places[n] for n in inside if n in places]
            if len(of) == 1 and all(n.op.elementwise for n in inside if n.args):
                found[node] = of[0]
    return found


def sums_of_parameters(program: Program) -> dict[Expr, int]:
    """The sums over the numbers of one parameter that a penalty needs, each with the place of its parameter."""
    places = {p: k for k, p in enumerate(program.parameters)}
    order = evaluation_order(program.penalised)
    return {n: places[n.args[0]] for n in order if n.op.name == "sum" and not n.shape and n.args[0] in places}


class Plan:
    """What is computed on a tile, in order: forward, backward, and what is summed over the samples."""

    def __init__(self, program: Program) -> None:
        self.inputs = inputs_of(program)
        self.given = [*self.inputs, *program.masks]  # what differs from sample to sample before anything is computed
        varies = set(self.given)
        order = evaluation_order([program.loss, *program.gradient], known=varies)
        for node in order:
            if any(a in varies for a in node.args):
                varies.add(node)
        fixed = [n for n in order if n not in varies and n.args]
        if any(n.shape for n in fixed):
            raise NotOnTiles("a vector of parameters alone")
        self.sums = [self._sum(p, d, varies) for p, d in zip(program.parameters, program.gradient, strict=True)]
        factors = [f for _call, nodes in self.sums for f in nodes]
        forward = [n for n in evaluation_order([program.loss], known=self.given) if n in varies]
        known = [n for n in forward if not n.op.boolean]
        backward = evaluation_order(factors, known=known)
        read = {a for n in backward if n not in set(known) for a in n.args} | set(factors)
        self.forward = staged([program.loss], [n for n in known if n in read], self.given, varies)
        self.backward = staged(factors, [], [*self.given, *known], varies)

    @staticmethod
    def _sum(parameter: Expr, d: Expr, varies: set[Expr]) -> tuple[str, tuple[Expr, ...]]:
        """The function that adds a derivative over samples, and the nodes that it reads."""
        rank = len(parameter.shape)
        if rank == 2 and d.op.name == "outer" and all(a in varies for a in d.args):
            return "add_outer", d.args
        if rank == 1 and d.op.name == "placed" and all(a in varies for a in d.args):
            return "add_placed", d.args
        if rank == 2 or d not in varies:
            raise NotOnTiles("a derivative")
        if rank == 1 and d.op.name == "multiply" and all(a in varies for a in d.args):
            numbers, vectors = sorted(d.args, key=lambda a: len(a.shape))
            if not numbers.shape and vectors.shape == parameter.shape:
                return "add_scaled", (numbers, vectors)
        return ("add_samples" if rank else "added"), (d,)


class TileWriter(Writer):
    """Collects the statements of the functions, and where the nodes are kept."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.plan = Plan(program)
        for name in ("np", "memory", *OF_TILES, *of_vectors()):
            self.names.fresh(name)
        self.kept: dict[Expr, str] = {}  # the memory that a node is in
        self.memory: dict[str, int | None] = {}  # its units
        for node in self.plan.given:
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
