"""The loss curve in the cell of a notebook, drawn anew while the training goes on: `callbacks=tidu.LiveCurve()`."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from html import escape
from typing import Any

from tidu.errors import MissingDependency
from tidu.text import _
from tidu.training.callbacks import Began, Ended
from tidu.training.trackers import Tracker

WIDTH, HEIGHT, MARGIN = 560.0, 180.0, 8.0
PAUSE = 0.2  # seconds between two drawings: quicker ones only flicker
DECADES = 30.0  # largest by smallest, from which a logarithmic scale shows more


class LiveCurve(Tracker):
    """Show the loss so far, as a curve and as a number, in the cell from which `fit` is called.

    Raises
    ------
    MissingDependency : there is no IPython, which every notebook has.
    """

    def __init__(self) -> None:
        super().__init__()
        try:
            from IPython import display
        except ImportError:
            raise MissingDependency(_("a live curve is for notebooks, and there is no IPython here")) from None
        self._display: Any = display
        self._handle: Any = None
        self._losses: list[float] = []
        self._drawn = -math.inf
        self._formula = ""

    def begin(self, event: Began) -> None:
        """An empty curve."""
        self._losses, self._formula, self._drawn = [], event.problem.settings.formula.strip(), -math.inf
        if self._handle is None:
            self._handle = self._display.display(self._display.HTML(self.drawing()), display_id=True)

    def point(self, at: int, values: Mapping[str, float]) -> None:
        """One more loss."""
        self._losses.append(values["loss"])
        if time.monotonic() - self._drawn >= PAUSE:
            self._show()

    def end(self, event: Ended) -> None:
        """The whole curve."""
        self._show(_("stopped: {reason}").format(reason=event.stopped))
        self._handle = None

    def _show(self, words: str = "") -> None:
        self._drawn = time.monotonic()
        if self._handle is not None:  # plain Python has a display that gives none
            self._handle.update(self._display.HTML(self.drawing(words)))

    def drawing(self, words: str = "") -> str:
        """The curve as SVG under a line of words."""
        told = [self._formula]
        if self._losses:
            told.append(_("loss {loss:.6g}").format(loss=self._losses[-1]))
        head = escape(" · ".join([*told, *([words] if words else [])]))
        return (f'<div><code>{head}</code><br><svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" width="{WIDTH:g}" role="img" '
                f'aria-label="{escape(_("loss"))}"><rect width="100%" height="100%" fill="#f5f7fa"/>'
                f'<polyline fill="none" stroke="#2868b0" stroke-width="1.8" points="{points_of(self._losses)}"/>'
                f"</svg></div>")  # fmt: skip


def points_of(losses: list[float]) -> str:
    """The corners of the curve, left to right; those that are not finite are left out."""
    finite = [(k, v) for k, v in enumerate(losses) if math.isfinite(v)]
    if not finite:
        return ""
    values = [v for _k, v in finite]
    if min(values) > 0.0 and max(values) / DECADES > min(values):
        values = [math.log10(v) for v in values]
    low, high = min(values), max(values)
    last = max(len(losses) - 1, 1)
    places = []
    for (k, _v), value in zip(finite, values, strict=True):
        share = (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0) if high > low else 0.5  # halves do not overflow
        x = MARGIN + (WIDTH - 2.0 * MARGIN) * k / last
        places.append(f"{x:.1f},{HEIGHT - MARGIN - (HEIGHT - 2.0 * MARGIN) * share:.1f}")
    return " ".join(places)
