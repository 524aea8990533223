"""How quick the lab is, measured in a real browser: `python benchmarks/lab.py`; it needs Chromium and Playwright.

A line for each thing that one does, on small data (a line, XOR, digits), on 10⁵ rows and with a network of 784-128-10:
the time from a key until all views have the numbers of the step, and until the frame with them is painted (the next of
60 a second, so half of 16.7 ms later at best); and the frames while it plays and while one drags. First, the time from
`tidu lab` to a page that answers.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine

STEPS = 30  # of which the median is told
PLAYING = 3000  # milliseconds
DRAGS = 90  # moves of the pointer, one a frame
WATCH = """() => { const seen = window.frames_ = []; let last = performance.now(); window.watching = true;
  const next = (now) => { seen.push(now - last); last = now; if (window.watching) requestAnimationFrame(next); };
  requestAnimationFrame(next); }"""
STEP = """async (count) => { const { on, state } = await import("./state.js"), drawn = [], shown = [];
  let told = () => {};
  on(["explanation"], () => told()); // behind the views, which asked before
  const painted = () => new Promise((done) => requestAnimationFrame(() => {
    const after = new MessageChannel(); after.port1.onmessage = done; after.port2.postMessage(0); }));
  for (let k = 0; k < count; k++) {
    const goal = state.step + 1, began = performance.now();
    const there = new Promise((done) => { told = () => { if (state.explanation?.step === goal) done(); }; });
    document.getElementById("one").click();
    await there; drawn.push(performance.now() - began);
    await painted(); shown.push(performance.now() - began);
    await new Promise((r) => setTimeout(r, 60 + 17 * Math.random()));
  }
  told = () => {};
  return [drawn, shown]; }"""


PLACES = """async () => { const { state } = await import("./state.js"), { Plot, range } = await import("./plot.js");
  const within = (selector, x, y, at) => { const plot = Object.create(Plot.prototype);
    const { width, height } = document.querySelector(`${selector} canvas`).getBoundingClientRect();
    Object.assign(plot, { width, height, x, y, logY: false });
    return [plot.px(at[0]) / width, plot.py(at[1]) / height]; };
  const { values, shape } = state.table;
  const column = (k) => Array.from({ length: shape[0] }, (_n, i) => values[i * shape[1] + k]);
  const around = () => within("#view-data", range([column(0)]), range([column(1)], 0.12), values);
  const point = shape[1] === 2 ? around() : null;
  const { landscape, start } = state, ends = (a) => [a.values[0], a.values.at(-1)];
  if (!start || !landscape) return { point, start: null };
  return { point, start: within("#view-landscape", ends(landscape.x), ends(landscape.y), [start.x, start.y]) };
}"""


@contextmanager
def lab(*arguments: str) -> Iterator[tuple[str, float]]:
    """The address of a lab, and how many seconds it took until its page was answered."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "tidu", "lab", "--port", "0", "--no-browser", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found
        urllib.request.urlopen(found[0]).read()
        took = time.perf_counter() - began
        try:
            yield found[0], took
        finally:
            process.terminate()


def frames(page: Any, during: Any) -> list[float]:
    """How long each frame took while something went on, in milliseconds."""
    page.evaluate(WATCH)
    during()
    found: list[float] = page.evaluate("() => { window.watching = false; return window.frames_.slice(2) }")
    return found


def told(what: str, milliseconds: list[float], more: str = "") -> None:
    """A line of the table."""
    median, most = np.percentile(milliseconds, [50, 95])
    print(f"  {what:<36} {median:8.1f} {most:8.1f} {max(milliseconds):8.1f}  {more}", flush=True)


def dragged(page: Any, selector: str, start: tuple[float, float]) -> None:
    """Drag from a place of an element, given as shares of its size, a tenth of it to the right and back again."""
    box = page.locator(selector).bounding_box()
    x, y = box["x"] + start[0] * box["width"], box["y"] + start[1] * box["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    for k in range(DRAGS):
        page.mouse.move(x + 0.05 * (1 - np.cos(2 * np.pi * k / DRAGS)) * box["width"], y)
        page.wait_for_timeout(16)
    page.mouse.up()
    page.wait_for_timeout(500)


def measured(page: Any, title: str, small: bool) -> None:
    """All that is measured of one problem."""
    print(title)
    page.wait_for_timeout(2500)
    drawn, shown = page.evaluate(STEP, STEPS)
    told("a step until all views are drawn", drawn)
    told("a step until they are on the screen", shown)
    before = page.evaluate("async () => (await import('./state.js')).state.step")

    def playing() -> None:
        page.click("#play")
        page.wait_for_timeout(PLAYING)
        page.click("#play")

    seen = frames(page, playing)
    page.wait_for_timeout(500)
    after = page.evaluate("async () => (await import('./state.js')).state.step")
    told("frames while it plays", seen, f"{(after - before) / (PLAYING / 1000):.0f} steps a second")
    places = page.evaluate(PLACES)
    if small:
        told("frames: a point is dragged", frames(page, lambda: dragged(page, "#view-data canvas", places["point"])))
    if places["start"]:
        told(
            "frames: the start is dragged",
            frames(page, lambda: dragged(page, "#view-landscape canvas", places["start"])),
        )
    told("frames: the learning rate", frames(page, lambda: dragged(page, "#lr-slider", (0.2, 0.5))))
    page.wait_for_timeout(1000)


def tables(folder: Path) -> tuple[Path, Path]:
    """10⁵ rows around a line; 1000 pictures of 28 by 28 in ten classes, whose brightest block says which."""
    generator = np.random.default_rng(0)
    x = generator.uniform(0, 10, 100_000)
    rows = np.column_stack([x, 2 * x + 1 + generator.normal(size=len(x))])
    np.savetxt(folder / "line.csv", rows, "%.5f", ",", header="x,y", comments="")
    kinds = np.arange(1000) % 10
    pixels = generator.integers(0, 60, (1000, 784))
    for k in range(10):
        pixels[kinds == k, 78 * k : 78 * k + 40] += 150
    header = ",".join([*(f"p{k}" for k in range(784)), "digit"])
    np.savetxt(folder / "digits.csv", np.column_stack([pixels / 255, kinds]), "%.4g", ",", header=header, comments="")
    return folder / "line.csv", folder / "digits.csv"


def main() -> None:
    """Print the table."""
    from playwright.sync_api import sync_playwright

    print(machine(1))
    times = []
    for _turn in range(5):
        with lab() as (_address, took):
            times.append(took)
    print(
        f"from `tidu lab` to a page that answers: {np.median(times):.2f} s (from {min(times):.2f} to {max(times):.2f})"
    )
    print(f"  {'milliseconds':<36} {'median':>8} {'95 %':>8} {'worst':>8}")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        line, digits = tables(Path(folder))
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        problems: list[tuple[str, tuple[str, ...], str]] = [
            ("a line, 100 rows", (), "line"),
            ("XOR, a network of 2-4-1", (), "xor"),
            ("digits, 64-64-10, 1797 rows, batches of 32", (), "digits"),
            ("a line, 100 000 rows", (str(line), "y = w*x + b", "--lr", "0.01"), ""),
            ("784-128-10, 1000 rows, batches of 32",
             (str(digits), "digit = mlp(..., hidden=[128])", "--loss", "softmax", "--optimizer", "adam", "--batch-size",
              "32", "--lr", "0.001"), ""),
        ]  # fmt: skip
        for title, arguments, example in problems:
            with lab(*arguments) as (address, _took):
                page = browser.new_page(viewport={"width": 1400, "height": 1000})
                page.goto(address)
                page.wait_for_selector("html[data-ready]", state="attached", timeout=60_000)
                if example:
                    page.select_option("#examples", example)
                measured(page, title, example == "line")
                page.close()


if __name__ == "__main__":
    main()
