"""What a name in a loop's text can stand for, besides numbers: arrays, ranges, places, tuples and functions.

All of these are known while the text is read; only numbers, pointers and sizes are in the machine code. Tuples are
Python's own tuples of such values, and plain Python numbers are constants.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from types import FunctionType
from typing import Any

from tidu.engines.compiler.assembly import Body, Number, constant
from tidu.errors import CannotCompile
from tidu.runtime.summation import LANES
from tidu.syntax_tree import module_tree
from tidu.text import _

Value = Any  # a Number, a plain number, one of the classes below, a tuple of values, a function of Python's, None


# -- functions by their text ----------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Module:
    """The functions of a module by their text, and what its other names stand for."""

    functions: Mapping[str, ast.FunctionDef]
    names: Mapping[str, Value]
    generated: bool  # its functions are written out where they are called

    def named(self, name: str) -> Value:
        """What a name of the module stands for."""
        if name in self.names:
            return self.names[name]
        return Text(self.functions[name], self)


@dataclass(frozen=True, eq=False)
class Text:
    """A function whose text is compiled."""

    node: ast.FunctionDef
    module: Module

    @cached_property
    def is_straight(self) -> bool:
        """Whether it is assignments and a result, without branches."""
        return not any(isinstance(n, (ast.If, ast.For, ast.While)) for n in ast.walk(self.node))

    @cached_property
    def results(self) -> int | None:
        """How many values it returns, where that is a tuple."""
        value = getattr(self.node.body[-1], "value", None)
        return len(value.elts) if isinstance(value, ast.Tuple) else None


def module_of_text(source: str) -> Module:
    """A generated module, from its text."""
    tree = module_tree(source)
    functions = {f.name: f for f in tree.body if isinstance(f, ast.FunctionDef)}
    names: dict[str, Value] = {}
    others = [s for s in tree.body if not isinstance(s, ast.FunctionDef)]  # imports, and GOING, DIVERGED, ...
    exec(compile(ast.Module(others, []), "<loop>", "exec"), names)
    return Module(functions, names, generated=True)


@cache
def module_of_python(name: str) -> Module:
    """A module of the package, from its file."""
    module = importlib.import_module(name)
    tree = module_tree(Path(str(module.__file__)).read_text(encoding="utf-8"))
    functions = {f.name: f for f in tree.body if isinstance(f, ast.FunctionDef)}
    return Module(functions, vars(module), generated=False)


def text_of(function: Value) -> Text | None:
    """A function of `tidu.runtime` by its text; None for everything else."""
    if isinstance(function, FunctionType) and function.__module__.startswith(
        ("tidu.runtime.", "tidu.engines.compiler.")
    ):
        module = module_of_python(function.__module__)
        if function.__name__ in module.functions:
            return Text(module.functions[function.__name__], module)
    return None


# -- places and arrays ------------------------------------------------------------------------------
@dataclass(frozen=True)
class Range:
    """`range(first, last, step)`."""

    first: Number
    last: Number
    step: int = 1


@dataclass(frozen=True)
class Abreast:
    """`abreast(count)`: the places before `count`, taken eight at a time."""

    count: Number


@dataclass(frozen=True)
class Places:
    """Eight places, one after another."""

    first: Number


@dataclass(frozen=True)
class Array:
    """Numbers in memory. Sizes and steps (in elements) are numbers of the machine code."""

    element: str  # LLVM's type
    start: str  # the pointer
    shape: tuple[Number, ...]
    steps: tuple[Number, ...]
    in_line: bool  # whether the numbers of the last axis lie side by side
    whole: bool  # whether all do, without gaps
    argument: tuple[int, ...] = ()  # where it stands among the arguments of the compiled function, if it is one

    def turned(self) -> Array:
        """The array with its axes in the opposite order, `a.T`."""
        one = len(self.shape) == 1
        return (
            self if one else replace(self, shape=self.shape[::-1], steps=self.steps[::-1], in_line=False, whole=False)
        )

    def size(self, body: Body) -> Number:
        """How many numbers there are."""
        size = self.shape[0]
        for more in self.shape[1:]:
            size = body.arithmetic("mul", size, more)
        return size

    def flat(self, body: Body) -> Array:
        """`a.reshape(-1)`, of an array without gaps."""
        return replace(self, shape=(self.size(body),), steps=(constant(1),))


@dataclass(frozen=True)
class Slice:
    """`first:last` of an axis; None is its end."""

    first: Number | None = None
    last: Number | None = None


Place = Number | Places | Slice


def _start(body: Body, array: Array, places: Sequence[Place], lane: int | None = None) -> str:
    """Where the numbers at these places begin; or that of one of the eight, where a place is eight."""
    offset = constant(0)
    for place, step in zip(places, array.steps, strict=False):
        if isinstance(place, Slice):
            number = place.first or constant(0)
        elif isinstance(place, Places):
            number = body.arithmetic("add", place.first, constant(lane or 0))
        else:
            number = body.element(place, lane) if place.eight and lane is not None else place
        offset = body.arithmetic("add", offset, body.arithmetic("mul", number, step))
    return body.at(array.start, array.element, offset)


def part(body: Body, array: Array, places: Sequence[Place]) -> Value:
    """`array[places]`: a number, eight numbers, or an array of what is left; without a look at bounds."""
    if len(places) < len(array.shape) or any(isinstance(p, Slice) for p in places):
        return _view(body, array, places)
    if not any(map(_of_eight, places)):
        return body.load(_start(body, array, places), array.element)
    if isinstance(places[-1], Places) and array.in_line:
        return body.load(_start(body, array, places), array.element, eight=True)
    return body.together([body.load(_start(body, array, places, lane), array.element) for lane in range(LANES)])


def _of_eight(place: Place) -> bool:
    return isinstance(place, Places) or (isinstance(place, Number) and place.eight)


def _view(body: Body, array: Array, places: Sequence[Place]) -> Array:
    every = [*places, *[Slice()] * (len(array.shape) - len(places))]
    shape, steps = [], []
    for place, size, step in zip(every, array.shape, array.steps, strict=True):
        if isinstance(place, Slice):
            last = place.last or size
            shape.append(last if place.first is None else body.arithmetic("sub", last, place.first))
            steps.append(step)
    in_line = array.in_line and isinstance(every[-1], Slice)
    leading = len(every) - len(shape)  # axes of which one place is taken
    whole = array.whole and all(not isinstance(p, Slice) for p in every[:leading])
    whole = whole and all(p == Slice() for p in every[leading + 1 :])
    return Array(array.element, _start(body, array, every), tuple(shape), tuple(steps), in_line, whole)


def write(body: Body, array: Array, places: Sequence[Place], value: Number) -> None:
    """`array[places] = value`."""
    if len(places) == len(array.shape) - 1 and value.eight:  # a row of eight
        places = [*places, Places(constant(0))]
    value = body.converted(value, array.element)
    if not any(map(_of_eight, places)):
        body.store(value, _start(body, array, places))
    elif isinstance(places[-1], Places) and array.in_line:
        body.store(body.spread(value), _start(body, array, places))
    else:
        for lane in range(LANES):
            body.store(body.element(body.spread(value), lane), _start(body, array, places, lane))


# -- from function to function ----------------------------------------------------------------------
Kind = tuple[Any, ...]  # what code depends on, of a value that is handed to a function


def taken_apart(value: Value) -> tuple[Kind, list[str]]:
    """The kind of a value, and the numbers and pointers that it consists of."""
    if isinstance(value, Number):
        return ("number", value.type, value.eight), [str(value)]
    if isinstance(value, Array):
        kind = ("array", value.element, len(value.shape), value.in_line, value.whole)
        steps = value.steps[:-1] if value.in_line else value.steps
        return kind, [f"ptr {value.start}", *map(str, (*value.shape, *steps))]
    if isinstance(value, Range):
        return ("range", value.step), [str(value.first), str(value.last)]
    if isinstance(value, (bool, int, float)):
        return taken_apart(constant(value))
    if isinstance(value, Text):
        return ("text", value.node, value.module), []
    raise TypeError(type(value).__name__)


def put_together(kind: Kind, take: Callable[[str, bool], Number], path: tuple[int, ...] = ()) -> Value:
    """A value of a kind; `take` gives its numbers and pointers, one after another, by their types."""
    if kind[0] == "tuple":
        return tuple(put_together(each, take, (*path, k)) for k, each in enumerate(kind[1:]))
    if kind[0] == "number":
        return take(kind[1], kind[2])
    if kind[0] == "text":
        return Text(kind[1], kind[2])
    if kind[0] == "range":
        return Range(take("i64", False), take("i64", False), kind[1])
    _array, element, axes, in_line, whole = kind
    start = take("ptr", False).name
    shape = tuple(take("i64", False) for _axis in range(axes))
    steps = [take("i64", False) for _axis in range(axes - in_line)] + [constant(1)] * in_line
    return Array(element, start, shape, tuple(steps), in_line, whole, path)


def refused(node: ast.AST, why: str = "") -> CannotCompile:
    """The error about a line of a text that is not in the language of loops."""
    told = _("line {line} of the loop, '{text}', has no counterpart in machine code{why}; engine='python' runs it")
    text = ast.unparse(node).partition("\n")[0]
    return CannotCompile(told.format(line=getattr(node, "lineno", 0), text=text, why=f" ({why})" if why else ""))
