"""Explanations: every number is that of the run and of other libraries, the numbers put in give it, nothing is lost."""

from __future__ import annotations

import ast
import json
import math

import numpy as np
import pytest

import tidu
from tidu.content.optimizers import OPTIMIZERS
from tidu.errors import SettingError
from tidu.fronts import cli
from tidu.insight.explain import explain

random = np.random.default_rng(6)
X = random.normal(size=50)
DATA = {"x": X, "y": np.sin(X) + 0.1 * random.normal(size=50)}
LINE, CURVE = "y = w*x + b", "y = a*exp(-b*x) + c"


# -- a step ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("batch_size", [None, 1, 7, 40])
def test_a_step_ends_where_the_next_begins(optimizer, batch_size):
    run = tidu.fit(LINE, DATA, optimizer=optimizer, lr=0.01, batch_size=batch_size, steps=9)
    for step in (0, 5, 8):
        found = run.explain(step)
        begun = run.explain(step + 1).before if step < 8 else dict(run.params)
        assert found.after == begun
        assert list(found.batch) == list(run.batch_of(step))


@pytest.mark.parametrize("batch_size", [1, 7, 40, None])
def test_the_numbers_that_are_put_in_give_the_value(batch_size):
    run = tidu.fit(CURVE, DATA, init={"a": 1, "b": 0.3}, lr=0.01, batch_size=batch_size, steps=4)
    found = run.explain(3, rows=list(run.batch_of(3))[:2])
    told = [e for e in found.entries if e.numbers()]
    assert len(told) > 10
    for e in told:
        value = eval(compile(ast.parse(e.numbers(), mode="eval"), "numbers", "eval"), {"exp": math.exp})  # our own text
        assert value == pytest.approx(e.value, rel=1e-4, abs=1e-5)  # the numbers are shown to some digits


def test_gradients_are_those_of_plain_arithmetic():
    run = tidu.fit(LINE, DATA, lr=0.1, steps=3)
    found = run.explain(2)
    residual = found.before["w"] * X + found.before["b"] - DATA["y"]
    means = {e.name: e.value for e in found.of_row(None) if e.block == "mean"}
    assert means["grad_w"] == pytest.approx(np.mean(2 * residual * X), rel=1e-12)
    assert means["grad_b"] == pytest.approx(np.mean(2 * residual), rel=1e-12)
    assert found.loss == pytest.approx(np.mean(residual**2), rel=1e-12)


def test_where_a_number_comes_from():
    run = tidu.fit(LINE, DATA, lr=0.1, batch_size=7, steps=3)
    row = run.batch_of(1)[0]
    names = [e.name for e in run.explain(1).origin_of("grad_w", row)]
    assert names[:2] == ["w", "b"]
    assert {"x_i", "y"} <= set(names)
    assert names[-1] == "grad_w"
    assert "dloss_dy_hat" in names
    assert "grad_b" not in names
    with pytest.raises(SettingError, match="did you mean 'grad_w'"):
        run.explain(1).origin_of("grad_ww")


def test_lines_are_those_of_the_loop():
    run = tidu.fit(LINE, DATA, lr=0.1, batch_size=7, steps=3)
    found = run.explain(0)
    code = found.source.splitlines()
    for e in found.entries:
        assert e.code.startswith(code[e.line - 1].strip() if e.line else "")
        assert bool(e.code) is (e.line > 0)
        assert e in found.at_line(e.line)


def test_the_ledger_tells_the_rate_of_summed_losses():
    run = tidu.fit(LINE, DATA, lr=0.1, batch_size=10, shuffle=False, steps=1)
    ledger = run.explain(0).ledger
    assert (ledger.count, ledger.sum_rate) == (10, 0.01)
    # One step by hand with summed losses and that rate.
    x, y = X[:10], DATA["y"][:10]
    assert run.params["w"] == pytest.approx(-0.01 * np.sum(-2 * y * x), rel=1e-12)


def test_networks_are_explained_too():
    run = tidu.fit("y = mlp(x, hidden=[3])", DATA, optimizer="gd", lr=0.01, steps=3, engine="python")
    found = run.explain(2, rows=[0])
    assert {e.block for e in found.entries} >= {"forward", "loss", "backward", "accumulate", "update"}
    for name, value in run.params.items():
        np.testing.assert_array_equal(found.after[name], value)


def test_a_divergence_shows_the_step_that_was_not_taken():
    run = tidu.fit("y = a/x + b", {"x": [1.0, 0.0], "y": [1.0, 2.0]}, init={"a": 1}, lr=0.1)
    assert run.diverged
    found = explain(run, run.steps, rows=[1])
    assert not found.taken
    assert math.isinf(next(e.value for e in found.of_row(1) if e.name == "loss"))


# -- the command line ------------------------------------------------------------------------------
def said(capsys, *arguments):
    status = cli.run(list(arguments))
    out = capsys.readouterr()
    return status, out.out, out.err


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("x,y\n1,2\n2,4\n3,6.5\n")
    return str(path)


def test_json_is_the_explanation(capsys, file):
    status, out, _err = said(capsys, "explain", file, LINE, "--lr", "0.1", "--step", "2", "--rows", "0,2", "--json")
    plain = json.loads(out)
    run = tidu.fit(LINE, file, lr=0.1, steps=3)
    assert status == 0
    assert plain["after"] == dict(run.params)
    assert plain["rows"] == [0, 2]
    assert {e["row"] for e in plain["entries"]} == {0, 2, None}


@pytest.mark.parametrize("form", ["terminal", "markdown", "latex", "html"])
def test_every_form_has_every_number(capsys, file, form):
    status, out, _err = said(capsys, "explain", file, LINE, "--lr", "0.1", "--as", form)
    assert status == 0
    for e in tidu.fit(LINE, file, lr=0.1, steps=1).explain().entries:
        notation = {"latex": "latex", "html": "mathml"}.get(form, "unicode")
        assert e.symbol.written(notation) in out
        assert e.result(notation) in out


def test_a_derivation_on_the_command_line(capsys, file):
    status, out, _err = said(capsys, "explain", file, LINE, "--derive", "w")
    assert status == 0
    assert "sum rule" in out
    status, out, _err = said(capsys, "explain", file, LINE, "--derive", "w", "--as", "latex")
    assert out.startswith(r"\begin{aligned}")
    lines = json.loads(said(capsys, "explain", file, LINE, "--derive", "w", "--json")[1])["lines"]
    assert lines[-2]["text"] == "2*(w*x + b - y)*x"
    assert lines[-1]["text"] == "dloss_dy_hat*x_i"


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--step", "-1"], "steps are counted from 0, not -1"),
        (["--rows", "a"], "--rows takes numbers of rows"),
        (["--row", "9"], "row 9 is not among the 3 rows"),
        (["--of", "nothing"], "computes no 'nothing'"),
        (["--line", "1"], "computes no number"),
        (["--derive", "q"], "there is no parameter 'q'"),
        (["--optimizer", "lm"], "a solver takes no steps"),
        (["--unit", "a"], "--unit takes one number or two"),
        (["--unit", "-1"], "units are counted from 0"),
    ],
)
def test_bad_input_is_a_sentence(capsys, file, arguments, part):
    lr = [] if "lm" in arguments else ["--lr", "0.1"]
    status, _out, err = said(capsys, "explain", file, LINE, *lr, *arguments)
    assert status == 2
    assert part in " ".join(err.split())


@pytest.mark.parametrize("engine", ["python", "array"])
@pytest.mark.parametrize("loss", ["logistic", "hinge", "perceptron", "softmax"])
def test_a_class_is_told_by_its_label_and_a_feature_is_none(loss, engine):
    """Features are read twice here, so that their cells have names, with values that number no class."""
    x, z = np.array([3.5, -2.25, 0.5, 7.0]), np.array([9.5, 0.25, -1.0, -4.0])
    labels = np.array(["yes", "no", "no", "yes"])
    formula = "kind = linear(x, z)" if loss == "softmax" else "kind = a*x + b*x*z + c*z"
    run = tidu.fit(formula, {"x": x, "z": z, "kind": labels}, loss=loss, engine=engine, steps=2, lr=0.01)
    found = run.explain(1, rows=range(4))
    for row in range(4):
        told = {e.name.removesuffix("_i"): e for e in found.of_row(row) if e.rule.startswith("from the data")}
        assert told["kind"].rule.startswith(f"from the data, row {row}: class {labels[row]}")
        for name in {"x", "z"} & set(told):
            assert told[name].rule == f"from the data, row {row}"
