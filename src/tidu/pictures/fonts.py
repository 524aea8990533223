"""Fonts for pictures: the one that has Chinese, the line that says which to install, and matplotlib kept quiet.

matplotlib keeps a list of fonts on disk and does not look again by itself; here a font that is newer than the list is
found too. What it would warn of, such as a missing glyph, is said in one sentence of our own, once.
"""

from __future__ import annotations

import functools
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tidu.text import _

CJK_FONTS = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "Noto Sans CJK JP",
    "PingFang SC", "Hiragino Sans GB", "Heiti SC", "Microsoft YaHei", "SimHei", "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei", "Droid Sans Fallback", "Arial Unicode MS",
)  # fmt: skip


@contextmanager
def quiet() -> Iterator[list[warnings.WarningMessage]]:
    """Matplotlib without its warnings and log; gives the warnings, to be told in other words."""
    log = logging.getLogger("matplotlib")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)  # as which matplotlib gives them
            yield caught
    finally:
        log.setLevel(level)


@functools.cache
def cjk_font() -> str | None:
    """The first installed font that has Chinese characters, if any."""
    with quiet():
        return _first_of(CJK_FONTS) or (_first_of(CJK_FONTS) if _looked_again() else None)


def _first_of(names: tuple[str, ...]) -> str | None:
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist if Path(font.fname).is_file()}
    return next((name for name in names if name in installed), None)


def _looked_again() -> bool:
    """Add the fonts that are newer than matplotlib's list; whether there are any."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    new = {*findSystemFonts()} - {font.fname for font in fontManager.ttflist}
    for path in sorted(new):
        try:
            fontManager.addfont(path)
        except (OSError, RuntimeError, ValueError):  # no font that matplotlib can read
            continue
    return bool(new)


@functools.cache
def say_once_which_to_install() -> None:
    """One line on standard error, where the program has not sent its log elsewhere."""
    logging.getLogger("tidu").warning(
        _(
            "there is no font with Chinese characters for pictures; install one, such as the package fonts-noto-cjk "
            "(Debian, Ubuntu), google-noto-sans-cjk-fonts (Fedora) or noto-fonts-cjk (Arch)"
        )
    )
