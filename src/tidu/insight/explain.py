"""One step of a run as data that a person can follow: each value with its formula, the numbers put in, its line, why.

`explain` reads the trace of the step, which has the bits of the loop; renderers (terminal, Markdown, JSON) compute
nothing. `Explanation.origin_of` answers where a number comes from, back to data and parameters.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidu.engines.step_reader import Trace
from tidu.errors import SettingError, closest
from tidu.text import _, mark
from tidu.training.as_json import numbers_as_lists
from tidu.training.run import Run

BLOCKS = {
    "step": mark("before the samples"),
    "forward": mark("forward pass: from the parameters to the prediction"),
    "loss": mark("loss: how wrong the prediction is"),
    "backward": mark("backward pass: the chain rule, from the loss to the parameters"),
    "accumulate": mark("accumulated: what this sample adds to the sums"),
    "mean": mark("mean over the batch"),
    "penalty": mark("penalty: what it adds to the gradient"),
    "clip": mark("clipping: the gradient is bounded"),
    "rate": mark("the learning rate of this step"),
    "update": mark("update: from the mean gradient to the new parameters"),
}
LONGEST = 6  # numbers of an array that are written out


@dataclass(frozen=True)
class Entry:
    """One value: `name` = `formula`, with `numbers` put in, is `value`; at `line` of the loop, whose text is `code`.

    `row` is the row of the data, or None for what is of the whole step; `uses` are the names that went in. Of a sum,
    the value of a row is what that row adds to it.
    """

    block: str
    name: str
    formula: str
    numbers: str
    value: Any
    row: int | None
    line: int
    code: str
    uses: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        value = self.value.tolist() if isinstance(self.value, np.ndarray) else float(self.value)
        return {
            "block": self.block, "name": self.name, "formula": self.formula, "numbers": self.numbers, "value": value,
            "row": self.row, "line": self.line, "code": self.code, "uses": list(self.uses),
        }  # fmt: skip


@dataclass(frozen=True)
class Ledger:
    """Where the sum over the batch is divided, and the learning rate that would do the same under the other convention.

    The commonest confusion of all: a loss that is summed needs a rate that is smaller by the size of the batch.
    """

    loss: str  # of one sample, with its factor
    count: int
    mean_rate: float | str | None
    sum_rate: float | None

    @property
    def sentences(self) -> list[str]:
        """For people."""
        said = [
            _("the loss of one sample is {loss}; cost and gradient are means over the batch: the sums are divided by "
              "{count} after they are accumulated, and the update divides by nothing").format(
                loss=self.loss, count=self.count)
        ]  # fmt: skip
        if self.sum_rate is not None:
            said.append(
                _("with summed losses, the rate of the same step is {rate:.6g} ÷ {count} = {other:.6g}").format(
                    rate=self.mean_rate, count=self.count, other=self.sum_rate
                )
            )
        return said


@dataclass(frozen=True)
class Explanation:
    """A step of a run. `rows` are those whose own values are told; `batch` is which rows fed the step, in its order."""

    formula: str
    step: int
    epoch: int
    batch: tuple[int, ...]
    rows: tuple[int, ...]
    before: dict[str, Any]
    after: dict[str, Any]
    loss: float
    taken: bool
    entries: tuple[Entry, ...]
    ledger: Ledger
    source: str

    def of_row(self, row: int | None) -> tuple[Entry, ...]:
        """The values of one row, or those of the whole step."""
        return tuple(e for e in self.entries if e.row == row)

    def at_line(self, line: int) -> tuple[Entry, ...]:
        """What a line of the loop computed."""
        return tuple(e for e in self.entries if e.line == line)

    def origin_of(self, name: str, row: int | None = None) -> tuple[Entry, ...]:
        """The entry of a name, and before it all that went into it, back to data and parameters.

        Raises
        ------
        SettingError
            The step has no such name.
        """
        names = list(dict.fromkeys(e.name for e in self.entries))
        if name not in names:
            near = closest(name, names)
            hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
            raise SettingError(
                _("this step computes no '{name}'{hint}; it computes {names}").format(
                    name=name, hint=hint, names=", ".join(names)
                )
            )
        seen = [e for e in self.entries if row is None or e.row in (row, None)]
        last = max(k for k, e in enumerate(seen) if e.name == name)
        wanted, found = {name}, []
        for e in reversed(seen[: last + 1]):
            if e.name in wanted:
                found.append(e)
                wanted |= set(e.uses)
        return tuple(reversed(found))

    def to_dict(self) -> dict[str, Any]:
        """Plain values: what the command line prints for `--json`."""
        return {
            "formula": self.formula, "step": self.step, "epoch": self.epoch, "batch": list(self.batch),
            "rows": list(self.rows), "before": numbers_as_lists(self.before),
            "after": numbers_as_lists(self.after), "loss": self.loss,
            "taken": self.taken, "entries": [e.to_dict() for e in self.entries],
            "reduction": self.ledger.sentences, "source": self.source,
        }  # fmt: skip


def explain(run: Run, step: int = 0, rows: Sequence[int] | None = None) -> Explanation:
    """Every value of one step of a run, with its formula, the numbers put in, and the line that computed it.

    Parameters
    ----------
    step : counted from 0; of a run that diverged, the last is the step that was not taken.
    rows : rows of the data, from 0, whose own values are told; the first of the batch by default.

    Raises
    ------
    SettingError, DataError
        As `Run.trace` does.
    """
    batch = run.batch_of(step)
    chosen = tuple(batch[:1]) if rows is None else tuple(rows)
    trace = run.trace(step, chosen)
    entries = tuple(_entries(run, trace))
    loss = run.program.loss
    return Explanation(
        run.settings.formula.strip(), trace.step, trace.epoch, tuple(batch), chosen, dict(trace.before),
        dict(trace.after), trace.loss, trace.taken, entries, _ledger(run, loss, len(batch)), trace.source,
    )  # fmt: skip


def _ledger(run: Run, loss: Any, count: int) -> Ledger:
    from tidu.engines.mathematics import UNICODE, equations

    written = dict(equations(run.program, UNICODE)).get("ℓ", str(loss))
    rate = run.lr
    linear = isinstance(rate, float) and not run.program.new_state
    return Ledger(written, count, rate, rate / count if linear and isinstance(rate, float) and count > 1 else None)


def _entries(run: Run, trace: Trace) -> Iterable[Entry]:
    """The values with the numbers put in; names keep the values that they have when a line is computed."""
    table, lines = run.training_data, trace.source.splitlines()
    statements = {n.lineno: n for n in ast.walk(ast.parse(trace.source)) if isinstance(n, ast.stmt)}
    of_step: dict[str, Any] = dict(trace.before)
    if isinstance(run.lr, float):
        of_step["lr"] = run.lr
    of_step["rows"] = of_step["count"] = float(trace.count)
    of_step |= {"step": float(trace.step), "epoch": float(trace.epoch), **run.program.optimizer.values}
    of_rows: dict[int, dict[str, Any]] = {}
    returned: Counter[int] = Counter()  # of each row, the values of a function that are told
    for v in trace.values:
        known = of_step if v.row is None else of_rows.setdefault(v.row, {})
        cells = {} if v.row is None or table is None else {name: table[name][v.row] for name in table}
        right = _right_side(statements.get(v.line), returned[v.row] if v.row is not None else 0)
        if v.row is not None and isinstance(statements.get(v.line), ast.Return):
            returned[v.row] += 1
        seen = {**cells, **of_step, **known}
        formula, numbers = "", ""
        uses: tuple[str, ...] = ()
        if v.block == "accumulate" and v.row is None:
            formula, uses = _("sum over the batch"), (v.name,)
        elif right is None:
            formula = "" if v.node is None else str(v.node)
        else:
            formula, uses = ast.unparse(right), tuple(dict.fromkeys(_names(right) & seen.keys()))
            numbers = ast.unparse(_Numbers({**of_step, **known}, cells).visit(ast.parse(formula, mode="eval")).body)
        code = lines[v.line - 1].strip() if 0 < v.line <= len(lines) else ""
        value = v.value if v.added is None else v.added  # of a sum, what this row adds to it
        yield Entry(v.block, v.name, formula, numbers, value, v.row, v.line, code, uses)
        known[v.name] = v.value


def _right_side(statement: ast.stmt | None, place: int) -> ast.expr | None:
    """What a statement computes; of what a function returns, the value at a place."""
    if isinstance(statement, ast.Return) and isinstance(statement.value, ast.Tuple):
        parts = statement.value.elts
        return parts[place] if place < len(parts) else None
    if isinstance(statement, (ast.Assign, ast.AugAssign)):
        calls = isinstance(statement.value, ast.Call) and ast.unparse(statement.value.func) in ("summed", "added")
        return None if calls else statement.value
    return None


def _names(expression: ast.expr) -> set[str]:
    return {n.id for n in ast.walk(expression) if isinstance(n, ast.Name)}


class _Numbers(ast.NodeTransformer):
    """Names and cells exchanged for their numbers."""

    def __init__(self, known: dict[str, Any], cells: dict[str, Any]) -> None:
        self.known, self.cells = known, cells

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """A cell of a column."""
        if isinstance(node.value, ast.Name) and node.value.id in self.cells:
            return _written(self.cells[node.value.id])
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A value that has a name."""
        value = self.known.get(node.id)
        return node if value is None else _written(value)


def _written(value: Any) -> ast.expr:
    if np.ndim(value):
        flat = np.ravel(value)
        shown = ", ".join(f"{x:.4g}" for x in flat[:LONGEST]) + (", …" if flat.size > LONGEST else "")
        return ast.Name(f"[{shown}]", ast.Load())
    number = float(f"{float(value):.8g}")
    return ast.Name(f"({number:g})" if number < 0 else f"{number:.8g}", ast.Load())
