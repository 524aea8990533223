"""How every picture begins and ends: a blank figure with the right fonts, and saving it.

No window system is used and no global state of matplotlib is left changed.
"""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec

from tidu.errors import DataError, MissingDependency, SettingError
from tidu.pictures.fonts import cjk_font, quiet, say_once_which_to_install
from tidu.text import _, language
from tidu.writing import write_whole

try:
    with quiet():
        import matplotlib
        from matplotlib.axes import Axes as Axes
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure as Figure
except ImportError:
    raise MissingDependency(_("pictures need matplotlib; install it with: pip install 'tidu[plot]'")) from None

BLUE, ORANGE, GREEN, RED, PURPLE, GREY = "#2868b0", "#e07b1a", "#3a9c55", "#c8383c", "#8559a5", "#8a8f98"
COLOURS = (BLUE, ORANGE, GREEN, RED, PURPLE, GREY)
FORMATS = (".png", ".svg", ".pdf", ".jpg", ".jpeg")
P = ParamSpec("P")


def label(sentence: str) -> str:
    """`sentence` in the language in use; in English where no font could show the Chinese."""
    if language() == "zh" and cjk_font() is None:
        say_once_which_to_install()
        return sentence
    return _(sentence)


def drawn(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Give `draw` the style of tidu's pictures while it runs."""

    @functools.wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with quiet(), matplotlib.rc_context(_style()):
            return draw(*args, **kwargs)

    return styled


def _style() -> dict[Any, Any]:
    families = [*([cjk_font()] if cjk_font() else []), "DejaVu Sans"]
    return {
        "font.family": families,
        "axes.unicode_minus": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.alpha": 0.25,
        "axes.titlesize": "medium",
        "legend.frameon": False,
        "svg.fonttype": "path",
    }


def blank(columns: int = 1, rows: int = 1, width: float = 6.0, height: float = 4.0) -> tuple[Figure, list[Axes]]:
    """A figure of `rows` × `columns` axes, each `width` × `height` inches; the axes row by row."""
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False)
    return figure, list(axes.flat)


def check_path(path: str | os.PathLike[str]) -> None:
    """Raise now what `save` would raise after the work is done."""
    target = Path(path)
    if target.suffix.lower() not in FORMATS:
        raise SettingError(
            _("a picture's file name must end in {formats}, not '{path}'").format(
                formats=", ".join(FORMATS), path=os.fspath(path)
            )
        )
    if not target.parent.is_dir():
        raise DataError(_("there is no folder '{folder}' to write to").format(folder=target.parent))


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write the picture in the format that its name ends in."""
    check_path(path)
    content = io.BytesIO()
    with quiet() as warned, matplotlib.rc_context(_style()):
        figure.savefig(content, format=Path(path).suffix[1:].lower(), dpi=150)
    if cjk_font() is None and any("missing from" in str(warning.message) for warning in warned):
        say_once_which_to_install()  # a column's name, say, which stands there whatever the language is
    write_whole(path, content.getvalue())
