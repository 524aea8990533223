"""Imports go down, in circles nowhere, and by name only where the whole package is in sight."""

from __future__ import annotations

import ast
import subprocess
import sys
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


# What a plain fit has no use for, and would wait for.
UNUSED = (
    "tidu.eager", "tidu.insight", "tidu.pictures", "tidu.training.solving.objective", "tidu.training.inference",
    "tidu.engines.trace", "tidu.engines.mathematics", "tidu.data.column_file", "tidu.data.workbook", "pyarrow", "scipy",
    "rich", "subprocess", "zipfile", "fractions", "numpy.random",
)  # fmt: skip
SCRIPT = """
import sys
from tidu.fronts.cli import run
assert run(["fit", sys.argv[1], "y = w*x + b", "--lr", "0.1", "--epochs", "50000", "--json"]) == 0
print(*sys.modules)
"""


def test_a_fit_from_the_prompt_imports_only_what_it_uses(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("x,y\n" + "".join(f"{k / 100},{3 * k / 100 + 1}\n" for k in range(100)))
    for _twice in range(2):  # the second time, its code is in the cache
        done = subprocess.run([sys.executable, "-c", SCRIPT, str(path)], capture_output=True, text=True, check=True)
    modules = done.stdout.splitlines()[-1].split()
    assert [m for m in modules if m in UNUSED or m.startswith(tuple(f"{u}." for u in UNUSED))] == []
