"""The five programs in plain Python and NumPy, as beginners write them: their variables turn by turn, and the audit."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from tidu.errors import SettingError
from tidu.insight.watching.loops import changing_names, loops_that_change
from tidu.insight.watching.script import Script
from tidu.insight.watching.watched import watch_script

PROGRAMS = Path(__file__).parent / "programs"
EXAMPLES = Path(__file__).parents[3] / "examples"
# Of each program: what to record, the loss and the gradients to audit, first and last values as they are published.
FIVE = {
    "meter": (("w", "error"), "error", {"w": "dw"}, {"w": (0.1, 99.99987752295638), "error": (4990.005, None)}),
    "one_weight": (
        ("w", "cost_val"), "cost", {"w": "gradient"},
        {"w": (1, 1.9999444396553017), "cost_val": (4.666666666666667, 1.752432687141379e-08)},
    ),
    "one_weight_sgd": (
        ("w", "l"), "loss", {"w": "gradient"},
        {"w": (1, 2.241576136991251), "l": (9, 0.7811291934451824)},
    ),
    "line": (
        ("w", "b", "error"), "compute_error", {"w": "w_gradient", "b": "b_gradient"},
        {"w": (0, None), "b": (0, None)},
    ),
    "parabola": (
        ("w1", "w2", "w3", "mean"), "loss", {"w1": "dw1", "w2": "dw2", "w3": "dw3"},
        {"w1": (1, 4.334302856811493), "w2": (0, 4.653193451996958), "w3": (1, 6.061894966775589),
         "mean": (None, 0.0006422866166133029)},
    ),
    "linreg": (("w", "b", "loss"), "loss", {"w": "dw", "b": "db"}, {"b": (0, 4.2)}),
}  # fmt: skip
TURNS = {
    "meter": 61,
    "one_weight": 100,
    "one_weight_sgd": 300,
    "line": 1000,
    "parabola": 100_000,
    "linreg": 300,
}


def watched(tmp_path, name, change=None, **options):
    for file in (*PROGRAMS.glob("*.py"), EXAMPLES / "line.csv"):
        shutil.copy(file, tmp_path)
    path = tmp_path / f"{name}.py"
    if change is not None:
        old, new = change
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
    return watch_script(str(path), **options)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", FIVE)
def test_the_five_programs_have_curves_and_a_right_audit(name, tmp_path, capsys):
    record, loss, gradients, ends = FIVE[name]
    seen = watched(tmp_path, name, record=record, loss=loss, grads=tuple(gradients.items()))
    assert seen.ended.error is None
    assert seen.audit_refused == ""
    assert seen.audit is not None
    assert seen.audit.right, str(seen.audit)
    runs = seen.recording.runs
    assert set(runs) >= set(record)
    assert runs[record[0]][-1].count == TURNS[name]
    for variable, (first, last) in ends.items():
        turns, values = runs[variable][-1].kept
        assert turns == sorted(set(turns))
        if first is not None:
            assert runs[variable][0].values[0][0] == pytest.approx(first, rel=1e-9)
        if last is not None:
            assert values[-1][0] == pytest.approx(last, rel=1e-3 if name == "linreg" else 1e-9)


SLIPS = [
    ("meter", ("dw = -(y", "dw = (y"), "w", "sign"),
    ("one_weight", ("grad += 2 * x", "grad += x"), "w", "factor 2"),
    ("one_weight", ("return grad / len(xs)", "return grad"), "w", "missing 1/n"),
    ("line", ("-(2 / n) * x", "-(1 / n) * x"), "w", "factor 2"),
    ("parabola", ("dw2 = 2 *", "dw2 = -2 *"), "w2", "sign"),
    ("linreg", ("/ len(y)", "/ 1"), "w[0]", "missing 1/n"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "change", "parameter", "slip"), SLIPS)
def test_a_slip_in_them_is_named(name, change, parameter, slip, tmp_path, capsys):
    _record, loss, gradients, _ends = FIVE[name]
    seen = watched(tmp_path, name, change, loss=loss, grads=tuple(gradients.items()))
    assert seen.audit is not None, seen.audit_refused
    assert seen.audit.verdicts[parameter].slip == slip


def test_a_gradient_after_an_update_is_named(tmp_path):
    path = tmp_path / "early.py"
    path.write_text(
        "xs, ys = [1.0, 2.0, 4.0], [3.0, 5.0, 8.0]\nw, b, lr = 0.5, 0.1, 0.05\n"
        "for epoch in range(10):\n"
        "    loss = sum((w * x + b - y) ** 2 for x, y in zip(xs, ys)) / 3\n"
        "    dw = sum(2 * x * (w * x + b - y) for x, y in zip(xs, ys)) / 3\n"
        "    w -= lr * dw\n"
        "    db = sum(2 * (w * x + b - y) for x, y in zip(xs, ys)) / 3\n"
        "    b -= lr * db\n",
        encoding="utf-8",
    )
    seen = watch_script(str(path), loss="loss", grads=(("w", "dw"), ("b", "db")))
    assert {name: v.slip for name, v in seen.audit.verdicts.items()} == {"w": None, "b": "updated too early"}


def test_a_sweep_has_a_curve_for_each_start(tmp_path, capsys):
    seen = watched(tmp_path, "linreg", record=("w",))
    assert [len(run.turns) for run in seen.recording.runs["w"]] == [301] * 4


def test_recording_changes_nothing_that_is_printed(tmp_path, capsys):
    watched(tmp_path, "linreg")
    plain = capsys.readouterr().out
    watched(tmp_path, "linreg", record=("w", "b", "loss"), loss="loss", grads=(("w", "dw"), ("b", "db")))
    assert capsys.readouterr().out == plain


LOOPS = [
    ("for k in range(3):\n    w = w - 1\n", "w", [1]),
    ("for e in range(3):\n    cost = 0\n    for x in xs:\n        cost += (w * x) ** 2\n        w -= x\n", "cost", [1]),
    ("for e in range(3):\n    cost = 0\n    for x in xs:\n        cost += (w * x) ** 2\n        w -= x\n", "w", [3]),
    ("for lr in rates:\n    w = 0\n    for e in range(9):\n        w += lr * (1 - w)\n", "w", [3]),
    ("for e in range(3):\n    for x in xs:\n        s = x\n    s = s / 3\n", "s", [1]),
    ("def train():\n    w = 1\n    while w > 0.1:\n        w *= 0.9\n    return w\n", "w", [3]),
    ("for w in grid:\n    print(w)\n", "w", [1]),
    ("for k in range(3):\n    w[0] -= 1\n", "w", [1]),
    ("for k in range(3):\n    net.w -= 1\n", "net.w", [1]),
    ("def step():\n    global w\n    w -= 1\nfor k in range(3):\n    step()\n", "w", [4]),
    ("w = 3\n", "w", []),
]


@pytest.mark.parametrize(("text", "name", "lines"), LOOPS)
def test_which_loop_changes_a_variable(text, name, lines):
    assert [loop.header for loop in loops_that_change(Script("/s.py", source=text.encode()).tree, name)] == lines


def values_of(tmp_path, text, name):
    path = tmp_path / "s.py"
    path.write_text(text, encoding="utf-8")
    (run,) = watch_script(str(path), record=(name,)).recording.runs[name]
    return [float(v[0]) for v in run.kept[1]]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("w = 0\nfor k in range(4):\n    w += 1\n", [0, 1, 2, 3, 4]),
        ("w = 0\nfor k in range(4): w += 1\n", [0, 1, 2, 3, 4]),
        ("w = 0\nfor k in range(9):\n    w += 1\n    if w == 2:\n        break\n", [0, 1, 2]),
        ("w = 0\nfor k in range(4):\n    w += 1\n    if w % 2:\n        continue\n    w += 10\n", [0, 1, 12, 13, 24]),
        ("w = 0\nwhile w < 3:\n    w += 1\nprint(w)\n", [0, 1, 2, 3]),
        (
            "def f():\n    w = 0\n    while True:\n        w += 1\n        if w == 3:\n            return w\nf()\n",
            [0, 1, 2, 3],
        ),
        ("w = 5\nfor w in [3, 1, 2]:\n    pass\n", [3, 1, 2]),
        ("w = 0\nfor e in range(2):\n    for k in range(2):\n        w += 1\n", [0, 1, 2, 3, 4]),
        ("w = 0\nfor k in range(9):\n    w += 1\n    if k == 1:\n        1 / 0\n", [0, 1, 2]),
    ],
)
def test_each_turn_is_recorded_once(text, values, tmp_path, capsys):
    assert values_of(tmp_path, text, "w") == values


def test_very_long_runs_are_thinned_and_keep_their_end(tmp_path):
    found = values_of(tmp_path, "w = 0\nfor k in range(50001):\n    w += 1\n", "w")
    assert (found[0], found[-1]) == (0, 50001)
    assert len(found) < 20_002


def test_arrays_lists_and_tensors_are_recorded(tmp_path):
    path = tmp_path / "s.py"
    path.write_text(
        "import numpy as np\nimport tidu\na, l, t, o = np.zeros((2, 2)), [0, 0], tidu.tensor([0.0, 0.0]), None\n"
        "for k in range(2):\n    a = a + 1\n    l = [k, k + 1]\n    t = t + 2\n    o = 'text'\n",
        encoding="utf-8",
    )
    runs = watch_script(str(path), record=("a", "l", "t", "o", "a[0]")).recording.runs
    assert runs["a"][0].kept[1][-1].tolist() == [2, 2, 2, 2]
    assert runs["l"][0].kept[1][-1].tolist() == [1, 2]
    assert runs["t"][0].kept[1][-1].tolist() == [4, 4]
    assert runs["o"][0].turns == []
    assert runs["a[0]"][0].kept[1][-1].tolist() == [2, 2]


def test_a_name_that_no_loop_changes_is_an_error(tmp_path):
    path = tmp_path / "s.py"
    path.write_text("weight = 0\nfor k in range(3):\n    weight += 1\n", encoding="utf-8")
    with pytest.raises(SettingError, match=r"no loop of the script changes 'weigth' .did you mean 'weight'"):
        watch_script(str(path), record=("weigth",))


@pytest.mark.parametrize(
    ("loss", "grads", "words"),
    [
        ("nothing", (("w", "dw"),), "'nothing' is neither a function"),
        ("error", (("w", "nothing"),), "'nothing' is neither a function"),
        ("error", (("v", "dw"),), "the parameter 'v' is no number"),
    ],
)
def test_what_cannot_be_audited_says_why(loss, grads, words, tmp_path, capsys):
    seen = watched(tmp_path, "meter", loss=loss, grads=grads)
    assert seen.audit is None
    assert words in seen.audit_refused


def test_parameters_are_suggested():
    for name, (_record, _loss, gradients, _ends) in FIVE.items():
        tree = Script.read(str(PROGRAMS / f"{name}.py")).tree
        found = changing_names(tree)
        assert name == "line" or set(gradients) <= set(found), name


def test_curves_are_those_of_the_program_run_by_hand(tmp_path, capsys):
    """Of the stochastic descent every loss, from its printed formula."""
    runs = watched(tmp_path, "one_weight_sgd", record=("l", "w")).recording.runs
    w, losses, weights = 1.0, [], [1.0]
    for _epoch in range(100):
        for x, y in zip([1.0, 2.0, 3.0], [4.0, 5.0, 6.0], strict=True):
            losses.append((x * w - y) ** 2)
            w = w - 0.01 * (2 * x * (x * w - y))
            weights.append(w)
    assert np.array_equal(np.concatenate(runs["l"][0].values), losses)
    assert np.array_equal(np.concatenate(runs["w"][0].values), weights)
    assert re.search(r"^progress: 99 ", capsys.readouterr().out, re.M)
