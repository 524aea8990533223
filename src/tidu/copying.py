"""`replaced`: a frozen dataclass with some fields changed, in a fraction of the time that `dataclasses.replace` takes.

A fit of a moment makes a dozen of such copies. For classes that check nothing as they are made.
"""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


def replaced(value: T, **new: Any) -> T:
    """A copy with other values for some fields; what was derived of the others is not copied.

    Raises
    ------
    TypeError : there is no such field.
    """
    kind: Any = type(value)
    names, old = _names(kind), vars(value)
    if not names >= new.keys():
        raise TypeError(f"{kind.__name__} has no {min(new.keys() - names)}")
    made: T = object.__new__(kind)
    vars(made).update({name: old[name] for name in names if name not in new}, **new)
    return made


@cache
def _names(kind: Any) -> frozenset[str]:
    assert not hasattr(kind, "__post_init__"), "it would not be checked"
    return frozenset(field.name for field in fields(kind))
