"""The way back through a graph of tensors, and the switch that says whether a graph is recorded.

A tensor that was computed knows its operation, the tensors that went in and their values at that time (`made`). So the
graph is the tensors themselves: it lives as long as its result does, and goes with it. Nothing here recurses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from tidu.errors import NoDerivative, TensorError
from tidu.language.array_ops import cast, fitted, shape_of
from tidu.text import _

if TYPE_CHECKING:
    from tidu.eager.tensor import Tensor

RECORDING: ContextVar[bool] = ContextVar("recording", default=True)
# The variables by which a derivative is being taken, while the function runs.
VARIABLES: ContextVar[frozenset[Tensor]] = ContextVar("variables", default=frozenset())
_serial = attrgetter("serial")


@contextmanager
def no_grad() -> Iterator[None]:
    """A stretch of code in which nothing is recorded, and `w -= lr * w.grad` changes `w` in place.

    Examples
    --------
    >>> import tidu
    >>> w = tidu.tensor(3.0, requires_grad=True)
    >>> with tidu.no_grad():
    ...     print((w * 2).requires_grad)
    False
    """
    before = RECORDING.set(False)
    try:
        yield
    finally:
        RECORDING.reset(before)


def check_stays(tensor: Any, what: str) -> None:
    """Raise where `what` would take a plain value out of a function whose derivative is being taken.

    The derivative of what is computed from it would come out as 0. In `no_grad`, and on what no variable leads to,
    values may be taken.
    """
    variables = VARIABLES.get()
    if variables and tensor.wants and RECORDING.get() and not variables.isdisjoint(backward_order(tensor)):
        raise TensorError(
            _(
                "{what} takes a plain value out of a function whose derivative is being taken, and that derivative "
                "would come out as 0; compute with functions of tidu or NumPy (tidu.sin, not math.sin), or take "
                "detach() of what is to count as constant"
            ).format(what=what)
        )


def check_not_a_variable(tensor: Tensor) -> None:
    """Raise where an argument by which a derivative is being taken would be assigned to."""
    if tensor in VARIABLES.get():
        raise TensorError(
            _(
                "a function assigned to the argument by which its derivative is being taken; that derivative would be "
                "wrong: make a new array with where, stack or concatenate"
            )
        )


def backward_order(output: Tensor, stops: Iterable[Tensor] = ()) -> list[Tensor]:
    """Every tensor with a gradient that `output` was computed from, users before what they use; not beyond `stops`.

    Tensors are numbered as they are made, so the order of making, reversed, is such an order.
    """
    seen = {output}
    stack = [output]
    ends = set(stops)
    while stack:
        node = stack.pop()
        if node.made is None or node in ends:
            continue
        for parent in node.made[1]:
            if parent is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return sorted(seen, key=_serial, reverse=True)


def adjoints(
    output: Tensor,
    seed: Any,
    order: Iterable[Tensor],
    stops: Iterable[Tensor] = (),
    recorded: bool = False,
    every: bool = False,
) -> dict[Tensor, Any]:
    """∂output/∂tensor, times `seed`, for each leaf, each stop and each single number of `order`; `every`: for all.

    Recorded, the derivatives are tensors that can be differentiated again; otherwise they are bare numbers and arrays.

    Source: Linnainmaa 1970; Griewank & Walther 2008, ch. 3.2.
    """
    adjoint: dict[Tensor, Any] = {output: seed}
    ends = set(stops)
    with np.errstate(all="ignore"):
        for node in order:
            made = node.made
            if made is None or node in ends:
                continue
            g = adjoint.get(node)
            if g is None:  # on no path with a slope: the condition of a `where`
                continue
            if not (type(g) is float or node.keeps or every):
                del adjoint[node]
            op, parents, inputs, attrs = made
            if op.grad is None:
                raise NoDerivative(
                    _(
                        "'{name}' has no derivative, and one is needed here; put conditions inside where(condition,"
                        " a, b), and use detach() for what needs no derivative"
                    ).format(name=op.name)
                )
            if recorded:
                contributions = _wanted(op.grad(g, node, *_as_recorded(op.name, parents, inputs), *attrs), parents)
            else:
                try:
                    contributions = _wanted(op.grad(g, node.value, *inputs, *attrs), parents)
                except ArithmeticError:  # Python's numbers raise where IEEE 754, and so NumPy's, has inf or nan
                    values = map(_ieee, (g, node.value, *inputs))
                    contributions = _wanted(op.grad(*values, *attrs), parents)
            for parent, value, contribution in zip(parents, inputs, contributions, strict=True):
                if parent is None or contribution is None:
                    continue
                if recorded:
                    contribution = _in_kind_recorded(contribution, value)
                elif type(contribution) is not float or type(value) is not float:
                    contribution = _in_kind(contribution, value)
                known = adjoint.get(parent)
                adjoint[parent] = contribution if known is None else known + contribution
    return adjoint


def _wanted(contributions: Iterable[Any], parents: Iterable[Tensor | None]) -> list[Any]:
    """The contributions of those parents that there are; a contribution may be a function that gives it."""
    pairs = zip(contributions, parents, strict=True)
    return [
        None if parent is None else contribution() if callable(contribution) else contribution
        for contribution, parent in pairs
    ]


def _ieee(value: Any) -> Any:
    return np.float64(value) if type(value) is float else value


def _as_recorded(name: str, parents: tuple[Tensor | None, ...], inputs: tuple[Any, ...]) -> list[Any]:
    """The arguments of an operation as tensors, which still have the values that went in."""
    arguments: list[Any] = []
    for parent, value in zip(parents, inputs, strict=True):
        if parent is not None and parent.value is not value and not np.array_equal(parent.value, value):
            raise TensorError(
                _(
                    "a tensor was changed in place after '{name}' used it, and a second derivative asks for what it "
                    "was before; change it after the derivatives are taken"
                ).format(name=name)
            )
        arguments.append(value if parent is None else parent)
    return arguments


def _in_kind(contribution: Any, value: Any) -> Any:
    """A derivative in the shape and the precision of the value that it belongs to."""
    if type(value) is float:
        return float(np.sum(contribution))
    if type(contribution) is not np.ndarray:
        return np.full(value.shape, contribution, value.dtype)
    contribution = fitted(contribution, value.shape)
    return contribution if contribution.dtype == value.dtype else contribution.astype(value.dtype)


def _in_kind_recorded(contribution: Any, value: Any) -> Any:
    """The same for a derivative that is a tensor itself."""
    contribution = fitted(contribution, shape_of(value))
    kind = getattr(value, "dtype", contribution.dtype if hasattr(contribution, "dtype") else None)
    return contribution if getattr(contribution, "dtype", kind) == kind else cast(contribution, attrs=(str(kind),))
