"""Loops over tiles whose chunks several threads share: machine code for chunks and updates, plain Python around them.

A step of many chunks takes milliseconds, and the loop around it microseconds, so `train` runs as it stands; what it
calls is in machine code. Sums of chunks are added in their order, and so the bits are those of one thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tidu.engines.compiler.calls import compiled
from tidu.runtime.tiles import CHUNK, GROUP, Array

if TYPE_CHECKING:
    from concurrent.futures import Executor

# What is added to a generated module: its functions of one number, run over arrays, as functions of their own.
_OVER_NUMBERS = """
from tidu.runtime.tiles import {caller}


def {name}(*arguments):
    return {caller}({function}, *arguments)
"""
_SQUARES = """
from tidu.runtime.tiles import sum_of_squares


def squares_in_all(values):
    return sum_of_squares(values)
"""
_SUMS = """
from tidu.runtime.tiles import clear


def sums_of_chunk(first, last, sums, *arguments):
    clear(sums)
    {chunk}(first, last, sums, *arguments)
"""


class ThreadedTiles:
    """What stands for the functions of `runtime.tiles` that `train` calls; `functions` are these by their names.

    `rooms` is what `memory()` made, for each thread; `train` has the first.
    """

    def __init__(self, source: str, pool: Executor, rooms: Sequence[tuple[Array, ...]]) -> None:
        self.source, self.pool = source, pool
        # Where a thread has an array of its own, by the identity of the one that `train` has.
        self.own = [{id(a): b for a, b in zip(rooms[0], room, strict=True)} for room in rooms]
        self.made: dict[str, Callable[..., Any]] = {}
        self.functions: dict[str, Callable[..., Any]] = {
            "each_chunk": self.each_chunk,
            "each_number": lambda function, *given: self.over_numbers("each_number", function)(*given),
            "sum_numbers": lambda function, *given: self.over_numbers("sum_numbers", function)(*given),
            "sum_of_squares": compiled(source + _SQUARES, "squares_in_all"),
        }

    def over_numbers(self, caller: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """`caller(function, ...)` as machine code."""
        name = f"{caller}_of_{function.__name__}"
        if name not in self.made:
            text = _OVER_NUMBERS.format(caller=caller, name=name, function=function.__name__)
            self.made[name] = compiled(self.source + text, name)
        return self.made[name]

    def of_chunk(self, chunk: Callable[..., Any], thread: int) -> Callable[..., Any]:
        """The sums of a chunk as machine code; a thread has its own entry, which remembers its arguments."""
        name = f"{chunk.__name__} {thread}"
        if name not in self.made:
            self.made[name] = compiled(self.source + _SUMS.format(chunk=chunk.__name__), "sums_of_chunk")
        return self.made[name]

    def each_chunk(
        self, chunk: Callable[..., Any], first: int, last: int, sums: Array, group: Array, whole: Array, *arguments: Any
    ) -> None:
        """`tiles.each_chunk` by several threads: whoever is done takes the next chunk and adds its sums in turn."""
        starts = range(first, last, CHUNK)
        threads = min(len(starts), len(self.own))
        left = iter(range(len(starts)))
        turn, added, of_group = threading.Condition(), [0], GROUP // CHUNK

        def add(k: int, found: Array) -> None:
            """The sums of chunk k to those of its group, and these to the whole where they are complete."""
            np.copyto(group, found) if k % of_group == 0 else np.add(group, found, out=group)
            if (k + 1) % of_group == 0 or k + 1 == len(starts):
                np.copyto(whole, group) if k < of_group else np.add(whole, group, out=whole)

        def work(thread: int) -> None:
            own = self.own[thread]
            given = [own.get(id(a), a) for a in (sums, *arguments)]
            run = self.of_chunk(chunk, thread)
            for k in left:
                try:
                    run(starts[k], min(starts[k] + CHUNK, last), *given)
                except BaseException:
                    with turn:  # nobody waits for what will not come
                        added[0] = -1
                        turn.notify_all()
                    raise
                with turn:
                    turn.wait_for(lambda k=k: added[0] in (k, -1))  # type: ignore[misc]
                    if added[0] < 0:
                        return
                    add(k, given[0])
                    added[0] += 1
                    turn.notify_all()

        others = [self.pool.submit(work, thread) for thread in range(1, threads)]
        work(0)
        for other in others:
            other.result()
        np.copyto(sums, whole)
