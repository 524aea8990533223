"""Whole processes, as a person at a prompt waits for them: `tidu fit` of a CSV cold and warm, beside scripts of peers.

Cold is an empty cache folder of tidu's; Python's own bytecode and the files are warm for all.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from measure import Answer, Contender, NotAvailableError, Words, figures_of
from tables import Goal, Table, contest

from workloads import Scale, count

SCRIPTS = Path(__file__).parent / "scripts"
COLD: Words = ("tidu fit, the first time", "tidu fit，第一次")
WARM: Words = ("tidu fit, the second time", "tidu fit，第二次")
PATIENCE = 10.0  # seconds for one contender, at least: a single start says little
GOALS = [Goal(COLD, seconds=3.0), Goal(WARM, seconds=1.5)]
ROWS, EPOCHS, LR = 100_000, 100, 0.1


def table(scale: Scale) -> Table:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = _written(folder / "data.csv")
        fit = ["-m", "tidu", "fit", str(data), "y = w1*x**2 + w2*x + w3", "--lr", str(LR), "--epochs", str(EPOCHS)]
        right = _by_script(folder, "fit_numpy.py", data)().parameters
        contenders = [
            Contender(COLD, lambda: _by_tidu(folder / "cold", fit, True), lambda: right),
            Contender(WARM, lambda: _by_tidu(folder / "warm", fit, False), lambda: right),
            *(
                Contender(words, lambda s=script: _by_script(folder, s, data), lambda: right)
                for words, script in (
                    (("a script with NumPy", "NumPy 脚本"), "fit_numpy.py"),
                    (("a script with torch", "torch 脚本"), "fit_torch.py"),
                    (("a script with JAX", "JAX 脚本"), "fit_jax.py"),
                )
            ),
            *(Contender(words, lambda a=arguments: _process(folder / "warm", a)) for words, arguments in _starts()),
        ]
        figures = figures_of(contenders, min(scale.rounds, 7), max(scale.patience, PATIENCE))
    return contest(
        (
            f"From the prompt: a CSV of {count(ROWS)} rows, {EPOCHS} epochs, three weights",
            f"从命令行开始：{count(ROWS)} 行的 CSV，{EPOCHS} 轮，三个权重",
        ),
        [
            (
                "Whole processes. The first time: tidu's cache folder is empty, so the loop is compiled.",
                "整个进程的时间。第一次：tidu 的缓存文件夹为空，循环需要编译。",
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


def _written(path: Path) -> Path:
    random = np.random.default_rng(0)
    x = random.random(ROWS)
    y = 4 * x**2 + 5 * x + 6 + random.normal(0, 0.1, ROWS)
    np.savetxt(path, np.stack([x, y], axis=1), delimiter=",", header="x,y", comments="", fmt="%.17g")
    return path


def _run(cache: Path, arguments: list[str]) -> str:
    environment = os.environ | {"TIDU_CACHE": str(cache), "TIDU_LANG": "en"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # it doubles the time of imports
    done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise ImportError(last) if "ModuleNotFoundError" in last else NotAvailableError(last)
    return done.stdout


def _process(cache: Path, arguments: list[str]) -> Callable[[], Answer]:
    _run(cache, arguments)  # whether it runs at all; and Python's bytecode is written

    def call() -> Answer:
        _run(cache, arguments)
        return Answer(np.empty(0))

    return call


def _by_script(folder: Path, script: str, data: Path) -> Callable[[], Answer]:
    arguments = [str(SCRIPTS / script), str(data), str(EPOCHS), str(LR)]
    _run(folder / "warm", arguments)
    return lambda: Answer(np.array(json.loads(_run(folder / "warm", arguments))))


def _by_tidu(cache: Path, arguments: list[str], cold: bool) -> Callable[[], Answer]:
    _run(cache, [*arguments, "--json"])

    def call() -> Answer:
        if cold:
            shutil.rmtree(cache, ignore_errors=True)
        return Answer(np.array(list(json.loads(_run(cache, [*arguments, "--json"]))["params"].values())))

    return call
