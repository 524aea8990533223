"""Reports and worksheets of any training: their numbers recomputed by torch and SciPy, from the data alone."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

import tidu
from tidu.errors import SettingError
from tidu.insight.reporting.document import Cell, Facts, Table, blocks_of
from tidu.insight.reporting.run_report import report_of, steps_shown
from tidu.language.printer import unicode_name
from tidu.training.orders import order_of_epoch

OPTIMIZERS = {
    "gd": lambda p, lr: torch.optim.SGD(p, lr),
    "momentum": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9),
    "nesterov": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9, nesterov=True),
    "adagrad": lambda p, lr: torch.optim.Adagrad(p, lr, eps=1e-10),
    "rmsprop": lambda p, lr: torch.optim.RMSprop(p, lr, alpha=0.99, eps=1e-8),
    "adam": lambda p, lr: torch.optim.Adam(p, lr),
    "amsgrad": lambda p, lr: torch.optim.Adam(p, lr, amsgrad=True),
    "adamw": lambda p, lr: torch.optim.AdamW(p, lr),
}
LOSSES = {
    "squared": lambda score, y: (score - y) ** 2,
    "half_squared": lambda score, y: 0.5 * (score - y) ** 2,
    "huber": lambda score, y: torch.nn.functional.huber_loss(score, y, reduction="none"),
    "cauchy": lambda score, y: 0.5 * torch.log1p((score - y) ** 2),
    "log_cosh": lambda score, y: torch.log(torch.cosh(score - y)),
    "logistic": lambda score, y: torch.nn.functional.binary_cross_entropy_with_logits(score, y, reduction="none"),
    "poisson": lambda score, y: torch.nn.functional.poisson_nll_loss(score, y, log_input=True, reduction="none"),
}
FORMULAS = {
    "y = w*x + b": lambda p, x, z: p["w"] * x + p["b"],
    "y = a*exp(-k*x) + c*z": lambda p, x, z: p["a"] * torch.exp(-p["k"] * x) + p["c"] * z,
    "y = a*sin(f*x) + b*tanh(z)": lambda p, x, z: p["a"] * torch.sin(p["f"] * x) + p["b"] * torch.tanh(z),
    "y = mlp(x, z, hidden=[3], activation='tanh')": lambda p, x, z: (
        torch.tanh(torch.stack([x, z], 1) @ p["W1"].T + p["b1"]) @ p["W2"] + p["b2"]
    ),
}
CHANGES = [{}, {"l2": 0.05}, {"l1": 0.02}, {"clip_norm": 0.3}, {"clip_value": 0.2, "l2": 0.01}]
SEED = 3
Cells = list[list[str]]


@pytest.fixture(autouse=True, scope="module")
def _float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


# -- what a document tells ---------------------------------------------------------------------------------
def cells_under(document, title: str, table: int = 0) -> Cells:
    (section,) = [s for s in document.sections if s.title == title]
    tables = [b for b in blocks_of([section]) if isinstance(b, Table)]
    return [[c.text if isinstance(c, Cell) else c for c in row] for row in tables[table].rows]


def facts_under(document, title: str) -> dict[str, str]:
    (section,) = [s for s in document.sections if s.title == title]
    return dict(line for b in blocks_of([section]) if isinstance(b, Facts) for line in b.told)


def told_in(section) -> dict[str, list[str]]:
    """The last side of each equation of a step, by its symbol, in order."""
    told: dict[str, list[str]] = {}
    for row in (row for b in section.blocks if isinstance(b, Table) for row in b.rows):
        if len(row) > 1:
            name, *_between, value = row[1].text.split(" = ")
            told.setdefault(name.partition(" (")[0], []).append(value)
    return told


def agrees(told: str, value: object) -> None:
    """Numbers as they are written: ten digits of a single one; four of each of those of an array that are written."""
    numbers = [float(n) for n in re.findall(r"-?\d[\d.]*(?:e-?\d+)?", told.replace("−", "-"))]
    expected = np.asarray(value, dtype=float)
    if expected.ndim == 0:
        assert numbers == [pytest.approx(float(expected), rel=2e-8, abs=1e-10)]
        return
    every = expected if "…" not in told or expected.ndim == 1 else expected[0]
    np.testing.assert_allclose(numbers, np.ravel(every)[: len(numbers)], rtol=1e-3, atol=1e-10)
    assert len(numbers) == expected.size or "…" in told


# -- the same training in torch ---------------------------------------------------------------------------
def trained_in_torch(run, formula, loss, optimizer, lr, changes, columns, batch_size, steps):
    """Each step: its first row with its loss and slopes, the parameters before it, mean gradients; then the losses."""
    parameters = {n: torch.tensor(np.asarray(v, dtype=float), requires_grad=True) for n, v in run.start.items()}
    x, z, y = (torch.tensor(c) for c in columns)
    leaves, rows = list(parameters.values()), len(x)
    chosen = OPTIMIZERS[optimizer](leaves, lr)
    size = rows if batch_size is None else batch_size
    per_epoch = -(-rows // size)
    found, losses = [], []
    for step in range(steps):
        epoch, k = divmod(step, per_epoch)
        order = np.arange(rows) if batch_size is None else order_of_epoch(SEED, epoch, rows, False)
        batch = order[k * size : (k + 1) * size]
        first = int(batch[0])
        values = {n: p.detach().numpy().copy() for n, p in parameters.items()}
        one = LOSSES[loss](FORMULAS[formula](parameters, x[[first]], z[[first]]), y[[first]])[0]
        slopes = torch.autograd.grad(one, leaves)
        score = FORMULAS[formula](parameters, x[batch], z[batch])
        each = LOSSES[loss](score, y[batch])
        chosen.zero_grad()
        each.mean().backward()
        mean = [p.grad.numpy().copy() for p in leaves]
        l1, l2 = changes.get("l1", 0.0), changes.get("l2", 0.0)
        penalty = sum(l1 * p.abs().sum() + 0.5 * l2 * (p**2).sum() for p in leaves)
        if l1 or l2:
            penalty.backward()
        if "clip_value" in changes:
            torch.nn.utils.clip_grad_value_(leaves, changes["clip_value"])
        if "clip_norm" in changes:
            length = torch.sqrt(sum((p.grad**2).sum() for p in leaves))
            if length > changes["clip_norm"]:
                for p in leaves:
                    p.grad.mul_(changes["clip_norm"] / length)
        chosen.step()
        losses += each.tolist()
        cost = float(each.detach().mean())
        found.append((first, values, score.detach(), float(one.detach()), [s.numpy() for s in slopes], cost, mean))
    ends = {n: p.detach().numpy() for n, p in parameters.items()}
    return found, ends, losses[: len(losses) - len(losses) % rows]


@pytest.mark.slow
@given(
    st.sampled_from(list(FORMULAS)), st.sampled_from(list(LOSSES)), st.sampled_from(list(OPTIMIZERS)),
    st.sampled_from(CHANGES), st.sampled_from([None, 1, 4, 7]), st.integers(0, 2**16), st.integers(1, 12),
    st.sampled_from(["auto", "array"]),
)  # fmt: skip
@settings(deadline=None, max_examples=25)
def test_every_number_of_a_step_is_what_torch_gives(formula, loss, optimizer, changes, batch_size, seed, steps, engine):
    random = np.random.default_rng(seed)
    x, z = random.uniform(0.1, 2.0, 9), random.normal(0.0, 1.0, 9)
    y = {"logistic": (z > 0) * 1.0, "poisson": np.floor(3 * x)}.get(loss, np.sin(x) + z)
    assume(len(set(y)) > 1)
    given_ = {"lr": 0.02, "steps": steps, "batch_size": batch_size, "seed": SEED, **changes}
    start = {} if "mlp" in formula else {"init": dict.fromkeys(set("abckfw") & set(formula.partition("=")[2]), 0.4)}
    start = {"init": {k: v for k, v in start["init"].items() if re.search(rf"\b{k}\b", formula)}} if start else {}
    run = tidu.fit(formula, {"x": x, "z": z, "y": y}, loss=loss, optimizer=optimizer, engine=engine, **given_, **start)
    found, ends, losses = trained_in_torch(run, formula, loss, optimizer, 0.02, changes, (x, z, y), batch_size, steps)
    document = report_of(run)
    (section,) = [s for s in document.sections if s.title == "Steps"]
    for step, part in zip(steps_shown(run), section.parts, strict=True):
        told = told_in(part)
        first, values, score, one, slopes, mean, gradient = found[step]
        after = found[step + 1][1] if step + 1 < steps else ends
        assert f"{first}" in part.blocks[0].text.partition("batch: ")[2]
        agrees(told["ŷ"][0], score[0])
        agrees(told["ℓ"][0], one)
        agrees(told["J"][0], mean)
        for name, slope, whole in zip(run.params, slopes, gradient, strict=True):
            symbol = unicode_name(name)
            agrees(told[symbol][0], values[name])
            agrees(told[f"∂ℓ/∂{symbol}"][0], slope)
            agrees(told[f"∂J/∂{symbol}"][0], whole)
            agrees(told[symbol][-1], after[name])
    for name, value in run.params.items():
        np.testing.assert_allclose(value, ends[name], rtol=1e-8, atol=1e-11)
    if "mlp" not in formula:
        told_ends = {row[0]: row[2] for row in cells_under(document, "The result")}
        for name, value in ends.items():
            agrees(told_ends[unicode_name(name)], value)
    else:
        for row, names in zip(cells_under(document, "The result")[::2], (("W1", "b1"), ("W2", "b2")), strict=False):
            agrees(row[4], np.sqrt(np.mean(np.concatenate([np.ravel(ends[n]) for n in names]) ** 2)))
    if losses:
        told_losses = facts_under(document, "The result")["loss"].split("  ")[0].split(" → ")
        agrees(told_losses[0], np.mean(losses[:9]))


@given(st.integers(0, 2**16), st.integers(5, 30), st.sampled_from(["squared", "half_squared"]))
@settings(deadline=None, max_examples=12)
def test_every_number_of_a_solver_is_what_scipy_gives(seed, rows, loss):
    random = np.random.default_rng(seed)
    x = random.uniform(0.0, 3.0, rows)
    y = 2.0 * np.exp(-0.7 * x) + 0.1 * random.normal(size=rows)
    run = tidu.fit("y = a*exp(-k*x)", {"x": x, "y": y}, loss=loss, optimizer="lm", init={"a": 1.5, "k": 0.5})
    best, covariance = optimize.curve_fit(lambda x, a, k: a * np.exp(-k * x), x, y, [1.5, 0.5], xtol=1e-14, ftol=1e-14)
    residuals = y - best[0] * np.exp(-best[1] * x)
    document = report_of(run)
    quantile = stats.t.ppf(0.975, rows - 2)
    for row, value, error in zip(cells_under(document, "The result"), best, np.sqrt(np.diag(covariance)), strict=True):
        low, high = (float(n.replace("−", "-")) for n in row[4].split(" … "))
        assert float(row[2]) == pytest.approx(value, rel=1e-6)
        assert float(row[3]) == pytest.approx(error, rel=2e-3)
        assert (low, high) == pytest.approx((value - quantile * error, value + quantile * error), rel=2e-3, abs=1e-5)
        assert float(row[5].rstrip("%")) == pytest.approx(100 * error / abs(value), rel=0.06)
    facts = facts_under(document, "The result")
    square = float(residuals @ residuals)
    factor = {"squared": 1.0, "half_squared": 0.5}[loss]
    assert float(facts["loss"].split()[2]) == pytest.approx(factor * square / rows, rel=1e-6)
    metrics = {k: float(v) for k, v in re.findall("(MSE|RMSE|MAE|R²)\N{NO-BREAK SPACE}(\\S+)", facts["fit"])}
    expected = {
        "MSE": square / rows, "RMSE": np.sqrt(square / rows), "MAE": np.mean(np.abs(residuals)),
        "R²": 1 - square / float(np.sum((y - y.mean()) ** 2)),
    }  # fmt: skip
    assert metrics == pytest.approx(expected, rel=1e-5)
    scatter = float(facts["residual standard deviation"].split()[0])
    assert scatter == pytest.approx(np.sqrt(square / (rows - 2)), rel=1e-6)
    likelihood = -0.5 * rows * (np.log(2 * np.pi * square / rows) + 1)
    aic, bic = map(float, facts["AIC, BIC"].split(", "))
    assert (aic, bic) == pytest.approx((6 - 2 * likelihood, 3 * np.log(rows) - 2 * likelihood), rel=1e-4, abs=1e-3)


@given(
    st.sampled_from(list(FORMULAS)), st.sampled_from(list(LOSSES)), st.sampled_from(["gd", "momentum", "adam"]),
    st.sampled_from([1, 4]), st.integers(0, 2**16), st.integers(1, 6),
)  # fmt: skip
@settings(deadline=None, max_examples=15)
def test_the_key_of_any_worksheet_is_what_torch_gives(formula, loss, optimizer, batch_size, seed, steps):
    random = np.random.default_rng(seed)
    x, z = random.uniform(0.1, 2.0, 9), random.normal(0.0, 1.0, 9)
    y = {"logistic": (z > 0) * 1.0, "poisson": np.floor(3 * x)}.get(loss, np.sin(x) + z)
    assume(len(set(y)) > 1)
    run = tidu.fit(formula, {"x": x, "z": z, "y": y}, loss=loss, optimizer=optimizer, lr=0.02, steps=steps,
                   batch_size=batch_size, seed=SEED)  # fmt: skip
    found, ends, _losses = trained_in_torch(run, formula, loss, optimizer, 0.02, {}, (x, z, y), batch_size, steps)
    _first, _values, score, one, slopes, mean, gradient = found[-1]
    sheet = run.worksheet(steps - 1, difficulty="hard", seed=seed)
    expected = {"ŷ": score[0], "ℓ": one, "J": mean}
    for name, slope, whole in zip(run.params, slopes, gradient, strict=True):
        symbol = unicode_name(name)
        expected |= {f"∂ℓ/∂{symbol}": slope, f"∂J/∂{symbol}": whole, f"new_{name}": ends[name]}
    checked = 0
    for blank in sheet.blanks:
        symbol = blank.entry.symbol.written("unicode")
        if symbol in expected:
            checked += 1
            assert float(blank.entry.value) == pytest.approx(float(expected[symbol]), rel=1e-8, abs=1e-10)
    assert checked >= 3
    text = sheet.text("markdown").partition("## Key")[2]
    assert all(blank.entry.result("unicode") in text for blank in sheet.blanks)
    with pytest.raises(SettingError):
        run.worksheet(steps + 1)
