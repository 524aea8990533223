"""`Op`: one operation, with everything that anybody needs to know of it, declared in one entry of the table `OPS`.

The entries are in `ops.py` (number by number) and `array_ops.py` (whole arrays). Everything else that goes by operation
is read off them: formulas, loops of every engine, machine code, costs, printing, the functions of tensors, NumPy's and
the package's names.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tidu.language.operand import applied, array_function, on_reals
from tidu.runtime import ieee

if TYPE_CHECKING:
    from tidu.language.expr import Expr

Shape = tuple[int, ...]
Attr = Any  # a number, a name, a shape: what a node is told beside its arguments; hashable
# One contribution for each argument: an adjoint, None for a condition, or a function that gives it where it is wanted.
Derivatives = tuple[Any, ...]
# Template of one style, or a function of (args, attrs) that picks it; without args it must fit any.
Template = str | Callable[[Sequence["Expr"], tuple[Attr, ...]], str]

# Precedence of printed forms, as in Python's grammar.
CHOICE, OR, AND, NOT, COMPARE, ADD, MULTIPLY, NEGATE, POWER, ATOM = range(10)


@dataclass(frozen=True)
class Use:
    """One use of an operation in a program over samples: what a rule about batches or tiles is told.

    `varies` says which arguments differ from sample to sample; shapes are those of one sample; `template` is the code
    on arrays in the words of the library, which is PyTorch or NumPy.
    """

    template: str
    shapes: tuple[Shape, ...]
    varies: tuple[bool, ...]
    shape: Shape
    attrs: tuple[Attr, ...]
    torch: bool = False


@dataclass(frozen=True, eq=False)
class Op:
    """One operation: its value, its derivative, its looks, and how each engine computes it.

    Value
    -----
    code : what loops run and what defines the value of numbers: `{0}`, `{1}` are the arguments, `{a}` the attribute.
        Empty for an operation on whole arrays.
    value : the function of numbers that `code` calls, which loops import from its module; None where `code` is made of
        operators and of functions of other entries.
    array : the value on arrays: `xp` is NumPy, other names are in `tidu.runtime.arrays`; `{args}` is all arguments.
    torch : the same in PyTorch's words, where they are others; names are in `tidu.runtime.torch_arrays`.
    of_reals : whether whole numbers in arrays are float64 to it (NumPy has float16 for the exp of a byte).
    domain : the interval of each argument in which tests sample; (0, 1) for a condition. For whole arrays, `cases`:
        shapes of the arguments, and attributes.

    Derivative
    ----------
    grad : `grad(g, out, *args, *attrs)` gives each argument's adjoint, written with operators and functions of the
        table, so that it serves expressions, tensors and arrays. None is for an argument that is a condition; an op
        without `grad` cannot be differentiated. A contribution may be a function without arguments that gives it, and
        of any shape that broadcasts with its argument's.
    steep_at_zero : whether its slope by its first argument may be infinite where that is 0 and the value is finite.
    simplified : how a derived node of it is rewritten, from simplified arguments and attributes.

    Looks
    -----
    text, unicode, latex : templates for people; the formula parser reads `text`. Empty: by name.
    mathml : one element of presentation MathML as a template; empty: read off `unicode`.
    binding : the precedence of the mathematical notation (that of `code` and `text` follows from Python's grammar);
        `right` is how much tighter a second operand must bind.
    noun : what a value of it is called in loops.
    formula_name : how formulas call it; `aliases` are other names for it, there and in NumPy.
    variadic : whether formulas may give it more than two arguments.

    Engines
    -------
    nonnegative : whether the value is certainly >= 0 or nan: yes, no, or from what is known of the arguments.
    never_zero : whether it is certainly not 0: yes, no, or from the arguments.
    machine : how machine code computes `value`: a few `instructions` of the processor, which the compiler knows; the
        `c` library's function called `c_name`; or the Python text as it is `written`, in `tidu.runtime`.
    vector : what loops over tiles call in its place: made of sums and products, for eight numbers at a time.
    cost : what one number of its value costs: an `arithmetic` operation, a `function`, or a sum of a `product`.
    on_batches : the code on whole batches, which have an axis of samples in front; None for number by number.
    on_tiles : the function of `runtime.tiles` that computes it and the order of its arguments, or None.
    onnx : operators of ONNX that compute it, nested, for predictions elsewhere: `Sub(Exp({0}), 1)`.
    reduces : whether it sums up axes: its attributes are the axes, and whether these are kept with length 1.
    """

    name: str
    code: Template = ""
    value: Callable[..., Any] | None = None
    array: str = ""
    torch: str = ""
    domain: tuple[tuple[float, float], ...] = ()
    cases: tuple[tuple[tuple[Shape, ...], tuple[Any, ...]], ...] = ()
    boolean: bool = False
    of_reals: bool = False
    grad: Callable[..., Derivatives] | None = None
    steep_at_zero: bool | Callable[[Sequence[Expr]], bool] = False
    simplified: Callable[..., Expr] | None = None
    text: str = ""
    unicode: str = ""
    latex: str = ""
    mathml: str = ""
    binding: int = ATOM
    right: int = 0
    noun: str = ""
    formula_name: str | None = None
    aliases: tuple[str, ...] = ()
    variadic: bool = False
    nonnegative: bool | Callable[[Sequence[bool], tuple[Attr, ...]], bool] = False
    never_zero: bool | Callable[[Sequence[Expr]], bool] = False
    machine: Literal["instructions", "c", "written"] = "instructions"
    c_name: str = ""
    vector: Callable[..., Any] | None = None
    cost: Literal["arithmetic", "function", "product"] = "arithmetic"
    on_batches: Callable[[Use], str] | None = None
    on_tiles: Callable[[Use], tuple[str, tuple[int, ...]] | None] | None = None
    onnx: str = ""
    reduces: bool = False
    doc: str = ""
    function: Callable[..., Any] | None = None  # what applies it to expressions, tensors, arrays or numbers
    _numbers: dict[tuple[Any, ...], Callable[..., Any]] = field(default_factory=dict)  # what `on_numbers` has compiled

    @functools.cached_property
    def elementwise(self) -> bool:
        """Whether it is about numbers one by one, rather than about whole arrays."""
        return not self.cases

    @property
    def arity(self) -> int:
        """How many arguments it takes, for an operation on numbers."""
        return len(self.domain)

    @functools.cached_property
    def on_arrays(self) -> Callable[..., Any]:
        """Its value on NumPy arrays, then attributes."""
        arity = None if "{args}" in self.array else sum(f"{{{i}}}" in self.array for i in range(3))
        function = array_function(self.array, arity, sum(f"{{{letter}}}" in self.array for letter in "abc"))
        return on_reals(function) if self.of_reals else function

    def on_numbers(self, *attrs: Any) -> Callable[..., Any] | None:
        """Its value on Python numbers, which is what the loops compute; None where it is about whole arrays."""
        if not self.elementwise:
            return None
        function = self._numbers.get(attrs)
        if function is None:
            function = self._numbers[attrs] = code_function(self.template((), attrs), self.arity)
        return function

    def template(self, args: Sequence[Expr], attrs: tuple[Attr, ...]) -> str:
        """The code of a node with these arguments, with `{0}`, `{1}` for them."""
        template = self.code(args, attrs) if callable(self.code) else self.code
        return template.replace("{a}", repr(attrs[0])) if attrs else template

    @functools.cached_property
    def numpy_name(self) -> str | None:
        """What NumPy calls it, if it has it."""
        found = re.fullmatch(r"xp\.(\w+)\(\{0\}(, \{\d\})*\)", self.array)
        return found[1] if found else None

    def __repr__(self) -> str:
        return f"<op {self.name}>"


OPS: dict[str, Op] = {}
# What formulas and NumPy call an operation, and the name of its entry.
FUNCTIONS: dict[str, str] = {}
NUMPY_NAMES: dict[str, str] = {}


def op(
    name: str,
    text: str = "",
    *,
    domain: tuple[tuple[float, float], ...] = (),
    cases: tuple[tuple[tuple[Shape, ...], tuple[Any, ...]], ...] = (),
    code: Template | None = None,
    array: str | None = None,
    binding: int = ATOM,
    doc: str = "",
    **more: Any,
) -> Callable[..., Any]:
    """Enter an operation in the table, and return the function that applies it.

    What is not given follows from `text`: `code` is the same; on arrays, an operator is the same, and a function is
    NumPy's of the same name. See `Op` for the rest.
    """

    def function(*args: Any, attrs: tuple[Any, ...] = ()) -> Any:
        if entry.domain and len(args) != entry.arity:
            raise TypeError(f"{name} takes {entry.arity} argument{'s' if entry.arity != 1 else ''}, not {len(args)}")
        return applied(entry, args, attrs)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc or f"{text} as an expression."
    called = text.split("(")[0]
    formula_name = called if not cases and binding == ATOM and called.isidentifier() else None
    if array is None:
        array = text if binding != ATOM else f"xp.{name}({', '.join(f'{{{i}}}' for i in range(len(domain)))})"
    looks: dict[str, Any] = {"unicode": text, "latex": text, "noun": name, "of_reals": more.get("cost") == "function"}
    looks |= more
    entry = Op(
        name,
        code=(text if code is None else code) if domain else code or "",
        array=array,
        domain=domain,
        cases=cases,
        text=text,
        binding=binding,
        formula_name=formula_name,
        doc=doc,
        function=function,
        **looks,
    )
    if entry.value is not None and getattr(ieee, entry.value.__name__, entry.value) is not entry.value:
        raise ValueError(f"the loops know another function called {entry.value.__name__!r}")
    OPS[name] = entry
    if formula_name is not None:
        FUNCTIONS.update(dict.fromkeys((formula_name, *entry.aliases), name))
    if entry.elementwise:
        NUMPY_NAMES.update(dict.fromkeys((entry.numpy_name or name, name, *entry.aliases), name))
    return function


def withdraw(name: str) -> None:
    """Take an operation out of the table, with its names."""
    del OPS[name]
    for names in (FUNCTIONS, NUMPY_NAMES):
        for key in [key for key, value in names.items() if value == name]:
            del names[key]


def code_functions() -> Mapping[str, Any]:
    """What the names in `code` stand for: the functions of `runtime.ieee`, and values from elsewhere."""
    return {**vars(ieee), **{o.value.__name__: o.value for o in OPS.values() if o.value is not None}}


@functools.cache
def code_function(template: str, arity: int) -> Callable[..., Any]:
    """A code template as a function of its arguments."""
    names = [f"_{i}" for i in range(arity)]
    # The template is from the op table, never from a user.
    function: Callable[..., Any] = eval(f"lambda {', '.join(names)}: {template.format(*names)}", dict(code_functions()))
    return function
