"""What runs a loop, and why: plain Python, machine code, whole batches in NumPy, PyTorch on a device."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tidu.engines.tile_loop import fits_tiles, tile_train_source
from tidu.errors import SettingError
from tidu.language.expr import evaluation_order
from tidu.text import _
from tidu.training.descents.loops import Loop, Work, loop_on_host
from tidu.training.descents.networks import tiles_are_faster
from tidu.training.judging.evaluation import SECONDS_A_NODE

PATIENCE = 1.0  # seconds of plain Python that cost less than starting the compiler
SECONDS_A_STEP = 5e-7  # of plain Python, roughly


@dataclass(frozen=True)
class Engine:
    """What ran the loop, and why."""

    name: str
    reason: str


def engine_for(wish: str, work: Work) -> Engine:
    """The engine that was asked for; for `auto`, plain Python where that is done before a compiler has begun."""
    if work.device is not None:
        from tidu.training.descents.on_device import torch_on

        return Engine("array", _("the loop on whole batches in {torch}").format(torch=torch_on(work.device)))
    if work.program.of_arrays:
        if wish in ("python", "compiled"):
            if not fits_tiles(work.program, work.shape):
                raise SettingError(
                    _(
                        "this model, loss or setting (float32 and clip_norm among them) has no loop over tiles; leave "
                        "out the engine, or name 'array'"
                    )
                )
            return Engine(wish, _("the loop over tiles of samples"))
        long = tiles_are_faster(work.program, work.per_step, work.steps)
        if wish == "auto" and long and fits_tiles(work.program, work.shape):
            return Engine("compiled", _("the loop over tiles of samples, compiled: faster than whole batches"))
        return Engine("array", _("the loop on whole batches in NumPy: the model has vectors"))
    if wish == "array":
        return Engine("array", _("the loop on whole batches in NumPy"))
    kinds = [_("float32")] * (work.shape.dtype == "float32") + [_("fast: operations reordered and fused")] * work.fast
    if kinds:
        return Engine("compiled", _("the loop compiled; {kinds}").format(kinds=", ".join(kinds)))
    nodes = len(evaluation_order([work.program.loss, *work.program.gradient]))
    of_state = len(work.program.new_state) * SECONDS_A_NODE
    seconds = work.steps * (work.per_step * nodes * SECONDS_A_NODE + of_state + SECONDS_A_STEP)
    return engine_for_seconds(wish, seconds)


def for_engine(engine: str, work: Work) -> Work:
    """The work with the text that this engine runs: for a network, over tiles or on whole batches."""
    if work.program.of_arrays and engine != "array":
        return replace(work, source=tile_train_source(work.program, work.shape))
    return work


def engine_for_seconds(wish: str, seconds: float) -> Engine:
    """The engine that was asked for; for `auto`, by how long plain Python would take."""
    if wish == "python":
        return Engine("python", _("the loop as plain Python"))
    if wish == "compiled":
        return Engine("compiled", _("the loop compiled"))
    if seconds < PATIENCE:
        return Engine("python", _("the loop as plain Python: short work"))
    return Engine("compiled", _("the loop compiled: about {seconds:.0f} s of plain Python").format(seconds=seconds))


def loop_of(engine: str, work: Work) -> Loop:
    """The loop of an engine, `python`, `compiled` or `array`; close it when done."""
    if engine == "array" and work.device is not None:
        from tidu.training.descents.on_device import loop_on_device  # it imports torch

        return loop_on_device(work)
    return loop_on_host(engine, work)
