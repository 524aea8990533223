"""`explain`: one step of a run as an `Explanation`, read off its trace, which has the bits of the loop."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tidu.content.schedules import STEP
from tidu.engines.trace import Trace
from tidu.insight.entries import Entries
from tidu.insight.explanation import Entry, Equation, Explanation
from tidu.insight.ledger import Convention, Ledger
from tidu.insight.nodes import Identities, names_in, nodes_of
from tidu.insight.reasons import Reasons
from tidu.insight.written import Symbol, shown
from tidu.language.expr import evaluate
from tidu.language.mathml import mathml
from tidu.language.printer import latex, unicode
from tidu.text import _
from tidu.training.problem import Problem
from tidu.training.run import Run

SUMMANDS = 8  # rows of a batch whose parts of a sum are written out


def explain(run: Run, step: int = 0, rows: Sequence[int] | None = None) -> Explanation:
    """Every value of one step of a run, with its formula, the numbers put in, the line that computed it, and why.

    Parameters
    ----------
    step : counted from 0; of a run that diverged, the last is the step that was not taken.
    rows : rows of the data, from 0, whose own values are told; the first of the batch by default.

    Raises
    ------
    SettingError, DataError
        As `Run.trace` does.
    """
    batch = tuple(run.batch_of(step))
    chosen = batch[:1] if rows is None else tuple(rows)
    return explanation_of(run, run.trace(step, rows_to_trace(batch, chosen)), batch, chosen)


def rows_to_trace(batch: Sequence[int], chosen: Sequence[int]) -> tuple[int, ...]:
    """The chosen rows, and of a small batch all others, for their parts of the sums."""
    return tuple(dict.fromkeys((*chosen, *(batch if len(batch) <= SUMMANDS else ()))))


def explanation_of(run: Run, trace: Trace, batch: Sequence[int], chosen: Sequence[int]) -> Explanation:
    """What a trace says, explained; `rows_to_trace` are the rows that it needs."""
    explainer = Explainer(run.problem)
    told, identities = explainer.told(run, trace, chosen), explainer.identities
    return Explanation(
        run.settings.formula.strip(), trace.step, trace.epoch, tuple(batch), told.rows,
        dict(trace.before), dict(trace.after), trace.loss, trace.taken, told.entries,
        nodes_of(run, trace, explainer.reasons, identities, chosen), _equations(run, identities),
        tuple(f"{left} ← {right}" for left, right in explainer.reasons.update.items()), told.layers, told.ledger,
        trace.source, told.notes,
    )  # fmt: skip


@dataclass(frozen=True)
class ToldStep:
    """The values of one step, the mean behind its gradients, and what else a reader must know; see `Explanation`."""

    rows: tuple[int, ...]
    entries: tuple[Entry, ...]
    layers: tuple[str, ...]
    ledger: Ledger
    notes: tuple[str, ...]


class Explainer:
    """Tells step after step of one problem's training; what no step changes is worked out once.

    `columns` is how many features of a row have entries of their own, at most.
    """

    def __init__(self, problem: Problem, columns: int | None = None) -> None:
        self.columns = columns
        self.reasons = Reasons(problem.descended, problem.settings.loss)
        self.identities = Identities(problem.descended)
        self.convention = Convention.of(problem)

    def told(self, run: Run, trace: Trace, chosen: Sequence[int]) -> ToldStep:
        """The step that a trace is of; `run` is one of the same problem."""
        self.reasons.names.clear()
        made = Entries(run, trace, self.reasons, self.identities, chosen, self.columns)
        entries = made.all()
        means = [e for e in entries if e.block == "mean" and e.row is None]
        divided = next((e for e in means if e.symbol.kind == "gradient"), None)
        line, code = (divided.line, divided.code) if divided is not None else (0, "")
        ledger = Ledger.of(self.convention, max(trace.count, 1), line, code, _rate_of(run, trace))
        rows = tuple(row for row in trace.rows if row in chosen)
        return ToldStep(rows, entries, made.layers.words, ledger, _notes(run))

    def names(self, trace: Trace) -> dict[str, str]:
        """The identity of what the loop of a trace calls by a name, and of each symbol."""
        called = names_in(trace)
        named = ((n.name if n.is_symbol else called.get(n, ""), i) for n, i in self.identities.nodes.items())
        return {name: identity for name, identity in named if name}


def _rate_of(run: Run, trace: Trace) -> float:
    """The learning rate of a step."""
    rates = [v.value for v in trace.values if v.block == "rate"]
    rate = run.problem.descended.rate
    if rates:
        return float(rates[-1])
    if rate.is_constant:
        return evaluate(rate, {STEP: float(trace.step)})
    return run.lr if isinstance(run.lr, float) else math.nan


def _equations(run: Run, identities: Identities) -> tuple[Equation, ...]:
    """The prediction, the loss in it, and its derivatives, each part of which says which node it is."""
    p = run.problem.descended
    y_hat = Symbol("y_hat", "prediction")
    pairs = [] if p.target is None else [(y_hat, p.score)]
    pairs.append((Symbol("loss", "loss"), p.loss))
    pairs += [(Symbol(f"grad_{q.name}", "slope", q.name), d) for q, d in zip(p.parameters, p.gradient, strict=True)]
    found = []
    for symbol, node in pairs:
        abridged = p.target is not None and p.score.args and node is not p.score
        of = {n: {p.score: y_hat.written(n)} if abridged else {} for n in ("unicode", "latex", "mathml")}
        markup = mathml(node, of["mathml"], identities.of)
        found.append(
            Equation(symbol, identities.of(node) or "", unicode(node, of["unicode"]), latex(node, of["latex"]), markup)
        )
    return tuple(found)


def _notes(run: Run) -> tuple[str, ...]:
    """What a reader must know besides."""
    notes = []
    if run.device is not None:
        notes.append(_(
            "this run computed whole batches in PyTorch, on {device}; the numbers are those of the loop that is shown, "
            "which adds in another order, and differ from the run's in the last digits"
        ).format(device=run.device))  # fmt: skip
    if run.problem.rescaling is None:
        return tuple(notes)
    own = zip(run.program.parameters, run.problem.rescaling.exchange(
        run.program.parameters, run.problem.descended.parameters).values(), strict=True)  # fmt: skip
    told = _(", ").join(f"{p.name} = {shown(whole, {}, 'unicode')}" for p, whole in own)
    words = _("scale=True: the descent runs in rescaled parameters, whose names end in _scaled; your own are {told}")
    return (*notes, words.format(told=told))
