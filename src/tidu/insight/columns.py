"""What is wrong with columns before any model sees them: constant, collinear, or of wildly different sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from tidu.data.table import Table
from tidu.insight.findings import Finding
from tidu.text import _
from tidu.training.solving.statistics import confused_groups, singular_directions
from tidu.training.solving.triangles import in_pieces, triangle_of

Array = npt.NDArray[np.float64]
APART = 1e6  # ratio of the sizes of two columns from which they are told
COLLINEAR = 1e-9  # singular value of the standardised columns, beside the largest, that counts as 0


def findings_on_columns(columns: Table) -> list[Finding]:
    """Constant columns, groups of collinear ones, and sizes that differ by more than 10⁶."""
    findings = []
    of_blocks = [*columns.each_block(_of_block)]
    ends = {name: [block[name][:2] for block in of_blocks] for name in columns}
    constant = [name for name, e in ends.items() if min(low for low, _high in e) == max(high for _low, high in e)]
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
    varied = columns.part([name for name in columns if name not in constant])
    means = [sum(block[name][2] for block in of_blocks) / columns.rows for name in varied]
    findings += [
        Finding(
            "collinear",
            _("collinear: {names}: one of them is a sum of multiples of the others (and a constant)").format(
                names=", ".join(group)
            ),
            {"columns": list(group)},
        )
        for group in _collinear(varied, means)
    ]
    sizes = {name: math.sqrt(sum(block[name][3] for block in of_blocks) / columns.rows) for name in columns}
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


def _of_block(_first: int, block: Table) -> dict[str, tuple[float, float, float, float]]:
    """The ends of each column, and the sums of its numbers and of their squares."""
    return {n: (float(c.min()), float(c.max()), float(np.sum(c)), float(np.sum(c * c))) for n, c in block.items()}


def _squares_around(means: Sequence[float], _first: int, block: Table) -> list[float]:
    return [float(np.sum((c - m) ** 2)) for c, m in zip(block.values(), means, strict=True)]


def _triangle_around(means: Sequence[float], deviations: Sequence[float], _first: int, block: Table) -> Array:
    """R of the columns of a block, each less its mean and by its deviation."""
    standard = [(c - m) / d for c, m, d in zip(block.values(), means, deviations, strict=True)]
    return triangle_of(in_pieces(np.array(standard)))


def _collinear(columns: Table, means: Sequence[float]) -> tuple[tuple[str, ...], ...]:
    if len(columns) < 2:
        return ()
    squares = zip(*columns.each_block(partial(_squares_around, means)), strict=True)
    deviations = [math.sqrt(sum(each) / columns.rows) for each in squares]
    triangles = [*columns.each_block(partial(_triangle_around, means, deviations))]
    upper = triangles[0] if len(triangles) == 1 else triangle_of(each.T for each in triangles)
    singular, vt = singular_directions(upper)
    return confused_groups(vt[singular <= COLLINEAR * singular[0]], list(columns))
