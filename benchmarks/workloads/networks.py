"""One training step of dense networks, from tiny ones, where the price of an operation is all, to matrix products."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from measure import Contender, Figures, Words, figures_of
from network import Network
from peers.networks import by_jax, by_numpy, by_tidu, by_torch
from tables import Table, duration, ratio, same

from workloads import Scale

JAX: Words = ("JAX, jit and scan", "JAX，jit 与 scan")
SLOW = ("auto", "python")  # one is listed by itself, the other is not for speed


def table(scale: Scale) -> Table:
    return table_of(scale, ("One step of a network", "网络的一步"))


def table_of(scale: Scale, title: Words, **more: Any) -> Table:
    """The table of these networks with `more` of their settings."""
    nets = [
        Network((2, 8, 8, 1), 16, scale.of(2000, 80), **more),
        Network((16, 32, 32, 1), 32, scale.of(1000, 40), **more),
        Network((64, 128, 128, 1), 64, scale.of(200, 16), **more),
        Network((784, 512, 512, 10), 256, 8, activation="relu", dtype="float32", **more),
    ]
    compared = (
        "All from the same start; the parameters after the steps were compared with JAX's before a time was "
        "taken: within 1e-9 in float64, 1e-3 in float32.",
        "所有各家从同一起点出发；计时之前，先把各步之后的参数与 JAX 的比对："
        "float64 在 1e-9 以内，float32 在 1e-3 以内。",
    )
    if nets[0].clip_norm is not None:
        compared = (
            "All from the same start, with the gradient clipped to a length of 0.1; the parameters after the steps "
            "were compared with JAX's: within 1e-5 in float64 (torch adds 1e-6 to the length), 1e-3 in float32.",
            "所有各家从同一起点出发，梯度裁剪到长度 0.1；各步之后的参数与 JAX 的比对："
            "float64 在 1e-5 以内（torch 给长度加 1e-6），float32 在 1e-3 以内。",
        )
    if nets[0].dropout:
        compared = (
            "A fifth of the units is dropped after each hidden layer. Everybody draws masks of their own, so the "
            "results differ and are not compared.",
            "每个隐藏层之后丢弃五分之一的单元。各家抽取各自的掩码，结果因此不同，不作比对。",
        )
    headings: list[Words] = [("", "")]
    rows: dict[Words, list[Words]] = {}
    for net in nets:
        headings += [(net.name, net.name), ("÷ JAX", "÷ JAX")]
        figures = figures_of(list(_contenders(net)), scale.rounds, scale.seconds / len(nets))
        jax = next(f.median for f in figures if f.name == JAX)
        for f in figures:
            rows.setdefault(f.name, [f.name]).extend(_cells(f, jax))
        for row in rows.values():  # of those that are not for this network
            row += [same("–")] * (len(headings) - len(row))
    return Table(
        title,
        [
            (
                "Layer sizes, samples a step. Gradient descent with mini-batches in the data's order; tanh and squared "
                "error in float64; the last with relu and cross-entropy in float32.",
                "各层大小、每步样本数。梯度下降，小批量按数据的次序；tanh 与平方误差，float64；"
                "最后一个为 relu 与交叉熵，float32。",
            ),
            compared,
        ],
        headings,
        list(rows.values()),
    )


def _contenders(net: Network) -> Iterator[Contender]:
    from tidu.training.options import ENGINES

    @functools.cache
    def right():
        return by_jax(net)().parameters

    def row(name: Words, peer, *how) -> Contender:
        expected = None if net.dropout else right
        return Contender(name, lambda: peer(net, *how), expected, net.tolerance, scale=1 / net.steps)

    yield row(("tidu, engine chosen by itself for long work", "tidu，为较长的训练自行选择引擎"), by_tidu, "auto")
    for name in ENGINES:
        if name not in SLOW:
            yield row((f"tidu, engine {name}", f"tidu，引擎 {name}"), by_tidu, name)
    yield row(("tidu, PyTorch on cpu", "tidu，PyTorch，cpu"), by_tidu, "array", "cpu")
    yield row(("NumPy, by hand", "NumPy，手写"), by_numpy)
    yield row(("torch eager", "torch 即时执行"), by_torch)
    yield row(("torch.compile", "torch.compile"), by_torch, True)
    yield row(JAX, by_jax)


def _cells(f: Figures, jax: float | None) -> list[Words]:
    if f.problem is not None or f.median is None:
        return [f.problem or ("not measured", "未测"), ("", "")]
    return [same(duration(f.median)), same(ratio(f.median / jax) if jax else "")]
