"""`Expr`: an expression as an immutable, interned node; equal expressions are one object.

A leaf is a constant or a `symbol` with a role; every other node is an `Op` of the table applied to nodes. Operators
and functions build nodes and change nothing: what the user writes is what is kept. Everything that reads a graph
(printer, calculus, loop writer) walks `evaluation_order`, which never recurses.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Union, overload
from weakref import WeakValueDictionary

import numpy as np

from tidu.language.operand import Operand, applied
from tidu.language.operation import NUMPY_NAMES, OPS, Attr, Op, Shape, code_function

Number = int | float
ExprLike = Union["Expr", int, float]
CONSTANT, SYMBOL = Op("constant"), Op("symbol")
ROLES = ("feature", "target", "weight", "mask", "parameter", "gradient", "state", "hyper", "time")


class Expr(Operand):
    """A node of an expression graph; see `constant`, `symbol` and the functions of `tidu.language.ops`.

    `shape` is that of its value for one sample: () for a number, (n,) for a vector.

    `==` and `hash` are by identity, which for interned nodes is equality of structure; use `equal(a, b)` for
    the condition a = b inside a model.
    """

    __slots__ = ("__weakref__", "args", "attrs", "op", "shape")
    __hash__ = object.__hash__
    __array_priority__: ClassVar[float] = 1000.0

    op: Op
    args: tuple[Expr, ...]
    attrs: tuple[Attr, ...]
    shape: Shape

    def __init__(self) -> None:
        raise TypeError("expressions are built with constant(), symbol(), operators and functions")

    # -- leaves -------------------------------------------------------------------------------
    @property
    def is_constant(self) -> bool:
        """Whether this is a number."""
        return self.op is CONSTANT

    @property
    def is_symbol(self) -> bool:
        """Whether this is a name."""
        return self.op is SYMBOL

    @property
    def value(self) -> float:
        """The number of a constant."""
        if self.op is not CONSTANT:
            raise TypeError(f"{self} is not a constant")
        return float(self.attrs[0])

    @property
    def name(self) -> str:
        """The name of a symbol."""
        if self.op is not SYMBOL:
            raise TypeError(f"{self} is not a symbol")
        return str(self.attrs[0])

    @property
    def role(self) -> str:
        """The role of a symbol; one of `ROLES`."""
        if self.op is not SYMBOL:
            raise TypeError(f"{self} is not a symbol")
        return str(self.attrs[1])

    def applied(self, op: Op, args: tuple[Any, ...], attrs: tuple[Any, ...]) -> Expr:
        """The node of `op` on `args`."""
        if not op.elementwise:
            return _made(op, tuple(as_expr(a) for a in args), attrs)
        return apply(op.name, *args, attrs=attrs)

    # -- operators ----------------------------------------------------------------------------
    def __add__(self, other: ExprLike) -> Expr:
        return apply("add", self, other)

    def __radd__(self, other: ExprLike) -> Expr:
        return apply("add", other, self)

    def __sub__(self, other: ExprLike) -> Expr:
        return apply("subtract", self, other)

    def __rsub__(self, other: ExprLike) -> Expr:
        return apply("subtract", other, self)

    def __mul__(self, other: ExprLike) -> Expr:
        return apply("multiply", self, other)

    def __rmul__(self, other: ExprLike) -> Expr:
        return apply("multiply", other, self)

    def __truediv__(self, other: ExprLike) -> Expr:
        return apply("divide", self, other)

    def __rtruediv__(self, other: ExprLike) -> Expr:
        return apply("divide", other, self)

    def __pow__(self, other: ExprLike) -> Expr:
        return raised(self, other)

    def __rpow__(self, other: ExprLike) -> Expr:
        return raised(other, self)

    def __neg__(self) -> Expr:
        return apply("negative", self)

    def __pos__(self) -> Expr:
        return self

    def __abs__(self) -> Expr:
        return apply("abs", self)

    def __lt__(self, other: ExprLike) -> Expr:
        return apply("less", self, other)

    def __le__(self, other: ExprLike) -> Expr:
        return apply("less_equal", self, other)

    def __gt__(self, other: ExprLike) -> Expr:
        return apply("greater", self, other)

    def __ge__(self, other: ExprLike) -> Expr:
        return apply("greater_equal", self, other)

    def __and__(self, other: ExprLike) -> Expr:
        return apply("logical_and", self, other)

    def __or__(self, other: ExprLike) -> Expr:
        return apply("logical_or", self, other)

    def __invert__(self) -> Expr:
        return apply("logical_not", self)

    def __bool__(self) -> bool:
        raise TypeError(
            "an expression has no truth value while the model is being recorded; "
            "write where(condition, a, b) instead of if, and logical_and/or/not instead of and/or/not"
        )

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Expr:
        """NumPy's functions on expressions: `np.sin(x)` is `sin(x)`."""
        name = NUMPY_NAMES.get(ufunc.__name__)
        if method == "__call__" and not kwargs and name is not None:
            return raised(*inputs) if name == "power" else apply(name, *inputs)
        raise TypeError(f"numpy.{ufunc.__name__} has no counterpart in tidu's table of operations")

    def __repr__(self) -> str:
        return SHOWN["text"](self)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.op.name, self.args, self.attrs)


SHOWN: dict[str, Callable[[Expr], str]] = {}  # how an expression is shown, by the printer, which stands above
_interned: WeakValueDictionary[Any, Expr] = WeakValueDictionary()


def _restored(op_name: str, args: tuple[Expr, ...], attrs: tuple[Attr, ...]) -> Expr:
    """A node from a pickle, perhaps in a process that has yet to fill the op table."""
    if op_name == "constant":
        return constant(float(attrs[0]))
    if op_name == "symbol":
        return symbol(str(attrs[0]), str(attrs[1]), bool(attrs[2]), attrs[3])
    return _made(OPS[op_name], args, attrs)


def _made(op: Op, args: tuple[Expr, ...], attrs: tuple[Attr, ...]) -> Expr:
    """The node of an operation."""
    return _intern(op, args, attrs, (op.name, args, attrs if _has_hash(attrs) else repr(attrs)))


def _has_hash(attrs: tuple[Attr, ...]) -> bool:
    """Whether these attributes can be a key; a slice cannot before Python 3.12."""
    return not any(type(part) is slice for a in attrs if type(a) is tuple for part in a)


def with_args(node: Expr, args: tuple[Expr, ...]) -> Expr:
    """The same operation on other arguments."""
    return node if args == node.args else _made(node.op, args, node.attrs)


def _intern(op: Op, args: tuple[Expr, ...], attrs: tuple[Attr, ...], key: Any, shape: Shape | None = None) -> Expr:
    node = _interned.get(key)
    if node is None:
        node = object.__new__(Expr)
        node.op, node.args, node.attrs = op, args, attrs
        node.shape = _shape_of(op, tuple(a.shape for a in args), attrs) if shape is None else shape
        _interned[key] = node
    return node


def _shape_of(op: Op, shapes: tuple[Shape, ...], attrs: tuple[Attr, ...]) -> Shape:
    if op.elementwise:
        return () if not any(shapes) else np.broadcast_shapes(*shapes)
    return (_shape_by_trying if _has_hash(attrs) else _shape_by_trying.__wrapped__)(op, shapes, attrs)


@functools.cache
def _shape_by_trying(op: Op, shapes: tuple[Shape, ...], attrs: tuple[Attr, ...]) -> Shape:
    """The shape of what an operation on arrays gives: its value on zeros has it."""
    return tuple(np.shape(op.on_arrays(*(np.zeros(s) for s in shapes), *attrs)))


def constant(value: Number) -> Expr:
    """The number `value` as an expression (0.0 and -0.0 are two constants)."""
    value = float(value)
    return _intern(CONSTANT, (), (value,), ("constant", value.hex()), ())


def symbol(name: str, role: str, positive: bool = False, shape: Shape = ()) -> Expr:
    """A name that stands for a column, a parameter, a setting ...; `role` is one of `ROLES`.

    `positive` promises that its value is always above 0; `shape` is for one that stands for a vector or a matrix.
    """
    if role not in ROLES:
        raise ValueError(f"role {role!r} is not one of {', '.join(ROLES)}")
    attrs = (name, role, positive, shape)
    return _intern(SYMBOL, (), attrs, ("symbol", attrs), shape)


def as_expr(value: ExprLike) -> Expr:
    """`value` itself, or the number as a constant."""
    if isinstance(value, Expr):
        return value
    try:
        if not isinstance(value, (str, bytes)):  # of which float() would make a number
            return constant(value)
    except (TypeError, ValueError):
        pass
    raise TypeError(f"{value!r} is neither a number nor a tidu expression")


def apply(name: str, *args: ExprLike, attrs: tuple[Attr, ...] = ()) -> Expr:
    """The operation `name` of the table on `args`; the negative of a number is a number."""
    op = OPS[name]
    nodes = tuple(as_expr(a) for a in args)
    if len(nodes) != op.arity:
        raise TypeError(f"{name} takes {op.arity} argument{'s' if op.arity != 1 else ''}, not {len(nodes)}")
    if name == "negative" and nodes[0].is_constant:
        return constant(-nodes[0].value)
    return _made(op, nodes, attrs)


@overload
def raised(base: ExprLike, exponent: ExprLike) -> Expr: ...
@overload
def raised(base: Any, exponent: Any) -> Any: ...
def raised(base: Any, exponent: Any) -> Any:
    """base ** exponent; a whole-number exponent is an attribute, so that it can become a product."""
    number = exponent.value if type(exponent) is Expr and exponent.is_constant else exponent
    if isinstance(number, (int, float)) and float(number).is_integer() and abs(number) <= 1024:
        return applied(OPS["integer_power"], (base,), (int(number),))
    return applied(OPS["power"], (base, exponent))


def evaluation_order(outputs: Iterable[Expr], known: Container[Expr] = ()) -> list[Expr]:
    """Every node that `outputs` need, each once, arguments before their users; `known` nodes are left out.

    `known` is only asked, never copied: it may be large, and this is called often.
    """
    order: list[Expr] = []
    done: set[Expr] = set()
    for output in outputs:
        stack = [(output, False)]
        while stack:
            node, expanded = stack.pop()
            if node in done or node in known:
                continue
            if expanded:
                done.add(node)
                order.append(node)
            else:
                stack.append((node, True))
                stack.extend((arg, False) for arg in reversed(node.args) if arg not in done)
    return order


def symbols(outputs: Iterable[Expr], *roles: str) -> list[Expr]:
    """The symbols in `outputs` that have one of `roles`, in the order of evaluation."""
    return [node for node in evaluation_order(outputs) if node.is_symbol and node.role in roles]


def substitute(output: Expr, replacements: Mapping[Expr, Expr]) -> Expr:
    """`output` with each key of `replacements` exchanged for its value."""
    new = dict(replacements)
    for node in evaluation_order([output], known=replacements):
        args = tuple(new[a] for a in node.args)
        new[node] = with_args(node, args)
    return new[output]


def evaluate(output: Expr, values: Mapping[Expr, float]) -> float:
    """The number that `output` has where each symbol has its value; the loops' own code, node by node."""
    return evaluate_all([output], values)[0]


def evaluate_all(outputs: Sequence[Expr], values: Mapping[Expr, float]) -> list[float]:
    """The numbers that several have; what they share is computed once."""
    known: dict[Expr, float] = {}
    for node in evaluation_order(outputs):
        if node.is_constant:
            known[node] = node.value
        elif node.is_symbol:
            known[node] = values[node]
        else:
            known[node] = operate(node, [known[a] for a in node.args])
    return [known[output] for output in outputs]


def code_template(node: Expr) -> str:
    """The Python code of this node, with `{0}`, `{1}` for its arguments."""
    return node.op.template(node.args, node.attrs)


def operate(node: Expr, arguments: list[float]) -> float:
    """The value of one node: its code template, evaluated."""
    value = code_function(code_template(node), node.op.arity)(*arguments)
    return value if isinstance(value, bool) else float(value)


def is_positive(node: Expr) -> bool:
    """Whether a leaf is certainly above 0."""
    return node.value > 0.0 if node.is_constant else node.is_symbol and bool(node.attrs[2])


def is_nonnegative(node: Expr) -> bool:
    """Whether the value is certainly >= 0 or nan, by structure alone."""
    sure: dict[Expr, bool] = {}
    for e in evaluation_order([node]):
        if not e.args:
            sure[e] = is_positive(e) or (e.is_constant and e.value == 0.0)
        else:
            rule = e.op.nonnegative
            sure[e] = rule([sure[a] for a in e.args], e.attrs) if callable(rule) else rule
    return sure[node]


def is_never_zero(node: Expr) -> bool:
    """Whether the value is certainly not 0, by structure alone: a number, or a positive number plus squares."""
    if not node.args:
        return node.value != 0.0 if node.is_constant else is_positive(node)
    rule = node.op.never_zero
    return rule(node.args) if callable(rule) else rule
