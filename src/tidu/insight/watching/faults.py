"""What is wrong in a watched script, in the ways in which learners' code is wrong: each with its line and the cure.

A `Fault` is only reported where the script shows its effect as well: a gradient that adds up, a parameter that stays as
it is, a loss that grows. What is unusual and works is no fault.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tidu.eager.ndarray import NDArray
from tidu.eager.torch_tensor import TorchTensor
from tidu.insight.watching.curvature import largest_curvature
from tidu.insight.watching.reductions import Reduction, reduction_of
from tidu.insight.watching.script import Ended, Place, Script
from tidu.insight.watching.watcher import Leaf, Training, Watcher
from tidu.text import _

GROWN = 2.0  # times the first losses: a loss that grew
WINDOW = 20  # losses at both ends that are compared
STRAIGHT = 0.9999  # cosine of steps that follow the gradient and nothing else
MARGIN = 1.001  # beyond the limit of stability


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    Attributes
    ----------
    kind : `not_cleared`, `cleared_too_early`, `update_in_record`, `rebound`, `broadcast`, `sum_for_mean` or
        `step_too_long`.
    place : the line, where it is known.
    words, cure : what is wrong, and what to write.
    """

    kind: str
    place: Place | None
    words: str
    cure: str
    numbers: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "kind": self.kind,
            "line": None if self.place is None else self.place.line,
            "place": None if self.place is None else self.place.to_dict(),
            "words": self.words,
            "cure": self.cure,
            **self.numbers,
        }


def faults_of(watcher: Watcher, ended: Ended) -> list[Fault]:
    """Everything that is wrong, in the order of the script's lines."""
    found: list[Fault] = list(_broadcasts(watcher))
    for training in watcher.trainings:
        of_training = [
            *_not_cleared(training),
            *_cleared_too_early(training),
            *_update_in_record(training, ended, watcher.script),
            *_rebound(training, ended, watcher.script),
        ]
        found += of_training
        if not any(f.kind in ("not_cleared", "update_in_record") for f in of_training):
            found += _too_long(training)
    once = {(f.kind, f.place.line if f.place else 0): f for f in reversed(found)}
    return sorted(once.values(), key=lambda f: f.place.line if f.place else 0)


def _names(leaves: Iterable[Leaf]) -> str:
    return ", ".join(leaf.name for leaf in leaves)


def _broadcasts(watcher: Watcher) -> Iterator[Fault]:
    for seen in watcher.broadcasts.values():
        a, b = seen.shapes
        words = _("shapes {a} and {b} give {made}: each prediction meets every label, not only its own").format(
            a=a, b=b, made=seen.made
        )
        cure = _("give both one shape before: y.reshape(y_hat.shape)")
        yield Fault("broadcast", seen.place, words, cure, {"shapes": [list(a), list(b)]})


def _not_cleared(training: Training) -> Iterator[Fault]:
    for place, leaves in _by_place((leaf, leaf.stale) for leaf in training.leaves):
        leaf = leaves[0]
        words = _(
            "backward() adds to a gradient that has already been used: {names}, {times} times; each step is made with "
            "all gradients so far"
        ).format(names=_names(leaves), times=len(leaf.stale))
        if isinstance(leaf.tensor, TorchTensor):
            cure = _("after the update: {name}.grad.zero_()").format(name=leaf.name)
        elif isinstance(leaf.tensor, NDArray):
            cure = _("attach_grad() without 'add', or after the update: {name}.grad[:] = 0").format(name=leaf.name)
        else:
            cure = _("after the update: {name}.zero_grad()").format(name=leaf.name)
        yield Fault("not_cleared", place, words, cure, {"parameters": [x.name for x in leaves]})


def _cleared_too_early(training: Training) -> Iterator[Fault]:
    idle = [leaf for leaf in training.leaves if leaf.emptied and (not leaf.changed or len(leaf.emptied) > 1)]
    for place, leaves in _by_place((leaf, leaf.emptied) for leaf in idle):
        words = _(
            "the gradient is cleared after backward() and before the update has used it: {names}; the update changes "
            "nothing"
        ).format(names=_names(leaves))
        cure = _("clear it after the update, or before backward()")
        yield Fault("cleared_too_early", place, words, cure, {"parameters": [x.name for x in leaves]})


def _update_in_record(training: Training, ended: Ended, script: Script) -> Iterator[Fault]:
    places: list[tuple[Leaf, list[Place | None]]] = [
        (leaf, [leaf.in_record]) for leaf in training.leaves if leaf.in_record is not None
    ]
    if ended.error is not None and ended.place is not None:
        # `w -= ...` under a record is refused where it stands
        refused = [leaf for leaf in training.leaves if leaf.fresh and _moves(script, ended.place)]
        if type(ended.error).__name__ == "TensorError":
            places += [(leaf, [ended.place]) for leaf in refused[:1]]
    for place, leaves in _by_place(places):
        words = _(
            "the update is made while operations are recorded: it is refused, or taken for part of the model: {names}"
        ).format(names=_names(leaves))
        kind = type(leaves[0].tensor)
        if issubclass(kind, NDArray):
            cure = _("put backward() and the update behind the block of autograd.record()")
        elif issubclass(kind, TorchTensor):
            cure = _("put the update inside `with torch.no_grad():`")
        else:
            cure = _("put the update inside `with tidu.no_grad():`, or write {name}[:] = {name} - ...").format(
                name=leaves[0].name
            )
        yield Fault("update_in_record", place, words, cure, {"parameters": [x.name for x in leaves]})


def _rebound(training: Training, ended: Ended, script: Script) -> Iterator[Fault]:
    failed = ended.error is not None and type(ended.error).__name__ in ("TypeError", "TensorError", "AttributeError")
    if failed and ended.place is not None and _moves(script, ended.place):
        return
    places: list[tuple[Leaf, list[Place | None]]] = []
    for leaf in training.leaves:
        if leaf.changed:
            continue
        if leaf.rebound is not None and (leaf.walks > 1 or failed):
            places.append((leaf, [leaf.rebound[0]]))
        elif failed and leaf.rebound_in_use is not None:
            places.append((leaf, [leaf.rebound_in_use]))
    for place, leaves in _by_place(places):
        words = _(
            "this makes a new tensor under the old name; the parameter itself stays as it is and learns nothing: "
            "{names}"
        ).format(names=_names(leaves))
        if isinstance(leaves[0].tensor, TorchTensor):
            cure = _("change it where it is: `param -= lr * param.grad` inside `with torch.no_grad():`")
        else:
            cure = _("change it where it is: param[:] = param - lr * param.grad")
        yield Fault("rebound", place, words, cure, {"parameters": [x.name for x in leaves]})


def _moves(script: Script, place: Place) -> bool:
    """Whether the statement in this line changes something where it is: `w -= ...`, `w.sub_(...)`."""
    if script.tree is None or place.file != script.path:
        return False
    at = [n for n in ast.walk(script.tree) if getattr(n, "lineno", 0) == place.line]
    return any(
        isinstance(n, ast.AugAssign)
        or (isinstance(n, ast.Attribute) and n.attr in ("sub_", "add_", "copy_", "mul_", "div_"))
        for n in at
    )


def _too_long(training: Training) -> Iterator[Fault]:
    """Steps beyond 2/λ: the rate is too high, or the gradient a sum where the rate was meant for a mean."""
    if not grew(training.losses) or not training.walks:
        return
    moving = [leaf for leaf in training.leaves if leaf.rates]
    rates = [rate for leaf in moving for rate, cosine in leaf.rates[:3] if cosine > STRAIGHT]
    if not rates or len(rates) < sum(len(leaf.rates[:3]) for leaf in moving) or min(rates) <= 0:
        return  # momentum, weight decay and the like follow more than the gradient
    curvature = largest_curvature(training.walks, [leaf.tensor for leaf in moving])
    if curvature is None or curvature <= 0:
        return
    rate, limit = float(np.median(rates)), 2.0 / curvature
    if rate <= MARGIN * limit:
        return
    reduction = reduction_of(training.walks[0])
    place = moving[0].update_place
    numbers = {"rate": rate, "limit": limit, "loss": [training.losses[0], training.losses[-1]]}
    first, last = f"{training.losses[0]:.4g}", f"{training.losses[-1]:.4g}"
    if reduction.kind == "sum" and rate / reduction.count <= limit:
        words = _(
            "the gradient is a sum over {n}, and the rate fits a mean: the step is {rate:.4g} times the gradient, and "
            "the curvature allows less than {limit:.4g} times; the loss went from {first} to {last}"
        ).format(n=reduction.count, rate=rate, limit=limit, first=first, last=last)
        cure = _("divide by {n} once: in the loss (mean() in place of sum()), or in the update (/ batch_size)").format(
            n=reduction.count
        )
        yield Fault("sum_for_mean", place, words, cure, {**numbers, "count": reduction.count})
        return
    words = _(
        "the step is too long: {rate:.4g} times the gradient, and the curvature allows less than {limit:.4g} times "
        "(2/λ); the loss went from {first} to {last}"
    ).format(rate=rate, limit=limit, first=first, last=last)
    cure = _("divide the learning rate by {factor:.2g} or more").format(factor=float(1.2 * rate / limit))
    yield Fault("step_too_long", place, words, cure, numbers)


def grew(losses: Sequence[float]) -> bool:
    """Whether the loss is larger at the end than at first, or no finite number any more."""
    if len(losses) < 3:
        return False
    if not np.all(np.isfinite(losses)):
        return True
    width = min(WINDOW, max(1, len(losses) // 4))
    return float(np.median(losses[-width:])) > GROWN * float(np.median(losses[:width]))


def reductions_of(training: Training) -> Reduction | None:
    """How the first walk of a training sums up its samples."""
    return reduction_of(training.walks[0]) if training.walks else None


def _by_place(found: Iterable[tuple[Leaf, list[Place | None]]]) -> list[tuple[Place | None, list[Leaf]]]:
    """The leaves of each line; of each leaf the first place."""
    places: dict[Place | None, list[Leaf]] = {}
    for leaf, where in found:
        if where:
            places.setdefault(where[0], []).append(leaf)
    return list(places.items())
