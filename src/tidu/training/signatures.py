"""Signatures and docstrings of the functions that take options of training, read off their declarations.

So `fit` and `sweep` have every option with its default, what it means and why it is so, and none is written twice.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from tidu.content.declarations import Declaration
from tidu.training.options import OPTIONS, options_of

P = ParamSpec("P")
R = TypeVar("R")


def with_options(verb: str) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Give the function of a verb, which takes `**options`, the signature and the documentation of its options."""

    def give(function: Callable[..., R]) -> Callable[..., R]:
        plain = inspect.signature(function)
        own = [p for p in plain.parameters.values() if p.kind is not p.VAR_KEYWORD]
        more = [
            inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=o.default_of(verb), annotation=o.type)
            for n, o in options_of(verb).items()
            if n not in plain.parameters
        ]
        return _documented(function, plain.replace(parameters=own + more), verb)

    return give


def with_arguments_of(arguments: Callable[P, object], verb: str) -> Callable[[Callable[..., R]], Callable[P, R]]:
    """The same for a function that takes what a class takes, which type checkers then know too."""

    def give(function: Callable[..., R]) -> Callable[P, R]:
        signature = inspect.signature(arguments)
        parameters = [
            p.replace(default=OPTIONS[n].default) if n in OPTIONS else p for n, p in signature.parameters.items()
        ]
        returns = inspect.signature(function).return_annotation
        whole = signature.replace(parameters=parameters, return_annotation=returns)
        return cast("Callable[P, R]", _documented(function, whole, verb))

    return give


def _documented(function: Callable[..., R], signature: inspect.Signature, verb: str) -> Callable[..., R]:
    function.__signature__ = signature  # type: ignore[attr-defined]
    if function.__doc__:  # there is none under python -OO
        function.__doc__ = function.__doc__.replace("    {options}\n", documentation(verb))
    return function


def documentation(verb: str) -> str:
    """The options of a verb as the section of a docstring."""
    return "".join(
        f"    {name} : {o.type}, default {o.default_of(verb)!r}\n{_entry(o, verb)}\n"
        for name, o in options_of(verb).items()
    )


def _entry(entry: Declaration, verb: str) -> str:
    other = entry.differs.get(verb)
    words = other.help if other is not None and other.help else entry.help
    named = re.sub(r"--([a-z0-9-]+)", lambda m: f"`{m[1].replace('-', '_')}`", words)
    reason = f"Why this default: {entry.reason}."
    return textwrap.fill(" ".join(filter(None, (named, entry.more, reason))), 112, initial_indent=" " * 8,
                         subsequent_indent=" " * 8, break_on_hyphens=False)  # fmt: skip
