"""Rough values read off the data: levels, rates, peaks and waves of y over x, from which a descent can start.

Each takes x and y of shape (rows,), x in rising order. Used by the starts of `forms.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
FREQUENCIES = 16_000  # at most, that a spectrum is computed at


def line_through(x: Array, y: Array, weights: Array | None = None) -> tuple[float, float]:
    """Intercept and slope by least squares."""
    w = np.ones_like(x) if weights is None else weights
    mean_x, mean_y = np.average(x, weights=w), np.average(y, weights=w)
    spread = np.average((x - mean_x) ** 2, weights=w)
    slope = np.average((x - mean_x) * (y - mean_y), weights=w) / spread if spread else 0.0
    return float(mean_y - slope * mean_x), float(slope)


def ends(y: Array) -> tuple[float, float]:
    """The level at the first and at the last of the values: means of a tenth of them."""
    few = max(1, len(y) // 10)
    return float(np.mean(y[:few])), float(np.mean(y[-few:]))


def place_of(x: Array, y: Array, level: float) -> float:
    """Where y, on its way from its first to its last level, first passes `level`; the middle of x if it never does."""
    above = y > level
    changes = np.flatnonzero(above[1:] != above[:-1])
    if not len(changes):
        return float((x[0] + x[-1]) / 2)
    k = int(changes[len(changes) // 2])
    rise = y[k + 1] - y[k]
    return float(x[k] + (level - y[k]) / rise * (x[k + 1] - x[k])) if rise else float(x[k])


def log_line(x: Array, y: Array) -> tuple[float, float]:
    """Intercept and slope of log|y| over x, each value weighted by y², as its error asks for."""
    size = np.abs(y)
    kept = size > 1e-12 * np.max(size)
    if np.count_nonzero(kept) < 2:
        return 0.0, 0.0
    return line_through(x[kept], np.log(size[kept]), size[kept] ** 2)


def with_linear_parts(parts: Sequence[Array], y: Array) -> list[float]:
    """The factors of `parts`, each of shape (rows,), whose sum is nearest to y."""
    matrix = np.stack(parts, axis=1)
    found, *_rest = np.linalg.lstsq(matrix, y, rcond=None)
    return [float(v) for v in found]


def best_of(
    candidates: Iterable[tuple[float, ...]], parts: Callable[..., Sequence[Array]], y: Array
) -> tuple[tuple[float, ...], list[float]]:
    """The candidate whose `parts(*candidate)`, with the best factors, are nearest to y; and these factors."""
    tried = []
    for candidate in candidates:
        made = parts(*candidate)
        if all(np.all(np.isfinite(part)) for part in made):
            factors = with_linear_parts(made, y)
            error = float(np.sum((y - np.stack(made, axis=1) @ factors) ** 2))
            tried.append((error, candidate, factors))
    if not tried:
        return (math.nan,), [math.nan]
    _error, candidate, factors = min(tried)
    return candidate, factors


def rates(x: Array, low: float = 0.2, high: float = 60.0) -> list[float]:
    """Rates that change something over the length of x: from `low` to `high` in that length."""
    return [float(r) for r in np.geomspace(low, high, 40) / (x[-1] - x[0])]


def lengths(x: Array) -> list[float]:
    """Lengths on x, from a small part of it to several times of it."""
    return [1.0 / rate for rate in rates(x)]


def loudest_frequencies(x: Array, y: Array, count: int) -> list[float]:
    """The angular frequencies of the sines that are nearest to y, by Lomb and Scargle's spectrum.

    A trend is taken out first, and each sine before the next is sought. x need not be even; what turns more than once
    between neighbouring values cannot be told from what turns slowly.
    """
    from scipy.signal import lombscargle

    length = float(x[-1] - x[0])
    fastest = math.pi / float(np.median(np.diff(np.unique(x))))
    step = math.pi / (4.0 * length)
    frequencies = step * np.arange(2, max(50, min(FREQUENCIES, int(fastest / step))) + 1)
    parts = [np.ones_like(x), x - np.mean(x)]
    found: list[float] = []
    for _k in range(count):
        matrix = np.stack(parts, axis=1)
        left = y - matrix @ with_linear_parts(parts, y)
        power = lombscargle(x - x[0], left, frequencies)
        found.append(float(frequencies[int(np.argmax(power))]))
        parts += [np.sin(found[-1] * x), np.cos(found[-1] * x)]
    return found


def wave(x: Array, y: Array) -> tuple[float, float, float, float]:
    """Amplitude, angular frequency, phase and level of the sine that is nearest to y."""
    (w,) = loudest_frequencies(x, y, 1)
    of_sine, of_cosine, level = with_linear_parts([np.sin(w * x), np.cos(w * x), np.ones_like(x)], y)
    return math.hypot(of_sine, of_cosine), w, math.atan2(of_cosine, of_sine), level


def peak(x: Array, y: Array) -> tuple[float, float, float, float]:
    """Height over the base, centre, half the width at half height, and base of the most prominent peak or dip."""
    base = float(np.median(np.concatenate([y[: max(1, len(y) // 8)], y[-max(1, len(y) // 8) :]])))
    smooth = np.convolve(y - base, [0.25, 0.5, 0.25], "same") if len(y) > 8 else y - base
    k = int(np.argmax(np.abs(smooth)))
    height = float(y[k] - base) or 1.0
    inside = (y - base) / height > 0.5
    left, right = k, k
    while left > 0 and inside[left - 1]:
        left -= 1
    while right < len(x) - 1 and inside[right + 1]:
        right += 1
    width = float(x[min(right + 1, len(x) - 1)] - x[max(left - 1, 0)]) / 2
    return height, float(x[k]), width or float(x[-1] - x[0]) / 10, base
