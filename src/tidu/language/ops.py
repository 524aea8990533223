"""The op table: every operation that a formula, a loss or an optimizer can use, each declared in one place.

`code` is what the loops run and what defines the value; `array` is the same for whole arrays; `text` is what the
formula parser reads back; the derivative is written with ops, so that it can be printed, compiled and differentiated
again, and serves expressions, tensors and arrays. To add an operation, add an entry here and an oracle for it in
`tests/oracles.py`; the tests iterate the table. Operations on whole arrays (sums, products of matrices) are in
`array_ops.py`.

Domains are the intervals in which tests sample; functions are defined beyond them wherever IEEE 754 says so.
Derivatives: Abramowitz & Stegun 1964, ch. 3, 4 and 7. At a kink the derivative is the one that the textbooks
take (`abs` and `relu` 0 at 0), never an error; the slope of a step function is 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol, cast, overload

from tidu.language.expr import (
    ADD,
    AND,
    ATOM,
    COMPARE,
    MULTIPLY,
    NEGATE,
    NOT,
    OPS,
    OR,
    POWER,
    Attr,
    Derivatives,
    Expr,
    ExprLike,
    Op,
    Template,
    is_never_zero,
    raised,
)
from tidu.language.operand import applied


class Function(Protocol):
    """A function of the table, on whatever can be operated on."""

    @overload
    def __call__(self, *args: ExprLike) -> Expr: ...
    @overload
    def __call__(self, *args: Any) -> Any: ...


REAL = (-3.0, 3.0)
POSITIVE = (0.1, 4.0)


def op(
    name: str,
    text: str,
    *,
    grad: Callable[..., Derivatives] | None,
    domain: tuple[tuple[float, float], ...],
    code: Template | None = None,
    array: str | None = None,
    unicode: str | None = None,
    latex: str | None = None,
    binding: int = ATOM,
    boolean: bool = False,
    doc: str = "",
) -> Function:
    """Register an operation and return the function that applies it to expressions, tensors, arrays or numbers.

    Without `array`, an operator is the same on arrays, and a function is NumPy's of the same name.
    """
    formula_name = text.split("(")[0] if binding == ATOM and text.split("(")[0].isidentifier() else None
    if array is None:
        array = text if binding != ATOM else f"xp.{name}({', '.join(f'{{{i}}}' for i in range(len(domain)))})"
    entry = OPS[name] = Op(
        name,
        text if code is None else code,
        array,
        text,
        unicode or text,
        latex or text,
        grad,
        domain,
        binding,
        boolean,
        formula_name,
        doc,
    )

    def function(*args: Any) -> Any:
        if len(args) != entry.arity:
            raise TypeError(f"{name} takes {entry.arity} argument{'s' if entry.arity != 1 else ''}, not {len(args)}")
        return applied(entry, args)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc or f"{text} as an expression."
    return cast(Function, function)


# -- arithmetic -------------------------------------------------------------------------------
def _quotient_code(args: tuple[Expr, ...], attrs: tuple[Attr, ...]) -> str:
    return "{0} / {1}" if is_never_zero(args[1]) else "divide({0}, {1})"


def _integer_power_code(args: tuple[Expr, ...], attrs: tuple[Attr, ...]) -> str:
    n = int(attrs[0])
    if 2 <= n <= 4:
        return " * ".join(["{0}"] * n)
    return {-1: "divide(1.0, {0})", 0: "1.0", 1: "{0}"}.get(n, f"power({{0}}, {float(n)})")


add = op("add", "{0} + {1}", binding=ADD, grad=lambda g, out, a, b: (g, g), domain=(REAL, REAL))
subtract = op(
    "subtract", "{0} - {1}", unicode="{0} − {1}", binding=ADD,
    grad=lambda g, out, a, b: (g, -g), domain=(REAL, REAL),
)  # fmt: skip
multiply = op(
    "multiply", "{0}*{1}", code="{0} * {1}", unicode="{0}·{1}", latex=r"{0} \cdot {1}", binding=MULTIPLY,
    grad=lambda g, out, a, b: (g * b, g * a), domain=(REAL, REAL),
)  # fmt: skip
divide = op(
    "divide", "{0}/{1}", code=_quotient_code, latex=r"\frac{{0}}{{1}}", binding=MULTIPLY,
    grad=lambda g, out, a, b: (g / b, lambda: -(g * out / b)), domain=(REAL, POSITIVE),
)  # fmt: skip
negative = op("negative", "-{0}", unicode="−{0}", binding=NEGATE, grad=lambda g, out, a: (-g,), domain=(REAL,))
integer_power = op(
    "integer_power", "{0}**{a}", code=_integer_power_code, array="whole_power({0}, {a})",
    unicode="{0}^{a}", latex="{0}^{{a}}", binding=POWER,
    grad=lambda g, out, a, n: (g * (n * raised(a, n - 1)),), domain=(POSITIVE,),
    doc="x**n for a whole number n; up to the fourth power it is a product.",
)  # fmt: skip
power = op(
    "power", "{0}**{1}", code="power({0}, {1})", unicode="{0}^{1}", latex="{0}^{{1}}", binding=POWER,
    grad=lambda g, out, a, b: (
        g * (b * raised(a, b - 1)),
        # 0**p is flat in p wherever it is finite, though log(0) is not.
        lambda: g * where(equal(a, 0), 0, out * log(a)),
    ),
    domain=(POSITIVE, REAL),
    doc="x**p for any p; nan for a negative x with a fractional p.",
)  # fmt: skip

# -- conditions -------------------------------------------------------------------------------
# A condition is constant between its jumps: its slope is nowhere asked for, and `where` does not pass one on.
_COMPARISONS = {
    "less": ("<", "<", "<"),
    "less_equal": ("<=", "≤", r"\le"),
    "greater": (">", ">", ">"),
    "greater_equal": (">=", "≥", r"\ge"),
    "equal": ("==", "==", "="),
    "not_equal": ("!=", "≠", r"\ne"),
}
for _name, (_text, _unicode, _latex) in _COMPARISONS.items():
    op(
        _name,
        "{0} " + _text + " {1}",
        unicode="{0} " + _unicode + " {1}",
        latex="{0} " + _latex + " {1}",
        binding=COMPARE,
        boolean=True,
        grad=None,
        domain=(REAL, REAL),
    )


def equal(a: Any, b: Any) -> Any:
    """The condition a = b (`==` on expressions is identity)."""
    return applied(OPS["equal"], (a, b))


logical_and = op(
    "logical_and", "{0} and {1}", code="logical_and({0}, {1})", array="xp.logical_and({0}, {1})",
    unicode="{0} ∧ {1}", latex=r"{0} \land {1}", binding=AND, boolean=True,
    grad=None, domain=((0, 1), (0, 1)),
)  # fmt: skip
logical_or = op(
    "logical_or", "{0} or {1}", code="logical_or({0}, {1})", array="xp.logical_or({0}, {1})",
    unicode="{0} ∨ {1}", latex=r"{0} \lor {1}", binding=OR, boolean=True,
    grad=None, domain=((0, 1), (0, 1)),
)  # fmt: skip
logical_not = op(
    "logical_not", "not {0}", code="logical_not({0})", array="xp.logical_not({0})",
    unicode="¬{0}", latex=r"\lnot {0}", binding=NOT, boolean=True,
    grad=None, domain=((0, 1),),
)  # fmt: skip
where: Function = op(
    "where", "where({0}, {1}, {2})",
    latex=r"\begin{cases}{1} & \text{if } {0}\\ {2} & \text{otherwise}\end{cases}",
    grad=lambda g, out, c, a, b: (None, where(c, g, 0.0), where(c, 0.0, g)),
    domain=((0, 1), REAL, REAL),
    doc="where(condition, a, b): a where the condition holds, b elsewhere.",
)  # fmt: skip

# -- powers of e, logarithms --------------------------------------------------------------------
exp = op(
    "exp", "exp({0})", latex="e^{{0}}", grad=lambda g, out, x: (g * out,), domain=(REAL,),
    doc="e to the power of x.",
)  # fmt: skip
expm1 = op(
    "expm1", "expm1({0})", latex=r"\left(e^{{0}} - 1\right)",
    grad=lambda g, out, x: (g * (out + 1),), domain=(REAL,), doc="e**x - 1, exact near 0.",
)  # fmt: skip
log: Function = op(
    "log", "log({0})", unicode="ln({0})", latex=r"\ln\left({0}\right)",
    grad=lambda g, out, x: (g / x,), domain=(POSITIVE,), doc="Natural logarithm.",
)  # fmt: skip
log1p = op(
    "log1p", "log1p({0})", latex=r"\ln\left(1 + {0}\right)",
    grad=lambda g, out, x: (g / (1 + x),), domain=((-0.9, 4.0),), doc="log(1 + x), exact near 0.",
)  # fmt: skip
log2 = op(
    "log2", "log2({0})", unicode="log₂({0})", latex=r"\log_2\left({0}\right)",
    grad=lambda g, out, x: (g / (math.log(2.0) * x),), domain=(POSITIVE,), doc="Logarithm to base 2.",
)  # fmt: skip
log10 = op(
    "log10", "log10({0})", unicode="log₁₀({0})", latex=r"\log_{10}\left({0}\right)",
    grad=lambda g, out, x: (g / (math.log(10.0) * x),), domain=(POSITIVE,), doc="Logarithm to base 10.",
)  # fmt: skip
sqrt = op(
    "sqrt", "sqrt({0})", unicode="√({0})", latex=r"\sqrt{{0}}",
    grad=lambda g, out, x: (g / (2 * out),), domain=(POSITIVE,), doc="Square root.",
)  # fmt: skip

# -- trigonometry (radians) -----------------------------------------------------------------------
sin = op(
    "sin", "sin({0})", latex=r"\sin\left({0}\right)", grad=lambda g, out, x: (g * cos(x),), domain=(REAL,),
    doc="Sine of x radians.",
)  # fmt: skip
cos: Function = op(
    "cos", "cos({0})", latex=r"\cos\left({0}\right)", grad=lambda g, out, x: (-(g * sin(x)),), domain=(REAL,),
    doc="Cosine of x radians.",
)  # fmt: skip
tan = op(
    "tan", "tan({0})", latex=r"\tan\left({0}\right)", grad=lambda g, out, x: (g * (1 + out**2),),
    domain=((-1.4, 1.4),), doc="Tangent of x radians.",
)  # fmt: skip
asin = op(
    "asin", "asin({0})", array="xp.arcsin({0})", unicode="arcsin({0})", latex=r"\arcsin\left({0}\right)",
    grad=lambda g, out, x: (g / sqrt(1 - x**2),), domain=((-0.95, 0.95),), doc="Inverse sine, in radians.",
)  # fmt: skip
acos = op(
    "acos", "acos({0})", array="xp.arccos({0})", unicode="arccos({0})", latex=r"\arccos\left({0}\right)",
    grad=lambda g, out, x: (-(g / sqrt(1 - x**2)),), domain=((-0.95, 0.95),), doc="Inverse cosine, in radians.",
)  # fmt: skip
atan = op(
    "atan", "atan({0})", array="xp.arctan({0})", unicode="arctan({0})", latex=r"\arctan\left({0}\right)",
    grad=lambda g, out, x: (g / (1 + x**2),), domain=(REAL,), doc="Inverse tangent, in radians.",
)  # fmt: skip

# -- hyperbolic -------------------------------------------------------------------------------
sinh = op(
    "sinh", "sinh({0})", latex=r"\sinh\left({0}\right)", grad=lambda g, out, x: (g * cosh(x),), domain=(REAL,),
    doc="Hyperbolic sine.",
)  # fmt: skip
cosh: Function = op(
    "cosh", "cosh({0})", latex=r"\cosh\left({0}\right)", grad=lambda g, out, x: (g * sinh(x),), domain=(REAL,),
    doc="Hyperbolic cosine.",
)  # fmt: skip
tanh = op(
    "tanh", "tanh({0})", latex=r"\tanh\left({0}\right)", grad=lambda g, out, x: (g * (1 - out**2),),
    domain=(REAL,), doc="Hyperbolic tangent.",
)  # fmt: skip
asinh = op(
    "asinh", "asinh({0})", array="xp.arcsinh({0})",
    unicode="arsinh({0})", latex=r"\operatorname{arsinh}\left({0}\right)",
    grad=lambda g, out, x: (g / sqrt(1 + x**2),), domain=(REAL,), doc="Inverse hyperbolic sine.",
)  # fmt: skip
acosh = op(
    "acosh", "acosh({0})", array="xp.arccosh({0})",
    unicode="arcosh({0})", latex=r"\operatorname{arcosh}\left({0}\right)",
    grad=lambda g, out, x: (g / (sqrt(x - 1) * sqrt(x + 1)),), domain=((1.1, 4.0),),
    doc="Inverse hyperbolic cosine.",
)  # fmt: skip
atanh = op(
    "atanh", "atanh({0})", array="xp.arctanh({0})",
    unicode="artanh({0})", latex=r"\operatorname{artanh}\left({0}\right)",
    grad=lambda g, out, x: (g / (1 - x**2),), domain=((-0.95, 0.95),), doc="Inverse hyperbolic tangent.",
)  # fmt: skip
log_cosh = op(
    "log_cosh", "log_cosh({0})", array="log_cosh({0})", latex=r"\ln\cosh\left({0}\right)",
    grad=lambda g, out, x: (g * tanh(x),), domain=(REAL,), doc="log(cosh(x)), without overflow.",
)  # fmt: skip

# -- error function -----------------------------------------------------------------------------
erf = op(
    "erf", "erf({0})", array="erf({0})", latex=r"\operatorname{erf}\left({0}\right)",
    grad=lambda g, out, x: (g * (2 / math.sqrt(math.pi) * exp(-(x**2))),), domain=(REAL,), doc="Error function.",
)  # fmt: skip
erfc = op(
    "erfc", "erfc({0})", array="erfc({0})", latex=r"\operatorname{erfc}\left({0}\right)",
    grad=lambda g, out, x: (g * (-2 / math.sqrt(math.pi) * exp(-(x**2))),), domain=(REAL,),
    doc="1 - erf(x), exact where erf(x) is near 1.",
)  # fmt: skip

# -- size and steps -----------------------------------------------------------------------------
absolute = op(
    "abs", "abs({0})", code="fabs({0})", unicode="|{0}|", latex=r"\left\lvert {0} \right\rvert",
    grad=lambda g, out, x: (g * sign(x),), domain=(REAL,), doc="Absolute value; slope 0 at 0.",
)  # fmt: skip
sign: Function = op(
    "sign", "sign({0})", latex=r"\operatorname{sign}\left({0}\right)",
    grad=lambda g, out, x: (0.0,), domain=(REAL,), doc="-1, 0 or 1; slope 0 away from the jump.",
)  # fmt: skip
floor = op(
    "floor", "floor({0})", unicode="⌊{0}⌋", latex=r"\left\lfloor {0} \right\rfloor",
    grad=lambda g, out, x: (0.0,), domain=(REAL,),
    doc="Largest whole number not above x; slope 0 between jumps.",
)  # fmt: skip
minimum = op(
    "minimum", "min({0}, {1})", code="minimum({0}, {1})", latex=r"\min\left({0}, {1}\right)",
    grad=lambda g, out, a, b: (where(a <= b, g, 0.0), where(a <= b, 0.0, g)), domain=(REAL, REAL),
    doc="The smaller of two; the slope goes to the first where they are equal.",
)  # fmt: skip
maximum = op(
    "maximum", "max({0}, {1})", code="maximum({0}, {1})", latex=r"\max\left({0}, {1}\right)",
    grad=lambda g, out, a, b: (where(a >= b, g, 0.0), where(a >= b, 0.0, g)), domain=(REAL, REAL),
    doc="The larger of two; the slope goes to the first where they are equal.",
)  # fmt: skip

# -- activations ------------------------------------------------------------------------------
relu = op(
    "relu", "relu({0})", code="maximum({0}, 0.0)", array="xp.maximum({0}, 0.0)",
    latex=r"\operatorname{relu}\left({0}\right)",
    grad=lambda g, out, x: (where(x > 0, g, 0.0),), domain=(REAL,), doc="max(x, 0); slope 0 at 0.",
)  # fmt: skip
sigmoid = op(
    "sigmoid", "sigmoid({0})", array="sigmoid({0})", unicode="σ({0})", latex=r"\sigma\left({0}\right)",
    grad=lambda g, out, x: (g * (out * (1 - out)),), domain=(REAL,), doc="1 / (1 + e**-x), the logistic function.",
)  # fmt: skip
softplus = op(
    "softplus", "softplus({0})", array="softplus({0})", latex=r"\operatorname{softplus}\left({0}\right)",
    grad=lambda g, out, x: (g * sigmoid(x),), domain=(REAL,), doc="log(1 + e**x).",
)  # fmt: skip

# Other names that formulas may use for the same operations.
ALIASES = {
    "ln": "log",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "arsinh": "asinh",
    "arcosh": "acosh",
    "artanh": "atanh",
    "σ": "sigmoid",
}
FUNCTIONS: dict[str, str] = {
    **{o.formula_name: name for name, o in OPS.items() if o.formula_name is not None},
    **ALIASES,
}
CONSTANTS = {"pi": math.pi, "π": math.pi, "e": math.e}
