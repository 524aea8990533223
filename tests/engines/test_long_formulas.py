"""From a long formula to its program, loop and mathematics: work in proportion to its length, counted in calls."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from tidu.engines.mathematics import UNICODE, equations, latex_of
from tidu.engines.scalar_loop import Batch, LoopShape, train_source
from tidu.training.settings import Settings

FORMULAS = {
    "product of parameters": lambda n: "y = " + "*".join(f"w{k}" for k in range(n)) + "*x",
    "product of columns": lambda n: "y = w*" + "*".join(["x"] * n),
    "product of sums": lambda n: "y = " + "*".join(f"(w{k}*x + b)" for k in range(n)),
    "sum": lambda n: "y = " + " + ".join(f"w{k}*x**{k % 7}" for k in range(n)),
    "sum of exponentials": lambda n: "y = " + " + ".join(f"a{k}*exp(-b*x)" for k in range(n)),
    "quotients": lambda n: "y = w" + "/(x + a)" * n,
    "largest": lambda n: "y = max(" + ", ".join(f"w{k}*x" for k in range(n)) + ")",
}


def calls(work: Callable[[], object]) -> int:
    """How many functions are called, in Python and in C."""
    count = 0

    def counted(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.sampled(6)
@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)
@pytest.mark.parametrize("part", ["program", "loop", "mathematics"])
def test_work_grows_as_the_formula_does(formula, part):
    def work(n: int) -> int:
        settings = Settings(formula(n))
        program = settings.program(("x", "y"))
        if part == "program":
            return calls(lambda: Settings(formula(n) + " + c").program(("x", "y")))
        if part == "loop":
            return calls(lambda: train_source(program, LoopShape(Batch.ALL, summed=True)))
        return calls(lambda: (equations(program, UNICODE), latex_of(program)))

    work(5)  # what is made once
    few, many = work(60), work(240)
    assert many < 5 * few  # in proportion would be 4, and n² would be 16
