"""Python's own reading of a text, by one thread at a time.

Until 3.11.9, CPython counts the depth of the tree that is being made in one place for all threads, and two that read at
the same time may end in a SystemError (CPython issue 106905).
"""

from __future__ import annotations

import ast
import threading

_reading = threading.RLock()


def module_tree(text: str) -> ast.Module:
    """The tree of statements; a SyntaxError where they are none."""
    with _reading:
        return ast.parse(text)


def expression_tree(text: str) -> ast.expr:
    """The tree of one expression; a SyntaxError where it is none."""
    with _reading:
        return ast.parse(text, mode="eval").body
