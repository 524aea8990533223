"""Settings: every option is checked when it is given, and what is kept is plain."""

import json
import math

import numpy as np
import pytest

import tidu
from tidu.content.starts import finite, starting_value
from tidu.errors import SettingError
from tidu.training.settings import Settings

HUGE = 10**400  # an int that no float64 holds


@pytest.mark.parametrize("name", ["batch_size", "epochs", "steps"])
@pytest.mark.parametrize("value", [0, -1, 1.0, 1.5, True, "2", math.nan])
def test_counts_are_whole_and_at_least_one(name, value):
    with pytest.raises(SettingError, match=f"{name} must be a whole number of at least 1, not"):
        Settings("y = w*x", **{name: value})


@pytest.mark.parametrize("value", [-1, 1.5, None, "0"])
def test_a_seed_is_whole(value):
    with pytest.raises(SettingError, match="seed must be a whole number of at least 0"):
        Settings("y = w*x", seed=value)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("l1", -0.1, "at least 0"),
        ("l2", -1, "at least 0"),
        ("tol", -1e-9, "at least 0"),
        ("clip_norm", 0, "above 0"),
        ("clip_value", -1, "above 0"),
        ("until_loss", math.nan, "finite"),
        ("until_loss", HUGE, "finite"),
        ("l2", math.inf, "finite"),
        ("tol", "small", "finite"),
        ("l1", True, "finite"),
        ("tol", 1j, "finite"),
    ],
)
def test_numbers_are_checked(name, value, words):
    with pytest.raises(SettingError) as caught:
        Settings("y = w*x", **{name: value})
    assert str(caught.value).startswith(f"{name} must be")
    assert words in str(caught.value)


def test_mappings_cannot_be_changed_behind_the_back_of_fits_that_share_them():
    data = {"x": [1.0, 2.0, 3.0], "y": [2.0, 4.0, 6.0]}
    run = tidu.fit("y = w*x", data, lr=0.01, epochs=1)
    for name in ("init", "bounds", "fix", "plateau", "levels", "zeros"):
        with pytest.raises(TypeError, match="read-only"):
            getattr(run.settings, name)["w"] = 5.0
    assert tidu.fit("y = w*x", data, lr=0.01, epochs=1).start == {"w": 0.0}
    given = {"w": 1.0}
    settings = Settings("y = w*x", init=given)
    given["w"] = 2.0
    assert settings.init == {"w": 1.0}
    assert {**settings.init, "b": 0.0} == {"w": 1.0, "b": 0.0}


def test_record_is_one_of_two():
    with pytest.raises(SettingError, match="record must be epoch or step, not 'batch'"):
        Settings("y = w*x", record="batch")


def test_numpy_scalars_become_plain_numbers():
    numbers = {"batch_size": np.int64(2), "steps": np.int32(3), "l2": np.float32(0.5), "tol": np.int8(1)}
    settings = Settings("y = w*x", lr=np.float64(0.1), init={"w": np.float32(0.5), "b": np.int16(1)}, **numbers)
    assert json.loads(json.dumps(settings.to_dict())) == settings.to_dict()
    assert (settings.batch_size, settings.steps, settings.l2, settings.tol) == (2, 3, 0.5, 1.0)
    assert settings.init == {"w": 0.5, "b": 1}


# -- the learning rate -----------------------------------------------------------------------------
def test_the_rate_is_the_optimizers_own_unless_given():
    assert Settings("y = w*x").lr == 0.01
    assert Settings("y = w*x", optimizer="adadelta").lr == 1.0
    assert Settings("y = w*x", optimizer="adadelta", lr=0.5).lr == 0.5


def test_an_expression_and_its_text_are_one_rate():
    data = {"x": [1.0, 2.0], "y": [2.0, 3.0]}
    expression = 0.1 * tidu.schedules.warmup(3) * tidu.schedules.cosine(20)
    runs = [tidu.fit("y = w*x", data, lr=lr, epochs=10) for lr in (expression, "0.1*warmup(3)*cosine(20)")]
    assert runs[0].params == runs[1].params
    assert runs[0].lr == runs[1].lr
    # Warm-up rises in thirds, half a cosine falls: hand-written.
    expected = [0.1 * min((t + 1) / 3, 1) * 0.5 * (1 + math.cos(math.pi * t / 20)) for t in range(10)]
    np.testing.assert_allclose(runs[0].history.lr, expected, rtol=1e-14)


@pytest.mark.parametrize("lr", [0, -0.1, math.nan, math.inf, "0", "0.1*w"])
def test_rates_that_cannot_work(lr):
    with pytest.raises(tidu.TiduError):
        Settings("y = w*x", lr=lr)


# -- limits ----------------------------------------------------------------------------------------
def test_the_limit_is_1000_epochs_unless_one_is_given():
    assert Settings("y = w*x").limit == (1000, None)
    assert Settings("y = w*x", steps=7).limit == (None, 7)
    assert Settings("y = w*x", epochs=7, steps=9).limit == (7, 9)


# -- starting values -------------------------------------------------------------------------------
def test_draws_are_those_of_the_seeds_own_stream():
    init = {"a": "normal(1, 2)", "b": 3, "c": "uniform(-1, 1)", "d": "-1e-3"}
    settings = Settings("y = a*x + b*x + c*x + d*x + e1", init=init, seed=9)
    generator = np.random.default_rng([9, 2])
    expected = [generator.normal(1, 2), 3.0, generator.uniform(-1, 1), -0.001, 0.0]
    assert settings.starting_values(settings.program(["x", "y"])) == expected


def test_draws_follow_the_seed():
    draws = [Settings("y = w*x", init={"w": "normal(0, 1)"}, seed=s) for s in (1, 1, 2)]
    first, again, other = (s.starting_values(s.program(["x", "y"]))[0] for s in draws)
    assert first == again != other


def test_many_draws_have_the_moments_asked_for():
    generator = np.random.default_rng(0)
    normal = [starting_value("w", "normal(5, 0.01)", generator) for _k in range(2000)]
    uniform = [starting_value("w", " uniform( -1 , 3 ) ", generator) for _k in range(2000)]
    # Four standard errors: 0.01/√2000 · 4; the range of a uniform draw is sharp.
    assert abs(np.mean(normal) - 5) < 0.0009
    assert np.std(normal) == pytest.approx(0.01, rel=0.07)
    assert min(uniform) >= -1
    assert max(uniform) <= 3
    assert np.mean(uniform) == pytest.approx(1, abs=0.11)


@pytest.mark.parametrize(
    "value",
    ["", "one", "normal(0)", "normal(0, 1, 2)", "normal(0, -1)", "normal(0, scale=1)", "uniform(0, inf)",
     "cauchy(0, 1)", "normal('a', 'b')", "__import__('os')", "normal(0, 1e999)", "normal(1e999, 1)",
     "1e999", "nan",
     "9" * 5000, "1\0", "uniform(-1.7e308, 1.7e308)", math.nan, math.inf, None, [1], 1j, HUGE],
)  # fmt: skip
def test_starting_values_that_cannot_work(value):
    with pytest.raises(SettingError, match="the starting value of w must be"):
        starting_value("w", value, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("value", "expected"), [(2, 2.0), (np.float32(0.5), 0.5), (HUGE, None), (math.inf, None), ("1", None), (None, None)]
)
def test_finite(value, expected):
    assert finite(value) == expected


def test_a_starting_value_for_a_name_that_is_no_parameter():
    with pytest.raises(SettingError, match=r"init names 'rat', .*did you mean 'rate'"):
        Settings("y = rate*x", init={"rat": 1}).program(["x", "y"])


def test_settings_of_plain_values_are_made_once_and_types_tell_them_apart():
    given = {"lr": 0.1, "epochs": 10}
    assert Settings.of("y = w*x", given) is Settings.of("y = w*x", dict(given))
    assert Settings.of("y = w*x", given) == Settings("y = w*x", **given)
    assert Settings.of("y = w*x", {"init": {"w": 1.0}}).init == {"w": 1.0}
    Settings.of("y = w*x", {"epochs": 1})
    for value in (True, 1.0):  # equal to 1, and no number of epochs
        with pytest.raises(SettingError):
            Settings.of("y = w*x", {"epochs": value})
