"""Walks in real browsers: opened, answered wrongly and rightly, gone to their end, in both languages."""

from __future__ import annotations

import pytest
from browsing import BROWSERS, gone, lab, launched, opened, settled, state

import tidu
from tidu.lab.walks.stage import Stage
from tidu.lab.walks.walk import WALKS, Choice, Number, Task

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BROWSERS, reason="no browser is installed"),
    pytest.mark.filterwarnings("default"),  # of the browsers' driver
]
IN_FIREFOX = ("meter", "minimum")


@pytest.fixture(scope="module")
def address():
    with lab() as found:
        yield found


@pytest.fixture(scope="module")
def browsers():
    with playwright.sync_playwright() as driver:
        found = {name: launched(driver, name) for name in BROWSERS}
        yield found
        for browser in found.values():
            browser.close()


@pytest.fixture
def page(request, browsers, address):
    name = getattr(request, "param", "chromium")
    if name not in browsers:
        pytest.skip(f"{name} is not installed")
    found = opened(browsers[name], address, viewport={"width": 1400, "height": 1000})
    yield found
    assert found.faults == []
    found.context.close()


def arrived(page, name: str, stop: int) -> None:
    """Wait until the panel and the lab stand at a stop."""
    there = WALKS[name].stops[stop]
    page.wait_for_function(
        "k => document.querySelector('#walk-title')?.textContent.match(/\\d+/)?.[0] === String(k)", arg=stop + 1
    )
    page.wait_for_function(
        "([formula, step]) => { const { state } = lab; return state.formula === formula && state.step === step "
        "&& state.explanation?.step === step }",
        arg=[there.scene.formula, there.step],
        timeout=30_000,
    )
    page.wait_for_selector(f"#view-{there.look}.looked")


def answered(page, name: str, stop: int) -> None:
    """Answer wrongly, then rightly, by the keyboard where there is something to type."""
    there = WALKS[name].stops[stop]
    stage = Stage.of(there.scene)
    if isinstance(there.question, Number):
        page.fill("#walk-answer", "123456")
        page.press("#walk-answer", "Enter")
        page.wait_for_selector("#walk-verdict.wrong")
        page.fill("#walk-answer", f"{there.question.value(stage):.{there.question.decimals}f}")
        page.press("#walk-answer", "Enter")
    elif isinstance(there.question, Choice):
        right = there.question.right(stage)
        wrong = next(c for c in WALKS[name].page("en").sections[stop].choices if c != right)
        for choice, verdict in ((wrong, "wrong"), (right, "right")):
            page.check(f"#walk input[value='{choice}']")
            page.press("#walk-check", "Enter")
            page.wait_for_selector(f"#walk-verdict.{verdict}")
    else:
        page.click("#walk-check")
        page.wait_for_selector("#walk-verdict.wrong")
        stage.close()
        return
    page.wait_for_selector("#walk-verdict.right")
    stage.close()


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(
    ("name", "page"),
    [(name, "chromium") for name in WALKS] + [(name, "firefox") for name in IN_FIREFOX],
    indirect=["page"],
)
def test_a_walk_is_gone_to_its_end(page, name: str, lang: str) -> None:
    if lang == "zh":
        page.click("#language")
        page.wait_for_selector("html[lang=zh][data-ready]", state="attached")
        page.evaluate("async () => { window.lab = await import('./state.js') }")
    page.select_option("#lessons", name)
    section, stops = WALKS[name].page(lang).sections, WALKS[name].stops
    for stop in range(len(stops)):
        arrived(page, name, stop)
        assert page.inner_text("#walk-heading") == section[stop].heading
        assert "«" not in page.inner_text("#walk")
        assert "$" not in page.inner_text("#walk")
        part = stops[stop].part
        if part:
            page.wait_for_selector("#view-mathematics .part.now")
        answered(page, name, stop)
        page.click("#walk-next")
    page.wait_for_selector("#walk nav:not(:has(#walk-next))")
    tasks = sum(isinstance(s.question, Task) for s in stops)
    assert str(len(stops) - tasks) in page.inner_text("#walk-heading")
    assert f"tidu lesson {name}" in page.inner_text("#walk")


def test_a_task_is_done_and_show_me_brings_the_scene_back(page) -> None:
    page.select_option("#lessons", "meter")
    for stop in range(3):
        arrived(page, "meter", stop)
        page.click("#walk-next")
    arrived(page, "meter", 3)
    page.fill("#set-lr", "1")
    page.press("#set-lr", "Tab")
    page.wait_for_function("() => lab.state.settings.lr === '1'")
    gone(page, 1)
    page.click("#walk-check")
    page.wait_for_selector("#walk-verdict.right")
    page.click("#walk-show")
    page.wait_for_function("() => lab.state.settings.lr === '0.2' && lab.state.step === 0")
    assert page.input_value("#set-lr") == "0.2"


def test_the_whole_walk_by_the_keyboard_and_its_place_survives_a_change_of_language(page) -> None:
    page.focus("#lessons")
    page.select_option("#lessons", "backward")
    arrived(page, "backward", 0)
    assert page.get_attribute("#walk-verdict", "aria-live") == "polite"
    page.wait_for_selector("#view-graph svg")
    page.wait_for_function("() => document.querySelector('#view-graph').getBoundingClientRect().top < innerHeight")
    page.focus("#walk-answer")
    page.keyboard.type("-2.5")
    page.keyboard.press("Enter")
    page.wait_for_selector("#walk-verdict.right")
    page.focus("#walk-next")
    page.keyboard.press("Enter")
    arrived(page, "backward", 1)
    page.wait_for_function("() => document.activeElement.id === 'walk-heading'")
    page.keyboard.press("Tab")  # from the heading to the answer
    assert page.evaluate("() => document.activeElement.id") == "walk-answer"
    page.click("#language")
    page.wait_for_selector("html[lang=zh][data-ready]", state="attached")
    page.evaluate("async () => { window.lab = await import('./state.js') }")
    arrived(page, "backward", 1)
    assert page.inner_text("#walk-heading") == WALKS["backward"].page("zh").sections[1].heading
    page.click("#walk-close")
    assert page.is_hidden("#walk")
    page.keyboard.press("Escape")


def test_a_function_without_data_has_its_curve_and_its_command(page) -> None:
    page.select_option("#examples", "function")
    page.wait_for_function("() => lab.state.data?.function && lab.state.formula === '3*x**2'")
    gone(page, 3)
    assert page.is_visible("#view-landscape")
    assert page.is_hidden("#view-data")
    assert page.is_hidden("#view-rows")
    page.wait_for_function("() => lab.state.landscape?.way?.values.length === 4")
    assert state(page, "landscape.contours.names") == ["x"]
    page.fill("#formula", "x**4 - 3*x**2 + x")
    page.click("#begin")
    page.wait_for_function("() => lab.state.formula.startsWith('x**4')")
    settled(page, 0)
    page.fill("#formula", "x**4 + y")
    page.wait_for_function("() => /y=1/.test(document.querySelector('#formula-error').textContent)")
    page.click("#away summary")
    page.get_by_role("button", name="the command that does the same").click()
    page.wait_for_function("() => /tidu minimize .x\\*\\*4/.test(document.querySelector('.said').textContent)")


def test_the_command_line_opens_a_lesson(browsers) -> None:
    if "chromium" not in browsers:
        pytest.skip("chromium is not installed")
    with lab("--lesson", "5", "--lang", "zh") as found:
        page = opened(browsers["chromium"], found)
        arrived(page, "learning-rate", 0)
        assert page.faults == []
        page.context.close()


def test_a_legend_names_the_earlier_runs_and_drops_them(page) -> None:
    gone(page, 10)
    page.check("#keep")
    for count, rate in enumerate(("0.0002", "0.0003"), 1):
        page.fill("#set-lr", rate)
        page.press("#set-lr", "Tab")
        page.wait_for_function("n => lab.state.others.length === n", arg=count)
        settled(page, 10)
    names = page.locator("#view-loss .legend .name")
    page.wait_for_function("() => document.querySelectorAll('#view-loss .legend .name').length === 2")
    assert names.all_inner_texts() == ["lr = 0.0001", "lr = 0.0002"]
    assert page.locator("#view-landscape .legend .name").count() == 2
    page.locator("#view-loss .legend button").first.click()
    page.wait_for_function("() => lab.state.others.length === 1")
    assert names.all_inner_texts() == ["lr = 0.0002"]
    page.select_option("#examples", "parabola")  # other data: nothing earlier is drawn over them
    page.wait_for_function("() => lab.state.formula.includes('w3') && lab.state.others.length === 0")
    assert page.is_hidden("#view-loss .legend")


def test_a_run_opens_at_the_step_where_it_stands(browsers, tmp_path) -> None:
    if "chromium" not in browsers:
        pytest.skip("chromium is not installed")
    data = tmp_path / "points.csv"
    data.write_text("x,y\n1,2\n2,4\n3,6.5\n")
    run = tidu.fit("y = w*x", data, lr=0.05, epochs=6)
    run.save(tmp_path / "kept.tidu")
    with lab(str(tmp_path / "kept.tidu")) as found:
        page = opened(browsers["chromium"], found)
        settled(page, 6)
        assert state(page, "digits") == {"w": repr(run.params["w"])}
        assert page.faults == []
        page.context.close()
