"""Sweeps of networks: each run has the bits of `tidu.fit` with its settings, whatever the number of threads."""

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.datasets import load_digits

import tidu
from tidu.errors import SettingError
from tidu.fronts.cli import app
from tidu.training.sweeping.networks import trained_at_once
from tidu.training.sweeping.sweep import Plan
from tidu.training.training import Execution

random = np.random.default_rng(8)
X = random.normal(size=(90, 3))
Y = np.tanh(X @ [1.0, -2.0, 0.5])
DATA = {f"x{k}": X[:, k] for k in range(3)} | {"y": Y}
NETWORK = "y = mlp(..., hidden=[5], activation='tanh')"
DIGITS = load_digits()
IMAGES = {f"p{k}": DIGITS.data[::6, k] / 16 for k in range(64)} | {"y": DIGITS.target[::6]}


def assert_each_is_fit_alone(result, data, formula=NETWORK):
    for run in range(len(result)):
        alone = tidu.fit(formula, data, **result.options_of(run))
        for name, values in result.params.items():
            np.testing.assert_array_equal(values[run], alone.params[name])
        np.testing.assert_equal(float(result.loss[run]), alone.loss)
        ended = (result.stopped[run], result.epochs[run], result.steps[run])
        assert ended == (alone.stopped, alone.epochs, alone.steps)
        past = result.curve_epochs < alone.epochs
        np.testing.assert_array_equal(result.curves[run][past], alone.history.loss[result.curve_epochs[past]])


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize(
    ("over", "options"),
    [
        ({"lr": [0.001, 0.1, 500.0]}, {"optimizer": "gd", "epochs": 30}),
        ({"optimizer": ["gd", "adam", "momentum"], "seed": [0, 3]}, {"batch_size": 16, "epochs": 3}),
        ({"batch_size": [1, 8, None], "epochs": [2, 5]}, {"lr": 0.01}),
        ({"init.W1": [0.0, "normal(0, 0.5)"], "l2": [0.0, 0.1]}, {"epochs": 20}),
        ({"optimizer": ["gd", "adam"]}, {"lr": "auto", "epochs": 5}),
    ],
)
def test_each_run_is_fit_alone(over, options, threads):
    over = {name.replace("init.W1", "W1"): values for name, values in over.items()}
    assert_each_is_fit_alone(tidu.sweep(NETWORK, DATA, over, threads=threads, **options), DATA)


def test_digits():
    over = {"lr": "log(1e-3, 1e-1, 3)"}
    result = tidu.sweep("y = linear(...)", IMAGES, over, loss="softmax", optimizer="adam", batch_size=32, epochs=3)
    assert_each_is_fit_alone(result, IMAGES, "y = linear(...)")
    assert result.best["params"]["W"] == np.asarray(result.params["W"][int(result.order[0])]).tolist()
    plain = json.loads(json.dumps(result.to_dict()))
    assert "params" in plain["best"]
    assert all("params" not in run for run in plain["runs"])


def test_rows_kept_back_judge_each_run():
    result = tidu.sweep(NETWORK, DATA, {"lr": [0.01, 0.1]}, test_size=0.25, epochs=20, optimizer="gd")
    for run, lr in enumerate([0.01, 0.1]):
        alone = tidu.fit(NETWORK, DATA, lr=lr, test_size=0.25, epochs=20, optimizer="gd")
        assert result.test_loss[run] == pytest.approx(alone.test_metrics["mse"], rel=1e-12)


def test_a_sweep_that_is_left_stops_its_runs():
    plan = Plan(NETWORK, DATA, {"seed": [*range(6)]}, {"epochs": 10**7}, None, False, None)

    def problem_of(run):
        return plan.problem_of(run) if run else plan.problem_of(run).changed(epochs=1)

    ends = trained_at_once(6, problem_of, Execution(threads=2))
    run, _end = next(ends)
    assert run == 0
    ends.close()  # which waits for the others, and they would take hours


def test_progress_is_told_in_runs():
    told = []
    tidu.sweep(NETWORK, DATA, {"seed": [1, 2, 3]}, epochs=2, callbacks=told.append)
    assert (told[-1].steps, told[-1].steps_in_all) == (3, 3)


def test_the_command_line(tmp_path):
    with open(tmp_path / "data.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(DATA)
        writer.writerows(zip(*DATA.values(), strict=True))
    words = ["sweep", str(tmp_path / "data.csv"), NETWORK, "--over", "lr=0.01,0.1", "--epochs", "20"]
    found = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "runs.csv")])
    assert found.exit_code == 0, found.output
    assert "0.1" in found.output
    header, *rows = (tmp_path / "runs.csv").read_text().splitlines()
    assert header == "lr,loss,stopped,epochs,steps"
    assert len(rows) == 2


def test_the_sizes_of_layers_are_no_axis_and_the_error_says_where_they_stand():
    x = np.linspace(-1.0, 1.0, 20)
    with pytest.raises(SettingError, match=r"'hidden' stands in the formula, as in mlp\(\.\.\., hidden=\[16\]\)"):
        tidu.sweep("y = mlp(x, hidden=[4])", {"x": x, "y": x}, {"hidden": [4, 8]}, epochs=2)
