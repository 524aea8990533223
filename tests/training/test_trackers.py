"""Trackers against the run's own history: event files read record by record, MLflow by its client, the live curve."""

import math
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tidu
from tidu.errors import SettingError
from tidu.fronts import cli
from tidu.training import trackers
from tidu.training.live_curve import HEIGHT, WIDTH, points_of

DATA = {"x": [1.0, 2.0, 3.0], "y": [2.0, 4.0, 6.5]}
LINE = "y = w*x + b"


def scalars(folder):
    """The scalars of a folder's event files by tag: (step, value), in order. The format is that of TFRecord files."""
    event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")
    found = {}
    for path in sorted(folder.glob("events.*")):
        content, at = path.read_bytes(), 0
        while at < len(content):
            (length,) = struct.unpack_from("<Q", content, at)
            event = event_pb2.Event.FromString(content[at + 12 : at + 12 + length])
            for value in event.summary.value:
                if value.HasField("simple_value"):
                    found.setdefault(value.tag, []).append((event.step, value.simple_value))
            at += 16 + length
    return found


@pytest.mark.parametrize("settings", [{}, {"record": "step", "batch_size": 2}, {"scale": True}, {"optimizer": "adam"}])
def test_event_files_hold_the_history(tmp_path, settings):
    run = tidu.fit(LINE, DATA, lr=0.05, epochs=20, callbacks=trackers.TensorBoard(tmp_path), **settings)
    found = scalars(tmp_path)
    assert [step for step, _v in found["loss"]] == list(range(len(run.history)))
    np.testing.assert_allclose([v for _s, v in found["loss"]], run.history.loss, rtol=1e-6)
    np.testing.assert_allclose([v for _s, v in found["parameters/w"]], run.history["w"], rtol=1e-6)


def test_a_long_run_is_thinned(tmp_path):
    epochs = 5 * trackers.MOST_POINTS + 7
    tidu.fit(LINE, DATA, lr=0.01, epochs=epochs, callbacks=trackers.TensorBoard(tmp_path))
    assert trackers.MOST_POINTS <= len(scalars(tmp_path)["loss"]) <= 2 * trackers.MOST_POINTS


def test_a_tracker_changes_no_bit(tmp_path):
    alone = tidu.fit(LINE, DATA, lr=0.05, epochs=30)
    watched = tidu.fit(LINE, DATA, lr=0.05, epochs=30, callbacks=trackers.TensorBoard(tmp_path))
    assert alone.params == watched.params
    assert watched.history.values.tobytes() == alone.history.values.tobytes()


def test_a_diverged_run_is_closed_and_told(tmp_path):
    run = tidu.fit(LINE, DATA, lr=50.0, epochs=1000, callbacks=trackers.TensorBoard(tmp_path))
    assert run.stopped == "diverged"
    assert scalars(tmp_path)["loss"]


def test_on_the_command_line(tmp_path, capsys):
    table = tmp_path / "points.csv"
    table.write_text("x,y\n1,2\n2,4\n3,6.5\n")
    folder = tmp_path / "events"
    assert cli.run(["fit", str(table), LINE, "--lr", "0.05", "--epochs", "5", "--track", f"tensorboard:{folder}"]) == 0
    assert len(scalars(folder)["loss"]) == 5
    capsys.readouterr()
    assert cli.run(["fit", str(table), LINE, "--track", "tensorboard"]) == 2
    assert "a tracker is tensorboard:DIR" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "tensorboard", "tensorboard:", "wandb:x"])
def test_what_is_no_tracker_is_refused(text):
    with pytest.raises(SettingError, match="a tracker is"):
        trackers.tracker_of(text)


@pytest.mark.filterwarnings("default")  # MLflow's own
def test_mlflow_holds_the_history(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # a data base needs all of MLflow, and files its client alone
    uri = (tmp_path / "runs").as_uri()
    tracker = trackers.MLflow(uri, "lines")
    run = tidu.fit(LINE, DATA, lr=0.05, epochs=20, callbacks=tracker)
    client = mlflow.MlflowClient(tracking_uri=uri)
    told = client.get_metric_history(tracker.run_id, "loss")
    assert [m.step for m in told] == list(range(20))
    assert [m.value for m in told] == run.history.loss.tolist()
    kept = client.get_run(tracker.run_id)
    assert kept.info.status == "FINISHED"
    assert kept.data.params["formula"] == LINE
    assert kept.data.metrics["parameters/w"] == run.params["w"]


# -- the live curve --------------------------------------------------------------------------------------------
def test_the_live_curve_ends_with_the_last_loss(monkeypatch):
    display = pytest.importorskip("IPython.display")
    shown = []

    class Handle:
        def update(self, html):
            shown.append(html.data)

    monkeypatch.setattr(display, "display", lambda html, display_id: shown.append(html.data) or Handle())
    run = tidu.fit(LINE, DATA, lr=0.05, epochs=20, callbacks=tidu.LiveCurve())
    assert f"loss {run.history.loss[-1]:.6g}" in shown[-1]
    assert shown[-1].count(",") == 20
    assert "stopped: epochs" in shown[-1]


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=50))
def test_every_point_lies_in_the_picture(losses):
    places = [tuple(map(float, p.split(","))) for p in points_of(losses).split()]
    assert len(places) == sum(map(math.isfinite, losses))
    assert all(0.0 <= x <= WIDTH and 0.0 <= y <= HEIGHT for x, y in places)
    assert [x for x, _y in places] == sorted(x for x, _y in places)


# -- the guide's own callback ----------------------------------------------------------------------------------
@pytest.mark.parametrize("page", ["guide.md", "guide.zh.md"])
def test_the_callback_of_the_guide_stops_the_run(page):
    text = (Path(__file__).parents[2] / "docs" / page).read_text(encoding="utf-8")
    (example,) = (e for e in re.findall(r"```python\n(.*?)```", text, re.S) if "UntilFlat" in e)
    names = {}
    exec(example.replace("print(run.stopped)", ""), names)
    assert names["run"].stopped == "flat"
    assert 2 < names["run"].epochs < 100_000
