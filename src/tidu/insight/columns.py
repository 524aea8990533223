"""What is wrong with columns before any model sees them: constant, collinear, or of wildly different sizes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from tidu.insight.findings import Finding
from tidu.runtime.summation import CHUNK
from tidu.text import _
from tidu.training.solving.statistics import confused_groups, singular_directions
from tidu.training.solving.triangles import in_pieces, triangle_of

Array = npt.NDArray[np.float64]
APART = 1e6  # ratio of the sizes of two columns from which they are told
COLLINEAR = 1e-9  # singular value of the standardised columns, beside the largest, that counts as 0


def findings_on_columns(columns: Mapping[str, Array]) -> list[Finding]:
    """Constant columns, groups of collinear ones, and sizes that differ by more than 10⁶."""
    findings = []
    constant = [
        name for name, c in columns.items() if min(p.min() for p in _chunks(c)) == max(p.max() for p in _chunks(c))
    ]
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
    sizes = {name: math.sqrt(sum(float(np.sum(p * p)) for p in _chunks(c)) / len(c)) for name, c in columns.items()}
    sizes = {name: size for name, size in sizes.items() if size}
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


def _chunks(column: Array) -> Iterator[Array]:
    """A column part by part, for it may be on disk."""
    return (column[first : first + CHUNK] for first in range(0, len(column), CHUNK))


def _collinear(columns: Mapping[str, Array]) -> tuple[tuple[str, ...], ...]:
    if len(columns) < 2:
        return ()
    means = [sum(float(np.sum(p)) for p in _chunks(c)) / len(c) for c in columns.values()]
    deviations = [
        math.sqrt(sum(float(np.sum((p - m) ** 2)) for p in _chunks(c)) / len(c))
        for c, m in zip(columns.values(), means, strict=True)
    ]
    standard = (
        np.array([(p - m) / d for p, m, d in zip(parts, means, deviations, strict=True)])
        for parts in zip(*map(_chunks, columns.values()), strict=True)
    )
    singular, vt = singular_directions(triangle_of(piece for part in standard for piece in in_pieces(part)))
    return confused_groups(vt[singular <= COLLINEAR * singular[0]], list(columns))
