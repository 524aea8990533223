"""Functions of a loop's text: statements, names and calls; `machine_text` compiles one with all that it calls.

A name's type follows from its first assignment, and it is known in the block where that stands. A function of the
generated module is written out where it is called; one of `tidu.runtime` that takes numbers and arrays is a function
of LLVM's, written once.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidu.engines.compiler.assembly import Body, Number, constant
from tidu.engines.compiler.expressions import OF_FLOATS, Expressions
from tidu.engines.compiler.known import BUILTINS, computes_numbers, known
from tidu.engines.compiler.machine_kinds import (
    Abreast,
    Array,
    Kind,
    Places,
    Range,
    Text,
    Value,
    module_of_text,
    put_together,
    refused,
    taken_apart,
    text_of,
    write,
)
from tidu.engines.compiler.order import late_calls_last
from tidu.runtime.summation import LANES

Result = tuple[str, bool] | None  # the type that a function gives, and whether it gives eight


@dataclass(frozen=True)
class _Variable:
    """Where the number of a name is kept."""

    pointer: str
    type: str
    eight: bool


class Assembly:
    """A module of LLVM's language in the making."""

    def __init__(self, fast: bool) -> None:
        self.fast = fast
        self.functions: list[str] = []
        self.symbols: dict[str, str] = {}  # functions of the C library, by the names that they are called here
        self.declared: dict[str, str] = {}
        self.made: dict[Any, tuple[str, Result]] = {}

    def text(self) -> str:
        """The whole module."""
        attributes = [
            'attributes #0 = { nounwind "no-builtins" }', "attributes #1 = { nounwind willreturn memory(none) }",
            'attributes #2 = { nounwind alwaysinline "no-builtins" }',
        ]  # fmt: skip
        return "\n".join([*self.functions, *self.declared.values(), "", *attributes, ""])


class Frame(Expressions):
    """One function whose text is being compiled, with what its names stand for."""

    def __init__(
        self,
        assembly: Assembly,
        body: Body,
        text: Text,
        arguments: Sequence[Value],
        on_return: Callable[[Value], None] | None = None,
    ) -> None:
        self.assembly, self.body, self.text = assembly, body, text
        self.on_return = on_return  # None where the function is written out: it returns at its end
        self.result: Value = None
        self.blocks: list[dict[str, Value]] = [{}]
        self.loops: list[tuple[str, str]] = []
        given = dict(zip((a.arg for a in text.node.args.args), arguments, strict=False))
        rest = text.node.args.vararg
        if rest is not None:
            given[rest.arg] = tuple(arguments[len(given) :])
        elif len(arguments) != len(given) or len(given) != len(text.node.args.args):
            raise TypeError(f"{text.node.name} has other arguments")
        self.of_eight = names_of_eight(text.node, given)
        for name, value in given.items():
            self.bind(name, value)

    def run(self) -> Value:
        """Write the whole function; what it gives, where it is written out."""
        for statement in self.text.node.body:
            self.visit(statement)
        return self.result

    def visit(self, node: ast.AST) -> Value:
        """Write a statement or an expression."""
        try:
            return super().visit(node)
        except (TypeError, OverflowError, IndexError) as error:
            raise refused(node, str(error)) from error

    # -- names ------------------------------------------------------------------------------------
    def variable(self, node: ast.Name) -> Value:
        for block in reversed(self.blocks):
            if node.id in block:
                found = block[node.id]
                return self.body.load(found.pointer, found.type, found.eight) if type(found) is _Variable else found
        try:
            thing = self.text.module.named(node.id)
        except KeyError:
            if node.id in BUILTINS:
                return BUILTINS[node.id]
            raise refused(node) from None
        return thing if known(thing) is not None else text_of(thing) or thing

    def bind(self, name: str, value: Value) -> None:
        """Let a name stand for a value from here on."""
        is_number = isinstance(value, (Number, int, float))
        number = self.number(value) if is_number else None
        for block in reversed(self.blocks):
            if name in block:
                if isinstance(block[name], _Variable):
                    return self._assign(block[name], self.number(value))
                if block is not self.blocks[-1]:
                    raise TypeError(f"'{name}' stands for something else outside")
                break
        if number is None:
            self.blocks[-1][name] = value
            return None
        if name in self.of_eight and number.type != "i64":  # whole numbers are the same for all eight
            number = self.body.spread(number)
        variable = self.blocks[-1][name] = _Variable(self.body.room(number.llvm), number.type, number.eight)
        return self._assign(variable, number)

    def _assign(self, variable: _Variable, value: Number) -> None:
        if value.type != variable.type:
            if (value.type, variable.type) != ("float", "double"):
                raise TypeError(f"{variable.type} becomes {value.type}")
            value = self.body.converted(value, variable.type)
        if value.eight and not variable.eight:
            raise TypeError("one number becomes eight")
        self.body.store(self.body.spread(value) if variable.eight else value, variable.pointer)

    # -- statements -------------------------------------------------------------------------------
    def visit_Assign(self, node: ast.Assign) -> None:
        value = self.visit(node.value)
        for target in node.targets:
            self.assign(target, value)

    def assign(self, target: ast.expr, value: Value) -> None:
        """One target of an assignment."""
        if isinstance(target, ast.Name):
            self.bind(target.id, value)
        elif isinstance(target, ast.Tuple) and isinstance(value, tuple) and len(target.elts) == len(value):
            for each, one in zip(target.elts, value, strict=True):
                self.assign(each, one)
        elif isinstance(target, ast.Subscript):
            array = self.visit(target.value)
            if not isinstance(array, Array):
                raise refused(target)
            write(self.body, array, self.places(target), self.number(value))
        else:
            raise refused(target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        read = ast.copy_location(_as_read(node.target), node)
        self.assign(node.target, self.visit(ast.copy_location(ast.BinOp(read, node.op, node.value), node)))

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # a docstring
            self.visit(node.value)

    def visit_Pass(self, node: ast.Pass) -> None:
        """Nothing."""

    def visit_Return(self, node: ast.Return) -> None:
        value = None if node.value is None else self.visit(node.value)
        if self.on_return is not None:
            self.on_return(value)
            self.body.ended = True
        elif node is self.text.node.body[-1]:
            self.result = value
        else:
            raise refused(node)

    def block(self, statements: Sequence[ast.stmt], name: str = "", value: Value = None) -> None:
        """Statements with names of their own, of which one may be given."""
        self.blocks.append({})
        if name:
            self.bind(name, value)
        for statement in statements:
            self.visit(statement)
        self.blocks.pop()

    def visit_If(self, node: ast.If) -> None:
        condition = self.truth(self.visit(node.test))
        if isinstance(condition, bool):
            self.block(node.body if condition else node.orelse)
            return
        then, otherwise, after = map(self.body.name, ("then", "else", "after"))
        self.body.fork(condition, then, otherwise if node.orelse else after)
        self.body.begin(then)
        self.block(node.body)
        self.body.jump(after)
        if node.orelse:
            self.body.begin(otherwise)
            self.block(node.orelse)
        self.body.begin(after)

    def visit_While(self, node: ast.While) -> None:
        head, turn, after = map(self.body.name, ("head", "turn", "after"))
        self.body.begin(head)
        self.body.fork(self.number(self.truth(self.visit(node.test))), turn, after)
        self.body.begin(turn)
        self._loop(node, (head, after))
        self.body.jump(head)
        self.body.begin(after)

    def visit_For(self, node: ast.For) -> None:
        through = self.visit(node.iter)
        if isinstance(through, Abreast):
            through, of_eight = Range(constant(0), through.count, LANES), True
        elif isinstance(through, Range):
            of_eight = False
        else:
            raise refused(node)
        labels = self.body.name("next"), self.body.name("after")
        if not isinstance(node.target, ast.Name):
            raise refused(node)
        with self.body.loop(through.first, through.last, through.step, labels) as place:
            self._loop(node, labels, node.target.id, Places(place) if of_eight else place)

    def _loop(self, node: ast.While | ast.For, labels: tuple[str, str], name: str = "", value: Value = None) -> None:
        if node.orelse:
            raise refused(node)
        self.loops.append(labels)
        of_numbers = {called for called, thing in self.text.module.names.items() if computes_numbers(thing)}
        self.block(late_calls_last(node.body, of_numbers), name, value)
        self.loops.pop()

    def visit_Break(self, node: ast.Break) -> None:
        self.body.jump(self.loops[-1][1])

    def visit_Continue(self, node: ast.Continue) -> None:
        self.body.jump(self.loops[-1][0])

    # -- calls ------------------------------------------------------------------------------------
    def called(self, function: Value, arguments: Sequence[Value], node: ast.Call) -> Value:
        if isinstance(function, Text):
            return self.call(function, arguments)
        own = known(function)
        if own is None:
            raise refused(node)
        return own(self, *arguments)

    def call(self, text: Text, arguments: Sequence[Value]) -> Value:
        """What a function gives that is known by its text."""
        simple = all(isinstance(a, (Number, int, float, Array, Range, Text)) for a in arguments)
        if text.module.generated or text.results is not None or not simple:
            return Frame(self.assembly, self.body, text, arguments).run()
        numbers = [self.number(a) for a in arguments if isinstance(a, (Number, int, float))]
        apart = len(numbers) == len(arguments) and any(n.eight for n in numbers) and not text.is_straight
        given = [Number(n.name, n.type) for n in numbers] if apart else arguments
        name, result = self.function(text, given)
        if result is None:
            operands = [operand for a in arguments for operand in taken_apart(a)[1]]
            self.body.put(f"call void @{name}({', '.join(operands)})")
            return None
        if apart:
            value = self.body.one_by_one(name, result[0], numbers)
        else:
            value = self.body.call(name, result[0], [o for a in arguments for o in taken_apart(a)[1]], result[1])
        narrow = value.type == "double" and "float" in {n.type for n in numbers} <= {"float", "i1"}
        return self.body.converted(value, "float") if narrow else value

    def function(self, text: Text, arguments: Sequence[Value]) -> tuple[str, Result]:
        """LLVM's function for a text and arguments of these kinds: its name, and what it gives."""
        kinds = tuple(taken_apart(a)[0] for a in arguments)
        key = text.node, kinds
        if key not in self.assembly.made:
            name = f"{text.node.name}.{len(self.assembly.made)}"
            self.assembly.made[key] = name, None
            self.assembly.made[key] = name, self._made(text, kinds, name)
        return self.assembly.made[key]

    def _made(self, text: Text, kinds: Sequence[Kind], name: str) -> Result:
        body = Body(self.assembly.fast)
        parameters: list[str] = []
        found: list[Result] = []

        def take(kind: str, eight: bool) -> Number:
            number = Number(f"%a{len(parameters)}", kind, eight)
            parameters.append(str(number))
            return number

        def on_return(value: Value) -> None:
            number = None if value is None else frame.number(value)
            found.append(None if number is None else (number.type, number.eight))
            body.put("ret void" if number is None else f"ret {number}")

        arguments = [put_together(kind, take) for kind in kinds]
        frame = Frame(self.assembly, body, text, arguments, on_return)
        frame.run()
        if len(set(found)) > 1:
            raise refused(text.node)
        result = found[0] if found else None
        body.put("ret void" if result is None else "unreachable")
        gives = "void" if result is None else Number("", *result).llvm
        way = "#2" if text.is_straight else "#0"  # in line: what two of them compute alike is computed once
        self.assembly.functions.append(body.text(f"internal {gives} @{name}({', '.join(parameters)}) {way}"))
        return result

    def of_c(self, symbol: str, *values: Value) -> Number:
        """What a function of the C library gives; it has single numbers only."""
        numbers = self.alike(*values)
        if numbers[0].type not in OF_FLOATS:
            numbers = [self.number(n, "double") for n in numbers]
        kind = numbers[0].type
        symbol += "f" * (kind == "float")
        name = f"tidu_{symbol}"  # a name that LLVM does not know: it would put other functions in its place
        self.assembly.symbols[name] = symbol
        self.assembly.declared[name] = f"declare {kind} @{name}({', '.join([kind] * len(numbers))}) #1"
        return (self.body.one_by_one if numbers[0].eight else self.body.call)(name, kind, numbers)


def _as_read(target: ast.expr) -> ast.expr:
    if isinstance(target, ast.Name):
        return ast.Name(target.id, ast.Load())
    if isinstance(target, ast.Subscript):
        return ast.Subscript(target.value, target.slice, ast.Load())
    raise refused(target)


def _holds_eight(value: Value) -> bool:
    if isinstance(value, tuple):
        return any(map(_holds_eight, value))
    return isinstance(value, Places) or (isinstance(value, Number) and value.eight)


def names_of_eight(function: ast.FunctionDef, given: Mapping[str, Value]) -> set[str]:
    """The names of a function that stand for eight values.

    These are the names that it is given eight values for, or takes from `abreast` or `eight_from`; and a name is one of
    them if something is assigned to it that reads one of them. This is asked of all assignments until no name is added.
    """
    found = {name for name, value in given.items() if _holds_eight(value)} | {"abreast", "eight_from"}
    assignments: list[tuple[set[str], set[str]]] = []
    for node in ast.walk(function):
        if isinstance(node, ast.For):
            assignments.append((_names(node.target), _names(node.iter)))
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                assignments += _reading(target, node.value, given)
        elif isinstance(node, ast.AugAssign):
            assignments += _reading(node.target, node.value, given)
    while True:
        more = {name for names, read in assignments if read & found for name in names} - found
        if not more:
            return found
        found |= more


def _reading(target: ast.expr, value: ast.expr, given: Mapping[str, Value]) -> list[tuple[set[str], set[str]]]:
    """The names that are assigned to, with those that are read for them; of a tuple that is given, part by part."""
    if isinstance(target, ast.Subscript):
        return []
    whole = given.get(value.id) if isinstance(value, ast.Name) else None
    if isinstance(target, ast.Tuple) and isinstance(whole, tuple):
        parts = zip(target.elts, whole, strict=True)
        return [(_names(each), _names(value)) for each, one in parts if _holds_eight(one)]
    return [(_names(target), _names(value))]


def _names(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


# -- a whole module -----------------------------------------------------------------------------------
@dataclass(frozen=True)
class MachineText:
    """LLVM's text for a function, what it gives (see `calls`), and the C library's functions by its names for them."""

    text: str
    results: Any
    symbols: dict[str, str]


def machine_text(source: str, name: str, kinds: Sequence[Kind], fast: bool, entry: str) -> MachineText:
    """The function `name` of a generated module for arguments of these kinds.

    LLVM's function is called `entry`. It has two arguments: where the numbers and pointers of the arguments lie, and
    where those of the results go.
    """
    module = module_of_text(source)
    assembly, body = Assembly(fast), Body(fast)
    words = 0
    results: list[Any] = []

    def take(kind: str, eight: bool) -> Number:
        nonlocal words
        place = body.at("%given", "double", constant(words))
        words += 1
        return body.converted(body.load(place, "double"), "float") if kind == "float" else body.load(place, kind)

    def stored(value: Value) -> Any:
        nonlocal words
        if value is None:
            return None
        if isinstance(value, tuple):
            return [stored(each) for each in value]
        if isinstance(value, Array):
            if not value.argument:
                raise TypeError("an array that was not given")
            return {"argument": list(value.argument)}
        number = frame.number(value)
        letter = {"double": "d", "float": "d", "i64": "q", "i1": "?"}[number.type]
        if number.type == "float":
            number = body.converted(number, "double")
        if number.type == "i1":
            number = body.new(f"zext {number} to i64", "i64")
        body.store(number, body.at("%results", "double", constant(words)))
        words += 1
        return letter

    def on_return(value: Value) -> None:
        nonlocal words
        words = 0
        results.append(stored(value))
        body.put("ret void")

    text = Text(module.functions[name], module)
    arguments = [put_together(kind, take, (k,)) for k, kind in enumerate(kinds)]
    frame = Frame(assembly, body, text, arguments, on_return)
    frame.run()
    if any(each != results[0] for each in results):
        raise refused(text.node)
    body.put("ret void")
    assembly.functions.append(body.text(f"void @{entry}(ptr noalias %given, ptr noalias %results) #0"))
    return MachineText(assembly.text(), results[0] if results else None, assembly.symbols)
