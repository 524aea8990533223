"""`python docs/lab_sheets.py FOLDER`: every lesson's page in the lab, in both languages, light and dark, to look at.

A contact sheet for each language, scheme and width, with a page of each lesson; it needs Chromium and Playwright. The
pictures are not kept in the project.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from tidu.lab.walks.walk import WALKS

WIDTHS = {360: 1500, 1024: 1300, 1920: 1300}  # and how high a page is taken
SCHEMES = ("light", "dark")
ACROSS = {360: 6, 1024: 4, 1920: 3}  # pages in a row of a sheet
SHARE = {360: 0.85, 1024: 0.5, 1920: 0.42}  # of its size, that a page has on a sheet
STOP = 1  # of each lesson, counted from 0


@contextmanager
def lab(language: str) -> Iterator[str]:
    """The address of a lab in a language."""
    command = [sys.executable, "-m", "tidu", "lab", "--port", "0", "--no-browser", "--lang", language]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        address = re.search(r"http://\S+", process.stdout.readline())
        assert address
        try:
            yield address[0]
        finally:
            process.terminate()


def pages(browser: Any, address: str, lesson: str) -> Iterator[tuple[str, int, Image.Image]]:
    """The page of a lesson in each scheme and width; it is loaded at each width, for it begins otherwise on a phone."""
    for width, height in WIDTHS.items():
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(address)
        page.wait_for_selector("html[data-ready]", state="attached")
        page.select_option("#lessons", lesson)
        page.wait_for_selector("#walk-next")
        for _turn in range(STOP):
            page.click("#walk-next")
        page.wait_for_timeout(2000)
        page.evaluate("() => scrollTo(0, 0)")
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            page.wait_for_timeout(250)
            yield scheme, width, Image.open(io.BytesIO(page.screenshot()))
        page.close()


def sheet(pictures: list[Image.Image], width: int) -> Image.Image:
    """Pages side by side, smaller."""
    small = [p.resize((round(SHARE[width] * p.width), round(SHARE[width] * p.height))) for p in pictures]
    across, (wide, high) = ACROSS[width], small[0].size
    whole = Image.new("RGB", (across * (wide + 8), -(-len(small) // across) * (high + 8)), "#888888")
    for k, picture in enumerate(small):
        whole.paste(picture, (k % across * (wide + 8), k // across * (high + 8)))
    return whole


def main() -> None:
    """Write the sheets."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for language in ("en", "zh"):
            found: dict[tuple[str, int], list[Image.Image]] = {}
            with lab(language) as address:
                for lesson in WALKS:
                    for scheme, width, picture in pages(browser, address, lesson):
                        found.setdefault((scheme, width), []).append(picture)
            for (scheme, width), pictures in found.items():
                path = folder / f"{language}-{scheme}-{width}.png"
                sheet(pictures, width).save(path)
                print(path)
        browser.close()


if __name__ == "__main__":
    main()
