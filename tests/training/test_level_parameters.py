"""Parameters with a value for each level of a column, `a[city]`: the same as the model written out with indicators."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidu
from tidu.errors import DataError, FormulaError, SettingError

# R's data set Puromycin (Treloar 1974; Bates & Watts 1988, A1.3).
CONC = [0.02, 0.02, 0.06, 0.06, 0.11, 0.11, 0.22, 0.22, 0.56, 0.56, 1.10, 1.10]
PUROMYCIN = {
    "conc": [*CONC, *CONC[:11]],
    "rate": [76, 47, 97, 107, 123, 139, 159, 152, 191, 201, 207, 200, 67, 51, 84, 86, 98, 115, 131, 124, 144, 158, 160],
    "state": ["treated"] * 12 + ["untreated"] * 11,
}


def written_out(formula, name, column, data):
    """The same formula with indicator columns, and the data with them; `name` becomes `name_0`, `name_1` ..."""
    levels = sorted(set(data[column]))
    columns = {f"is_{k}": [float(cell == level) for cell in data[column]] for k, level in enumerate(levels)}
    total = " + ".join(f"{name}_{k}*is_{k}" for k in range(len(levels)))
    return formula.replace(f"{name}[{column}]", f"({total})"), {**data, **columns}


def decays(groups, rows, seed=0, noise=0.05):
    """y = a[city]·exp(−b·t) + c, with the values of a."""
    random = np.random.default_rng(seed)
    a = random.uniform(1.0, 3.0, groups)
    code = np.repeat(np.arange(groups), rows)
    t = random.uniform(0.0, 4.0, len(code))
    y = a[code] * np.exp(-0.7 * t) + 0.3 + noise * random.normal(size=len(code))
    return {"t": t, "y": y, "city": np.array([f"city {k:05d}" for k in range(groups)])[code]}, a


# -- published values -----------------------------------------------------------------------------
def test_puromycin_as_the_help_page_of_nls_prints_it():
    # example(Puromycin) in R: rate ~ (Vm + delV*(state == "treated"))*conc/(K + conc), and each state alone.
    run = tidu.fit("rate = Vm[state]*conc/(K + conc)", PUROMYCIN, optimizer="auto")
    errors = run.statistics.standard_errors
    assert run.params["Vm[untreated]"] == pytest.approx(166.60, abs=0.005)
    assert run.params["Vm[treated]"] - run.params["Vm[untreated]"] == pytest.approx(42.03, abs=0.005)
    assert run.params["K"] == pytest.approx(0.05797, abs=5e-6)
    assert errors["Vm[untreated]"] == pytest.approx(5.807, abs=5e-4)
    assert errors["K"] == pytest.approx(0.005910, abs=5e-7)
    assert run.statistics.residual_standard_deviation == pytest.approx(10.59, abs=0.005)
    assert run.statistics.degrees_of_freedom == 20
    each = tidu.fit("rate = Vm[state]*conc/(K[state] + conc)", PUROMYCIN, optimizer="auto").params
    assert each["Vm[treated]"] == pytest.approx(212.7, abs=0.05)
    assert each["K[treated]"] == pytest.approx(0.06412, abs=5e-6)
    assert each["Vm[untreated]"] == pytest.approx(160.3, abs=0.05)
    assert each["K[untreated]"] == pytest.approx(0.04771, abs=5e-6)


# -- the same as written out ------------------------------------------------------------------------
def test_twenty_data_sets_fitted_together_equal_the_model_with_indicator_columns():
    data, _a = decays(20, 15)
    formula = "y = a[city]*exp(-b*t) + c"
    ours = tidu.fit(formula, data, optimizer="lm", init={"a": 1.0, "b": 1.0})
    text, with_columns = written_out(formula, "a", "city", data)
    starts = {f"a_{k}": 1.0 for k in range(20)} | {"b": 1.0}
    theirs = tidu.fit(text, with_columns, optimizer="lm", init=starts)
    named = {"b": "b", "c": "c"} | {f"a[city {k:05d}]": f"a_{k}" for k in range(20)}
    for name, other in named.items():
        assert ours.params[name] == pytest.approx(theirs.params[other], rel=1e-10)
        error = theirs.statistics.standard_errors[other]
        assert ours.statistics.standard_errors[name] == pytest.approx(error, rel=1e-8)


@pytest.mark.parametrize("engine", ["python", "compiled", "array"])
@pytest.mark.parametrize("batch_size", [None, 1, 7, 32])
def test_a_descent_has_the_numbers_of_the_model_written_out(engine, batch_size):
    data, _a = decays(5, 9)
    formula = "y = a[city]*exp(-b*t) + c"
    options = {"optimizer": "adam", "epochs": 5, "engine": engine, "batch_size": batch_size, "lr": 0.05}
    ours = tidu.fit(formula, data, init={"a": 1.0, "b": 0.5}, **options)
    text, with_columns = written_out(formula, "a", "city", data)
    theirs = tidu.fit(text, with_columns, init={f"a_{k}": 1.0 for k in range(5)} | {"b": 0.5}, **options)
    assert list(ours.params.values()) == pytest.approx(
        [*(theirs.params[f"a_{k}"] for k in range(5)), theirs.params["b"], theirs.params["c"]], rel=1e-12
    )


@settings(max_examples=15, deadline=None)
@given(groups=st.integers(2, 9), rows=st.integers(1, 9), batch=st.sampled_from([None, 1, 4, 31, 32, 33]))
def test_machine_code_has_the_bits_of_plain_python(groups, rows, batch):
    data, _a = decays(groups, rows)
    runs = [
        tidu.fit(
            "y = a[city]*exp(-b[city]*t) + c", data, init={"a": 1.0}, lr=0.01, epochs=3, engine=engine, batch_size=batch
        )
        for engine in ("python", "compiled")
    ]
    assert runs[0].params == runs[1].params
    assert np.array_equal(runs[0].history.values, runs[1].history.values)
    assert runs[0].trace(step=runs[0].steps - 1).after == runs[0].params


# -- levels -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("levels", [["sh", "bj", "gz"], [3, 1, 20], [1.5, -2.0, 0.0], [True, False]])
def test_levels_are_text_numbers_or_truth(levels):
    data = {"g": [g for g in levels for _k in range(3)], "x": [1.0, 2.0, 3.0] * len(levels)}
    data["y"] = [(k + 1.0) * x for k, g in enumerate(levels) for x in (1.0, 2.0, 3.0)]
    params = tidu.fit("y = a[g]*x", data, optimizer="lm").params
    assert len(params) == len(levels)
    for k, level in enumerate(levels):
        shown = level if isinstance(level, (str, bool)) else f"{level:g}"
        assert params[f"a[{shown}]"] == pytest.approx(k + 1.0)


def test_a_column_may_be_a_number_and_a_level_at_once():
    data = {"year": [1, 1, 2, 2, 3, 3], "x": [1.0, 2.0, 1.0, 2.0, 1.0, 2.0]}
    data["y"] = [g * 10.0 + 0.5 * g * x for g, x in zip(data["year"], data["x"], strict=True)]
    params = tidu.fit("y = a[year] + b*year*x", data, optimizer="lm").params
    assert params["b"] == pytest.approx(0.5)
    assert [params[f"a[{g}]"] for g in (1, 2, 3)] == pytest.approx([10.0, 20.0, 30.0])


def test_starts_bounds_and_fixed_values_are_of_all_levels_or_of_one():
    data, _a = decays(3, 20)
    options = {"optimizer": "lm", "init": {"a": 1.0, "a[city 00001]": 2.0, "b": 1.0}}
    run = tidu.fit("y = a[city]*exp(-b*t) + c", data, bounds={"a": (0.0, None), "a[city 00002]": (0.0, 0.5)}, **options)
    assert run.start["a[city 00000]"] == 1.0
    assert run.start["a[city 00001]"] == 2.0
    assert run.params["a[city 00002]"] == pytest.approx(0.5)
    fixed = tidu.fit("y = a[city]*exp(-b*t) + c", data, optimizer="lm", init={"b": 1.0}, fix={"a[city 00000]": 1.0})
    assert "a[city 00000]" not in fixed.params
    assert len(fixed.params) == 4


def test_two_parameters_by_two_columns():
    random = np.random.default_rng(1)
    g, h = random.integers(0, 3, 60), random.integers(0, 4, 60)
    a, b = np.array([1.0, 2.0, 3.0]), np.array([0.5, -1.0, 2.0, 4.0])
    x = random.normal(size=60)
    params = tidu.fit("y = a[g] + b[h]*x", {"g": g, "h": h, "x": x, "y": a[g] + b[h] * x}, optimizer="lm").params
    assert [params[f"a[{k}]"] for k in range(3)] == pytest.approx(list(a))
    assert [params[f"b[{k}]"] for k in range(4)] == pytest.approx(list(b))


# -- combinations of levels -----------------------------------------------------------------------------
def sales(years=(2019, 2020, 2021), seed=0):
    """y = a[city, year]·x + b, of every combination but one."""
    random = np.random.default_rng(seed)
    pairs = [(city, year) for city in ("Paris", "Rome, old") for year in years][:-1]
    city, year = zip(*random.permutation(np.array(pairs * 8, dtype=object)), strict=True)
    a = {pair: float(k + 1) for k, pair in enumerate(pairs)}
    x = random.normal(size=len(city))
    y = [a[pair] * cell + 0.5 for pair, cell in zip(zip(city, year, strict=True), x, strict=True)]
    return {"city": list(city), "year": list(year), "x": x, "y": y}, a


@pytest.mark.parametrize("optimizer", ["lm", "lbfgs"])
def test_a_parameter_has_a_value_for_each_combination_that_occurs(optimizer, tmp_path):
    data, a = sales()
    run = tidu.fit("y = a[city, year]*x + b", data, optimizer=optimizer, tol=1e-12 if optimizer == "lbfgs" else None)
    named = {f"a[{city}, {year}]": value for (city, year), value in a.items()}
    assert {name: run.params[name] for name in named} == pytest.approx(named, rel=1e-6)
    assert set(run.params) == {*named, "b"}
    run.save(tmp_path / "m.tidu")
    new = {"city": ["Rome, old", "Paris"], "year": [2020, 2021], "x": [1.0, 2.0]}
    for model in (run, tidu.load(tmp_path / "m.tidu")):
        expected = [a["Rome, old", 2020] + 0.5, 2.0 * a["Paris", 2021] + 0.5]
        assert model.predict(new) == pytest.approx(expected, rel=1e-6)
        with pytest.raises(
            DataError, match=r"column 'city, year' has the level 'Rome, old, 2021', which the model has"
        ):
            model.predict({"city": ["Paris", "Rome, old"], "year": [2019, 2021], "x": [1.0, 1.0]})


def test_a_combination_is_the_model_with_one_column_of_both():
    data, _a = sales()
    joined = {**data, "both": [f"{c}, {y}" for c, y in zip(data["city"], data["year"], strict=True)]}
    for options in ({"optimizer": "lm"}, {"optimizer": "adam", "epochs": 4, "lr": 0.1, "batch_size": 5}):
        ours = tidu.fit("y = a[city, year]*x + b", data, init={"a": 1.0, "a[Paris, 2020]": 3.0}, **options)
        theirs = tidu.fit("y = a[both]*x + b", joined, init={"a": 1.0, "a[Paris, 2020]": 3.0}, **options)
        assert ours.params == theirs.params


def test_combinations_of_three_columns_some_with_odd_names_are_printed_as_formulas_are_written():
    random = np.random.default_rng(2)
    data = {"the city": random.permutation(["p", "q"] * 20), "up": random.permutation([True, False] * 20)}
    data |= {"year": random.integers(2019, 2021, 40), "x": random.normal(size=40)}
    data["y"] = random.normal(size=40)
    formula = "y = a[`the city`, up, year]*x"
    run = tidu.fit(formula, data, epochs=1, lr=0.1)
    assert "a[p, False, 2019]" in run.params
    assert "a[`the city`, up, year]*x" in run.source
    assert "a[the city, up, year]" not in run.source
    assert tidu.fit(formula, data, optimizer="lm").rows == 40


def test_many_combinations_are_one_vector():
    random = np.random.default_rng(4)
    g, h, x = random.integers(0, 20, 4000), random.integers(0, 15, 4000), random.normal(size=4000)
    a = random.normal(size=(20, 15))
    run = tidu.fit("y = a[g, h]*x + b", {"g": g, "h": h, "x": x, "y": a[g, h] * x + 1.0}, optimizer="auto")
    assert run.params["a[7, 11]"] == pytest.approx(a[7, 11], rel=1e-9)
    assert len(run.params["a"]) == 300


def test_settings_name_a_combination():
    data, _a = sales()
    run = tidu.fit("y = a[city, year]*x + b", data, optimizer="lm", fix={"a[Paris, 2019]": 7.0})
    assert "a[Paris, 2019]" not in run.params
    with pytest.raises(SettingError, match=r"init names 'a\[Paris, 2018\]'"):
        tidu.fit("y = a[city, year]*x + b", data, init={"a[Paris, 2018]": 1.0})


def test_combinations_that_would_have_one_name_are_refused():
    data = {"g": ["p, q", "p"] * 3, "h": ["r", "q, r"] * 3, "x": [1.0, 2, 3, 4, 5, 6], "y": [1.0, 2, 3, 4, 5, 7]}
    with pytest.raises(DataError, match="would both be called 'p, q, r'"):
        tidu.fit("y = a[g, h]*x", data)


def test_combinations_are_not_for_streams():
    data, _a = sales()
    with pytest.raises(SettingError, match="looked up in memory"):
        tidu.fit("y = a[city, year]*x + b", data, stream=True, epochs=1, lr=0.1)


# -- predictions and files ------------------------------------------------------------------------------
def test_predictions_and_files_know_the_levels(tmp_path):
    run = tidu.fit("rate = Vm[state]*conc/(K + conc)", PUROMYCIN, optimizer="lm", init={"Vm": 200.0, "K": 0.05})
    run.save(tmp_path / "m.tidu")
    again = tidu.load(tmp_path / "m.tidu")
    new = {"conc": [0.5, 0.5], "state": ["untreated", "treated"]}
    expected = [run.params[f"Vm[{s}]"] * 0.5 / (run.params["K"] + 0.5) for s in new["state"]]
    assert again.predict(new) == pytest.approx(expected)
    with pytest.raises(DataError, match="the level 'tretaed', which the model has not met"):
        again.predict({"conc": [0.5], "state": ["tretaed"]})
    assert json.loads(json.dumps(run.to_dict()))["params"] == run.params


def test_a_missing_level_is_a_missing_cell():
    data = {**PUROMYCIN, "state": [None, *PUROMYCIN["state"][1:]]}
    with pytest.raises(DataError, match="state"):
        tidu.fit("rate = Vm[state]*conc/(K + conc)", data, optimizer="lm")
    run = tidu.fit("rate = Vm[state]*conc/(K + conc)", data, optimizer="auto", drop_missing=True)
    assert run.rows == 22


# -- shown --------------------------------------------------------------------------------------------------
def test_people_see_the_parameter_with_its_column():
    run = tidu.fit("rate = Vm[state]*conc/(K + conc)", PUROMYCIN, lr=1e-6, epochs=1, init={"K": 0.05, "Vm": 100})
    assert r"{\mathrm{Vm}}_{\mathrm{state}}" in run.latex()
    assert "rate = Vm[state]*conc/(K + conc)" in run.source
    assert "where(" in run.source  # the loop itself chooses


# -- what is refused ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("y = a[town]*x", "'town' is not a column"),
        ("y = x[g]", "'x' is a column"),
        ("y = a[g]*x + a", "stands with a value for each level and without"),
        ("y = a[g] + a[h]*x", "has a value for each level of g already"),
        ("y = a[1]*x", "is not allowed"),
        ("y = a[g, 1]*x", "is not allowed"),
        ("y = a[g, g]*x", "needs different columns"),
        ("y = a[g, town]*x", "'town' is not a column"),
        ("y = a[g, h]*x + a[h, g]", "has a value for each level of g, h already"),
        ("y = a[g, y]*x", "on both sides"),
        ("y = a[y]*x", "on both sides"),
    ],
)
def test_what_has_no_meaning_is_refused(formula, words):
    data = {"g": ["p", "q"] * 3, "h": ["r", "r", "s"] * 2, "x": [1.0, 2, 3, 4, 5, 6], "y": [1.0, 2, 3, 4, 5, 7]}
    with pytest.raises(FormulaError, match=words):
        tidu.fit(formula, data)


def test_settings_of_a_level_that_does_not_exist_are_refused():
    with pytest.raises(SettingError, match=r"init names 'Vm\[treted\]'.*did you mean 'Vm\[treated\]'"):
        tidu.fit("rate = Vm[state]*conc/(K + conc)", PUROMYCIN, init={"Vm[treted]": 1.0})
