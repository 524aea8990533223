"""`loop_of`: which loop runs the work of an engine."""

from __future__ import annotations

from tidu.runtime.summation import CHUNK
from tidu.runtime.tiles import CHUNK as TILES
from tidu.runtime.tiles import GROUP
from tidu.training.engine_choice import seconds_a_step
from tidu.training.loops.chunks import ChunkLoop
from tidu.training.loops.compiled_loops import CompiledLoop, ThreadedLoop, ThreadedTileLoop, TileLoop
from tidu.training.loops.loop import ArrayLoop, Loop, PlainLoop
from tidu.training.loops.parts import PART
from tidu.training.loops.tile_chunks import TileChunkLoop
from tidu.training.work import Work

WORTH_THREADS = 5e-4  # seconds of a step over tiles; Python around it takes a tenth of that


def loop_of(engine: str, work: Work) -> Loop:
    """The loop of an engine, `python`, `compiled` or `array`; close it when done."""
    if work.cluster is not None:
        from tidu.training.loops.cluster_loop import ClusterLoop, ClusterTileLoop  # few runs need it

        kind = ClusterTileLoop if work.program.of_arrays else ClusterLoop
        return kind(work, engine == "compiled", work.cluster)
    if engine == "array" and work.device is not None:
        from tidu.training.loops.torch_loop import TorchLoop  # it imports torch

        return TorchLoop(work)
    if engine == "array":
        return ArrayLoop(work)
    if work.program.of_arrays and work.on_disk and work.per_step > GROUP:
        return TileChunkLoop(work, machine_code=engine == "compiled")
    if work.program.of_arrays:
        seconds = seconds_a_step(work.program, work.per_step, "compiled")
        if engine == "compiled" and work.threads > 1 and work.per_step > TILES and seconds > WORTH_THREADS:
            return ThreadedTileLoop(work)
        return TileLoop(work, machine_code=engine == "compiled")
    if work.on_disk and work.shape.summed and work.per_step > PART:
        return ChunkLoop(work, machine_code=engine == "compiled")
    if engine == "python":
        return PlainLoop(work)
    if work.shape.summed and work.threads > 1 and work.per_step >= 2 * CHUNK:
        return ThreadedLoop(work)
    return CompiledLoop(work)
