"""`Training.advance`: the one way forward, from a state that can be kept and read anywhere, to the same bits."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import tidu
from tidu.content.losses import LOSSES
from tidu.content.optimizers import OPTIMIZERS
from tidu.training.fit import run_of
from tidu.training.problem import Problem
from tidu.training.state import TrainingState
from tidu.training.training import Budget, Execution, Training

random = np.random.default_rng(1)
ROWS = 11
X, Z = random.normal(size=(2, ROWS))
REAL = np.sin(2 * X) + 0.2 * Z
TARGETS = {
    "softmax": np.array(["a", "b", "c"])[np.digitize(REAL, [-0.3, 0.3])],
    "poisson": np.round(np.abs(3 * REAL)),
    **dict.fromkeys(("logistic", "hinge", "perceptron"), (REAL > 0) * 1),
}
CURVE = "y = tanh(a*x + b) + c*z"
NETWORK = "y = mlp(x, z, hidden=[3], activation='tanh')"
EVERYTHING = bool(os.environ.get("TIDU_TEST_EVERYTHING"))


def problem_of(loss, optimizer, formula=CURVE, **settings) -> Problem:
    data = {"x": X, "z": Z, "y": TARGETS.get(loss, REAL)}
    given = {"loss": loss, "optimizer": optimizer, "lr": 0.02, "seed": 3, "batch_size": 4, "epochs": 3}
    return Problem.read(formula, data, given | settings)


def numbers_of(state: TrainingState) -> list[bytes]:
    return [np.asarray(v).tobytes() for name, v in sorted(state.to_arrays().items())]


def in_steps(problem: Problem, execution: Execution, kept) -> tuple[TrainingState, np.ndarray, str]:
    """The end of a training, one step at a time, each in a training of its own, from a state through `kept`."""
    with Training(problem, execution) as training:
        state = training.start()
    rows, why = [], ""
    while not why:
        with Training(problem, execution) as training:
            before = state.step
            state, new, why = training.advance(kept(state), Budget(steps=1))
            state = training.on_host(state)
            rows.append(new)
            assert why or state.step == before + 1
    with Training(problem, execution) as training:
        return state, training.history(np.concatenate(rows), state).values, why


def through_json(state: TrainingState) -> TrainingState:
    return TrainingState.of_dict(json.loads(json.dumps(state.to_dict())))


def through_arrays(state: TrainingState) -> TrainingState:
    return TrainingState.of_arrays({name: array.copy() for name, array in state.to_arrays().items()})


def assert_cut_is_whole(problem: Problem, execution: Execution) -> None:
    whole = run_of(problem, execution)
    for kept in (through_json, through_arrays):
        state, values, why = in_steps(problem, execution, kept)
        assert numbers_of(state) == numbers_of(whole.state)
        assert why == whole.stopped
        np.testing.assert_array_equal(values, whole.history.values)


# -- where it is cut -------------------------------------------------------------------------------
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", [name for name in LOSSES if name != "softmax"])
def test_every_loss_and_optimizer_cut_at_every_step(loss, optimizer):
    assert_cut_is_whole(problem_of(loss, optimizer), Execution("python"))


@pytest.mark.parametrize("engine", ["python", "compiled", "array"])
@pytest.mark.parametrize("loss", LOSSES if EVERYTHING else ["squared", "softmax"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS if EVERYTHING else ["gd", "adam"])
def test_networks_cut_at_every_step(engine, loss, optimizer):
    assert_cut_is_whole(problem_of(loss, optimizer, NETWORK), Execution(engine))


@pytest.mark.parametrize("engine", ["compiled", "array"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"batch_size": None},
        {"batch_size": 1, "tol": 1e-3},
        {"shuffle": False, "until_loss": 0.3},
        {"record": "step", "optimizer": "adam", "tol": 1e-9},
        {"lr": "0.1*warmup(3)/(1 + epoch)", "optimizer": "nadam"},
        {"lr": 1e3, "epochs": 30, "formula": "y = a*x + b"},  # diverges
        {"scale": True, "lr": 0.3, "optimizer": "momentum", "tol": 1e-12},
    ],
    ids=str,
)
def test_every_engine_cut_at_every_step(engine, settings):
    given = {"loss": "squared", "optimizer": "gd"} | settings
    problem = problem_of(**given)
    if problem.settings.scale:
        run = tidu.fit(CURVE, {"x": X, "z": Z, "y": REAL}, **scaled(problem), engine=engine)
        problem = problem.rescaled(run.problem.rescaling)
    assert_cut_is_whole(problem, Execution(engine))


def scaled(problem: Problem) -> dict[str, object]:
    s = problem.settings
    names = ("loss", "optimizer", "lr", "seed", "batch_size", "epochs", "tol", "scale")
    return {name: getattr(s, name) for name in names}


_ANOTHER_PROCESS = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from test_training import problem_of
from tidu.training.state import TrainingState
from tidu.training.training import Budget, Execution, Training
with Training(problem_of(sys.argv[2], sys.argv[3], batch_size=4), Execution(sys.argv[4])) as training:
    with np.load(sys.argv[5], allow_pickle=False) as kept:
        state = TrainingState.of_arrays(dict(kept))
    state, rows, why = training.advance(state, Budget(steps=int(sys.argv[6])))
    np.savez(sys.argv[5], **training.on_host(state).to_arrays())
"""


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("loss", "optimizer", "engine"), [("squared", "adam", "python"), ("huber", "nesterov", "compiled")]
)
def test_a_state_is_read_and_advanced_by_another_process(loss, optimizer, engine, tmp_path):
    problem, file = problem_of(loss, optimizer), tmp_path / "state.npz"
    with Training(problem, Execution(engine)) as training:
        np.savez(file, **training.start().to_arrays())
    for steps in (1, 3, 5):  # of 9, in processes of their own; the second epoch is cut in its middle
        here = os.path.dirname(__file__)
        command = [sys.executable, "-c", _ANOTHER_PROCESS, here, loss, optimizer, engine, str(file), str(steps)]
        subprocess.run(command, check=True)
    with np.load(file, allow_pickle=False) as kept:
        state = TrainingState.of_arrays(dict(kept))
    assert numbers_of(state) == numbers_of(run_of(problem, Execution(engine)).state)


def test_a_budget_of_seconds_makes_at_least_one_step():
    with Training(problem_of("squared", "gd", epochs=10**6)) as training:
        state, _rows, why = training.advance(training.start(), Budget(seconds=0.0))
        assert (state.step > 0, why) == (True, "")


def test_the_same_call_gives_the_same_state():
    with Training(problem_of("squared", "adam")) as training:
        first = training.advance(training.start(), Budget(steps=5))
        training.advance(first.state, Budget(steps=2))
        again = training.advance(training.start(), Budget(steps=5))
    assert numbers_of(first.state) == numbers_of(again.state)


# -- read once, derived once -----------------------------------------------------------------------
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"lr": "auto"},
        {"lr": "0.1*warmup(3)"},
        {"optimizer": "auto"},
        {"optimizer": "lm"},
        {"optimizer": "adam", "lr": "auto"},
        {"batch_size": 2, "test_size": 0.3},
    ],
    ids=str,
)
def test_a_fit_reads_and_derives_its_formula_once(monkeypatch, settings):
    from tidu.engines import program
    from tidu.training import settings as module

    counts = {"read": 0, "derived": 0, "rates": 0}

    def counted(name, function):
        def call(*args, **kwargs):
            counts[name] += 1
            return function(*args, **kwargs)

        return call

    monkeypatch.setattr(module, "parse_formula", counted("read", module.parse_formula))
    monkeypatch.setattr(program, "_program", counted("derived", program._program))
    module._formula_read.cache_clear()
    given = {"epochs": 5, **settings} if settings.get("optimizer") not in ("lm", "auto") else settings
    run = tidu.fit(CURVE, {"x": X, "z": Z, "y": REAL}, init={"a": 0.5, "c": 0.1}, **given)
    run.predict({"x": X, "z": Z})
    run.latex()
    assert (counts["read"], counts["derived"]) == (1, 1)
    tidu.fit(CURVE, {"x": X, "z": Z, "y": REAL}, init={"a": 0.5, "c": 0.1}, **given)
    assert (counts["read"], counts["derived"]) == (1, 1)  # what was read and derived is kept


def test_the_text_of_a_rate_is_read_once(monkeypatch):
    from tidu.training import settings as module

    read = []
    monkeypatch.setattr(module, "rate", lambda given, rate=module.rate: read.append(given) or rate(given))
    tidu.fit("y = a*x", {"x": X, "y": REAL}, lr="0.1*warmup(3)", epochs=2)
    assert read == ["0.1*warmup(3)"]


# -- under scale -----------------------------------------------------------------------------------
def test_the_optimizers_state_is_that_of_the_parameters_it_is_told_for():
    given = {"optimizer": "momentum", "lr": 0.3, "scale": True}
    run, more = (tidu.fit(CURVE, {"x": X, "z": Z, "y": REAL}, epochs=epochs, **given) for epochs in (5, 6))
    basis = run.problem.rescaling
    assert list(run.optimizer_state) == [f"v_{name}_scaled" for name in run.params]
    u, velocity = np.array(run.state.parameters), np.array(list(run.optimizer_state.values()))
    np.testing.assert_array_equal(list(run.params.values()), basis.start + basis.matrix @ u)
    # The next step by hand, in the rescaled parameters: the gradient there is the user's times the matrix.
    gradient = np.array([more.history.gradient(name)[-1] for name in run.params]) @ basis.matrix
    expected = u - 0.3 * (0.9 * velocity + gradient)
    np.testing.assert_allclose(more.state.parameters, expected, rtol=1e-12, atol=1e-14)


# -- the trace -------------------------------------------------------------------------------------
@pytest.mark.parametrize("engine", ["python", "compiled"])
@pytest.mark.parametrize(
    ("formula", "settings"),
    [
        (CURVE, {}),
        (CURVE, {"batch_size": None, "l2": 0.1, "tol": 1e-9}),
        (CURVE, {"batch_size": 1, "lr": "0.1*warmup(3)"}),
        (NETWORK, {"clip_value": 0.05, "lr": "0.1*warmup(3)"}),
        (NETWORK, {"batch_size": 1, "shuffle": False}),
    ],
)
def test_the_trace_of_each_step_ends_where_the_next_begins(formula, settings, engine):
    problem = problem_of("squared", "adam", formula, **settings)
    with Training(problem, Execution(engine)) as training:
        state, why = training.start(), ""
        while not why:
            traced = training.trace(state)
            assert (traced.step, traced.epoch) == (state.step, state.epoch)
            state, _rows, why = training.advance(state, Budget(steps=1))
            for new, value in zip(training.on_host(state).parameters, traced.after.values(), strict=True):
                np.testing.assert_array_equal(new, value)
            for new, value in zip(training.on_host(state).optimizer, traced.state_after.values(), strict=True):
                np.testing.assert_array_equal(new, value)
        with pytest.raises(tidu.TiduError, match="the training ends after step"):
            training.trace(state)


def test_the_trace_has_the_rows_of_its_batch():
    with Training(problem_of("squared", "gd"), Execution("python")) as training:
        state = training.advance(training.start(), Budget(steps=1)).state
        order = np.random.default_rng([3, 0]).permutation(ROWS)
        row = int(order[5])
        traced = training.trace(state, [row])
        assert traced.count == 4
        assert [v.value for v in traced.of_row(row) if v.name in ("x_i", "y_hat")][-1] == pytest.approx(
            np.tanh(traced.before["a"] * X[row] + traced.before["b"]) + traced.before["c"] * Z[row], rel=1e-15
        )
        with pytest.raises(tidu.TiduError, match="not among the 4 rows"):
            training.trace(state, [int(order[0])])
