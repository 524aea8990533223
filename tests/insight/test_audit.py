"""The audit names each slip, on five models; gradients derived by hand here are the oracle."""

import json

import numpy as np
import pytest

import tidu
from tidu.errors import DataError, FormulaError, SettingError
from tidu.fronts import cli
from tidu.text import use_language

RANDOM = np.random.default_rng(7)
X, Z = RANDOM.uniform(0.0, 2.0, 23), RANDOM.normal(0.0, 1.0, 23)
X[0] = 0.0
DATA = {"x": X, "z": Z, "y": 0.5 * X - Z + RANDOM.normal(0.0, 0.3, 23)}
# A formula, the parameter audited, its prediction's derivative with a factor to forget; and another parameter's.
MODELS = {
    "line": ("y = w*x + b", "w*x + b", "w", "x", "x", "b", "1"),
    "parabola": ("y = p*x**2 + q*x + r", "p*x**2 + q*x + r", "q", "x", "x", "r", "1"),
    "plane": ("y = a*x + c*z + d", "a*x + c*z + d", "c", "z", "z", "a", "x"),
    "decay": ("y = a*exp(-k*x)", "a*exp(-k*x)", "k", "(-a*x*exp(-k*x))", "x", "a", "exp(-k*x)"),
    "wave": ("y = a*sin(f*x) + b", "(a*sin(f*x) + b)", "f", "(a*x*cos(f*x))", "a", "b", "1"),
}


def slip(model, hand, loss="squared", **given):
    formula, score, p, slope, factor, _other, others = MODELS[model]
    text = hand.format(r=f"({score} - y)", s=slope, f=factor, o=others)
    found = tidu.audit(formula, DATA, {p: text}, loss=loss, **given)
    assert found.right is (found.verdicts[p].slip is None)
    return found.verdicts[p].slip, found.verdicts[p].said


@pytest.mark.sampled(12)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("hand", "loss", "kind"),
    [
        ("mean(2*{r}*{s})", "squared", None),
        ("2/n*sum({s}*{r})", "squared", None),
        ("mean({r}*{s})", "half_squared", None),
        ("mean(-2*{r}*{s})", "squared", "sign"),
        ("mean({r}*{s})", "squared", "factor 2"),
        ("mean(4*{r}*{s})", "squared", "factor 2"),
        ("mean(2*{r}*{s})", "half_squared", "half"),
        ("mean(0.5*{r}*{s})", "half_squared", "half"),
        ("sum(2*{r}*{s})", "squared", "missing 1/n"),
        ("mean(2*{r}*{s})/n", "squared", "extra 1/n"),
        ("mean({r}*{s})/n", "half_squared", "extra 1/n"),
    ],
)
def test_slips_by_a_number(model, hand, loss, kind):
    assert slip(model, hand, loss)[0] == kind


@pytest.mark.sampled(2)
@pytest.mark.parametrize("model", MODELS)
def test_a_forgotten_factor(model):
    formula, score, p, slope, factor, _other, _others = MODELS[model]
    without = slope.replace(f"*{factor}", "", 1).replace(f"({factor}*", "(") if slope != factor else "1"
    found = tidu.audit(formula, DATA, {p: f"mean(2*({score} - y)*{without})"}).verdicts[p]
    assert found.slip == "forgotten factor"
    assert f"factor {factor} " in found.said


@pytest.mark.sampled(2)
@pytest.mark.parametrize("model", MODELS)
def test_the_gradient_of_another_parameter(model):
    formula, score, p, slope, _factor, other, _others = MODELS[model]
    found = tidu.audit(formula, DATA, {other: f"mean(2*({score} - y)*{slope})"}).verdicts[other]
    assert found.slip == "wrong parameter"
    assert f"gradient of {p}" in found.said


@pytest.mark.sampled(2)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("rate", [None, 0.05])
def test_an_update_before_all_gradients_were_taken(model, rate):
    formula, score, p, slope, _factor, other, others = MODELS[model]
    new = f"new_{p}" if rate is None else f"({p} - {rate}*mean(2*({score} - y)*{slope}))"
    moved = {"w": "w*x", "q": "q*x", "c": "c*z", "k": "-k*x", "f": "f*x"}[p]
    change = moved.replace(p, new, 1)
    hand = f"mean(2*({score.replace(moved, change)} - y)*{others.replace(moved, change)})"
    found = tidu.audit(formula, DATA, {other: hand}).verdicts[other]
    assert found.slip == "updated too early"
    assert p in found.said


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("beside", ["[i-1]", "[i+1]", "[i - 1]"])
def test_an_index_off_by_one(model, beside):
    """In a factor; in all of the residual; in the target alone. `x[i]` is the row itself."""
    formula, score, p, slope, _factor, _other, _others = MODELS[model]
    column = {"w": "x", "q": "x", "c": "z", "k": "x", "f": "x"}[p]
    factor = {"k": "(-a*exp(-k*x)*{})", "f": "(a*cos(f*x)*{})"}.get(p, "{}").format(column + beside)
    found = tidu.audit(formula, DATA, {p: f"mean(2*({score} - y)*{factor})"}).verdicts[p]
    assert found.slip == "wrong index"
    assert f"factor {column} " in found.said
    for hand in (f"mean(2*({score} - y{beside})*{slope})", f"sum(-2*({score} - y{beside})*{slope})"):
        assert tidu.audit(formula, DATA, {p: hand}).verdicts[p].said.count("off by one") == 1
    moved = score.replace("exp", "e").replace(column, column + beside).replace("e(", "exp(")
    found = tidu.audit(formula, DATA, {p: f"mean(2*({moved} - y)*{slope})"}).verdicts[p]
    assert found.slip == "wrong index" or p in "kf"  # whose slope has the column in another place too
    right = (
        f"mean(2*({score} - y[i])*{slope})".replace("exp", "e").replace(column, f"{column}[i]").replace("e(", "exp(")
    )
    assert tidu.audit(formula, DATA, {p: right})


def test_an_index_off_by_one_by_numpy():
    """What `x[i-1]` is in the first row: the last."""
    found = tidu.audit("y = w*x + b", DATA, {"w": "mean(2*(w*x + b - y)*x[i-1])"}, at={"w": 2, "b": 1})
    assert found.verdicts["w"].hand[0] == pytest.approx(np.mean(2 * (2 * X + 1 - DATA["y"]) * np.roll(X, 1)), rel=1e-13)


def test_two_slips_are_both_named():
    kind, said = slip("line", "sum((y - w*x - b)*x)")
    assert kind == "sign"
    assert all(words in said for words in ("sign", "factor 2", "1/n"))


def test_an_unknown_slip_and_the_point_given():
    assert slip("line", "mean(exp(x))")[0] == "other"
    found = tidu.audit("y = w*x + b", DATA, {"w": "mean(2*(w*x+b-y)*x)"}, at={"w": 3, "b": -1})
    assert found.points[0] == {"w": 3.0, "b": -1.0}
    derived = np.mean(2 * (3 * X - 1 - DATA["y"]) * X)
    assert found.verdicts["w"].derived[0] == pytest.approx(derived, rel=1e-13)
    assert found.verdicts["w"].measured[0] == pytest.approx(derived, rel=1e-6)


def test_the_same_seed_gives_the_same_audit():
    first, second = (tidu.audit("y = w*x", DATA, {"w": "mean(w*x)"}, seed=4).to_dict() for _ in range(2))
    assert first == second


FUNCTIONS = {
    "cubic": (lambda w: w**3, lambda w: 3 * w**2, {"w": 1.5}),
    "bowl": (lambda w, b: 3 * w**2 + b**2, lambda w, b: (6 * w, 2 * b), {"w": 1.5, "b": -0.5}),
    "line": (lambda w, b: (2 * w + b - 1) ** 2, lambda w, b: {"w": 4 * (2 * w + b - 1), "b": 2 * (2 * w + b - 1)},
             {"w": 1.5, "b": -0.5}),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(("factor", "kind"), [(1.0, None), (-1.0, "sign"), (0.5, "factor 2"), (7.0, "missing 1/n")])
def test_functions_of_ones_own(name, factor, kind):
    loss, gradient, at = FUNCTIONS[name]

    def scaled(**numbers):
        told = gradient(**numbers)
        parts = told if isinstance(told, dict) else dict(zip(at, np.atleast_1d(told), strict=True))
        return {p: factor * value for p, value in parts.items()}

    found = tidu.audit(loss, scaled, at=at)
    assert {v.slip for v in found.verdicts.values()} == {kind}
    assert found.notes == ()


def test_a_function_of_an_array_and_one_that_is_only_measured():
    assert tidu.audit(lambda x: (x * x).sum(), lambda x: 2 * x, at=[1.0, 2.0, 3.0])
    found = tidu.audit(lambda x: 3 * x**2, lambda x: 6.0, at=1.0)
    assert found.verdicts["x"].slip == "forgotten factor"
    measured = tidu.audit(lambda x: np.sin(float(x)), lambda x: -np.cos(x), at=0.3)
    assert measured.verdicts["x"].slip == "sign"
    assert len(measured.notes) == 1


def test_what_is_wrong_is_a_sentence():
    with pytest.raises(FormulaError, match="outside of mean"):
        tidu.audit("y = w*x", DATA, {"w": "2*(w*x - y)*x"})
    with pytest.raises(SettingError, match="no parameter 'v'"):
        tidu.audit("y = w*x", DATA, {"v": "mean(x)"})
    with pytest.raises(SettingError, match="needs your gradient"):
        tidu.audit("y = w*x", DATA)
    with pytest.raises(SettingError, match="needs a point"):
        tidu.audit(lambda w: w, lambda w: 1.0)
    with pytest.raises(SettingError, match="finite at no point"):
        tidu.audit("y = w*x", DATA, {"w": "mean(log(0*x - 1))"})
    with pytest.raises((DataError, SettingError)):
        tidu.audit("y = w*x", {"x": [], "y": []}, {"w": "mean(x)"})


def test_the_command(tmp_path, capsys):
    use_language("en")
    path = tmp_path / "points.csv"
    path.write_text("x,y\n0,1\n1,3\n2,5.5\n4,9\n")
    command = ["audit", str(path), "y = w*x + b"]
    assert cli.run([*command, "--hand", "w: mean(2*(w*x+b-y)*x)", "--hand", "b: mean(2*(w*x+b-y))"]) == 0
    assert "w: right" in capsys.readouterr().out
    assert cli.run([*command, "--hand", "w: mean((w*x+b-y)*x)", "--at", "w=1,b=0", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["right"] is False
    assert told["verdicts"]["w"]["slip"] == "factor 2"
    assert {"right", "slip", "said", "largest_difference"} <= told["verdicts"]["w"].keys()
    assert cli.run([*command, "--hand", "mean(x)"]) == 2
    assert cli.run([*command, "--hand", "w: mean(q*x)"]) == 2
