"""Every optimizer against torch.optim, 200 steps on least squares, with its defaults and with other options."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
import torch

import tidu
from tidu.content.arguments import fraction, written
from tidu.content.optimizers import OPTIMIZERS, Optimizer, optimizer, optimizer_named
from tidu.language.calculus import gradient
from tidu.language.expr import constant, evaluate, symbol

# From parameters, learning rate and our options to torch's optimizer.
ORACLES = {
    "gd": lambda p, lr: torch.optim.SGD(p, lr),
    "momentum": lambda p, lr, momentum: torch.optim.SGD(p, lr, momentum=momentum),
    # torch refuses Nesterov without momentum, which is plain descent.
    "nesterov": lambda p, lr, momentum: torch.optim.SGD(p, lr, momentum=momentum, nesterov=momentum > 0),
    "adagrad": lambda p, lr, eps: torch.optim.Adagrad(p, lr, eps=eps),
    "rmsprop": lambda p, lr, rho, eps: torch.optim.RMSprop(p, lr, alpha=rho, eps=eps),
    "adadelta": lambda p, lr, rho, eps: torch.optim.Adadelta(p, lr, rho=rho, eps=eps),
    "adam": lambda p, lr, beta1, beta2, eps: torch.optim.Adam(p, lr, (beta1, beta2), eps),
    "adamw": lambda p, lr, beta1, beta2, eps, weight_decay: torch.optim.AdamW(p, lr, (beta1, beta2), eps, weight_decay),
    "amsgrad": lambda p, lr, beta1, beta2, eps: torch.optim.Adam(p, lr, (beta1, beta2), eps, amsgrad=True),
    "nadam": lambda p, lr, beta1, beta2, eps, momentum_decay: torch.optim.NAdam(
        p, lr, (beta1, beta2), eps, momentum_decay=momentum_decay
    ),
}
STEPS = 200
FEATURES = ("x1", "x2", "x3")
# So far away that the adaptive rules are still on their way after 200 steps: once they jump about the minimum with
# steps of full length, a rounding error grows to a step, and no two libraries agree for long.
START = (-20.0, -15.0, 17.0, 14.0)


def table(seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    columns = {name: random.normal(0, 1, 25) for name in FEATURES}
    return columns | {"y": sum(columns.values()) * 1.5 + random.normal(0, 0.5, 25) - 2.0}


def other_options(name: str, k: int) -> dict[str, float]:
    """Options drawn from their ranges, the same in every run."""
    random = np.random.default_rng(zlib.crc32(name.encode()) + k)
    draw = {
        "eps": lambda: 10.0 ** random.uniform(-9, -3),
        "weight_decay": lambda: random.uniform(0, 0.3),
        "momentum_decay": lambda: random.uniform(0, 0.1),
        "beta2": lambda: random.uniform(0.9, 0.9999),
        "rho": lambda: random.uniform(0.8, 0.99),
    }
    return {key: float(draw.get(key, lambda: random.uniform(0.0, 0.97))()) for key in OPTIMIZERS[name].options}


@pytest.fixture(autouse=True)
def _float64():
    """torch keeps some of an optimizer's own numbers (NAdam's product of momenta) in the default type."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def torch_path(name: str, lr: float, options: dict[str, float]) -> np.ndarray:
    weights = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    data = table()
    x = torch.tensor(np.column_stack([*(data[f] for f in FEATURES), np.ones(25)]), dtype=torch.float64)
    y = torch.tensor(data["y"], dtype=torch.float64)
    chosen = ORACLES[name]([weights], lr, **options)
    path = []
    for _ in range(STEPS):
        chosen.zero_grad()
        ((x @ weights - y) ** 2).mean().backward()
        chosen.step()
        path.append(weights.detach().numpy().copy())
    return np.array(path)


def our_path(name: str, lr: float, options: dict[str, float]) -> np.ndarray:
    run = tidu.fit(
        "y = w1*x1 + w2*x2 + w3*x3 + b",
        table(),
        optimizer=written(name, options),
        lr=lr,
        epochs=STEPS,
        record="step",
        init=dict(zip(("w1", "w2", "w3", "b"), START, strict=True)),
    )
    assert run.stopped == "epochs"
    return np.column_stack([run.history[p] for p in run.params])


def test_every_optimizer_has_an_oracle_and_every_oracle_an_optimizer():
    assert set(ORACLES) == set(OPTIMIZERS)


@pytest.mark.parametrize("k", [None, 0, 1])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_200_steps_are_those_of_torch(name, k):
    default = OPTIMIZERS[name].default_lr
    lr, options = (default, {}) if k is None else (default * (2 + k), other_options(name, k))
    full = {key: option.default for key, option in OPTIMIZERS[name].options.items()} | options
    ours, theirs = our_path(name, lr, full), torch_path(name, lr, full)
    assert np.ptp(ours, axis=0).min() > 1e-2  # it moves
    # Sums in another order differ by a few 1e-16 a step; the way down is a contraction and does not amplify that.
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)


# torch's SGD has no momentum unless it is asked for.
@pytest.mark.parametrize("name", [name for name, entry in OPTIMIZERS.items() if {*entry.options} - {"momentum"}])
def test_the_defaults_are_the_libraries(name):
    """An option that is left out has the default of torch's class, for those that torch gives the same name."""
    weights = [torch.zeros(1, requires_grad=True)]
    full = {key: option.default for key, option in OPTIMIZERS[name].options.items()}
    cls = type(ORACLES[name](weights, 0.1, **full))
    theirs = cls(weights, lr=0.1).defaults
    theirs |= dict(zip(("beta1", "beta2"), theirs.get("betas", ()), strict=False))
    theirs["rho"] = theirs.get("rho", theirs.get("alpha"))
    for key, value in full.items():
        assert value == theirs[key], key


W, G, T, LR = (
    symbol("w", "parameter"),
    symbol("g", "gradient"),
    symbol("t", "time"),
    symbol("lr", "hyper", positive=True),
)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_first_step_goes_against_the_gradient(name):
    chosen = optimizer_named(name)
    new, state = chosen.recorded(W, G, T, LR)
    hyper = {s: chosen.values[key] for key, s in chosen.hyper_symbols().items()}
    start = {symbol(f"{key}_w", "state"): value for key, value in chosen.state.items()}
    for g in (-3.0, 1e-3, 40.0):
        at = {W: 0.0, G: g, T: 1.0, LR: 0.1, **hyper, **start}
        assert evaluate(new, at) * g < 0.0
        assert set(state) == set(chosen.state)


@pytest.mark.parametrize("name", ["adam", "adamw", "amsgrad", "rmsprop", "adagrad"])
def test_a_zero_gradient_moves_nothing_and_is_no_zero_by_zero(name):
    data = {"x": [0.0, 0.0], "y": [1.0, 1.0]}
    run = tidu.fit("y = w*x", data, optimizer=name, epochs=3, init={"w": 0})
    assert run.params == {"w": 0.0}
    assert run.stopped == "epochs"


def test_a_rule_of_ones_own_is_recorded_with_its_state_and_options():
    try:

        @optimizer(state={"total": 1.0}, lr=0.5, keep=fraction(0.25))
        def sums(s, h):
            """A made-up rule."""
            s.total = h.keep * s.total + s.g
            s.w = s.w - h.lr * s.total * s.t

        run = tidu.fit("y = w*x", {"x": [1.0], "y": [0.0]}, optimizer="sums(keep=0.5)", epochs=2, init={"w": 8})
        first = 8 - 0.5 * (0.5 * 1 + 16)
        assert run.params["w"] == first - 0.5 * (0.5 * 16.5 + 2 * first) * 2
    finally:
        del OPTIMIZERS["sums"]


def test_state_that_is_not_declared_is_refused_by_name():
    def rule(s, h):
        s.w = s.w - h.lr * s.speed

    with pytest.raises(AttributeError, match="no 'speed'; declare it in @optimizer"):
        Optimizer("bad", rule, {}, 0.1, {}).recorded(W, G, T, LR)


def test_an_update_can_be_differentiated():
    """By its learning rate: the slope of one step of descent is minus the gradient."""
    new, _state = optimizer_named("gd").recorded(W, G, T, LR)
    assert gradient(new, [LR, W, G]) == (-G, constant(1.0), -LR)
