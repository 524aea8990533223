"""Cold starts: whole processes, as a person at a prompt waits for them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from machine import machine, median_seconds, print_table

LINE = Path(__file__).parents[1] / "examples" / "line.csv"
FIT = ["-m", "tidu", "fit", str(LINE), "y = w*x + b", "--lr", "0.0001", "--epochs", "1000"]
WORK = {
    "python -c pass": ["-c", "pass"],
    "import numpy": ["-c", "import numpy"],
    "import tidu": ["-c", "import tidu"],
    "tidu --help": ["-m", "tidu", "--help"],
    "tidu fit, 100 rows, 1000 epochs": FIT,
    "tidu fit ... --json": [*FIT, "--json"],
    "import sklearn.linear_model": ["-c", "import sklearn.linear_model"],
    "import torch": ["-c", "import torch"],
}


def main() -> None:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    seconds = {}
    for name, arguments in WORK.items():
        command = [sys.executable, *arguments]
        if subprocess.run(command, env=environment, capture_output=True, check=False).returncode:
            continue  # a peer that is not installed

        def work(command: list[str] = command) -> object:
            return subprocess.run(command, env=environment, capture_output=True, check=True)

        seconds[name] = median_seconds(work)
    print(machine())
    bare = seconds["python -c pass"]
    print_table(
        ["whole process", "median", "× bare Python"], [[n, f"{s:.3f} s", f"{s / bare:.1f}"] for n, s in seconds.items()]
    )


if __name__ == "__main__":
    main()
