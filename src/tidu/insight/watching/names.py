"""What a script calls its tensors: the names of its variables, else the places in its lists, dicts and objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tidu.eager.tensor import Tensor
from tidu.insight.watching.script import Script
from tidu.text import _

DEPTH = 4  # of objects within objects


def names_of(tensors: Sequence[Tensor], script: Script, unknown: str | None = None) -> dict[int, str]:
    """A name for each tensor, by its id; the outermost frame is asked first, because it has the names that last."""
    wanted = {id(t): t for t in tensors}
    found: dict[int, str] = {}
    frames = list(script.frames())[::-1]
    scopes = [frames[0].f_globals, *(f.f_locals for f in frames)] if frames else []
    for depth in range(DEPTH):
        for scope in scopes:
            for name, tensor in _reached(scope, depth):
                if id(tensor) in wanted and id(tensor) not in found:
                    found[id(tensor)] = name
        if len(found) == len(wanted):
            break
    used = set(found.values())
    for t in tensors:
        if id(t) not in found:
            if unknown is None:
                number = next(k for k in range(1, len(used) + 2) if _("parameter {k}").format(k=k) not in used)
                found[id(t)] = _("parameter {k}").format(k=number)
                used.add(found[id(t)])
            else:
                found[id(t)] = unknown
    return found


def _reached(scope: Mapping[str, Any], depth: int) -> Iterator[tuple[str, Tensor]]:
    """Tensors that are `depth` steps away from a variable."""
    for name, value in list(scope.items()):
        if not name.startswith("__"):
            yield from _inside(name, value, depth)


def _inside(name: str, value: Any, depth: int) -> Iterator[tuple[str, Tensor]]:
    if depth == 0:
        if isinstance(value, Tensor):
            yield name, value
        return
    if isinstance(value, Tensor | np.ndarray | str | int | float) or value is None:
        return
    for part, inner in _parts(value):
        yield from _inside(f"{name}{part}", inner, depth - 1)


def _parts(value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, (list, tuple)):
        return [(f"[{k}]", inner) for k, inner in enumerate(value[:64])]
    if isinstance(value, dict):
        return [(f"[{k!r}]", inner) for k, inner in list(value.items())[:64]]
    own = getattr(value, "__dict__", None)
    if isinstance(own, dict) and not isinstance(value, type) and type(value).__name__ != "module":
        return [(f".{k}", inner) for k, inner in list(own.items())[:64]]
    return []
