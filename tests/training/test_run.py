"""Runs: predictions, scores, and files that come back to the bit or are refused."""

import errno
import json
import math
import os
import stat

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import tidu
from tidu.data.csv_options import CsvOptions
from tidu.errors import ColumnNotFound, DataError, MissingValues, ModelFileError
from tidu.training.judging.metrics import metrics_of
from tidu.training.model_file import write_whole

X = np.array([0.3, -1.2, 2.0, 0.7, 1.1])
DATA = {"x": X, "y": 2 * X - 1 + np.array([0.1, -0.2, 0.05, 0.0, 0.1])}
LINE = "y = w*x + b"


@pytest.fixture
def run():
    return tidu.fit(LINE, DATA, lr=0.1, epochs=30)


# -- predictions ----------------------------------------------------------------------------------
def test_predictions_are_the_formula_at_the_parameters(run):
    expected = run.params["w"] * X + run.params["b"]
    assert run.predict(DATA).tobytes() == expected.tobytes()
    assert run.predict({"x": X}).tobytes() == expected.tobytes()
    assert run.predict({"other": ["a"] * 5, "x": X.tolist()}).tobytes() == expected.tobytes()
    assert run.predict({"x": []}).shape == (0,)


def test_predictions_from_a_file(run, tmp_path):
    (tmp_path / "new.csv").write_text("remark,x\nfirst,0.3\nsecond,-1.2\n")
    assert run.predict(tmp_path / "new.csv").tolist() == run.predict(DATA)[:2].tolist()


@pytest.mark.parametrize("target", [[None] * 5, ["?"] * 5, ["unknown"] * 5, [math.inf] * 5])
def test_a_target_that_is_not_known_yet_is_no_hindrance(run, target):
    assert run.predict({"x": X, "y": target}).tolist() == run.predict(DATA).tolist()


def test_features_must_be_there_and_whole(run):
    with pytest.raises(ColumnNotFound, match="the model needs the column 'x'; the data has u, y"):
        run.predict({"u": X, "y": X})
    with pytest.raises(MissingValues, match="row 2 of column 'x'"):
        run.predict({"x": [1, None]})
    assert run.predict({"x": [1, None]}, drop_missing=True).tolist() == run.predict({"x": [1]}).tolist()


def test_a_model_of_no_feature_predicts_a_row_for_each_row():
    run = tidu.fit("y = c", DATA, init={"c": 0}, lr=0.5, epochs=1)
    assert run.predict({"x": [1, 2, 3]}).tolist() == [run.params["c"]] * 3
    assert run.params["c"] == pytest.approx(DATA["y"].mean())


def test_columns_with_names_that_are_no_identifiers():
    data = {"体重 (kg)": [1.0, 2.0, 3.0], "y-value": [2.0, 4.0, 6.0]}
    run = tidu.fit("`y-value` = w*`体重 (kg)`", data, lr=0.1, epochs=200)
    assert run.predict(data).tolist() == pytest.approx([2, 4, 6])


# -- scores ---------------------------------------------------------------------------------------
def test_scores_by_hand():
    y, y_hat = np.array([1.0, 2.0, 4.0]), np.array([1.5, 2.0, 3.0])
    # Residuals −0.5, 0, 1; mean 7/3 with squared deviations 16/9, 1/9, 25/9.
    expected = {"mse": 1.25 / 3, "rmse": math.sqrt(1.25 / 3), "mae": 0.5, "r2": 1 - 1.25 / (42 / 9)}
    assert metrics_of(y, y_hat) == pytest.approx(expected, rel=1e-15)


def test_scores_of_scikit_learn(run):
    sklearn = pytest.importorskip("sklearn.metrics")
    y, y_hat = DATA["y"], run.predict(DATA)
    assert run.metrics == pytest.approx(
        {
            "mse": sklearn.mean_squared_error(y, y_hat),
            "rmse": sklearn.root_mean_squared_error(y, y_hat),
            "mae": sklearn.mean_absolute_error(y, y_hat),
            "r2": sklearn.r2_score(y, y_hat),
        },
        rel=1e-13,  # another order of summation
    )


@pytest.mark.parametrize("value", [3.0, 0.1])  # the mean of three 0.1 is not 0.1
def test_r2_means_nothing_for_a_target_that_never_varies(value):
    assert math.isnan(metrics_of(np.full(3, value), np.array([1.0, 2.0, 3.0]))["r2"])


def test_scores_of_numbers_too_large_to_square():
    metrics = metrics_of(np.array([1.7e308, -1.7e308]), np.array([-1.7e308, 1.0]))
    assert metrics["mse"] == metrics["rmse"] == math.inf


def test_scoring_needs_the_target(run):
    with pytest.raises(ColumnNotFound, match="scoring needs the target column 'y'; the data has x"):
        run.score({"x": X})
    with pytest.raises(MissingValues, match="column 'y'"):
        run.score({"x": X, "y": [None, 1, 2, 3, 4]})
    with pytest.raises(DataError, match="no rows to score"):
        run.score({"x": [], "y": []})


# -- what it says of itself -----------------------------------------------------------------------
def test_everything_as_plain_values(run):
    plain = json.loads(json.dumps(run.to_dict(), allow_nan=False))
    assert plain["params"] == dict(run.params)
    assert plain["loss"] == run.loss == run.history.loss[-1]
    assert (plain["stopped"], plain["epochs"], plain["steps"], plain["rows"]) == ("epochs", 30, 30, 5)
    assert plain["gradient"] == {p: run.history.gradient(p)[-1] for p in "wb"}
    assert plain["first_gradient"] == {p: run.history.gradient(p)[0] for p in "wb"}
    assert plain["optimizer"] == "gd"
    assert plain["lr"] == 0.1
    assert plain["metrics"] == dict(run.metrics)
    assert len(plain["history"]["loss"]) == 30
    assert plain["seconds"] > 0


def test_a_run_that_diverged_at_once_is_plain_too():
    run = tidu.fit("y = w/x", {"x": [0.0], "y": [1.0]})
    plain = json.loads(json.dumps(run.to_dict(), allow_nan=True))
    assert math.isnan(plain["loss"])
    assert (plain["gradient"], plain["history"]["loss"]) == ({}, [])


def test_a_long_history_is_thinned_in_json_and_not_in_the_run():
    run = tidu.fit("y = w*x", {"x": [1.0], "y": [1.0]}, epochs=10_500, lr=0.001)
    assert len(run.to_dict()["history"]["loss"]) == 10_000
    assert len(run.history) == 10_500


def test_its_repr_and_its_source(run):
    assert repr(run).startswith("<Run of 'y = w*x + b': w=")
    assert "stopped: epochs" in repr(run)
    assert "def train(" in run.source
    assert run.latex().startswith(r"\begin{aligned}")


# -- files ----------------------------------------------------------------------------------------
RUNS = {
    "plain": lambda: tidu.fit(LINE, DATA, epochs=3),
    "adam, steps": lambda: tidu.fit(
        LINE, DATA, optimizer="adam(beta1=0.8)", batch_size=2, record="step", epochs=None, steps=7
    ),
    "everything": lambda: tidu.fit(
        "体重 = 斜率*`x 1` + b",
        {"x 1": X, "体重": DATA["y"], "unused": X},
        loss="huber(delta=0.5)",
        optimizer="nadam",
        lr="0.1*warmup(3)/(1 + epoch)",
        init={"b": "normal(0, 1)", "斜率": np.float32(0.1)},
        batch_size=np.int64(2),
        penalise=["斜率"],
        l1=0.1,
        l2=0.2,
        clip_norm=3,
        clip_value=2,
        until_loss=1e-9,
        tol=1e-12,
        test_size=0.4,
        seed=5,
        epochs=4,
    ),
    "diverged": lambda: tidu.fit(LINE, DATA, lr=100, epochs=2000),
    "diverged at once": lambda: tidu.fit("y = w/x", {"x": [0.0, 1.0], "y": [1.0, 2.0]}),
    "noted": lambda: tidu.fit(LINE, {"x": [1, None, 3], "y": [0.1, 0.1, 0.1]}, drop_missing=True, batch_size=9),
}


@pytest.mark.parametrize("make", RUNS.values(), ids=RUNS)
def test_a_run_comes_back_from_its_file_to_the_bit(tmp_path, make):
    run = make()
    run.save(tmp_path / "m.tidu")
    loaded = tidu.load(tmp_path / "m.tidu")
    assert repr(loaded.to_dict()) == repr(run.to_dict())  # repr: nan is not equal to itself
    assert loaded.settings == run.settings
    for name in ("columns", "start", "optimizer_state", "notes", "source", "engine_reason", "stopped"):
        assert getattr(loaded, name) == getattr(run, name)
    for name in ("values", "epoch", "step"):
        ours, theirs = getattr(run.history, name), getattr(loaded.history, name)
        assert (theirs.dtype, theirs.shape, theirs.tobytes()) == (ours.dtype, ours.shape, ours.tobytes())
    data = run.training_data
    with np.errstate(divide="ignore"):
        assert loaded.predict(data).tobytes() == run.predict(data).tobytes()
    assert loaded.training_data is None
    assert loaded.latex() == run.latex()


def test_saving_twice_gives_the_same_file(run, tmp_path):
    for name in "ab":
        run.save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    tidu.load(tmp_path / "a").save(tmp_path / "c")
    assert (tmp_path / "c").read_bytes() == (tmp_path / "a").read_bytes()


def test_a_file_is_readable_by_whom_the_umask_allows(run, tmp_path):
    before = os.umask(0o027)
    try:
        run.save(tmp_path / "m")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "m").stat().st_mode) == 0o640


@pytest.mark.slow
def test_any_flipped_byte_is_noticed(run, tmp_path):
    run.save(tmp_path / "m")
    content = (tmp_path / "m").read_bytes()
    for place in range(0, len(content), 3):
        (tmp_path / "m").write_bytes(content[:place] + bytes([content[place] ^ 0x11]) + content[place + 1 :])
        with pytest.raises(ModelFileError):
            tidu.load(tmp_path / "m")


@pytest.mark.parametrize("keep", [0, 1, 8, 100, 0.5, 0.99])
def test_half_a_file_is_refused(run, tmp_path, keep):
    run.save(tmp_path / "m")
    content = (tmp_path / "m").read_bytes()
    (tmp_path / "m").write_bytes(content[: keep if isinstance(keep, int) else int(keep * len(content))])
    with pytest.raises(ModelFileError, match="is not a model saved by tidu"):
        tidu.load(tmp_path / "m")


def test_files_that_are_no_models(tmp_path):
    with pytest.raises(ModelFileError, match="there is no file"):
        tidu.load(tmp_path / "nothing")
    with pytest.raises(ModelFileError, match="is not a model saved by tidu"):
        tidu.load(tmp_path)
    (tmp_path / "text").write_text("x,y\n1,2\n")
    with pytest.raises(ModelFileError, match="is not a model saved by tidu"):
        tidu.load(tmp_path / "text")
    save_file({"weight": np.zeros(3)}, tmp_path / "foreign")
    with pytest.raises(ModelFileError, match="is not a model saved by tidu"):
        tidu.load(tmp_path / "foreign")


@pytest.mark.parametrize(
    "written", ["{}", "[]", "3", "null", "nonsense", '{"format": 5}', '{"format": 5, "settings": 3}']
)
def test_metadata_of_another_make(tmp_path, written):
    save_file({"weight": np.zeros(3)}, tmp_path / "m", metadata={"tidu": written})
    with pytest.raises(ModelFileError, match="is not a model saved by tidu"):
        tidu.load(tmp_path / "m")


def test_a_model_of_a_later_version(tmp_path):
    save_file({"weight": np.zeros(3)}, tmp_path / "m", metadata={"tidu": '{"format": 99}'})
    with pytest.raises(ModelFileError, match="newer version"):
        tidu.load(tmp_path / "m")


def test_a_model_of_an_earlier_version(tmp_path):
    save_file({"weight": np.zeros(3)}, tmp_path / "m", metadata={"tidu": '{"format": 2}'})
    with pytest.raises(ModelFileError, match="an older version of tidu; fit the model again"):
        tidu.load(tmp_path / "m")


@pytest.mark.parametrize("options", [{}, {"optimizer": "adam", "batch_size": 2}, {"scale": True}, {"tol": 1e-9}])
def test_a_model_alone_predicts_the_same_and_has_no_run(options, tmp_path):
    run = tidu.fit(LINE, DATA, epochs=9, **options)
    run.model.save(tmp_path / "m.tidu")
    model = tidu.Model.load(tmp_path / "m.tidu")
    assert dict(model.params) == dict(run.params)
    assert model.predict(DATA).tobytes() == run.predict(DATA).tobytes()
    with pytest.raises(ModelFileError, match="a model without its run"):
        tidu.load(tmp_path / "m.tidu")
    run.save(tmp_path / "run.tidu")
    assert dict(tidu.Model.load(tmp_path / "run.tidu").params) == dict(run.params)
    assert tidu.load(tmp_path / "run.tidu").state == run.state


def test_a_model_is_a_safetensors_file_that_others_can_read(run, tmp_path):
    run.save(tmp_path / "m.safetensors")
    file = load_file(tmp_path / "m.safetensors")
    assert {name: file[f"params/{name}"].item() for name in run.params} == run.params


# -- writing --------------------------------------------------------------------------------------
def test_a_failed_write_leaves_the_old_file_whole(run, tmp_path, monkeypatch):
    run.save(tmp_path / "m")
    old = (tmp_path / "m").read_bytes()

    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    for step in ("replace", "fdopen"):
        with monkeypatch.context() as patch:
            patch.setattr(os, step, full)
            with pytest.raises(DataError, match="cannot be written: No space left on device"):
                tidu.fit(LINE, DATA, epochs=1).save(tmp_path / "m")
    assert (tmp_path / "m").read_bytes() == old
    assert os.listdir(tmp_path) == ["m"]


def test_an_interrupted_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupted(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "m", b"content")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("nowhere/m", "No such file"),
        ("file/m", "Not a directory"),
        (".", ""),
        ("a\0b", "null byte"),
        ("n" * 5000, "too long"),
    ],
)
def test_a_place_that_cannot_be_written_gives_one_sentence(run, tmp_path, place, reason):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError) as caught:
        run.save(f"{tmp_path}/{place}")
    assert "cannot be written: " in str(caught.value)
    assert reason in str(caught.value)
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_gives_one_sentence(run, tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(DataError, match="cannot be written: Permission denied"):
            run.save(tmp_path / "m")
    finally:
        tmp_path.chmod(0o700)


def test_a_run_without_its_data(run):
    assert run.training_data is not None
    assert run.without_data().training_data is None
    assert run.without_data().params == run.params


def test_features_of_reads_with_the_options_given(run, tmp_path):
    (tmp_path / "d.csv").write_text("1,2\n3,4\n")
    table = run.features_of(tmp_path / "d.csv", csv=CsvOptions(names=("y", "x")))
    assert {name: column.tolist() for name, column in table.items()} == {"y": [1, 3], "x": [2, 4]}
    assert list(run.features_of(DATA, with_target=False)) == ["x"]


# -- the trace of a step ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"batch_size": 2, "optimizer": "adam", "engine": "compiled"},
        {"tol": 1e-9, "record": "step"},
        {"scale": True},
    ],
)
def test_the_trace_of_a_step_ends_at_the_parameters_of_that_many_steps(settings):
    given = {"lr": 0.1, "seed": 2} | settings
    run = tidu.fit(LINE, DATA, epochs=4, **given)
    for step in range(run.steps):
        traced, shorter = run.trace(step=step), tidu.fit(LINE, DATA, steps=step + 1, **given)
        assert tuple(traced.after.values()) == shorter.state.parameters
        assert traced.source == run.source
    assert settings.get("scale") or traced.after == run.params


def test_the_trace_shows_the_rows_that_were_asked_for(run):
    traced = run.trace(step=0, rows=[1])
    (residual,) = (v.value for v in traced.of_row(1) if v.name == "residual")
    assert residual == traced.before["w"] * X[1] + traced.before["b"] - DATA["y"][1]
    assert run.source == traced.source


def test_the_step_that_diverged_was_not_taken():
    run = tidu.fit("y = exp(w*x)", DATA, lr=1e6, epochs=30, init={"w": 1})
    assert run.diverged
    traced = run.trace(run.steps)
    assert traced.before["w"] == run.params["w"]


def test_what_has_no_trace(run, tmp_path):
    with pytest.raises(tidu.TiduError, match="there is no step 30: this run has the steps 0 to 29"):
        run.trace(30)
    with pytest.raises(tidu.TiduError, match="there is no step -1"):
        run.trace(-1)
    with pytest.raises(tidu.TiduError, match="row 5 is not among the 5 rows"):
        run.trace(0, [5])
    run.save(tmp_path / "m.tidu")
    with pytest.raises(DataError, match="a trace needs the data"):
        tidu.load(tmp_path / "m.tidu").trace(0)
    with pytest.raises(tidu.TiduError, match="a solver takes no steps"):
        tidu.fit(LINE, DATA, optimizer="lm").trace(0)
