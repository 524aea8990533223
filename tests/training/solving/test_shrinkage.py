"""`--l2` of parameters with a value for each level: these are drawn to their mean, as SciPy finds it from rows more."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares, root

import tidu
from tidu.errors import SettingError
from tidu.language import level_parameters
from tidu.training import settings as training_settings

FORMULAS = {
    "y = a[city]*exp(-b*t) + c": lambda p, g, t, city: p[:g][city] * np.exp(-p[g] * t) + p[g + 1],
    "y = a[city]*t + b": lambda p, g, t, city: p[:g][city] * t + p[g],
    "y = a[city]*exp(-b[city]*t)": lambda p, g, t, city: p[:g][city] * np.exp(-p[g : 2 * g][city] * t),
}


def table(groups, rows, seed=0):
    random = np.random.default_rng(seed)
    city = random.permutation(np.repeat(np.arange(groups), rows))
    t = random.uniform(0.0, 4.0, len(city))
    y = random.uniform(1.0, 3.0, groups)[city] * np.exp(-0.7 * t) + 0.3 + 0.1 * random.normal(size=len(city))
    return {"t": t, "y": y, "city": city}


def by_scipy(formula, data, l2, start, held=(), weights=1.0):
    """The parameters at which mean (ŷ − y)² + ½·l2·(Σ (a − ā)² + Σ w²) is least: rows more below the residuals."""
    groups, rows = int(data["city"].max()) + 1, len(data["y"])
    strength = np.sqrt(0.5 * l2 * rows)
    of_levels = [slice(k * groups, (k + 1) * groups) for k in range(len(start) // groups)]

    def residuals(p):
        pulled = [p[s] - p[s].mean() for s in of_levels] + [p[groups * len(of_levels) :]]
        kept = [strength * part * (k not in held) for k, part in enumerate(pulled)]
        model = FORMULAS[formula](p, groups, data["t"], data["city"])
        return np.concatenate([np.sqrt(weights) * (model - data["y"]), *kept])

    def slope(p):
        values = residuals(p)
        slopes = [np.imag(residuals(p + 1e-30j * unit)) / 1e-30 for unit in np.eye(len(p))]
        return np.array(slopes) @ values

    near = least_squares(residuals, start, "cs", method="lm", xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=2000).x
    return root(slope, near, tol=1e-15).x  # where the cost no longer shows a fall, its slope does


def start_of(formula, groups):
    count = {"y = a[city]*exp(-b*t) + c": groups + 2, "y = a[city]*t + b": groups + 1}.get(formula, 2 * groups)
    return np.full(count, 0.5)


def numbers(run):
    return np.concatenate([np.ravel(v) for v in run.params.values()])


def in_vectors(formula, data, **options):
    """With all levels in one vector, however few they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(level_parameters, "WRITTEN_OUT", 1)
        training_settings._formula_read.cache_clear()
        run = tidu.fit(formula, data, **options)
        training_settings._formula_read.cache_clear()
    return run


@pytest.mark.parametrize("fit", [tidu.fit, in_vectors])
@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("optimizer", ["lm", "newton", "auto"])
@pytest.mark.parametrize("l2", [1e-3, 0.3])
def test_solvers_end_where_scipy_does(fit, formula, optimizer, l2):
    data = table(7, 12)
    init = {"a": 0.5, "b": 0.5} | ({"c": 0.5} if formula.endswith(" + c") else {})
    run = fit(formula, data, optimizer=optimizer, l2=l2, init=init)
    assert run.stopped == "converged"
    assert run.settings.optimizer == ("newton" if optimizer == "newton" else "lm")
    assert numbers(run) == pytest.approx(by_scipy(formula, data, l2, start_of(formula, 7)), rel=1e-8)


@settings(max_examples=20, deadline=None)
@given(
    groups=st.integers(2, 8), rows=st.integers(1, 6), seed=st.integers(0, 99), l2=st.sampled_from([1e-2, 1.0, 100.0])
)
def test_linear_models_of_any_size_and_strength(groups, rows, seed, l2):
    data, formula = table(groups, rows, seed), "y = a[city]*t + b"
    right = by_scipy(formula, data, l2, start_of(formula, groups))
    for fit in (tidu.fit, in_vectors):
        assert numbers(fit(formula, data, optimizer="lm", l2=l2)) == pytest.approx(right, rel=1e-7, abs=1e-9)


def test_many_levels():
    data, formula = table(101, 6), "y = a[city]*exp(-b*t) + c"
    run = tidu.fit(formula, data, optimizer="auto", l2=0.02)
    assert run.settings.optimizer == "lm"
    assert numbers(run) == pytest.approx(by_scipy(formula, data, 0.02, start_of(formula, 101)), rel=1e-7)


def test_a_strong_penalty_leaves_one_value_for_all_and_none_leaves_them_alone():
    data, formula = table(6, 30), "y = a[city]*t + b"
    together = tidu.fit("y = a*t + b", data, optimizer="lm").params
    strong = tidu.fit(formula, data, optimizer="lm", l2=1e6, penalise=["a"]).params
    assert [strong[f"a[{k}]"] for k in range(6)] == pytest.approx([together["a"]] * 6, rel=1e-5)
    assert strong["b"] == pytest.approx(together["b"], rel=1e-5)
    alone = tidu.fit(formula, data, optimizer="lm").params
    weak = tidu.fit(formula, data, optimizer="lm", l2=1e-12).params
    assert list(weak.values()) == pytest.approx(list(alone.values()), rel=1e-9)


def test_the_penalty_may_be_on_the_levels_or_on_the_others_alone():
    data, formula = table(6, 12), "y = a[city]*exp(-b*t) + c"
    options = {"optimizer": "lm", "l2": 0.05, "init": {"a": 0.5, "b": 0.5, "c": 0.5}}
    for fit in (tidu.fit, in_vectors):
        levels = fit(formula, data, penalise=["a"], **options)
        assert numbers(levels) == pytest.approx(by_scipy(formula, data, 0.05, start_of(formula, 6), held=[1]), rel=1e-8)
        others = fit(formula, data, penalise=["b", "c"], **options)
        assert numbers(others) == pytest.approx(by_scipy(formula, data, 0.05, start_of(formula, 6), held=[0]), rel=1e-8)


def test_rows_may_have_weights():
    data, formula = table(6, 12), "y = a[city]*t + b"
    data["w"] = np.random.default_rng(3).uniform(0.5, 2.0, len(data["y"]))
    run = tidu.fit(formula, data, optimizer="lm", l2=0.2, weights="w")
    assert numbers(run) == pytest.approx(
        by_scipy(formula, data, 0.2, start_of(formula, 6), weights=data["w"]), rel=1e-8
    )


def test_levels_of_which_every_row_was_kept_back_take_the_mean():
    data, formula = table(12, 2), "y = a[city]*t + b"
    run = in_vectors(formula, data, optimizer="lm", l2=0.1, test_size=0.5)
    kept = {int(level) for level in run.problem.table["level(city)"]}
    absent = [k for k in range(12) if k not in kept]
    assert absent
    mean = np.mean([run.params[f"a[{k}]"] for k in sorted(kept)])
    assert [run.params[f"a[{k}]"] for k in absent] == pytest.approx([mean] * len(absent), rel=1e-9)


# -- descent ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("engine", ["python", "compiled", "array"])
def test_a_descent_goes_to_the_same_minimum(engine):
    data, formula = table(4, 10), "y = a[city]*t + b"
    right = by_scipy(formula, data, 0.3, start_of(formula, 4))
    for fit in (tidu.fit, in_vectors):
        run = fit(formula, data, optimizer="gd", lr=0.1, epochs=4000, l2=0.3, engine=engine)
        assert numbers(run) == pytest.approx(right, rel=1e-8)


@pytest.mark.parametrize("batch_size", [None, 1, 31, 32, 33])
@pytest.mark.parametrize("fit", [tidu.fit, in_vectors])
@pytest.mark.parametrize("options", [{}, {"clip_norm": 0.2}, {"optimizer": "adam"}, {"l1": 0.01}])
def test_machine_code_has_the_bits_of_plain_python(fit, batch_size, options):
    data = table(5, 15)
    options = {"lr": 0.02, "epochs": 3, "l2": 0.4, "batch_size": batch_size, "init": {"a": 1.0, "b": 0.3}, **options}
    plain, machine = (fit("y = a[city]*exp(-b*t) + c", data, engine=e, **options) for e in ("python", "compiled"))
    assert numbers(plain).tolist() == numbers(machine).tolist()
    assert np.array_equal(plain.history.values, machine.history.values)


@pytest.mark.parametrize("fit", [tidu.fit, in_vectors])
def test_the_trace_knows_the_mean(fit):
    data = table(4, 10)
    with pytest.MonkeyPatch.context() as patch:
        if fit is in_vectors:
            patch.setattr(level_parameters, "WRITTEN_OUT", 1)
        training_settings._formula_read.cache_clear()
        run = tidu.fit("y = a[city]*t + b", data, lr=0.05, epochs=3, l2=0.3, engine="python")
        after = run.trace(step=2).after
        training_settings._formula_read.cache_clear()
    assert np.concatenate([np.ravel(after[n]) for n in run.params]).tolist() == numbers(run).tolist()


# -- what is refused ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bounds": {"b": (0.0, 1.0)}}, "lm draws the levels"),
        ({"fix": {"a[0]": 1.0}}, "lm draws the levels"),
        ({"l1": 0.1}, "l1 has no meaning for lm"),
        ({"optimizer": "lp", "loss": "absolute"}, "lp takes no penalty on parameters with a value for each level"),
    ],
)
def test_what_a_solver_cannot_keep_to_is_refused(options, words):
    with pytest.raises(SettingError, match=words):
        tidu.fit("y = a[city]*t + b", table(6, 10), **{"optimizer": "lm", "l2": 0.1, **options})


def test_without_levels_lm_takes_no_penalty():
    with pytest.raises(SettingError, match="l2 has no meaning for lm"):
        tidu.fit("y = a*t + b", table(6, 10), optimizer="lm", l2=0.1)
