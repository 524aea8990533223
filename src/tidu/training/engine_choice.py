"""What runs a loop, and why: plain Python, machine code, whole batches in NumPy, PyTorch on a device.

The figures by which that is chosen stand here and, of loops of numbers, in `engines/durations.py`. They count
operations, never what was compiled before: the same input gives the same bits. They are rough and need not be better,
for where two engines are close, either will do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from tidu.engines.durations import plain_seconds, seconds_to_compile
from tidu.engines.program import Program
from tidu.engines.tile_loop import tile_train_source
from tidu.engines.tile_plan import fits_tiles
from tidu.errors import SettingError
from tidu.language.expr import evaluation_order
from tidu.text import _
from tidu.training.work import Work

CALL = 1.5e-6  # seconds of NumPy for one operation on an array, however small
SECONDS_A_PRODUCT = {"array": 2.5e-11, "compiled": 6e-11}  # a multiplication and an addition in a product of matrices
SECONDS_OF_VECTORS = {"array": 7e-11, "compiled": 2e-10}  # the same in a product of a matrix and a vector: reading
SECONDS_A_NUMBER = {"array": 1.5e-9, "compiled": 4e-10}  # for one operation of another kind
SECONDS_A_FUNCTION = {"array": 5e-9, "compiled": 2.5e-9}  # for exp, tanh and the like
SHARE_OF_FLOAT32 = 0.5  # of a step on whole batches: half the memory, twice as many numbers an instruction
TO_COMPILE = 0.3  # seconds for a network


@dataclass(frozen=True)
class Engine:
    """What ran the loop, and why."""

    name: str
    reason: str


def engine_for(wish: str, work: Work) -> Engine:
    """The engine that was asked for; for `auto`, plain Python where that is done before a compiler has begun."""
    if work.device is not None:
        from tidu.training.devices import torch_on  # it imports torch

        return Engine("array", _("the loop on whole batches in {torch}").format(torch=torch_on(work.device)))
    if work.program.of_arrays:
        if wish in ("python", "compiled") or work.cluster is not None:
            if not fits_tiles(work.program, work.shape):
                raise SettingError(
                    _("this model or loss has no loop over tiles; leave out the engine, or name 'array'")
                    if work.cluster is None
                    else _("this model or loss has no loop over tiles, whose sums workers share; leave out the cluster")
                )
            return Engine("python" if wish == "python" else "compiled", _("the loop over tiles of samples"))
        many_levels = bool(work.program.by_level) and work.program.is_by_level  # each chunk of tiles has a sum for each
        long = not many_levels and tiles_are_faster(work.program, work.per_step, work.steps, work.shape.dtype)
        if wish == "auto" and long and fits_tiles(work.program, work.shape):
            return Engine("compiled", _("the loop over tiles of samples, compiled: faster than whole batches"))
        return Engine("array", _("the loop on whole batches in NumPy: the model has vectors"))
    if wish == "array":
        return Engine("array", _("the loop on whole batches in NumPy"))
    if wish == "python" and work.shape.dtype == "float32":
        raise SettingError(
            _("{option} is for the engine {engines}, not for '{engine}'; leave one of them out").format(
                option="dtype", engines="compiled, array", engine=wish
            )
        )
    kinds = [_("float32")] * (work.shape.dtype == "float32") + [_("fast: operations reordered and fused")] * work.fast
    if kinds:
        return Engine("compiled", _("the loop compiled; {kinds}").format(kinds=", ".join(kinds)))
    p = work.program
    seconds = plain_seconds(p, work.shape, work.per_step, work.steps)
    return engine_for_seconds(wish, seconds, seconds_to_compile([p.loss, *p.gradient, *p.new_parameters]))


def for_engine(engine: str, work: Work) -> Work:
    """The work with the text that this engine runs: for a network, over tiles or on whole batches."""
    if work.program.of_arrays and engine != "array":
        return replace(work, source=tile_train_source(work.program, work.shape))
    return work


def engine_for_seconds(wish: str, plain: float, to_compile: float) -> Engine:
    """The engine that was asked for; for `auto`, by the seconds that plain Python and that the compiler would take."""
    if wish == "python":
        return Engine("python", _("the loop as plain Python"))
    if wish == "compiled":
        return Engine("compiled", _("the loop compiled"))
    if plain < to_compile:
        return Engine("python", _("the loop as plain Python: quicker than compiling it"))
    return Engine("compiled", _("the loop compiled: plain Python would take {seconds:.2g} s").format(seconds=plain))


def seconds_a_step(program: Program, per_step: int, engine: str, dtype: str = "float64") -> float:
    """Of a step of `per_step` samples with the engine `array` or `compiled`."""
    products = of_vectors = numbers = functions = 0.0
    nodes = [n for n in evaluation_order([program.loss, *program.gradient]) if n.args]
    for node in nodes:
        size = math.prod(node.shape)
        if node.op.name == "matmul" and len(node.args[0].shape) == 1:
            of_vectors += node.args[0].shape[0]
        elif node in program.gradient and node.op.name == "multiply" and {len(a.shape) for a in node.args} == {0, 1}:
            of_vectors += size  # summed over the batch: the slopes times the matrix of the samples
        elif node.op.cost == "product":
            products += size * (node.args[0].shape[-1] if node.op.name == "matmul" else 1)
        elif node.op.cost == "function":
            functions += size
        else:
            numbers += size
    new_values = [*program.new_parameters, *(new for _s, new, _start in program.new_state)]
    of_update = [n for n in evaluation_order(new_values) if n.args]
    updated = sum(math.prod(n.shape) for n in of_update)
    seconds = per_step * (
        products * SECONDS_A_PRODUCT[engine]
        + of_vectors * SECONDS_OF_VECTORS[engine]
        + numbers * SECONDS_A_NUMBER[engine]
        + functions * SECONDS_A_FUNCTION[engine]
    )
    seconds += updated * SECONDS_A_NUMBER[engine]
    if dtype == "float32" and engine == "array":  # tiles compute in double, whatever they keep
        seconds *= SHARE_OF_FLOAT32
    return seconds + (len(nodes) + len(of_update)) * CALL if engine == "array" else seconds


def tiles_are_faster(program: Program, per_step: int, steps: int, dtype: str = "float64") -> bool:
    """Whether machine code of the loop over tiles is worth what it takes to have it."""
    saved = seconds_a_step(program, per_step, "array", dtype) - seconds_a_step(program, per_step, "compiled")
    return steps * saved > TO_COMPILE
