"""What attach_grad() and backward() do: one loss as a graph, and the chain rule along it with the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidu.eager.tensor import tensor
from tidu.eager.walk import Walk, shown, walk_back
from tidu.lessons.lesson import Material, csv_text, rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

X, Y, W, B = 2.0, 5.0, 1.0, 0.5
LR = 0.1
NUDGE = 0.001
BATCH_X, BATCH_Y = [1.0, 2.0, 3.0], [2.0, 5.0, 4.0]


def loss_of(w: Any, b: Any, x: Any, y: Any) -> Any:
    """ℓ = ½(w·x + b − y)²."""
    return (w * x + b - y) ** 2 / 2


def walk_of_the_loss() -> Walk:
    """The graph of one sample's loss, every part under its name."""
    x, y = tensor(X), tensor(Y)
    w, b = tensor(W).attach_grad(), tensor(B).attach_grad()
    product = w * x
    y_hat = product + b
    residual = y_hat - y
    square = residual**2
    loss = square / 2
    return walk_back(
        loss, loss=loss, square=square, residual=residual, y_hat=y_hat, product=product, w=w, b=b, x=x, y=y
    )


def walk_of_two_uses() -> Walk:
    """A tensor that is used twice: f = a·b + a."""
    a, b = tensor(3.0).attach_grad(), tensor(4.0).attach_grad()
    product = a * b
    f = product + a
    return walk_back(f, f=f, product=product, a=a, b=b)


def material() -> Material:
    """The walk, what a gradient is at each moment, a check by a nudge, two uses, a batch, an update."""
    walk, twice = walk_of_the_loss(), walk_of_two_uses()
    slopes = {visit.name: visit.slope for visit in walk.visits}
    moments = _moments()
    nudged = (loss_of(W + NUDGE, B, X, Y) - loss_of(W, B, X, Y)) / NUDGE
    w = tensor(W).attach_grad()
    loss_of(w, B, tensor(BATCH_X), tensor(BATCH_Y)).backward()
    each = [(W * x + B - y) * x for x, y in zip(BATCH_X, BATCH_Y, strict=True)]
    new_w, new_b = W - LR * slopes["w"], B - LR * slopes["b"]
    numbers = {
        "loss": walk.visits[0].value,
        "gradient": {"w": slopes["w"], "b": slopes["b"]},
        "values": {visit.name: visit.value for visit in walk.visits},
        "slopes": slopes,
        "steps": [
            {"from": visit.name, "to": p.to, "slope": visit.slope, "local": p.local, "contribution": p.contribution}
            for visit in walk.visits
            for p in visit.passed
        ],
        "moments": moments,
        "nudged": nudged,
        "two_uses": {visit.name: visit.slope for visit in twice.visits},
        "batch": {"each": each, "sum": w.grad},
        "update": {"lr": LR, "w": new_w, "b": new_b, "loss": loss_of(new_w, new_b, X, Y)},
    }
    values = {
        "tree": walk.tree(),
        "steps": rows(
            (f"{visit.name} → {p.to}", shown(visit.slope), shown(p.local), shown(p.contribution))
            for visit in walk.visits
            for p in visit.passed
        ),
        "grad_w": shown(slopes["w"]),
        "grad_b": shown(slopes["b"]),
        "residual": shown(numbers["values"]["residual"]),
        "loss": shown(numbers["loss"]),
        **{moment: "None" if value is None else shown(value) for moment, value in moments.items()},
        "nudged": f"{nudged:.4f}",
        "two_uses": twice.tree(),
        "two_steps": twice.steps(),
        "grad_a": shown(numbers["two_uses"]["a"]),
        "batch_each": ", ".join(shown(g) for g in each),
        "batch_sum": shown(w.grad),
        "batch_mean": shown(w.grad / len(each)),
        "new_w": shown(new_w),
        "new_b": shown(new_b),
        "new_loss": shown(numbers["update"]["loss"]),
    }
    return Material(
        numbers, values, {"backward.csv": csv_text({"x": [X], "y": [Y]})}, {"graph": lambda: _picture(walk)}
    )


def _moments() -> dict[str, float | None]:
    """What `w.grad` is from one line of the program to the next."""
    w = tensor(W).attach_grad()
    moments = {"at_first": w.grad}
    for moment in ("once", "again"):
        loss_of(w, B, X, Y).backward()
        moments[moment] = w.grad
    w.zero_grad()
    moments["zeroed"] = w.grad
    return moments


def _picture(walk: Walk) -> Figure:
    from tidu.pictures.figure import label
    from tidu.pictures.graph_figures import graph_figure
    from tidu.pictures.graphs import Edge, Graph, Node

    nodes = [
        Node(v.name, "loss" if k == 0 else "parameter" if v.kept else "value", v.formula, v.value, v.slope)
        for k, v in enumerate(walk.visits)
    ]
    nodes += [Node(name, "data", "", value) for name, value in walk.data.items()]
    known = {node.name for node in nodes}
    local = {(v.name, p.to): p.local for v in walk.visits for p in v.passed}
    edges = [
        Edge(argument, v.name, local.get((v.name, argument)))
        for v in walk.visits
        for argument in v.arguments
        if argument in known
    ]
    order = tuple(reversed(nodes))  # arguments before their users
    note = label("forward: values, to the right · backward: slopes (orange), to the left")
    return graph_figure(Graph(order, tuple(edges), note=note, of_gradient=label("slope {gradient}")))
