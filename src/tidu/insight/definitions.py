"""Programs that stand alone: what a text imports from `tidu.runtime` is written into it, as it stands there.

Taken from the sources themselves, so that nothing is written twice. Called by `export`.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files

from tidu.syntax_tree import module_tree

OURS = "tidu.runtime"


def standing_alone(text: str) -> str:
    """The text of a module that imports from `tidu.runtime`, with the definitions that it needs in place of imports."""
    tree = module_tree(text)
    found = _Definitions()
    imports = [s for s in tree.body if isinstance(s, (ast.Import, ast.ImportFrom))]
    names = set(_names(tree))
    for statement in imports:
        for alias in statement.names:
            found.take_import(statement, alias, tree, names)
    dropped = {k for s in imports for k in range(s.lineno, (s.end_lineno or s.lineno) + 1)}
    docstring = tree.body[0]
    assert isinstance(docstring, ast.Expr)
    head = docstring.end_lineno or docstring.lineno
    lines = text.splitlines()
    body = "\n".join(line for k, line in enumerate(lines, 1) if k > head and k not in dropped).strip("\n")
    future = "from __future__ import annotations"
    order = _import_lines(sorted(found.imports))
    parts = ["\n".join(lines[:head]), "\n".join([future, "", *order]), *found.blocks]
    return "\n\n".join(parts[:2]) + "\n\n\n" + "\n\n\n".join([*_closed_up(parts[2:]), body.rstrip()]) + "\n"


def _import_lines(found: list[tuple[str, str]]) -> list[str]:
    """The lines that import: modules first, then names, those of a module on one line."""
    lines = [f"{head}{name}" for head, name in found if head == "import "]
    modules = dict.fromkeys(head for head, _name in found if head != "import ")
    return lines + [head + ", ".join(name for other, name in found if other == head) for head in modules]


def _closed_up(blocks: list[str]) -> Iterator[str]:
    """The blocks, lines of constants that follow one another as one."""
    run: list[str] = []
    for block in blocks:
        if block.startswith(("def ", "class ", "@")):
            if run:
                yield "\n".join(run)
            run = []
            yield block
        else:
            run.append(block)
    if run:
        yield "\n".join(run)


@dataclass
class _Definitions:
    """What has been collected: lines that import, and definitions, each after those that it reads."""

    imports: dict[tuple[str, str], None] = field(default_factory=dict)
    blocks: list[str] = field(default_factory=list)
    done: dict[str, str] = field(default_factory=dict)  # names that are there, and the module of each

    def take(self, module: str, name: str) -> None:
        """The definition of a name at the top of a module, with all that it reads."""
        tops, lines = _tops(module)
        if name not in tops:  # a name of Python itself, or of the text
            return
        statement = tops[name]
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            alias = next(a for a in statement.names if (a.asname or a.name) == name)
            self.take_import(statement, alias, module_tree("\n".join(lines)))
            return
        if name in self.done:
            assert self.done[name] == module, f"{name} is in {module} and in {self.done[name]}"
            return
        self.done |= {other: module for other, same in tops.items() if same is statement}
        for read in _names(statement):
            self.take(module, read)
        self.blocks.append("\n".join(lines[statement.lineno - 1 : statement.end_lineno]))

    def take_import(
        self, statement: ast.Import | ast.ImportFrom, alias: ast.alias, tree: ast.AST, names: set[str] | None = None
    ) -> None:
        """What a line imports: a line like it, or the definitions."""
        here = alias.asname or alias.name
        if names is not None and here not in names:
            return
        renamed = f" as {alias.asname}" if alias.asname and alias.asname != alias.name else ""
        if isinstance(statement, ast.Import):
            self.imports["import ", f"{alias.name}{renamed}"] = None
        elif statement.module == OURS:
            self.take_module(f"{OURS}.{alias.name}", here, tree)
        elif (statement.module or "").startswith(OURS):
            assert not renamed
            self.take(str(statement.module), alias.name)
        elif statement.module != "__future__":
            self.imports[f"from {statement.module} import ", f"{alias.name}{renamed}"] = None

    def take_module(self, module: str, here: str, tree: ast.AST) -> None:
        """Those functions of a whole module that are called by its name, in a scope of their own."""
        if here in self.done:
            return
        self.done[here] = module
        read = sorted({n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and _is(n.value, here)})
        inner = _Definitions(self.imports)
        for name in read:
            inner.take(module, name)
        self.imports["from types import ", "SimpleNamespace"] = None
        members = ", ".join(f"{name}={name}" for name in read)
        lines = [*"\n\n".join(inner.blocks).splitlines(), "", f"return SimpleNamespace({members})"]
        inside = "\n".join(f"    {line}" if line else "" for line in lines)
        self.blocks += [f"def module_{here}():\n{inside}", f"{here} = module_{here}()"]


@functools.cache
def _tops(module: str) -> tuple[dict[str, ast.stmt], list[str]]:
    """The statements at the top of a module, by the names that they give; and its lines."""
    text = files(OURS).joinpath(f"{module.rpartition('.')[2]}.py").read_text(encoding="utf-8")
    tops: dict[str, ast.stmt] = {}
    for statement in module_tree(text).body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            tops[statement.name] = statement
        elif isinstance(statement, ast.Assign):
            tops |= {n.id: statement for t in statement.targets for n in ast.walk(t) if isinstance(n, ast.Name)}
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            tops |= {alias.asname or alias.name: statement for alias in statement.names}
    return tops, text.splitlines()


def _names(node: ast.AST) -> Iterator[str]:
    """The names that a definition reads, besides those in annotations, which nothing evaluates."""
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load):
            yield node.id
        return
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.AST):
                yield from _names(part)


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
