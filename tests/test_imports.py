"""Imports go down, in circles nowhere, and by name only where the whole package is in sight."""

from __future__ import annotations

import ast
from pathlib import Path

import grimp

import tidu

PACKAGE = Path(tidu.__file__).parent
BY_NAME = {
    "__init__.py",  # public names, of which everything is in sight
    "lessons/lesson.py",  # the lessons, each a module of its own
    "fronts/commands.py",  # the commands, likewise
    "lab/walks/walk.py",  # the walks through the lessons, likewise
    "data/arrow_library.py",  # pyarrow, once something in it is asked for
    "engines/namespaces.py",  # of runtime, below: what PyTorch lacks, once it is there
    "engines/compiler/machine_kinds.py",  # of runtime, below: what a text names
}


def test_no_module_is_imported_by_name():
    for path in PACKAGE.rglob("*.py"):
        place = path.relative_to(PACKAGE).as_posix()
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        named = [ast.unparse(call) for call in calls if ast.unparse(call.func).split(".")[-1] == "import_module"]
        assert place in BY_NAME or not named, (place, named)


def test_no_circle_of_modules():
    graph = grimp.build_graph("tidu", exclude_type_checking_imports=True, cache_dir=None)
    # The package itself and its parts' own pages are above and below: what imports a module imports these first.
    modules = {m for m in graph.modules if m != "tidu" and m != "tidu.language"}
    left = {module: graph.find_modules_directly_imported_by(module) & modules for module in modules}
    while free := [module for module, needed in left.items() if not needed & left.keys()]:
        for module in free:
            del left[module]
    assert left == {}, "these import one another"
