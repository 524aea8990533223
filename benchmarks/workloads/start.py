"""Whole processes, as a person at a prompt waits for them: `tidu fit` of a CSV cold and warm, beside scripts of peers.

Cold is an empty cache folder of tidu's; Python's own bytecode and the files are warm for all.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import processes
from measure import Answer, Contender, Words, figures_of
from tables import Goal, Table, contest

from workloads import Scale, count

COLD: Words = ("tidu fit, the first time", "tidu fit，第一次")
WARM: Words = ("tidu fit, the second time", "tidu fit，第二次")
SMALL: Words = ("tidu fit of 100 rows, the first time", "tidu fit，100 行，第一次")
WIDE: Words = ("tidu fit of 300 weights written out, the first time", "tidu fit，公式写出 300 个权重，第一次")
LOADTXT: Words = ("a script with NumPy, loadtxt", "NumPy 脚本，loadtxt")
GOALS = [Goal(SMALL, seconds=0.45), Goal(COLD, LOADTXT, 1), Goal(WARM, LOADTXT, 1), Goal(WIDE, seconds=2.0)]
ROWS, EPOCHS, LR = 100_000, 100, 0.1
WEIGHTS = 300


def table(scale: Scale) -> Table:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data, small = _written(folder / "data.csv", ROWS), _written(folder / "small.csv", 100)
        formula = "y = w1*x**2 + w2*x + w3"
        fit = ["-m", "tidu", "fit", str(data), formula, "--lr", str(LR), "--epochs", str(EPOCHS)]
        fit_small = ["-m", "tidu", "fit", str(small), formula, "--lr", str(LR), "--engine", "compiled"]
        right = _by_script(folder, "fit_numpy.py", data)().parameters
        contenders = [
            Contender(COLD, lambda: _by_tidu(folder / "cold", fit, True), lambda: right),
            Contender(WARM, lambda: _by_tidu(folder / "warm", fit, False), lambda: right),
            Contender(SMALL, lambda: _by_tidu(folder / "small", fit_small, True)),
            Contender(WIDE, lambda: _by_tidu(folder / "wide", _wide(folder), True)),
            *(
                Contender(words, lambda s=script: _by_script(folder, s, data), lambda: right)
                for words, script in (
                    (LOADTXT, "fit_loadtxt.py"),
                    (("a script with NumPy and pyarrow", "NumPy 与 pyarrow 脚本"), "fit_numpy.py"),
                    (("a script with torch", "torch 脚本"), "fit_torch.py"),
                    (("a script with JAX", "JAX 脚本"), "fit_jax.py"),
                )
            ),
            *(Contender(words, lambda a=arguments: _process(folder / "warm", a)) for words, arguments in _starts()),
        ]
        figures = figures_of(contenders, min(scale.rounds, 7), scale.seconds)
    return contest(
        (
            f"From the prompt: a CSV of {count(ROWS)} rows, {EPOCHS} epochs, three weights",
            f"从命令行开始：{count(ROWS)} 行的 CSV，{EPOCHS} 轮，三个权重",
        ),
        [
            (
                "Whole processes. The first time: tidu's cache folder is empty, so the loop is compiled. The fit of "
                "300 weights is one step on 1,000 rows.",
                "整个进程的时间。第一次：tidu 的缓存文件夹为空，循环需要编译。300 个权重：1,000 行，一步。",
            )
        ],
        figures,
        [(WARM, ("÷ second time", "÷ 第二次"))],
        GOALS,
    )


def _starts() -> list[tuple[Words, list[str]]]:
    plain = {
        "python -c pass": ["-c", "pass"],
        "tidu --help": ["-m", "tidu", "--help"],
        "import tidu": ["-c", "import tidu"],
        "import numpy": ["-c", "import numpy"],
        "import numba": ["-c", "import numba"],
        "import sklearn.linear_model": ["-c", "import sklearn.linear_model"],
        "import jax": ["-c", "import jax"],
        "import torch": ["-c", "import torch"],
    }
    return [((name, name), arguments) for name, arguments in plain.items()]


def _written(path: Path, rows: int) -> Path:
    random = np.random.default_rng(0)
    x = random.random(rows)
    y = 4 * x**2 + 5 * x + 6 + random.normal(0, 0.1, rows)
    np.savetxt(path, np.stack([x, y], axis=1), delimiter=",", header="x,y", comments="", fmt="%.17g")
    return path


def _wide(folder: Path) -> list[str]:
    """A fit of one step, of a formula with so many weights that its code is long."""
    data = folder / "wide.csv"
    columns = [f"x{j}" for j in range(1, WEIGHTS + 1)]
    cells = np.random.default_rng(0).normal(size=(1000, WEIGHTS + 1))
    np.savetxt(data, cells, delimiter=",", header=",".join([*columns, "y"]), comments="", fmt="%.17g")
    formula = "y = " + " + ".join(f"w{j}*x{j}" for j in range(1, WEIGHTS + 1)) + " + b"
    return ["-m", "tidu", "fit", str(data), formula, "--lr", "0.001", "--steps", "1", "--engine", "compiled"]


def _process(cache: Path, arguments: list[str]) -> Callable[[], Answer]:
    processes.output_of(cache, arguments)  # whether it runs at all; and Python's bytecode is written

    def call() -> Answer:
        processes.output_of(cache, arguments)
        return Answer(np.empty(0))

    return call


def _by_script(folder: Path, script: str, data: Path) -> Callable[[], Answer]:
    arguments = [str(processes.SCRIPTS / script), str(data), str(EPOCHS), str(LR)]
    processes.output_of(folder / "warm", arguments)
    return lambda: Answer(np.array(json.loads(processes.output_of(folder / "warm", arguments))))


def _by_tidu(cache: Path, arguments: list[str], cold: bool) -> Callable[[], Answer]:
    processes.output_of(cache, [*arguments, "--json"])

    def call() -> Answer:
        if cold:
            shutil.rmtree(cache, ignore_errors=True)
        return Answer(np.array(list(json.loads(processes.output_of(cache, [*arguments, "--json"]))["params"].values())))

    return call
