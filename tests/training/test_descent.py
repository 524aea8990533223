"""The descent: the same bits as a loop written by hand, wherever it is cut into slices, and however it ends."""

import gc
import math
import signal
import threading
import time

import numpy as np
import pytest
import torch

import tidu
from cut import fit_in_slices
from tidu.errors import MissingValues
from tidu.training import training
from tidu.training.callbacks import Advanced, Began, Diverged, Ended, EpochEnded, Stop
from tidu.training.loops import loop as loops
from tidu.training.orders import order_of_epoch
from tidu.training.training import Budget

RNG = np.random.default_rng(42)
X = RNG.uniform(-1, 2, 10)
DATA = {"x": X, "y": 3 * X - 1 + RNG.normal(0, 0.1, 10)}
LINE = "y = w*x + b"
CURVE = "y = a*exp(-b*x) + c"


def by_hand(
    batch_size, shuffle, epochs, each="epoch", lr=0.05, seed=7, l1=0.0, l2=0.0, clip_norm=None, clip_value=None
):
    """Mini-batch descent on LINE, as one writes it with NumPy's random numbers: a row for each epoch or step."""
    x, y, n = DATA["x"], DATA["y"], len(DATA["x"])
    w = b = 0.0
    rows = []
    for epoch in range(epochs):
        order = np.random.default_rng([seed, epoch]).permutation(n) if shuffle and batch_size < n else np.arange(n)
        epoch_loss = 0.0
        for start in range(0, n, batch_size):
            batch = order[start : start + batch_size]
            loss_sum = grad_w = grad_b = 0.0
            for i in batch:
                residual = w * x[i] + b - y[i]
                loss_sum += residual * residual
                grad_w += 2 * residual * x[i]
                grad_b += 2 * residual
            grad_w, grad_b = grad_w / len(batch), grad_b / len(batch)
            if l1 or l2:
                grad_w += l1 * np.sign(w) + l2 * w
            if clip_value is not None:
                grad_w, grad_b = np.clip([grad_w, grad_b], -clip_value, clip_value)
            norm = np.sqrt(grad_w * grad_w + grad_b * grad_b)
            if clip_norm is not None and norm > clip_norm:
                grad_w, grad_b = grad_w * (clip_norm / norm), grad_b * (clip_norm / norm)
            w, b = w - lr * grad_w, b - lr * grad_b
            epoch_loss += loss_sum
            norm = np.sqrt(grad_w * grad_w + grad_b * grad_b)
            if each == "step":
                rows.append([loss_sum / len(batch), norm, lr, w, b, grad_w, grad_b])
        if each == "epoch":
            rows.append([epoch_loss / n, norm, lr, w, b, grad_w, grad_b])
    return np.array(rows)


def fitted(formula=LINE, data=DATA, budget=None, **options):
    given = {"lr": 0.05, "seed": 7, "epochs": 6, **options}
    return tidu.fit(formula, data, **given) if budget is None else fit_in_slices(formula, data, budget, **given)


def one_step_at_a_time(**options):
    return fitted(budget=Budget(steps=1), **options)


def same_bits(a, b):
    return a.shape == b.shape and a.tobytes() == b.tobytes()


# -- what a step is -------------------------------------------------------------------------------
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("batch_size", [1, 3, 4, 5, 10])
def test_mini_batches_are_those_of_the_hand_written_loop(batch_size, shuffle):
    run = fitted(batch_size=batch_size, shuffle=shuffle)
    assert same_bits(run.history.values, by_hand(batch_size, shuffle, 6))
    assert run.steps == 6 * math.ceil(10 / batch_size)


def test_no_batch_size_is_the_whole_set_in_its_order():
    assert same_bits(fitted(batch_size=None, shuffle=True).history.values, by_hand(10, False, 6))


@pytest.mark.parametrize(
    "extra", [{"clip_value": 0.7}, {"clip_norm": 0.9}, {"clip_value": 1.5, "clip_norm": 0.9}], ids=str
)
def test_clipping_is_that_of_the_hand_written_loop(extra):
    bound = by_hand(3, True, 6, **extra)
    assert not np.allclose(bound, by_hand(3, True, 6), rtol=1e-3)  # it does bound something
    np.testing.assert_allclose(fitted(batch_size=3, **extra).history.values, bound, rtol=1e-12)


@pytest.mark.parametrize("extra", [{"l1": 0.3}, {"l2": 0.5}, {"l1": 0.3, "l2": 0.5}], ids=str)
def test_penalties_are_those_of_the_hand_written_loop(extra):
    run = fitted(batch_size=3, penalise=["w"], **extra)
    np.testing.assert_allclose(run.history.values, by_hand(3, True, 6, **extra), rtol=1e-12)


def test_all_parameters_are_penalised_by_default():
    run = fitted(l2=1.0, epochs=2000)
    best = np.linalg.solve(
        2 * np.array([[np.mean(X * X), X.mean()], [X.mean(), 1]]) + np.eye(2),
        2 * np.array([np.mean(X * DATA["y"]), np.mean(DATA["y"])]),
    )
    assert list(run.params.values()) == pytest.approx(list(best), rel=1e-9)
    assert fitted(l2=1.0, penalise="w", epochs=9).params == fitted(l2=1.0, penalise=["w"], epochs=9).params


@pytest.mark.parametrize(
    ("optimizer", "theirs"),
    [
        ("gd", lambda p: torch.optim.SGD(p, lr=0.005)),
        ("momentum(momentum=0.8)", lambda p: torch.optim.SGD(p, lr=0.005, momentum=0.8)),
        ("adam", lambda p: torch.optim.Adam(p, lr=0.005)),
    ],
)
def test_torch_agrees_on_every_step(optimizer, theirs):
    run = fitted(CURVE, batch_size=4, optimizer=optimizer, init={"a": 1}, lr=0.005, record="step", epochs=20)
    x, y = (torch.tensor(DATA[k], dtype=torch.float64) for k in "xy")
    a, b, c = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (1.0, 0.0, 0.0))
    step_of = theirs([a, b, c])
    rows = []
    for epoch in range(20):
        for batch in np.split(order_of_epoch(7, epoch, 10), [4, 8]):
            step_of.zero_grad()
            loss = ((a * torch.exp(-b * x[batch]) + c - y[batch]) ** 2).mean()
            loss.backward()
            grads = [p.grad.item() for p in (a, b, c)]
            step_of.step()
            rows.append([loss.item(), math.hypot(*grads), 0.005, *(p.item() for p in (a, b, c)), *grads])
    # Another order of summation and another exp: 1e-12 of the largest number is what 60 steps leave of rounding.
    np.testing.assert_allclose(run.history.values, rows, rtol=1e-12, atol=1e-12)


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    first, again, other = (fitted(CURVE, batch_size=3, seed=seed, init={"a": "normal(0, 1)"}) for seed in (1, 1, 2))
    assert same_bits(first.history.values, again.history.values)
    assert first.start == again.start
    assert not np.any(first.history.values[:, 3:] == other.history.values[:, 3:])


def test_the_order_alone_follows_the_seed():
    first, other = (fitted(batch_size=3, seed=seed) for seed in (1, 2))
    assert first.start == other.start
    assert first.params != other.params
    assert fitted(batch_size=3, seed=1, shuffle=False).params == fitted(batch_size=3, seed=2, shuffle=False).params


# -- slices ---------------------------------------------------------------------------------------
SHAPES = [
    {"batch_size": None},
    {"batch_size": 1},
    {"batch_size": 3},
    {"batch_size": 3, "shuffle": False},
    {"batch_size": 4, "record": "step", "optimizer": "adam"},
    {"batch_size": 1, "tol": 0.03},
    {"batch_size": 3, "until_loss": 0.5, "optimizer": "momentum"},
    {"batch_size": 4, "steps": 13},
    {"batch_size": 3, "lr": "0.1*warmup(5)/(1 + 0.1*epoch)", "steps": 17},
    {"batch_size": 3, "lr": 2.0, "epochs": 200},  # diverges in mid-epoch
    {"batch_size": 1, "lr": 2.0, "record": "step", "epochs": 200},
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_where_the_slices_are_cut_changes_no_bit(shape):
    def end(steps):
        formula = CURVE if "lr" not in shape else LINE
        run = fitted(formula, budget=Budget(steps=steps), init={"b": 0.1}, **{"epochs": 12, **shape})
        history = run.history
        numbers = [history.values.tobytes(), history.epoch.tolist(), history.step.tolist()]
        return [*numbers, run.params, run.optimizer_state, run.stopped, run.epochs, run.steps, run.notes]

    whole = end(10**9)
    assert end(1) == whole
    assert end(3) == whole
    assert end(7) == whole


@pytest.mark.parametrize("shape", [{"batch_size": 3, "optimizer": "adam", "tol": 1e-9}, {"lr": 2.0}], ids=str)
def test_the_compiled_loop_gives_the_same_bits_in_slices_too(shape):
    plain = fitted(**{"epochs": 300, **shape}, engine="python")
    compiled = fitted(budget=Budget(steps=7), **{"epochs": 300, **shape}, engine="compiled")
    assert (compiled.engine, plain.engine) == ("compiled", "python")
    assert same_bits(compiled.history.values, plain.history.values)
    for name in ("params", "optimizer_state", "stopped", "epochs", "steps", "notes"):
        assert getattr(compiled, name) == getattr(plain, name)


def test_orders_held_in_parts_change_no_bit(monkeypatch):
    whole = fitted(batch_size=3, epochs=40)
    monkeypatch.setattr(loops, "MOST_ORDERED", 25)  # two epochs at a time
    assert same_bits(fitted(batch_size=3, epochs=40).history.values, whole.history.values)


def test_callbacks_are_told_of_every_slice():
    told = []
    run = one_step_at_a_time(batch_size=5, epochs=4, callbacks=told.append)
    assert [type(event) for event in told] == [Began, *[Advanced] * 8, Ended]
    advanced = told[1:-1]
    assert [event.steps for event in advanced] == list(range(1, 9))
    assert {event.steps_in_all for event in advanced} == {8}
    assert math.isnan(advanced[0].loss)
    assert [event.loss for event in advanced[1::2]] == run.history.loss.tolist()
    assert same_bits(np.concatenate([event.rows for event in advanced]), run.history.values)
    assert told[0].problem.settings == run.settings
    assert told[-1].state == run.state == advanced[-1].state


def test_slices_that_are_held_small_do_not_pile_up_wishes(monkeypatch):
    monkeypatch.setattr(loops, "MOST_ORDERED", 10)  # one epoch at a time, far faster than a slice may take
    assert fitted(batch_size=5, epochs=1200).stopped == "epochs"


def test_slices_grow_until_they_take_their_time():
    told = []
    fitted(epochs=20_000, callbacks=told.append)
    assert told[-2].steps == 20_000
    assert len(told) < 200


# -- how it ends ----------------------------------------------------------------------------------
def test_epochs_and_steps_bound_it_whichever_comes_first():
    ends = [
        ({"epochs": 3}, "epochs", 3, 12),
        ({"epochs": None, "steps": 10}, "steps", 2, 10),
        ({"epochs": 2, "steps": 100}, "epochs", 2, 8),
        ({"epochs": 100, "steps": 5}, "steps", 1, 5),
        ({"epochs": 2, "steps": 8}, "epochs", 2, 8),
    ]
    for bounds, stopped, epochs, steps in ends:
        run = fitted(batch_size=3, **bounds)
        assert (run.stopped, run.epochs, run.steps) == (stopped, epochs, steps)


@pytest.mark.parametrize("shuffle", [True, False])
def test_an_epoch_that_is_not_finished_has_a_row_of_its_own(shuffle):
    run = fitted(batch_size=4, shuffle=shuffle, epochs=None, steps=8)
    every = fitted(batch_size=4, shuffle=shuffle, epochs=None, steps=8, record="step")
    assert run.history.epoch.tolist() == [0, 1, 2]
    assert run.history.step.tolist() == [2, 5, 7]
    # Steps of 4, 4 and 2 rows; the last epoch has seen two steps of 4.
    sizes = np.array([4, 4, 2])
    losses = every.history.loss
    expected = [losses[:3] @ sizes / 10, losses[3:6] @ sizes / 10, losses[6:] @ sizes[:2] / 8]
    np.testing.assert_allclose(run.history.loss, expected, rtol=1e-14)  # sums in another order
    assert same_bits(run.history.values[:, 1:], every.history.values[[2, 5, 7], 1:])


def test_a_row_a_step_tells_of_the_same_run():
    epochs, steps = (fitted(batch_size=3, record=record) for record in ("epoch", "step"))
    assert steps.params == epochs.params
    assert steps.history.epoch.tolist() == [k // 4 for k in range(24)]
    assert steps.history.step.tolist() == list(range(24))
    assert same_bits(steps.history.values[3::4, 3:], epochs.history.values[:, 3:])


@pytest.mark.parametrize("batch_size", [None, 1, 3])
def test_until_loss_stops_after_the_first_epoch_below_it(batch_size):
    whole = fitted(batch_size=batch_size, epochs=100).history
    bound = float(whole.loss[40])
    run = fitted(batch_size=batch_size, epochs=100, until_loss=bound)
    first = int(np.flatnonzero(whole.loss < bound)[0])  # below, not at
    assert (run.stopped, run.epochs) == ("loss", first + 1)
    assert same_bits(run.history.values, whole.values[: first + 1])


@pytest.mark.parametrize("batch_size", [None, 1, 3])
def test_tol_stops_after_the_first_epoch_in_which_nothing_moves_by_more(batch_size):
    whole = fitted(batch_size=batch_size, epochs=100, shuffle=False).history
    points = np.column_stack([np.r_[0.0, whole[p]] for p in whole.parameters])
    moved = np.abs(np.diff(points, axis=0)).max(axis=1)
    tol = float(moved[20])
    run = fitted(batch_size=batch_size, epochs=100, shuffle=False, tol=tol)
    first = int(np.flatnonzero(moved <= tol)[0])
    assert first > 0
    assert (run.stopped, run.epochs) == ("converged", first + 1)
    assert same_bits(run.history.values, whole.values[: first + 1])


def test_a_start_at_the_minimum_converges_at_once():
    run = tidu.fit("y = w*x", {"x": [1, 2], "y": [2, 4]}, init={"w": 2}, tol=0)
    assert (run.stopped, run.epochs, run.params["w"]) == ("converged", 1, 2)


# -- divergence -----------------------------------------------------------------------------------
@pytest.mark.parametrize("batch_size", [None, 1, 3])
def test_divergence_stops_at_the_first_bad_step_with_the_last_good_state(batch_size):
    with np.errstate(over="ignore", invalid="ignore"):
        hand = by_hand(batch_size or 10, True, 800, each="step", lr=5.0)
        # Good: the step and what it led to are finite, and so is the cost there.
        costs = [np.mean((w * X + b - DATA["y"]) ** 2) for w, b in hand[:, 3:5]]
    bad = int(np.flatnonzero(~np.isfinite(hand[:, [0, 3, 4]]).all(axis=1))[0])
    good = int(np.flatnonzero(np.isfinite(costs[:bad]))[-1]) + 1
    run = fitted(batch_size=batch_size, lr=5.0, record="step", epochs=800)
    assert run.stopped == "diverged"
    assert run.diverged
    assert run.steps == good
    assert run.epochs == good // {None: 1, 1: 10, 3: 4}[batch_size]
    assert same_bits(run.history.values, hand[:good])
    assert list(run.params.values()) == hand[good - 1, 3:5].tolist()
    assert math.isfinite(run.metrics["mse"])
    note, limit = run.notes
    assert "above the limit" in limit
    assert note.startswith(f"diverged: step {good + 1} is not finite")
    assert "5.0" in note


@pytest.mark.parametrize("batch_size", [None, 1, 3])
def test_a_row_an_epoch_tells_of_the_same_divergence(batch_size):
    settings = {"batch_size": batch_size, "lr": 2.0, "epochs": 400}
    run, every = fitted(**settings), fitted(**settings, record="step")
    assert run.stopped == every.stopped == "diverged"
    assert (run.params, run.steps, run.epochs) == (every.params, every.steps, every.epochs)
    assert same_bits(run.history.values[-1, 1:], every.history.values[-1, 1:])
    assert len(run.history) == run.epochs + bool(batch_size and run.steps % math.ceil(10 / batch_size))


@pytest.mark.parametrize(
    ("formula", "x"),
    [
        ("y = a/x + b", 0.0),
        ("y = a*exp(-b*x)", -1e6),
        ("y = a*x**b", -1.5),
        ("y = a*x**(b - 3)", 0.0),
        ("y = b*x*1e308 + a", 10.0),
        ("y = log(b*x) + a", -1.0),
        ("y = sqrt(b*x) + a", -1.0),
        ("y = asin(b*x) + a", 2.0),
        ("y = acosh(b*x) + a", 0.1),
        ("y = atanh(b*x) + a", 0.4),
        ("y = sinh(b*x) + a", 800.0),
        ("y = (b*x)**200 + a", 1e30),
    ],
)
def test_numbers_that_leave_the_real_line_are_a_divergence_never_an_exception(formula, x):
    data = {"x": [0.15, x, 0.2] if x == 0.4 else [1.0, x, 2.0], "y": [1.0, 2.0, 3.0]}
    for batch_size in (None, 1):
        run = tidu.fit(formula, data, init={"a": 1, "b": 2.5}, batch_size=batch_size, shuffle=False, record="step")
        assert run.stopped == "diverged"
        assert all(map(math.isfinite, run.params.values()))
        assert run.steps == len(run.history) <= (0 if batch_size is None else 1)
        run.predict(data)
        run.to_dict()
    whole = tidu.fit(formula, data, init={"a": 1, "b": 2.5}, epochs=3)
    assert dict(whole.params) == dict(whole.start) == {"a": 1, "b": 2.5}
    assert math.isnan(whole.loss)
    assert any(note.startswith("step 1 is not finite: in row ") for note in whole.notes)


@pytest.mark.parametrize(
    ("formula", "x"),
    [
        ("y = b*x**-2 + a", 0.0),
        ("y = b*exp(1000*x) + a", 1.0),
        ("y = a*sinh(x) + b", 800.0),
        ("y = b*log(x) + a", -1.0),
        ("y = b*log(x) + a", 0.0),
        ("y = b*log1p(x) + a", -2.0),
        ("y = b*log2(x) + b*log10(x) + a", -1.0),
        ("y = b*x**0.5 + a", -1.0),
        ("y = b*atanh(x) + a", 1.0),
        ("y = b*x**200 + a", 1e30),
        ("y = a*tan(1/x) + b", 0.0),
    ],
)
def test_what_is_not_finite_of_the_columns_alone_is_told_before_training(formula, x):
    with pytest.raises(MissingValues, match="in row 2, where x = "):
        tidu.fit(formula, {"x": [0.5, x, 0.25], "y": [1.0, 2.0, 3.0]}, init={"a": 1, "b": 2.5})


def test_a_formula_that_only_training_takes_out_of_its_domain():
    data = {"x": [1.0, 2.0], "y": [-3.0, -2.0]}
    run = tidu.fit("y = log(w*x)", data, init={"w": 1}, lr=0.05, epochs=500, record="step")
    assert run.stopped == "diverged"
    assert 0 < run.steps == len(run.history)
    assert run.params["w"] == run.history["w"][-1] > 0  # the step after it is below 0, where there is no logarithm
    assert math.isfinite(run.loss)


@pytest.mark.parametrize("slice_steps", [10**9, 1])
def test_one_sample_that_is_always_bad_leaves_the_steps_before_it(slice_steps, monkeypatch):
    rows = 3000
    data = {"x": np.r_[np.linspace(1, 2, rows), 0.0], "y": np.ones(rows + 1)}
    passes = []
    count = training.cost_is_finite
    monkeypatch.setattr(training, "cost_is_finite", lambda *given: passes.append(1) or count(*given))
    settings = {"batch_size": 1, "shuffle": False, "epochs": 2, "lr": 0.01}
    run, every = (
        fit_in_slices("y = a/x + b", data, Budget(steps=slice_steps), record=record, **settings)
        for record in ("epoch", "step")
    )
    assert len(passes) <= 2 * (training.MOST_BACK + 1)  # not a pass over the data for each of the steps
    assert (every.stopped, every.steps, len(every.history)) == ("diverged", rows, rows)
    assert f"step {rows + 1} is not finite" in every.notes[0]
    # The row of the unfinished epoch tells of its last good step, not of the bad one.
    assert (run.params, run.steps, len(run.history)) == (every.params, rows, 1)
    assert same_bits(run.history.values[-1, 1:], every.history.values[-1, 1:])


# -- Ctrl-C ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("batch_size", [None, 3])
def test_an_interrupt_in_a_callback_keeps_the_state(batch_size):
    def interrupt(event):
        if isinstance(event, Advanced) and event.steps == 5:
            raise KeyboardInterrupt

    run = one_step_at_a_time(batch_size=batch_size, callbacks=interrupt, epochs=100)
    assert (run.stopped, run.steps) == ("interrupted", 5)
    twin = fitted(batch_size=batch_size, epochs=None, steps=5)
    assert run.params == twin.params
    assert same_bits(run.history.values, twin.history.values)


def test_an_interrupt_inside_the_loop_loses_only_its_slice(monkeypatch):
    whole = loops.Loop.run

    def run_or_interrupt(self, state, *rest):
        new = whole(self, state, *rest)
        if new[0].step == 7:
            raise KeyboardInterrupt
        return new

    monkeypatch.setattr(loops.Loop, "run", run_or_interrupt)
    run = one_step_at_a_time(batch_size=3, epochs=100)
    monkeypatch.undo()
    assert (run.stopped, run.steps) == ("interrupted", 6)
    assert run.params == fitted(batch_size=3, epochs=None, steps=6).params


def test_an_interrupt_after_the_last_step_does_not_undo_the_end():
    def interrupt(event):
        if isinstance(event, Advanced) and event.steps == event.steps_in_all:
            raise KeyboardInterrupt

    assert one_step_at_a_time(callbacks=interrupt).stopped == "epochs"


def test_an_interrupt_before_the_first_slice_ends_is_a_run_of_no_steps(monkeypatch):
    def interrupt(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(loops.Loop, "run", interrupt)
    run = fitted(init={"w": 2})
    assert (run.stopped, run.steps, len(run.history)) == ("interrupted", 0, 0)
    assert run.params == {"w": 2, "b": 0}
    run.to_dict()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers on this system")
@pytest.mark.parametrize("engine", ["python", "compiled"])
def test_a_real_signal_ends_a_long_run_soon(engine):
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals reach the main thread only")

    def ctrl_c(_number, _frame):
        raise KeyboardInterrupt

    began = []

    def watch(event):  # the first slice is done, and compiled
        if isinstance(event, Advanced) and not began:
            began.append(time.perf_counter())
            signal.setitimer(signal.ITIMER_REAL, 0.1)

    before = signal.signal(signal.SIGALRM, ctrl_c)
    gc.collect()  # an exception in the callback of a weak reference would be lost: leave none to be called
    gc.disable()
    try:
        run = fitted(batch_size=3, epochs=10**9, engine=engine, callbacks=watch)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.enable()
    assert time.perf_counter() - began[0] < 30
    assert run.stopped == "interrupted"
    assert run.steps > 0
    assert run.params == fitted(batch_size=3, epochs=None, steps=run.steps, engine=engine).params


# -- callbacks ------------------------------------------------------------------------------------
def test_a_callback_that_raises_ends_the_run_whose_state_is_kept():
    def careless(event):
        if isinstance(event, Advanced) and event.steps == 5:
            raise ZeroDivisionError("mine")

    run = one_step_at_a_time(callbacks=careless)
    assert (run.stopped, run.steps) == ("interrupted", 5)
    assert isinstance(run.error, ZeroDivisionError)
    assert "careless raised ZeroDivisionError: mine" in run.notes[-1]
    assert run.params == fitted(epochs=5).params


def test_a_callback_may_ask_to_stop_and_say_why():
    def enough(event):
        return Stop("patience", "no better for three epochs") if isinstance(event, Advanced) else None

    run = one_step_at_a_time(batch_size=3, callbacks=enough)
    assert (run.stopped, run.steps, run.notes[-1]) == ("patience", 1, "no better for three epochs")


@pytest.mark.parametrize("batch_size", [None, 1, 3])
def test_who_wants_every_epoch_is_told_of_every_epoch(batch_size):
    class Listener:
        each_epoch = True

        def __init__(self):
            self.ended = []

        def __call__(self, event):
            if isinstance(event, EpochEnded):
                self.ended.append(event)

    listener = Listener()
    run = fitted(batch_size=batch_size, epochs=9, callbacks=listener)
    assert [event.epoch for event in listener.ended] == list(range(9))
    assert [event.loss for event in listener.ended] == run.history.loss.tolist()
    assert [event.state.parameters[0] for event in listener.ended] == run.history["w"].tolist()
    assert same_bits(run.history.values, fitted(batch_size=batch_size, epochs=9).history.values)


def test_a_divergence_is_told():
    told = []
    run = fitted(lr=5.0, epochs=800, callbacks=told.append)
    (diverged,) = [event for event in told if isinstance(event, Diverged)]
    assert (diverged.step, diverged.state) == (run.steps + 1, run.state)
