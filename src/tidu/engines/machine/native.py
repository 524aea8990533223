"""The same loop, compiled by Numba: machine speed, and the same bits as the plain Python run.

What is compiled is the text that is shown; only the functions of `runtime.ieee` are exchanged for their C counterparts,
which give the same values (tests assert it for every operation), `summed` for eight samples at a time (`sums`) and the
functions of `runtime.tiles` for blocks (`tile_kernels`), in the order of their Python text. Compiled code is kept
beside the module's file and is there in the next process.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import math
import sys
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numba
import numpy as np
from numba.extending import overload, register_jitable

from tidu.engines.build import module_of, module_text
from tidu.engines.machine import lanes, runs, sums  # tell Numba what `summed` is  # noqa: F401
from tidu.runtime import ieee
from tidu.runtime.summation import CHUNK, Sums, added, record


def _import_without_linear_algebra() -> None:
    """Import the part of Numba that, at import, has SciPy's linear algebra imported, to see whether it is there.

    That takes a third of a second, and loops have no use for it; what has asks for it again when it is compiled.
    """
    name = "scipy.linalg.cython_blas"
    if name not in sys.modules:
        sys.modules[name] = ModuleType(name)
        try:
            importlib.import_module("numba.np.arraymath")
        finally:
            del sys.modules[name]


_import_without_linear_algebra()

# Functions of `runtime.ieee` that C's library has under the same name, with IEEE 754 results as they stand.
_IN_C = (
    "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "sin", "cos", "tan", "asin", "acos", "sinh", "cosh",
    "asinh", "acosh", "atanh",
)  # fmt: skip
# ... and those whose Python text compiles as it stands.
_AS_WRITTEN = (
    "sign", "maximum", "minimum", "where", "logical_and", "logical_or", "logical_not", "sigmoid", "softplus",
    "log_cosh",
)  # fmt: skip


def _replace(function: Callable[..., Any], implementation: Callable[..., Any]) -> None:
    """Tell Numba what to compile where a loop calls `function`."""
    parameters = ", ".join(implementation.__code__.co_varnames[: implementation.__code__.co_argcount])
    chooser = eval(f"lambda {parameters}: implementation", {"implementation": implementation})
    overload(function, strict=False)(chooser)


def _c_function(name: str) -> Callable[[float], float]:
    scope: dict[str, Any] = {"math": math}
    exec(f"def {name}(x):\n    return math.{name}(x)\n", scope)
    return scope[name]


def _divide(a: float, b: float) -> float:
    return a / b


def _power(a: float, b: float) -> float:
    return math.pow(a, b)


def _floor(x: float) -> float:
    return np.floor(x)


for _name in _IN_C:
    _replace(getattr(ieee, _name), _c_function(_name))
for _name in _AS_WRITTEN:
    _replace(getattr(ieee, _name), getattr(ieee, _name))
_replace(ieee.divide, _divide)
_replace(ieee.power, _power)
_replace(ieee.floor, _floor)


# What `fast` allows: sums in any order, a*b + c rounded once, x/c as a product. Infinity and nan stay what they are,
# for they are how a divergence is seen.
_FAST = {"reassoc", "contract", "arcp", "nsz"}


@overload(record)
def _compiled_record(history, row, values):
    # Each cell by itself: assigning a tuple to a row has Numba compile the text of an error message, for seconds.
    cells = "".join(f"    history[row, {k}] = values[{k}]\n" for k in range(len(values)))
    scope: dict[str, Any] = {}
    exec(f"def record(history, row, values):\n{cells}", scope)
    return scope["record"]


def compiled(source: str, name: str = "train", kind: str = "loop", fast: bool = False) -> Callable[..., Any]:
    """The function `name` of a generated module as machine code; compiled once, then read from the cache folder."""
    module = module_of(source, f"fast_{kind}" if fast else kind)  # Numba does not tell the two apart in its cache
    functions: dict[str, Callable[..., Any]] = vars(module).setdefault("compiled", {})
    if name not in functions:
        functions[name] = _Compiled(module, name, fast)
    return functions[name]


# How threads call what a loop sums: a part of the samples each.
_BY_CHUNK = """

def sums_over_range(first, last, *arguments):
    return summed(sample, range(first, last), *arguments)


def sums_in_order(order, *arguments):
    return summed(sample, order, *arguments)
"""


def summed_by_threads(source: str, pool: Executor, threads: int, fast: bool = False) -> Callable[..., Sums]:
    """What `summed` is for a loop source where several threads share the chunks: the same sums, bit for bit."""
    over_range = compiled(source + _BY_CHUNK, "sums_over_range", "sums", fast)
    in_order = compiled(source + _BY_CHUNK, "sums_in_order", "sums", fast)

    def summed(_sample: object, samples: Any, *arguments: Any) -> Sums:
        chunks = -(-len(samples) // CHUNK)
        parts: list[Sums] = [()] * chunks
        left = iter(range(chunks))  # whoever is done takes the next

        def work() -> None:
            for k in left:
                part = samples[k * CHUNK : (k + 1) * CHUNK]
                if isinstance(part, range):
                    parts[k] = over_range(part.start, part.stop, *arguments)
                else:
                    parts[k] = in_order(part, *arguments)

        others = [pool.submit(work) for _ in range(min(threads, chunks) - 1)]
        work()
        for other in others:
            other.result()
        return added(parts)

    return summed


class _Compiled:
    """Calls the compiled function; a cache file that cannot be read is deleted, and what it held compiled anew."""

    def __init__(self, module: ModuleType, name: str, fast: bool) -> None:
        self._module, self._name, self._fast = module, name, fast
        self._function = _jitted(module, name, fast)
        self._has_run = False

    def __call__(self, *arguments: Any) -> Any:
        if self._has_run:
            return self._function(*arguments)
        try:
            result = self._function(*arguments)
        except (numba.core.errors.NumbaError, KeyboardInterrupt):
            raise
        except Exception:  # whatever unpickling a damaged file raises; the loop itself raises nothing
            _remove_cache(self._module, self._name)
            self._function = _jitted(self._module, self._name, self._fast)
            result = self._function(*arguments)
        self._has_run = True
        return result


def _jitted(module: ModuleType, name: str, fast: bool) -> Callable[..., Any]:
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": _FAST if fast else False}
    if "memory" in vars(module):
        _know_tiles(module)
    for inner in {"sample", "train"} & set(vars(module)) - {name}:
        register_jitable(**options)(getattr(module, inner))  # compiled where it is called
    function = _without_bounds(module, name) if name == "train" else getattr(module, name)
    try:
        return numba.njit(function, cache=True, **options)
    except RuntimeError:  # no folder to cache in
        return numba.njit(function, **options)


class _Places(ast.NodeTransformer):
    """`x[i]` becomes `cell(x, i)`: the same number, without a look at whether i is negative, which it never is."""

    def __init__(self, cell: str) -> None:
        self.cell = cell

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """One reading of an array at a place that has a name."""
        named = isinstance(node.value, ast.Name) and isinstance(node.slice, ast.Name)
        if not (named and isinstance(node.ctx, ast.Load)):
            return node
        return ast.copy_location(ast.Call(ast.Name(self.cell, ast.Load()), [node.value, node.slice], []), node)


def _without_bounds(module: ModuleType, name: str) -> Callable[..., Any]:
    """A function of a module, at the lines of its text, as it is compiled."""
    path, text = str(module.__file__), module_text(module)
    cell = "cell"
    while cell in text:  # the users' own
        cell += "_"
    function = next(f for f in ast.parse(text, path).body if isinstance(f, ast.FunctionDef) and f.name == name)
    scope = {**vars(module), cell: sums.cell}
    changed = ast.fix_missing_locations(ast.Module([_Places(cell).visit(function)], []))
    exec(compile(changed, path, "exec"), scope)
    changed_function: Callable[..., Any] = scope[name]
    return changed_function


def _know_tiles(module: ModuleType) -> None:
    """What a loop over tiles calls, and its functions of one unit and one sample."""
    from tidu.engines.machine import tile_calls  # noqa: F401
    from tidu.engines.machine.sums import make_known

    for function in vars(module).values():
        if isinstance(function, FunctionType) and function.__module__ == module.__name__:
            make_known(function)


def _remove_cache(module: ModuleType, name: str) -> None:
    path = Path(str(module.__file__))
    for file in path.parent.glob(f"__pycache__/{path.stem}.{name}-*.nb*"):
        with contextlib.suppress(OSError):
            file.unlink()
