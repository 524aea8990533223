"""`Table`: what a workload found, in words of two languages; on a terminal, and as a page of the docs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from unicodedata import east_asian_width

from measure import Figures, Words

NONE: Words = ("", "")
GOAL_HEADINGS: list[Words] = [
    ("goal", "目标"),
    ("wanted", "要求"),
    ("measured", "实测"),
    ("", ""),
]


@dataclass(frozen=True)
class Goal:
    """`other` takes at least `ratio` times as long as `ours`; or, without an `other`, `ours` at most `seconds`."""

    ours: Words
    other: Words = NONE
    ratio: float = 0.0
    seconds: float = 0.0


@dataclass
class Table:
    """Rows under headings, the first column to the left; goals; and lines of a picture, name -> (x, y)."""

    title: Words
    notes: list[Words]
    headings: list[Words]
    rows: list[list[Words]]
    goals: list[list[Words]] = field(default_factory=list)
    axis: Words = NONE
    lines: list[tuple[Words, list[float], list[float]]] = field(default_factory=list)

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Table:
        """The table of what `json.loads` makes of one."""
        return cls(**plain)


def same(text: str) -> Words:
    """What reads the same in both languages."""
    return text, text


def duration(seconds: float | None) -> str:
    """A time with three digits and the unit that suits it."""
    if seconds is None:
        return ""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def ratio(value: float) -> str:
    """A ratio with three digits, never as a power of ten."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def contest(
    title: Words, notes: list[Words], figures: list[Figures], against: Sequence[tuple[Words, Words]], goals: list[Goal]
) -> Table:
    """The table of contenders at one work: median, its spread, the first call, ratios to what is in `against`."""
    medians = {f.name: f.median for f in figures}
    bases = [(medians[name], heading) for name, heading in against if medians.get(name)]
    headings: list[Words] = [
        NONE,
        ("median", "中位数"),
        ("fastest to slowest", "最快至最慢"),
        ("first call", "首次调用"),
    ]
    headings += [heading for _, heading in bases]
    headings.append(("result off by", "结果相差"))
    rows = []
    for f in figures:
        median = f.median
        if f.problem is not None or median is None:
            rows.append([f.name, f.problem or ("not measured", "未测"), *[NONE] * (len(headings) - 2)])
            continue
        name = f.name
        if f.scale > 1.0:
            name = (f"{name[0]} (from 1/{f.scale:.0f} of the work)", f"{name[1]}（由 1/{f.scale:.0f} 的工作推算）")
        spread = f"{duration(min(f.times))} – {duration(max(f.times))}"
        off = "" if f.difference is None else f"{f.difference:.0e}"
        cells = [duration(median), spread, duration(f.first), *(ratio(median / b) for b, _ in bases if b), off]
        rows.append([name, *map(same, cells)])
    return Table(title, notes, headings, rows, [_outcome(g, figures) for g in goals])


def _outcome(goal: Goal, figures: list[Figures]) -> list[Words]:
    """One row: what was asked, what it came to."""
    medians = {f.name: f.median for f in figures}
    median, other = medians.get(goal.ours), medians.get(goal.other)
    wanted: Words
    if goal.seconds:
        wanted = (f"at most {goal.seconds:g} s", f"不超过 {goal.seconds:g} s")
        reached = median is not None and median <= goal.seconds
        measured = same(duration(median)) if median is not None else _NOT_MEASURED
    else:
        wanted = (
            f"at least {goal.ratio:.3g} × as fast as {goal.other[0]}",
            f"速度至少为 {goal.other[1]} 的 {goal.ratio:.3g} 倍",
        )
        found = other / median if median and other else None
        reached = found is not None and found >= goal.ratio
        measured = same(f"{ratio(found)} ×") if found is not None else _NOT_MEASURED
    verdict: Words = ("reached", "达到") if reached else ("not yet", "未达到")
    return [goal.ours, wanted, measured, verdict if measured is not _NOT_MEASURED else NONE]


_NOT_MEASURED: Words = ("not measured", "未测")


# -- as text ----------------------------------------------------------------------------------------
def terminal(table: Table) -> str:
    """The table for a terminal, in English."""
    parts = [table.title[0], *(f"  {n[0]}" for n in table.notes), "", _columns(table.headings, table.rows)]
    if table.goals:
        parts += ["", _columns(GOAL_HEADINGS, table.goals)]
    return "\n".join(parts) + "\n"


def _columns(headings: list[Words], rows: list[list[Words]]) -> str:
    text = [[c[0] for c in row] for row in [headings, *rows]]
    widths = [max(map(_width, column)) for column in zip(*text, strict=True)]
    text.insert(1, ["-" * w for w in widths])
    lines = []
    for row in text:
        padding = [" " * (w - _width(c)) for c, w in zip(row, widths, strict=True)]
        cells = [c + p if k == 0 else p + c for k, (c, p) in enumerate(zip(row, padding, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _width(text: str) -> int:
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)


def markdown(table: Table, language: int) -> str:
    """The table as Markdown; `language` 0 is English, 1 Chinese."""
    parts = [f"## {table.title[language]}", "", "\n".join(n[language] for n in table.notes), ""]
    parts.append(_pipes(table.headings, table.rows, language))
    if table.goals:
        parts += ["", _pipes(GOAL_HEADINGS, table.goals, language)]
    return "\n".join(parts) + "\n"


def _pipes(headings: list[Words], rows: list[list[Words]], language: int) -> str:
    lines = [[c[language] for c in row] for row in [headings, *rows]]
    lines.insert(1, ["---", *["---:"] * (len(headings) - 1)])
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)
