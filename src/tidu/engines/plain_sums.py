"""Sums over samples in plain Python without a call for each sample: the text of `sample`, written out into a loop.

A call costs as much as the sample that it computes. What runs is what is printed: the statements of `sample`, in their
order, with the numbers of their lines.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from functools import lru_cache
from types import FunctionType
from typing import Any

from tidu.runtime.summation import Sums, in_order
from tidu.syntax_tree import module_tree


def summed(sample: FunctionType, samples: Sequence[int], *arguments: object) -> Sums:
    """The sums of `runtime.summation.summed`, bit for bit, for the `sample` of a generated module."""
    sums_of = _written_out(sample)
    return in_order(lambda runs: sums_of(runs, *arguments), samples)


@lru_cache(maxsize=16)
def _written_out(sample: FunctionType) -> Callable[..., list[float]]:
    """`sample` as a function of several runs of sample numbers: the sums of each run, one after another from 0."""
    tree = module_tree(sample.__globals__["__source__"])
    (text,) = (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == sample.__name__)
    *statements, last = text.body
    number, *arguments = text.args.args
    assert isinstance(last, ast.Return)
    assert isinstance(last.value, ast.Tuple)
    unused = "_" * (1 + max(len(word) for word in _names_in(text)))  # longer than any name, so that it is none of them
    runs, run, found = (f"{unused}{word}" for word in ("runs", "run", "found"))
    sums = [f"{unused}{k}" for k in range(len(last.value.elts))]
    adds = [ast.AugAssign(_to(s), ast.Add(), v) for s, v in zip(sums, last.value.elts, strict=True)]
    of_each: list[ast.stmt] = [
        ast.Assign([_to(s) for s in sums], ast.Constant(0.0)),
        ast.For(_to(number.arg), _of(run), [*statements, *adds], []),
        ast.AugAssign(_to(found), ast.Add(), ast.Tuple([_of(s) for s in sums], ast.Load())),
    ]
    body: list[ast.stmt] = [
        ast.Assign([_to(found)], ast.List([], ast.Load())),
        ast.For(_to(run), _of(runs), of_each, []),
        ast.Return(_of(found)),
    ]
    text.args.args = [ast.arg(runs), *arguments]
    text.body = [ast.copy_location(statement, last) for statement in body]
    module = ast.fix_missing_locations(ast.Module([text], []))
    scope: dict[str, Any] = dict(sample.__globals__)
    exec(compile(module, sample.__code__.co_filename, "exec"), scope)
    made: Callable[..., list[float]] = scope[sample.__name__]
    return made


def _of(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _to(name: str) -> ast.Name:
    return ast.Name(name, ast.Store())


def _names_in(text: ast.AST) -> set[str]:
    names = {node.id for node in ast.walk(text) if isinstance(node, ast.Name)}
    return names | {node.arg for node in ast.walk(text) if isinstance(node, ast.arg)}
