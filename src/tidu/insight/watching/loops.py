"""Which loop of a script changes a variable, from its syntax tree: where a recording looks at the variable.

A parameter is changed by the innermost loop that assigns to it. A sum, which is set to 0 in an outer loop and does not
depend on itself, is looked at where it is complete: at the end of a turn of that outer loop.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tidu.syntax_tree import expression_tree

Function = ast.FunctionDef | ast.AsyncFunctionDef
Looping = ast.For | ast.While


@dataclass(frozen=True)
class Scope:
    """The module, or a function of it: its statements, and how its code is known while it runs."""

    node: ast.Module | Function

    @property
    def key(self) -> tuple[str, int]:
        """Name and first line of its code object."""
        if isinstance(self.node, ast.Module):
            return "<module>", 0
        decorators = [d.lineno for d in self.node.decorator_list]
        return self.node.name, min([self.node.lineno, *decorators])


@dataclass(frozen=True)
class Loop:
    """A loop, in its scope, with the loops around it, the outermost first."""

    node: Looping
    scope: Scope
    around: tuple[Looping, ...] = ()

    @property
    def header(self) -> int:
        """Its first line."""
        return self.node.lineno

    @property
    def last(self) -> int:
        """The last line of its body."""
        return self.node.body[-1].end_lineno or self.node.body[-1].lineno

    @property
    def first_of_body(self) -> int:
        """The line at which a turn begins."""
        return self.node.body[0].lineno


def scopes_of(tree: ast.Module) -> list[Scope]:
    """The module, and every function in it."""
    functions = [n for n in ast.walk(tree) if isinstance(n, Function)]
    return [Scope(tree), *map(Scope, functions)]


def bindings(scope: Scope) -> Iterator[tuple[ast.AST, ast.expr, tuple[Looping, ...]]]:
    """Each statement of a scope that gives something a value: statement, target, loops around it."""
    yield from _bindings(scope.node.body, ())


def _bindings(
    statements: Sequence[ast.AST], loops: tuple[Looping, ...]
) -> Iterator[tuple[ast.AST, ast.expr, tuple[Looping, ...]]]:
    for s in statements:
        if isinstance(s, Function | ast.ClassDef | ast.Lambda):
            continue
        inner = (*loops, s) if isinstance(s, Looping) else loops
        for target in targets_of(s):
            yield s, target, inner
        yield from _bindings(list(ast.iter_child_nodes(s)), inner)


def targets_of(s: ast.AST) -> list[ast.expr]:
    """What a statement or expression gives a value to, tuples taken apart."""
    given: list[ast.expr] = []
    if isinstance(s, ast.Assign):
        given = list(s.targets)
    elif isinstance(s, ast.AugAssign | ast.NamedExpr | ast.For) or (isinstance(s, ast.AnnAssign) and s.value):
        given = [s.target]
    found: list[ast.expr] = []
    while given:
        t = given.pop(0)
        if isinstance(t, ast.Tuple | ast.List):
            given = [*t.elts, *given]
        else:
            found.append(t.value if isinstance(t, ast.Starred) else t)
    return found


def base_of(target: ast.expr) -> str:
    """The variable that a target is a part of: `w` for `w[0]`, `net.w` for `net.w[:, 1]`."""
    while isinstance(target, ast.Subscript):
        target = target.value
    return ast.unparse(target)


def loops_that_change(tree: ast.Module, name: str) -> list[Loop]:
    """Of each scope in which loops assign to `name`, the loop at whose turns it is looked at."""
    try:
        wanted = base_of(expression_tree(name))
    except SyntaxError:
        return []
    found = []
    for scope in scopes_of(tree):
        bound = [(s, loops) for s, target, loops in bindings(scope) if base_of(target) == wanted]
        within = [(s, loops) for s, loops in bound if loops]
        if within:
            deepest = max(within, key=lambda pair: len(pair[1]))[1]
            found.append(_widened(scope, tree, wanted, bound, deepest))
    return found or _loops_of_calls(tree, wanted)


def _widened(
    scope: Scope, tree: ast.Module, name: str, bound: list[tuple[ast.AST, tuple[Looping, ...]]],
    loops: tuple[Looping, ...],
) -> Loop:  # fmt: skip
    """The loop, or one around it in which the variable is complete."""
    while len(loops) > 1:
        inner, outer = loops[-1], loops[:-1]
        beside = [s for s, around in bound if around == outer and s is not inner]
        after = [s for s in beside if s.lineno > inner.lineno]  # type: ignore[attr-defined]
        if not after and not (beside and _is_sum(tree, name, inner)):
            break
        loops = outer
    return Loop(loops[-1], scope, loops[:-1])


def _is_sum(tree: ast.Module, name: str, loop: Looping) -> bool:
    """Whether a loop only adds to a variable, and what it adds does not depend on it."""
    read: dict[str, set[str]] = {}
    added: set[str] = set()
    for s, target, _loops in _bindings(loop.body, ()):
        value = getattr(s, "value", None)
        if value is None:
            continue
        names = names_read(value, tree)
        if base_of(target) != name:
            read.setdefault(base_of(target), set()).update(names)
        elif isinstance(s, ast.AugAssign) and isinstance(s.op, ast.Add):
            added |= names
        elif isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add) and ast.unparse(value.left) == name:
            added |= names_read(value.right, tree)
        else:
            return False
    reached, more = set(added), set(added)
    while more:
        more = set().union(*(read.get(n, set()) for n in more)) - reached
        reached |= more
    return name not in reached


def names_read(node: ast.AST, tree: ast.Module, depth: int = 3) -> set[str]:
    """The names in an expression or statement, and in the functions of the script that it calls."""
    functions = {f.name: f for f in ast.walk(tree) if isinstance(f, Function)}
    found = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    found |= {ast.unparse(n) for n in ast.walk(node) if isinstance(n, ast.Attribute)}
    if depth:
        for name in list(found):
            if name in functions and functions[name] is not node:
                own = {a.arg for a in functions[name].args.args}
                found |= names_read(functions[name], tree, depth - 1) - own
    return found


def _loops_of_calls(tree: ast.Module, name: str) -> list[Loop]:
    """The innermost loops that call a function which assigns to a global variable."""
    changers = set()
    for scope in scopes_of(tree)[1:]:
        declared = {n for g in ast.walk(scope.node) if isinstance(g, ast.Global) for n in g.names}
        if name in declared and any(base_of(t) == name for _s, t, _l in bindings(scope)):
            changers.add(scope.key[0])
    found = []
    for scope in scopes_of(tree):
        stack: list[tuple[ast.AST, tuple[Looping, ...]]] = [(s, ()) for s in scope.node.body]
        while stack:
            node, loops = stack.pop()
            if isinstance(node, Function):
                continue
            loops = (*loops, node) if isinstance(node, Looping) else loops
            if isinstance(node, ast.Call) and ast.unparse(node.func) in changers and loops:
                found.append(Loop(loops[-1], scope, loops[:-1]))
            stack += [(child, loops) for child in ast.iter_child_nodes(node)]
    return found[:1]


def changing_names(tree: ast.Module) -> list[str]:
    """Variables that a loop computes from themselves: the parameters of a training, as far as one can tell."""
    found: dict[str, None] = {}
    for scope in scopes_of(tree):
        for s, target, loops in bindings(scope):
            if not loops or isinstance(s, ast.For) or not isinstance(target, ast.Name | ast.Subscript):
                continue
            name, value = base_of(target), getattr(s, "value", None)
            if value is None or isinstance(value, ast.Constant):
                continue
            itself = isinstance(s, ast.AugAssign) or name in names_read(value, tree, 0)
            if itself and not _is_sum(tree, name, loops[-1]):
                found[name] = None
    return list(found)
