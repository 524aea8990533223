"""What scikit-learn's own tests ask of its SGD and MLP estimators, asked of ours; `scikit_learn_tests` has the list."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest
import sklearn.linear_model
import sklearn.neural_network
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet, LogisticRegression, PoissonRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from scikit_learn_tests import OF_MLP, OF_SGD, Absent, Met
from tidu.data.table import Table, train_test_split
from tidu.errors import TiduError
from tidu.sklearn import GDClassifier, GDRegressor
from tidu.training.problem import VALIDATION_STREAM

TESTS = Path(__file__).parent
random = np.random.default_rng(11)
X = random.normal(size=(80, 3))
Y = X @ [1.0, -2.0, 0.5] + 3.0
flowers, species = load_iris(return_X_y=True)
flowers = StandardScaler().fit_transform(flowers)
words = np.array(["setosa", "versicolor", "virginica"])[species]


# -- the list -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("package", "file", "listed"),
    [(sklearn.linear_model, "test_sgd.py", OF_SGD), (sklearn.neural_network, "test_mlp.py", OF_MLP)],
)
def test_every_test_of_scikit_learn_is_on_the_list(package, file, listed):
    source = Path(package.__file__).parent / "tests" / file
    if not source.exists():
        pytest.skip("scikit-learn is installed without its tests")
    theirs = {f.name for f in ast.parse(source.read_text(encoding="utf-8")).body if isinstance(f, ast.FunctionDef)}
    assert {name for name in theirs if name.startswith("test_")} == listed.keys()


def test_the_tests_that_the_list_names_are_there():
    for entry in {*OF_SGD.values(), *OF_MLP.values()}:
        if isinstance(entry, Met):
            assert f"def {entry.test}(" in (TESTS / entry.file).read_text(encoding="utf-8"), entry


@pytest.mark.parametrize("page", ["right.md", "right.zh.md"])
def test_the_page_counts_them(page):
    told = (TESTS.parent / "docs" / page).read_text(encoding="utf-8")
    for listed in (OF_SGD, OF_MLP):
        met = sum(isinstance(entry, Met) for entry in listed.values())
        absent = sum(isinstance(entry, Absent) for entry in listed.values())
        assert re.search(rf"\| {len(listed)} \| {met} \| {absent} \|", told), (len(listed), met, absent)


# -- data and weights -----------------------------------------------------------------------------
def test_features_in_single_precision_are_taken_as_they_are():
    single = X.astype(np.float32)
    options = {"epochs": 20, "lr": 0.1, "batch_size": 8}
    narrow, wide = (GDRegressor(**options).fit(x, Y) for x in (single, single.astype(np.float64)))
    assert narrow.coef_.dtype == np.float64
    np.testing.assert_array_equal(narrow.coef_, wide.coef_)
    network = GDClassifier("mlp(hidden=[4])", epochs=2).fit(single, Y > 3)
    assert network.predict_proba(single).dtype == np.float64


def test_a_second_fit_may_be_on_other_features():
    fitted = GDClassifier(lr=0.5, epochs=100).fit(X, Y > 3)
    assert fitted.fit(flowers, words).coef_.shape == (3, 4)
    assert fitted.fit(X, Y > 3).coef_.shape == (1, 3)


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="y holds one class only, a"):
        GDClassifier().fit(X, ["a"] * 80)


def test_weights_that_are_all_zero_are_refused():
    with pytest.raises(ValueError, match=r"all sample weights are 0|at least one non-zero number"):
        GDClassifier(validation=0.4).fit(flowers, species, sample_weight=np.zeros(150))


def test_a_class_counts_as_much_as_its_rows_weigh():
    centre = np.array([[0.0], [0.2], [0.4], [0.6]])
    sides = [0, 0, 1, 1]
    even = GDClassifier(lr=1.0, epochs=300).fit(centre, sides)
    heavy = GDClassifier(lr=1.0, epochs=300).fit(centre, sides, sample_weight=[1, 1, 50, 50])
    assert heavy.predict_proba(centre)[:, 1].min() > even.predict_proba(centre)[:, 1].min()
    many = GDClassifier(lr=1.0, epochs=300).fit(
        np.repeat(centre, [1, 1, 50, 50], axis=0), np.repeat(sides, [1, 1, 50, 50])
    )
    np.testing.assert_allclose(heavy.coef_, many.coef_, rtol=1e-9)


def test_equal_weights_are_none_with_early_stopping_too():
    options = {"optimizer": "adam", "lr": 0.01, "batch_size": 10, "patience": 5, "validation": 0.1, "epochs": 40}
    weighed = GDRegressor("mlp(hidden=[10])", **options).fit(X, Y, sample_weight=np.full(80, 3.0))
    plain = GDRegressor("mlp(hidden=[10])", **options).fit(X, Y)
    np.testing.assert_allclose(weighed.predict(X), plain.predict(X), rtol=1e-9)


# -- losses and penalties -------------------------------------------------------------------------
@pytest.mark.parametrize("loss", ["logistic", "softmax", "hinge", "perceptron"])
def test_two_clouds_are_told_apart_by_every_loss_of_classes(loss):
    apart = np.where(random.random(80) < 0.5, -1.0, 1.0)
    clouds = X + 4.0 * apart[:, None]
    assert GDClassifier(loss=loss, lr=0.1, epochs=50, batch_size=4).fit(clouds, apart).score(clouds, apart) == 1.0


def test_a_robust_loss_is_not_drawn_away_by_outliers():
    spoilt = Y.copy()
    spoilt[::20] += 500.0
    robust = GDRegressor(loss="huber", lr=0.3, epochs=2000).fit(X, spoilt)
    assert robust.score(X, Y) > 0.95
    assert GDRegressor(lr=0.2, epochs=500).fit(X, spoilt).score(X, Y) < 0.0


def test_an_l1_penalty_makes_weights_of_noise_zero():
    wide = np.column_stack([X, random.normal(size=(80, 20))])
    fitted = GDRegressor(optimizer="auto", l1=0.5).fit(wide, Y)
    assert np.count_nonzero(fitted.coef_[3:]) == 0
    assert np.count_nonzero(fitted.coef_[:2]) == 2


@pytest.mark.parametrize("ratio", [0.0, 0.3, 1.0])
def test_both_penalties_end_where_the_elastic_net_does(ratio):
    centred, around = X - X.mean(axis=0), Y - Y.mean()  # then the bias, which we penalise too, is 0
    ours = GDRegressor(loss="half_squared", optimizer="auto", l1=0.1 * ratio, l2=0.1 * (1 - ratio)).fit(centred, around)
    theirs = ElasticNet(alpha=0.1, l1_ratio=max(ratio, 1e-9), fit_intercept=False, tol=1e-12, max_iter=100_000)
    np.testing.assert_allclose(ours.coef_, theirs.fit(centred, around).coef_, atol=1e-6)


@pytest.mark.parametrize("model", ["linear", "mlp(hidden=[6])"])
def test_a_large_penalty_draws_everything_to_zero(model):
    fitted = GDClassifier(model, l2=1e3, lr=1e-3, epochs=300).fit(flowers, species)
    for values in fitted.model_.params.values():
        np.testing.assert_allclose(values, 0.0, atol=2e-3)
    assert GDClassifier(l2=10.0, optimizer="lbfgs").fit(flowers, species == 0).score(flowers, species == 0) > 0.6


def test_counts_end_where_poisson_regression_does():
    x = np.linspace(0, 1, 100)[:, None]
    counts = random.poisson(np.exp(x[:, 0] + 1))
    theirs = PoissonRegressor(alpha=0, tol=1e-10, max_iter=1000).fit(x, counts)
    ours = GDRegressor(loss="poisson", optimizer="lbfgs").fit(x, counts)
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x), rtol=1e-6)
    network = GDRegressor("mlp(hidden=[1], activation='identity')", loss="poisson", optimizer="lbfgs", seed=3)
    np.testing.assert_allclose(network.fit(x, counts).predict(x), theirs.predict(x), rtol=1e-4)


# -- the descent ----------------------------------------------------------------------------------
def test_the_seed_and_the_order_of_samples():
    noisy = Y + random.normal(size=80)

    def weights(**options):
        return GDRegressor(epochs=2, lr=0.05, batch_size=1, **options).fit(X, noisy).coef_

    np.testing.assert_array_equal(weights(seed=1), weights(seed=1))
    np.testing.assert_array_equal(weights(seed=1, shuffle=False), weights(seed=2, shuffle=False))
    assert (weights(seed=1) != weights(seed=2)).any()
    assert (weights(seed=1) != weights(seed=1, shuffle=False)).any()


def test_a_tolerance_ends_a_descent():
    loose, strict = (GDRegressor(lr=0.1, epochs=5000, tol=tol).fit(X, Y).n_iter_ for tol in (1e-2, 1e-9))
    assert loose < strict < 5000


def test_threads_change_no_bit():
    alone, shared = (GDClassifier(lr=0.5, epochs=20, threads=n).fit(flowers, words) for n in (1, 4))
    np.testing.assert_array_equal(alone.coef_, shared.coef_)


def test_columns_far_too_large_are_told_and_scaled_ones_are_learned():
    huge = X * [1e300, 1.0, 1.0]
    with pytest.warns(ConvergenceWarning):
        far = GDClassifier().fit(huge, Y > 3)
    assert np.isfinite(far.coef_).all()
    scaled = MinMaxScaler().fit_transform(huge)
    assert GDClassifier(lr=2.0, epochs=2000).fit(scaled, Y > 3).score(scaled, Y > 3) > 0.95


def test_a_divergence_with_early_stopping_is_told():
    network = GDRegressor("mlp(hidden=[50], activation='identity')", lr=1.0, epochs=20, patience=10, validation=0.1)
    with pytest.warns(ConvergenceWarning):
        network.fit(flowers, species)
    assert np.isfinite(network.predict(flowers)).all()


@pytest.mark.parametrize("kind", [GDClassifier, GDRegressor])
def test_a_warm_fit_takes_all_its_epochs(kind):
    warm = kind("mlp(hidden=[4])", lr=0.01, epochs=10, warm_start=True).fit(flowers, species)
    first = warm.loss_curve_
    assert warm.fit(flowers, species).n_iter_ == len(warm.loss_curve_) == 10
    assert warm.loss_curve_[0] < first[-1]
    assert warm.set_params(validation=0.2, patience=50).fit(flowers, species).n_iter_ == 10


# -- early stopping -------------------------------------------------------------------------------
def test_more_patience_is_never_fewer_epochs():
    noisy = Y + random.normal(size=80)
    options = {"optimizer": "adam", "lr": 0.05, "epochs": 2000, "validation": 0.3}
    taken = [GDRegressor("mlp(hidden=[16])", patience=p, **options).fit(X, noisy).n_iter_ for p in (2, 5, 20)]
    assert taken == sorted(taken)
    assert taken[0] < taken[-1] < 2000


def test_without_patience_every_epoch_is_taken():
    noisy = Y + random.normal(size=80)
    assert (
        GDRegressor("mlp(hidden=[16])", optimizer="adam", lr=0.1, epochs=300, validation=0.3).fit(X, noisy).n_iter_
        == 300
    )


def test_rows_kept_back_are_not_learned_from():
    _learned, judged = train_test_split(Table({"row": np.arange(80.0)}), 0.25, 0, VALIDATION_STREAM)
    kept_back = judged.columns["row"].astype(int)
    assert len(kept_back) == 20
    spoilt = Y.copy()
    spoilt[kept_back] = 1e6
    curves = [GDRegressor(lr=0.1, epochs=20, validation=0.25).fit(X, y).loss_curve_ for y in (Y, spoilt)]
    assert curves[0] == curves[1]


def test_no_rows_to_learn_from_or_to_judge_by_are_refused():
    for share, rows in ((0.99, 4), (0.5, 1)):
        with pytest.raises((TiduError, ValueError)):
            GDRegressor(validation=share, patience=3).fit(X[:rows], Y[:rows])


def test_early_stopping_with_labels_in_words():
    fitted = GDClassifier("mlp(hidden=[8])", optimizer="adam", lr=0.02, epochs=200, validation=0.2, patience=20)
    assert fitted.fit(flowers, words).score(flowers, words) > 0.9
    assert set(fitted.predict(flowers)) <= set(words)


def test_early_stopping_in_a_search_in_two_processes():
    stopped = GDClassifier("mlp(hidden=[8])", optimizer="adam", epochs=100, validation=0.2, patience=10)
    search = GridSearchCV(stopped, {"lr": [1e-4, 0.02]}, n_jobs=2, cv=3).fit(flowers, words)
    assert search.best_params_ == {"lr": 0.02}
    assert search.best_score_ > 0.9


# -- solvers --------------------------------------------------------------------------------------
def test_a_network_that_is_solved_knows_its_classes():
    images, digits = load_digits(n_class=3, return_X_y=True)
    fitted = GDClassifier("mlp(hidden=[10])", optimizer="lbfgs", epochs=150, l2=1e-4).fit(images / 16, digits)
    assert fitted.score(images / 16, digits) > 0.99


def test_a_network_that_is_solved_follows_its_numbers():
    curve = np.sin(3 * X[:, :1])
    fitted = GDRegressor("mlp(hidden=[12], activation='tanh')", optimizer="lbfgs", epochs=300).fit(
        X[:, :1], curve[:, 0]
    )
    assert fitted.score(X[:, :1], curve[:, 0]) > 0.98


def test_a_solver_stops_where_it_is_told():
    short = GDClassifier("mlp(hidden=[10])", optimizer="lbfgs", epochs=5).fit(flowers, species)
    assert short.n_iter_ <= 5
    theirs = LogisticRegression(C=np.inf, max_iter=5000, tol=1e-8).fit(flowers[50:], species[50:])
    ours = GDClassifier(optimizer="lbfgs").fit(flowers[50:], species[50:])
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-3)
