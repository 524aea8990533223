"""Confidence: the intervals that a person asked for besides Wald's, by profile likelihood or by the bootstrap.

Takes a fit with its statistics, gives ends by name and what they were made of, and says where Wald's intervals, which
take the cost for a parabola, are others. Called by `fit` for `--intervals`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tidu.content.methods import SOLVERS
from tidu.data.disk_table import are_on_disk
from tidu.errors import DataError, SettingError
from tidu.language.expr import Expr, evaluate, symbols
from tidu.runtime.summation import CHUNK
from tidu.text import _
from tidu.training.callbacks import Progress
from tidu.training.constraints import bound_arrays
from tidu.training.inference.bootstrap import Bootstrap, bootstrap_of, notes_on_bootstrap
from tidu.training.inference.joint_regions import Pair, pair_of
from tidu.training.inference.profiles import Measure, Profile, notes_on_profile, profile_of
from tidu.training.inference.refits import Refits, RefitsOfDistances
from tidu.training.inference.wald_ends import ends_beside_wald
from tidu.training.judging.targets import target_values
from tidu.training.problem import Problem
from tidu.training.solving.answers import Answers
from tidu.training.solving.conditions import Region
from tidu.training.solving.errors_in_x import distances_of
from tidu.training.solving.estimates import LEVEL, Estimates
from tidu.training.solving.likelihood import Likelihood
from tidu.training.solving.network import objective_of
from tidu.training.solving.objective import Objective
from tidu.training.solving.statistics import Statistics

Array = npt.NDArray[np.float64]
UNLIKE = 0.1  # of half of Wald's interval: by how much another end differs from Wald's to be worth a word
EXACT = 1e-12  # of the targets: a scatter about the curve that is rounding
MOST_LOOKED_AT = 30  # parameters whose intervals are looked at where nobody asks
WALD, PROFILE, BOOTSTRAP = "wald", "profile", "bootstrap"


@dataclass(frozen=True)
class Confidence:
    """Intervals of a fit.

    Attributes
    ----------
    kind : `profile` or `bootstrap`.
    level : the share of cases in which an interval holds the truth.
    ends : of each parameter and of derived quantities: by the bootstrap of all, by profile of those that are of one
        parameter alone. Infinite where an interval is open.
    profiles, bootstrap : what they were made of; nothing of a run that was loaded.
    """

    kind: str
    level: float
    ends: Mapping[str, tuple[float, float]]
    profiles: tuple[Profile, ...] = ()
    bootstrap: Bootstrap | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        found: dict[str, Any] = {"kind": self.kind, "level": self.level, "ends": _as_lists(self.ends)}
        if self.profiles:
            found["profiles"] = {profile.name: profile.to_dict() for profile in self.profiles}
        if self.bootstrap is not None:
            found["bootstrap"] = self.bootstrap.to_dict(self.level)
        return found

    def plain(self) -> dict[str, Any]:
        """What a file holds, and `Confidence.of_plain` takes."""
        return {"kind": self.kind, "level": self.level, "ends": _as_lists(self.ends)}

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> Confidence:
        """The inverse of `plain`."""
        ends = {name: (float(low), float(high)) for name, (low, high) in plain["ends"].items()}
        return cls(plain["kind"], plain["level"], ends)


def _as_lists(ends: Mapping[str, tuple[float, float]]) -> dict[str, list[float]]:
    return {name: list(pair) for name, pair in ends.items()}


def confidence_of(
    problem: Problem,
    parameters: Mapping[str, float],
    statistics: Estimates,
    progress: Progress | None = None,
    known: Answers | None = None,
) -> tuple[Confidence, list[str]]:
    """The intervals that the settings ask for, around the end of a fit, and what a person should know of them.

    Passes of profiles that are `known` are not made again.

    Raises
    ------
    SettingError
        Nothing is left to judge the scatter by, or too few refits come to a minimum.
    """
    if problem.settings.intervals == PROFILE:
        confidence, notes = _by_profile(problem, parameters, statistics, progress, known)
    else:
        confidence, notes = _by_bootstrap(problem, parameters, statistics, progress)
    return confidence, [*notes, *_note_on_wald(confidence, statistics)]


def _checked(problem: Problem, statistics: Estimates | None) -> Estimates:
    """The statistics, if there is a minimum to start from, data to refit to, and a scatter to compare with."""
    kind = problem.settings.intervals
    if statistics is None:
        raise SettingError(
            _("profiles and the bootstrap start at the minimum of a cost without a penalty; fit with optimizer lm or "
              "auto, to the end")
        )  # fmt: skip
    if problem.table is None:
        raise DataError(
            _("refits need the data that the model was fitted to; a saved model does not hold them: with_data() reads "
              "them again")
        )  # fmt: skip
    if problem.program.of_arrays:
        raise SettingError(_("intervals by {kind} are for formulas whose parameters are numbers").format(kind=kind))
    no_scatter = isinstance(statistics, Statistics) and not statistics.reduced_chi_square > 0.0
    if no_scatter or not math.isfinite(statistics.quantile(LEVEL)):
        raise SettingError(
            _("intervals by {kind} compare with the scatter about the curve, and there is none: there are no more rows "
              "than parameters, or the curve goes through every point").format(kind=kind)
        )  # fmt: skip
    pressing = _pressing(problem, statistics)
    if pressing:
        raise SettingError(
            _("intervals by {kind} start at a minimum inside the conditions, and this one lies on the edge of "
              "{conditions}; leave the intervals out, or put the condition into the formula as an equality (--where)")
            .format(kind=kind, conditions=", ".join(f"'{text}'" for text in pressing))
        )  # fmt: skip
    return statistics


def _pressing(problem: Problem, statistics: Estimates) -> list[str]:
    """The conditions on whose edge a fit ended."""
    if problem.formula is None or not problem.settings.where:
        return []
    conditions = problem.settings.learned_conditions(problem.formula, problem.names)
    return Region(conditions, problem.program.parameters, None).pressing(np.array(statistics.values))


def profiles_of(
    problem: Problem,
    parameters: Mapping[str, float],
    statistics: Estimates | None,
    progress: Progress | None = None,
    level: float = LEVEL,
    known: Answers | None = None,
) -> tuple[Profile, ...]:
    """The profiles of all parameters that the data determine; errors as `Run.profiles`."""
    statistics = _checked(problem, statistics)
    objective = _objective_of(problem, known)
    at = objective.flat(tuple(parameters.values()))
    bounds = bound_arrays(problem.settings.bounds, problem.program.parameters)
    measure = measure_of(objective, statistics, level)
    determined = [k for k, error in enumerate(statistics.standard_errors.values()) if math.isfinite(error) and error]
    done, cost = 0, objective.cost(at)

    def told() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(min(done, most), most, cost)

    most = 14 * len(determined)  # about as many refits as the profiles take
    clean = np.where(np.isfinite(statistics.covariance), statistics.covariance, 0.0)
    return tuple(profile_of(objective, at, clean, k, measure, bounds, told) for k in determined)


def _objective_of(problem: Problem, known: Answers | None = None) -> Objective:
    """The cost that the fit made least."""
    if problem.settings.sigma_x is not None:
        return distances_of(problem)
    objective = objective_of(problem.program, problem.columns, known=known)
    assert isinstance(objective, Objective)
    return objective


def measure_of(objective: Objective, statistics: Estimates, level: float, together: int = 1) -> Measure:
    """What a rise of the cost is compared with: the variance about the curve, by Student's t; of a likelihood, χ².

    Of `together` parameters at once by the F distribution, or by χ² where sigmas are known.

    Raises
    ------
    SettingError
        The loss is neither least squares nor a likelihood.
    """
    if isinstance(statistics, Likelihood):
        return Measure(2.0 * objective.rows_count, statistics.joint_quantile(together, level))
    if not isinstance(statistics, Statistics):
        raise SettingError(
            _(
                "profiles are of least squares, poisson and logistic, where the cost is a likelihood; use --intervals "
                "bootstrap"
            )
        )
    factor = objective.squares_factor
    assert factor is not None
    variance = 1.0 if statistics.known_sigma else statistics.reduced_chi_square
    return Measure(objective.rows_count / (factor * variance), statistics.joint_quantile(together, level))


def pairs_of(
    problem: Problem, parameters: Mapping[str, float], statistics: Estimates, places: Sequence[tuple[int, int]]
) -> list[Pair]:
    """The joint regions of pairs of parameters, by their places."""
    objective = _objective_of(problem)
    at = objective.flat(tuple(parameters.values()))
    bounds = bound_arrays(problem.settings.bounds, problem.program.parameters)
    measure = measure_of(objective, statistics, LEVEL, 2)
    return [pair_of(objective, at, statistics.covariance, pair, measure, bounds) for pair in places]


def _by_profile(
    problem: Problem,
    parameters: Mapping[str, float],
    statistics: Estimates,
    progress: Progress | None,
    known: Answers | None,
) -> tuple[Confidence, list[str]]:
    profiles = profiles_of(problem, parameters, statistics, progress, known=known)
    ends = {profile.name: (profile.low, profile.high) for profile in profiles}
    quantities = {} if problem.formula is None else problem.settings.quantities(problem.formula, problem.names)
    for name, quantity in quantities.items():
        pair = _through(quantity.value, profiles)
        ends |= {} if pair is None else {name: pair}
    notes = [note for profile in profiles for note in notes_on_profile(profile)]
    notes += _notes_on_conditions(problem, np.concatenate([profile.points for profile in profiles]))
    return Confidence(PROFILE, LEVEL, ends, profiles), notes


def _through(quantity: Expr, profiles: Sequence[Profile]) -> tuple[float, float] | None:
    """The ends of a quantity of one parameter alone that only rises, or only falls: those of the parameter, put in."""
    found = symbols([quantity], "parameter")
    profile = next((p for p in profiles if len(found) == 1 and p.name == found[0].name), None)
    if profile is None:
        return None
    between = np.linspace(
        *np.nan_to_num([profile.low, profile.high], posinf=profile.values[-1], neginf=profile.values[0])
    )
    values = np.array([evaluate(quantity, {found[0]: float(v)}) for v in between])
    steps = np.diff(values)
    if not (np.all(steps > 0.0) or np.all(steps < 0.0)):
        return None
    low, high = (evaluate(quantity, {found[0]: end}) for end in (profile.low, profile.high))
    return (low, high) if low < high else (high, low)


def _notes_on_conditions(problem: Problem, points: Array) -> list[str]:
    """Which conditions do not hold at some of the points, of shape (n, p), that intervals were made of."""
    if problem.formula is None or not problem.settings.where:
        return []
    conditions = problem.settings.learned_conditions(problem.formula, problem.names)
    region = Region(conditions, problem.program.parameters, None)
    if not conditions:
        return []
    broken = np.any([region.values(point) > 0.0 for point in points], axis=0)
    return [
        _("refits keep to bounds, and not to conditions: where '{text}' does not hold, the intervals tell of values "
          "that it rules out").format(text=condition.text)
        for condition, is_broken in zip(conditions, broken, strict=True)
        if is_broken
    ]  # fmt: skip


def _by_bootstrap(
    problem: Problem, parameters: Mapping[str, float], statistics: Estimates, progress: Progress | None
) -> tuple[Confidence, list[str]]:
    found = bootstrap_of_fit(problem, parameters, statistics, progress)
    notes = [*notes_on_bootstrap(found), *_notes_on_conditions(problem, found.values[:, : len(parameters)])]
    return Confidence(BOOTSTRAP, LEVEL, found.ends(), bootstrap=found), notes


def bootstrap_of_fit(
    problem: Problem, parameters: Mapping[str, float], statistics: Estimates | None, progress: Progress | None = None
) -> Bootstrap:
    """Refits from the end of a fit, with `draws`, `resample` and `seed` as its settings say; errors as `profiles`."""
    statistics = _checked(problem, statistics)
    settings = problem.settings
    bounds = bound_arrays(settings.bounds, problem.program.parameters)
    if settings.loss_object.name in SOLVERS["lp"].losses:
        raise SettingError(
            _("the bootstrap refits smooth losses, and {loss} has corners; its standard errors stand in the result")
            .format(loss=settings.loss)
        )  # fmt: skip
    if are_on_disk(problem.columns):
        raise SettingError(
            _("the bootstrap refits to all rows at once, and these are read block by block; use --intervals profile")
        )
    known = isinstance(statistics, Statistics) and statistics.known_sigma
    refits: Refits
    if settings.sigma_x is not None:
        refits = RefitsOfDistances(distances_of(problem), bounds)
    else:
        refits = Refits(problem.program, problem.columns, bounds, known)
    quantities = {} if problem.formula is None else settings.quantities(problem.formula, problem.names)
    quantities = {name: q for name, q in quantities.items() if symbols([q.value], "parameter")}

    def told(done: int) -> None:
        if progress is not None:
            progress(done, settings.draws, 0.0)

    best = np.array([parameters[p.name] for p in problem.program.parameters])
    return bootstrap_of(refits, best, quantities, settings.draws, settings.seed, settings.resample, told)


def note_without_intervals(problem: Problem, parameters: Mapping[str, float], statistics: Estimates) -> list[str]:
    """Which of Wald's intervals the profile's would not be like, of a fit for which nobody asked for others."""
    if not (_has_profile(problem, statistics) and statistics.rank == len(parameters) <= MOST_LOOKED_AT):
        return []
    objective = _objective_of(problem)
    measure = measure_of(objective, statistics, LEVEL)
    if (objective.is_linear and objective.squares_factor is not None) or _pressing(problem, statistics):
        return []
    at = objective.flat(tuple(parameters.values()))
    bounds = bound_arrays(problem.settings.bounds, problem.program.parameters)
    names = _unlike(ends_beside_wald(objective, at, statistics.covariance, measure, bounds), statistics, LEVEL)
    if not names:
        return []
    return [
        _(
            "Wald's intervals, value ± quantile · standard error, are off by more than a tenth: {names}. They take the "
            "cost for a parabola, which it is not there; --intervals profile has others"
        ).format(names=", ".join(names))
    ]


def _has_profile(problem: Problem, statistics: Estimates) -> bool:
    """Whether there is something to compare with, in data that are short enough for it to matter."""
    if problem.table is None or problem.program.of_arrays or problem.rows > CHUNK or are_on_disk(problem.columns):
        return False
    if not isinstance(statistics, Statistics):
        return isinstance(statistics, Likelihood)
    if statistics.known_sigma:
        return True
    assert problem.program.target is not None
    largest = float(np.max(np.abs(target_values(problem.program.target, problem.table))))
    return statistics.degrees_of_freedom > 0 and statistics.residual_standard_deviation > EXACT * largest


def _unlike(ends: Mapping[str, tuple[float, float]], statistics: Estimates, level: float) -> list[str]:
    """Wald's intervals that end elsewhere than these."""
    unlike = []
    for name, (low, high) in statistics.confidence_intervals(level).items():
        pair = ends.get(name)
        if pair is None or not math.isfinite(high - low):
            continue
        reach = UNLIKE * 0.5 * (high - low)
        if not (abs(pair[0] - low) <= reach and abs(pair[1] - high) <= reach):
            unlike.append(f"{name} ({low:.6g} … {high:.6g})")
    return unlike


def _note_on_wald(confidence: Confidence, statistics: Estimates) -> list[str]:
    """Which of Wald's intervals are others."""
    unlike = _unlike(confidence.ends, statistics, confidence.level)
    if not unlike:
        return []
    return [
        _(
            "Wald's intervals, value ± quantile · standard error, differ by more than a tenth: {names}. They take the "
            "cost for a parabola, which it is not there; trust the others"
        ).format(names=", ".join(unlike))
    ]
