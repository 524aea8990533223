"""One training step of dense networks on a GPU: tidu on PyTorch, torch by hand, JAX; beside them, tidu on the CPU.

    python benchmarks/gpu.py [--device cuda] [--seconds 60]

Everybody multiplies float32 matrices in full: JAX and PyTorch can be told to round the factors to 10 bits (TF32), which
is faster and is another computation.
"""

from __future__ import annotations

import argparse
import sys

import torch
from machine import machine, versions
from measure import Contender, Figures, Words, figures_of
from network import Network
from peers.networks import by_jax, by_tidu, by_torch
from tables import Table, duration, ratio, same, terminal

NETS = (
    Network((64, 128, 128, 1), 64, 400),
    Network((784, 512, 512, 10), 256, 400, activation="relu", dtype="float32"),
    Network((784, 2048, 2048, 10), 4096, 80, activation="relu", dtype="float32"),
)


def main() -> None:
    asked = _asked()
    if not torch.cuda.is_available():
        sys.exit(f"PyTorch {torch.__version__} finds no GPU here, so there is nothing to measure")
    import jax

    jax.config.update("jax_default_matmul_precision", "highest")
    print(f"{machine(torch.get_num_threads())}; {torch.cuda.get_device_name(asked.device)}\n{versions()}\n", flush=True)
    for net in NETS:
        print(terminal(_table(net, asked.device, asked.seconds / len(NETS))), flush=True)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", help="the GPU, as PyTorch calls it (cuda)")
    parser.add_argument("--seconds", type=float, default=60.0, help="for all networks together (60)")
    return parser.parse_args()


def _table(net: Network, device: str, seconds: float) -> Table:
    peers = {
        "tidu": lambda: by_tidu(net, "array", device),
        "torch eager": lambda: by_torch(net, False, device),
        "torch.compile": lambda: by_torch(net, True, device),
        "JAX, jit and scan": lambda: by_jax(net),
        "tidu on the CPU": lambda: by_tidu(net, "array"),
    }
    right = peers["JAX, jit and scan"]()().parameters
    contenders = [
        Contender((name, name), prepare, lambda: right, net.tolerance, scale=1 / net.steps)
        for name, prepare in peers.items()
    ]
    figures = figures_of(contenders, 15, seconds)
    rows = [[f.name, *_cells(f, figures[0].median)] for f in figures]
    title = f"{net.name} samples a step, {net.dtype}"
    return Table(same(title), [], [same(""), same("a step"), same("÷ tidu")], rows)


def _cells(f: Figures, ours: float | None) -> list[Words]:
    if f.problem is not None or f.median is None or ours is None:
        return [f.problem or same("not measured"), same("")]
    return [same(duration(f.median)), same(ratio(f.median / ours))]


if __name__ == "__main__":
    main()
