"""Planes of how sure a fit is: the profile of each parameter, and the joint regions of pairs.

Takes a run with the statistics of a least-squares fit and its data. `kinds` says who draws them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from tidu.errors import SettingError
from tidu.insight.picturing.of_runs import checked_name, table_of
from tidu.pictures.planes import Curve, Plane, Rule
from tidu.text import _
from tidu.training.inference.confidence import pairs_of
from tidu.training.run import Run
from tidu.training.solving.likelihood import Likelihood
from tidu.training.solving.statistics import Statistics

MOST_PROFILES = 4  # planes side by side
MOST_PAIRS = 3


def why_no_profiles(run: Run) -> str | None:
    """Why there are no profiles, if there are none."""
    s = run.statistics
    if not isinstance(s, (Statistics, Likelihood)) or run.program.of_arrays:
        return _(
            "profiles are of least squares, poisson or logistic, by a solver to its end: use --optimizer lm or auto"
        )
    if isinstance(s, Statistics) and (not s.reduced_chi_square > 0.0 or s.degrees_of_freedom < 1):
        return _("profiles compare with the scatter about the curve, and here there is none")
    return None


def why_no_pairs(run: Run) -> str | None:
    """Why there are no pairs, if there are none."""
    reason = why_no_profiles(run)
    if reason is None and len(_determined(run)) < 2:
        return _("'pairs' draws two parameters together, and the data determine {count} here: see profiles").format(
            count=len(_determined(run))
        )
    return reason


def _determined(run: Run) -> list[str]:
    assert run.statistics is not None
    return [name for name, error in run.statistics.standard_errors.items() if math.isfinite(error) and error > 0.0]


def profile_planes(run: Run, of: Sequence[str] = ()) -> list[Plane]:
    """τ over each parameter, straight where Wald's interval is right, with the interval that it gives."""
    table_of(run)
    names = _determined(run)
    chosen = [checked_name(name, names) for name in of] or names[:MOST_PROFILES]
    profiles = {profile.name: profile for profile in run.profiles()}
    assert run.statistics is not None
    quantile = run.statistics.quantile()
    planes = []
    for name in chosen:
        profile, error = profiles[name], run.statistics.standard_errors[name]
        x = np.array([profile.values[0], profile.values[-1]])
        wald = np.clip((x - run.params[name]) / error, -1.6 * quantile, 1.6 * quantile)
        curves = (
            Curve(_("Wald"), run.params[name] + error * wald, wald, ink=5),
            Curve(_("profile"), profile.values, profile.tau, "points", ink=0),
        )
        ends = [Rule("x", end, "", 1) for end in (profile.low, profile.high) if math.isfinite(end)]
        levels = [Rule("y", sign * quantile, "", 3) for sign in (-1.0, 1.0)]
        shown = [
            f"{end:.5g}" if math.isfinite(end) else "∞" if end > 0 else "−∞" for end in (profile.low, profile.high)
        ]
        title = f"{name}: {shown[0]} … {shown[1]}"
        planes.append(Plane(name, _("τ, in standard errors"), curves, rules=(*ends, *levels), title=title))
    return planes


def pair_planes(run: Run, of: Sequence[str] = ()) -> list[Plane]:
    """The joint 95% regions of pairs, beside Wald's ellipses, with the paths on which each follows the other."""
    table_of(run)
    names = _determined(run)
    chosen = [checked_name(name, names) for name in of] or names
    if len(chosen) < 2:
        raise SettingError(_("pairs needs two parameters; of names {count}").format(count=len(chosen)))
    assert run.statistics is not None
    order = list(run.statistics.parameters)
    pairs = list(itertools.combinations([order.index(name) for name in chosen], 2))[:MOST_PAIRS]
    profiles = {profile.place: profile for profile in run.profiles()}
    quantile, planes = run.statistics.quantile(), []
    for (i, j), pair in zip(pairs, pairs_of(run.problem, run.params, run.statistics, pairs), strict=True):
        best = np.array([[run.params[order[i]]], [run.params[order[j]]]])
        curves = [
            Curve(_("Wald's ellipse"), pair.ellipse[:, 0], pair.ellipse[:, 1], ink=5),
            Curve(_("95% region"), pair.edge[:, 0], pair.edge[:, 1], ink=0),
        ]
        for k, ink in ((i, 1), (j, 2)):
            path = profiles[k].points[np.abs(profiles[k].tau) <= quantile * (1.0 + 1e-6)]
            name = _("{name} held").format(name=order[k])
            curves.append(Curve(name, path[:, i], path[:, j], ink=ink))
        curves.append(Curve("", best[0], best[1], "points", ink=3))
        planes.append(Plane(order[i], order[j], tuple(curves), title=f"{order[i]}, {order[j]}"))
    return planes
