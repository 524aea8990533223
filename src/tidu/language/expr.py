"""`Expr`: an expression as an immutable, interned node; equal expressions are one object.

A leaf is a constant or a `symbol` with a role; every other node is an `Op` of the table in `ops.py` applied to
nodes. Operators and functions build nodes and change nothing: what the user writes is what is kept. Everything
that reads a graph (printer, calculus, loop writer) walks `evaluation_order`, which never recurses.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Union
from weakref import WeakValueDictionary

Number = int | float
ExprLike = Union["Expr", int, float]
Attr = str | float | int
Derivatives = tuple["Expr | None", ...]
# Template of one style, or a function of (args, attrs) that picks it.
Template = str | Callable[[tuple["Expr", ...], tuple[Attr, ...]], str]


@dataclass(frozen=True, eq=False)
class Op:
    """One operation: its value, its derivative and its looks, declared together.

    `code` is evaluated as it stands by the loops (`{0}`, `{1}` are the arguments, `{a}` the attribute); `text`,
    `unicode` and `latex` print it. `grad(g, out, *args, *attrs)` gives each argument's adjoint as expressions,
    with None for an argument that is a condition and has no slope; an op without `grad` cannot be differentiated.
    `domain` is one interval per argument in which tests sample. `binding` is the precedence of the mathematical
    notation (that of `code` and `text` follows from Python's grammar).
    """

    name: str
    code: Template
    text: str
    unicode: str
    latex: str
    grad: Callable[..., Derivatives] | None
    domain: tuple[tuple[float, float], ...]
    binding: int
    boolean: bool = False
    formula_name: str | None = None
    doc: str = ""

    @property
    def arity(self) -> int:
        """How many arguments it takes."""
        return len(self.domain)

    def __repr__(self) -> str:
        return f"<op {self.name}>"


# Precedence of printed forms, as in Python's grammar.
CHOICE, OR, AND, NOT, COMPARE, ADD, MULTIPLY, NEGATE, POWER, ATOM = range(10)


def _leaf(name: str) -> Op:
    return Op(name, "", "", "", "", None, (), ATOM)


CONSTANT = _leaf("constant")
SYMBOL = _leaf("symbol")
ROLES = ("feature", "target", "weight", "parameter", "gradient", "state", "hyper", "time")
OPS: dict[str, Op] = {}


class Expr:
    """A node of an expression graph; see `constant`, `symbol` and the functions of `tidu.language.ops`.

    `==` and `hash` are by identity, which for interned nodes is equality of structure; use `equal(a, b)` for
    the condition a = b inside a model.
    """

    __slots__ = ("__weakref__", "args", "attrs", "op")
    __hash__ = object.__hash__
    __array_priority__: ClassVar[float] = 1000.0

    op: Op
    args: tuple[Expr, ...]
    attrs: tuple[Attr, ...]

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
        name = _NUMPY_NAMES.get(ufunc.__name__, ufunc.__name__)
        if method == "__call__" and not kwargs and name in OPS:
            return raised(*inputs) if name == "power" else apply(name, *inputs)
        raise TypeError(f"numpy.{ufunc.__name__} has no counterpart in tidu's table of operations")

    def __repr__(self) -> str:
        from tidu.language.printer import text

        return text(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.op.name, self.args, self.attrs)


# NumPy's names of operations that the table calls something else.
_NUMPY_NAMES = {
    "absolute": "abs",
    "float_power": "power",
    "true_divide": "divide",
    **{f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
}
_interned: WeakValueDictionary[Any, Expr] = WeakValueDictionary()


def _restored(op_name: str, args: tuple[Expr, ...], attrs: tuple[Attr, ...]) -> Expr:
    """A node from a pickle, perhaps in a process that has yet to fill the op table."""
    import tidu.language.ops  # noqa: F401

    if op_name == "constant":
        return constant(float(attrs[0]))
    if op_name == "symbol":
        return symbol(str(attrs[0]), str(attrs[1]), bool(attrs[2]))
    return _node(op_name, args, attrs)


def _node(op_name: str, args: tuple[Expr, ...], attrs: tuple[Attr, ...]) -> Expr:
    return _intern(OPS[op_name], args, attrs, (op_name, args, attrs))


def _intern(op: Op, args: tuple[Expr, ...], attrs: tuple[Attr, ...], key: Any) -> Expr:
    node = _interned.get(key)
    if node is None:
        node = object.__new__(Expr)
        node.op, node.args, node.attrs = op, args, attrs
        _interned[key] = node
    return node


def constant(value: Number) -> Expr:
    """The number `value` as an expression (0.0 and -0.0 are two constants)."""
    value = float(value)
    return _intern(CONSTANT, (), (value,), ("constant", value.hex()))


def symbol(name: str, role: str, positive: bool = False) -> Expr:
    """A name that stands for a column, a parameter, a setting ...; `role` is one of `ROLES`.

    `positive` promises that its value is always above 0.
    """
    if role not in ROLES:
        raise ValueError(f"role {role!r} is not one of {', '.join(ROLES)}")
    attrs = (name, role, positive)
    return _intern(SYMBOL, (), attrs, ("symbol", attrs))


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
    return _node(name, nodes, attrs)


def raised(base: ExprLike, exponent: ExprLike) -> Expr:
    """base ** exponent; a whole-number exponent is an attribute, so that it can become a product."""
    base, exponent = as_expr(base), as_expr(exponent)
    if exponent.is_constant and exponent.value.is_integer() and abs(exponent.value) <= 1024:
        return apply("integer_power", base, attrs=(int(exponent.value),))
    return apply("power", base, exponent)


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
        new[node] = node if args == node.args else _node(node.op.name, args, node.attrs)
    return new[output]


def evaluate(output: Expr, values: Mapping[Expr, float]) -> float:
    """The number that `output` has where each symbol has its value; the loops' own code, node by node."""
    known: dict[Expr, float] = {}
    for node in evaluation_order([output]):
        if node.is_constant:
            known[node] = node.value
        elif node.is_symbol:
            known[node] = values[node]
        else:
            known[node] = operate(node, [known[a] for a in node.args])
    return known[output]


_compiled: dict[str, Any] = {}


def code_template(node: Expr) -> str:
    """The Python code of this node, with `{0}`, `{1}` for its arguments."""
    code = node.op.code
    template = code(node.args, node.attrs) if callable(code) else code
    return template.replace("{a}", repr(node.attrs[0])) if node.attrs else template


def operate(node: Expr, arguments: list[float]) -> float:
    """The value of one node: its code template, evaluated."""
    from tidu import ieee

    template = code_template(node)
    if template not in _compiled:
        names = [f"_{i}" for i in range(node.op.arity)]
        # The template is from the op table, never from a user.
        _compiled[template] = eval(f"lambda {', '.join(names)}: {template.format(*names)}", vars(ieee).copy())
    value = _compiled[template](*arguments)
    return value if isinstance(value, bool) else float(value)


def is_positive(node: Expr) -> bool:
    """Whether a leaf is certainly above 0."""
    return node.value > 0.0 if node.is_constant else node.is_symbol and bool(node.attrs[2])


def is_nonnegative(node: Expr) -> bool:
    """Whether the value is certainly >= 0 or nan, by structure alone."""
    sure: dict[Expr, bool] = {}
    for e in evaluation_order([node]):
        name, args = e.op.name, e.args
        if not args:
            sure[e] = is_positive(e) or (e.is_constant and e.value == 0.0)
        elif name in ("exp", "sqrt", "abs", "sigmoid", "softplus", "cosh"):
            sure[e] = True
        elif name == "integer_power":
            sure[e] = int(e.attrs[0]) % 2 == 0 or (int(e.attrs[0]) > 0 and sure[args[0]])
        elif name in ("add", "multiply", "minimum"):  # not divide: 1 / -0.0 is -inf
            sure[e] = all(sure[a] for a in args)
        elif name == "maximum":
            sure[e] = any(sure[a] for a in args)
        else:
            sure[e] = False
    return sure[node]


def is_never_zero(node: Expr) -> bool:
    """Whether the value is certainly not 0, by structure alone: a number, or a positive number plus squares."""
    if node.is_constant:
        return node.value != 0.0
    if node.op.name == "add":
        a, b = node.args
        return any(is_positive(one) and is_nonnegative(other) for one, other in ((a, b), (b, a)))
    return node.op.name == "cosh" or is_positive(node)
