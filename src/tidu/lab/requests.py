"""The requests that a tab may make: what answers each, and the types of its fields, which are checked before it does.

A request names itself in `do`. Nothing that comes from a page is evaluated: formulas go through the parser of formulas,
options through their declarations. `session.py` registers its methods here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tidu.errors import SettingError
from tidu.lab.frames import Reply
from tidu.text import _

Handler = Callable[[Any, dict[str, Any]], Reply]  # of a session and the fields of a request


@dataclass(frozen=True)
class Request:
    """A kind of request: what answers it, and the types of its fields; those in `optional` may be left out."""

    answer: Handler
    fields: Mapping[str, type | tuple[type, ...]]
    optional: frozenset[str]


REQUESTS: dict[str, Request] = {}
# What a request for views may say of what the page has and shows: the step up to which it has the history, of this run
# and of earlier ones; the row that is looked at; the first row of the table; the explanation that it has.
LOOKING: Mapping[str, type] = {"after": int, "others_after": list, "row": int, "first": int, "known": int}


def request(optional: str = "", **fields: type | tuple[type, ...]) -> Callable[[Handler], Handler]:
    """Register a method as what answers the requests of its name."""

    def registered(method: Handler) -> Handler:
        REQUESTS[method.__name__] = Request(method, fields, frozenset(optional.split()))
        return method

    return registered


def request_read(asked: Mapping[str, Any]) -> tuple[Request, dict[str, Any]]:
    """The kind of a request, and its fields without those that it does not know.

    Raises
    ------
    SettingError : there is no such request, or a field is missing or of another type.
    """
    name = asked.get("do")
    kind = REQUESTS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise SettingError(_("the lab has no request {name!r}").format(name=name))
    for name_of, types in kind.fields.items():
        if name_of not in asked and name_of in kind.optional:
            continue
        value = asked.get(name_of)
        wrong = not isinstance(value, types) or (isinstance(value, bool) and types is not bool)
        if wrong or (isinstance(value, float) and not math.isfinite(value)):
            raise SettingError(_("the request {name} has no proper {field}").format(name=name, field=name_of))
    return kind, {k: v for k, v in asked.items() if k in kind.fields}
