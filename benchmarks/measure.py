"""How figures are taken: contenders in turns, medians, and results compared before a time is believed.

A contender prepares itself (imports, data put where it wants them) outside of the time, is called once cold, which
holds its compilation, and then once in each round, all taking turns, so that a noisy minute of the machine hits all
alike.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from job import Array

Words = tuple[str, str]  # English and Chinese
LONG = 2.0  # seconds
SHORTEST = 0.02  # seconds: what is shorter is called several times a round, for the clock's sake


@dataclass(frozen=True)
class Answer:
    """What one call computed, and how long its inner loop took where the contender knows it."""

    parameters: Array
    loop_seconds: float | None = None


class NotAvailableError(Exception):
    """This contender cannot run here; the text says why."""


@dataclass(frozen=True)
class Contender:
    """`prepare` gives the call that is timed. It raises ImportError or NotAvailableError where it cannot."""

    name: Words
    prepare: Callable[[], Callable[[], Answer]]
    expected: Callable[[], Array] | None = None  # the result that is right; None where there is none to compare
    tolerance: float = 1e-9  # |difference| / max(1, |right|): the order of sums may differ, nothing else
    scale: float = 1.0  # the whole work is this many times what the contender did
    loop_name: Words | None = None  # under which name its inner loop is listed
    called_before: bool = False  # its first call here is not its first, so it says nothing of compilation


@dataclass
class Figures:
    """What was measured of one contender, in seconds of the whole work."""

    name: Words
    first: float | None = None
    times: list[float] = field(default_factory=list)
    difference: float | None = None
    scale: float = 1.0
    problem: Words | None = None

    @property
    def median(self) -> float | None:
        return statistics.median(self.times) if self.times else None


@dataclass
class _Running:
    contender: Contender
    call: Callable[[], Answer]
    repeats: int
    whole: Figures
    loop: Figures | None
    spent: float  # seconds so far, first call included


def figures_of(contenders: list[Contender], rounds: int, seconds: float) -> list[Figures]:
    """Measure `contenders`, each in `rounds` rounds, or fewer when it has had its share of `seconds`."""
    share = seconds / len(contenders)
    figures: list[Figures] = []
    running: list[_Running] = []
    for contender in contenders:
        whole = Figures(contender.name, scale=contender.scale)
        try:
            running.append(_started(contender, whole))
            if running[-1].loop is not None:
                figures.append(running[-1].loop)
        except ImportError as error:
            missing = error.name or str(error)
            whole.problem = (f"not installed ({missing})", f"未安装（{missing}）")
        except NotAvailableError as error:
            whole.problem = (str(error), str(error))
        figures.append(whole)
    running = [r for r in running if r.whole.problem is None]
    for _ in range(rounds):
        for r in running:
            if r.spent < share or not r.whole.times:
                _one_round(r)
    return figures


def _started(contender: Contender, whole: Figures) -> _Running:
    """A contender after its first call, its result compared."""
    call = contender.prepare()
    began = time.perf_counter()
    answer = call()
    first = time.perf_counter() - began
    whole.first = None if contender.called_before else first
    loop = None
    if answer.loop_seconds is not None and contender.loop_name is not None:
        loop = Figures(contender.loop_name, scale=contender.scale)
    if contender.expected is not None:
        right = contender.expected()
        whole.difference = float(np.max(np.abs(answer.parameters - right)) / max(1.0, float(np.max(np.abs(right)))))
        if not whole.difference <= contender.tolerance:
            off = f"{whole.difference:.1e}"
            whole.problem = (f"another result: off by {off}", f"结果不同：相差 {off}")
            return _Running(contender, call, 1, whole, None, first)
        if loop is not None:
            loop.difference = whole.difference
    running = _Running(contender, call, 1, whole, loop, first)
    if first > LONG:  # its second call is its first round; what is shorter is called once more, to be warm
        return running
    began = time.perf_counter()
    call()
    warm = time.perf_counter() - began
    running.repeats = max(1, min(200, int(SHORTEST / max(warm, 1e-9))))
    running.spent += warm
    return running


def _one_round(r: _Running) -> None:
    gc.collect()
    began = time.perf_counter()
    loops = [r.call().loop_seconds for _ in range(r.repeats)]
    taken = time.perf_counter() - began
    r.spent += taken
    r.whole.times.append(taken / r.repeats * r.contender.scale)
    if r.loop is not None:
        r.loop.times.append(sum(s for s in loops if s is not None) / r.repeats * r.contender.scale)
