"""The estimators are scikit-learn's: its own checks, its searches and pipelines, and the ends of its solvers."""

from __future__ import annotations

import io
import pickle
import re
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import tidu
from tidu.errors import FormulaError, SettingError
from tidu.sklearn import FormulaRegressor, GDClassifier, GDRegressor
from tidu.training.options import OPTIONS

BY_THE_ROW = "a mini-batch is drawn by the row: a row of weight 2 is in one batch, two equal rows are in two"
SHUFFLED = {"check_sample_weight_equivalence_on_dense_data": BY_THE_ROW}
FULL = [
    FormulaRegressor(epochs=200),
    GDRegressor(epochs=200),
    GDRegressor("mlp(hidden=[8])", optimizer="adam", lr=0.02, epochs=200),
    GDRegressor(optimizer="lm"),
    GDClassifier(lr=0.5, epochs=100),
    GDClassifier("mlp(hidden=[8])", optimizer="adam", lr=0.02, epochs=100),
    GDClassifier(loss="hinge", lr=0.1, epochs=100),
]
MINI = [
    FormulaRegressor(epochs=30, batch_size=8),
    GDRegressor(epochs=30, batch_size=8),
    GDRegressor("mlp(hidden=[8])", optimizer="adam", lr=0.02, epochs=100, batch_size=8),
    GDClassifier(lr=0.1, epochs=30, batch_size=8),
    GDClassifier("mlp(hidden=[8])", optimizer="adam", lr=0.02, epochs=50, batch_size=8),
]
generator = np.random.default_rng(5)
X = generator.normal(size=(60, 3))
Y = X @ [1.0, -2.0, 0.5] + 3.0 + 0.1 * generator.normal(size=60)
flowers, species = load_iris(return_X_y=True)


def inherent(estimator):
    return SHUFFLED if estimator.batch_size is not None else {}


@pytest.mark.sampled(160)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # some have features of 100
@parametrize_with_checks([*FULL, *MINI], expected_failed_checks=inherent)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("page", ["right.md", "right.zh.md"])
def test_the_docs_name_each_check_that_is_expected_to_fail(page):
    text = (Path(__file__).parents[1] / "docs" / page).read_text(encoding="utf-8")
    assert set(re.findall(r"`(check_\w+)`", text)) == SHUFFLED.keys()
    assert len([*FULL, *MINI]) == 12  # as the page says
    assert not any(inherent(estimator) for estimator in FULL)


# -- parameters -----------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", [FormulaRegressor, GDRegressor, GDClassifier])
def test_parameters_are_the_declared_options(kind):
    given = kind().get_params()
    assert not given.keys() - OPTIONS.keys() - {"formula", "model", "warm_start"}
    for name in given.keys() & OPTIONS.keys():
        if (kind, name) != (GDClassifier, "loss"):
            assert (given[name] or None) == (OPTIONS[name].default or None)
    assert {"lr", "optimizer", "batch_size", "epochs", "l2", "seed", "engine"} <= given.keys()
    assert ("init" in given) == (kind is FormulaRegressor)  # the others' parameters have no names of the user's


def test_a_wrong_parameter_is_named_as_for_fit():
    with pytest.raises(SettingError, match="epochs must be a whole number of at least 1, not 0"):
        GDRegressor(epochs=0).fit(X, Y)
    with pytest.raises(SettingError, match=r"no model 'liner' \(did you mean 'linear'\?\)"):
        GDRegressor("liner").fit(X, Y)
    with pytest.raises(SettingError, match="'squared' is of numbers"):
        GDClassifier(loss="squared").fit(X, Y > 3)
    with pytest.raises(TypeError, match="lerning_rate"):
        GDRegressor(lerning_rate=0.1)


# -- where it ends --------------------------------------------------------------------------------
def test_linear_models_end_where_scikit_learns_do():
    ours, theirs = GDRegressor(lr=0.2, epochs=500).fit(X, Y), LinearRegression().fit(X, Y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-9)
    assert ours.intercept_ == pytest.approx(theirs.intercept_, rel=1e-9)
    assert ours.n_iter_ == len(ours.loss_curve_) == 500


def test_a_penalty_is_that_of_ridge_on_all_parameters():
    ours = GDRegressor(lr=0.2, epochs=500, l2=0.3).fit(X, Y)
    with_ones = np.column_stack([X, np.ones(60)])
    theirs = Ridge(alpha=0.3 * 60 / 2, fit_intercept=False).fit(with_ones, Y)  # the cost is the mean, and ½·l2·Σw²
    np.testing.assert_allclose([*ours.coef_, ours.intercept_], theirs.coef_, rtol=1e-9)


def test_weights_are_those_of_scikit_learn():
    weights = generator.integers(0, 4, size=60)
    ours = GDRegressor(lr=0.1, epochs=2000).fit(X, Y, sample_weight=weights)
    np.testing.assert_allclose(ours.coef_, LinearRegression().fit(X, Y, sample_weight=weights).coef_, rtol=1e-8)


@pytest.mark.parametrize("classes", [2, 3])
def test_classes_end_where_logistic_regression_does(classes):
    rows = classes * 50
    scaled = StandardScaler().fit_transform(flowers[150 - rows :])
    labels = np.array(["setosa", "versicolor", "virginica"])[species[150 - rows :]]
    ours = GDClassifier(optimizer="lbfgs", epochs=2000).fit(scaled, labels) if classes == 2 else None
    ours = ours or GDClassifier(optimizer="adam", lr=0.05, epochs=6000).fit(scaled, labels)
    theirs = LogisticRegression(C=np.inf, tol=1e-10, max_iter=5000).fit(scaled, labels)
    assert ours.coef_.shape == theirs.coef_.shape
    assert ours.intercept_.shape == theirs.intercept_.shape
    assert ours.classes_.tolist() == theirs.classes_.tolist()
    np.testing.assert_allclose(ours.predict_proba(scaled), theirs.predict_proba(scaled), atol=2e-3)
    np.testing.assert_allclose(ours.predict_log_proba(scaled), np.log(ours.predict_proba(scaled)))
    assert (ours.predict(scaled) == theirs.predict(scaled)).mean() > 0.99


def test_a_loss_without_probabilities_has_none():
    fitted = GDClassifier(loss="hinge", epochs=50).fit(X, Y > 3)
    assert not hasattr(fitted, "predict_proba")
    assert ((fitted.decision_function(X) > 0) == fitted.predict(X)).all()


def test_a_network_has_no_coefficients():
    fitted = GDRegressor("mlp(hidden=[4])", optimizer="adam", lr=0.01, epochs=5).fit(X, Y)
    assert not hasattr(fitted, "coef_")
    assert fitted.model_.params["W1"].shape == (4, 3)


# -- formulas -------------------------------------------------------------------------------------
def test_a_formula_names_the_columns_of_a_frame():
    t = np.linspace(0, 4, 40)
    frame = pd.DataFrame({"t": t, "unused": 1.0})
    fitted = FormulaRegressor("y = a*exp(-b*t) + c", init={"a": 1, "b": 1}, optimizer="lm")
    fitted.fit(frame, 3 * np.exp(-0.7 * t) + 0.5)
    assert dict(fitted.model_.params) == pytest.approx({"a": 3, "b": 0.7, "c": 0.5}, rel=1e-6)
    assert fitted.feature_names_in_.tolist() == ["t", "unused"]
    assert fitted.score(frame, 3 * np.exp(-0.7 * t) + 0.5) == pytest.approx(1)


def test_the_columns_of_an_array_have_the_names_of_a_table_without_header():
    assert dict(FormulaRegressor("z = w*x", lr=0.1).fit([[1.0], [2.0]], [2.0, 4.0]).model_.params) == pytest.approx(
        {"w": 2}
    )
    fitted = FormulaRegressor("y = a*x1 + b*x3", lr=0.1).fit(X, 2 * X[:, 0] - X[:, 2])
    assert dict(fitted.model_.params) == pytest.approx({"a": 2, "b": -1})


def test_a_target_must_be_one_name_that_is_no_feature():
    with pytest.raises(FormulaError, match="must be one name"):
        FormulaRegressor("log(y) = a*x1").fit(X, Y)
    with pytest.raises(FormulaError, match="'x2' is a column of X"):
        FormulaRegressor("x2 = a*x1").fit(X, Y)


def test_weights_may_stand_beside_a_feature_of_their_name():
    frame = pd.DataFrame({"sample_weight": X[:, 0], "other": X[:, 1]})
    fitted = FormulaRegressor("y = linear(...)", lr=0.1).fit(frame, 2 * X[:, 0] + X[:, 1], np.arange(60) + 1.0)
    assert dict(fitted.model_.params) == pytest.approx({"w_sample_weight": 2, "w_other": 1, "b": 0}, abs=1e-9)


# -- going on -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "more", [{"optimizer": "adam"}, {"batch_size": 7}, {"lr": "0.1/(1 + t)"}, {"optimizer": "momentum"}]
)
def test_partial_fits_on_the_same_rows_are_the_epochs_of_a_fit(more):
    options = {"lr": 0.05, **more}
    whole, parts = GDRegressor(epochs=5, **options).fit(X, Y), GDRegressor(**options)
    for _epoch in range(5):
        parts.partial_fit(X, Y)
    assert parts.model_.params == whole.model_.params
    assert parts.loss_curve_ == whole.loss_curve_
    assert parts.n_iter_ == 5


def test_partial_fits_go_on_after_a_fit_and_take_other_rows():
    fitted = GDRegressor(lr=0.05, epochs=5, batch_size=8).fit(X[:30], Y[:30])
    for _pass in range(60):
        fitted.partial_fit(X[30:], Y[30:]).partial_fit(X[:7], Y[:7])
    np.testing.assert_allclose(fitted.coef_, [1.0, -2.0, 0.5], atol=0.1)
    assert fitted.n_iter_ == len(fitted.loss_curve_) == 125


def test_the_first_partial_fit_may_know_of_classes_that_come_later():
    fitted = GDClassifier(lr=0.1)
    for _pass in range(50):
        for label in range(3):
            fitted.partial_fit(flowers[species == label], species[species == label], classes=[0, 1, 2])
    assert fitted.predict_proba(flowers).shape == (150, 3)
    with pytest.raises(ValueError, match="the label 7, which is none of the classes 0, 1, 2"):
        fitted.partial_fit(flowers[:3], [0, 1, 7])


def test_a_solver_has_no_partial_fit():
    solved = GDRegressor(optimizer="lm")
    assert not hasattr(solved, "partial_fit")
    with pytest.raises(SettingError, match="lm is none"):
        solved.fit(X, Y).set_params(optimizer="adam").partial_fit(X, Y)


def test_a_warm_start_goes_on_from_the_last_parameters():
    warm = GDRegressor(lr=0.05, epochs=10, warm_start=True).fit(X, Y).fit(X, Y)
    assert warm.model_.params == GDRegressor(lr=0.05, epochs=20).fit(X, Y).model_.params
    with pytest.raises(SettingError, match="the parameters of the last one"):
        warm.set_params(model="mlp(hidden=[2])").fit(X, Y)
    labelled = GDClassifier(epochs=3, warm_start=True).fit(X, Y > 3)
    with pytest.raises(SettingError, match="the classes of the last fit"):
        labelled.fit(X, np.where(Y > 3, "yes", "no"))


def test_a_divergence_is_told_as_a_warning():
    with pytest.warns(ConvergenceWarning, match="Try a smaller learning rate than 9"):
        GDRegressor(lr=9.0).fit(X, Y)


def test_early_stopping_keeps_the_best_epoch_by_rows_kept_back():
    noisy = X @ [1.0, -2.0, 0.5] + generator.normal(size=60)
    options = {"optimizer": "adam", "lr": 0.02, "patience": 10, "validation": 0.3}
    stopped = GDRegressor("mlp(hidden=[32])", epochs=3000, **options).fit(X, noisy)
    assert stopped.n_iter_ < 3000
    table = {f"x{k}": column for k, column in enumerate(X.T, 1)} | {"y": noisy}
    run = tidu.fit("y = mlp(..., hidden=[32])", table, epochs=3000, **options)
    np.testing.assert_allclose(stopped.predict(X), run.predict(table), rtol=1e-9)
    labelled = GDClassifier("mlp(hidden=[16])", epochs=3000, **options).fit(flowers, species)
    assert labelled.n_iter_ < 3000
    assert labelled.score(flowers, species) > 0.9
    with pytest.raises(SettingError, match="validation has no meaning for lm"):
        GDRegressor(optimizer="lm", validation=0.2).fit(X, Y)
    with pytest.raises(SettingError, match="validation must be a finite number"):
        GDRegressor(validation="some").fit(X, Y)


def test_a_partial_fit_with_patience_takes_its_epoch_all_the_same():
    patient = GDRegressor(lr=0.9, batch_size=1, patience=1).partial_fit(X, Y).partial_fit(X, Y)
    assert patient.model_.params == GDRegressor(lr=0.9, batch_size=1).partial_fit(X, Y).partial_fit(X, Y).model_.params


# -- at home --------------------------------------------------------------------------------------
def test_a_search_over_learning_rates_in_two_processes():
    search = GridSearchCV(GDRegressor(epochs=50), {"lr": [1e-4, 1e-2, 0.2]}, n_jobs=2, cv=3).fit(X, Y)
    assert search.best_params_ == {"lr": 0.2}
    assert search.best_score_ > 0.99


def test_in_a_pipeline():
    line = make_pipeline(StandardScaler(), GDClassifier(lr=1.0, epochs=300))
    assert cross_val_score(line, flowers, species, cv=5).mean() > 0.94
    assert line.set_params(gdclassifier__lr=0.5).get_params()["gdclassifier__lr"] == 0.5


@pytest.mark.parametrize("library", [pd, pl])
def test_behind_a_transformer_of_columns(library):
    frame = library.DataFrame({"a": [1.0, 2, 3, 4, 5, 6], "k": list("uvuvuv")})
    columns = ColumnTransformer([("number", StandardScaler(), ["a"]), ("word", OneHotEncoder(), ["k"])])
    piped = make_pipeline(columns, GDRegressor(lr=0.1)).fit(frame, [1, 3, 3, 5, 5, 7])
    np.testing.assert_allclose(piped.predict(frame), [1, 3, 3, 5, 5, 7], atol=1e-6)


@pytest.mark.parametrize(
    ("load", "ours", "theirs"),
    [
        (load_breast_cancer, GDClassifier(lr=0.5, epochs=500), LogisticRegression()),
        (load_wine, GDClassifier(lr=0.5, epochs=300), LogisticRegression()),
        (load_diabetes, GDRegressor(lr=0.1, epochs=500), Ridge()),
    ],
)
def test_scores_on_shipped_data_are_those_of_scikit_learns_own(load, ours, theirs):
    data = load(return_X_y=True)
    scores = [cross_val_score(make_pipeline(StandardScaler(), e), *data).mean() for e in (ours, theirs)]
    assert scores[0] > scores[1] - 0.01


@pytest.mark.parametrize("model", ["linear", "mlp(hidden=[4])"])
def test_a_round_trip_predicts_the_same_and_goes_on(model, tmp_path):
    fitted = GDClassifier(model, optimizer="adam", lr=0.05, epochs=20).fit(flowers, species)
    joblib.dump(fitted, tmp_path / "fitted.joblib")
    back = joblib.load(tmp_path / "fitted.joblib")
    np.testing.assert_array_equal(back.predict_proba(flowers), fitted.predict_proba(flowers))
    assert back.partial_fit(flowers, species).loss_curve_ == fitted.partial_fit(flowers, species).loss_curve_
    assert not hasattr(clone(fitted), "model_")
    assert clone(fitted).get_params() == fitted.get_params()


def test_runs_and_models_are_pickled_too():
    run = tidu.fit("y = w*x", {"x": [1.0, 2, 3], "y": [2.0, 4, 6]}, optimizer="adam(beta1=0.8)", epochs=5)
    back = pickle.load(io.BytesIO(pickle.dumps(run)))
    assert back.params == run.params
    assert back.program.optimizer.values == run.program.optimizer.values
    assert back.resume(epochs=5).params == run.resume(epochs=5).params


def test_without_scikit_learn_a_sentence_says_what_to_install():
    code = "import sys; sys.modules['sklearn'] = sys.modules['sklearn.base'] = None; import tidu.sklearn"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stderr
    assert "MissingDependency: tidu.sklearn needs scikit-learn 1.6 or newer" in told
