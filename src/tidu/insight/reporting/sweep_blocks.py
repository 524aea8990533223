"""What a sweep has to say, as blocks of a report: its best runs, how many there were, what to know."""

from __future__ import annotations

from tidu.insight.reporting.document import Block, Facts, Remarks, Table
from tidu.language.printer import unicode_name
from tidu.text import _, counted, mark
from tidu.training.sweeping.swept import Sweep, short

BEST = 10  # runs that are told


def sweep_blocks(result: Sweep) -> list[Block]:
    """The best runs in a table, and the facts."""
    tested = [_("test loss")] if result.test_loss is not None else []
    parameters = parameters_of_numbers(result)
    headings = (*result.over, _("loss"), *tested, *map(unicode_name, parameters), _("epochs"))
    rows = []
    for run in result.order[:BEST].tolist():
        row = result.row(run)
        numbers = [row["loss"], *([row["test_loss"]] if tested else [])]
        numbers += [row["params"][name] for name in parameters]
        rows.append((*map(short, result.values_of(run).values()), *map(short, numbers), str(row["epochs"])))
    untrained = sum(why == "interrupted" for why in result.stopped)
    lines = (
        (_("tried"), _("{runs}, {rows} each, {seconds:.2f} s").format(
            runs=counted(len(result), mark("{n} run"), mark("{n} runs")),
            rows=counted(result.rows, mark("{n} row"), mark("{n} rows")), seconds=result.seconds)),
        (_("diverged"), str(result.diverged) if result.diverged else ""),
        (_("interrupted"), str(untrained) if untrained else ""),
    )  # fmt: skip
    return [Table(headings, tuple(rows)), Facts(lines), Remarks(result.notes)]


def parameters_of_numbers(result: Sweep) -> list[str]:
    """The parameters that have a column in a table; those of networks are no numbers."""
    return [] if result.of_arrays else list(result.params)
