"""The doctor: why a training went as it did, in numbers, and what would help, each advice tried.

It reads a `Run` that still has its data: the curvature at its end (at its start after a divergence), what that allows,
the columns, the noise of its batches. Called by `Run.diagnose` and `tidu doctor`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.content.methods import AUTO
from tidu.content.optimizers import optimizer_named
from tidu.data.table import Table
from tidu.engines.program import numbers_in
from tidu.errors import DataError
from tidu.insight.columns import findings_on_columns
from tidu.insight.findings import Finding
from tidu.insight.network_findings import findings_in_network, findings_on_sizes, starts_apart
from tidu.insight.sample_findings import findings_on_divergence, findings_on_noise
from tidu.text import _
from tidu.training.choice import MOST_OF_NETWORK
from tidu.training.fit import run_of
from tidu.training.questions import answered
from tidu.training.run import Run
from tidu.training.solving.network import NetworkObjective, objective_of
from tidu.training.solving.objective import Objective
from tidu.training.solving.spectrum import Spectrum, Watch, on_enough_rows, spectrum_of
from tidu.training.solving.stability import linear_rule, safe_rate, steps_to_shrink

Array = npt.NDArray[np.float64]
TO = 0.01  # the share of its distance to which a direction is to shrink, in predictions of steps
STIFF = 100.0  # ratio of curvatures from which it is worth a sentence
NEAR = 1e-6  # relative distance of a cost to the lowest found at which it counts as there
ENOUGH_BETTER = 1e-6  # of the cost that it had: what lowers it by less does not help
SOLVER_STEPS = 200  # of a trial
Plan = tuple[str, dict[str, Any]]  # an advice in words, and the options that follow it


@dataclass(frozen=True)
class Trial:
    """An advice, and what came of it on the same data from the same start."""

    words: str
    options: Mapping[str, Any]
    loss: float
    steps: int
    steps_to_lowest: int | None  # None: it did not get there
    stopped: str
    helps: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "advice": self.words,
            "options": dict(self.options),
            "loss": self.loss,
            "steps": self.steps,
            "steps_to_lowest": self.steps_to_lowest,
            "stopped": self.stopped,
            "helps": self.helps,
        }


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor found: `findings` in order of importance, `trials` of what might help, `loss` as it was."""

    run: Run
    loss: float
    spectrum: Spectrum | None
    findings: tuple[Finding, ...]
    trials: tuple[Trial, ...] = field(default=())

    def __getitem__(self, kind: str) -> Finding:
        """The first finding of this kind."""
        for finding in self.findings:
            if finding.kind == kind:
                return finding
        raise KeyError(kind)

    def __contains__(self, kind: str) -> bool:
        return any(f.kind == kind for f in self.findings)

    @property
    def best(self) -> Trial | None:
        """The trial that ended lowest, of those that help; of equals, the quickest."""
        good = [t for t in self.trials if t.helps]
        if not good:
            return None
        lowest = min(t.loss for t in good)
        there = [t for t in good if t.loss <= lowest + NEAR * abs(lowest) + 1e-300]
        return min(there, key=lambda t: t.steps_to_lowest if t.steps_to_lowest is not None else t.steps)

    @property
    def advice(self) -> str | None:
        """What the doctor would do: the options of the best trial, as the command line takes them."""
        if self.best is None:
            return None
        said = {name: value for name, value in self.best.options.items() if value is not None and value is not False}
        starts = [f'--init {name}="{value}"' for name, value in dict(said.pop("init", {})).items()]
        options = [
            f"--{name.replace('_', '-')}" + ("" if value is True else f" {value:.6g}" if isinstance(value, float)
                                             else f" '{value}'" if "(" in str(value) else f" {value}")
            for name, value in said.items()
        ]  # fmt: skip
        return " ".join([*options, *starts])

    def _repr_html_(self) -> str:
        page: str = answered("notebook", self)
        return page

    def __str__(self) -> str:
        advice = [] if self.advice is None else [_("the advice: {options}").format(options=self.advice)]
        return "\n".join([f.words for f in self.findings] + [t.words for t in self.trials] + advice)

    def to_dict(self) -> dict[str, Any]:
        """Plain values: what the command line prints for `--json`."""
        s = self.spectrum
        return {
            "formula": self.run.settings.formula,
            "params": dict(self.run.params),
            "stopped": self.run.stopped,
            "loss": self.loss,
            "lr": self.run.lr,
            "optimizer": self.run.settings.optimizer_in_full,
            "curvature": None if s is None else {
                "largest": s.largest, "smallest": s.smallest, "condition": s.condition, "best_rate": s.best_rate,
                "eigenvalues": s.values.tolist(),
            },
            "findings": [f.to_dict() for f in self.findings],
            "trials": [t.to_dict() for t in self.trials],
            "best": None if self.best is None else self.best.to_dict(),
            "advice": self.advice,
        }  # fmt: skip


def diagnose(run: Run, data: object = None, trials: bool = True, watch: Watch | None = None) -> Diagnosis:
    """Examine a run; `data` is needed where it no longer has its own (a run that was loaded).

    Parameters
    ----------
    trials : whether to try what might help, at the price of a few more fits.
    watch : called now and then while it examines and tries; what it raises ends the diagnosis.
    """
    table = run.training_data if data is None else run.features_of(data)
    if table is None:
        raise DataError(_("the doctor needs the data that the model was fitted to; a saved model does not hold them"))
    program = run.program
    objective = on_enough_rows(objective_of(program, [table[c.name] for c in program.columns]))
    start = objective.flat([run.start[n] for n in program.parameter_names])
    end = objective.flat([run.params[n] for n in program.parameter_names])
    columns = table.part([c.name for c in program.columns if c.role == "feature"])
    at = start if run.diverged else end
    spectrum = spectrum_of(objective, at, watch)
    with np.errstate(all="ignore"):
        loss = objective.cost(end)
        findings = [
            *findings_on_divergence(run, objective),
            *_on_curvature(run, _by_parameter(objective, spectrum), program.parameter_names),
            *_on_the_end(run, objective, spectrum, end),
            *findings_on_noise(run, objective, start),
            *_on_columns(run, objective, columns),
        ]
    tried = _trials(run, table, spectrum, loss, watch) if trials else []
    return Diagnosis(run, loss, spectrum, tuple(findings), tuple(tried))


# -- the findings ---------------------------------------------------------------------------------
def _by_parameter(objective: Objective, spectrum: Spectrum | None) -> Spectrum | None:
    """The directions of a network as shares of its parameters, by which they are named."""
    if spectrum is None or not objective.program.of_arrays:
        return spectrum
    parts = [[np.linalg.norm(v) for v in objective.parts(direction)] for direction in spectrum.vectors.T]
    return replace(spectrum, vectors=np.array(parts).T)


def _on_columns(run: Run, objective: Objective, columns: Table) -> list[Finding]:
    if run.problem.formula is None:  # a function has no intercept that a column could be taken for
        return []
    if not isinstance(objective, NetworkObjective):
        return findings_on_columns(columns)
    end = objective.flat(tuple(run.params.values()))
    general = [f for f in findings_on_columns(columns) if f.kind != "sizes"]
    return [
        *findings_in_network(objective, tuple(run.start.values()), end),
        *general,
        *findings_on_sizes(columns),
    ]


def _on_curvature(run: Run, spectrum: Spectrum | None, names: Sequence[str]) -> list[Finding]:
    if spectrum is None:
        return [Finding("curvature", _("the curvature cannot be computed: the cost is not finite there"), {})]
    steep, flat = (_named(spectrum.vectors[:, k], names) for k in (-1, 0))
    findings = []
    if len(names) > 1:
        numbers = {
            "largest": spectrum.largest, "smallest": spectrum.smallest, "condition": spectrum.condition,
            "steep": steep, "flat": flat,
        }  # fmt: skip
        if math.isfinite(spectrum.condition):
            words = _(
                "curvature: {largest:.6g} in the steepest direction (mostly {steep}), {smallest:.6g} in the flattest "
                "(mostly {flat}): a factor of {condition:.3g}"
            )
        else:
            words = _(
                "curvature: {largest:.6g} in the steepest direction (mostly {steep}), {smallest:.3g} in the other "
                "extreme (mostly {flat}), where the cost is flat or bends down"
            )
        findings.append(Finding("curvature", words.format(**numbers), numbers))
    if run.settings.uses_solver or run.settings.scale:
        return findings
    return findings + _on_the_rate(run, spectrum, flat)


def _named(direction: Array, names: Sequence[str]) -> str:
    """The parameter that a direction is nearest to."""
    return names[int(np.argmax(np.abs(direction)))]


def _on_the_rate(run: Run, spectrum: Spectrum, flat: str) -> list[Finding]:
    optimizer = optimizer_named(run.settings.optimizer)
    lr = run.lr
    rule = linear_rule(optimizer)
    if rule is None or not isinstance(lr, float) or spectrum.largest <= 0.0:
        return []
    limit = rule.limit(spectrum.largest)
    numbers = {"lr": lr, "limit": limit, "share": lr / limit, "best": spectrum.best_rate}
    sentence = (
        _("the learning rate {lr:g} is under the limit of {optimizer}, {limit:.6g}: {share:.3g} of it")
        if lr < limit
        else _("the learning rate {lr:g} is over the limit of {optimizer}, {limit:.6g}: {share:.3g} times as large, so "
               "steps along the steepest direction grow")
    )  # fmt: skip
    findings = [Finding("limit", sentence.format(optimizer=optimizer.name, **numbers), numbers)]
    needed = steps_to_shrink(optimizer, min(lr, limit), spectrum.smallest, TO)
    if lr < limit and spectrum.condition > STIFF and math.isfinite(needed):
        with_best = steps_to_shrink(optimizer_named("gd"), spectrum.best_rate, spectrum.smallest, TO)
        found = {"to": TO, "steps": needed, "made": run.steps, "parameter": flat, "with_best_rate": with_best}
        findings.append(
            Finding(
                "steps",
                _(
                    "in the flattest direction (mostly {parameter}) the distance to the minimum shrinks to 1% in about "
                    "{steps:.0f} steps; {made} were made. Gradient descent at its best constant rate, {best:.6g}, "
                    "would need {with_best_rate:.0f}"
                ).format(best=spectrum.best_rate, **found),
                found,
            )
        )
    return findings


def _on_the_end(run: Run, objective: Objective, spectrum: Spectrum | None, end: Array) -> list[Finding]:
    """Minimum, saddle, or still on the way."""
    if run.diverged or spectrum is None:
        return []
    _cost, slope = objective.cost_and_gradient(end)
    curvature = np.maximum(np.abs(spectrum.values), spectrum.noise)
    # What a Newton step would still gain, against the cost itself.
    gain = 0.5 * float(np.sum((spectrum.vectors.T @ slope) ** 2 / curvature)) if spectrum.whole else math.nan
    down = int(np.sum(spectrum.values < -spectrum.noise))
    flat = int(np.sum(np.abs(spectrum.values) <= spectrum.noise))
    norm = float(np.linalg.norm(slope))
    numbers = {"gradient_norm": norm, "negative": down, "flat": flat, "to_gain": gain}
    there = gain <= NEAR * max(abs(_cost), 1e-300) or norm <= 1e-10 * spectrum.largest
    if not there:
        words = _("the end is not a minimum yet: the gradient has length {norm:.3g}")
    elif down:
        words = _("the end is a saddle: the gradient is 0, and the cost curves down in {down} direction(s)")
    elif flat:
        words = _("the end is a minimum along a valley floor: the cost is flat in {flat} direction(s)")
    else:
        words = _("the end is a minimum: the gradient is 0, and the cost curves up in every direction")
    kind = "on the way" if not there else "saddle" if down else "flat" if flat else "minimum"
    return [Finding("end", words.format(norm=norm, down=down, flat=flat), {"state": kind, **numbers})]


# -- the trials -----------------------------------------------------------------------------------
def _trials(run: Run, table: Table, spectrum: Spectrum | None, loss: float, watch: Watch | None) -> list[Trial]:
    """What might help, tried on the same data from the same start; of alternatives, the one that ends lowest."""
    ends = []
    for alternatives in _plans(run, spectrum):
        tried = [(words, options, _tried(run, options, table, watch)) for words, options in alternatives]
        costs = [_cost(end, table) for _words, _options, end in tried]
        best = min(range(len(tried)), key=lambda k: costs[k] if math.isfinite(costs[k]) else math.inf)
        ends.append((*tried[best], costs[best]))
    lowest = min([loss if math.isfinite(loss) else math.inf, *(cost for *_rest, cost in ends)])
    return [_outcome(words, options, tried, cost, loss, lowest) for words, options, tried, cost in ends]


def _plans(run: Run, spectrum: Spectrum | None) -> list[list[Plan]]:
    """What is worth a trial, each a list of alternatives."""
    s, program = run.settings, run.program
    if s.uses_solver:
        return []
    plans: list[list[Plan]] = []
    rule = linear_rule(optimizer_named(s.optimizer))
    if rule is not None and not s.scale and spectrum is not None and spectrum.largest > 0.0:
        # The rate that is best in the long run can be useless in a thousand steps, where the condition is large: it
        # leaves the steepest direction swinging near the limit. Half the limit takes that direction in one step.
        rates = [
            ("gd", spectrum.best_rate),
            ("gd", 1.0 / spectrum.largest),
            (s.optimizer, safe_rate(rule, spectrum.largest)),
        ]
        plans.append(
            [
                (_("{optimizer} with learning rate {lr:.6g}").format(optimizer=name, lr=lr),
                 {"optimizer": name, "lr": lr, "batch_size": None})
                for name, lr in dict.fromkeys(rates)
                if lr != s.lr
            ]
        )  # fmt: skip
    if run.problem.formula is None:  # a function, which has no other parameters and no solver
        return plans
    if program.of_arrays:
        return plans + _plans_for_network(run)
    if not s.scale and not s.l1 and not s.l2:
        plans.append([(_("rescaled parameters (--scale)"), {"scale": True, "lr": None})])
    solver = {"optimizer": AUTO, "lr": None, "batch_size": None, "clip_norm": None, "clip_value": None,
              "scale": False, "epochs": None, "steps": None}  # fmt: skip
    plans.append([(_("a solver (--optimizer auto)"), solver)])
    return plans


def _plans_for_network(run: Run) -> list[list[Plan]]:
    """What helps a network: a rate for each number, other starts where units are alike, and a solver if it is small."""
    s, program = run.settings, run.program
    plans: list[list[Plan]] = []
    if optimizer_named(s.optimizer).name != "adam":
        plans.append([(_("a rate for each parameter (--optimizer adam)"), {"optimizer": "adam", "lr": None})])
    apart = starts_apart(program, tuple(run.start.values()))
    if apart:
        plans.append([(_("other starts of the units that are alike"), {"init": {**s.init, **apart}})])
    if not program.masks and numbers_in(program) * run.rows <= MOST_OF_NETWORK:
        solver = {"optimizer": "lbfgs", "lr": None, "batch_size": None, "clip_norm": None, "clip_value": None,
                  "epochs": None, "steps": SOLVER_STEPS}  # fmt: skip
        plans.append([(_("a solver (--optimizer lbfgs)"), {**solver, "init": {**s.init, **apart}})])
    return plans


def _tried(run: Run, options: Mapping[str, Any], table: Table, watch: Watch | None) -> Run:
    whole = replace(run.problem, table=table, validation=None, rescaling=None, rescaled_program=None)
    callbacks = () if watch is None else (lambda _event: watch(),)
    tried = run_of(whole.changed(**options, patience=None, min_improvement=0.0, plateau={}), callbacks=callbacks)
    if watch is not None:
        watch()  # an error of a callback ends the run and is kept with it
    if tried.stopped == "interrupted":  # who interrupts a trial wants an end of all
        raise KeyboardInterrupt
    return tried


def _cost(run: Run, table: Table) -> float:
    """The cost over all rows at the end of a run."""
    program = run.program
    with np.errstate(all="ignore"):
        objective = on_enough_rows(objective_of(program, [table[c.name] for c in program.columns]))
        return objective.cost(objective.flat([run.params[n] for n in program.parameter_names]))


def _outcome(words: str, options: Mapping[str, Any], tried: Run, cost: float, before: float, lowest: float) -> Trial:
    there = np.flatnonzero(tried.history.loss <= lowest + NEAR * abs(lowest) + 1e-300)
    first = int(tried.history.step[there[0]]) + 1 if len(there) else None
    helps = not tried.diverged and (not math.isfinite(before) or cost < before - ENOUGH_BETTER * abs(before))
    if tried.diverged:
        result = _("{advice}: tried, and it diverged")
    elif first is not None:
        result = _("{advice}: tried, cost {cost:.6g} instead of {before:.6g}, at the lowest found after {first} steps")
    else:
        result = _("{advice}: tried, cost {cost:.6g} instead of {before:.6g} after {steps} steps")
    sentence = result.format(advice=words, cost=cost, before=before, first=first, steps=tried.steps)
    return Trial(sentence, options, cost, tried.steps, first, tried.stopped, helps)
