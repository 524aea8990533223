"""The page in real browsers: each control, the links between the views, and numbers that are the engine's."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ElementTree
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from browsing import BROWSERS, gone, lab, launched, opened, settled, state
from PIL import Image

import tidu
from tidu.lab.examples import EXAMPLES
from tidu.lab.server import MOST_SESSIONS

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BROWSERS, reason="no browser is installed"),
    pytest.mark.filterwarnings("default"),  # of the browsers' driver
]
TABLES = {e.name: e for e in EXAMPLES}


@pytest.fixture(scope="module")
def address():
    with lab() as found:
        yield found


@pytest.fixture(scope="module", params=["chromium", "firefox"])
def browser(request):
    if request.param not in BROWSERS:
        pytest.skip(f"{request.param} is not installed")
    with playwright.sync_playwright() as driver:
        found = launched(driver, request.param)
        yield found
        found.close()


@pytest.fixture
def page(browser, address):
    found = opened(browser, address, viewport={"width": 1400, "height": 1000})
    yield found
    assert found.faults == []
    found.context.close()


def chosen(page, name: str) -> None:
    page.select_option("#examples", name)
    formula = TABLES[name].formula
    page.wait_for_function(
        "f => { const { state } = lab; return state.formula === f && state.step === 0 "
        "&& state.explanation?.step === 0 }",
        arg=formula,
    )


def test_its_numbers_are_those_of_fit_to_the_last_digit(page):
    example = TABLES["line"]
    gone(page, 17)
    run = tidu.fit(example.formula, example.table(), lr=0.0001, steps=18, record="step")
    assert state(page, "digits") == {n: repr(float(run.history[n][16])) for n in ("w", "b")}
    assert state(page, "track.losses") == run.history.loss[:17].tolist()
    assert state(page, "explanation.after") == dict(run.trace(17).after)


@pytest.mark.parametrize("name", ["parabola", "xor", "digits", "perceptron", "linreg"])
def test_an_example_runs_and_its_views_are_there(page, name):
    chosen(page, name)
    gone(page, 25)
    assert len(state(page, "track.steps")) == 25
    classes = name in ("xor", "digits", "perceptron")
    page.wait_for_function("() => !document.querySelector('#view-mathematics .part') === false")
    if classes:
        page.wait_for_selector("#view-network:not([hidden]) .confusion td")
    assert page.is_visible("#view-landscape") == (name in ("parabola", "linreg", "perceptron"))
    assert page.is_visible("#view-data") == (name != "digits")
    assert page.locator("#view-rows tbody tr").count() > 1


def test_back_and_forth_over_a_hundred_steps_ends_on_the_same_bits(page):
    gone(page, 100)
    there = state(page, "digits")
    page.click("#back")
    settled(page, 99)
    gone(page, 3)
    page.click("#reset")
    settled(page, 0)
    assert state(page, "digits") == {"w": "0.0", "b": "0.0"}
    page.click("#one")
    settled(page, 1)
    gone(page, 100)
    assert state(page, "digits") == there


def test_it_plays_and_pauses(page):
    page.select_option("#speed", "10")
    page.click("#play")
    page.wait_for_function("() => lab.state.step >= 60")
    page.click("#play")
    page.wait_for_function("() => !lab.state.playing && lab.state.explanation?.step === lab.state.step")
    assert state(page, "step") % 10 == 0


def test_parts_of_a_step_light_up_in_formula_and_loop(page):
    gone(page, 2)
    seen = []
    for _turn in range(8):
        page.click("#part")
        page.evaluate("() => new Promise(requestAnimationFrame)")  # views are drawn once a frame
        seen.append(page.inner_text("#view-mathematics .part.now h3"))
    assert seen[:4] == ["Given", "Forward", "Loss", "Backward"]
    assert "Update" in seen
    assert "grad_w" in page.inner_text("#view-loop") or "grad" in page.inner_text("#view-loop")
    while state(page, "step") == 2:
        page.click("#part")
        page.wait_for_timeout(50)
    settled(page, 3)


@pytest.mark.parametrize("place", ["#view-loop .name[data-node]", "#view-mathematics .equations [data-node]"])
def test_what_is_pointed_at_lights_up_everywhere_and_says_where_it_comes_from(page, place):
    gone(page, 2)
    token = page.locator(place).filter(has_text=re.compile("y_hat|−")).first
    token.scroll_into_view_if_needed()
    token.hover()
    page.wait_for_selector("#view-loop .name.lit")
    assert page.locator("#view-mathematics .lit").count() >= 1
    told = page.inner_text("#told")
    assert "line" in told
    assert "=" in told


def test_it_says_whose_limit_it_is_and_that_a_cost_grows(page):
    page.wait_for_function("() => /^limit 2\\/λmax = /.test(document.querySelector('#lr-limit').textContent)")
    page.select_option("#set-optimizer", "momentum")
    page.wait_for_function("() => /^limit of momentum = /.test(document.querySelector('#lr-limit').textContent)")
    curvature = state(page, "curvature")
    assert curvature["limit"] == pytest.approx(2 * (1 + 0.9) / curvature["largest"])  # Polyak 1964
    page.select_option("#set-optimizer", "gd")
    page.fill("#set-lr", "0.01")
    page.press("#set-lr", "Tab")
    gone(page, 4)
    page.wait_for_selector("#ended.bad")
    first, now = state(page, "firstCost"), state(page, "cost")
    assert page.inner_text("#ended").startswith("The cost grows: it is ")
    assert now > 10 * first


def test_what_nobody_sees_is_not_asked_for_until_it_is_seen(page):
    chosen(page, "xor")
    gone(page, 3)
    page.evaluate("""async () => {
      const { connection } = await import("./actions.js"), ask = connection.ask.bind(connection);
      window.answers = await import("./answers.js");
      window.wanted = [];
      connection.ask = (name, fields) => {
        window.wanted.push(...(fields?.want ?? []));
        return ask(name, fields);
      }; }""")
    gone(page, 4)
    asked = page.evaluate("() => window.wanted")
    assert "explanation" in asked
    assert "predictions" not in asked
    page.locator("#view-rows").scroll_into_view_if_needed()
    page.wait_for_function("() => window.wanted.includes('predictions')")
    page.wait_for_function("() => !window.answers.behind('rows').length")
    example = TABLES["xor"]
    options = {"loss": "logistic", "optimizer": "adam", "lr": 0.05}
    run = tidu.fit(example.formula, example.table(), steps=4, **options)
    found = page.evaluate("() => [...lab.state.predictions]")
    shown = [float(p) for p in run.model.predictions(run.features_of(example.table()))]
    assert found == pytest.approx(shown[: len(found)], rel=1e-12)  # blocks of rows are added in another order


def test_a_rate_is_another_run_to_the_same_step(page):
    gone(page, 40)
    before = state(page, "digits.w")
    page.check("#keep")
    page.fill("#set-lr", "0.0003")
    page.press("#set-lr", "Tab")
    page.wait_for_function("() => lab.state.others.length === 1")
    settled(page, 40)
    example = TABLES["line"]
    run = tidu.fit(example.formula, example.table(), lr=0.0003, steps=40)
    assert state(page, "digits.w") == repr(run.params["w"]) != before
    page.wait_for_function("() => lab.state.others[0].steps.length === 40")


def test_it_says_why_it_diverged_and_does_what_is_advised(page):
    page.fill("#set-lr", "0.01")
    page.press("#set-lr", "Tab")
    gone_to = 2000
    page.fill("#jump", str(gone_to))
    page.press("#jump", "Enter")
    page.wait_for_selector("#ended.bad")
    page.click("#ask")
    page.wait_for_selector("#findings button", timeout=30_000)
    page.click("#findings button")
    page.wait_for_function("() => { const { state } = lab; return state.why === '' "
                           "&& state.others.length === 1 && state.step > 0 }")  # fmt: skip


def test_a_table_of_ones_own_by_paste_and_by_file(page, tmp_path: Path):
    page.click("#paste")
    page.fill("#pasted", "t,v\n1,2\n2,4.1\n3,5.9\n4,8.2\n")
    page.click("#paste-use")
    page.wait_for_function("() => lab.state.data?.target === 'v'")
    assert page.input_value("#formula") == "v = w*t + b"
    path = tmp_path / "mine.csv"
    path.write_text("a,b,c\n" + "".join(f"{k},{k % 3},{2 * k}\n" for k in range(30)))
    page.set_input_files("#file", path)
    page.wait_for_function("() => lab.state.data?.target === 'c'")
    assert "mine.csv" in page.inner_text("#data-name")


def test_a_formula_is_answered_as_one_types(page):
    page.fill("#formula", "y = w*xx + b*exp(")
    page.wait_for_function("() => document.querySelector('#formula-error').textContent.length > 5")
    page.fill("#formula", "y = w*x + c*sinn(x)")
    page.wait_for_function("() => /did you mean/.test(document.querySelector('#formula-error').textContent)")
    page.fill("#formula", "y = w*x + c*sin(x)")
    page.wait_for_function("() => document.querySelector('#formula-error').textContent === ''")
    page.click("#begin")
    page.wait_for_function("() => 'c' in lab.state.params")


def test_points_are_set_and_dragged(page):
    page.click("#by-hand")
    page.wait_for_function("() => lab.state.data?.rows === 4")
    canvas = page.locator("#view-data canvas")
    canvas.dblclick(position={"x": 160, "y": 60})
    if page.context.browser.browser_type.name == "firefox":  # whose driver makes two clicks of it
        canvas.dispatch_event("dblclick", {"clientX": 700, "clientY": 300})
    page.wait_for_function("() => lab.state.data?.rows === 5")
    canvas.focus()
    page.keyboard.press("n")
    before = state(page, "table.values[1]")
    page.keyboard.press("ArrowUp")
    page.wait_for_function("v => lab.state.table.values[1] > v", arg=before)


def test_the_start_is_dragged_by_the_keyboard(page):
    gone(page, 5)
    page.wait_for_function("() => lab.state.start !== null")
    page.locator("#view-landscape canvas").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => lab.state.start.x > 0")
    settled(page, 5)


def test_everything_is_done_by_the_keyboard(page):
    page.locator("body").press("Escape")
    page.keyboard.press("ArrowRight")
    settled(page, 1)
    page.keyboard.press("ArrowRight")
    settled(page, 2)
    page.keyboard.press("ArrowLeft")
    settled(page, 1)
    page.keyboard.press("Home")
    settled(page, 0)
    page.keyboard.press(".")
    page.wait_for_selector(".part.now")
    reached = set()
    for _turn in range(120):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("() => document.activeElement.id || document.activeElement.tagName"))
    assert {"examples", "open", "paste", "formula", "begin", "play", "one", "jump", "set-lr", "lr-slider"} <= reached


def test_both_languages(page):
    page.click("#language")
    page.wait_for_selector("html[lang=zh][data-ready]", state="attached")
    page.evaluate("async () => { window.lab = await import('./state.js') }")
    assert page.inner_text("#begin") == "开始"
    assert page.inner_text("#language") == "English"
    gone(page, 1)
    assert "前向传播" in page.inner_text("#view-mathematics")


def test_one_goes_back_from_where_a_run_ended(page):
    page.select_option("#examples", "one-weight")
    page.wait_for_function("() => lab.state.formula === 'y = w*x' && lab.state.explanation?.step === 0")
    page.fill("#set-lr", "0.1")
    page.press("#set-lr", "Tab")
    gone(page, 3)
    page.fill("#jump", "5000")
    page.press("#jump", "Enter")
    page.wait_for_function("() => lab.state.why !== '' || lab.state.step === 5000")
    page.click("#reset")
    settled(page, 0)
    assert page.locator("#view-mathematics .equation[data-node]").count() > 3


def test_the_language_changes_in_mid_experiment(page):
    page.fill("#set-lr", "0.0002")
    page.press("#set-lr", "Tab")
    gone(page, 12)
    page.fill("#formula", "y = w*x + b + 0*x")
    before = state(page, "digits")
    for language in ("zh", "en", "zh"):
        page.click("#language")
        page.wait_for_selector(f"html[lang={language}][data-ready]", state="attached")
        settled(page, 12)
        assert state(page, "digits") == before
        assert page.input_value("#set-lr") == "0.0002"
        assert page.input_value("#formula") == "y = w*x + b + 0*x"
    assert page.inner_text("#begin") == "开始"
    assert "前向传播" in page.inner_text("#view-mathematics")
    page.evaluate("() => document.activeElement.blur()")
    page.keyboard.press("ArrowRight")
    settled(page, 13)  # once, though the page was made three times
    assert page.locator("#view-data canvas").count() == 1


@pytest.mark.parametrize("kind", ["SVG", "PNG"])
def test_every_view_is_a_picture(page, kind):
    chosen(page, "xor")
    gone(page, 3)
    page.click("#view-graph summary")
    page.wait_for_selector("#view-graph svg")
    views = page.evaluate("() => [...document.querySelectorAll('.view:not([hidden])')].map((view) => view.id)")
    assert len(views) == 7  # all but the landscape, which has numbers for axes
    page.evaluate("""() => { const made = URL.createObjectURL;
      URL.createObjectURL = (blob) => { window.taken = blob; return made.call(URL, blob); }; }""")
    for view in views:
        page.evaluate("() => { window.taken = null }")
        page.locator(f"#{view} .pictures button", has_text=kind).click()
        page.wait_for_function("() => window.taken")
        if kind == "SVG":
            root = ElementTree.fromstring(page.evaluate("() => window.taken.text()"))
            assert root.tag == "{http://www.w3.org/2000/svg}svg"
            assert len(list(root.iter())) > 8
            continue
        found = page.evaluate("async () => [...new Uint8Array(await window.taken.arrayBuffer())]")
        with Image.open(io.BytesIO(bytes(found))) as picture:
            assert min(picture.size) > 100
            assert len(picture.convert("L").getcolors()) > 8, view  # something is drawn on it


def test_a_link_holds_formula_settings_and_data(page, browser, address):
    page.click("#by-hand")
    page.wait_for_function("() => lab.state.data?.rows === 4")
    gone(page, 7)
    w = state(page, "digits.w")
    page.click("#away summary")
    page.get_by_role("button", name="a link with formula").click()
    page.wait_for_function("() => /#/.test(document.querySelector('.said').textContent)")
    link = page.inner_text(".said").partition(": ")[2]
    other = opened(browser, link)
    settled(other, 7)
    assert state(other, "digits.w") == w
    assert other.faults == []
    other.context.close()


MARKUP = ("<img src=x onerror=window.hit=1>", "<script>window.hit=1</script>", "</math><svg onload=window.hit=1>",
          "javascript:window.hit=1")  # fmt: skip


def test_names_and_labels_stay_text(page, tmp_path: Path):
    path = tmp_path / "<b>bold.csv"
    lines = [f"{k},{k % 5},{k % 7},{MARKUP[k % 3]}" for k in range(40)]
    path.write_text(f"{MARKUP[0]},{MARKUP[1]},{MARKUP[2]},kind\n" + "\n".join(lines))
    page.set_input_files("#file", path)
    page.wait_for_function(
        "() => lab.state.data?.target === 'kind' || document.querySelector('#formula-error').textContent"
    )
    page.select_option("#set-loss", "softmax")
    page.fill("#formula", "kind = linear(...)")
    page.press("#formula", "Enter")
    page.wait_for_function("() => lab.state.data?.target === 'kind'")
    gone(page, 3)
    page.click("#view-graph summary")
    page.wait_for_selector("#view-graph svg")
    page.wait_for_selector("#view-network:not([hidden]) .confusion td")
    assert MARKUP[0] in page.inner_text("#columns")
    assert MARKUP[1] in page.inner_text(".confusion")
    for row in page.locator("[data-node]").all()[:20]:
        row.dispatch_event("pointerover")
    page.fill("#formula", f"kind = w*`{MARKUP[0]}` + {MARKUP[1]}")
    page.wait_for_function("() => document.querySelector('#formula-error').textContent.length > 5")
    assert page.evaluate("() => window.hit") is None
    assert page.locator("img, body script, b").count() == 0


def test_the_policy_lets_nothing_run_that_is_no_file_of_the_page(browser, address):
    page = opened(browser, address)
    page.evaluate("""() => {
      window.refused = 0;
      document.addEventListener("securitypolicyviolation", () => { window.refused += 1; });
      const script = document.createElement("script");
      script.textContent = "window.hit = 1";
      document.body.append(script);
      document.body.insertAdjacentHTML("beforeend",
        '<img src="data:," onerror="window.hit = 1"><a id=evil onclick="window.hit = 1">x</a>');
      document.querySelector("#evil").click();
    }""")
    page.wait_for_function("() => window.refused >= 3")
    assert page.evaluate("() => window.hit") is None
    page.context.close()


def test_a_page_too_many_is_told_so(browser):
    client = pytest.importorskip("websockets.sync.client")
    with lab() as address, ExitStack() as stack:
        where = urlsplit(address)
        for k in range(MOST_SESSIONS):
            socket = f"ws://{where.netloc}{where.path}socket/more{k}"
            stack.enter_context(client.connect(socket, origin=f"http://{where.netloc}"))
        page = browser.new_page()
        page.goto(address)
        page.wait_for_selector(".lost")
        assert page.inner_text(".lost") == "too many pages are open; close one and load this again"
        page.close()


def test_the_command_line_opens_data_formula_and_settings(browser, tmp_path: Path):
    path = tmp_path / "points.csv"
    path.write_text("x,y\n1,2\n2,4\n3,6\n")
    with lab(str(path), "y = w*x", "--lr", "0.05", "--init", "w=1") as found:
        page = opened(browser, found)
        gone(page, 4)
        run = tidu.fit("y = w*x", path, lr=0.05, init={"w": 1}, steps=4)
        assert state(page, "digits") == {"w": repr(run.params["w"])}
        assert page.input_value("#set-lr") == "0.05"
        assert page.faults == []
        page.context.close()
