"""The same loop, compiled by Numba: machine speed, and the same bits as the plain Python run.

What is compiled is the text that is shown; only the functions of `tidu.ieee` are exchanged for their C counterparts,
which give the same values (tests assert it for every operation). Nothing may be reassociated, so nothing is faster
than it is exact. Compiled code is kept beside the module's file and is there in the next process.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numba
import numpy as np
from numba.extending import overload

from tidu import ieee
from tidu.engines.build import module_of

# Functions of `tidu.ieee` that C's library has under the same name, with IEEE 754 results as they stand.
_IN_C = (
    "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "sin", "cos", "tan", "asin", "acos", "sinh", "cosh",
    "asinh", "acosh", "atanh",
)  # fmt: skip
# ... and those whose Python text compiles as it stands.
_AS_WRITTEN = ("sign", "maximum", "minimum", "sigmoid", "softplus", "log_cosh")


def _replace(function: Callable[..., float], implementation: Callable[..., Any]) -> None:
    """Tell Numba what to compile where a loop calls `function`."""
    parameters = ", ".join(implementation.__code__.co_varnames[: implementation.__code__.co_argcount])
    chooser = eval(f"lambda {parameters}: implementation", {"implementation": implementation})
    overload(function, strict=False)(chooser)


def _c_function(name: str) -> Callable[[float], float]:
    scope = {"math": math}
    exec(f"def {name}(x):\n    return math.{name}(x)\n", scope)
    return scope[name]  # type: ignore[return-value]


def _divide(a: float, b: float) -> float:
    return a / b


def _power(a: float, b: float) -> float:
    return math.pow(a, b)


def _floor(x: float) -> float:
    return np.floor(x)  # type: ignore[no-any-return]


for _name in _IN_C:
    _replace(getattr(ieee, _name), _c_function(_name))
for _name in _AS_WRITTEN:
    _replace(getattr(ieee, _name), getattr(ieee, _name))
_replace(ieee.divide, _divide)
_replace(ieee.power, _power)
_replace(ieee.floor, _floor)


def compiled(source: str, name: str = "train") -> Callable[..., Any]:
    """The function `name` of a generated source as machine code; compiled once, then read from the cache folder."""
    module = module_of(source)
    function: Callable[..., Any] | None = getattr(module, f"compiled_{name}", None)
    if function is None:
        function = _Compiled(module, name)
        setattr(module, f"compiled_{name}", function)
    return function


class _Compiled:
    """Calls the compiled function; a cache file that cannot be read is deleted, and what it held compiled anew."""

    def __init__(self, module: ModuleType, name: str) -> None:
        self._module, self._name = module, name
        self._function = _jitted(module, name)
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
            self._function = _jitted(self._module, self._name)
            result = self._function(*arguments)
        self._has_run = True
        return result


def _jitted(module: ModuleType, name: str) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(module, name)
    try:
        return numba.njit(function, cache=True, nogil=True, error_model="numpy")  # type: ignore[no-any-return]
    except RuntimeError:  # no folder to cache in
        return numba.njit(function, nogil=True, error_model="numpy")  # type: ignore[no-any-return]


def _remove_cache(module: ModuleType, name: str) -> None:
    path = Path(str(module.__file__))
    for file in path.parent.glob(f"__pycache__/{path.stem}.{name}-*.nb*"):
        with contextlib.suppress(OSError):
            file.unlink()
