"""Why a training diverged: the first bad step, row, operation and line, found by plain arithmetic too."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import tidu
from tidu.errors import DataError, SettingError
from tidu.fronts import cli

X = np.linspace(0.2, 3.0, 10)
DATA = {"x": X, "y": 2 * X + 1}


def first_bad_step(lr, batches):
    """The step and row at which a loss of the line is first not finite, by plain arithmetic."""
    w = b = 0.0
    for step, rows in enumerate(batches):
        losses = [(row, (w * X[row] + b - DATA["y"][row]) ** 2 if abs(w) < 1e150 else math.inf) for row in rows]
        bad = [row for row, loss in losses if not math.isfinite(loss)]
        if bad:
            return step, bad[0]
        residuals = [2 * (w * X[row] + b - DATA["y"][row]) for row in rows]
        w -= lr * sum(r * X[row] for r, row in zip(residuals, rows, strict=True)) / len(rows)
        b -= lr * sum(residuals) / len(rows)
    return None


@pytest.mark.parametrize("lr", [1.0, 10.0, 1e3])
def test_the_step_and_the_line_are_those_of_the_first_overflow(lr):
    run = tidu.fit("y = w*x + b", DATA, lr=lr, epochs=2000)
    found = run.why_not()
    step, _row = first_bad_step(lr, [range(10)] * 2000)
    assert abs(found.step - step) <= 6  # plain arithmetic stops a little before the overflow
    assert found.explanation.source.splitlines()[found.entry.line - 1].strip() == found.entry.code
    assert not np.isfinite(found.entry.value)
    assert "larger than the largest number" in found.cause
    assert "run away" in found.grown
    assert "over the limit of gd" in found.limit
    assert found.advice
    assert all(math.isfinite(found.explanation[s].value) for s in found.entry.sources)


@pytest.mark.parametrize(
    ("formula", "data", "init", "row", "operation", "cause"),
    [
        ("y = a/x + b", {"x": [1.0, 2.0, 0.0], "y": [1.0, 2.0, 3.0]}, {"a": 1}, 2, "1/0", "divides by zero"),
        ("y = a*log(x - b)", {"x": [3.0, 0.5, 2.0], "y": [1.0, 2.0, 3.0]}, {"a": 1, "b": 1}, 1, "ln(−0.5)",
         "not defined"),
        ("y = a*exp(b*x)", {"x": [1.0, 800.0], "y": [1.0, 2.0]}, {"a": 1, "b": 1}, 1, "exp(800)", "larger than"),
        ("y = a*sqrt(x - b)", {"x": [3.0, 2.0, 0.0], "y": [1.0, 2.0, 3.0]}, {"a": 1, "b": 1}, 2, "√(−1)",
         "not defined"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("batch_size", [None, 1])
def test_the_operation_is_the_one_that_has_no_value(formula, data, init, row, operation, cause, batch_size):
    run = tidu.fit(formula, data, init=init, lr=1e-12, batch_size=batch_size, shuffle=False, epochs=3)
    found = run.why_not()
    assert found.row == row
    assert found.operation == operation
    assert cause in found.cause
    assert found.grown == ""


def test_a_sum_that_overflows_is_no_row_s_fault():
    data = {"x": np.ones(40), "y": np.zeros(40)}
    run = tidu.fit("y = w*x", data, init={"w": 1e154}, lr=0.1, epochs=3)
    found = run.why_not()
    assert found.row is None
    assert found.entry.name == "loss_sum"


@pytest.mark.sampled(2)
@pytest.mark.parametrize("engine", ["array", "compiled"])
@pytest.mark.parametrize(("optimizer", "lr"), [("gd", 100.0), ("momentum", 1e3)])
def test_a_network_is_told_what_the_doctor_tried(engine, optimizer, lr):
    run = tidu.fit("y = mlp(x, hidden=[4])", DATA, lr=lr, epochs=200, optimizer=optimizer, engine=engine)
    found, diagnosis = run.why_not(), run.diagnose()
    assert found.row is not None
    assert found.limit == diagnosis["limit"].words
    assert f"over the limit of {optimizer}" in found.limit
    assert (found.tried, found.advice) == (diagnosis.best.words, diagnosis.advice)
    words = found.advice.replace("--", "").split()
    pairs = zip(*[iter(words)] * 2, strict=True)
    options = {name: value if name == "optimizer" else float(value) for name, value in pairs}
    if "steps" in options:
        options["steps"] = int(options["steps"])
    assert not tidu.fit("y = mlp(x, hidden=[4])", DATA, **{"epochs": None, "steps": 200, **options}).diverged


def test_what_is_wrong_is_a_sentence(tmp_path):
    run = tidu.fit("y = w*x + b", DATA, lr=0.01, epochs=3)
    with pytest.raises(SettingError, match="did not diverge"):
        run.why_not()
    bad = tidu.fit("y = w*x + b", DATA, lr=10.0, epochs=500)
    bad.save(tmp_path / "m")
    with pytest.raises(DataError, match="with_data"):
        tidu.load(tmp_path / "m").why_not()
    assert tidu.load(tmp_path / "m").with_data(DATA).why_not().to_dict() == bad.why_not().to_dict()


def test_the_command(capsys, tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("x,y\n" + "".join(f"{x},{2 * x + 1}\n" for x in X))
    command = ["explain", str(path), "y = w*x + b", "--lr", "10", "--why-not"]
    assert cli.run(command) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "= inf" in said
    assert cli.run([*command, "--json"]) == 1
    plain = json.loads(capsys.readouterr().out)
    assert {"step", "row", "line", "cause", "advice", "sentences"} <= plain.keys()
    infinite = {"markdown": "Σℓ = sum over the batch = inf", "html": "<mn>∞</mn>", "latex": r"\infty"}
    for form, equation in infinite.items():
        assert cli.run([*command, "--as", form]) == 1
        page = capsys.readouterr().out
        assert equation in page
        assert all(word in page for word in ("larger than the largest number", "--scale", "not taken"))
    assert cli.run([*command[:3], "--lr", "0.01", "--why-not"]) == 2
