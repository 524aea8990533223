"""How long plain Python takes for a loop, and how long it takes to make machine code of it: counted, not measured.

`auto` compares the two, so what runs follows from the work alone. The figures are seconds on a common machine; twice as
much or half as much changes little, for where the two are close, it does not matter which one is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from tidu.engines.program import Program
from tidu.engines.scalar_loop import LoopShape
from tidu.language.expr import Expr, evaluation_order

# Of plain Python.
AN_OPERATION = 15e-9
A_ROW = 60e-9  # read in a loop, its numbers made Python's, its result added or kept
A_CALL = 120e-9  # of a function of a sample: in a loop it is written out, which favours code that the next run has too
A_SUM = 40e-9  # by `summed`, for each sample and each number that it gives
A_PARAMETER = 25e-9  # compared, recorded and carried on, in a step
A_STEP = 150e-9
A_STEP_OF_SUMS = 10e-6

# Of NumPy, for expressions of every row.
AN_OPERATION_IN_NUMPY = 1e-9
A_FUNCTION_IN_NUMPY = 150e-9  # the loops' own function is called for each row
A_CALL_OF_NUMPY = 2e-6  # an operation, however few the rows

# Of the compiler, once it is imported.
A_FUNCTION = 25e-3
A_COMPILED_OPERATION = 1e-3


def operations_in(outputs: Sequence[Expr]) -> int:
    """How many operations compute these."""
    return _operations_in(tuple(outputs))


@lru_cache(maxsize=32)
def _operations_in(outputs: tuple[Expr, ...]) -> int:
    return sum(1 for node in evaluation_order(outputs) if node.args)


def plain_seconds(program: Program, shape: LoopShape, per_step: int, steps: int) -> float:
    """Of plain Python, for so many steps of so many samples."""
    numbers = 1 + len(program.parameters)
    of_sample = operations_in([program.loss, *program.gradient]) * AN_OPERATION
    new_values = [*program.new_parameters, *(new for _s, new, _start in program.new_state)]
    of_step = A_STEP + operations_in(new_values) * AN_OPERATION + numbers * A_PARAMETER
    if shape.summed:
        of_sample += A_CALL + numbers * A_SUM
        of_step += A_STEP_OF_SUMS
    return steps * (per_step * of_sample + of_step)


def plain_seconds_of_rows(rows: int, outputs: Sequence[Expr]) -> float:
    """Of plain Python, for expressions of every row."""
    return rows * (operations_in(outputs) * AN_OPERATION + A_ROW)


def numpy_seconds_of_rows(rows: int, output: Expr) -> float:
    """Of NumPy, for an expression of every row."""
    operations, functions = _kinds_in(output)
    of_row = operations * AN_OPERATION_IN_NUMPY + functions * A_FUNCTION_IN_NUMPY
    return rows * of_row + (operations + functions) * A_CALL_OF_NUMPY


@lru_cache(maxsize=32)
def _kinds_in(output: Expr) -> tuple[int, int]:
    """How many operations compute it in a few instructions, and how many by a function of numbers."""
    nodes = [node for node in evaluation_order([output]) if node.args]
    functions = sum(1 for node in nodes if node.op.machine != "instructions")
    return len(nodes) - functions, functions


def seconds_to_compile(outputs: Sequence[Expr], functions: int = 1) -> float:
    """Until machine code of these is there, or of so many functions like it."""
    return functions * (A_FUNCTION + operations_in(outputs) * A_COMPILED_OPERATION)
