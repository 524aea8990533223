"""Classification from end to end: labels in, labels out; the perceptron rule; what a model does not know."""

import json
import math

import numpy as np
import pyarrow as pa
import pytest
import sklearn.linear_model
import sklearn.metrics

import tidu
from tidu.content.losses import LOSSES, Targets, loss
from tidu.data.source import source_of
from tidu.errors import DataError, MissingValues, SettingError
from tidu.training.judging.classes import training_table
from tidu.training.settings import Settings

BINARY = [name for name, entry in LOSSES.items() if len(entry.targets.codes) == 2]
X = [-2.0, -1.0, 0.5, 1.0, 2.0]
WORDS = ["no", "no", "yes", "no", "yes"]


def fitted(labels=WORDS, name="logistic", **options):
    return tidu.fit("s = w*x + b", {"x": X, "s": labels}, loss=name, lr=0.5, epochs=20, **options)


@pytest.mark.parametrize("name", BINARY)
def test_any_two_labels_are_the_same_training(name):
    bits = {
        tuple(fitted(labels, name).params.values())
        for labels in (WORDS, [0, 0, 1, 0, 1], [-1, -1, 1, -1, 1], [3, 3, 7, 3, 7], [False, False, True, False, True])
    }
    assert len(bits) == 1


@pytest.mark.parametrize("name", BINARY)
def test_predictions_are_labels_by_the_sign_of_the_score(name):
    run = fitted(name=name)
    score = run.params["w"] * np.array(X) + run.params["b"]
    assert run.predict({"x": X}).tolist() == ["yes" if s > 0 else "no" for s in score]
    numbers = fitted([3, 3, 7, 3, 7], name)
    assert numbers.predict({"x": X}).tolist() == [7.0 if s > 0 else 3.0 for s in score]
    assert run.metrics["accuracy"] == np.mean(run.predict({"x": X}) == np.array(WORDS))


def test_probabilities():
    run = fitted()
    p = 1 / (1 + np.exp(-(run.params["w"] * np.array(X) + run.params["b"])))
    np.testing.assert_allclose(run.probabilities({"x": X}), np.column_stack([1 - p, p]), rtol=1e-14)
    assert run.metrics["log_loss"] == pytest.approx(sklearn.metrics.log_loss(WORDS, p), rel=1e-13)
    for name in {*BINARY} - {"logistic"}:
        assert "log_loss" not in fitted(name=name).metrics
        with pytest.raises(SettingError, match=f"the loss '{name}' gives no probabilities; train with logistic"):
            fitted(name=name).probabilities({"x": X})
    with pytest.raises(SettingError, match="'squared' gives no probabilities"):
        fitted([1.0, 2.0, 3.0, 4.0, 5.0], "squared").probabilities({"x": X})


def test_scores_of_ten_thousand():
    """The probabilities round to 0 and 1; the loss and its mean do not."""
    data = {"x": [1e4, -1e4, 1e4], "s": ["yes", "no", "no"]}
    run = tidu.fit("s = w*x", data, loss="logistic", init={"w": 1}, lr=1e-300, steps=1)
    assert run.loss == run.metrics["log_loss"] == pytest.approx(1e4 / 3, rel=1e-15)
    assert run.probabilities(data).tolist() == [[0, 1], [1, 0], [0, 1]]


def test_classes_travel_with_the_model(tmp_path):
    for labels in (WORDS, [3, 3, 7, 3, 7]):
        run = fitted(labels)
        run.save(tmp_path / "m.tidu")
        again = tidu.load(tmp_path / "m.tidu")
        assert again.classes == run.classes
        assert again.predict({"x": X}).tolist() == run.predict({"x": X}).tolist()
        assert again.metrics == run.metrics
        assert json.loads(json.dumps(again.to_dict()))["classes"] == list(run.classes)
    assert fitted([1.0, 2.0, 3.0, 4.0, 5.0], "squared").classes == ()


def test_classes_are_those_of_all_rows_whatever_the_split():
    data = {"x": [*map(float, range(20))], "s": ["a"] * 19 + ["b"]}
    runs = [tidu.fit("s = w*x + b", data, loss="logistic", test_size=0.3, seed=k, epochs=1) for k in range(20)]
    assert {run.classes for run in runs} == {("a", "b")}
    without = [run for run in runs if "b" not in _labels_learnt(run)]
    assert without  # in some the only b is kept back, which is said, and scored as the mistake that it is
    for run in without:
        assert "no row of class b is among the 14 rows for training" in run.notes[0]
        assert np.array(run.test_metrics["confusion"]).sum(axis=1).tolist() == [5, 1]
        assert math.isnan(run.metrics["auc"])
    assert all(not run.notes for run in runs if run not in without)


def _labels_learnt(run):
    return [run.classes[int(code)] for code in run.training_data["s"]]


def test_a_label_that_the_model_has_not_met():
    run = fitted()
    other = {"x": [1.0, 2.0], "s": ["yes", "maybe"]}
    with pytest.raises(DataError, match=r"row 2 of column 's' has the label 'maybe', .*; it knows no, yes"):
        run.score(other)
    assert run.predict(other).shape == (2,)  # which needs no labels
    with pytest.raises(MissingValues, match="row 2 of column 's' is missing"):
        run.score({"x": [1.0, 2.0], "s": ["yes", None]})
    assert run.score({"x": [1.0, 2.0], "s": ["yes", None]}, drop_missing=True)["confusion"] == [[0, 0], [0, 1]]


def test_a_target_that_is_computed_has_the_codes_of_the_loss():
    run = tidu.fit("where(y > 2, 1, 0) = w*x + b", {"x": X, "y": [1, 2, 3, 4, 5]}, loss="logistic", epochs=5)
    assert run.classes == (0.0, 1.0)
    assert np.sum(run.metrics["confusion"]) == 5
    with pytest.raises(DataError, match="row 1 has 2"):
        tidu.fit("2*y = w*x + b", {"x": X, "y": [1, 0, 1, 0, 1]}, loss="logistic")


def test_a_loss_of_many_classes_needs_only_its_codes():
    """What the reader of labels gives to a loss that declares more than two codes."""
    try:

        @loss(targets=Targets("labels", lambda y: y >= 0, range(1000)))
        def distance(y_hat, y):
            """A made-up loss."""
            return (y_hat - y) ** 2

        settings = Settings("s = w*x + b", loss="distance")
        source = source_of({"x": X, "s": ["a", "b", "c", "a", "b"]})
        model = settings.model(source.names)
        entry = settings.loss_object
        table = training_table({"x", "s"}, model.target, entry, source, drop_missing=False)
        assert table.classes == ("a", "b", "c")
        assert table["s"].tolist() == [0, 1, 2, 0, 1]
        with pytest.raises(DataError, match="takes a column of labels"):
            tidu.fit("2*s = w*x + b", {"x": X, "s": X}, loss="distance")
    finally:
        del LOSSES["distance"]


def test_several_classes_from_text_to_text(tmp_path):
    random = np.random.default_rng(3)
    centres = {"ash": (0.0, 0.0), "beech": (2.0, 0.0), "cedar": (0.0, 2.0)}
    s = random.permutation([*centres] * 40)
    x = np.array([centres[name] for name in s]) + random.normal(0, 0.7, (120, 2))
    data = {"x1": x[:, 0], "x2": x[:, 1], "s": s.tolist()}
    run = tidu.fit("s = linear(...)", data, loss="softmax", lr=2, epochs=5000)
    peer = sklearn.linear_model.LogisticRegression(C=np.inf, tol=1e-12, max_iter=2000).fit(x, s)
    assert run.classes == tuple(peer.classes_)
    # Both stop a little short of the minimum.
    np.testing.assert_allclose(run.probabilities(data), peer.predict_proba(x), atol=1e-4)
    assert run.predict(data).tolist() == peer.predict(x).tolist()
    assert run.metrics["confusion"] == sklearn.metrics.confusion_matrix(s, run.predict(data)).tolist()
    expected = sklearn.metrics.roc_auc_score(s, run.probabilities(data), multi_class="ovr")
    assert run.metrics["auc"] == pytest.approx(expected, rel=1e-12)
    run.save(tmp_path / "m.tidu")
    assert tidu.load(tmp_path / "m.tidu").score(data) == run.metrics
    with pytest.raises(DataError, match=r"the label 'oak'.* it knows ash, beech, cedar"):
        run.score({"x1": [1.0], "x2": [1.0], "s": ["oak"]})


def test_text_is_for_the_target_of_a_loss_of_classes_only():
    with pytest.raises(DataError, match="the target 's' holds text, such as 'no'"):
        fitted(name="squared")
    with pytest.raises(DataError, match="row 1 of column 'x' is 'a', which is not a number"):
        tidu.fit("s = w*x", {"x": ["a", "b"], "s": ["no", "yes"]}, loss="logistic")


def test_a_score_that_is_no_number_has_no_class():
    run = tidu.fit("s = w*x - v*x", {"x": X, "s": WORDS}, loss="logistic", init={"w": 3, "v": 2}, lr=1e-9, epochs=1)
    with pytest.raises(DataError, match="the score of row 2 is not a number"):
        run.predict({"x": [1.0, 1e308]})


# -- the perceptron rule ----------------------------------------------------------------------------
def points(seed, count=40):
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, 2)).round(2)
    y = np.where(x @ [1.0, -2.0] + 0.3 + random.normal(0, 0.3, count) > 0, 1.0, -1.0)
    return x, y


def by_hand(x, y, epochs):
    """Rosenblatt's rule: at a mistake, add y·x."""
    w, b, mistakes = np.zeros(2), 0.0, 0
    for _epoch in range(epochs):
        for xi, yi in zip(x, y, strict=True):
            if yi * (w[0] * xi[0] + w[1] * xi[1] + b) <= 0:
                w, b, mistakes = w + yi * xi, b + yi, mistakes + 1
    return [*w.tolist(), b], mistakes


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("engine", ["python", "compiled"])
def test_sgd_one_by_one_is_the_perceptron_rule(seed, engine):
    x, y = points(seed)
    data = {"x1": x[:, 0], "x2": x[:, 1], "y": y}
    run = tidu.fit(
        "y = w1*x1 + w2*x2 + b", data, loss="perceptron", batch_size=1, shuffle=False, lr=1, epochs=7, record="step",
        engine=engine,
    )  # fmt: skip
    expected, mistakes = by_hand(x, y, 7)
    assert list(run.params.values()) == expected  # to the bit
    assert np.count_nonzero(np.diff([0.0, *run.history["b"]])) == mistakes
    peer = sklearn.linear_model.Perceptron(shuffle=False, eta0=1.0, tol=None, max_iter=7).fit(x, y)
    assert list(run.params.values()) == pytest.approx([*peer.coef_[0], *peer.intercept_], rel=1e-12)
    assert run.predict(data).tolist() == peer.predict(x).tolist()


@pytest.mark.parametrize("loss", [name for name, entry in LOSSES.items() if not entry.targets.codes])
@pytest.mark.parametrize("kind", ["dict", "csv", "frame"])
def test_labels_under_a_loss_of_numbers_are_told_which_losses_take_them(loss, kind, tmp_path):
    data = {"x": [1.0, 2.0, 3.0], "y": ["cat", "dog", "cat"]}
    if kind == "csv":
        (tmp_path / "d.csv").write_text("x,y\n1,cat\n2,dog\n3,cat\n")
        data = tmp_path / "d.csv"
    elif kind == "frame":
        data = pa.table(data)
    with pytest.raises(tidu.TiduError, match=f"holds text, such as 'cat', and the loss '{loss}' is of numbers") as told:
        tidu.fit("y = w*x + b", data, loss=loss)
    for name, entry in LOSSES.items():
        assert (name in str(told.value).split("labels: ")[1]) == bool(entry.targets.codes)


def test_a_number_that_is_none_is_still_named():
    with pytest.raises(tidu.TiduError, match="row 2 of column 'y' is 'dog'"):
        tidu.fit("y = w*x + b", {"x": [1.0, 2, 3], "y": ["1.5", "dog", "2"]})
    with pytest.raises(tidu.TiduError, match="row 1 of column 'x' is 'cat'"):
        tidu.fit("y = w*x + b", {"x": ["cat", "dog", "cat"], "y": [1.0, 2, 3]})
