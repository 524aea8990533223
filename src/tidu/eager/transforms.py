"""From a function to its derivatives: `grad`, `value_and_grad`, `jacobian`, `hessian`, `hvp`, and a check of them.

Each takes a Python function of numbers, arrays or tensors and returns another, and they nest: `grad(grad(f))`. Given
plain numbers and arrays they return such; where tensors come in, or the function uses tensors that have a gradient,
they return tensors that can be differentiated again.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidu.eager.functions import copy, reshape, stack
from tidu.eager.graph import RECORDING, VARIABLES, adjoints, backward_order
from tidu.eager.tensor import Tensor
from tidu.errors import TensorError
from tidu.text import _

Function = Callable[..., Any]


def value_and_grad(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """A function that gives the value of `f` and its gradient at once.

    Parameters
    ----------
    f : gives a single number.
    argnums : which argument to differentiate by; several give a tuple of gradients.

    Examples
    --------
    >>> import tidu
    >>> tidu.value_and_grad(lambda x: 3 * x**2)(1.0)
    (3.0, 6.0)
    """

    @functools.wraps(f)
    def both(*args: Any, **named: Any) -> Any:
        call = _Call(f, args, argnums, named)
        _single(call.output)
        return call.shown(call.output), call.shaped(call.derivatives(_ones(call.output)))

    return both


def grad(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """A function that gives the gradient of `f`, which gives a single number.

    Examples
    --------
    >>> import tidu
    >>> tidu.grad(lambda x: 3 * x**2)(1.0)
    6.0
    >>> tidu.grad(tidu.grad(tidu.sin))(0.5) == -tidu.sin(0.5)
    True
    """
    both = value_and_grad(f, argnums)

    @functools.wraps(f)
    def gradient(*args: Any, **named: Any) -> Any:
        return both(*args, **named)[1]

    return gradient


def jacobian(f: Function, argnum: int = 0) -> Function:
    """A function that gives ∂f/∂x: an array whose shape is that of `f(x)`, then that of x.

    Examples
    --------
    >>> import tidu
    >>> tidu.jacobian(lambda x: x**2)([1.0, 2.0])
    array([[2., 0.],
           [0., 4.]])
    """

    @functools.wraps(f)
    def rows(*args: Any, **named: Any) -> Any:
        call = _Call(f, args, argnum, named)
        return call.jacobian_of(call.output)

    return rows


def hessian(f: Function, argnum: int = 0) -> Function:
    """A function that gives the second derivatives of `f`, which gives a single number.

    Examples
    --------
    >>> import tidu
    >>> tidu.hessian(lambda x: x[0] ** 2 * x[1])([1.0, 3.0])
    array([[6., 2.],
           [2., 0.]])
    """

    @functools.wraps(f)
    def second(*args: Any, **named: Any) -> Any:
        call = _Call(f, args, argnum, named)
        _single(call.output)
        return call.jacobian_of(call.derivatives(_ones(call.output), recorded=True)[0])

    return second


def hvp(f: Function) -> Function:
    """A function of x and v that gives the Hessian of `f` at x times v, at the price of two gradients.

    Source: Pearlmutter 1994.

    Examples
    --------
    >>> import tidu
    >>> tidu.hvp(lambda x: x[0] ** 2 * x[1])([1.0, 3.0], [1.0, 0.0])
    array([6., 2.])
    """

    @functools.wraps(f)
    def product(x: Any, v: Any) -> Any:
        call = _Call(f, (x,), 0)
        _single(call.output)
        gradient = call.derivatives(_ones(call.output), recorded=True)[0]
        direction = v if isinstance(v, Tensor) else Tensor(v, requires_grad=False)
        if direction.shape != call.variables[0].shape:
            raise TensorError(
                _("the direction has the shape {given}, the point has {shape}").format(
                    given=direction.shape, shape=call.variables[0].shape
                )
            )
        along = (gradient * direction).sum()
        return call.shaped(call.derivatives_of(along, _ones(along)))

    return product


class _Call:
    """One evaluation of a function at fresh variables, and derivatives of what it gave."""

    def __init__(
        self, f: Function, args: Sequence[Any], argnums: int | Sequence[int], named: Mapping[str, Any] | None = None
    ) -> None:
        self.single = isinstance(argnums, int)
        numbers = [argnums] if isinstance(argnums, int) else list(argnums)
        if any(not -len(args) <= k < len(args) for k in numbers):
            raise TensorError(
                _("there is no argument {number}: the function was given {count}").format(
                    number=numbers, count=len(args)
                )
            )
        self.tensors = any(isinstance(a, Tensor) for a in args)
        new = list(args)
        token = RECORDING.set(True)
        try:
            for k in numbers:
                # A tensor goes in through a copy of it, so that an outer derivative finds the way to it.
                follows = isinstance(args[k], Tensor) and args[k].requires_grad
                new[k] = copy(args[k]) if follows else Tensor(args[k])
            self.variables = [new[k] for k in numbers]
            running = VARIABLES.set(VARIABLES.get() | frozenset(self.variables))
            try:
                output = f(*new, **(named or {}))
            finally:
                VARIABLES.reset(running)
        finally:
            RECORDING.reset(token)
        self.output = output if isinstance(output, Tensor) else Tensor(output, requires_grad=False)
        self._order: dict[Tensor, list[Tensor]] = {}

    def derivatives(self, seed: Any, recorded: bool = False) -> list[Any]:
        return self.derivatives_of(self.output, seed, recorded)

    def derivatives_of(self, output: Tensor, seed: Any, recorded: bool = False) -> list[Any]:
        """∂output/∂variable times `seed`, for each variable."""
        order = self._order.get(output)
        if order is None:
            order = self._order[output] = _on_path(backward_order(output, self.variables), self.variables)
        recorded = recorded or self._is_within_another(output)
        if recorded and not isinstance(seed, Tensor):
            seed = Tensor(seed, requires_grad=False)
        token = RECORDING.set(True)
        try:
            found = adjoints(output, seed, order, self.variables, recorded) if order else {}
        finally:
            RECORDING.reset(token)
        return [self._found(found.get(v), v, recorded) for v in self.variables]

    def _found(self, g: Any, variable: Tensor, recorded: bool) -> Any:
        if g is None:
            g = 0.0 if not variable.shape else np.zeros(variable.shape, variable.dtype)
        return Tensor(g, requires_grad=False) if (recorded and not isinstance(g, Tensor)) else g

    def _is_within_another(self, output: Tensor) -> bool:
        """Whether the result leads to tensors with a gradient that are not variables of this call."""
        mine = set(self.variables)
        return output.requires_grad and any(
            (t.made is not None) if t in mine else (t.made is None) for t in backward_order(output, self.variables)
        )

    def jacobian_of(self, output: Tensor) -> Any:
        shape = output.shape
        seeds = np.eye(output.size, dtype=output.dtype).reshape(output.size, *shape)
        rows = [self.derivatives_of(output, seed if shape else float(seed))[0] for seed in seeds]
        whole = (*shape, *self.variables[0].shape)
        if not rows:  # the jacobian of nothing
            return self.shown(np.zeros(whole))
        if any(isinstance(row, Tensor) for row in rows):
            return reshape(stack(rows), whole)
        return self.shown(np.reshape(np.stack([np.asarray(r) for r in rows]), whole))

    def shaped(self, gradients: list[Any]) -> Any:
        shown = [self.shown(g) for g in gradients]
        return shown[0] if self.single else tuple(shown)

    def shown(self, value: Any) -> Any:
        """A tensor where tensors came in or an outer derivative needs one, else plain numbers."""
        if isinstance(value, Tensor):
            if self.tensors or self._is_within_another(value):
                return value
            value = value.value
        elif self.tensors:
            return Tensor(value, requires_grad=False)
        return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value


def _on_path(order: list[Tensor], variables: Iterable[Tensor]) -> list[Tensor]:
    """Those of `order` whose value depends on a variable."""
    depends = set(variables)
    for node in reversed(order):
        if node.made is not None and any(p in depends for p in node.made[1] if p is not None):
            depends.add(node)
    return [node for node in order if node in depends]


def _single(output: Tensor) -> None:
    if output.shape:
        raise TensorError(
            _(
                "a gradient is of a single number, and the function gave an array of shape {shape}; take its sum or "
                "mean, or ask for the jacobian"
            ).format(shape=output.shape)
        )


def _ones(output: Tensor) -> Any:
    return 1.0 if output.dtype == np.float64 else np.ones_like(output.value)


@dataclass(frozen=True)
class GradientCheck:
    """What `check_gradient` found; true where the gradients agree.

    Attributes
    ----------
    gradient, differences : by the rules, and by differences of values.
    worst : the largest difference between the two, relative to the size of the gradient (at least 1).
    where : the index at which it is largest.
    tolerance : the largest `worst` that passes.
    """

    gradient: Any
    differences: Any
    worst: float
    where: tuple[int, ...]
    tolerance: float

    def __bool__(self) -> bool:
        return self.worst <= self.tolerance

    def __repr__(self) -> str:
        answer = _("the gradient is right") if self else _("the gradient is WRONG")
        at = np.asarray(self.gradient)[self.where], np.asarray(self.differences)[self.where]
        return _(
            "{answer}: it differs from differences by {worst:.2g} at most (relative), at {where}: {ours:.10g} by the "
            "rules, {theirs:.10g} by differences; allowed is {tolerance:.2g}"
        ).format(answer=answer, worst=self.worst, where=self.where, ours=at[0], theirs=at[1], tolerance=self.tolerance)


def check_gradient(f: Function, x: Any, tolerance: float = 1e-6) -> GradientCheck:
    """The gradient of `f` at x beside what differences of its values say.

    Parameters
    ----------
    f : a function of one number or array that gives a single number.
    x : where.
    tolerance : the largest relative difference that counts as agreement. Central differences with the step
        max(1, abs(x))·∛ε are right to about 1e-10; near a kink, at a jump or far from 1 they are not.

    Examples
    --------
    >>> import tidu
    >>> bool(tidu.check_gradient(lambda x: tidu.sin(x).sum(), [0.1, 0.2, 3.0]))
    True
    """
    start = Tensor(x, requires_grad=False)
    point = np.array(start.value, dtype=np.float64)
    with_rules = grad(f)(point if point.ndim else float(point))
    exact = np.asarray(with_rules.value if isinstance(with_rules, Tensor) else with_rules)
    measured = np.empty(point.shape)
    for key in np.ndindex(point.shape):
        h = max(1.0, abs(float(point[key]))) * np.finfo(float).eps ** (1 / 3)
        ends = []
        for step in (h, -h):
            moved = point.copy()
            moved[key] += step
            ends.append((moved[key], float(f(Tensor(moved, requires_grad=False)))))
        measured[key] = (ends[0][1] - ends[1][1]) / (ends[0][0] - ends[1][0])
    scale = max(1.0, float(np.max(np.abs(measured), initial=0.0)))
    off = np.abs(exact - measured) / scale
    worst = np.unravel_index(int(np.argmax(np.where(np.isnan(off), np.inf, off))), off.shape) if off.size else ()
    where = tuple(int(k) for k in worst)
    size = float(off[where]) if off.size else 0.0
    return GradientCheck(_number(exact), _number(measured), float("inf") if np.isnan(size) else size, where, tolerance)


def _number(a: Any) -> Any:
    return float(a) if np.ndim(a) == 0 else a
