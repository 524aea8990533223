"""The doctor on networks: known faults are found, each with what helps, and the advice was tried."""

import csv

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.datasets import load_digits

import tidu
from tidu.fronts.cli import app

random = np.random.default_rng(4)
X = random.normal(size=(80, 3))
DATA = {f"x{k}": X[:, k] for k in range(3)} | {"y": np.tanh(X @ [1.0, -2.0, 0.5])}
NETWORK = "y = mlp(..., hidden=[6], activation='tanh')"
DIGITS = load_digits()


def found(formula=NETWORK, data=DATA, trials=False, **options):
    return tidu.fit(formula, data, **{"optimizer": "gd", "epochs": 30, **options}).diagnose(trials=trials)


def test_a_healthy_network_has_curvature_limit_and_noise():
    d = found(lr=0.05)
    assert {"curvature", "limit", "noise", "end"} <= {f.kind for f in d.findings}
    assert d["curvature"].numbers["steep"] in d.run.params
    assert d["limit"].numbers["lr"] == 0.05
    assert not {"symmetry", "dead", "saturated", "sizes"} & {f.kind for f in d.findings}
    assert d.to_dict()["curvature"]["largest"] == d.spectrum.largest


def test_a_rate_over_the_limit_diverges_and_half_of_it_helps():
    d = found("y = mlp(..., hidden=[6])", DATA | {"y": 50 * DATA["y"]}, lr=5.0, trials=True)
    assert "divergence" in d
    assert d["limit"].numbers["share"] > 1
    assert d.best is not None
    assert d.best.helps


def test_equal_units_are_one_unit_and_a_draw_parts_them():
    d = found(lr=0.1, epochs=100, init={"W1": 0.0, "W2": 0.0}, trials=True)
    assert d["symmetry"].numbers["parameter"] == "W1"
    assert d["symmetry"].numbers["units"] == 6
    assert any(t.helps and "W1" in t.options.get("init", {}) for t in d.trials)
    assert "symmetry" not in found(lr=0.1, init={"W1": 0.0})  # W2 parts them


def test_advice_with_starts_is_written_for_the_command_line():
    d = found(lr=0.1, epochs=100, init={"W1": 0.0, "W2": 0.0}, trials=True)
    if d.best is not None and "init" in d.best.options:
        assert '--init W1="normal(0, ' in d.advice


@pytest.mark.parametrize("dead", [1, 4])
def test_dead_units_are_counted(dead):
    b = np.ones(6)
    b[:dead] = -100.0
    run = tidu.fit("y = mlp(..., hidden=[6])", DATA, optimizer="gd", lr=1e-9, epochs=1)
    W1 = np.ones((6, 3))
    run = tidu.training.fit.run_of(run.problem.starting_from([W1, b, np.arange(6.0), 0.0]))
    d = run.diagnose(trials=False)
    assert d["dead"].numbers["dead"] == dead
    assert d["dead"].numbers["parameter"] == "W1"


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_saturated_layers_are_told(activation):
    formula = f"y = mlp(..., hidden=[6], activation='{activation}')"
    assert "saturated" in found(formula, lr=1e-9, init={"W1": "normal(0, 100)"})
    assert "saturated" not in found(formula, lr=1e-9)


def test_a_gate_is_no_saturated_layer():
    assert "saturated" not in found(
        "y = mlp(..., hidden=[6], activation='silu')", lr=1e-9, init={"W1": "normal(0, 100)"}
    )


def test_columns_far_from_one_are_told_with_what_to_write():
    d = found(data=DATA | {"x1": 5000 + 1000 * X[:, 1]}, lr=1e-6)
    assert d["sizes"].numbers["worst"] == "x1"
    assert "(x1 - " in d["sizes"].words


def test_digits_and_the_command_line(tmp_path):
    data = {f"p{k}": DIGITS.data[::9, k] for k in range(64)} | {"digit": DIGITS.target[::9]}
    with open(tmp_path / "digits.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(data)
        writer.writerows(zip(*data.values(), strict=True))
    words = ["doctor", str(tmp_path / "digits.csv"), "digit = mlp(..., hidden=[8])", "--loss", "softmax"]
    words += ["--optimizer", "gd", "--lr", "0.001", "--epochs", "20"]
    said = CliRunner().invoke(app, words)
    assert said.exit_code == 0, said.output
    assert "curvature" in said.output
    assert "Advice" in said.output
