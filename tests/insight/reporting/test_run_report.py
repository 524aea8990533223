"""Reports: every number recomputed by plain arithmetic, no network, one command again to the same bits."""

from __future__ import annotations

import contextlib
import io
import json
import math
import re
import shlex
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidu
from tidu.errors import SettingError
from tidu.fronts import cli
from tidu.insight.reporting.document import Block, Cell, Code, Facts, Picture, Table, blocks_of
from tidu.insight.reporting.html import fragment, page
from tidu.insight.reporting.repeating import command_of, python_of
from tidu.insight.reporting.run_report import report_of, steps_shown
from tidu.text import use_language
from tidu.training.origin import Origin

NUMBERS = st.lists(st.floats(-3, 3, allow_nan=False, width=32), min_size=3, max_size=9)
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Balanced(HTMLParser):
    """Collects tags, and refuses an end tag that closes nothing."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.ids, self.targets = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        values = dict(attrs)
        self.ids += [values["id"]] if "id" in values else []
        self.targets += [values["href"]] if tag == "a" else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))


def read(text):
    parser = Balanced()
    parser.feed(text)
    assert parser.open == []
    return parser


def cells_of(table: Table):
    return [[c.text if isinstance(c, Cell) else c for c in row] for row in table.rows]


def tables_under(document, title):
    (section,) = [s for s in document.sections if s.title == title]
    return [b for b in blocks_of([section]) if isinstance(b, Table)]


def told_in(section):
    """What a step says each number is, by what people call it, in order."""
    told = {}
    for row in (row for b in section.blocks if isinstance(b, Table) for row in cells_of(b)):
        if len(row) > 1:
            name, *_between, value = row[1].split(" = ")
            told.setdefault(name, []).append(float(value.replace("−", "-")))
    return told


def close(told, value):
    assert float(told) == pytest.approx(value, rel=2e-9, abs=1e-9)


@given(NUMBERS, st.data(), st.floats(0.001, 0.05), st.integers(1, 4))
@settings(deadline=None, max_examples=8)
def test_each_number_of_a_line_is_what_arithmetic_gives(x, data, lr, epochs):
    y = data.draw(st.lists(st.floats(-3, 3, width=32), min_size=len(x), max_size=len(x)))
    run = tidu.fit("y = w*x + b", {"x": x, "y": y}, lr=lr, epochs=epochs)
    document = report_of(run)
    xs, ys = np.array(x), np.array(y)
    columns = {row[0]: row[2:] for row in cells_of(tables_under(document, "The data")[0])}
    for name, values in (("x", xs), ("y", ys)):
        for told, value in zip(columns[name], (min(values), sum(values) / len(values), max(values)), strict=False):
            assert float(told) == pytest.approx(value, rel=1e-5, abs=1e-6)
    w = b = 0.0
    (steps,) = [s for s in document.sections if s.title == "Steps"]
    shown = dict(zip(steps_shown(run), steps.parts, strict=True))
    for step in range(epochs):
        residual = w * xs + b - ys
        grad_w, grad_b = float(np.mean(2 * residual * xs)), float(np.mean(2 * residual))
        new_w, new_b = w - lr * grad_w, b - lr * grad_b
        if step in shown:
            told = told_in(shown[step])
            close(told["ŷ"][0], w * xs[0] + b)
            close(told["ℓ"][0], residual[0] ** 2)
            close(told["J"][0], np.mean(residual**2))
            close(told["∂ℓ/∂w"][0], 2 * residual[0] * xs[0])
            close(told["∂J/∂w"][0], grad_w)
            close(told["∂J/∂b"][0], grad_b)
            close(told["w"][-1], new_w)
            close(told["b"][-1], new_b)
        w, b = new_w, new_b
    ends = {row[0]: row[2] for row in cells_of(tables_under(document, "The result")[0])}
    close(ends["w"], w)
    close(ends["b"], b)


RANDOM = np.random.default_rng(3)
X = RANDOM.uniform(0.1, 2.0, 40)
DATA = {"x": X, "z": RANDOM.normal(0, 1, 40), "y": 1.5 * X + 0.3, "kind": np.where(X > 1, "big", "small")}
RUNS = {
    "line": ("y = w*x + b", {"lr": 0.1, "epochs": 20}),
    "sgd": ("y = w*x", {"lr": "0.1*exp(-epoch/10)", "batch_size": 1, "shuffle": False, "epochs": 2, "init": {"w": 1}}),
    "classes": ("kind = w*x + b", {"loss": "logistic", "epochs": 5, "test_size": 0.2}),
    "network": ("y = mlp(x, z, hidden=[3])", {"optimizer": "adam", "batch_size": 16, "epochs": 2, "l2": 0.01}),
    "solver": ("y = a*x + b", {"optimizer": "lm"}),
    "diverged": ("y = w*x**3 + b", {"lr": 9.0, "epochs": 300}),
    "diverged at once": ("y = w/(x - x)", {"epochs": 3, "init": {"w": 1}}),
    "dropout": ("y = mlp(x, hidden=[4], dropout=0.2)", {"epochs": 2}),
}


@pytest.fixture(scope="module", params=RUNS)
def run(request):
    formula, options = RUNS[request.param]
    return tidu.fit(formula, DATA, **options)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_page_is_whole_and_asks_nobody(run, lang):
    use_language(lang)
    text = page(report_of(run))
    parser = read(text)
    assert {target[1:] for target in parser.targets} <= set(parser.ids)
    assert len(parser.ids) == len(set(parser.ids))
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", text)
    assert not any(tag in ("script", "link", "iframe") for tag, _attributes in parser.seen)
    assert all(attributes.get("alt") for tag, attributes in parser.seen if tag == "img")
    assert f'lang="{"zh-CN" if lang == "zh" else "en"}"' in text
    if lang == "zh":
        titles = re.findall(r"<h2>(.*?)</h2>", text)
        assert all(re.search(r"[\u4e00-\u9fff]", title) for title in titles)


def test_what_it_says_repeats_it(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = zip(*(DATA[name] for name in DATA), strict=True)
    (tmp_path / "data.csv").write_text("\n".join([",".join(DATA), *(",".join(map(str, row)) for row in rows)]) + "\n")
    again = replace(run, origin=Origin.of("data.csv", None, False, 0.2 if run.test_metrics else None))
    command = shlex.split(command_of(again))
    assert cli.run([*command[1:], "--json", "--no-store"]) in (0, 1)
    told = json.loads(capsys.readouterr().out)
    for name, value in run.params.items():
        np.testing.assert_array_equal(np.array(told["params"][name], dtype=float), value)
    scope: dict[str, object] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(python_of(again), scope)
    for name, value in run.params.items():
        np.testing.assert_array_equal(scope["run"].params[name], value)


def test_the_same_run_is_the_same_page_and_a_notebook_shows_its_blocks():
    run = tidu.fit("y = w*x + b", DATA, epochs=3)
    whole = page(report_of(run))
    assert page(report_of(run)) == whole
    assert all(line in whole for line in run._repr_html_().split("\n"))


def test_what_is_told_is_plain():
    block: Block = Facts((("a", "1 < 2 & 3"), ("nothing", "")))
    assert fragment([block]) == "<dl><dt>a</dt><dd>1 &lt; 2 &amp; 3</dd></dl>"
    table = Table(("a<b", "c"), (("group",), (Cell("x*y", code=True), Cell("2", strong=True))), "title", left=())
    assert read(fragment([table])).seen.count(("tr", {})) == 2
    assert "<code>x*y</code>" in fragment([table])
    assert 'id="line-2"' in fragment([Code("a\nb", "python", "line")])


def test_columns_of_any_name(tmp_path):
    data = {"<script>": [1.0, 2, 3], "y": [2.0, 4, 6]}
    target = tmp_path / "r.html"
    tidu.fit("y = w*`<script>`", data, epochs=3).report(target)
    read(target.read_text())
    assert "<script>" not in target.read_text()


@pytest.mark.slow
def test_pictures_of_many_points_are_small():
    x = np.linspace(0.0, 1.0, 30_000)
    run = tidu.fit("y = w*x", {"x": x, "y": x}, epochs=3)
    assert len(page(report_of(run))) < 3_000_000
    assert any(isinstance(b, Picture) for b in blocks_of(report_of(run).sections))


@pytest.mark.slow
def test_the_commands(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIDU_STORE", str(tmp_path / "runs.sqlite"))
    (tmp_path / "p.csv").write_text("x,y\n1,2\n2,4.5\n3,6\n")
    assert cli.run(["fit", "p.csv", "y = w*x + b", "--epochs", "5", "--out", "m.tidu", "--report", "a.html"]) == 0
    assert "a.html" in capsys.readouterr().out
    assert cli.run(["report", "1", "--out", "b.html"]) == 0
    assert cli.run(["report", "m.tidu", "--data", "p.csv", "--out", "c.html", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"written": "c.html"}

    def steps(name):
        return re.search(r"<h2>Steps</h2>.*?</section>\n</section>", (tmp_path / name).read_text(), re.S)[0]

    assert steps("a.html") == steps("b.html") == steps("c.html")
    (tmp_path / "p.csv").unlink()
    assert cli.run(["report", "m.tidu", "--out", "d.html"]) == 0
    assert "does not hold its data" in (tmp_path / "d.html").read_text()
    (tmp_path / "p.csv").write_text("x,y\n1,2\n")
    for command in (
        ["report", "1"],
        ["report", "1", "--out", "x.pdf"],
        ["report", "7"],
        ["report", "none.tidu"],
        ["report", "m.tidu", "--data", "none.csv"],
        ["report", "m.tidu", "--out", "none/x.html"],
        ["fit", "p.csv", "y = w*x", "--report", "x.txt"],
        ["fit", "p.csv", "y = w*x", "--report", "none/x.html"],
    ):
        capsys.readouterr()
        assert cli.run(command) == 2, command
        assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(SettingError, match=r"\.html"):
        tidu.fit("y = w*x", {"x": [1.0], "y": [2.0]}, epochs=1).report("x.pdf")


def test_steps_of_short_runs():
    run = tidu.fit("y = w*x", {"x": [1.0], "y": [2.0]}, epochs=1)
    assert steps_shown(run) == [0]
    assert math.isfinite(run.loss)


def test_a_notebook_shows_models_sweeps_steps_and_diagnoses():
    run = tidu.fit("y = w*x + b", DATA, epochs=3)
    swept = tidu.sweep("y = w*x + b", DATA, {"lr": [0.01, 0.1]}, epochs=3)
    network = tidu.fit("y = mlp(x, hidden=[2])", DATA, epochs=1)
    for thing in (run, run.model, network.model, swept, run.explain(1), run.diagnose(trials=False), run.worksheet(0)):
        read(thing._repr_html_())
    assert f"{run.params['w']:.10g}" in run.model._repr_html_()
    assert "<td>0.1</td>" in swept._repr_html_() or ">0.1<" in swept._repr_html_()
