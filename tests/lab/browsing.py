"""A lab in a process of its own, and the browsers that look at it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CHROMIUM = next((p for p in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if p), None)
FIREFOX = next((p for p in map(shutil.which, ("firefox-esr", "firefox")) if p), None)
BROWSERS = [name for name, path in (("chromium", CHROMIUM), ("firefox", FIREFOX)) if path]


@contextmanager
def lab(*arguments: str) -> Iterator[str]:
    """The address of a lab that was started with these arguments."""
    with served(*arguments) as (address, _process):
        yield address


@contextmanager
def served(*arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of a lab, and the process that serves it."""
    command = [sys.executable, "-m", "tidu", "lab", "--port", "0", "--no-browser", *arguments]
    environment = {**os.environ, "TIDU_LANG": "en", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        try:
            assert found, (line, process.poll())
            yield found[0], process
        finally:
            process.terminate()
            process.communicate(timeout=10)


def launched(playwright: Any, name: str) -> Any:
    """A browser from the distribution's packages."""
    if name == "firefox":
        return playwright.firefox.launch(channel="moz-firefox", executable_path=FIREFOX, timeout=60_000)
    flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
    return playwright.chromium.launch(executable_path=CHROMIUM, args=[*flags, "--disable-component-update"])


def opened(browser: Any, address: str, **options: Any) -> Any:
    """A page that is ready; it fails on an error in the console and on a request to any other host."""
    context = browser.new_context(**options)
    page = context.new_page()
    page.faults = []
    page.on("console", lambda m: page.faults.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: page.faults.append(str(e)))
    host = re.match(r"http://[^/]+/", address)
    assert host

    def held(route: Any) -> None:
        if route.request.url.startswith(host[0]):
            route.continue_()
        else:
            page.faults.append(f"asked {route.request.url}")
            route.abort()

    context.route(re.compile("^(?!data:|blob:)"), held)
    page.goto(address)
    page.wait_for_selector("html[data-ready]", state="attached", timeout=30_000)
    page.evaluate("async () => { window.lab = await import('./state.js') }")
    return page


def gone(page: Any, step: int) -> None:
    """Go to a step, and wait until the page stands there with its explanation."""
    page.fill("#jump", str(step))
    page.press("#jump", "Enter")
    settled(page, step)


def settled(page: Any, step: int) -> None:
    """Wait until the page stands at a step, explained."""
    page.wait_for_function(
        "step => { const { state } = lab; return state.step === step "
        "&& (state.explanation?.step === step || state.why !== '') }",
        arg=step,
        timeout=30_000,
    )


def state(page: Any, expression: str) -> Any:
    """A value of the page's state, such as `params.w`."""
    return page.evaluate(f"() => lab.state.{expression}")
