"""A gradient that a script computes by itself, audited as a function made from the script's own code.

Functions of the script are called as it called them, with other parameters. For variables, the statements of one turn
that lead to them are run again, on the variables of that turn, with other parameters.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import inspect
import io
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tidu.eager.functions import reshape, stack
from tidu.eager.tensor import Tensor
from tidu.errors import SettingError, TiduError
from tidu.insight.audit import Audit, audit
from tidu.insight.watching.loops import (
    Function,
    Loop,
    base_of,
    bindings,
    loops_that_change,
    names_read,
    scopes_of,
    targets_of,
)
from tidu.insight.watching.script import Script
from tidu.insight.watching.variables import Recording, copied, value_of
from tidu.text import _

MOST_ENTRIES = 6  # of each array that are compared
Variables = dict[str, Any]


@dataclass
class OwnGradient:
    """The names of a loss, of parameters, and of their gradients, in a script; `audit` is asked after it has run."""

    script: Script
    recording: Recording
    loss: str
    gradients: Mapping[str, str]
    loop: Loop | None
    unknown: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, script: Script, recording: Recording, loss: str, gradients: Mapping[str, str]) -> OwnGradient:
        """Prepared before the script runs, so that a turn of its loop is kept."""
        assert script.tree is not None
        found = [loops_that_change(script.tree, name) for name in gradients]
        loops = [loop for each in found for loop in each]
        own = [
            loop
            for loop in loops
            if _assigned_in(loop, loss) and all(_assigned_in(loop, g) for g in gradients.values())
        ]
        loop = next(iter([*own, *loops]), None)
        if loop is not None:
            recording.keep_turns(loop)
        return cls(script, recording, loss, gradients, loop)

    def audit(self) -> Audit:
        """The verdict on each parameter: of several turns of the loop, the first that is wrong.

        Raises
        ------
        SettingError
            The loss or a gradient is neither a function nor a variable of the turn; or they cannot be computed again.
        """
        kept = self.recording.snapshots.get(self.loop.header, []) if self.loop is not None else []
        found = [self._audit_at({**vars(self.script.main), **turn}) for turn in (kept or [{}])]
        verdicts = {
            name: next((a.verdicts[name] for a in found if not a.verdicts[name].right), verdict)
            for name, verdict in found[0].verdicts.items()
        }
        return Audit(verdicts, found[0].points, tuple(dict.fromkeys(note for a in found for note in a.notes)))

    def _audit_at(self, start: Variables) -> Audit:
        """The audit on the variables of one turn."""
        at, shapes = _points(self.gradients, start)
        rate = next(
            (float(start[n]) for n in ("lr", "learning_rate", "alpha", "eta", "rate") if _is_number(start.get(n))), 0.01
        )
        parts = {name: self._computed(name, start) for name in (self.loss, *self.gradients.values())}

        def loss(**numbers: Any) -> Any:
            return parts[self.loss](_assembled(numbers, shapes, start))

        def gradient(**numbers: Any) -> dict[str, float]:
            parameters = _assembled(numbers, shapes, start)
            told: dict[str, float] = {}
            for name, own in self.gradients.items():
                values = parts[own](parameters)
                if isinstance(values, Mapping):
                    values = values[name]
                elif isinstance(values, (tuple, list)) and len(values) == len(self.gradients) and not shapes[name]:
                    values = values[list(self.gradients).index(name)]
                array = np.asarray(values.value if isinstance(values, Tensor) else values, dtype=np.float64)
                array = (
                    array.reshape(np.shape(np.empty(shapes[name])))
                    if array.size == int(np.prod(shapes[name]))
                    else array
                )
                if array.shape != shapes[name]:
                    raise SettingError(
                        _("'{own}' has the shape {given}, and '{name}' has {shape}").format(
                            own=own, given=array.shape, name=name, shape=shapes[name]
                        )
                    )
                told |= {key: float(array[index]) for key, index in _entries(name, shapes[name])}
            return told

        try:
            return audit(loss, gradient, at=at, lr=rate)
        except (TiduError, ArithmeticError, LookupError, TypeError, ValueError, NameError, AttributeError) as error:
            raise SettingError(
                _("the gradient cannot be audited, because its code does not run again by itself: {reason}").format(
                    reason=str(error).splitlines()[0] if str(error) else type(error).__name__
                )
            ) from None

    def _computed(self, name: str, start: Variables) -> Callable[[Variables], Any]:
        value = value_of(name, start)
        left = value_of(name, vars(self.script.main))
        function = value if callable(value) and not isinstance(value, Tensor) else left
        if callable(function) and not isinstance(function, Tensor):
            return self._of_function(function, name, start)
        return self._of_variable(name, start)

    # -- functions --------------------------------------------------------------------------------
    def _of_function(self, function: Callable[..., Any], name: str, start: Variables) -> Callable[[Variables], Any]:
        """The function with the script's own values for all arguments but the parameters."""
        try:
            arguments = list(inspect.signature(function).parameters.values())
        except (TypeError, ValueError):
            raise SettingError(_("'{name}' is no function of the script").format(name=name)) from None
        given = self._call_of(name)
        known: Variables = {}
        renamed: dict[str, str] = {}  # arguments that the parameters are given as
        for k, argument in enumerate(arguments):
            expression = given.get(k, given.get(argument.name))
            text = ast.unparse(expression) if expression is not None else argument.name
            if text in self.gradients:
                renamed[argument.name] = text
            elif argument.name in self.gradients:
                renamed[argument.name] = argument.name
            elif expression is not None and (value := self._evaluated(expression, start)) is not None:
                known[argument.name] = value
            elif argument.name in start:
                known[argument.name] = start[argument.name]
            elif argument.default is argument.empty and argument.kind not in (
                argument.VAR_POSITIONAL,
                argument.VAR_KEYWORD,
            ):
                raise SettingError(
                    _("'{name}' has the argument '{argument}', and the script has no variable of that name").format(
                        name=name, argument=argument.name
                    )
                )

        def computed(parameters: Variables) -> Any:
            named = {**known, **{argument: parameters[p] for argument, p in renamed.items()}}
            with self._variables({**start, **parameters}, self.script):
                return function(**{k: copied(v) if not isinstance(v, Tensor) else v for k, v in named.items()})

        return computed

    def _evaluated(self, expression: ast.expr, start: Variables) -> Any:
        """What stands in a call, from the variables of the turn; None where it cannot be computed from them."""
        code = compile(ast.Expression(expression), self.script.path, "eval", dont_inherit=True)
        with self._variables(start, self.script) as main:
            try:
                return eval(code, main)
            except Exception:  # whatever the learner's code raises
                return None

    def _call_of(self, name: str) -> dict[Any, ast.expr]:
        """The arguments of the first call in the script's loop, by position and by name."""
        assert self.script.tree is not None
        within = [self.loop.node] if self.loop is not None else []
        for tree in (*within, self.script.tree):
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == name:
                    return {**dict(enumerate(node.args)), **{k.arg: k.value for k in node.keywords if k.arg}}
        return {}

    # -- variables ----------------------------------------------------------------------------------
    def _of_variable(self, name: str, start: Variables) -> Callable[[Variables], Any]:
        """The statements of one turn that lead to a variable, run again."""
        if self.loop is None or not self.recording.snapshots.get(self.loop.header):
            raise SettingError(_("no loop of the script was seen to change the parameters {names}").format(
                names=", ".join(self.gradients)
            ))  # fmt: skip
        if not _assigned_in(self.loop, name):
            within = self._function_with(name)
            if within is not None:
                return self._of_function(self._returning(name, within), within.name, start)
            raise SettingError(
                _(
                    "'{name}' is neither a function of the script nor computed in the loop in line {line}, which "
                    "changes the parameters"
                ).format(name=name, line=self.loop.header)
            )
        assert self.script.tree is not None
        body = _leading_to(self.loop.node.body, name, set(self.gradients), self.script.tree, name == self.loss)
        module = ast.Module(body=body, type_ignores=[])
        code = compile(ast.fix_missing_locations(module), self.script.path, "exec", dont_inherit=True)

        def computed(parameters: Variables) -> Any:
            variables = {k: copied(v) for k, v in start.items()}
            with self._variables({**variables, **parameters}, self.script) as main:
                exec(code, main)
                return value_of(name, main)

        return computed

    def _function_with(self, name: str) -> Function | None:
        """The function of the script that computes a variable."""
        assert self.script.tree is not None
        scopes = [s for s in scopes_of(self.script.tree) if isinstance(s.node, Function)]
        found = [s.node for s in scopes if name in {base_of(target) for _s, target, _loops in bindings(s)}]
        return next((node for node in found if isinstance(node, Function)), None)

    def _returning(self, name: str, function: Function) -> Callable[..., Any]:
        """The function with one of its variables for its result."""

        class Returning(ast.NodeTransformer):
            def visit_Return(self, node: ast.Return) -> ast.AST:
                return ast.copy_location(ast.Return(ast.Name(name, ast.Load())), node)

        changed = Returning().visit(copy.deepcopy(function))
        changed.body.append(ast.Return(ast.Name(name, ast.Load())))
        changed.decorator_list = []
        module = ast.fix_missing_locations(ast.Module(body=[changed], type_ignores=[]))
        made: Variables = {}
        exec(compile(module, self.script.path, "exec", dont_inherit=True), vars(self.script.main), made)
        computed: Callable[..., Any] = made[function.name]
        return computed

    @staticmethod
    @contextlib.contextmanager
    def _variables(variables: Variables, script: Script) -> Iterator[Variables]:
        """The script's module with other variables, silent, with its random numbers as they were."""
        main = vars(script.main)
        before, states = dict(main), (random.getstate(), np.random.get_state())
        main.update(variables)
        try:
            with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
                yield main
        finally:
            main.clear()
            main.update(before)
            random.setstate(states[0])
            np.random.set_state(states[1])


def _assigned_in(loop: Loop, name: str) -> bool:
    return any(base_of(t) == name for n in ast.walk(loop.node) for t in targets_of(n))


def _leading_to(
    body: Sequence[ast.stmt], name: str, parameters: set[str], tree: ast.Module, of_loss: bool
) -> list[ast.stmt]:
    """The statements of a turn that a variable depends on. Updates of parameters before a gradient belong to it."""
    stores = [{base_of(t) for n in ast.walk(s) for t in targets_of(n)} for s in body]
    last = max(k for k, stored in enumerate(stores) if name in stored)
    needed = {name}
    kept: list[ast.stmt] = []
    for k in range(last, -1, -1):
        s, stored = body[k], stores[k]
        called = {
            ast.unparse(n.func.value)
            for n in ast.walk(s)
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)
        }
        updates = stored & parameters
        if updates and of_loss and not (stored - parameters) & needed:
            continue
        if (stored | called) & needed or (updates and not of_loss and updates & needed):
            kept.insert(0, _without_prints(s))
            needed |= names_read(s, tree)
    return kept


def _without_prints(s: ast.stmt) -> ast.stmt:
    """A statement without the prints in it."""

    class Silent(ast.NodeTransformer):
        def visit_Expr(self, node: ast.Expr) -> ast.AST:
            is_print = isinstance(node.value, ast.Call) and ast.unparse(node.value.func) in ("print", "input")
            return ast.copy_location(ast.Pass(), node) if is_print else node

    silent: ast.stmt = Silent().visit(copy.deepcopy(s))
    return silent


def _points(gradients: Mapping[str, str], start: Variables) -> tuple[dict[str, float], dict[str, tuple[int, ...]]]:
    """The parameters of the turn, number by number, and their shapes."""
    at: dict[str, float] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for name in gradients:
        value = value_of(name, start)
        value = value.value if isinstance(value, Tensor) else value
        try:
            array = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError):
            array = np.asarray(np.nan)
        if not np.all(np.isfinite(array)):
            raise SettingError(_("the parameter '{name}' is no number in the script").format(name=name))
        shapes[name] = array.shape
        at |= {key: float(array[index]) for key, index in _entries(name, array.shape)}
    return at, shapes


def _entries(name: str, shape: tuple[int, ...]) -> list[tuple[str, tuple[int, ...]]]:
    """What the numbers of a parameter are called, and where they stand; of large ones a few."""
    if not shape:
        return [(name, ())]
    every = list(np.ndindex(shape))
    chosen = (
        every
        if len(every) <= MOST_ENTRIES
        else [every[k] for k in np.linspace(0, len(every) - 1, MOST_ENTRIES).astype(int)]
    )
    return [(f"{name}[{', '.join(map(str, index))}]", index) for index in chosen]


def _assembled(numbers: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], start: Variables) -> Variables:
    """The parameters again, from their numbers, which may be tensors."""
    found: Variables = {}
    for name, shape in shapes.items():
        entries = {index: numbers[key] for key, index in _entries(name, shape)}
        if not shape:
            value = entries[()]
            found[name] = value if isinstance(value, Tensor) else float(value)
            continue
        known = value_of(name, start)
        array = np.array(known.value if isinstance(known, Tensor) else known, dtype=np.float64)
        if any(isinstance(v, Tensor) for v in entries.values()):
            every = [entries.get(index, float(array[index])) for index in np.ndindex(shape)]
            found[name] = reshape(stack([v if isinstance(v, Tensor) else Tensor(v, False) for v in every]), shape)
        else:
            for index, v in entries.items():
                array[index] = v
            found[name] = array.tolist() if isinstance(known, list) else array
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
