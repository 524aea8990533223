"""What is wrong with columns before any model sees them: constant, collinear, or of wildly different sizes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from tidu.insight.findings import Finding
from tidu.text import _
from tidu.training.solving.statistics import confused_groups, singular_directions

Array = npt.NDArray[np.float64]
APART = 1e6  # ratio of the sizes of two columns from which they are told
COLLINEAR = 1e-9  # singular value of the standardised columns, beside the largest, that counts as 0


def findings_on_columns(columns: Mapping[str, Array]) -> list[Finding]:
    """Constant columns, groups of collinear ones, and sizes that differ by more than 10⁶."""
    findings = []
    constant = [name for name, c in columns.items() if c.min() == c.max()]
    if constant:
        findings.append(
            Finding(
                "constant",
                _("constant: {names} never vary, so what multiplies them cannot be told from an intercept").format(
                    names=", ".join(constant)
                ),
                {"columns": constant},
            )
        )
    varied = {name: c for name, c in columns.items() if name not in constant}
    findings += [
        Finding(
            "collinear",
            _("collinear: {names}: one of them is a sum of multiples of the others (and a constant)").format(
                names=", ".join(group)
            ),
            {"columns": list(group)},
        )
        for group in _collinear(varied)
    ]
    sizes = {name: float(np.sqrt(np.mean(c * c))) for name, c in columns.items() if np.any(c)}
    if sizes:
        large, small = max(sizes, key=sizes.__getitem__), min(sizes, key=sizes.__getitem__)
        if sizes[large] > APART * sizes[small]:
            factor = sizes[large] / sizes[small]
            findings.append(
                Finding(
                    "sizes",
                    _("sizes: {large} is {factor:.2g} times as large as {small}; --scale brings them together").format(
                        large=large, small=small, factor=factor
                    ),
                    {"large": large, "small": small, "factor": factor},
                )
            )
    return findings


def _collinear(columns: Mapping[str, Array]) -> tuple[tuple[str, ...], ...]:
    if len(columns) < 2:
        return ()
    standard = np.column_stack([(c - c.mean()) / c.std() for c in columns.values()])
    singular, vt = singular_directions(standard)
    return confused_groups(vt[singular <= COLLINEAR * singular[0]], list(columns))
