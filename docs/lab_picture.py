"""`python docs/lab_picture.py`: the picture of the lab with which the READMEs open, in both languages.

It is what a browser shows of the data and formula of the README, some steps into the training; it needs Chromium and
Playwright.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
COLOURS = 128  # which keeps the file small
SIZE = {"width": 1320, "height": 860}
LAB = ("examples/stopping.csv", "dist = a*(speed/10) + b*(speed/10)**2", "--lr", "0.05")
STEP = 12


def picture(language: str) -> Image.Image:
    """The page at a step, in a language."""
    command = [sys.executable, "-m", "tidu", "lab", *LAB, "--port", "0", "--no-browser", "--lang", language]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process, sync_playwright() as driver:
        assert process.stdout is not None
        address = re.search(r"http://\S+", process.stdout.readline())
        assert address
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.goto(address[0])
        page.wait_for_selector("html[data-ready]", state="attached")
        page.fill("#jump", str(STEP))
        page.press("#jump", "Enter")
        page.wait_for_function("step => Number(document.getElementById('jump').value) === step", arg=STEP)
        page.evaluate("() => document.activeElement.blur()")
        page.wait_for_timeout(1500)
        page.locator("#view-mathematics .equation").nth(6).dispatch_event("pointerover")
        page.wait_for_timeout(2000)
        shot = page.screenshot()
        browser.close()
        process.terminate()
    return Image.open(io.BytesIO(shot)).convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE)


def main() -> None:
    """Write both."""
    for language, suffix in (("en", ""), ("zh", ".zh")):
        path = ROOT / "docs" / "pictures" / f"lab{suffix}.png"
        picture(language).save(path, optimize=True)
        print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
