"""Expressions of a loop's text, written as LLVM's instructions; types are those of Python's own rules.

Whole numbers and floats together are floats. Where one operand is eight numbers, so is the result, each computed as it
would be alone. A question about eight holds if it holds for one of them. What the language lacks is refused by line.
"""

from __future__ import annotations

import ast
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from tidu.engines.compiler.assembly import Body, Number, constant
from tidu.engines.compiler.machine_kinds import Array, Place, Places, Range, Slice, Value, part, refused

_FLOATS = {ast.Add: "fadd", ast.Sub: "fsub", ast.Mult: "fmul", ast.Div: "fdiv"}
_WHOLE = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.BitAnd: "and", ast.BitOr: "or", ast.BitXor: "xor",
    ast.LShift: "shl", ast.RShift: "ashr",
}  # fmt: skip
_SIGNS = {ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq", ast.NotEq: "ne"}
_FOLDED: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Mod: operator.mod, ast.FloorDiv: operator.floordiv, ast.BitAnd: operator.and_, ast.BitOr: operator.or_,
    ast.BitXor: operator.xor, ast.LShift: operator.lshift, ast.RShift: operator.rshift,
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}  # fmt: skip
_PLAIN = (bool, int, float)
OF_FLOATS = ("double", "float")


class Expressions(ast.NodeVisitor, ABC):
    """Writes expressions; `variable` and `called` are for whoever knows the function around them."""

    body: Body

    @abstractmethod
    def variable(self, node: ast.Name) -> Value:
        """What a name stands for."""

    @abstractmethod
    def called(self, function: Value, arguments: Sequence[Value], node: ast.Call) -> Value:
        """What a call gives."""

    def generic_visit(self, node: ast.AST) -> Value:
        """Whatever has no method below."""
        raise refused(node)

    # -- numbers ----------------------------------------------------------------------------------
    def number(self, value: Value, kind: str | None = None) -> Number:
        """A value that must be a number or a truth value; in a type, if one is named."""
        if isinstance(value, int) and not isinstance(value, bool) and kind in OF_FLOATS:
            value = float(value)
        if isinstance(value, _PLAIN):
            value = constant(value)
        if not isinstance(value, Number):
            raise TypeError("a number is wanted")
        return value if kind is None else self.body.converted(value, kind)

    def alike(self, *values: Value) -> list[Number]:
        """Numbers in the type that holds them all, and all eight if one of them is."""
        kinds = {self.number(v).type for v in values}
        kind = kinds.pop() if len(kinds) == 1 else "double"
        numbers = [self.number(v, kind) for v in values]
        return list(map(self.body.spread, numbers)) if any(n.eight for n in numbers) else numbers

    def answer(self, value: Value) -> bool | Number:
        """A value that must be a truth value, or eight."""
        if isinstance(value, bool) or (isinstance(value, Number) and value.type == "i1"):
            return value
        raise TypeError("a truth value is wanted")

    def truth(self, value: Value) -> bool | Number:
        """The answer to a question: of eight truth values, whether one holds."""
        found = self.answer(value)
        if isinstance(found, Number) and found.eight:
            return self.body.new(f"icmp ne i8 {self.body.as_bits(found)}, 0", "i1")
        return found

    # -- operations -------------------------------------------------------------------------------
    def visit_Constant(self, node: ast.Constant) -> Value:
        if node.value is None or isinstance(node.value, _PLAIN):
            return node.value
        raise refused(node)

    def visit_Name(self, node: ast.Name) -> Value:
        return self.variable(node)

    def visit_Tuple(self, node: ast.Tuple) -> tuple[Value, ...]:
        return tuple(self.listed(node.elts))

    def listed(self, nodes: Sequence[ast.expr]) -> list[Value]:
        """The values of expressions, those with a star taken apart."""
        values: list[Value] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                values += self.visit(node.value)
            else:
                values.append(self.visit(node))
        return values

    def visit_BinOp(self, node: ast.BinOp) -> Value:
        chain = [node]  # a + b + c + ... is deep to the left, and may have a thousand terms
        while isinstance(chain[-1].left, ast.BinOp):
            chain.append(chain[-1].left)
        value = self.visit(chain[-1].left)
        for each in reversed(chain):
            value = self._operation(each, value, self.visit(each.right))
        return value

    def _operation(self, node: ast.BinOp, a: Value, b: Value) -> Value:
        if isinstance(a, _PLAIN) and isinstance(b, _PLAIN) and type(node.op) in _FOLDED:
            return _folded(node, a, b)
        a, b = self.alike(a, b)
        if a.type == "i64" and not isinstance(node.op, ast.Div):
            return self._whole(node, a, b)
        if a.type == "i1" or type(node.op) not in _FLOATS:
            raise refused(node)
        if a.type == "i64":
            a, b = self.number(a, "double"), self.number(b, "double")
        return self.body.arithmetic(_FLOATS[type(node.op)], a, b)

    def _whole(self, node: ast.BinOp, a: Number, b: Number) -> Number:
        """Of whole numbers; a quotient is rounded down, and a remainder has the sign of the divisor."""
        body = self.body
        if type(node.op) in _WHOLE:
            return body.arithmetic(_WHOLE[type(node.op)], a, b)
        if not isinstance(node.op, (ast.FloorDiv, ast.Mod)) or a.eight:
            raise refused(node)
        quotient, rest = body.arithmetic("sdiv", a, b), body.arithmetic("srem", a, b)
        uneven = body.compared("ne", rest, constant(0))
        apart = body.compared("lt", body.arithmetic("xor", rest, b), constant(0))
        down = body.arithmetic("and", uneven, apart)
        if isinstance(node.op, ast.Mod):
            return body.arithmetic("add", rest, body.select(down, b, constant(0)))
        return body.arithmetic("sub", quotient, body.select(down, constant(1), constant(0)))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Value:
        a = self.visit(node.operand)
        if isinstance(node.op, ast.Not):
            if isinstance(a, bool):
                return not a
            if isinstance(a, Number) and a.type == "i1":
                return self.body.arithmetic("xor", a, self.body.spread(constant(True)) if a.eight else constant(True))
        elif isinstance(node.op, ast.USub):
            if isinstance(a, _PLAIN):
                return -a
            if self.number(a).type == "i64":
                return self.body.arithmetic("sub", constant(0), a)
            if a.type in OF_FLOATS:
                return self.body.new(f"fneg {self.body.flags}{a}", a.type, a.eight)
        raise refused(node)

    def visit_Compare(self, node: ast.Compare) -> Value:
        if len(node.ops) > 1 or type(node.ops[0]) not in _SIGNS:
            raise refused(node)
        a, b = self.visit(node.left), self.visit(node.comparators[0])
        if isinstance(a, _PLAIN) and isinstance(b, _PLAIN):
            return _FOLDED[type(node.ops[0])](a, b)
        return self.body.compared(_SIGNS[type(node.ops[0])], *self.alike(a, b))

    def visit_BoolOp(self, node: ast.BoolOp) -> Value:
        """`and`, `or`: of single truth values, the second is computed if it matters; of eight, both are."""
        both = isinstance(node.op, ast.And)
        value = self.answer(self.visit(node.values[0]))
        for k, other in enumerate(node.values[1:]):
            if isinstance(value, bool):
                if value is not both:
                    return value
                value = self.answer(self.visit(other))
            elif value.eight:
                others = self.alike(value, self.answer(self.visit(other)))
                value = self.body.arithmetic("and" if both else "or", *others)
            else:
                rest = ast.copy_location(ast.BoolOp(node.op, node.values[1 + k :]), node)
                return self._short(value, other if len(rest.values) == 1 else rest, both)
        return value

    def _short(self, first: Number, second: ast.expr, both: bool) -> Number:
        result, goes_on, done = self.body.room("i1"), self.body.name("more"), self.body.name("known")
        self.body.store(self.number(first), result)
        self.body.fork(first, *((goes_on, done) if both else (done, goes_on)))
        self.body.begin(goes_on)
        self.body.store(self.number(self.truth(self.visit(second))), result)
        self.body.begin(done)
        return self.body.load(result, "i1")

    def visit_IfExp(self, node: ast.IfExp) -> Value:
        """`a if condition else b`: only one is computed, unless eight conditions differ."""
        condition = self.answer(self.visit(node.test))
        if isinstance(condition, bool):
            return self.visit(node.body if condition else node.orelse)
        if condition.eight:
            a, b = self.alike(self.visit(node.body), self.visit(node.orelse))
            return self.body.select(condition, self.body.spread(a), self.body.spread(b))
        then, otherwise, done = map(self.body.name, ("then", "else", "done"))
        self.body.fork(condition, then, otherwise)
        kept = []
        for label, branch in ((then, node.body), (otherwise, node.orelse)):
            self.body.begin(label)
            number = self.number(self.visit(branch))
            kept.append((self.body.room(number.llvm), number))
            self.body.store(number, kept[-1][0])
            self.body.jump(done)
        self.body.begin(done)
        kinds = {number.type for _pointer, number in kept}
        if len(kinds) > 1 and not kinds <= set(OF_FLOATS):
            raise TypeError(" or ".join(sorted(kinds)))
        a, b = self.alike(*(self.body.load(pointer, number.type, number.eight) for pointer, number in kept))
        return self.body.select(condition, a, b)

    # -- parts of a whole -------------------------------------------------------------------------
    def visit_Attribute(self, node: ast.Attribute) -> Value:
        whole = self.visit(node.value)
        if isinstance(whole, ModuleType):
            return getattr(whole, node.attr)
        if isinstance(whole, Array):
            if node.attr == "shape":
                return whole.shape
            if node.attr == "ndim":
                return len(whole.shape)
            if node.attr == "size":
                return whole.size(self.body)
            if node.attr == "T":
                return whole.turned()
        raise refused(node)

    def visit_Subscript(self, node: ast.Subscript) -> Value:
        whole = self.visit(node.value)
        if isinstance(whole, tuple):
            if isinstance(node.slice, ast.Slice):
                ends = (node.slice.lower, node.slice.upper)
                return whole[slice(*(None if end is None else self.visit(end) for end in ends))]
            return whole[self.visit(node.slice)]
        places = self.places(node)
        if isinstance(whole, Range) and len(places) == 1 and whole.step == 1:
            place = places[0]
            if isinstance(place, Places):
                return Places(self.body.arithmetic("add", whole.first, place.first))
            if isinstance(place, Number):
                return self.body.arithmetic("add", whole.first, place)
        if isinstance(whole, Array) and len(places) <= len(whole.shape):
            return part(self.body, whole, places)
        raise refused(node)

    def places(self, node: ast.Subscript) -> list[Place]:
        """What stands in the brackets."""
        nodes = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return [self._place(each) for each in nodes]

    def _place(self, node: ast.expr) -> Place:
        if isinstance(node, ast.Slice):
            if node.step is not None:
                raise refused(node)
            ends = (None if e is None else self.number(self.visit(e), "i64") for e in (node.lower, node.upper))
            return Slice(*ends)
        place = self.visit(node)
        if isinstance(place, Places):
            return place
        number = self.number(place)
        if number.type != "i64":
            raise refused(node)
        return number

    # -- calls ------------------------------------------------------------------------------------
    def visit_Call(self, node: ast.Call) -> Value:
        if node.keywords:
            raise refused(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "reshape":
            whole = self.visit(node.func.value)
            if isinstance(whole, Array) and whole.whole:
                return whole.flat(self.body)
            raise refused(node)
        function = self.visit(node.func)
        return self.called(function, self.listed(node.args), node)


def _folded(node: ast.BinOp, a: float, b: float) -> Any:
    """Of two constants: what Python makes of them."""
    try:
        return _FOLDED[type(node.op)](a, b)
    except ArithmeticError:
        raise refused(node) from None
