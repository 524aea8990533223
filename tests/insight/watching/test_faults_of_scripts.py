"""Each of the ways in which learners' code is wrong, in a script of its own: found, with the right line."""

import pytest

from tidu.insight.watching.watched import watch_script

DATA = {
    "mxnet": """\
from tidu import autograd, nd
nd.random.seed(1)
X = nd.random.normal(scale=1, shape=(200, 2))
labels = nd.dot(X, nd.array([2, -3.4])) + 4.2
w, b = nd.zeros((2, 1)), nd.zeros(1)
w.attach_grad(%s)
b.attach_grad(%s)
""",
    "torch": """\
import tidu.torch_names as torch
torch.manual_seed(1)
X = torch.normal(0, 1, (200, 2))
labels = torch.matmul(X, torch.tensor([2, -3.4])) + 4.2
w = torch.zeros(2, 1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
#
""",
    "tidu": """\
import numpy as np
import tidu
X = np.random.default_rng(1).normal(0, 1, (200, 2))
labels = X @ np.array([2, -3.4]) + 4.2
w, b = tidu.Tensor(np.zeros((2, 1))), tidu.Tensor(np.zeros(1))
#
#
""",
}
FORWARD = {
    "mxnet": """\
    with autograd.record():
        loss = ((nd.dot(x, w) + b - y) ** 2 / 2).{reduction}()
""",
    "torch": """\
    if True:
        loss = ((torch.matmul(x, w) + b - y) ** 2 / 2).{reduction}()
""",
    "tidu": """\
    if True:
        loss = ((tidu.matmul(x, w) + b - y) ** 2 / 2).{reduction}()
""",
}
LOOP = """\
lr = {lr}
for k in range(0, {last}, 20):
    x, y = X[k % 200 : k % 200 + 20], labels[k % 200 : k % 200 + 20]{shape}
{forward}    loss.backward()
{update}
"""
UPDATE = {
    "mxnet": "    for p in (w, b):\n        p[:] = p - lr * p.grad",
    "torch": """\
    with torch.no_grad():
        for p in (w, b):
            p -= lr * p.grad
            p.grad.zero_()""",
    "tidu": "    for p in (w, b):\n        p[:] = p - lr * p.grad",
}
STYLES = list(DATA)


def watched(folder, style, update=None, lr=0.1, shape=".reshape((-1, 1))", reduction="mean", request="", last=600):
    data = DATA[style] % ((request,) * 2 if style == "mxnet" else ())
    forward = FORWARD[style].format(reduction=reduction)
    text = data + LOOP.format(lr=lr, shape=shape, forward=forward, update=update or UPDATE[style], last=last)
    path = folder / "script.py"
    path.write_text(text, encoding="utf-8")
    return watch_script(str(path)), text.splitlines()


def the_line(lines, text):
    (found,) = [k for k, line in enumerate(lines, 1) if text in line]
    return found


def kinds_and_lines(seen):
    return [(f.kind, f.place.line) for f in seen.faults]


@pytest.mark.parametrize("style", STYLES)
def test_what_they_are_made_from_is_right(style, tmp_path):
    seen, _lines = watched(tmp_path, style)
    assert seen.ended.error is None
    assert seen.faults == ()


@pytest.mark.parametrize(
    ("style", "request_", "update"),
    [
        ("mxnet", "'add'", None),
        ("torch", "", UPDATE["torch"].replace("\n            p.grad.zero_()", "")),
        ("tidu", "", "    for p in (w, b):\n        p.data -= lr * p.grad"),
    ],
)
def test_a_gradient_that_was_never_cleared(style, request_, update, tmp_path):
    seen, lines = watched(tmp_path, style, update, request=request_)
    assert kinds_and_lines(seen) == [("not_cleared", the_line(lines, "loss.backward()"))]
    (fault,) = seen.faults
    assert fault.numbers["parameters"] == ["w", "b"]


@pytest.mark.parametrize(
    ("style", "update", "line"),
    [
        ("mxnet", "    for p in (w, b):\n        p.grad[:] = 0\n        p[:] = p - lr * p.grad", "p.grad[:] = 0"),
        (
            "torch",
            "    with torch.no_grad():\n"
            "        for p in (w, b):\n            p.grad.zero_()\n            p -= lr * p.grad",
            "zero_",
        ),
        ("tidu", "    for p in (w, b):\n        p.zero_grad()\n        p[:] = p - lr * p.grad", "zero_grad"),
        (
            "torch",
            "    optimizer = torch.optim.SGD([w, b], lr)\n    optimizer.zero_grad()\n    optimizer.step()",
            "zero_grad",
        ),
    ],
)  # fmt: skip
def test_a_gradient_that_was_cleared_before_it_was_used(style, update, line, tmp_path):
    seen, lines = watched(tmp_path, style, update)
    assert kinds_and_lines(seen) == [("cleared_too_early", the_line(lines, line))]


def test_an_optimizer_in_the_right_order_is_right(tmp_path):
    update = "    optimizer = torch.optim.SGD([w, b], lr)\n    optimizer.step()\n    optimizer.zero_grad()"
    assert watched(tmp_path, "torch", update)[0].faults == ()


@pytest.mark.parametrize(
    ("style", "update", "line"),
    [
        (
            "mxnet",
            "    with autograd.record():\n        w[:] = w - lr * w.grad\n    b[:] = b - lr * b.grad",
            "w[:] = w",
        ),
        ("mxnet", "    with autograd.record():\n        w -= lr * w.grad\n    b[:] = b - lr * b.grad", "w -= lr"),
        ("torch", "    w -= lr * w.grad\n    b -= lr * b.grad", "w -= lr"),
        ("torch", "    w.sub_(lr * w.grad)", "w.sub_"),
        ("tidu", "    w -= lr * w.grad\n    b -= lr * b.grad", "w -= lr"),
    ],
)
def test_an_update_inside_the_record(style, update, line, tmp_path, capsys):
    seen, lines = watched(tmp_path, style, update)
    assert kinds_and_lines(seen) == [("update_in_record", the_line(lines, line))]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("in_function", [True, False])
def test_a_parameter_that_is_rebound(style, in_function, tmp_path, capsys):
    """In a function nothing learns, in silence; in the loop itself, the second step fails."""
    begin = "    with torch.no_grad():\n    " if style == "torch" and in_function else ""
    loop = f"{begin}    for p in (w, b):\n    {'    ' if begin else ''}    p = p - lr * p.grad"
    update = loop if in_function else "    w = w - lr * w.grad\n    b = b - lr * b.grad"
    seen, lines = watched(tmp_path, style, update)
    found = kinds_and_lines(seen)
    if in_function:
        assert ("rebound", the_line(lines, "p = p -")) in found
    else:
        assert ("rebound", the_line(lines, "w = w -")) in found
        assert seen.ended.status == 1
    assert {kind for kind, _line in found} == {"rebound"}


@pytest.mark.parametrize("style", STYLES)
def test_shapes_that_give_a_table_of_pairs(style, tmp_path):
    seen, lines = watched(tmp_path, style, shape="")
    assert kinds_and_lines(seen) == [("broadcast", the_line(lines, "+ b - y"))]
    (fault,) = seen.faults
    assert fault.numbers["shapes"] == [[20, 1], [20]]


@pytest.mark.parametrize("shape", ["", ".reshape(-1, 1)"])
def test_such_shapes_in_plain_numpy(shape, tmp_path):
    path = tmp_path / "script.py"
    path.write_text(
        "import numpy as np\nX = np.random.default_rng(0).normal(size=(20, 2))\ny = X @ np.array([2.0, -3.4])"
        + shape
        + "\n"
        "w, b = np.zeros((2, 1)), 0.0\nfor k in range(5):\n    err = X @ w + b - y\n    w = w - 0.1 * X.T @ err / 20\n"
        "    if w.shape != (2, 1):\n        break\n",
        encoding="utf-8",
    )
    seen = watch_script(str(path), record=("w",))
    assert kinds_and_lines(seen) == ([("broadcast", 6)] if not shape else [])


@pytest.mark.parametrize("style", STYLES)
def test_a_sum_with_a_rate_for_a_mean(style, tmp_path):
    seen, lines = watched(tmp_path, style, reduction="sum", lr=0.2)
    (fault,) = seen.faults
    assert (fault.kind, fault.place.text) == ("sum_for_mean", next(t for t in lines if "lr *" in t).strip())
    assert fault.numbers["count"] == 20
    assert fault.numbers["rate"] == pytest.approx(0.2)


@pytest.mark.parametrize("style", STYLES)
def test_a_step_beyond_the_limit_of_the_curvature(style, tmp_path):
    import numpy as np

    seen, lines = watched(tmp_path, style, lr=3.0)
    (fault,) = seen.faults
    assert (fault.kind, fault.place.text) == ("step_too_long", next(t for t in lines if "lr *" in t).strip())
    if style == "tidu":  # the Hessian of the mean over the first eight batches, by hand
        X = np.random.default_rng(1).normal(0, 1, (200, 2))[:160]
        A = np.column_stack([X, np.ones(160)])
        limit = 2 / np.linalg.eigvalsh(A.T @ A / 160).max()
        assert fault.numbers["limit"] == pytest.approx(limit, rel=1e-4)


@pytest.mark.parametrize("style", STYLES)
def test_just_below_the_limit_nothing_is_said(style, tmp_path):
    assert watched(tmp_path, style, lr=1.2)[0].faults == ()


def test_gradients_that_are_only_looked_at_are_no_fault(tmp_path):
    """As in the chapters on automatic differentiation: backward, print, clear, and again."""
    path = tmp_path / "looks.py"
    path.write_text(
        "import tidu.torch_names as torch\n"
        "x = torch.arange(4.0, requires_grad=True)\n"
        "y = 2 * torch.dot(x, x)\ny.backward()\nprint(x.grad)\n"
        "x.grad.zero_()\nz = (x - 2).sum()\nz.backward()\nprint(x.grad)\n"
        "x.grad.zero_()\n((x * x).sum()).backward()\nprint(x.grad == 2 * x)\n",
        encoding="utf-8",
    )
    assert watch_script(str(path)).faults == ()


def test_gradients_that_add_up_on_purpose_are_no_fault(tmp_path):
    """Four small batches, then one step."""
    update = (
        "    if k % 80 == 60:\n        with torch.no_grad():\n            for p in (w, b):\n"
        "                p -= lr / 4 * p.grad\n                p.grad.zero_()"
    )
    assert watched(tmp_path, "torch", update)[0].faults == ()


def test_new_leaves_in_each_step_are_one_training(tmp_path):
    update = "    w = (w - lr * w.grad).detach().requires_grad_()\n    b = (b - lr * b.grad).detach().requires_grad_()"
    seen, _lines = watched(tmp_path, "torch", update)
    assert seen.faults == ()
    (training,) = seen.trainings
    assert len(training.losses) == 30
    assert training.losses[-1] < 0.1
