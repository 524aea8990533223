"""Certified answers: NIST StRD, from both published starts, through the command line."""

import json
import math

import pytest
from nist_problems import FOLDER, FORMULAS, problem

import tidu
from tidu.fronts import cli


def digits(found, certified):
    """How many leading digits are right (LRE)."""
    return 16.0 if found == certified else -math.log10(abs(found - certified) / abs(certified))


def test_every_data_set_has_its_formula():
    assert sorted(FORMULAS) == sorted(path.stem for path in FOLDER.glob("*.dat"))


@pytest.mark.sampled(8)
@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("name", FORMULAS)
def test_lm_has_the_certified_digits(name, start, tmp_path, capsys):
    p = problem(name)
    path = tmp_path / f"{name}.csv"
    path.write_text("y,x\n" + "\n".join(",".join(row) for row in p.rows) + "\n")
    init = ",".join(f"{k}={v!r}" for k, v in p.starts[start].items())
    assert cli.run(["fit", str(path), p.formula, "--optimizer", "lm", "--init", init, "--json"]) == 0
    got = json.loads(capsys.readouterr().out)
    # The values are certified to 11 digits, and rounded: 10 is what a right answer must show.
    assert min(digits(got["params"][b], v) for b, v in p.certified.items()) > 10
    assert min(digits(got["standard_errors"][b], v) for b, v in p.deviations.items()) > 9
    assert digits(got["residual_sum_of_squares"], p.residual_sum_of_squares) > 9
    assert digits(got["residual_standard_deviation"], p.residual_standard_deviation) > 9
    assert got["degrees_of_freedom"] == p.degrees_of_freedom
    assert got["stopped"] == "converged"


@pytest.mark.sampled(4)
@pytest.mark.parametrize("method", ["lbfgs", "newton"])
@pytest.mark.parametrize("name", FORMULAS)
def test_the_other_solvers_reach_the_same_minimum_from_the_near_start(name, method):
    p = problem(name)
    run = tidu.fit(p.formula, p.columns, optimizer=method, init=p.starts[1], engine="python")
    # The polish is the same; what is tested is that they get near enough for it.
    assert min(digits(run.params[b], v) for b, v in p.certified.items()) > 8
