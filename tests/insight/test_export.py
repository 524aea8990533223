"""Exported programs run in a clean process, which finds no tidu, and print the parameters of the run."""

import ast
import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tidu
from tidu.content.losses import LOSSES
from tidu.content.optimizers import OPTIMIZERS
from tidu.errors import SettingError
from tidu.fronts import cli
from tidu.lessons.line import data as line_data
from tidu.runtime.permutation import permutation
from tidu.text import use_language

RANDOM = np.random.default_rng(5)
X, Z = RANDOM.uniform(0.2, 2.0, 70), RANDOM.normal(0.0, 1.0, 70)
POSITIVE = {"x": X, "z": Z, "y": np.exp(0.3 * X) + 0.1 * np.abs(Z)}
PARABOLA = {"x": [0.01 * i for i in range(100)]}
PARABOLA["y"] = [4 * x * x + 5 * x + 6 for x in PARABOLA["x"]]
TWO = RANDOM.normal(0.0, 1.0, (1000, 2))
LINREG = {"x1": TWO[:, 0], "x2": TWO[:, 1], "y": TWO @ [2, -3.4] + 4.2 + RANDOM.normal(0.0, 0.01, 1000)}

PROGRAMS = {
    "meter": ("y = w*x", {"x": [1.0], "y": [100.0]},
              {"loss": "half_squared", "lr": 0.2, "init": {"w": 0.1}, "epochs": 61}),
    "one-weight": ("y = w*x", {"x": [1.0, 2.0, 3.0], "y": [2.0, 4.0, 6.0]}, {"init": {"w": 1}, "epochs": 100}),
    "one-weight, one by one": ("y = w*x", {"x": [1.0, 2.0, 3.0], "y": [4.0, 5.0, 6.0]},
                               {"init": {"w": 1}, "epochs": 100, "batch_size": 1, "shuffle": False}),
    "line": ("y = w*x + b", line_data(), {"lr": 0.0001, "epochs": 1000}),
    "parabola": ("y = w1*x**2 + w2*x + w3", PARABOLA,
                 {"lr": 0.001, "batch_size": 1, "shuffle": False, "epochs": 30, "until_loss": 1e-5,
                  "init": {"w1": 1, "w2": 0, "w3": 1}}),
    "linreg": ("y = linear(x1, x2)", LINREG, {"loss": "half_squared", "batch_size": 10, "lr": 0.03, "epochs": 3}),
}  # fmt: skip
MODELS = {
    "batches of 40, shuffled, in sums": ("y = w*x + b", POSITIVE, {"batch_size": 40, "epochs": 4}),
    "one by one, shuffled": ("y = w*x + b", POSITIVE, {"batch_size": 1, "epochs": 2, "seed": 2**40}),
    "schedule": ("y = a*exp(b*x)", POSITIVE, {"lr": "0.01*exp(-epoch/10)", "batch_size": 8, "epochs": 9}),
    "log of the target": ("log(y) = a*x + b", POSITIVE, {"epochs": 50}),
    "penalty and clipping": ("y = w*x + v*abs(z)", POSITIVE, {"l1": 0.01, "l2": 0.1, "clip_norm": 0.5, "epochs": 30}),
    "convergence": ("y = w*x + b", POSITIVE, {"tol": 1e-4, "epochs": 500, "lr": 0.1}),
    "every step": ("y = w*x**2 + b*sin(z)", POSITIVE, {"record": "step", "batch_size": 16, "epochs": 5}),
    "where": ("y = where(z > 0, a*x, b*tanh(x)) + c", POSITIVE, {"epochs": 40}),
    "divergence": ("y = w*x**3 + b", POSITIVE, {"lr": 5.0, "epochs": 400}),
    "weights": ("y = w*x + b", {**POSITIVE, "n": np.abs(Z) + 0.5}, {"weights": "n", "epochs": 30}),
}
DEFAULTS = {"lr": 0.01}


def written(data, folder, header=True):
    path = folder / "data.csv"
    rows = zip(*(np.asarray(column).tolist() for column in data.values()), strict=True)
    lines = [",".join(data)] * header + [",".join(map(str, row)) for row in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


def printed(text, data, folder, *options):
    script = folder / "script.py"
    script.write_text(text, encoding="utf-8")
    command = [sys.executable, "-I", *options, str(script), str(data)]
    told = subprocess.run(command, cwd=folder, env={"PYTHONIOENCODING": "utf-8"}, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    pairs = (line.split(" = ") for line in told.stdout.splitlines())
    return {name: ast.literal_eval(value) for name, value in pairs}


def fitted(formula, data, given):
    return tidu.fit(formula, data, **(DEFAULTS | given))


@pytest.mark.parametrize("name", [*PROGRAMS, *MODELS])
def test_plain_python_has_the_same_bits(name, tmp_path):
    formula, data, given = (PROGRAMS | MODELS)[name]
    if name == "linreg":
        formula = "y = a*x1 + c*x2 + d"
    run = fitted(formula, data, given)
    assert printed(run.export("python"), written(data, tmp_path), tmp_path, "-S") == dict(run.params)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", [*PROGRAMS, *MODELS])
def test_numpy_agrees(name, tmp_path):
    formula, data, given = (PROGRAMS | MODELS)[name]
    run = fitted(formula, data, given)
    found = printed(run.export("numpy"), written(data, tmp_path), tmp_path)
    for p, value in run.params.items():
        np.testing.assert_allclose(found[p], value, rtol=1e-12, atol=1e-12)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("to", ["torch", "jax"])
@pytest.mark.parametrize("name", [*PROGRAMS, *MODELS])
def test_torch_and_jax_agree(to, name, tmp_path):
    formula, data, given = (PROGRAMS | MODELS)[name]
    run = fitted(formula, data, given)
    found = printed(run.export(to), written(data, tmp_path), tmp_path)
    for p, value in run.params.items():
        np.testing.assert_allclose(found[p], value, rtol=1e-12, atol=1e-12)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("to", ["numpy", "torch", "jax"])
def test_a_network_agrees(to, tmp_path):
    run = fitted("y = mlp(x, z, hidden=[5, 3])", POSITIVE, {"optimizer": "adam", "batch_size": 16, "epochs": 5})
    found = printed(run.export(to), written(POSITIVE, tmp_path), tmp_path)
    assert [*found] == [*run.params]
    for p, value in run.params.items():
        np.testing.assert_allclose(found[p], value, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer(optimizer, tmp_path):
    run = fitted("y = w*x + b", POSITIVE, {"optimizer": optimizer, "batch_size": 9, "epochs": 3})
    assert printed(run.export("python"), written(POSITIVE, tmp_path), tmp_path, "-S") == dict(run.params)


@pytest.mark.parametrize("loss", [name for name in LOSSES if name != "softmax"])
def test_every_loss(loss, tmp_path):
    targets = LOSSES[loss].targets.codes
    y = np.where(POSITIVE["z"] > 0, *targets[::-1]) if targets else POSITIVE["y"]
    data = {**POSITIVE, "y": y}
    run = fitted("y = w*x + b", data, {"loss": loss, "epochs": 5})
    assert printed(run.export("python"), written(data, tmp_path), tmp_path, "-S") == dict(run.params)


@pytest.mark.parametrize("to", ["python", "numpy"])
def test_words_are_read_as_they_were(to, tmp_path):
    data = {"x": X, "city": np.where(Z > 0.3, "bj", "sh"), "kind": np.where(X > 1, "big", "small")}
    run = tidu.fit("kind = w*x + v*(city == 'bj') + b", data, loss="logistic", lr=0.1, epochs=9)
    found = printed(run.export(to), written(data, tmp_path), tmp_path)
    for p, value in run.params.items():
        np.testing.assert_allclose(found[p], value, rtol=1e-12)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("to", ["numpy", "torch", "jax"])
def test_classes_of_a_softmax(to, tmp_path):
    data = {"x": X, "z": Z, "kind": np.where(X > 1.5, "c", np.where(Z > 0, "a", "b"))}
    run = tidu.fit("kind = linear(x, z)", data, loss="softmax", lr=0.1, epochs=9)
    found = printed(run.export(to), written(data, tmp_path), tmp_path)
    for p, value in run.params.items():
        np.testing.assert_allclose(found[p], value, rtol=1e-12, atol=1e-14)


def test_a_file_without_a_header_and_rescaled_parameters(tmp_path):
    data = line_data()
    run = tidu.fit("y = w*x + b", data, scale=True, epochs=20)
    found = printed(run.export("python"), written(data, tmp_path, header=False), tmp_path, "-S")
    for p, value in run.params.items():
        assert found[p] == pytest.approx(value, rel=1e-14)


@pytest.mark.parametrize(("formula", "to"), [("y = a*exp(b*x)", "python"), ("y = mlp(x, z, hidden=[3])", "numpy")])
def test_the_model_alone(formula, to):
    run = fitted(formula, POSITIVE, {"epochs": 5})
    scope = {}
    exec(run.export(to, model=True), scope)
    row = {name: column[3] for name, column in POSITIVE.items()}
    assert scope["predict"](row) == pytest.approx(run.predict({n: [v] for n, v in row.items()})[0], rel=1e-13)


# A busy machine draws slowly, which says nothing about the order.
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**70), st.integers(0, 2**33), st.integers(1, 300))
def test_the_order_is_numpys(seed, epoch, rows):
    assert permutation([seed, epoch], rows) == np.random.default_rng([seed, epoch]).permutation(rows).tolist()


def test_python_imports_the_standard_library_alone():
    text = fitted("y = a*exp(b*x)", POSITIVE, {"batch_size": 40, "epochs": 2}).export("python")
    roots = {alias.name for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Import) for alias in n.names}
    roots |= {n.module for n in ast.walk(ast.parse(text)) if isinstance(n, ast.ImportFrom)}
    assert roots <= sys.stdlib_module_names
    assert "tidu.runtime" not in text


def test_what_cannot_be_exported_is_a_sentence():
    network = fitted("y = mlp(x, hidden=[3])", POSITIVE, {"epochs": 2})
    with pytest.raises(SettingError, match="--to numpy"):
        network.export("python")
    with pytest.raises(SettingError, match="did you mean 'torch'"):
        network.export("torhc")
    solved = tidu.fit("y = a*x + b", POSITIVE, optimizer="lm")
    with pytest.raises(SettingError, match="--model"):
        solved.export("python")
    assert "def predict(row):" in solved.export("python", model=True)


def test_the_command(tmp_path, capsys, monkeypatch):
    use_language("en")
    monkeypatch.setenv("TIDU_STORE", str(tmp_path / "runs.sqlite"))
    data, model, script = written(POSITIVE, tmp_path), tmp_path / "m.tidu", tmp_path / "train.py"
    assert cli.run(["fit", str(data), "y = w*x + b", "--lr", "0.1", "--epochs", "7", "--out", str(model)]) == 0
    assert cli.run(["export", str(model), "--to", "python", "--out", str(script)]) == 0
    capsys.readouterr()
    assert cli.run(["export", "1", "--to", "python"]) == 0
    assert capsys.readouterr().out == script.read_text()
    assert printed(script.read_text(), data, tmp_path, "-S") == dict(tidu.load(model).params)
    assert cli.run(["export", str(model), "--to", "numpy", "--model", "--json"]) == 0
    assert "def predict(row):" in json.loads(capsys.readouterr().out)["source"]
    assert cli.run(["export", str(model), "--to", "excel"]) == 2
