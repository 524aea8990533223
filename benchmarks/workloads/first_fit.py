"""The first `tidu.fit` of a process with an empty cache, beside that of tidu when Numba compiled its loops."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import processes
from measure import Answer, Contender, Words, figures_of
from peers import before_the_compiler
from tables import Goal, Table, contest

from workloads import Scale

NOW: Words = ("tidu.fit, an empty cache", "tidu.fit，缓存为空")
AGAIN: Words = ("tidu.fit, its code in the cache", "tidu.fit，代码已在缓存中")
THEN: Words = ("tidu.fit by Numba, an empty cache", "Numba 时期的 tidu.fit，缓存为空")
GOALS = [Goal(NOW, THEN, 5)]
FORMULA, LR, EPOCHS = "y = w1*x**2 + w2*x + w3", 0.1, 1000


def table(scale: Scale) -> Table:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def right() -> np.ndarray:
            return _fitted(folder / "warm", None, False)().parameters

        contenders = [
            _contender(NOW, lambda: _fitted(folder / "cold", None, True), right),
            _contender(AGAIN, lambda: _fitted(folder / "warm", None, False), right),
            _contender(THEN, lambda: _fitted(folder / "then", before_the_compiler.sources(folder), True), right),
        ]
        figures = figures_of(contenders, min(scale.rounds, 7), scale.seconds)
    return contest(
        (
            "The first tidu.fit of a process: 100 rows, three weights, compiled",
            "进程中的第一次 tidu.fit：100 行，三个权重，编译执行",
        ),
        [
            (
                "From `import tidu` to the fitted model, with NumPy there; each in a new process, whose whole time has "
                "a row too. By Numba: the last commit of tidu whose loops Numba compiled.",
                "从 import tidu 到得到拟合好的模型（NumPy 事先导入）；每次都在新进程中，整个进程的时间另列一行。"
                "“Numba 时期”指循环由 Numba 编译的最后一个提交。",
            )
        ],
        figures,
        [(NOW, ("÷ an empty cache", "÷ 缓存为空"))],
        GOALS,
    )


def _contender(name: Words, prepare: Callable[[], Callable[[], Answer]], right: Callable[[], np.ndarray]) -> Contender:
    whole = (f"{name[0]}: the whole process", f"{name[1]}：整个进程")
    return Contender(whole, prepare, right, loop_name=name, called_before=True)


def _fitted(cache: Path, sources: Path | None, cold: bool) -> Callable[[], Answer]:
    """A process that fits once; how long that took is what it says itself."""
    arguments = [str(processes.SCRIPTS / "first_fit.py"), FORMULA, str(LR), str(EPOCHS)]

    def call() -> Answer:
        if cold:
            shutil.rmtree(cache, ignore_errors=True)
        told = json.loads(processes.output_of(cache, arguments, sources))
        return Answer(np.array(told["parameters"]), told["seconds"])

    call()  # whether it runs at all; and Python's bytecode is written
    return call
