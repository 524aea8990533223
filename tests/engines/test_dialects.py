"""Each kind of statement, written by each dialect."""

from __future__ import annotations

import pytest

from tidu.engines.array_dialects import Arrays, TorchArrays
from tidu.engines.dialects import Dialect, EightRuns, SinglePrecision, Tiles, wrapped
from tidu.engines.namespaces import NUMPY, TORCH
from tidu.engines.statements import (
    Accumulate,
    Assignment,
    BatchMean,
    BatchSum,
    Block,
    Call,
    Line,
    Mean,
    Nested,
    Reassignment,
    Record,
    Return,
    Rounded,
    StopUnlessFinite,
    Summed,
    Update,
)
from tidu.language import ops
from tidu.language.array_ops import outer
from tidu.language.expr import symbol

W, X = symbol("w", "parameter"), symbol("x", "feature")
SCOPE = {W: "w", X: "x[i]"}
STOP = StopUnlessFinite("batch_loss", (("new_w", (3,)), ("new_b", ())), "stopped", "DIVERGED", "checked")
RECORD = Record("history", "row", "loss", "lr", "norm", (("grad_w", (3,)), ("grad_b", ())), ("w",))
NUMBERS = Dialect()
ARRAYS, DEVICE = (kind([X], [W * X], space, "float64") for kind, space in ((Arrays, NUMPY), (TorchArrays, TORCH)))


def written(dialect, *statements, kind="update", scope=SCOPE):
    return [line for line, _statement in dialect.rendered([Block(kind, statements, scope)])]


# -- plain numbers ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("statement", "text"),
    [
        (Assignment(W * X, "y_hat"), ["y_hat = w * x[i]"]),
        (Assignment(W * X, "y_hat", "ŷ"), ["y_hat = w * x[i]  # ŷ"]),
        (Assignment(X, "x_i"), ["x_i = x[i]"]),
        (Reassignment("grad_w", W + 1), ["grad_w = w + 1.0"]),
        (Accumulate("grad_w", W * X), ["grad_w += w * x[i]"]),
        (Mean("grad_w", "grad_w", "rows"), ["grad_w = grad_w / rows"]),
        (Update("w", "new_w"), ["w = new_w"]),
        (Rounded("new_w"), []),
        (Line("epoch += 1"), ["epoch += 1"]),
        (Line("return s / rows + {0}", (W**2,)), ["return s / rows + w * w"]),
        (Call("added", ("loss", "m", "s"), "s"), ["s = added(loss, m, s)"]),
        (Call("clear", ("s",)), ["clear(s)"]),
        (Return(("loss", W * X)), ["return (loss, w * x[i])"]),
        (Summed(("s", "g"), (W, X), "range(rows)", ("x", "w")), ["s, g = summed(sample, range(rows), x, w)"]),
    ],
)
def test_statements_of_plain_numbers(statement, text):
    assert written(NUMBERS, statement) == text


def test_what_has_a_name_is_called_so_from_then_on():
    square = W * W
    assert written(NUMBERS, Assignment(square, "s"), Reassignment("g", ops.exp(square))) == ["s = w * w", "g = exp(s)"]
    assert written(NUMBERS, Reassignment("g", square), Reassignment("h", square)) == ["g = w * w", "h = w * w"]


def test_blocks_have_headings_and_loops_an_inside():
    block = Block("forward", (Assignment(W * X, "y_hat"),), SCOPE, "forward")
    loop = Nested(("for i in range(rows):",), (block, Line("")))
    lines = NUMBERS.rendered([loop])
    assert [line for line, _s in lines] == ["for i in range(rows):", "    # forward", "    y_hat = w * x[i]", ""]
    assert [s for _line, s in lines] == [loop, block, block.statements[0], Line("")]  # each line knows its statement


def test_the_names_of_a_block_end_with_it():
    blocks = [
        Block("forward", (Assignment(W * X, "y_hat"),), SCOPE),
        Block("update", (Reassignment("g", W * X),), SCOPE),
    ]
    assert [line for line, _s in NUMBERS.rendered(blocks)] == ["y_hat = w * x[i]", "g = w * x[i]"]


# -- what the others write differently -----------------------------------------------------------------
FINITE = "  # a sum is finite only if all its parts are"
LEAVE = ["    stopped = DIVERGED", "    break"]


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        (NUMBERS, [f"if not isfinite(batch_loss + new_w + new_b):{FINITE}", *LEAVE]),
        (Tiles(), [f"if not isfinite(batch_loss + new_w + new_b):{FINITE}", *LEAVE]),
        (EightRuns(), ["checked = (batch_loss + new_w + new_b)", f"if not isfinite(checked):{FINITE}", *LEAVE]),
        (ARRAYS, ["if not all_finite(batch_loss, new_w, new_b):", *LEAVE]),
        (
            DEVICE,
            [
                "checked.append(batch_loss + torch.sum(new_w) + new_b)"
                "  # finite only if all its parts are; looked at after the last step"
            ],
        ),
    ],
)
def test_stopping_before_a_bad_step(dialect, text):
    assert written(dialect, STOP) == text


@pytest.mark.parametrize(
    ("dialect", "norm"),
    [
        (NUMBERS, "norm = sqrt(grad_w * grad_w + grad_b * grad_b)"),
        (Tiles(), "norm = sqrt(sum_of_squares(grad_w) + grad_b * grad_b)"),
        (ARRAYS, "norm = np.sqrt(np.vdot(grad_w, grad_w) + grad_b * grad_b)"),
        (DEVICE, "norm = torch.sqrt(torch.sum(grad_w * grad_w) + grad_b * grad_b)"),
    ],
)
def test_a_row_of_the_history(dialect, norm):
    assert written(dialect, RECORD) == [norm, "record(history, row, (loss, norm, lr, w))", "row += 1"]


def test_runs_side_by_side_record_losses():
    assert written(EightRuns(), RECORD) == ["history[row] = loss", "row += 1"]


def test_single_precision_is_for_samples():
    two = 2 * W * X
    narrow = SinglePrecision(["x"], {W: "float32(w)", two.args[0].args[0]: "float32(2.0)"})
    assert written(narrow, Assignment(two, "p"), kind="backward") == ["p = float32(2.0) * float32(w) * x[i]"]
    assert written(narrow, Assignment(two, "p"), Rounded("p")) == ["p = 2.0 * w * x[i]", "p = float(float32(p))"]
    sums = Summed(("s",), (W,), "range(rows)", ("x", "w"))
    assert written(narrow, sums) == ["s = summed(sample, range(rows), x, float32(w))"]


def test_sums_and_means_of_whole_batches():
    a, b = symbol("a", "feature", shape=(3,)), symbol("b", "feature", shape=(2,))
    arrays = Arrays([a, b], [outer(a, b), a * a], NUMPY, "float64")
    scope = {a: "a", b: "b", W: "w"}
    assert written(arrays, BatchSum("s", a), scope=scope) == ["s = float(a.sum())"]
    assert written(arrays, BatchMean("g", outer(a, b), "rows"), scope=scope) == ["g = (a / rows).T @ b"]
    assert written(arrays, BatchMean("g", a * a, "rows"), scope=scope) == ["g = (a * a).sum(axis=0) / rows"]
    assert written(arrays, BatchMean("g", W, "rows"), scope=scope) == ["g = w"]
    assert written(DEVICE, BatchSum("s", X), scope={X: "x"}) == ["s = x.sum()"]
    with pytest.raises(TypeError, match="whole batches"):
        written(NUMBERS, BatchSum("s", X))


def test_how_far_a_parameter_has_gone():
    assert NUMBERS.moved("w", "before", ()) == Tiles().moved("w", "before", ()) == "fabs(w - before)"
    assert Tiles().moved("w", "before", (3,)) == "farthest(w, before)"
    assert ARRAYS.moved("w", "before", (3,)) == "np.max(np.abs(w - before))"
    assert Tiles().remembered("before", "w", (3,)) == "copy(w, before)"


def test_only_what_is_called_is_imported():
    def module(dialect, *lines):
        return dialect.module("Title.", [Line(line) for line in lines])

    assert module(NUMBERS, "a = exp(b)", "record(a)") == (
        '"""Title."""\n\nfrom tidu.runtime.ieee import exp\nfrom tidu.runtime.summation import record\n\n\n'
        "a = exp(b)\nrecord(a)\n"
    )
    assert module(NUMBERS, "a = b") == '"""Title."""\n\n\na = b\n'
    assert "from tidu.runtime.elementary import exp\n" in module(Tiles(), "a = exp(b)")
    assert "import torch\n" in module(DEVICE, "a = torch.exp(b)")


def test_long_lines_are_wrapped():
    lines = wrapped("f(", ["argument"] * 30, ", ", ")")
    assert lines[0] == "f("
    assert lines[-1] == ")"
    assert all(len(line) <= 100 for line in lines)
