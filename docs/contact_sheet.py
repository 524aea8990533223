"""`python docs/contact_sheet.py`: every kind of picture, in both languages, on one sheet in docs/pictures.

To be looked at before a release; with a folder as argument, each picture is left there too, at its full size.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

import tidu
from tidu.insight.picturing.kinds import KINDS
from tidu.lessons import line
from tidu.text import use_language

SHEET = Path(__file__).parent / "pictures" / "contact-sheet.png"
CELL = (640, 440)  # pixels of one picture on the sheet
COLOURS = 64  # of the sheet, which keeps its file small
COLOURS_ALONE = 192  # of a picture by itself: with fewer, a thin line takes the colour of another
IN_THE_GUIDE = ("contours", "graph")  # pictures that stand there by themselves, in both languages


def runs() -> dict[str, tidu.Run]:
    """A training for each kind of picture."""
    generator = np.random.default_rng(0)
    x = np.linspace(0.0, 5.0, 60)
    t = np.linspace(0.0, 6.0, 60)
    classes = np.arange(150) % 3
    centres = np.array([[0.0, 2.0], [2.2, -1.0], [-2.2, -1.0]])
    points = generator.normal(size=(150, 2)) + centres[classes]
    points_and_colours = {"u": points[:, 0], "v": points[:, 1], "colour": np.array(["red", "green", "blue"])[classes]}
    straight = {"x": x, "y": 2.0 * x + 1.0 + 0.6 * generator.normal(size=60)}
    decay = {"t": t, "y": 4.0 * np.exp(-0.8 * t) + 0.5 + 0.1 * generator.normal(size=60)}
    curve = tidu.fit("y = a*exp(-k*t) + c", decay, lr=0.1, epochs=2000, init={"a": 1, "k": 0.2})
    colours = tidu.fit("colour = mlp(u, v, hidden=[8])", points_and_colours, loss="softmax", optimizer="adam", lr=0.03,
                       epochs=200, batch_size=30)  # fmt: skip
    few = tidu.fit("y = w*x + b", {name: c[::5] for name, c in straight.items()}, lr=0.02, epochs=5, batch_size=5)
    network = tidu.fit("y = mlp(u, v, hidden=[3])", {"u": points[:, 0], "v": points[:, 1], "y": points[:, 0] ** 2},
                       lr=0.02, epochs=5, batch_size=30)  # fmt: skip
    return {
        "solved": tidu.fit("y = a*exp(-k*t) + c", decay, optimizer="lm", init={"a": 1, "k": 0.2}),
        "line": tidu.fit("y = w*x + b", straight, lr=0.03, epochs=200),
        "batches": tidu.fit("y = w*x + b", straight, lr=0.02, epochs=20, batch_size=10),
        "sgd": tidu.fit("y = w*x + b", straight, lr=0.01, epochs=20, batch_size=1),
        "decay": curve, "colours": colours, "few": few, "network": network,
        "valley": tidu.fit("y = w*x + b", line.data(), lr=line.LR, epochs=1000),
    }  # fmt: skip


def pictures(made: dict[str, tidu.Run]) -> dict[str, Callable[[Path], object]]:
    """The pictures by name, each written to a path; every kind is there."""
    r = made
    return {
        "overview": lambda p: r["line"].plot(p),
        "loss": lambda p: r["decay"].plot(p, "loss"),
        "loss-linear": lambda p: r["batches"].plot(p, "loss", axis="linear", beside=[r["sgd"], r["few"]]),
        "parameters": lambda p: r["decay"].plot(p, "parameters"),
        "fit": lambda p: r["decay"].plot(p, "fit"),
        "residuals": lambda p: r["line"].plot(p, "residuals"),
        "bands": lambda p: r["solved"].plot(p, "bands"),
        "profiles": lambda p: r["solved"].plot(p, "profiles", of="a,k"),
        "pairs": lambda p: r["solved"].plot(p, "pairs", of="a,k"),
        "contours": lambda p: r["line"].plot(p, "contours", paths="gd,momentum,adam"),
        "contours-valley": lambda p: r["valley"].plot(p, "contours"),
        "contours-slice": lambda p: r["decay"].plot(p, "contours", of="a,k"),
        "batches": lambda p: r["few"].plot(p, "batches"),
        "batches-many": lambda p: r["batches"].plot(p, "batches"),
        "gradients": lambda p: r["batches"].plot(p, "gradients", step=3),
        "gradients-network": lambda p: r["colours"].plot(p, "gradients", of="W1,W2"),
        "confusion": lambda p: r["colours"].plot(p, "confusion"),
        "boundary": lambda p: r["colours"].plot(p, "boundary"),
        "graph": lambda p: r["few"].plot(p, "graph", step=2),
        "graph-network": lambda p: r["network"].plot(p, "graph"),
    }


def kept(picture: Image.Image, path: Path, colours: int = COLOURS) -> None:
    """Write a picture with few colours."""
    picture.quantize(colours, dither=Image.Dither.NONE).save(path, optimize=True)


def sheet(folder: Path) -> Image.Image:
    """All pictures, English beside Chinese, on white."""
    made = runs()
    wanted = pictures(made)
    assert {name.partition("-")[0] for name in wanted} == set(KINDS), "a kind of picture is missing on the sheet"
    columns = 4
    rows = -(-2 * len(wanted) // columns)
    whole = Image.new("RGB", (columns * CELL[0], rows * CELL[1]), "white")
    for k, (name, write) in enumerate(wanted.items()):
        for j, lang in enumerate(("en", "zh")):
            use_language(lang)
            path = folder / f"{name}.{lang}.png"
            write(path)
            with Image.open(path) as picture:
                small = picture.convert("RGB")
            if name in IN_THE_GUIDE:
                kept(small, SHEET.parent / f"{name}.{lang}.png", COLOURS_ALONE)
            small.thumbnail((CELL[0] - 24, CELL[1] - 24), Image.Resampling.LANCZOS)
            row, column = divmod(2 * k + j, columns)
            whole.paste(small, (column * CELL[0] + (CELL[0] - small.width) // 2,
                                row * CELL[1] + (CELL[1] - small.height) // 2))  # fmt: skip
    use_language("en")
    return whole


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(place)
        folder.mkdir(parents=True, exist_ok=True)
        kept(sheet(folder), SHEET)
    print(f"{SHEET}: {SHEET.stat().st_size / 1000:.0f} kB")
