"""Why a training diverged: the first bad step, row, operation and line, with the numbers; the cause; what helps.

`why_not` follows the last good state to the step that is not finite, and the number that is not finite back to the
first operation that made one of finite numbers. Called by `Run.why_not` and `tidu explain --why-not`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tidu.engines.trace import Trace
from tidu.errors import SettingError, TiduError
from tidu.insight.doctor import Diagnosis
from tidu.insight.explain import explanation_of, rows_to_trace
from tidu.insight.explanation import Entry, Explanation
from tidu.insight.written import number
from tidu.language.expr import Expr, evaluation_order, operate
from tidu.language.printer import unicode
from tidu.text import _
from tidu.training.fit import run_of
from tidu.training.retracing import retracing, state_before
from tidu.training.run import Run
from tidu.training.state import TrainingState
from tidu.training.training import MOST_BACK, Training

SMALLER = 6  # powers of ten by which a smaller rate is looked for
LEAST_STEPS = 50  # of such a trial
GROWN = 1e3  # times what a parameter was at the start, or 1: from here on it is told that it has grown


@dataclass(frozen=True)
class WhyNot:
    """The first number that is not finite, and why.

    Attributes
    ----------
    step, row : where it is met, both from 0; `row` is None where no row is to blame, as in the update.
    entry : the value that is not finite, with its line; what went into it was finite.
    operation : the operation in it, with its numbers, as exp(710.5).
    cause : what it is that cannot be, in a sentence.
    grown : that parameters have grown, or empty.
    limit : how the learning rate compares with its limit, or empty; from the doctor.
    tried, advice : the remedy that the doctor tried and what came of it, and its options; where he cannot examine the
        run, a smaller rate that was tried; or empty.
    explanation : the whole step.
    """

    step: int
    row: int | None
    entry: Entry
    operation: str
    cause: str
    grown: str
    limit: str
    tried: str
    advice: str
    explanation: Explanation

    @property
    def sentences(self) -> list[str]:
        """For people, in the order in which one asks."""
        e = self.entry
        where = (
            _("step {step}, row {row}, line {line}: {code}")
            if self.row is not None
            else _("step {step}, line {line}: {code}")
        ).format(step=self.step, row=self.row, line=e.line, code=e.code)
        found = " = ".join(e.equation("unicode"))
        remedy = _("the advice: {options}").format(options=self.advice) if self.advice else ""
        return [s for s in (where, found, self.cause, self.grown, self.limit, self.tried, remedy) if s]

    def __str__(self) -> str:
        return "\n".join(self.sentences)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "step": self.step, "row": self.row, "line": self.entry.line, "code": self.entry.code,
            "entry": self.entry.to_dict(), "operation": self.operation, "cause": self.cause, "grown": self.grown,
            "limit": self.limit, "tried": self.tried, "advice": self.advice, "sentences": self.sentences,
        }  # fmt: skip


def why_not(run: Run) -> WhyNot:
    """Why a run diverged.

    Raises
    ------
    SettingError
        It did not.
    DataError
        It was loaded, and has no data.
    """
    if not run.diverged:
        raise SettingError(
            _("this run did not diverge (it stopped: {why}), so there is no bad step; explain one of its steps").format(
                why=run.stopped
            )
        )
    trace, batch = _bad_step(run)
    found = explanation_of(run, trace, batch, trace.rows[:1] if trace.bad_row is None else (trace.bad_row,))
    entry = _first_bad(found)
    node, values = _bad_operation(entry)
    diagnosis = _diagnosis(run)
    tried, advice = _remedy(run, diagnosis)
    limit = diagnosis["limit"].words if diagnosis is not None and "limit" in diagnosis else ""
    shown = _with_numbers(node, values) if node is not None else " = ".join(entry.equation("unicode"))
    return WhyNot(
        found.step, entry.row, entry, shown, _cause(node, values, shown, entry), _grown(run, found), limit,
        tried, advice, found,
    )  # fmt: skip


def _bad_step(run: Run) -> tuple[Trace, tuple[int, ...]]:
    """The trace of the first step that is not finite, from the last good state on; and its batch."""
    run.batch_of(run.steps)  # which says what is wrong where there is no such step, or no data
    with Training(run.problem, retracing(run)) as training:
        state = state_before(run, training, run.steps)
        for _k in range(MOST_BACK + 1):
            trace = training.trace(state)
            if not trace.taken:
                break
            state = _after(state, trace, training.work.steps_per_epoch)
        batch = tuple(training.batch_of(state.step))
        rows = (trace.bad_row,) if trace.bad_row is not None else batch[:1]
        return training.trace(state, rows_to_trace(batch, rows)), batch


def _after(state: TrainingState, trace: Trace, steps_per_epoch: int) -> TrainingState:
    """Where the next step begins, whatever the cost is there."""
    step = state.step + 1
    return replace(
        state, parameters=tuple(trace.after.values()), optimizer=tuple(trace.state_after.values()), step=step,
        epoch=step // steps_per_epoch,
    )  # fmt: skip


def _is_finite(value: Any) -> bool:
    return bool(np.isfinite(value).all())


def _first_bad(found: Explanation) -> Entry:
    """From a number that stops the loop, back to the first that is not finite."""
    by_id = {e.id: e for e in found.entries}
    bad = [e for e in found.entries if not _is_finite(e.value) and e.block in ("accumulate", "mean", "update", "clip")]
    assert bad, "the step was not taken, so a number of it is not finite"
    entry = bad[0]
    while True:
        before = [by_id[s] for s in entry.sources if not _is_finite(by_id[s].value)]
        if not before:
            return entry
        entry = before[0]


def _bad_operation(entry: Entry) -> tuple[Expr | None, Mapping[Expr, Any]]:
    """The innermost operation of an entry that makes a number that is not finite of finite ones; the values in it."""
    values: dict[Expr, Any] = {p.node: p.value for p in entry.parts}
    if entry.expression is None or entry.expression in values:
        return None, values
    for node in evaluation_order([entry.expression], known=values):
        if node.is_constant:
            values[node] = node.value
        elif node.args and all(a in values for a in node.args):
            arguments = [values[a] for a in node.args]
            with np.errstate(all="ignore"):
                if node.op.elementwise and not any(np.ndim(a) for a in arguments):
                    values[node] = operate(node, [float(a) for a in arguments])
                else:
                    values[node] = node.op.on_arrays(*map(np.asarray, arguments), *node.attrs)
            if not _is_finite(values[node]):
                return node, values
    return None, values


def _with_numbers(node: Expr, values: Mapping[Expr, Any]) -> str:
    shown = {a: number(values[a], "unicode", inside=True) for a in node.args if not a.is_constant}
    return unicode(node, shown).replace("((", "(").replace("))", ")") if len(node.args) == 1 else unicode(node, shown)


def _cause(node: Expr | None, values: Mapping[Expr, Any], shown: str, entry: Entry) -> str:
    """What it is that cannot be."""
    if node is None:
        result = np.asarray(entry.value)
        if not entry.sources and not entry.expression:
            return _("the value given is not finite: {shown}").format(shown=shown)
        return _("the sum is larger than the largest number there is, 1.8e308") if np.isinf(result).any() else _(
            "the value is not defined")  # fmt: skip
    result = np.asarray(values[node])
    if node.op.name == "divide" and not np.all(values[node.args[1]]):
        return _("{shown} divides by zero").format(shown=shown)
    if np.isnan(result).any():
        return _("{shown} is not defined").format(shown=shown)
    if all(abs(float(v)) < 1e3 for a in node.args for v in np.ravel(values[a])) and node.op.name != "exp":
        return _("{shown} is infinite").format(shown=shown)
    return _("{shown} is larger than the largest number there is, 1.8e308").format(shown=shown)


def _grown(run: Run, found: Explanation) -> str:
    """That the parameters have run away, where they have."""
    start = dict(zip(found.before, run.problem.descent_start, strict=True))
    sizes = {name: float(np.max(np.abs(v))) for name, v in found.before.items()}
    first = {name: max(1.0, float(np.max(np.abs(v)))) for name, v in start.items()}
    grown = {name: size for name, size in sizes.items() if size > GROWN * first[name]}
    if not grown:
        return ""
    told = ", ".join(f"|{name}| = {size:.3g}" for name, size in grown.items())
    return _("before it, the parameters had run away in {steps} steps: {told}; each step overshot the minimum by more "
             "than the one before").format(steps=found.step, told=told)  # fmt: skip


def _remedy(run: Run, diagnosis: Diagnosis | None) -> tuple[str, str]:
    """What helped when it was tried, and its options."""
    if diagnosis is not None:
        best = diagnosis.best
        return ("", "") if best is None else (best.words, diagnosis.advice or "")
    if not isinstance(run.lr, float):
        return "", ""
    steps = max(2 * run.steps, LEAST_STEPS)
    for k in range(1, SMALLER + 1):
        lr = run.lr / 10**k
        tried = run_of(run.problem.changed(lr=lr, steps=steps, epochs=None))
        if not tried.diverged and tried.loss <= float(tried.history.loss[0]):
            words = _("the learning rate {lr:g}: tried, the loss is {loss:.6g} after {steps} steps").format(
                lr=lr, loss=tried.loss, steps=tried.steps
            )
            return words, f"--lr {lr:g}"
    return "", ""


def _diagnosis(run: Run) -> Diagnosis | None:
    """What the doctor finds and tried; None of what he cannot examine."""
    try:
        found: Diagnosis = run.diagnose()
    except TiduError:
        return None
    return found
