"""Models in ONNX, run by onnxruntime: the run's predictions to float32, for every operation, activation and link."""

from __future__ import annotations

import numpy as np
import pytest

import tidu
from oracles import OPS
from tidu.content.losses import LOSSES
from tidu.errors import SettingError
from tidu.fronts import cli
from tidu.insight.onnx_model import onnx_bytes
from tidu.language.activations import ACTIVATIONS

onnxruntime = pytest.importorskip("onnxruntime")
RANDOM = np.random.default_rng(8)
X, Z = RANDOM.uniform(0.2, 0.9, 40), RANDOM.normal(0.0, 1.0, 40)
DATA = {"x": X, "z": Z, "y": 1.5 * X + 0.3, "city": np.where(Z > 0.4, "北京", np.where(Z > -0.4, "bj", "sh"))}


def ran(run, data):
    session = onnxruntime.InferenceSession(onnx_bytes(run), providers=["CPUExecutionProvider"])
    given = {}
    for i in session.get_inputs():
        column = np.asarray(data[i.name])
        given[i.name] = column.astype(object) if "string" in i.type else column.astype(np.float32)
    return dict(zip([o.name for o in session.get_outputs()], session.run(None, given), strict=True))


def predictions(run, data):
    return run.model.predictions(run.features_of(data, with_target=False))


@pytest.mark.parametrize("name", OPS)
def test_every_operation(name):
    entry = OPS[name]
    texts = {(0, 1): "(z > 0)"}
    inside = [texts.get(d) or f"({(d[0] + d[1]) / 2} + {0.8 * (d[1] - d[0]) / 2}*{v})"
              for d, v in zip(entry.domain, ("(2*x - 1.1)", "sin(z)", "x"), strict=False)]  # fmt: skip
    formula = entry.text.replace("{a}", "3").format(*inside)
    if entry.boolean:
        formula = f"where({formula}, 1, 2)"
    run = tidu.fit(f"y = w*({formula})", DATA, init={"w": 1.5}, epochs=1, lr=1e-9)
    np.testing.assert_allclose(ran(run, DATA)["prediction"], predictions(run, DATA), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(activation):
    run = tidu.fit(f"y = mlp(x, z, hidden=[4, 3], activation='{activation}')", DATA, epochs=3)
    np.testing.assert_allclose(ran(run, DATA)["prediction"], predictions(run, DATA), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_with_its_link_and_labels(loss):
    codes = LOSSES[loss].targets.codes
    data = {**DATA, "y": np.where(Z > 0, "yes", "no") if codes else np.round(3 * X)}
    if loss == "softmax":
        data["y"] = DATA["city"]
    run = tidu.fit("y = linear(x, z)", data, loss=loss, epochs=20, lr=0.1)
    found = ran(run, data)
    np.testing.assert_allclose(found["prediction"], predictions(run, data), rtol=2e-5, atol=2e-6)
    if run.classes:
        assert found["label"].tolist() == [str(v) for v in run.predict(data)]


@pytest.mark.parametrize(
    "formula", ["y = b*(city == 'bj') + w*x", "y = linear(x, C(city))", "y = linear(x, z) + w*x**2"]
)
def test_words_and_levels(formula):
    run = tidu.fit(formula, DATA, epochs=5)
    np.testing.assert_allclose(ran(run, DATA)["prediction"], predictions(run, DATA), rtol=2e-5, atol=2e-6)


def test_the_command_and_what_cannot_be_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run = tidu.fit("y = mlp(x, z, hidden=[3], dropout=0.5)", DATA, epochs=2)
    run.save("m.tidu")
    assert cli.run(["export", "m.tidu", "--to", "onnx", "--out", "m.onnx"]) == 0
    assert (tmp_path / "m.onnx").read_bytes() == onnx_bytes(run)
    capsys.readouterr()
    assert cli.run(["export", "m.tidu", "--to", "onnx"]) == 2
    assert "--out" in capsys.readouterr().err
    assert run.export("onnx") == onnx_bytes(run)
    dates = {"day": ["2024-01-01", "2024-01-03", "2024-01-04"], "y": [1.0, 2.0, 4.0]}
    with pytest.raises(SettingError, match="dates"):
        tidu.fit("y = w*days(day) + b", dates, epochs=1).export("onnx")
