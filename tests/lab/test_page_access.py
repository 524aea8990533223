"""The page for everybody: what a checker of accessibility finds, text for what is drawn, widths, motion, contrast."""

from __future__ import annotations

import pytest
from browsing import BROWSERS, gone, lab, launched, opened

from tidu.lab.examples import example_named

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("chromium" not in BROWSERS, reason="Chromium is not installed"),
    pytest.mark.filterwarnings("default"),  # of the browser's driver
]
WIDTHS = (360, 800, 1400, 2560)


@pytest.fixture(scope="module")
def address():
    with lab() as found:
        yield found


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        found = launched(driver, "chromium")
        yield found
        found.close()


def shown(browser, address, example: str, language: str = "en", **options):
    """A page with everything open."""
    page = opened(browser, address, **options)
    if language == "zh":
        page.click("#language")
        page.wait_for_selector("html[lang=zh][data-ready]", state="attached")
        page.evaluate("async () => { window.lab = await import('./state.js') }")
    page.select_option("#examples", example)
    formula = example_named(example).formula
    page.wait_for_function("f => lab.state.formula === f && lab.state.explanation?.step === 0", arg=formula)
    gone(page, 5)
    page.evaluate("() => { for (const d of document.querySelectorAll('details')) d.open = true }")
    page.click("#part")
    page.wait_for_selector(".part.now")
    return page


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("example", ["line", "xor"])
def test_a_checker_finds_nothing_serious(browser, address, example, scheme, language) -> None:
    page = shown(browser, address, example, language, color_scheme=scheme, viewport={"width": 1400, "height": 1000})
    page.locator("#view-mathematics .equation[data-node]").first.hover()
    found = axe.Axe().run(page).response["violations"]
    bad = [(v["id"], v["nodes"][0]["html"][:200]) for v in found if v["impact"] in ("serious", "critical")]
    assert bad == []
    assert page.faults == []
    page.context.close()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("example", ["line", "digits"])
def test_every_width_has_it_all_without_scrolling_sideways(browser, address, example, width) -> None:
    page = shown(browser, address, example, viewport={"width": width, "height": 800})
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    outside = page.evaluate("""() => [...document.querySelectorAll("button, input, select, canvas, h2, summary")]
      .filter((e) => e.checkVisibility() && !e.closest(".table, .drawing, .confusion"))
      .filter((e) => { const box = e.getBoundingClientRect(); return box.left < 0 || box.right > innerWidth + 1 })
      .map((e) => e.id || e.outerHTML.slice(0, 80))""")
    assert outside == []
    # What is told at the bottom stands below the content, not over its end.
    page.locator("#view-mathematics .equation[data-node]").first.hover()
    page.evaluate("() => scrollTo(0, document.documentElement.scrollHeight)")
    end, told = page.evaluate("""() => [document.querySelector("main").getBoundingClientRect().bottom,
      document.querySelector("#told").getBoundingClientRect().top]""")
    assert end <= told + 1
    page.context.close()


def test_a_phone_has_the_player_at_hand_and_the_pictures_before_the_settings(browser, address) -> None:
    page = opened(browser, address, viewport={"width": 360, "height": 780}, has_touch=True)
    assert not page.is_visible("#set-lr")
    page.click("#choices summary")
    assert page.is_visible("#set-lr")
    page.locator("#view-loss").scroll_into_view_if_needed()
    top = page.locator("#play").bounding_box()["y"]
    assert 0 <= top < 100
    page.click("#one")
    page.wait_for_function("() => lab.state.step === 1")
    page.context.close()


def test_what_is_drawn_is_said(browser, address) -> None:
    page = shown(browser, address, "line", viewport={"width": 1400, "height": 1000})
    for view, words in (("data", "100 Rows"), ("landscape", "w = "), ("loss", "step 5")):
        said = page.get_attribute(f"#view-{view} canvas", "aria-label")
        assert words.lower() in said.lower()
    page.context.close()


def test_nothing_moves_for_those_who_want_no_motion(browser, address) -> None:
    page = shown(browser, address, "line", reduced_motion="reduce")
    moving = page.evaluate("""() => [...document.querySelectorAll("*")].filter((e) => {
      const style = getComputedStyle(e);
      return style.animationName !== "none" || parseFloat(style.transitionDuration) > 0 }).length""")
    assert moving == 0
    page.context.close()
