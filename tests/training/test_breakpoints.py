"""Breakpoints: published breaks, brute force by NumPy, intervals, and the sentences where none can be found."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import tidu

# The annual flow of the Nile at Aswan, 1871 to 1970 (Cobb 1978), as R's datasets has it.
NILE = np.array(
    [1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960, 1180, 799, 958,
     1140, 1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840, 874, 694, 940, 833, 701, 916, 692, 1020,
     1050, 969, 831, 726, 456, 824, 702, 1120, 1100, 832, 764, 821, 768, 845, 864, 862, 698, 845, 744, 796,
     1040, 759, 781, 865, 845, 944, 984, 897, 822, 1010, 771, 676, 649, 846, 812, 742, 801, 1040, 860, 874,
     848, 890, 744, 749, 838, 1050, 918, 986, 797, 923, 975, 815, 1020, 906, 901, 1170, 912, 746, 919, 718,
     714, 740],
    dtype=float,
)  # fmt: skip


def test_the_nile_breaks_after_1898():
    # R: breakpoints(Nile ~ 1) of strucchange (Zeileis et al. 2002): RSS 2835157, and 1597457 with the break at 1898.
    data = {"year": np.arange(1871.0, 1971.0), "flow": NILE}
    assert np.sum((NILE - NILE.mean()) ** 2) == pytest.approx(2835157, abs=1)
    run = tidu.fit("flow = where(year < c, a, b)", data, optimizer="auto")
    assert run.derived["c"].value == 1898.5
    assert run.loss * 100 == pytest.approx(1597457, abs=1)
    assert any("found by trying every place" in note for note in run.notes)


@pytest.mark.parametrize("seed", range(4))
def test_a_broken_line_is_found_as_brute_force_finds_it(seed):
    random = np.random.default_rng(seed)
    n = int(random.integers(20, 400))
    x = np.sort(random.uniform(-5, 5, n)) * 10.0 ** random.integers(-3, 4)
    place = x[n // 3 : 2 * n // 3].mean()
    y = np.where(x < place, 1 + x / np.ptp(x), 3 - 2 * x / np.ptp(x)) + random.normal(0, 0.3, n)

    def squares(k):
        parts = [np.polyfit(x[s], y[s], 1, full=True)[1] for s in (slice(k), slice(k, None))]
        return sum(float(p[0]) if len(p) else 0.0 for p in parts)

    least = min(range(2, n - 1), key=squares)
    order = random.permutation(n)
    run = tidu.fit("y = where(x < c, a + b*x, d + g*x)", {"x": x[order], "y": y[order]}, optimizer="lm")
    assert run.loss * n <= squares(least) * (1 + 1e-9)
    if run.loss * n > squares(least) * (1 - 1e-9):
        assert x[least - 1] < run.derived["c"].value < x[least]


def test_among_many_rows_it_is_the_best_of_all_places():
    random = np.random.default_rng(0)
    n = 30_000  # more than are tried at once, at first and near the best
    x = np.sort(random.uniform(0, 1, n))
    y = np.where(x < 0.4321, 1.0, 1.2) + random.normal(0, 0.3, n)
    sums, k = np.cumsum(y), np.arange(1, n)
    best = int(np.argmax(sums[:-1] ** 2 / k + (sums[-1] - sums[:-1]) ** 2 / (n - k))) + 1
    run = tidu.fit("y = where(x < c, a, b)", {"x": x, "y": y}, optimizer="lm")
    assert x[best - 1] < run.derived["c"].value < x[best]


def test_two_breaks():
    random = np.random.default_rng(5)
    x = np.arange(90.0)
    y = np.select([x < 30, x < 61], [1.0, 4.0], 2.0) + random.normal(0, 0.4, 90)
    run = tidu.fit("y = where(x < c, u, where(x < d, v, w))", {"x": x, "y": y}, optimizer="auto")

    def squares(i, j):
        return sum(float(np.sum((y[s] - y[s].mean()) ** 2)) for s in (slice(i), slice(i, j), slice(j, None)))

    best = min(itertools.combinations(range(1, 90), 2), key=lambda pair: squares(*pair))
    assert (run.derived["c"].value, run.derived["d"].value) == (best[0] - 0.5, best[1] - 0.5)


def test_other_parameters_need_not_be_linear():
    x = np.linspace(0, 8, 80)
    y = np.where(x < 3, 2.0, 2.0 * np.exp(-0.7 * (x - 3))) + 0.02 * np.sin(50 * x)
    run = tidu.fit("y = where(x < c, a, a*exp(-k*(x - 3)))", {"x": x, "y": y}, optimizer="lm", init={"k": 0.5})
    assert run.derived["c"].value == pytest.approx(3.0, abs=0.3)
    assert run.params["k"] == pytest.approx(0.7, abs=0.05)


def test_the_rows_kept_back_have_no_say():
    random = np.random.default_rng(1)
    x = np.arange(60.0)
    y = np.where(x < 40, 1.0, 2.0) + random.normal(0, 0.1, 60)
    run = tidu.fit("y = where(x < c, a, b)", {"x": x, "y": y}, optimizer="lm", test_size=0.3)
    kept = np.sort(run.training_data["x"])
    assert run.derived["c"].value in (kept[1:] + kept[:-1]) / 2


def test_it_can_be_saved_and_predicts(tmp_path):
    x = np.arange(20.0)
    run = tidu.fit("y = where(x < c, a, b)", {"x": x, "y": np.where(x < 7, 1.0, 2.0)}, optimizer="lm")
    run.save(tmp_path / "m.tidu")
    loaded = tidu.load(tmp_path / "m.tidu")
    assert list(loaded.predict({"x": [6.0, 7.0]})) == [1.0, 2.0]
    assert (loaded.derived["c"].low, loaded.derived["c"].high) == (run.derived["c"].low, run.derived["c"].high)


def test_a_breakpoint_has_the_interval_of_its_profile_and_no_standard_error():
    data = {"year": np.arange(1871.0, 1971.0), "flow": NILE}
    given = {"optimizer": "auto", "report": ["step = b - a", "after = c + 1", "seven = 7"]}
    for more in ({}, {"intervals": "profile"}, {"intervals": "bootstrap", "draws": 100}):
        run = tidu.fit("flow = where(year < c, a, b)", data, **given, **more)
        found = run.derived["c"]
        assert np.isnan(found.standard_error)
        note = next(n for n in run.notes if "is a breakpoint" in n)
        assert f"95% interval {found.low:.6g} … {found.high:.6g}" in note
        assert found.low <= 1898.5 <= found.high
        assert run.derived["step"].standard_error > 0
        for name in ("after", "seven"):  # which stand still: nothing says how well they are known
            assert np.isnan(run.derived[name].standard_error)
            assert np.isnan(run.derived[name].low)
        assert f"{found.low:.6g} … {found.high:.6g}" in run._repr_html_()


@pytest.mark.parametrize(
    ("formula", "options", "says"),
    [
        ("y = where(x < c, a, b)", {}, "optimizer auto, which tries every place"),
        ("y = where(x < c, a, b)", {"optimizer": "auto", "loss": "huber"}, "a loss of squares alone"),
        ("y = where(x < c**2, a, b)", {"optimizer": "auto"}, "not linear in it alone"),
    ],
)
def test_refusals(formula, options, says):
    with pytest.raises(tidu.TiduError, match=says):
        tidu.fit(formula, {"x": [1.0, 2, 3, 4], "y": [1.0, 2, 3, 4]}, **options)
