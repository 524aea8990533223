"""In which order the statements of a loop are compiled: a call whose result is needed late is made late.

A processor works ahead of what it waits for, but not far, and a branch within the C library may send it back. So the
loss, which only the check at the end of a step reads, is computed behind the update, which the next step waits for.
Each name gets the value that it would get: nothing moves past what reads it or what changes what it reads.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence, Set


def late_calls_last(statements: Sequence[ast.stmt], of_numbers: Set[str]) -> Sequence[ast.stmt]:
    """The statements of a block; `of_numbers` names functions of numbers that do nothing besides."""
    late = {name for s in statements if _calls(s) for name in _written(s)}
    if not late:
        return statements
    ordered = [(s, _written(s), _names(s)) for s in statements]
    for place in range(len(ordered) - 2, -1, -1):
        statement, written, names = ordered[place]
        waits = _calls(statement) or (isinstance(statement, ast.Assign) and _is_copy_of(statement, late))
        if not waits or not _is_of_numbers(statement, of_numbers):
            continue
        last = place
        for later, changed, read in ordered[place + 1 :]:
            if not _is_of_numbers(later, of_numbers) or written & read or changed & names:
                break
            last += 1
        ordered.insert(last, ordered.pop(place))
    return [statement for statement, _written_names, _read in ordered]


def _calls(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Assign) and any(isinstance(n, ast.Call) for n in ast.walk(statement.value))


def _is_copy_of(statement: ast.Assign, late: set[str]) -> bool:
    return isinstance(statement.value, ast.Name) and statement.value.id in late


def _is_of_numbers(statement: ast.stmt, of_numbers: Set[str]) -> bool:
    """Whether it gives numbers to names, and does nothing else."""
    if not isinstance(statement, (ast.Assign, ast.AugAssign)):
        return False
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    calls = [node for node in ast.walk(statement.value) if isinstance(node, ast.Call)]
    return all(isinstance(target, ast.Name) for target in targets) and all(
        isinstance(call.func, ast.Name) and call.func.id in of_numbers for call in calls
    )


def _names(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}


def _written(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
