"""Run the benchmarks and print their tables.

    python benchmarks/run.py [NAMES] [--quick] [--minutes 20] [--markdown docs/speed.md]

Each workload runs in a process of its own, with an empty cache folder of tidu's, so that a first call means the same
for all and none inherits another's memory.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import picture
from machine import machine, versions
from tables import Table, markdown, terminal
from workloads import NAMES, Scale

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    asked = _asked()
    names = asked.names or NAMES
    scale = Scale(asked.quick, 60.0 * asked.minutes / len(names))
    if asked.alone:
        _measure_alone(names[0], scale, Path(asked.alone))
        return
    threads = asked.threads or len(_cores())
    print(f"{machine(threads)}\n{versions()}\n", flush=True)
    tables = []
    for name in names:
        table = _table(name, scale, threads)
        if table is not None:
            tables.append(table)
            print(terminal(table), flush=True)
    if asked.markdown:
        _write_pages(tables, Path(asked.markdown), asked.quick, threads)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"workloads; all if none is named: {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="less work and few rounds: does it run?")
    parser.add_argument("--minutes", type=float, help="for all workloads together (20; with --quick 3)")
    parser.add_argument("--threads", type=int, help="cores that everybody may use (all)")
    parser.add_argument(
        "--markdown", metavar="PAGE", help="write the page, its Chinese sister, and pictures/speed.png beside it"
    )
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.minutes is None:
        asked.minutes = 3.0 if asked.quick else 20.0
    if not 0 < asked.minutes < float("inf"):
        parser.error(f"--minutes must be positive, not {asked.minutes}")
    for name in asked.names:
        if name not in NAMES:
            parser.error(f"no workload '{name}'; there are: {', '.join(NAMES)}")
    if asked.threads is not None and not 1 <= asked.threads <= len(_cores()):
        parser.error(f"--threads must be from 1 to {len(_cores())}, not {asked.threads}")
    return asked


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def _table(name: str, scale: Scale, threads: int) -> Table | None:
    """The table of one workload, measured in a process of its own; None, and a line that says so, if that fails."""
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "table.json"
        environment = os.environ | {
            "TIDU_CACHE": str(Path(folder) / "cache"),
            "TIDU_LANG": "en",
            "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]),
            "OMP_NUM_THREADS": str(threads),
            "OPENBLAS_NUM_THREADS": str(threads),
            "NUMBA_NUM_THREADS": str(threads),
            "JAX_PLATFORMS": "cpu",
            "TORCHINDUCTOR_CACHE_DIR": str(Path(folder) / "inductor"),
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # it doubles the time of imports
        command = [sys.executable, __file__, name, "--alone", str(found), "--minutes", str(scale.seconds / 60.0)]
        command += ["--quick"] if scale.quick else []
        cores = set(_cores()[:threads])

        def within_cores() -> None:
            if hasattr(os, "sched_setaffinity"):
                os.sched_setaffinity(0, cores)

        done = subprocess.run(command, env=environment, check=False, preexec_fn=within_cores)
        if done.returncode or not found.exists():
            print(f"{name}: failed, exit status {done.returncode}\n", flush=True)
            return None
        return Table.from_plain(json.loads(found.read_text()))


def _measure_alone(name: str, scale: Scale, path: Path) -> None:
    table = importlib.import_module(f"workloads.{name}").table(scale)
    path.write_text(json.dumps(asdict(table)))


def _write_pages(tables: list[Table], page: Path, quick: bool, threads: int) -> None:
    """The English page, the Chinese one beside it, and the picture."""
    drawn = [t for t in tables if t.lines]
    if drawn:
        picture.draw(drawn, page.parent / "pictures" / "speed.png")
    for language, path in ((0, page), (1, page.with_name(f"{page.stem}.zh{page.suffix}"))):
        parts = [HEAD[language].format(machine=machine(threads), versions=versions(), day=datetime.date.today())]
        parts += [QUICK[language]] if quick else []
        parts += [markdown(t, language) for t in tables]
        if drawn:
            parts.append(f"![{PICTURE[language]}](pictures/speed.png)\n")
        path.write_text("\n".join(parts), encoding="utf-8")


HEAD = (
    """# Speed

How long the same job takes with tidu and with other tools, side by side. `python benchmarks/run.py --markdown
docs/speed.md` measures it and writes this page, in about twenty minutes. Times are medians, contenders take turns, and
numbers are float64 unless it says otherwise. Absolute times belong to this machine; the ratios are what counts.

{day}: {machine}; {versions}.

- **The compiled function** is the machine code of the loop, called with its data in place. **The loop alone** is the
  whole descent around it, in slices, with the history. **tidu.fit** is all that a user calls: it also checks the data
  and computes the metrics.
- **The first call** includes a contender's compilation, with an empty cache; all else is warm. tidu has a compiler of
  its own on LLVM; Numba is here only as a peer.
- **Goals** are what the project asks of itself. *Not yet* means what it says.
- A peer that would need minutes did only the beginning of the work, and its time is scaled up; its row says so.
- Each table was measured in a process of its own.
""",
    """# 速度

同一件工作，用 tidu 和用别的工具各要多少时间，并排测量。本页由 `python benchmarks/run.py --markdown docs/speed.md`
测得并写成，约需二十分钟。时间取中位数，各家轮流运行；未注明者为 float64。绝对时间只属于这台机器，要看的是比值。

{day}：{machine}；{versions}。

- **编译后的函数**：循环的机器码，数据已就位，直接调用。**只计循环**：包括它在内的整个下降过程，分段执行，含历史记录。
  **tidu.fit**：用户调用的全部，另外还检查数据、计算评价指标。
- **首次调用**包含各家的编译时间（缓存为空）；其余都是预热之后的时间。tidu 有自己的编译器（基于 LLVM），Numba 只作对照。
- **目标**是本项目对自己的要求；“未达到”就是还没有达到。
- 需要几分钟才能做完的，只做开头一段，再按比例推算，行中会注明。
- 每张表都在各自的进程里测得。
""",
)
QUICK = (
    "**A quick look (`--quick`): less work, few rounds. It shows that all of it runs, not how fast.**\n",
    "**快速试跑（`--quick`）：工作量小，轮数少。只说明一切能够运行，不说明快慢。**\n",
)
PICTURE = ("Time for each sample against rows, features and batch size", "每样本耗时与行数、特征数、批量大小的关系")


if __name__ == "__main__":
    main()
