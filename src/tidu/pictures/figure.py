"""How every picture begins and ends: a blank figure with the right fonts, and saving it.

No window system is used and no global state of matplotlib is left changed.
"""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

from tidu.errors import DataError, MissingDependency, SettingError
from tidu.pictures.fonts import cjk_font, quiet, say_once_which_to_install
from tidu.text import _, language, use_language
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
T = TypeVar("T")


def label(sentence: str) -> str:
    """`sentence` in the language in use; in English where no font could show the Chinese."""
    if language() == "zh" and cjk_font() is None:
        say_once_which_to_install()
        return sentence
    return _(sentence)


@contextmanager
def in_words_that_can_be_drawn() -> Iterator[None]:
    """Within it, words are English where the language is Chinese and no font could show it."""
    if language() != "zh" or cjk_font() is not None:
        yield
        return
    say_once_which_to_install()
    use_language("en")
    try:
        yield
    finally:
        use_language("zh")


def drawn(draw: Callable[P, T]) -> Callable[P, T]:
    """Give `draw` the style of tidu's pictures while it runs."""

    @functools.wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> T:
        with quiet(), matplotlib.rc_context(_style()):
            return draw(*args, **kwargs)

    return styled


def _style() -> dict[Any, Any]:
    families = ["DejaVu Sans", *([cjk_font()] if cjk_font() else [])]  # glyph by glyph: the first font that has it
    return {
        "font.family": families,
        "axes.unicode_minus": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.alpha": 0.25,
        "axes.titlesize": "medium",
        "legend.frameon": False,
        "svg.fonttype": "path",
    }


def blank(
    columns: int = 1, rows: int = 1, width: float = 6.0, height: float = 4.0, shared: bool = False,
    shares: Sequence[float] | None = None,
) -> tuple[Figure, list[Axes]]:  # fmt: skip
    """A figure of `rows` × `columns` axes, each `width` × `height` inches; the axes row by row.

    `shared` axes have one x; `shares` are the heights of the rows, in proportion.
    """
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False, sharex=shared, height_ratios=shares)
    return figure, list(axes.flat)


def check_path(path: str | os.PathLike[str], more: Sequence[str] = ()) -> None:
    """Raise now what `save` would raise after the work is done; `more` are further formats."""
    target, formats = Path(path), (*FORMATS, *more)
    if target.suffix.lower() not in formats:
        raise SettingError(
            _("a picture's file name must end in {formats}, not '{path}'").format(
                formats=", ".join(formats), path=os.fspath(path)
            )
        )
    if not target.parent.is_dir():
        raise DataError(_("there is no folder '{folder}' to write to").format(folder=target.parent))


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write the picture in the format that its name ends in."""
    check_path(path)
    write_whole(path, written(figure, Path(path).suffix[1:].lower()))


def written(figure: Figure, form: str) -> bytes:
    """The picture as the content of a file; the same picture is the same bytes."""
    content = io.BytesIO()
    dated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    with quiet() as warned, matplotlib.rc_context({**_style(), "svg.hashsalt": "tidu"}):
        figure.savefig(content, format=form, dpi=150, metadata=dated.get(form))
    if cjk_font() is None and any("missing from" in str(warning.message) for warning in warned):
        say_once_which_to_install()  # a column's name, say, which stands there whatever the language is
    return content.getvalue()


def pixels_of(figure: Figure, dpi: int) -> npt.NDArray[np.uint8]:
    """The figure as an array of shape (height, width, 3)."""
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    with quiet(), matplotlib.rc_context(_style()):
        canvas.draw()  # type: ignore[no-untyped-call]
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()  # type: ignore[no-untyped-call]
