"""Beyond the gradient: residuals and their Jacobian, Hessians, Hessian-vector products, as generated loops.

Two texts are enough for most. `sums_source` writes a function that adds expressions of one sample up over all rows (a
cost with its gradient, a Hessian); `rows_source` one that writes them down row by row (residuals with their Jacobian,
the gradient of each sample). `least_squares_source` has both, and the way to the minimum (`runtime/least_squares.py`).
What they are sums and rows of is said here too. Read by `training/solving/`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Sequence

from tidu.engines.dialects import Dialect, imported
from tidu.engines.program import Program
from tidu.engines.statements import Accumulate, Line, Nested, Reassignment, assignments, per_step
from tidu.engines.writer import Writer, labels_of
from tidu.language.calculus import gradient
from tidu.language.expr import Expr, evaluation_order, symbol
from tidu.language.ops import sqrt
from tidu.language.simplify import ZERO, simplify

KEPT = 64  # derivatives and texts of programs that were asked for last: a second fit of a formula asks again


# -- the expressions of one sample ----------------------------------------------------------------
def residual_of(program: Program) -> Expr:
    """(ŷ − y), times the root of the sample's weight where it has one: what least squares squares."""
    assert program.target is not None
    residual = program.score - program.target
    return residual if program.weight is None else sqrt(program.weight) * residual


def target_of(program: Program) -> Expr:
    """The target in the unit of `residual_of`."""
    assert program.target is not None
    return program.target if program.weight is None else sqrt(program.weight) * program.target


def jacobian_of(output: Expr, parameters: Sequence[Expr]) -> tuple[Expr, ...]:
    """One row of the Jacobian: the slopes of `output`."""
    return _slopes(output, tuple(parameters))


_slopes = functools.lru_cache(maxsize=KEPT)(gradient)


@functools.lru_cache(maxsize=KEPT)
def is_linear_in(output: Expr, parameters: tuple[Expr, ...]) -> bool:
    """Whether no slope of `output` depends on one of the parameters."""
    slopes = evaluation_order(jacobian_of(output, parameters))
    return not any(parameter in slopes for parameter in parameters)


@functools.lru_cache(maxsize=KEPT)
def linear_in(output: Expr, parameters: tuple[Expr, ...]) -> tuple[int, ...]:
    """A set of parameters, by their places, no slope of which depends on another of the set."""
    slopes = jacobian_of(output, parameters)
    linear: list[int] = []
    for k, parameter in enumerate(parameters):
        others = [parameters[j] for j in linear]
        if all(d is ZERO for d in jacobian_of(slopes[k], [parameter, *others])):
            linear.append(k)
    return tuple(linear)


def hessian_of(slopes: Sequence[Expr], parameters: Sequence[Expr]) -> list[Expr]:
    """The slopes of the slopes, the upper triangle row by row."""
    return [h for j, slope in enumerate(slopes) for h in _slopes(slope, tuple(parameters[j:]))]


def residual_curvature_of(program: Program) -> list[Expr]:
    """r·∂²r, the upper triangle: what the Hessian of ½Σr² has besides JᵀJ."""
    residual = residual_of(program)
    slopes = jacobian_of(residual, program.parameters)
    return [h if h is ZERO else residual * h for h in hessian_of(slopes, program.parameters)]


def direction_of(parameters: Sequence[Expr]) -> tuple[Expr, ...]:
    """Symbols for the vector that a Hessian is multiplied by."""
    return tuple(symbol(f"direction_{p.name}", "hyper") for p in parameters)


def hessian_product_of(slopes: Sequence[Expr], parameters: Sequence[Expr]) -> tuple[Expr, ...]:
    """The Hessian times a direction: the gradient of (gradient · direction) (Pearlmutter 1994)."""
    along: Expr = ZERO
    memo = {node: node for node in evaluation_order(slopes)}
    for slope, part in zip(slopes, direction_of(parameters), strict=True):
        along = simplify(along + slope * part, memo)
    return gradient(along, parameters)


# -- the texts ------------------------------------------------------------------------------------
def sums_source(program: Program, outputs: Sequence[Expr], directions: Sequence[Expr] = ()) -> str:
    """A module with one function, `sums(columns, first_row, rows, parameters, totals)`: Σ of each output over the rows.

    It adds to what `totals` holds, so that rows may come block by block.

    `directions` are symbols whose values come after those of the parameters.
    """
    return _kept(program, outputs, directions, lambda: _sums_text(program, outputs, directions))


def _sums_text(program: Program, outputs: Sequence[Expr], directions: Sequence[Expr]) -> str:
    w = Writer(program).with_users_names()
    arguments = [w.own(k) for k in ("columns", "first_row", "rows", "parameters", "totals")]
    columns, first_row, rows, parameters, totals = arguments
    extra = [w.names.name(d, d.name) for d in directions]
    kept = [k for k, output in enumerate(outputs) if output is not ZERO]
    sums = [w.own(f"sum_{k}") for k in kept]
    with w.nested(f"def sums({', '.join(arguments)}):"):
        w.unpack(w.columns, columns)
        w.unpack([*w.parameters, *extra], parameters)
        w.add(*(f"{s} = {totals}[{k}]" for k, s in zip(kept, sums, strict=True)))
        wanted = [outputs[k] for k in kept]
        _loop(w, w.own("i"), f"{first_row}, {first_row} + {rows}", wanted, list(map(Accumulate, sums, wanted)))
        w.add(*(f"{totals}[{k}] = {s}" for k, s in zip(kept, sums, strict=True)))
    return w.source("Sums over all rows, written by tidu.", Dialect())


def rows_source(program: Program, outputs: Sequence[Expr], roles: Sequence[str] = ()) -> str:
    """A module with one function, `each_row(columns, first_row, rows, parameters, outputs)`, which fills `outputs`.

    `outputs` holds an array for each of the expressions, in which a row has the place that it has in the columns. Only
    columns of `roles` are asked for, if any are named.
    """
    return _kept(program, outputs, ("rows", *roles), lambda: _rows_text(program, outputs, roles))


def _rows_text(program: Program, outputs: Sequence[Expr], roles: Sequence[str]) -> str:
    w = Writer(program).with_users_names()
    arguments = [w.own(k) for k in ("columns", "first_row", "rows", "parameters", "outputs")]
    columns, first_row, rows, parameters, arrays = arguments
    i = w.own("i")
    read = [name for c, name in zip(program.columns, w.columns, strict=True) if not roles or c.role in roles]
    names = [w.own(f"output_{k}") for k in range(len(outputs))]
    with w.nested(f"def each_row({', '.join(arguments)}):"):
        w.unpack(read, columns)
        w.unpack(w.parameters, parameters)
        w.unpack(names, arrays)
        places = [Reassignment(f"{name}[{i}]", o) for name, o in zip(names, outputs, strict=True)]
        _loop(w, i, f"{first_row}, {first_row} + {rows}", outputs, places)
    return w.source("Values row by row, written by tidu.", Dialect())


def least_squares_source(program: Program) -> str:
    """A module whose `fit(given, room)` is `runtime.least_squares.least_squares` with the slopes of this program."""
    return _kept(program, program.gradient, ("least squares",), lambda: _least_squares_text(program))


def _least_squares_text(program: Program) -> str:
    residual = residual_of(program)
    slopes, p = jacobian_of(residual, program.parameters), len(program.parameters)
    places = [(j, k) for j in range(p) for k in range(j, p)]
    bends = dict(zip(places, residual_curvature_of(program), strict=True))
    bent = {place: bend for place, bend in bends.items() if bend is not ZERO}

    w = Writer(program).with_users_names()
    columns, at, table = (w.own(k) for k in ("columns", "at", "table"))
    rows, i = w.own("rows"), w.own("i")
    names = [*(w.own(f"slope_{k}") for k in range(p)), w.own("residuals")]
    with w.nested(f"def slopes({columns}, {at}, {table}):"):
        w.take_apart(columns, at)
        w.add(*(f"{name} = {table}[{k}]" for k, name in enumerate(names)), f"{rows} = len({names[-1]})")
        outputs = [*slopes, residual]
        _loop(w, i, rows, outputs, [Reassignment(f"{n}[{i}]", o) for n, o in zip(names, outputs, strict=True)])

    v = Writer(program).with_users_names()
    columns, at, table = (v.own(k) for k in ("columns", "at", "bends"))
    rows, i = v.own("rows"), v.own("i")
    sums = {place: v.own("sum_{}_{}".format(*place)) for place in bent}
    with v.nested(f"def curvature({columns}, {at}, {table}):"):
        v.take_apart(columns, at)
        v.add(*(f"{s} = 0.0" for s in sums.values()))
        if bent:
            v.add(f"{rows} = len({v.columns[0]})")
            _loop(v, i, rows, [*bent.values()], [Accumulate(sums[place], bend) for place, bend in bent.items()])
        v.add(*(f"{table}[{j}][{k}] = {sums.get((j, k), '0.0')}" for j, k in places))
    called = Line("return least_squares(slopes, curvature, given, room)")
    apart = (Line(""), Line(""))
    return _WithLeastSquares().module(
        "Least squares, written by tidu.",
        (*w.statements, *apart, *v.statements, *apart, Nested(("def fit(given, room):",), (called,))),
    )


class _WithLeastSquares(Dialect):
    def imports(self, body: str) -> list[str]:
        return [*super().imports(body), *imported("tidu.runtime.least_squares", ["least_squares"])]


_TEXTS: dict[tuple[Hashable, ...], str] = {}


def _kept(program: Program, outputs: Sequence[Expr], more: Sequence[Hashable], write: Callable[[], str]) -> str:
    """The text that `write` gives, kept with all that it follows from: nodes are the same objects in a second fit."""
    landmarks = (program.loss, program.target, program.slope, program.score)
    key = (program.columns, program.parameters, landmarks, tuple(outputs), tuple(more))
    text = _TEXTS.pop(key, None) or write()
    _TEXTS[key] = text  # as the last
    while len(_TEXTS) > KEPT:
        _TEXTS.pop(next(iter(_TEXTS)), None)
    return text


def _loop(w: Writer, i: str, ends: str, outputs: Sequence[Expr], last: Sequence[Accumulate | Reassignment]) -> None:
    """The loop over the samples, with what no sample changes before it; `last` is what is done with the outputs.

    `ends` is the text of the samples' range.
    """
    labels = labels_of(w.program)
    with w.block("step"):
        w.add(*assignments(per_step(outputs, w.program.columns, labels), w.names, {}))
    with w.nested(f"for {i} in range({ends}):"):
        w.read_in_place(i)
        with w.block("forward"):
            w.add(*w.cells(i, outputs), *assignments(outputs, w.names, labels, inline=outputs), *last)
        if not outputs:
            w.add("pass")
