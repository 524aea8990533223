"""Run the benchmarks and print their tables.

    python benchmarks/run.py [NAMES] [--quick] [--seconds 30] [--markdown docs/speed.md]

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
    if asked.alone:
        _measure_alone(asked.names[0], Scale(asked.quick, asked.seconds), Path(asked.alone))
        return
    threads = asked.threads or len(_cores())
    print(f"{machine(threads)}\n{versions()}\n", flush=True)
    tables = []
    for name in asked.names or NAMES:
        table = _table(name, Scale(asked.quick, asked.seconds), threads)
        if table is not None:
            tables.append(table)
            print(terminal(table), flush=True)
    if asked.markdown:
        _write_pages(tables, Path(asked.markdown), asked.quick, threads)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"workloads; all if none is named: {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="less work and few rounds: does it run?")
    parser.add_argument("--seconds", type=float, default=30.0, help="for all rounds of one contender (30)")
    parser.add_argument("--threads", type=int, help="cores that everybody may use (all)")
    parser.add_argument(
        "--markdown", metavar="PAGE", help="write the page, its Chinese sister, and pictures/speed.png beside it"
    )
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    asked = parser.parse_args()
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
        command = [sys.executable, __file__, name, "--alone", str(found), "--seconds", str(scale.seconds)]
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

How long the same job takes with tidu and with other tools, side by side: measured by
`python benchmarks/run.py --markdown docs/speed.md`, which writes this page. Times are medians, contenders take turns,
and numbers are float64 unless it says otherwise. Absolute times belong to this machine; the ratios are what counts.

{day}: {machine}; {versions}.

- **The loop alone** is the descent in its slices: what the compiled loop costs. **tidu.fit** is the whole call, with
  checks of the data, history and metrics.
- **First call** includes a contender's compilation, with an empty cache; everything else is warm.
- A peer that would need minutes did only the beginning of the work, and its time is scaled up; its row says so.
- Each table was measured in a process of its own, with all contenders in turns.
""",
    """# 速度

同一件工作在这里与别处各需多少时间：由 `python benchmarks/run.py --markdown docs/speed.md` 并排测量，本页由它写成。
时间取中位数，各家轮流运行；未注明者为 float64。绝对时间只属于这台机器，应当看的是比值。

{day}：{machine}；{versions}。

- **只计循环**：分段执行的下降过程，即编译后的循环所需。**tidu.fit**：整个调用，包括数据检查、历史记录与评价指标。
- **首次调用**包含各家的编译时间（缓存为空）；其余均为预热之后的时间。
- 需要几分钟才能做完的，只做工作的开头一段，再按比例推算，行中会注明。
- 每张表在各自的进程里测得，各家轮流运行。
""",
)
QUICK = (
    "**A quick look (`--quick`): less work, few rounds. It shows that all of it runs, not how fast.**\n",
    "**快速试跑（`--quick`）：工作量小，轮数少。只说明一切能够运行，不说明快慢。**\n",
)
PICTURE = ("Time for each sample against rows, features and batch size", "每样本耗时与行数、特征数、批量大小的关系")


if __name__ == "__main__":
    main()
