"""How long a step of a network takes on whole batches and on tiles, and so which of the two to run.

The figures are rough and need not be better: where the two are close, it does not matter which one runs.
`benchmarks/networks.py` puts both beside each other and beside what `auto` takes.
"""

from __future__ import annotations

import math

from tidu.engines.program import Program
from tidu.language.expr import evaluation_order

CALL = 1.5e-6  # seconds of NumPy for one operation on an array, however small
SECONDS_A_PRODUCT = {"array": 2.5e-11, "compiled": 6e-11}  # a multiplication and an addition in a product of matrices
SECONDS_A_NUMBER = {"array": 1.5e-9, "compiled": 4e-10}  # for one operation of another kind
SECONDS_A_FUNCTION = {"array": 5e-9, "compiled": 2.5e-9}  # for exp, tanh and the like
TO_COMPILE = 3.0  # seconds; also where it was compiled before, for the same input must give the same bits
_FUNCTIONS = {"exp", "expm1", "log", "log1p", "tanh", "sigmoid", "softplus", "erf", "log_cosh", "logsumexp", "softmax"}
_PRODUCTS = {"matmul", "outer"}


def seconds_a_step(program: Program, per_step: int, engine: str) -> float:
    """Of a step of `per_step` samples with the engine `array` or `compiled`."""
    products = numbers = functions = 0.0
    nodes = [n for n in evaluation_order([program.loss, *program.gradient]) if n.args]
    for node in nodes:
        size = math.prod(node.shape)
        if node.op.name in _PRODUCTS:
            products += size * (node.args[0].shape[-1] if node.op.name == "matmul" else 1)
        elif node.op.name in _FUNCTIONS:
            functions += size
        else:
            numbers += size
    new_values = [*program.new_parameters, *(new for _s, new, _start in program.new_state)]
    of_update = [n for n in evaluation_order(new_values) if n.args]
    updated = sum(math.prod(n.shape) for n in of_update)
    seconds = per_step * (
        products * SECONDS_A_PRODUCT[engine]
        + numbers * SECONDS_A_NUMBER[engine]
        + functions * SECONDS_A_FUNCTION[engine]
    )
    seconds += updated * SECONDS_A_NUMBER[engine]
    return seconds + (len(nodes) + len(of_update)) * CALL if engine == "array" else seconds


def tiles_are_faster(program: Program, per_step: int, steps: int) -> bool:
    """Whether machine code of the loop over tiles is worth what it takes to have it."""
    saved = seconds_a_step(program, per_step, "array") - seconds_a_step(program, per_step, "compiled")
    return steps * saved > TO_COMPILE
