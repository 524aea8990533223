"""The kinds of estimates by name, and `estimates_of_plain`, which reads what a file holds of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidu.training.solving.estimates import Estimates
from tidu.training.solving.level_statistics import LevelStatistics
from tidu.training.solving.likelihood import Likelihood
from tidu.training.solving.robust import Robust
from tidu.training.solving.statistics import Statistics

KINDS: dict[str, type[Estimates]] = {kind.kind: kind for kind in (Statistics, LevelStatistics, Likelihood, Robust)}


def estimates_of_plain(plain: Mapping[str, Any]) -> Estimates:
    """The inverse of `Estimates.plain`; without a kind they are those of an earlier version, of least squares."""
    return KINDS[plain.get("kind", Statistics.kind)].of_plain(plain)
