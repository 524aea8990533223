"""Animations: figures one after another in a GIF or WebP, by Pillow, which comes with matplotlib."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tidu.writing import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ANIMATED = (".gif", ".webp")
DPI = 90
SHORT, LONG = 160, 1800  # milliseconds that a frame and the last frame stay


def write_animation(figures: Sequence[Figure], path: str | os.PathLike[str]) -> None:
    """Write the figures, all of one size, as an animation that begins anew when it ends."""
    from PIL import Image

    from tidu.pictures.figure import pixels_of

    frames = [Image.fromarray(pixels_of(figure, DPI)) for figure in figures]
    suffix = Path(path).suffix[1:].lower()
    if suffix == "gif":
        frames = [frame.quantize(96, dither=Image.Dither.NONE) for frame in frames]
    content = io.BytesIO()
    how = {"quality": 80, "method": 4} if suffix == "webp" else {"optimize": True}
    frames[0].save(
        content, format=suffix.upper(), save_all=True, append_images=frames[1:],
        duration=[SHORT] * (len(frames) - 1) + [LONG], loop=0, **how,
    )  # fmt: skip
    write_whole(path, content.getvalue())
