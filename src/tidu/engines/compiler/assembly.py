"""LLVM's language, instruction by instruction: numbers in registers, blocks, loops, memory on the stack.

`Body` is one function in the making. It knows nothing of Python's text; `expressions` and `flow` say what to write.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tidu.runtime.summation import LANES

# What `fast` allows: sums in any order, a*b + c rounded once, x/c as a product. Infinity and nan stay what they are,
# for they are how a divergence is seen.
_FAST = "reassoc contract arcp nsz "
BYTES = {"double": 8, "float": 4, "i64": 8}


@dataclass(frozen=True, slots=True)
class Number:
    """A number or a truth value in a register, or eight side by side: LLVM's name for it, and its type."""

    name: str
    type: str  # double, float, i64 or i1: of each of the eight, where it is eight
    eight: bool = False

    @property
    def llvm(self) -> str:
        """The type in LLVM's words."""
        return f"<{LANES} x {self.type}>" if self.eight else self.type

    def __str__(self) -> str:
        return f"{self.llvm} {self.name}"


def constant(value: float, kind: str | None = None) -> Number:
    """A number of Python's, as a truth value, a whole number or a float; `kind` may be `float`, single precision."""
    if isinstance(value, bool):
        return Number(str(value).lower(), "i1")
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise OverflowError(value)
        return Number(str(value), "i64")
    return Number(f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}", kind or "double")


def zero(kind: str, eight: bool = False) -> Number:
    """0 of a type."""
    return Number("zeroinitializer" if eight else "0" if kind in ("i64", "i1") else "0.0", kind, eight)


class Body:
    """One LLVM function: what has been written of it, and where its next instruction goes."""

    def __init__(self, fast: bool = False) -> None:
        self.flags = _FAST if fast else ""
        self.stack: list[str] = []  # memory that the whole function has, made at its start
        self.lines: list[str] = []
        self.names = 0
        self.ended = False  # whether the block is closed: what would come now is never reached

    def text(self, head: str) -> str:
        """The function with its first line."""
        return "\n".join([f"define {head} {{", "start:", *self.stack, *self.lines, "}", ""])

    # -- instructions -----------------------------------------------------------------------------
    def put(self, line: str) -> None:
        """An instruction without a result."""
        if not self.ended:
            self.lines.append("  " + line)

    def name(self, hint: str = "%") -> str:
        """A name that nothing else in the function has."""
        self.names += 1
        return f"{hint}{'v' if hint == '%' else '.'}{self.names}"

    def new(self, instruction: str, kind: str, eight: bool = False) -> Number:
        """An instruction whose result has this type."""
        number = Number(self.name(), kind, eight)
        self.put(f"{number.name} = {instruction}")
        return number

    def arithmetic(self, operation: str, a: Number, b: Number) -> Number:
        """`fadd`, `mul` and the like, of two of one type."""
        if (operation, b.name) in (("mul", "1"), ("add", "0")):
            return a
        if (operation, a.name) in (("mul", "1"), ("add", "0")):
            return b
        flags = self.flags if operation[0] == "f" else ""
        return self.new(f"{operation} {flags}{a}, {b.name}", a.type, a.eight)

    def compared(self, sign: str, a: Number, b: Number) -> Number:
        """The truth value of `lt`, `le`, `gt`, `ge`, `eq` or `ne`; with a nan, only `ne` holds."""
        if a.type in ("i64", "i1"):
            how = "icmp " + (sign if sign in ("eq", "ne") else "s" + sign)
        else:
            how = "fcmp " + ("une" if sign == "ne" else "o" + sign)
        return self.new(f"{how} {a}, {b.name}", "i1", a.eight)

    def select(self, condition: Number, a: Number, b: Number) -> Number:
        """`a` where the condition holds, else `b`."""
        return self.new(f"select {condition}, {a}, {b}", a.type, a.eight)

    def call(self, function: str, kind: str, arguments: Sequence[object], eight: bool = False) -> Number:
        """The result of a function."""
        result = Number("", kind, eight).llvm
        return self.new(f"call {result} @{function}({', '.join(map(str, arguments))})", kind, eight)

    # -- from type to type ------------------------------------------------------------------------
    def converted(self, a: Number, kind: str) -> Number:
        """The number in another type: whole numbers become floats, floats wider or narrower."""
        if a.type == kind:
            return a
        how = {
            ("i64", "double"): "sitofp", ("i64", "float"): "sitofp", ("float", "double"): "fpext",
            ("double", "float"): "fptrunc",
        }.get((a.type, kind))  # fmt: skip
        if how is None:
            raise TypeError(f"{a.type} as {kind}")
        return self.new(f"{how} {a} to {Number('', kind, a.eight).llvm}", kind, a.eight)

    def spread(self, a: Number) -> Number:
        """Eight equal ones."""
        if a.eight:
            return a
        if a.name[0] != "%":  # a constant
            return Number(f"<{', '.join([str(a)] * LANES)}>", a.type, True)
        first = self.new(f"insertelement <{LANES} x {a.type}> poison, {a}, i32 0", a.type, True)
        return self.new(f"shufflevector {first}, {first}, <{LANES} x i32> zeroinitializer", a.type, True)

    def element(self, a: Number, place: int | Number) -> Number:
        """One of the eight."""
        return self.new(f"extractelement {a}, {place if isinstance(place, Number) else f'i32 {place}'}", a.type)

    def in_pairs(self, a: Number) -> Number:
        """The sum of the eight: the first half added to the second, until one is left."""
        name, size = a.name, LANES
        while size > 1:
            whole, size = f"<{size} x {a.type}>", size // 2
            halves = []
            for first in (0, size):
                places = ", ".join(f"i32 {place}" for place in range(first, first + size))
                half = f"shufflevector {whole} {name}, {whole} poison, <{size} x i32> <{places}>"
                halves.append(self.new(half, a.type).name)
            name = self.new(f"fadd {self.flags}<{size} x {a.type}> {halves[0]}, {halves[1]}", a.type).name
        return self.new(f"extractelement <1 x {a.type}> {name}, i32 0", a.type)

    def together(self, elements: Sequence[Number]) -> Number:
        """Eight numbers side by side."""
        whole = Number("poison", elements[0].type, True)
        for place, element in enumerate(elements):
            whole = self.new(f"insertelement {whole}, {element}, i32 {place}", element.type, True)
        return whole

    def turned(self, rows: Sequence[Number]) -> list[Number]:
        """Eight times eight numbers, with rows and columns exchanged: by pairs of rows, at distances 1, 2 and 4."""
        rows = list(rows)
        for step in (1, 2, 4):
            places = [lane if not lane & step else LANES + lane - step for lane in range(LANES)]
            for k in (k for k in range(LANES) if not k & step):
                pair = f"{rows[k]}, {rows[k + step]}"
                for row, shift in ((k, 0), (k + step, step)):
                    mask = ", ".join(f"i32 {place + shift}" for place in places)
                    rows[row] = self.new(f"shufflevector {pair}, <{LANES} x i32> <{mask}>", rows[k].type, True)
        return rows

    def as_bits(self, truths: Number) -> str:
        """Eight truth values as the bits of an i8."""
        return self.new(f"bitcast {truths} to i{LANES}", f"i{LANES}").name

    def one_by_one(self, function: str, kind: str, arguments: Sequence[Number]) -> Number:
        """A function of single numbers, called for each of the eight."""
        apart = [[self.element(a, k) if a.eight else a for a in arguments] for k in range(LANES)]
        return self.together([self.call(function, kind, each) for each in apart])

    # -- memory -----------------------------------------------------------------------------------
    def room(self, llvm: str, count: int = 1) -> str:
        """Memory on the stack for values of a type; LLVM keeps it in registers where it can."""
        name = self.name()
        self.stack.append(f"  {name} = alloca {llvm}, i64 {count}, align {64 if '<' in llvm else 8}")
        return name

    def load(self, pointer: str, kind: str, eight: bool = False) -> Number:
        """What lies at a pointer."""
        number = Number("", kind, eight)
        return self.new(f"load {number.llvm}, ptr {pointer}{_aligned(kind)}", kind, eight)

    def store(self, value: Number, pointer: str) -> None:
        """Write to a pointer."""
        self.put(f"store {value}, ptr {pointer}{_aligned(value.type)}")

    def at(self, pointer: str, kind: str, place: Number) -> str:
        """The pointer to the element at a place of an array of this type."""
        return self.new(f"getelementptr inbounds {kind}, ptr {pointer}, {place}", "ptr").name

    # -- blocks -----------------------------------------------------------------------------------
    def begin(self, label: str) -> None:
        """Here a block begins; what came before goes on into it."""
        self.jump(label)
        self.lines.append(f"{label}:")
        self.ended = False

    def jump(self, label: str) -> None:
        """Go on at a block."""
        self.put(f"br label %{label}")
        self.ended = True

    def fork(self, condition: Number, then: str, otherwise: str) -> None:
        """Go on at one of two blocks."""
        self.put(f"br {condition}, label %{then}, label %{otherwise}")
        self.ended = True

    @contextmanager
    def when(self, condition: Number) -> Iterator[None]:
        """What is written inside happens if the condition holds."""
        then, after = self.name("then"), self.name("after")
        self.fork(condition, then, after)
        self.begin(then)
        yield
        self.begin(after)

    @contextmanager
    def loop(self, first: Number, last: Number, step: int = 1, labels: Sequence[str] = ()) -> Iterator[Number]:
        """What is written inside happens for first, first + step, ... before last.

        `labels` are where the next turn begins and where the loop ends, for those who jump there.
        """
        counter = self.room("i64")
        head, turn = self.name("head"), self.name("turn")
        following, after = labels or (self.name("next"), self.name("after"))
        self.store(first, counter)
        self.begin(head)
        place = self.load(counter, "i64")
        self.fork(self.compared("lt" if step > 0 else "gt", place, last), turn, after)
        self.begin(turn)
        yield place
        self.begin(following)
        self.store(self.arithmetic("add nsw", place, constant(step)), counter)
        self.jump(head)
        self.begin(after)


def _aligned(kind: str) -> str:
    """How what is read or written lies: eight numbers no better than one."""
    return f", align {BYTES[kind]}" if kind in BYTES else ""
