"""Many levels: the same fit as with a parameter written out for each, and as SciPy's of the same model."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

import tidu
from tidu.errors import DataError, SettingError
from tidu.language import level_parameters
from tidu.training import settings as training_settings
from tidu.training.solving import arrow

FORMULAS = [
    "y = a[city]*exp(-b*t) + c",
    "y = a[city]*exp(-b[city]*t) + c",
    "y = a[city]*t + b[city]",
    "y = a[city]*t + b",
    "y = (a[city]*t + c)/(1 + b[city]*t*t)",
]


def table(groups, rows, seed=0, noise=0.05):
    random = np.random.default_rng(seed)
    a = random.uniform(1.0, 3.0, groups)
    city = random.permutation(np.repeat(np.arange(groups), rows))
    t = random.uniform(0.0, 4.0, len(city))
    y = a[city] * np.exp(-0.7 * t) + 0.3 + noise * random.normal(size=len(city))
    return {"t": t, "y": y, "city": city, "w": random.uniform(0.5, 2.0, len(city))}


def fitted(formula, data, written_out, **options):
    """With each level a parameter of its own, or with all in one vector."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(level_parameters, "WRITTEN_OUT", 10**6 if written_out else 1)
        patch.setattr(arrow, "FEWEST", 10**6)
        training_settings._formula_read.cache_clear()
        run = tidu.fit(formula, data, **options)
        training_settings._formula_read.cache_clear()
    return run


def numbers(run):
    return np.concatenate([np.ravel(v) for v in run.params.values()])


def same(one, many, rel=1e-9):
    assert numbers(many) == pytest.approx(numbers(one), rel=rel, abs=1e-10)
    assert many.loss == pytest.approx(one.loss, rel=1e-12)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("weights", [None, "w"])
def test_the_fit_and_its_errors_are_those_of_the_model_written_out(formula, weights):
    data = table(7, 11)
    options = {"optimizer": "lm", "weights": weights, "init": {"a": 1.0, "b": 0.5}}
    one, many = (fitted(formula, data, w, **options) for w in (True, False))
    same(one, many)
    s, t = one.statistics, many.statistics
    assert list(t.standard_errors) == list(s.standard_errors)
    assert list(t.standard_errors.values()) == pytest.approx(list(s.standard_errors.values()), rel=1e-8)
    assert (t.rank, t.degrees_of_freedom, t.confused) == (s.rank, s.degrees_of_freedom, ())
    for what in ("residual_sum_of_squares", "aic", "bic"):
        assert getattr(t, what) == pytest.approx(getattr(s, what), rel=1e-9)


@settings(max_examples=25)
@given(
    groups=st.integers(2, 12), rows=st.integers(3, 9), seed=st.integers(0, 99), formula=st.sampled_from(FORMULAS[2:4])
)
def test_linear_models_of_any_size(groups, rows, seed, formula):
    data = table(groups, rows, seed)
    same(*(fitted(formula, data, w, optimizer="lm") for w in (True, False)), rel=1e-7)


def test_from_no_start_it_finds_the_minimum_that_scipy_finds():
    data = table(9, 20)

    def residuals(p):
        return p[:9][data["city"]] * np.exp(-p[9] * data["t"]) + p[10] - data["y"]

    theirs = least_squares(residuals, [*[1.0] * 9, 1.0, 0.0], xtol=1e-15, ftol=1e-15, gtol=1e-15).x
    many = fitted(FORMULAS[0], data, False, optimizer="auto")
    assert many.settings.optimizer == "lm"
    assert numbers(many) == pytest.approx(theirs, rel=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "adam", "epochs": 4, "lr": 0.05},
        {"optimizer": "gd", "epochs": 4, "lr": 0.05, "batch_size": 1},
        {"optimizer": "momentum", "epochs": 4, "lr": 0.01, "batch_size": 16},
        {"optimizer": "gd", "epochs": 4, "lr": 0.05, "clip_norm": 0.1},
        {"optimizer": "adam", "epochs": 4, "lr": 0.05, "l2": 0.1},
        {"optimizer": "lbfgs"},
        {"optimizer": "newton"},
        {"optimizer": "lbfgs", "l2": 0.01},
        {"optimizer": "lbfgs", "bounds": {"b": (0.0, 0.5)}},
        {"optimizer": "lbfgs", "loss": "huber(delta=0.1)"},
    ],
)
def test_every_way_to_a_fit_has_the_numbers_of_the_model_written_out(options):
    data = table(6, 10)
    init = {"a": 1.0, "a[3]": 2.0, "b": 0.5}
    engine = {} if options["optimizer"] in ("lbfgs", "newton") else {"engine": "array"}
    one, many = (fitted(FORMULAS[0], data, w, init=init, **options, **engine) for w in (True, False))
    assert many.start["a[3]"] == one.start["a[3]"] == 2.0
    rel = 1e-11 if engine else 1e-5
    assert numbers(many) == pytest.approx(numbers(one), rel=rel, abs=1e-9)


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(
    groups=st.sampled_from([2, 9, 101, 300]),
    rows=st.integers(1, 5),
    batch_size=st.sampled_from([None, 1, 7, 63, 64, 65, 255, 256, 257]),
    options=st.sampled_from(
        [{}, {"optimizer": "adam"}, {"clip_norm": 0.1}, {"tol": 1e-3}, {"dtype": "float32"}, {"weights": "w"}]
    ),
)
def test_a_descent_by_tiles_has_the_bits_of_plain_python_and_the_numbers_of_arrays(groups, rows, batch_size, options):
    data = table(groups, rows)
    options = {"lr": 0.03, "epochs": 3, "batch_size": batch_size, "init": {"a": 1.0, "b": 0.4}, **options}
    engines = ["compiled", "array"] if "dtype" in options else ["compiled", "array", "python"]
    machine, whole, *plain = (fitted(FORMULAS[0], data, False, engine=e, **options) for e in engines)
    rel = 1e-4 if "dtype" in options else 1e-10
    assert numbers(machine) == pytest.approx(numbers(whole), rel=rel, abs=rel)
    for run in plain:
        assert numbers(run).tolist() == numbers(machine).tolist()
        assert np.array_equal(run.history.values, machine.history.values)


def test_a_step_over_tiles_is_traced():
    data = table(120, 3)
    options = {"optimizer": "adam", "epochs": 3, "lr": 0.05, "init": {"a": 1.0, "b": 0.5}}
    run = tidu.fit(FORMULAS[0], data, engine="python", **options)
    trace = run.trace(step=2, rows=[4])
    assert trace.after["a"].tolist() == run.params["a"].tolist()
    assert trace.after["b"] == run.params["b"]


@pytest.mark.slow
@pytest.mark.parametrize("groups", [100, 101])
def test_around_the_number_that_is_written_out_nothing_is_seen(groups):
    data = table(groups, 6)
    run = tidu.fit(FORMULAS[0], data, optimizer="auto")
    assert run.stopped == "converged"
    other = fitted(FORMULAS[0], data, groups > 100, optimizer="auto")
    same(other, run, rel=1e-8)
    assert list(run.to_dict()["params"]) == [*(f"a[{k}]" for k in range(groups)), "b", "c"]
    assert run.params[f"a[{groups - 1}]"] == run.to_dict()["params"][f"a[{groups - 1}]"]
    new = {"t": [1.0, 1.0], "city": [0, groups - 1]}
    assert run.predict(new) == pytest.approx(other.predict(new), rel=1e-8)


@pytest.mark.parametrize("groups", [4, 5, 6, pytest.param(30, marks=pytest.mark.slow)])
@pytest.mark.parametrize("formula", FORMULAS[:2])
def test_levels_that_are_written_out_are_solved_on_the_arrow_too(groups, formula):
    data = table(groups, 12)
    options = {"optimizer": "auto", "init": {"a": 1.0, "b": 0.5}}
    plain, run = fitted(formula, data, True, **options), tidu.fit(formula, data, **options)
    same(plain, run)
    assert list(run.params) == list(plain.params)
    for name, error in plain.statistics.standard_errors.items():
        assert run.statistics.standard_errors[name] == pytest.approx(error, rel=1e-7)
    assert run.history.parameters == plain.history.parameters


def test_a_fixed_level_leaves_the_others_to_the_usual_way():
    data = table(8, 12)
    run = tidu.fit(FORMULAS[0], data, optimizer="lm", init={"b": 1.0}, fix={"a[3]": 1.5})
    assert run.stopped == "converged"
    assert len(run.params) == 9


# -- what the data do not determine -------------------------------------------------------------------------
def test_a_shared_constant_beside_one_for_each_level_cannot_be_told_apart():
    run = fitted("y = a[city] + b + c*t", table(5, 8), False, optimizer="lm")
    assert run.statistics.confused == (("a[...]", "b"),)
    errors = run.statistics.standard_errors
    assert math.isnan(errors["b"])
    assert math.isnan(errors["a[2]"])
    assert math.isfinite(errors["c"])
    assert any("cannot be told apart" in note for note in run.notes)


def test_levels_with_too_few_rows_have_no_standard_error():
    data = table(5, 8)
    keep = (data["city"] != 3) | (np.cumsum(data["city"] == 3) <= 1)
    data = {name: column[keep] for name, column in data.items()}
    run = fitted("y = a[city]*t + b[city]", data, False, optimizer="lm")
    errors = run.statistics.standard_errors
    assert math.isnan(errors["b[3]"])
    assert math.isfinite(errors["a[2]"])
    assert any("do not determine" in note and "b[3]" in note for note in run.notes)


def test_levels_of_which_every_row_was_kept_back_stay_where_they_began():
    data = table(40, 2)
    run = fitted("y = a[city]*t + b", data, False, optimizer="lm", test_size=0.5)
    absent = [n for n, e in run.statistics.standard_errors.items() if math.isnan(e)]
    assert absent
    assert all(run.params[name] == 0.0 for name in absent)


# -- files, words -------------------------------------------------------------------------------------------
def test_a_file_holds_the_levels_and_the_errors(tmp_path):
    run = fitted(FORMULAS[0], table(6, 10), False, optimizer="lm", init={"a": 1.0, "b": 1.0})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(level_parameters, "WRITTEN_OUT", 1)
        training_settings._formula_read.cache_clear()
        run.save(tmp_path / "m.tidu")
        again = tidu.load(tmp_path / "m.tidu")
        training_settings._formula_read.cache_clear()
    assert numbers(again).tolist() == numbers(run).tolist()
    assert again.statistics.standard_errors == run.statistics.standard_errors
    assert again.params["a[4]"] == run.params["a"][4]
    with pytest.raises(KeyError):
        again.params["a[9]"]
    with pytest.raises(DataError, match="the level '9'"):
        again.predict({"t": [1.0], "city": [9]})
    new = {"t": [1.0, 0.5, 2.0], "city": [1, 5, 0]}
    for ends, same_ends in zip(run.prediction_interval(new), again.prediction_interval(new), strict=True):
        assert ends.tolist() == same_ends.tolist()


@pytest.mark.parametrize("formula", FORMULAS[:4])
@pytest.mark.parametrize("options", [{}, {"weights": "w"}, {"sigma": "w"}])
@pytest.mark.parametrize("of", ["sample", "mean"])
def test_intervals_of_predictions_are_those_of_the_model_written_out(formula, options, of):
    data = table(6, 10)
    init = {"a": 1.0, "b": 0.5}
    one, many = (fitted(formula, data, w, optimizer="lm", init=init, **options) for w in (True, False))
    new = {"t": [0.0, 1.0, 2.0, 1.5], "city": [5, 0, 3, 0]}
    for ends, others in zip(many.prediction_interval(new, of=of), one.prediction_interval(new, of=of), strict=True):
        assert ends == pytest.approx(others, rel=1e-7)


def test_there_is_no_interval_where_the_data_determine_nothing():
    data = table(5, 8)
    keep = (data["city"] != 3) | (np.cumsum(data["city"] == 3) <= 1)
    run = fitted("y = a[city]*t + b[city]", {n: c[keep] for n, c in data.items()}, False, optimizer="lm")
    _predicted, low, high = run.prediction_interval({"t": [1.0, 1.0], "city": [3, 2]})
    assert np.isnan([low[0], high[0]]).all()
    assert high[1] > low[1]


def test_what_follows_from_shared_parameters_has_its_error():
    one, many = (
        fitted(FORMULAS[0], table(6, 10), w, optimizer="lm", init={"a": 1.0, "b": 1.0}, report=["half = log(2)/b"])
        for w in (True, False)
    )
    assert many.derived["half"].standard_error == pytest.approx(one.derived["half"].standard_error, rel=1e-8)


def test_people_see_the_parameter_with_its_column():
    run = fitted(FORMULAS[0], table(6, 10), False, lr=1e-3, epochs=1)
    assert "a[city]*exp" in run.source
    assert r"{a}_{\mathrm{city}}" in run.latex()


def test_a_step_is_traced_row_by_row():
    data = table(120, 3)
    run = tidu.fit(FORMULAS[0], data, optimizer="adam", epochs=3, lr=0.05, init={"a": 1.0, "b": 0.5})
    trace = run.trace(step=2, rows=[4])
    assert np.array_equal(trace.after["a"], run.params["a"])
    added = next(v.added for v in trace.of_row(4) if np.shape(v.added) == (120,))
    assert np.flatnonzero(added).tolist() == [data["city"][4]]


def test_bounds_are_not_for_lm():
    with pytest.raises(SettingError, match="lbfgs"):
        fitted(FORMULAS[0], table(600, 2), False, optimizer="lm", bounds={"b": (0.0, 1.0)})
