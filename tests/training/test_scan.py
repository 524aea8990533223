"""Scans: the cost at every point of a grid, against NumPy; and which ranges make a grid."""

import json
import math

import numpy as np
import pytest

import tidu
from tidu.errors import DataError, MissingValues, SettingError
from tidu.training import scan as module
from tidu.training.scan import grid_values

X = np.array([1.0, 2.0, 3.0, -1.0])
Y = np.array([2.1, 3.9, 6.2, -2.0])
DATA = {"x": X, "y": Y}


def test_one_parameter_against_numpy():
    found = tidu.scan("y = w*x", DATA, {"w": "0:4:0.1"})
    w = found.grid["w"]
    assert len(w) == 41
    expected = ((np.multiply.outer(w, X) - Y) ** 2).mean(axis=1)
    np.testing.assert_allclose(found.cost, expected, rtol=1e-13)  # another order of summation
    assert found.best == {"w": w[expected.argmin()]}
    assert found.best_cost == found.cost.min()
    assert found.rows == 4


def test_two_parameters_against_numpy():
    found = tidu.scan("y = w*x + b", DATA, {"b": "-1:1:0.5", "w": [0.5, 1.0, 2.0]})
    assert list(found.grid) == ["b", "w"]
    assert found.cost.shape == (5, 3)
    b, w = np.meshgrid(*found.grid.values(), indexing="ij")
    expected = ((w[..., None] * X + b[..., None] - Y) ** 2).mean(axis=-1)
    np.testing.assert_allclose(found.cost, expected, rtol=1e-13)
    at = np.unravel_index(expected.argmin(), expected.shape)
    assert found.best == {"b": found.grid["b"][at[0]], "w": found.grid["w"][at[1]]}


def test_parameters_that_are_not_varied():
    data = {"x": X, "y": Y}
    found = tidu.scan("y = a*x**2 + w*x + b", data, {"w": [1.0, 2.0]}, fixed={"b": 0.5})
    expected = [np.mean((w * X + 0.5 - Y) ** 2) for w in (1, 2)]  # a is 0
    np.testing.assert_allclose(found.cost, expected, rtol=1e-13)
    assert found.fixed == {"a": 0, "b": 0.5}
    assert found.to_dict()["params"] == {"a": 0, "b": 0.5, "w": 2}


@pytest.mark.parametrize("points", [3, 60])
@pytest.mark.parametrize("rows", [5, 65_537])
def test_data_on_disk_change_no_bit(rows, points):
    x = np.random.default_rng(3).normal(size=rows)
    data, grid = {"x": x, "y": np.sin(x)}, {"w": np.linspace(0, 2, points)}
    disk, memory = (tidu.scan("y = w*x + b", data, grid, l2=0.1, stream=way) for way in (True, False))
    assert disk.cost.tobytes() == memory.cost.tobytes()
    assert disk.best == memory.best


def test_another_loss_and_a_penalty():
    found = tidu.scan("y = w*x", DATA, {"w": [1.0, -2.0]}, loss="absolute", l1=0.5, l2=3.0)
    expected = [np.abs(w * X - Y).mean() + 0.5 * abs(w) + 1.5 * w**2 for w in (1, -2)]
    np.testing.assert_allclose(found.cost, expected, rtol=1e-13)


def test_the_lowest_cost_is_the_one_that_descent_finds():
    run = tidu.fit("y = w*x", DATA, lr=0.1, epochs=500)
    found = tidu.scan("y = w*x", DATA, {"w": np.linspace(1.9, 2.1, 2001)})
    assert found.best["w"] == pytest.approx(run.params["w"], abs=1e-4)  # the step of the grid


# -- ranges ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0:4:1", [0, 1, 2, 3, 4]),
        (" 0 : 1 : 0.25 ", [0, 0.25, 0.5, 0.75, 1]),
        ("0:1:0.1", [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]),
        ("-1e-3:1e-3:1e-3", [-0.001, 0, 0.001]),
        ("0:1:0.3", [0, 0.3, 0.6, 0.9]),
        ("0:0.3:0.1", [0, 0.1, 0.2, 0.3]),  # 0.3/0.1 is a little below 3
        ("2:2:1", [2]),
        ("0:1:5", [0]),
    ],
)
def test_a_range_has_both_its_ends_where_the_steps_reach(text, expected):
    assert grid_values("w", text).tolist() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("count", [1, 3, 7, 10, 30, 49, 100, 1000])
def test_rounding_never_costs_a_range_its_end(count):
    values = grid_values("w", f"0:1:{1 / count!r}")
    assert len(values) == count + 1
    assert values[-1] == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize(
    "text", ["", "0:4", "0:4:1:2", "a:b:c", "0:4:0", "0:4:-1", "4:0:1", "0:inf:1", "nan:4:1", "0:4:nan", ":::"]
)
def test_text_that_is_no_range(text):
    with pytest.raises(SettingError, match=r"the range of w must be low:high:step, as in 0:4:0\.1"):
        grid_values("w", text)


@pytest.mark.parametrize("values", [[], [math.nan], [1, math.inf], [[1, 2]], 3.0, ["a"], None, [10**400]])
def test_values_that_make_no_axis(values):
    with pytest.raises(SettingError, match="the values of w must be finite numbers, at least one"):
        grid_values("w", values)


@pytest.mark.parametrize("text", ["0:1e9:1", "0:1e308:1e-308", "-1e308:1e308:1"])
def test_a_range_of_too_many_points(text):
    with pytest.raises(SettingError, match="the limit is 4000000"):
        grid_values("w", text)


def test_a_grid_of_too_many_points(monkeypatch):
    monkeypatch.setattr(module, "MOST_POINTS", 12)
    with pytest.raises(SettingError, match="the grid has 16 points; the limit is 12"):
        tidu.scan("y = w*x + b", DATA, {"w": "0:3:1", "b": "0:3:1"})
    assert tidu.scan("y = w*x + b", DATA, {"w": "0:3:1", "b": "0:2:1"}).cost.size == 12


# -- what is refused ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("over", "options", "words"),
    [
        ({}, {}, "over one parameter or two, not 0"),
        ({"w": [1], "b": [1], "c": [1]}, {}, "over one parameter or two, not 3"),
        ({"w": [1]}, {"fixed": {"w": 1}}, "'w' is both varied and fixed"),
        ({"v": [1]}, {}, "'v', which is not a parameter of the formula"),
        ({"w": [1]}, {"fixed": {"bb": 1}}, "'bb', which is not a parameter"),
        ({"w": [1]}, {"fixed": {"b": "one"}}, "starting value of b must be"),
        ({"w": [1]}, {"loss": "cubed"}, "there is no loss 'cubed'"),
        ({"w": [1]}, {"l2": -1}, "l2 must be at least 0"),
    ],
)
def test_one_sentence_for_what_cannot_work(over, options, words):
    with pytest.raises(SettingError) as caught:
        tidu.scan("y = w*x + b", DATA, over, **options)
    assert words in str(caught.value)


def test_data_is_checked_as_it_is_for_a_fit():
    with pytest.raises(MissingValues, match="row 2 of column 'x'"):
        tidu.scan("y = w*x", {"x": [1, None], "y": [1, 2]}, {"w": [1]})
    assert tidu.scan("y = w*x", {"x": [1, None], "y": [1, 2]}, {"w": [1]}, drop_missing=True).rows == 1
    with pytest.raises(DataError, match="no rows"):
        tidu.scan("y = w*x", {"x": [], "y": []}, {"w": [1]})
    with pytest.raises(DataError, match="takes targets that are labels"):
        tidu.scan("y = w*x", DATA, {"w": [1]}, loss="logistic")


# -- costs that are no numbers --------------------------------------------------------------------
def test_points_without_a_cost_are_kept_and_never_the_best():
    found = tidu.scan("y = log(w)*x", DATA, {"w": "-1:2:1"})
    assert np.isnan(found.cost[0])
    assert found.cost[1] == math.inf
    assert found.best["w"] in (1, 2)
    json.dumps(found.to_dict(), allow_nan=True)


def test_a_grid_without_any_cost():
    with pytest.raises(SettingError, match="infinite or undefined at every point"):
        tidu.scan("y = log(w)*x", DATA, {"w": "-3:-1:1"})


def test_everything_as_plain_values():
    found = tidu.scan("y = w*x", DATA, {"w": "1:3:1"})
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["grid"] == {"w": [1, 2, 3]}
    assert plain["cost"] == found.cost.tolist()
    assert plain["best"] == {"w": 2}
    assert plain["loss"] == found.best_cost
    assert plain["points"] == 3
    assert (plain["formula"], plain["loss_name"], plain["rows"]) == ("y = w*x", "squared", 4)


def test_progress_is_told():
    told = []
    tidu.scan("y = w*x", DATA, {"w": "0:1:0.01"}, callbacks=told.append)
    assert [event.steps for event in told] == [1, 65]
    assert {event.steps_in_all for event in told} == {101}
