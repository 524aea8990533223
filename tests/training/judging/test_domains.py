"""What a formula computes of columns alone: a row in which it is no number is named, or dropped."""

import numpy as np
import pytest

import tidu
from tidu.errors import DataError, MissingValues

X = [1.0, 2.0, 0.0, 3.0]


def refusal(formula, data, **options):
    with pytest.raises(DataError) as caught:
        tidu.fit(formula, data, epochs=1, **options)
    return type(caught.value), str(caught.value)


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("y = w*log(x) + b", "data: log(x) is -inf in row 3, where x = 0 (1 such row(s) in all); mend"),
        ("log(x) = w*y + b", "log(x) is -inf in row 3, where x = 0"),
        ("y = w/x + b*(1/x)", "1/x is inf in row 3, where x = 0"),
        ("y = w*sqrt(x - 1)", "sqrt(x - 1) is not a number in row 3, where x = 0"),
        ("y = w*exp(x*1000)", "is inf in row 1, where x = 1 (3 such row(s) in all)"),
        ("y = w*log(x)*exp(b*x)", "log(x) is -inf in row 3"),
        ("y = linear(log(x), y2)", "log(x) is -inf in row 3"),
        ("y = mlp(log(x), y2, hidden=[2])", "log(x) is -inf in row 3"),
        ("y = w*log(x - 0.1*y2)", "log(x - 0.1*y2) is not a number in row 3, where x = 0, y2 = 2"),
        ("y = w*sqrt(0.5 - y2/5)*log(y3)", "log(y3) is not a number in row 1, where y3 = -0.1 (4 such row(s)"),
        ("y = w*log(x*y2)", "log(x*y2) is -inf in row 3, where x = 0, y2 = 2"),
    ],
)
def test_the_operation_and_the_column_are_named(formula, words):
    data = {"x": X, "y": [1.0, 2, 3, 4], "y2": [2.0, 2, 2, 2], "y3": [-0.1] * 4}
    kind, said = refusal(formula, data)
    assert kind is MissingValues
    assert words in said


def test_such_rows_can_be_dropped_and_that_is_said():
    run = tidu.fit("y = w*log(x) + b", {"x": X, "y": [1.0, 2, 3, 4]}, drop_missing=True, epochs=1)
    assert run.rows == 3
    assert "1 of 4 rows were dropped, because log(x) is not a finite number there" in run.notes
    both = {"x": [*X, np.nan], "y": [1.0, 2, 3, 4, 5]}
    assert tidu.fit("y = w*log(x) + b", both, drop_missing=True, epochs=1).rows == 3
    assert refusal("y = w*log(x)", {"x": [0.0, -1], "y": [1.0, 2]}, drop_missing=True)[1] == (
        "data: log(x) is a finite number in none of the 2 rows"
    )


@pytest.mark.parametrize(
    "formula",
    [
        "y = where(x > 0, w*log(x), b)",
        "y = w*where(x > 0, log(x), 0) + b",
        "y = w*max(log(x), -5) + b",
        "y = b + w*exp(-1/x)",  # 1/x is infinite, and exp(-inf) is 0
        "y = w*x + b",
    ],
)
def test_what_is_guarded_is_no_error(formula):
    assert tidu.fit(formula, {"x": X, "y": [1.0, 2, 3, 4]}, epochs=1).rows == 4


def test_data_that_a_model_meets_later():
    run = tidu.fit("y = w*log(x) + b", {"x": [1.0, 2], "y": [1.0, 2]}, epochs=1)
    with pytest.raises(MissingValues, match=r"log\(x\) is -inf in row 3"):
        run.predict({"x": X})
    assert len(run.predict({"x": X}, drop_missing=True)) == 3
    with pytest.raises(MissingValues, match=r"log\(x\) is -inf in row 3"):
        run.score({"x": X, "y": X})


@pytest.mark.parametrize(
    ("size", "overflows"), [(1.0, False), (1e30, False), (1e31, False), (1e60, True), (1e200, True)]
)
def test_a_polynomial_of_a_column_is_looked_at_where_it_could_overflow(size, overflows):
    data = {"x": [1.0, 2.0, size], "y": [1.0, 2.0, 3.0]}
    if overflows:
        assert "row 3" in refusal("y = a*(x**4*x**2 - 3*x) + b", data)[1]
    else:
        assert len(tidu.fit("y = a*(x**4*x**2 - 3*x) + b", data, epochs=1, lr=1e-300).history) <= 1


def test_numbers_whose_squares_overflow_are_finite_all_the_same():
    run = tidu.fit("y = a*x/1e200 + b", {"x": [1e200, 2e200, 4e200], "y": [1.0, 2.0, 4.0]}, optimizer="lm")
    assert run.params["a"] == pytest.approx(1.0)
