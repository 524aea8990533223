"""The op table: every operation that a formula, a loss or an optimizer can use, each declared in one place.

What an entry says is described in `operation.py`. The derivative is written with ops, so that it can be printed,
compiled and differentiated again, and serves expressions, tensors and arrays. To add an operation, add an entry here
and an oracle for it in `tests/oracles.py`; the tests iterate the table. Operations on whole arrays (sums, products of
matrices) are in `array_ops.py`.

Domains are the intervals in which tests sample; functions are defined beyond them wherever IEEE 754 says so.
Derivatives: Abramowitz & Stegun 1964, ch. 3, 4 and 7. At a kink the derivative is the one that the textbooks
take (`abs` and `relu` 0 at 0), never an error; the slope of a step function is 0.
"""

from __future__ import annotations

import math
from typing import Any, Protocol, overload

from tidu.language import simplify
from tidu.language.arithmetic import (
    all_nonnegative,
    integer_power_code,
    integer_power_on_batches,
    is_positive_sum,
    is_square_or_of_nonnegative,
    quotient_code,
)
from tidu.language.expr import Expr, ExprLike, raised
from tidu.language.operation import ADD, AND, COMPARE, MULTIPLY, NEGATE, NOT, OR, POWER
from tidu.language.operation import op as entry
from tidu.runtime import elementary, ieee
from tidu.text import mark


class Function(Protocol):
    """A function of the table, on whatever can be operated on."""

    @overload
    def __call__(self, *args: ExprLike) -> Expr: ...
    @overload
    def __call__(self, *args: Any) -> Any: ...


REAL = (-3.0, 3.0)
POSITIVE = (0.1, 4.0)


def op(name: str, text: str, **declared: Any) -> Function:
    """Enter an operation on numbers in the table, and return the function that applies it."""
    return entry(name, text, **declared)


# -- arithmetic -------------------------------------------------------------------------------
def _exponent_of_slope(b: Any) -> Any:
    """b - 1; 0 where b is 0, for 0 times a**-1 has the limit 0 also where a is 0."""
    number = b.value if isinstance(b, Expr) and b.is_constant else b
    if isinstance(number, (int, float)):
        return number - 1 if number else 0
    return where(equal(b, 0), 0, b - 1)


add = op(
    "add", "{0} + {1}", noun="sum", binding=ADD, grad=lambda g, out, a, b: (g, g), domain=(REAL, REAL),
    simplified=simplify.added, nonnegative=all_nonnegative, never_zero=is_positive_sum,
    onnx="Add({0}, {1})",
)  # fmt: skip
subtract = op(
    "subtract", "{0} - {1}", unicode="{0} − {1}", noun="difference", binding=ADD, right=1,
    grad=lambda g, out, a, b: (g, -g), domain=(REAL, REAL), simplified=simplify.subtracted,
    onnx="Sub({0}, {1})",
)  # fmt: skip
multiply = op(
    "multiply", "{0}*{1}", code="{0} * {1}", array="{0} * {1}", unicode="{0}·{1}", latex=r"{0} \cdot {1}",
    noun="product", binding=MULTIPLY,
    grad=lambda g, out, a, b: (g * b, g * a), domain=(REAL, REAL), simplified=simplify.multiplied,
    nonnegative=all_nonnegative,
    onnx="Mul({0}, {1})",
)  # fmt: skip
divide = op(
    "divide", "{0}/{1}", code=quotient_code, array="{0} / {1}", latex=r"\frac{{0}}{{1}}",
    mathml="<mfrac>{0}{1}</mfrac>",
    noun="quotient", binding=MULTIPLY, right=2, aliases=("true_divide",), value=ieee.divide,
    grad=lambda g, out, a, b: (g / b, lambda: -(g * out / b)), domain=(REAL, POSITIVE), simplified=simplify.divided,
    onnx="Div({0}, {1})",
)  # fmt: skip
negative = op(
    "negative", "-{0}", unicode="−{0}", noun="minus", binding=NEGATE, grad=lambda g, out, a: (-g,), domain=(REAL,),
    simplified=simplify.negated,
    onnx="Neg({0})",
)  # fmt: skip
integer_power = op(
    "integer_power", "{0}**{a}", code=integer_power_code, array="whole_power({0}, {a})",
    unicode="{0}^{a}", latex="{0}^{{a}}", noun="power", binding=POWER, on_batches=integer_power_on_batches,
    grad=lambda g, out, a, n: (g * (n * raised(a, n - 1)) if n else 0.0,), domain=(POSITIVE,),
    simplified=simplify.raised_to, nonnegative=is_square_or_of_nonnegative,
    doc="x**n for a whole number n; up to the fourth power it is a product.",
    onnx="Pow({0}, {a})",
)  # fmt: skip
power = op(
    "power", "{0}**{1}", code="power({0}, {1})", unicode="{0}^{1}", latex="{0}^{{1}}", binding=POWER,
    aliases=("float_power",), value=ieee.power, machine="c", c_name="pow", cost="function", of_reals=False,
    grad=lambda g, out, a, b: (
        g * (b * raised(a, _exponent_of_slope(b))),
        # 0**p is flat in p wherever it is finite, though log(0) is not.
        lambda: g * (out * log(where(equal(a, 0), 1, a))),
    ),
    domain=(POSITIVE, REAL), steep_at_zero=lambda args: not (args[1].is_constant and args[1].value >= 1.0),
    doc="x**p for any p; nan for a negative x with a fractional p.",
    onnx="Pow({0}, {1})",
)  # fmt: skip

# -- conditions -------------------------------------------------------------------------------
# A condition is constant between its jumps: its slope is nowhere asked for, and `where` does not pass one on.
_COMPARISONS = {
    "less": ("<", "<", "<", "Less({0}, {1})", "The condition a < b."),
    "less_equal": ("<=", "≤", r"\le", "LessOrEqual({0}, {1})", "The condition a <= b."),
    "greater": (">", ">", ">", "Greater({0}, {1})", "The condition a > b."),
    "greater_equal": (">=", "≥", r"\ge", "GreaterOrEqual({0}, {1})", "The condition a >= b."),
    "equal": ("==", "==", "=", "Equal({0}, {1})", "The condition a = b (`==` on expressions is identity)."),
    "not_equal": ("!=", "≠", r"\ne", "Not(Equal({0}, {1}))", "The condition that a and b differ."),
}
_conditions = {
    _name: op(
        _name,
        f"{{0}} {_text} {{1}}",
        unicode=f"{{0}} {_unicode} {{1}}",
        latex=f"{{0}} {_latex} {{1}}",
        onnx=_onnx,
        binding=COMPARE,
        boolean=True,
        grad=None,
        domain=(REAL, REAL),
        doc=_doc,
    )
    for _name, (_text, _unicode, _latex, _onnx, _doc) in _COMPARISONS.items()
}
equal: Function = _conditions["equal"]

logical_and = op(
    "logical_and", "{0} and {1}", code="logical_and({0}, {1})", array="xp.logical_and({0}, {1})",
    value=ieee.logical_and, noun="both",
    unicode="{0} ∧ {1}", latex=r"{0} \land {1}", binding=AND, boolean=True,
    grad=None, domain=((0, 1), (0, 1)),
    onnx="And({0}, {1})",
)  # fmt: skip
logical_or = op(
    "logical_or", "{0} or {1}", code="logical_or({0}, {1})", array="xp.logical_or({0}, {1})",
    value=ieee.logical_or, noun="either",
    unicode="{0} ∨ {1}", latex=r"{0} \lor {1}", binding=OR, boolean=True,
    grad=None, domain=((0, 1), (0, 1)),
    onnx="Or({0}, {1})",
)  # fmt: skip
logical_not = op(
    "logical_not", "not {0}", code="logical_not({0})", array="xp.logical_not({0})",
    value=ieee.logical_not, noun="otherwise",
    unicode="¬{0}", latex=r"\lnot {0}", binding=NOT, boolean=True,
    grad=None, domain=((0, 1),),
    onnx="Not({0})",
)  # fmt: skip
_CASE = "<mtd style='text-align:left'>"
_IF, _OTHERWISE = mark("if"), mark("otherwise")
where: Function = op(
    "where", "where({0}, {1}, {2})",
    value=ieee.where, noun="choice", simplified=simplify.chosen,
    latex=r"\begin{cases}{1} & \text{if } {0}\\ {2} & \text{otherwise}\end{cases}",
    mathml=f"<mrow><mo>{{</mo><mtable><mtr>{_CASE}{{1}}</mtd>{_CASE}<mtext>{_IF}</mtext>"
    f"<mspace width='0.4em'/>{{0}}</mtd></mtr><mtr>{_CASE}{{2}}</mtd>{_CASE}<mtext>{_OTHERWISE}</mtext></mtd>"
    "</mtr></mtable></mrow>",
    grad=lambda g, out, c, a, b: (None, where(c, g, 0.0), where(c, 0.0, g)),
    domain=((0, 1), REAL, REAL),
    doc="where(condition, a, b): a where the condition holds, b elsewhere.",
    onnx="Where({0}, {1}, {2})",
)  # fmt: skip

# -- powers of e, logarithms --------------------------------------------------------------------
exp = op(
    "exp", "exp({0})", latex="e^{{0}}",
    mathml="<msup><mi>e</mi>{0}</msup>", grad=lambda g, out, x: (g * out,), domain=(REAL,),
    value=ieee.exp, machine="c", cost="function", vector=elementary.exp, nonnegative=True,
    doc="e to the power of x.",
    onnx="Exp({0})",
)  # fmt: skip
exp2 = op(
    "exp2", "exp2({0})", latex=r"\operatorname{exp2}\left({0}\right)",
    grad=lambda g, out, x: (g * (math.log(2.0) * out),), domain=(REAL,),
    value=ieee.exp2, machine="c", cost="function", nonnegative=True,
    doc="2 to the power of x.",
    onnx="Pow(2, {0})",
)  # fmt: skip
expm1 = op(
    "expm1", "expm1({0})", latex=r"\left(e^{{0}} - 1\right)",
    value=ieee.expm1, machine="c", cost="function", vector=elementary.expm1,
    grad=lambda g, out, x: (g * (out + 1),), domain=(REAL,), doc="e**x - 1, exact near 0.",
    onnx="Where(Less(Abs({0}), 1), Div(Mul(2, Tanh(Mul(0.5, {0}))), Sub(1, Tanh(Mul(0.5, {0})))), Sub(Exp({0}), 1))",
)  # fmt: skip
log: Function = op(
    "log", "log({0})", unicode="ln({0})", latex=r"\ln\left({0}\right)",
    aliases=("ln",), value=ieee.log, machine="c", cost="function",
    grad=lambda g, out, x: (g / x,), domain=(POSITIVE,), doc="Natural logarithm.",
    onnx="Log({0})",
)  # fmt: skip
logaddexp = op(
    "logaddexp", "logaddexp({0}, {1})", latex=r"\operatorname{logaddexp}\left({0}, {1}\right)",
    value=ieee.logaddexp, machine="written", cost="function",
    grad=lambda g, out, a, b: (g * sigmoid(a - b), g * sigmoid(b - a)), domain=(REAL, REAL),
    doc="log(e**a + e**b), without overflow.",
    onnx="Add(Max({0}, {1}), Log(Add(1, Exp(Neg(Abs(Sub({0}, {1})))))))",
)  # fmt: skip
log1p = op(
    "log1p", "log1p({0})", latex=r"\ln\left(1 + {0}\right)",
    value=ieee.log1p, machine="c", cost="function",
    grad=lambda g, out, x: (g / (1 + x),), domain=((-0.9, 4.0),), doc="log(1 + x), exact near 0.",
    onnx="Log(Add(1, {0}))",
)  # fmt: skip
log2 = op(
    "log2", "log2({0})", unicode="log₂({0})", latex=r"\log_2\left({0}\right)",
    mathml="<mrow><msub><mi>log</mi><mn>2</mn></msub><mo>(</mo>{0}<mo>)</mo></mrow>",
    value=ieee.log2, machine="c", cost="function",
    grad=lambda g, out, x: (g / (math.log(2.0) * x),), domain=(POSITIVE,), doc="Logarithm to base 2.",
    onnx="Div(Log({0}), Log(2))",
)  # fmt: skip
log10 = op(
    "log10", "log10({0})", unicode="log₁₀({0})", latex=r"\log_{10}\left({0}\right)",
    mathml="<mrow><msub><mi>log</mi><mn>10</mn></msub><mo>(</mo>{0}<mo>)</mo></mrow>",
    value=ieee.log10, machine="c", cost="function",
    grad=lambda g, out, x: (g / (math.log(10.0) * x),), domain=(POSITIVE,), doc="Logarithm to base 10.",
    onnx="Div(Log({0}), Log(10))",
)  # fmt: skip
sqrt = op(
    "sqrt", "sqrt({0})", unicode="√({0})", latex=r"\sqrt{{0}}", mathml="<msqrt>{0}</msqrt>",
    value=ieee.sqrt, nonnegative=True, of_reals=True,
    grad=lambda g, out, x: (g / (2 * out),), domain=(POSITIVE,), steep_at_zero=True, doc="Square root.",
    onnx="Sqrt({0})",
)  # fmt: skip

# -- trigonometry (radians) -----------------------------------------------------------------------
sin = op(
    "sin", "sin({0})", latex=r"\sin\left({0}\right)", grad=lambda g, out, x: (g * cos(x),), domain=(REAL,),
    value=ieee.sin, machine="c", cost="function",
    doc="Sine of x radians.",
    onnx="Sin({0})",
)  # fmt: skip
cos: Function = op(
    "cos", "cos({0})", latex=r"\cos\left({0}\right)", grad=lambda g, out, x: (-(g * sin(x)),), domain=(REAL,),
    value=ieee.cos, machine="c", cost="function",
    doc="Cosine of x radians.",
    onnx="Cos({0})",
)  # fmt: skip
tan = op(
    "tan", "tan({0})", latex=r"\tan\left({0}\right)", grad=lambda g, out, x: (g * (1 + out**2),),
    value=ieee.tan, machine="c", cost="function",
    domain=((-1.4, 1.4),), doc="Tangent of x radians.",
    onnx="Tan({0})",
)  # fmt: skip
asin = op(
    "asin", "asin({0})", array="xp.arcsin({0})", unicode="arcsin({0})", latex=r"\arcsin\left({0}\right)",
    aliases=("arcsin",), value=ieee.asin, machine="c", cost="function",
    grad=lambda g, out, x: (g / sqrt(1 - x**2),), domain=((-0.95, 0.95),), doc="Inverse sine, in radians.",
    onnx="Asin({0})",
)  # fmt: skip
acos = op(
    "acos", "acos({0})", array="xp.arccos({0})", unicode="arccos({0})", latex=r"\arccos\left({0}\right)",
    aliases=("arccos",), value=ieee.acos, machine="c", cost="function",
    grad=lambda g, out, x: (-(g / sqrt(1 - x**2)),), domain=((-0.95, 0.95),), doc="Inverse cosine, in radians.",
    onnx="Acos({0})",
)  # fmt: skip
atan = op(
    "atan", "atan({0})", array="xp.arctan({0})", unicode="arctan({0})", latex=r"\arctan\left({0}\right)",
    aliases=("arctan",), value=ieee.atan, machine="c", cost="function",
    grad=lambda g, out, x: (g / (1 + x**2),), domain=(REAL,), doc="Inverse tangent, in radians.",
    onnx="Atan({0})",
)  # fmt: skip

atan2 = op(
    "atan2", "atan2({0}, {1})", array="xp.arctan2({0}, {1})", latex=r"\operatorname{atan2}\left({0}, {1}\right)",
    aliases=("arctan2",), value=ieee.atan2, machine="c", cost="function",
    grad=lambda g, out, y, x: (g * (x / (x**2 + y**2)), -(g * (y / (x**2 + y**2)))), domain=(REAL, REAL),
    doc="The angle of the point (x, y), in radians: atan2(y, x).",
    onnx="Where(Greater({1}, 0), Atan(Div({0}, {1})), Where(Less({1}, 0), Add(Atan(Div({0}, {1})), "
    "Where(Less({0}, 0), -3.141592653589793, 3.141592653589793)), Mul(Sign({0}), 1.5707963267948966)))",
)  # fmt: skip
hypot = op(
    "hypot", "hypot({0}, {1})", latex=r"\operatorname{hypot}\left({0}, {1}\right)",
    value=ieee.hypot, machine="written", of_reals=True, nonnegative=True,
    grad=lambda g, out, a, b: tuple(g * where(equal(out, 0), 0, x / where(equal(out, 0), 1, out)) for x in (a, b)),
    domain=(REAL, POSITIVE), doc="The length of (a, b), without overflow; slope 0 at (0, 0).",
    onnx="Sqrt(Add(Mul({0}, {0}), Mul({1}, {1})))",
)  # fmt: skip
degrees = op(
    "degrees", "degrees({0})", code=f"{{0}} * {180.0 / math.pi!r}", latex=r"\operatorname{degrees}\left({0}\right)",
    grad=lambda g, out, x: (g * (180.0 / math.pi),), domain=(REAL,), aliases=("rad2deg",), of_reals=True,
    doc="Degrees of x radians.",
    onnx="Mul({0}, 57.29577951308232)",
)  # fmt: skip
radians = op(
    "radians", "radians({0})", code=f"{{0}} * {math.pi / 180.0!r}", latex=r"\operatorname{radians}\left({0}\right)",
    grad=lambda g, out, x: (g * (math.pi / 180.0),), domain=(REAL,), aliases=("deg2rad",), of_reals=True,
    doc="Radians of x degrees.",
    onnx="Mul({0}, 0.017453292519943295)",
)  # fmt: skip

# -- hyperbolic -------------------------------------------------------------------------------
sinh = op(
    "sinh", "sinh({0})", latex=r"\sinh\left({0}\right)", grad=lambda g, out, x: (g * cosh(x),), domain=(REAL,),
    value=ieee.sinh, machine="c", cost="function",
    doc="Hyperbolic sine.",
    onnx="Sinh({0})",
)  # fmt: skip
cosh: Function = op(
    "cosh", "cosh({0})", latex=r"\cosh\left({0}\right)", grad=lambda g, out, x: (g * sinh(x),), domain=(REAL,),
    value=ieee.cosh, machine="c", cost="function", nonnegative=True, never_zero=True,
    doc="Hyperbolic cosine.",
    onnx="Cosh({0})",
)  # fmt: skip
tanh = op(
    "tanh", "tanh({0})", latex=r"\tanh\left({0}\right)", grad=lambda g, out, x: (g * (1 - out**2),),
    value=ieee.tanh, machine="c", cost="function", vector=elementary.tanh,
    domain=(REAL,), doc="Hyperbolic tangent.",
    onnx="Tanh({0})",
)  # fmt: skip
asinh = op(
    "asinh", "asinh({0})", array="xp.arcsinh({0})",
    aliases=("arcsinh", "arsinh"), value=ieee.asinh, machine="c", cost="function",
    unicode="arsinh({0})", latex=r"\operatorname{arsinh}\left({0}\right)",
    grad=lambda g, out, x: (g / sqrt(1 + x**2),), domain=(REAL,), doc="Inverse hyperbolic sine.",
    onnx="Asinh({0})",
)  # fmt: skip
acosh = op(
    "acosh", "acosh({0})", array="xp.arccosh({0})",
    aliases=("arccosh", "arcosh"), value=ieee.acosh, machine="c", cost="function", nonnegative=True,
    unicode="arcosh({0})", latex=r"\operatorname{arcosh}\left({0}\right)",
    grad=lambda g, out, x: (g / (sqrt(x - 1) * sqrt(x + 1)),), domain=((1.1, 4.0),),
    doc="Inverse hyperbolic cosine.",
    onnx="Acosh({0})",
)  # fmt: skip
atanh = op(
    "atanh", "atanh({0})", array="xp.arctanh({0})",
    aliases=("arctanh", "artanh"), value=ieee.atanh, machine="c", cost="function",
    unicode="artanh({0})", latex=r"\operatorname{artanh}\left({0}\right)",
    grad=lambda g, out, x: (g / (1 - x**2),), domain=((-0.95, 0.95),), doc="Inverse hyperbolic tangent.",
    onnx="Atanh({0})",
)  # fmt: skip
log_cosh = op(
    "log_cosh", "log_cosh({0})", array="log_cosh({0})", latex=r"\ln\cosh\left({0}\right)",
    value=ieee.log_cosh, machine="written", cost="function", nonnegative=True,
    grad=lambda g, out, x: (g * tanh(x),), domain=(REAL,), doc="log(cosh(x)), without overflow.",
    onnx="Sub(Add(Abs({0}), Log(Add(1, Exp(Mul(-2, Abs({0})))))), Log(2))",
)  # fmt: skip

# -- error function -----------------------------------------------------------------------------
erf = op(
    "erf", "erf({0})", array="erf({0})", latex=r"\operatorname{erf}\left({0}\right)",
    value=ieee.erf, machine="c", cost="function",
    grad=lambda g, out, x: (g * (2 / math.sqrt(math.pi) * exp(-(x**2))),), domain=(REAL,), doc="Error function.",
    onnx="Erf({0})",
)  # fmt: skip
erfc = op(
    "erfc", "erfc({0})", array="erfc({0})", latex=r"\operatorname{erfc}\left({0}\right)",
    value=ieee.erfc, machine="c", cost="function", nonnegative=True,
    grad=lambda g, out, x: (g * (-2 / math.sqrt(math.pi) * exp(-(x**2))),), domain=(REAL,),
    doc="1 - erf(x), exact where erf(x) is near 1.",
    onnx="Sub(1, Erf({0}))",
)  # fmt: skip

# -- size and steps -----------------------------------------------------------------------------
absolute = op(
    "abs", "abs({0})", code="fabs({0})", unicode="|{0}|", latex=r"\left\lvert {0} \right\rvert",
    aliases=("absolute", "fabs"), value=ieee.fabs, nonnegative=True,
    grad=lambda g, out, x: (g * sign(x),), domain=(REAL,), doc="Absolute value; slope 0 at 0.",
    onnx="Abs({0})",
)  # fmt: skip
sign: Function = op(
    "sign", "sign({0})", latex=r"\operatorname{sign}\left({0}\right)",
    value=ieee.sign, machine="written",
    grad=lambda g, out, x: (0.0,), domain=(REAL,), doc="-1, 0 or 1; slope 0 away from the jump.",
    onnx="Sign({0})",
)  # fmt: skip
floor: Function = op(
    "floor", "floor({0})", unicode="⌊{0}⌋", latex=r"\left\lfloor {0} \right\rfloor",
    value=ieee.floor,
    grad=lambda g, out, x: (0.0,), domain=(REAL,),
    doc="Largest whole number not above x; slope 0 between jumps.",
    onnx="Floor({0})",
)  # fmt: skip
ceil = op(
    "ceil", "ceil({0})", latex=r"\operatorname{ceil}\left({0}\right)",
    value=ieee.ceil, machine="c",
    grad=lambda g, out, x: (0.0,), domain=(REAL,),
    doc="Smallest whole number not below x; slope 0 between jumps.",
    onnx="Ceil({0})",
)  # fmt: skip
fmod = op(
    "fmod", "fmod({0}, {1})", latex=r"\operatorname{fmod}\left({0}, {1}\right)",
    value=ieee.fmod, machine="c", cost="function", of_reals=False,
    grad=lambda g, out, a, b: (g, lambda: g * where(a / b < 0, floor(-(a / b)), -floor(a / b))),
    domain=((2.2, 2.6), (0.9, 1.05)),
    doc="What is left of a when b is taken away as often as it fits; the sign is that of a.",
    onnx="Mod({0}, {1}, fmod=1)",
)  # fmt: skip
mod = op(
    "mod", "mod({0}, {1})", array="xp.remainder({0}, {1})", latex=r"\operatorname{mod}\left({0}, {1}\right)",
    aliases=("remainder",), value=ieee.mod, machine="written",
    grad=lambda g, out, a, b: (g, lambda: -(g * floor(a / b))), domain=((2.2, 2.6), (0.9, 1.05)),
    doc="a modulo b, with the sign of b.",
    onnx="Sub({0}, Mul({1}, Floor(Div({0}, {1}))))",
)  # fmt: skip
minimum = op(
    "minimum", "min({0}, {1})", code="minimum({0}, {1})", latex=r"\min\left({0}, {1}\right)",
    value=ieee.minimum, variadic=True, nonnegative=all_nonnegative,
    grad=lambda g, out, a, b: (where(a <= b, g, 0.0), where(a <= b, 0.0, g)), domain=(REAL, REAL),
    doc="The smaller of two; the slope goes to the first where they are equal.",
    onnx="Min({0}, {1})",
)  # fmt: skip
maximum = op(
    "maximum", "max({0}, {1})", code="maximum({0}, {1})", latex=r"\max\left({0}, {1}\right)",
    value=ieee.maximum, variadic=True, nonnegative=lambda sure, attrs: any(sure),
    grad=lambda g, out, a, b: (where(a >= b, g, 0.0), where(a >= b, 0.0, g)), domain=(REAL, REAL),
    doc="The larger of two; the slope goes to the first where they are equal.",
    onnx="Max({0}, {1})",
)  # fmt: skip

# -- activations ------------------------------------------------------------------------------
relu = op(
    "relu", "relu({0})", nonnegative=True, code="maximum({0}, 0.0)", array="xp.maximum({0}, 0.0)",
    latex=r"\operatorname{relu}\left({0}\right)",
    grad=lambda g, out, x: (where(x > 0, g, 0.0),), domain=(REAL,), doc="max(x, 0); slope 0 at 0.",
    onnx="Relu({0})",
)  # fmt: skip
sigmoid: Function = op(
    "sigmoid", "sigmoid({0})", aliases=("σ",), array="sigmoid({0})", unicode="σ({0})", latex=r"\sigma\left({0}\right)",
    value=ieee.sigmoid, machine="written", cost="function", vector=elementary.sigmoid, nonnegative=True,
    grad=lambda g, out, x: (g * (out * (1 - out)),), domain=(REAL,), doc="1 / (1 + e**-x), the logistic function.",
    onnx="Sigmoid({0})",
)  # fmt: skip
softplus = op(
    "softplus", "softplus({0})", array="softplus({0})", latex=r"\operatorname{softplus}\left({0}\right)",
    value=ieee.softplus, machine="written", cost="function", nonnegative=True,
    grad=lambda g, out, x: (g * sigmoid(x),), domain=(REAL,), doc="log(1 + e**x).",
    onnx="Add(Max({0}, 0), Log(Add(1, Exp(Neg(Abs({0}))))))",
)  # fmt: skip

CONSTANTS = {"pi": math.pi, "π": math.pi, "e": math.e}
