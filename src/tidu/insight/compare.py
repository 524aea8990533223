"""`compare`: several trainings of one model on equal samples, in one table and picture, and what made the difference.

By default gradient descent on the full batch, on mini-batches and on single samples; or any settings; or runs that
are there already. Called by `tidu.compare` and `tidu compare`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tidu.content.optimizers import optimizer_named
from tidu.data.csv_options import CsvOptions
from tidu.data.files import is_read_once
from tidu.data.source import source_of
from tidu.errors import SettingError, closest
from tidu.insight.picturing.passages import passages, spread_evenly
from tidu.pictures.planes import Curve, Plane, drawable, spans_decades
from tidu.text import _
from tidu.training.callbacks import Callback
from tidu.training.fit import fit
from tidu.training.judging.evaluation import cost_of, inputs_from
from tidu.training.options import OPTIONS
from tidu.training.run import Run
from tidu.training.solving.objective import Objective
from tidu.training.solving.spectrum import batch_curvature, spectrum_of
from tidu.training.solving.stability import linear_rule

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MINI_BATCH = 32  # rows, where there are more than twice as many
PLACES = 60  # of each curve
WORTH_A_WORD = 0.1  # seconds; less is chance
STILL = 0.99  # of the loss a tenth of the way before: what falls below is still falling
NEAR = 0.02  # relative distance of costs up to which two runs ended alike
BESIDE_SETTINGS = ("bounds", "starts", "record", "fast")  # what changes neither the way nor its end


@dataclass(frozen=True)
class Compared:
    """One of the trainings, in numbers.

    Attributes
    ----------
    name : what tells it from the others.
    cost : J over all rows at its end; where it has no data, the last loss of its history.
    samples : how many it has learned from, each time that one was counted.
    limit : the learning rate from which its steps grow, at its end (after a divergence: at its start); None where
        that is not known: without data, for a network, for an optimizer whose rule is not linear.
    """

    name: str
    run: Run
    cost: float
    limit: float | None

    @property
    def samples(self) -> int:
        """Rows times epochs."""
        size = self.run.settings.batch_size
        rows = self.run.rows
        per_epoch = 1 if size is None else -(-rows // min(size, rows))
        whole, steps = divmod(self.run.steps, per_epoch)
        return whole * rows + (0 if size is None else steps * size)

    @property
    def share(self) -> float | None:
        """The learning rate as a share of its limit."""
        lr = self.run.lr
        return lr / self.limit if isinstance(lr, float) and self.limit else None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        r = self.run
        return {
            "name": self.name, "cost": self.cost, "steps": r.steps, "epochs": r.epochs, "samples": self.samples,
            "lr": r.lr, "rate_limit": self.limit, "share_of_limit": self.share, "seconds": r.seconds,
            "stopped": r.stopped, "engine": r.engine, "params": dict(r.params), "id": r.id,
        }  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """What `tidu.compare` returns: `entries` as they were given, `differing` settings by name with their values."""

    entries: tuple[Compared, ...]
    differing: Mapping[str, tuple[Any, ...]]

    @property
    def best(self) -> Compared:
        """The one that ended lowest."""
        return min(self.entries, key=lambda e: e.cost if math.isfinite(e.cost) and not e.run.diverged else math.inf)

    @property
    def equal_samples(self) -> bool:
        """Whether all have learned from equally many."""
        return len({e.samples for e in self.entries}) == 1

    @property
    def sentences(self) -> tuple[str, ...]:
        """What made the difference, for people."""
        return tuple(_reasons(self))

    def plane(self) -> Plane:
        """The cost of each over the samples that it has learned from."""
        curves = tuple(_curve(e, k) for k, e in enumerate(self.entries))
        whole = all(e.run.training_data is not None for e in self.entries)
        label = _("cost J over all rows") if whole else _("loss (mean over the epoch)")
        log = spans_decades([c.y for c in curves])
        return Plane(_("samples learned from"), label, curves, title=self.best.run.settings.formula, log_y=log)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """The curves in one picture, saved to `path` if given."""
        from tidu.pictures.figure import check_path, in_words_that_can_be_drawn, save
        from tidu.pictures.plane_figures import plane_figure

        if path is not None:
            check_path(path)
        with in_words_that_can_be_drawn():
            figure = plane_figure([self.plane()])
        if path is not None:
            save(figure, path)
        return figure

    def to_dict(self) -> dict[str, Any]:
        """Plain values: what the command line prints for `--json`."""
        return {
            "runs": [e.to_dict() for e in self.entries],
            "differing": {name: list(values) for name, values in self.differing.items()},
            "best": self.best.name, "equal_samples": self.equal_samples, "sentences": list(self.sentences),
        }  # fmt: skip


def compare(
    formula: str,
    data: object,
    variants: Sequence[Mapping[str, Any]] | None = None,
    *,
    csv: CsvOptions | None = None,
    callbacks: Callback | Sequence[Callback] = (),
    **options: Any,
) -> Comparison:
    """Train with several settings on the same data, for as many epochs each, and say what made the difference.

    Parameters
    ----------
    formula, data, csv, callbacks : as in `tidu.fit`.
    variants : the settings of each training, as dicts; by default the full batch, mini-batches and single samples.
    options : settings that are common to all, as in `tidu.fit`.

    Raises
    ------
    SettingError
        Fewer than two variants, or one that changes how many samples are seen.

    Examples
    --------
    >>> import tidu
    >>> data = {"x": [0.0, 1.0, 2.0, 3.0], "y": [1.0, 3.0, 5.0, 7.0]}
    >>> found = tidu.compare("y = w*x + b", data, [{"batch_size": None}, {"batch_size": 1}], lr=0.02, epochs=50)
    >>> [entry.run.steps for entry in found.entries], found.best.name
    ([50, 200], 'batch_size=1')
    """
    if variants is not None:
        _check(variants)
    if is_read_once(data):
        data = source_of(data, csv)
    if variants is not None:
        runs = [fit(formula, data, csv=csv, callbacks=callbacks, **{**options, **v}) for v in variants]
        return compared(runs)
    whole = fit(formula, data, csv=csv, callbacks=callbacks, **{**options, "batch_size": None})
    size = MINI_BATCH if whole.rows > 2 * MINI_BATCH else max(2, whole.rows // 4)
    batches = [size, 1] if whole.rows > size else [1]
    return compared(
        [whole, *(fit(formula, data, csv=csv, callbacks=callbacks, **{**options, "batch_size": b}) for b in batches)]
    )


def _check(variants: Sequence[Mapping[str, Any]]) -> None:
    if len(variants) < 2:
        raise SettingError(_("a comparison needs two trainings or more; give --with twice, or leave it out"))
    for name in dict.fromkeys(name for v in variants for name in v):
        if name in ("epochs", "steps"):
            raise SettingError(
                _("'{name}' cannot differ between trainings that are compared on equal samples; give it once, for all")
                .format(name=name)
            )  # fmt: skip
        if name not in OPTIONS:
            near = closest(name, OPTIONS)
            hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
            raise SettingError(_("there is no setting '{name}'{hint}").format(name=name, hint=hint))


def compared(runs: Sequence[Run]) -> Comparison:
    """The comparison of runs that there are; their limits and curves need their data."""
    if len(runs) < 2:
        raise SettingError(_("a comparison needs two trainings or more; name two runs, or data and a formula"))
    settings = [r.settings.to_dict() for r in runs]
    differing = {
        name: tuple(s[name] for s in settings)
        for name in settings[0]
        if name not in BESIDE_SETTINGS and any(s[name] != settings[0][name] for s in settings)
    }
    names = [_name(r, k, differing) for k, r in enumerate(runs)]
    return Comparison(tuple(_numbers(r, n) for r, n in zip(runs, names, strict=True)), differing)


def _name(run: Run, place: int, differing: Mapping[str, tuple[Any, ...]]) -> str:
    """Its number in the store, and the settings in which it differs."""
    parts = [] if run.id is None else [_("run {number}").format(number=run.id)]
    shown = {n: v[place] for n, v in differing.items() if isinstance(v[place], (str, int, float, type(None)))}
    if "lr" in shown and len(shown) > 1 and shown["lr"] is None:
        shown.pop("lr")
    for name, value in shown.items():
        full = name == "batch_size" and value is None
        text = _("full batch") if full else f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        parts.append(text)
    return ", ".join(parts) or _("training {number}").format(number=place + 1)


def _numbers(run: Run, name: str) -> Compared:
    if run.training_data is None:
        return Compared(name, run, run.loss, None)
    return Compared(name, run, _cost(run, 1)(tuple(run.params.values())), _limit(run))


def _cost(run: Run, calls: int) -> Callable[[Sequence[Any]], float]:
    """J over all rows as a function of the parameters."""
    program, columns = run.program, run.problem.columns
    return cost_of(program, inputs_from(program, columns) if program.of_arrays else columns, calls)


def _limit(run: Run) -> float | None:
    """The rate from which a direction grows, by the curvature that its batches must reckon with."""
    if run.program.of_arrays or run.settings.uses_solver or run.settings.scale:
        return None
    rule = linear_rule(optimizer_named(run.settings.optimizer))
    if rule is None:
        return None
    objective = Objective(run.program, run.problem.columns)
    at = np.array([(run.start if run.diverged else run.params)[n] for n in run.program.parameter_names])
    spectrum = spectrum_of(objective, at)
    if spectrum is None or spectrum.largest <= 0.0:
        return None
    limit = rule.limit(batch_curvature(objective, at, spectrum.largest, run.settings.batch_size))
    return limit if math.isfinite(limit) else None


def _curve(entry: Compared, ink: int) -> Curve:
    """J after some steps, each computed again; without data, the losses of the history."""
    run = entry.run
    if run.training_data is None or run.settings.uses_solver:
        h = run.history
        return Curve(entry.name, (h.epoch + 1).astype(np.float64) * run.rows, drawable(h.loss), ink=ink)
    passed = passages(run, spread_evenly(run.steps, PLACES))
    cost = _cost(run, len(passed))
    values = np.array([float(cost(p.parameters)) for p in passed])
    samples = np.array([p.step for p in passed], dtype=np.float64) * entry.samples / max(run.steps, 1)
    return Curve(entry.name, samples, drawable(values), ink=ink)


# -- what made the difference --------------------------------------------------------------------------
def _reasons(found: Comparison) -> Iterator[str]:
    entries, best = found.entries, found.best
    if found.equal_samples:
        yield _("each learned from {samples} samples").format(samples=f"{entries[0].samples:,}")
    else:
        counts = ", ".join(f"{e.name}: {e.samples:,}" for e in entries)
        yield _("they did not learn from equally many samples: {counts}").format(counts=counts)
    for e in entries:
        if e.run.diverged:
            yield _over_the_limit(e)
    rest = [e for e in entries if e is not best and not e.run.diverged and math.isfinite(e.cost)]
    alike = [e for e in rest if e.cost <= best.cost + NEAR * abs(best.cost) + 1e-12]
    if rest and len(alike) == len(rest):
        yield _("all that converged ended alike, at J = {cost:.6g}").format(cost=best.cost)
    for e in rest:
        if e not in alike:
            yield from _why_higher(e, best)
    quickest = min(entries, key=lambda e: e.run.seconds)
    slowest = max(entries, key=lambda e: e.run.seconds)
    if slowest.run.seconds > max(2.0 * quickest.run.seconds, WORTH_A_WORD):
        yield _("{quick} was the quickest, {a:.3g} s; {slow} took {b:.3g} s").format(
            quick=quickest.name, a=quickest.run.seconds, slow=slowest.name, b=slowest.run.seconds
        )


def _over_the_limit(e: Compared) -> str:
    if e.share is not None and e.share > 1.0:
        return _("{name} diverged: its learning rate {lr:.4g} is {share:.3g} times the limit, {limit:.4g}").format(
            name=e.name, lr=e.run.lr, share=e.share, limit=e.limit
        )
    return _("{name} diverged").format(name=e.name)


def _why_higher(e: Compared, best: Compared) -> Iterator[str]:
    """In what the best was ahead of one that ended higher: updates, or the share of its limit, or neither."""
    higher = _("{name} ended at J = {cost:.6g}, {best} at {lowest:.6g}").format(
        name=e.name, cost=e.cost, best=best.name, lowest=best.cost
    )
    if best.run.steps > 1.2 * e.run.steps:
        times = best.run.steps / max(e.run.steps, 1)
        yield _("{higher}, with {times:.3g} times as many updates from the samples: {a:,} against {b:,}").format(
            higher=higher, best=best.name, times=times, a=best.run.steps, b=e.run.steps
        )
    elif e.share is not None and e.share > 1.0:
        yield _("{higher}: its learning rate is {a:.3g} times its limit, so it swings around the minimum").format(
            higher=higher, a=e.share
        )
    elif e.run.steps > 1.2 * best.run.steps:
        yield _("{higher}: with more updates of fewer samples, each noisier, it swings around the minimum").format(
            higher=higher
        )
    elif e.share is not None and best.share is not None and best.share > 1.2 * e.share:
        yield _("{higher}: its learning rate is {a:.3g} of its limit, that of {best} is {b:.3g}").format(
            higher=higher, a=e.share, best=best.name, b=best.share
        )
    elif _still_falling(e.run):
        yield _("{higher}, and was still falling: a larger learning rate or more epochs would carry it on").format(
            higher=higher
        )
    else:
        yield higher


def _still_falling(run: Run) -> bool:
    losses = run.history.loss
    before = losses[-1 - max(1, len(losses) // 10)] if len(losses) > 1 else math.nan
    return bool(losses[-1] < STILL * before) if len(losses) else False
