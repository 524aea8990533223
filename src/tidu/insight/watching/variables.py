"""`Recording`: what the variables of a script were at each turn of the loop that changes them.

The interpreter tells of lines that are about to run: `sys.monitoring` from Python 3.12 on, `sys.settrace` before. The
script is not changed, and is only read.
"""

from __future__ import annotations

import ast
import copy
import sys
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tidu.eager.tensor import Tensor
from tidu.errors import SettingError, closest
from tidu.insight.watching.array_shapes import Shape, tables_of_pairs
from tidu.insight.watching.loops import Loop, base_of, bindings, changing_names, loops_that_change, scopes_of
from tidu.insight.watching.script import Script
from tidu.pictures.numbers import Array
from tidu.syntax_tree import expression_tree
from tidu.text import _

ELEMENTS = 8  # of an array that are recorded
KEPT_TURNS = (0, 1, 7)  # at whose beginning all variables are kept, for an audit: a sample may be 0
MOST_TURNS = 20_000  # that are kept of a run; of more, every second, fourth, ...


@dataclass
class Turns:
    """A variable from a start until it is set anew: after so many turns it had these values."""

    line: int
    turns: list[int] = field(default_factory=list)
    values: list[Array] = field(default_factory=list)
    every: int = 1
    count: int = 0  # of turns, of which the last left `last`
    last: Array | None = None

    def add(self, turn: int, value: Array) -> None:
        """One more value; of very many, only some."""
        self.last, self.count = value, turn
        if turn % self.every and self.turns:
            return
        self.turns.append(turn)
        self.values.append(value)
        if len(self.turns) > MOST_TURNS:
            self.every *= 2
            kept = [k for k, t in enumerate(self.turns) if t % self.every == 0]
            self.turns = [self.turns[k] for k in kept]
            self.values = [self.values[k] for k in kept]

    def element(self, k: int) -> tuple[Array, Array]:
        """Turns and values of one element; nan where there was none."""
        turns, values = self.kept
        y = np.array([v[k] if k < len(v) else np.nan for v in values])
        return np.array(turns, dtype=np.float64), y

    @property
    def kept(self) -> tuple[list[int], list[Array]]:
        """Turns and values, the last among them."""
        if self.last is None or self.turns[-1] == self.count:
            return self.turns, self.values
        return [*self.turns, self.count], [*self.values, self.last]


@dataclass
class _Standing:
    """Where a frame stands in a loop."""

    frame: types.FrameType
    loop: Loop
    in_body: bool = False


class Recording:
    """Records `names`; `runs` has, for each, its values from each start on."""

    def __init__(self, script: Script, names: tuple[str, ...]) -> None:
        assert script.tree is not None
        self.script = script
        self.names = names
        self.runs: dict[str, list[Turns]] = {name: [] for name in names}
        self.snapshots: dict[int, list[dict[str, Any]]] = {}  # by the first line of a loop: all variables in a turn
        self.loops: dict[str, list[Loop]] = {name: loops_that_change(script.tree, name) for name in names}
        for name, loops in self.loops.items():
            if not loops:
                self._refuse(name)
        self.tables: list[tuple[int, Shape, Shape, Shape]] = []  # of pairs, where (n,) met (n, 1)
        self._looked_at: dict[int, int] = {}
        self._counts: dict[int, int] = {}
        self._standing: dict[tuple[int, int], _Standing] = {}
        self._watched: dict[tuple[str, int], list[Loop]] = {}
        for loops in self.loops.values():
            for loop in loops:
                self.watch(loop)

    def watch(self, loop: Loop) -> None:
        """Look at the turns of a loop."""
        known = self._watched.setdefault(loop.scope.key, [])
        if loop not in known:
            known.append(loop)

    def keep_turns(self, loop: Loop) -> None:
        """Keep all variables as they are at the beginning of some turns of a loop."""
        self.watch(loop)
        self.snapshots.setdefault(loop.header, [])

    def _refuse(self, name: str) -> None:
        assert self.script.tree is not None
        tree = self.script.tree
        every = {base_of(t) for s in scopes_of(tree) for _s, t, loops in bindings(s) if loops}
        near = closest(name, every)
        raise SettingError(
            _("no loop of the script changes '{name}'{hint}; its loops change {names}").format(
                name=name,
                hint=_(" (did you mean '{near}'?)").format(near=near) if near else "",
                names=", ".join(sorted(every)) or _("nothing"),
            )
        )

    # -- what the interpreter tells ---------------------------------------------------------------
    @contextmanager
    def running(self) -> Iterator[None]:
        """Within it, the script is recorded."""
        if sys.version_info >= (3, 12):
            with self._monitored():
                yield
        else:
            before = sys.gettrace()
            sys.settrace(self._trace)
            try:
                yield
            finally:
                sys.settrace(before)
        for standing in list(self._standing.values()):
            self._leave(standing)

    def _trace(self, frame: types.FrameType, event: str, arg: object) -> Any:
        """`sys.settrace`: lines of the frames whose loops are watched."""
        loops = self._loops_of(frame.f_code)
        if not loops:
            return None

        dull = _dull_lines(loops)

        def local(frame: types.FrameType, event: str, arg: object) -> Any:
            if event == "line" and frame.f_lineno not in dull:
                self._line(frame, loops, frame.f_lineno)
            elif event == "return":
                self._returned(frame)
            return local

        return local

    if sys.version_info >= (3, 12):

        @contextmanager
        def _monitored(self) -> Iterator[None]:
            """`sys.monitoring`: the same, where lines that matter to nobody are asked for once."""
            m = sys.monitoring
            tool = next(k for k in range(6) if m.get_tool(k) is None)
            m.use_tool_id(tool, "tidu watch")

            def line(code: types.CodeType, number: int) -> Any:
                loops = self._loops_of(code)
                self._line(sys._getframe(1), loops, number)
                return m.DISABLE if number in _dull_lines(loops) else None

            def returned(code: types.CodeType, offset: int, value: object) -> None:
                self._returned(sys._getframe(1))

            def jumped(code: types.CodeType, offset: int, destination: int) -> None:
                if destination <= offset:  # a loop in one line: its line is told of once, each turn by a jump back
                    frame = sys._getframe(1)
                    self._line(
                        frame, [loop for loop in self._loops_of(code) if loop.last == loop.header], frame.f_lineno
                    )

            m.register_callback(tool, m.events.JUMP, jumped)
            m.register_callback(tool, m.events.LINE, line)
            m.register_callback(tool, m.events.PY_RETURN, returned)
            try:
                for code in _codes(self.script.code):
                    if self._loops_of(code):
                        m.set_local_events(tool, code, m.events.LINE | m.events.PY_RETURN | m.events.JUMP)
                yield
            finally:
                m.free_tool_id(tool)

    def _loops_of(self, code: types.CodeType) -> list[Loop]:
        if code.co_filename != self.script.path:
            return []
        is_module = code.co_name == "<module>"
        return self._watched.get((code.co_name, 0 if is_module else code.co_firstlineno), [])

    def _line(self, frame: types.FrameType, loops: list[Loop], number: int) -> None:
        for loop in loops:
            key = id(frame), loop.header
            standing = self._standing.get(key)
            if number == loop.header:
                if standing is None:
                    self._standing[key] = _Standing(frame, loop)
                    self._enter(frame, loop)
                else:
                    standing.in_body = False
                    self._turned(frame, loop)
            elif standing is not None:
                if not loop.header < number <= loop.last:
                    self._leave(standing)
                elif not standing.in_body:
                    standing.in_body = True
                    looked = self._looked_at.get(loop.header, 0)
                    if looked < 2:  # in the first turn, and in the second, which has all variables
                        self._looked_at[loop.header] = looked + 1
                        self.tables += tables_of_pairs(loop.node, {**frame.f_globals, **frame.f_locals})
                    if loop.header in self.snapshots and self._counts.get(loop.header, 0) in KEPT_TURNS:
                        kept = self.snapshots[loop.header]
                        if len(kept) < len(KEPT_TURNS):
                            kept.append(snapshot(frame))

    def _returned(self, frame: types.FrameType) -> None:
        for standing in [s for s in self._standing.values() if s.frame is frame]:
            self._leave(standing)

    def _leave(self, standing: _Standing) -> None:
        """A loop is left; by `break` in the middle of a turn."""
        self._standing.pop((id(standing.frame), standing.loop.header), None)
        if standing.in_body:
            self._turned(standing.frame, standing.loop)

    # -- values --------------------------------------------------------------------------------------
    def _names_at(self, loop: Loop) -> list[str]:
        return [name for name in self.names if loop in self.loops[name]]

    def _enter(self, frame: types.FrameType, loop: Loop) -> None:
        """A loop is entered: either it goes on where it was, or variables were set anew."""
        now = {name: numbers_of(value_in(frame, name)) for name in self._names_at(loop)}
        goes_on = loop.header in self._counts and all(
            value is None or not self.runs[name] or _same(self.runs[name][-1].last, value)
            for name, value in now.items()
        )
        if goes_on:
            return
        self._counts[loop.header] = 0
        for name, value in now.items():
            self.runs[name].append(Turns(loop.header))
            if value is not None and not _is_target(loop, name):
                self.runs[name][-1].add(0, value)

    def _turned(self, frame: types.FrameType, loop: Loop) -> None:
        self._counts[loop.header] = turn = self._counts.get(loop.header, 0) + 1
        for name in self._names_at(loop):
            value = numbers_of(value_in(frame, name))
            if value is not None:
                self.runs[name][-1].add(turn, value)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON: of each name its runs."""
        return {
            name: [
                {"line": r.line, "turns": r.kept[0], "values": [_plain(v) for v in r.kept[1]]}
                for r in runs
                if r.turns
            ]
            for name, runs in self.runs.items()
        }  # fmt: skip


def _plain(values: Array) -> Any:
    return values.tolist() if len(values) > 1 else float(values[0])


def _dull_lines(loops: list[Loop]) -> set[int]:
    """Lines within the turns of all loops, at which none of them begins or ends."""
    within = set.intersection(*(set(range(loop.first_of_body + 1, loop.last + 1)) for loop in loops))
    return within - {line for loop in loops for line in (loop.header, loop.first_of_body)}


def _same(before: Array | None, now: Array) -> bool:
    return before is not None and np.array_equal(before, now, equal_nan=True)


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _codes(inner)


def _is_target(loop: Loop, name: str) -> bool:
    """Whether the loop itself gives the variable its values, as `for w in grid` does."""
    return isinstance(loop.node, ast.For) and name in {
        n.id for n in ast.walk(loop.node.target) if isinstance(n, ast.Name)
    }


def value_in(frame: types.FrameType, name: str) -> Any:
    """A variable, or a part of one such as `net.w` or `w[0]`, as a frame sees it; None where there is none."""
    return value_of(name, {**frame.f_globals, **frame.f_locals} if "." in name or "[" in name else _Seen(frame))


class _Seen(Mapping[str, Any]):
    """The variables of a frame, its own before the global ones."""

    def __init__(self, frame: types.FrameType) -> None:
        self.frame = frame

    def __getitem__(self, name: str) -> Any:
        local = self.frame.f_locals
        return local[name] if name in local else self.frame.f_globals[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self.frame.f_globals, **self.frame.f_locals})

    def __len__(self) -> int:
        return len(list(iter(self)))


def value_of(name: str, variables: Mapping[str, Any]) -> Any:
    """The value of `w`, `net.w` or `w[0]`; None where there is none."""
    if name.isidentifier():
        try:
            return variables[name]
        except KeyError:
            return None
    return _walked(expression_tree(name), variables)


def _walked(node: ast.expr, variables: Mapping[str, Any]) -> Any:
    try:
        if isinstance(node, ast.Name):
            return variables[node.id]
        if isinstance(node, ast.Attribute):
            return getattr(_walked(node.value, variables), node.attr)
        if isinstance(node, ast.Subscript):
            return _walked(node.value, variables)[ast.literal_eval(node.slice)]
    except (KeyError, AttributeError, IndexError, TypeError, ValueError):
        return None
    return None


def numbers_of(value: Any) -> Array | None:
    """The first elements of a number, array, tensor or list of numbers; None for anything else."""
    if isinstance(value, Tensor):
        value = value.value
    if isinstance(value, bool | str) or value is None:
        return None
    try:
        array = np.ravel(np.asarray(value))
    except ValueError:
        return None
    if array.dtype.kind not in "fiu" or not array.size:
        return None
    return np.array(array[:ELEMENTS], dtype=np.float64)


def snapshot(frame: types.FrameType) -> dict[str, Any]:
    """All variables that a frame sees, with copies of those that could change."""
    return {name: copied(value) for name, value in {**frame.f_globals, **frame.f_locals}.items()}


def copied(value: Any) -> Any:
    """A deep copy of data; functions, modules, classes and what cannot be copied stay themselves."""
    if isinstance(value, int | float | str | types.ModuleType | types.FunctionType | type):
        return value
    try:
        return copy.deepcopy(value)
    except Exception:  # whatever a learner's object raises: it is then taken as it is
        return value


def suggested(script: Script) -> tuple[str, ...]:
    """Variables that look like the parameters of a training."""
    return tuple(changing_names(script.tree)) if script.tree is not None else ()
