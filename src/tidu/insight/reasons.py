"""Why a step computes a value: the rule of calculus, or what the step does there, in one sentence.

The rule of a derivative is read off the backward pass as it was made (`calculus.adjoints`): which uses of a value add
what to its derivative. Called by `explain`.
"""

from __future__ import annotations

from collections.abc import Container
from functools import cached_property
from typing import Any

import numpy as np

from tidu.engines.mathematics import UNICODE, update_rule
from tidu.engines.program import Program
from tidu.insight.rules import Rule, rule_of
from tidu.language.calculus import Adjoint, adjoints
from tidu.language.expr import Expr, evaluation_order
from tidu.language.printer import unicode, unicode_name
from tidu.text import _

LONGEST = 40  # characters of a part that is told in a sentence


class Reasons:
    """The sentences for the values of one program; `loss` is what it is called, as `huber`."""

    def __init__(self, program: Program, loss: str) -> None:
        self.program, self.loss = program, loss
        self.names: dict[Expr, str] = {}  # what the loop calls parts of the formula, as far as they are computed

    @cached_property
    def adjoints(self) -> dict[Expr, Adjoint]:
        """The derivative of the loss by each node, with the parts that it is the sum of."""
        return adjoints(self.program.loss, [self.program.score, *self.program.parameters])

    @cached_property
    def derivatives(self) -> dict[Expr, list[Expr]]:
        """Of an expression, the nodes that it is the derivative of the loss by; the nearest to the loss first."""
        found: dict[Expr, list[Expr]] = {}
        for node, adjoint in self.adjoints.items():
            found.setdefault(adjoint.value, []).append(node)
        return found

    @cached_property
    def forward(self) -> frozenset[Expr]:
        """What the loss is computed from."""
        return frozenset(evaluation_order([self.program.loss]))

    @cached_property
    def of_prediction(self) -> frozenset[Expr]:
        """What the prediction is computed from."""
        return frozenset(evaluation_order([self.program.score]))

    @cached_property
    def update(self) -> dict[str, str]:
        """The optimizer's rule: what each of its values becomes."""
        return dict(update_rule(self.program, UNICODE))

    def derived_by(self, node: Expr) -> Expr | None:
        """What a value of the backward pass is the derivative of the loss by: the prediction, where it is that too."""
        known = self.derivatives.get(node)
        if known is None or node in self.forward:
            return None
        return self._nearest_of(node)

    def named(self, node: Expr) -> str:
        """A part of the formula in a sentence."""
        p = self.program
        if node is p.loss:
            return "ℓ"
        if node is p.score and p.target is not None and node.args:
            return "ŷ"
        if node in self.names:
            return self.names[node]
        shown = unicode_name(node.name) if node.is_symbol else unicode(node, {p.score: "ŷ"} if p.score.args else {})
        return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"

    # -- of one sample --------------------------------------------------------------------------------------
    def of_forward(self, node: Expr) -> str:
        """A value on the way to the loss."""
        p = self.program
        if node is p.loss:
            return _("the loss '{loss}' of this sample").format(loss=self.loss) if p.target is not None else _(
                "the value of the function")  # fmt: skip
        if node is p.score:
            return _("the prediction: the formula, with the parameters as they are now")
        if p.target is not None and node in (p.score - p.target, p.target - p.score):
            return _("how far the prediction is from the target")
        if node is p.target:
            return _("the target: the left side of the formula")
        if node is p.weight:
            return _("how much this sample counts")
        if node not in self.of_prediction:
            return _("a part of the loss")
        if node.op.name == "matmul":
            return _("each unit weighs what comes in, and adds it up")
        if node.op.name == "stack":
            return _("the inputs of this row, side by side")
        if node in p.masks:
            return _("dropout: 0 for a unit that is left out in this step, and a factor above 1 for the others")
        if node.shape and node.op.name == "add":
            return _("the bias of each unit is added")
        if node.shape and node.op.elementwise:
            return _("the activation of each unit")
        return _("a part of the formula that is needed more than once, so it is computed once")

    def of_derivative(self, node: Expr, wanted: Expr | None, named: Container[Expr]) -> str:
        """A value of the backward pass; `named` are the nodes that have a value already, where the chain begins."""
        of = self.derived_by(node) if wanted is None else wanted
        if of is None or of not in self.adjoints:
            return _("a factor that several derivatives have in common, computed once")
        rules, upto = self._chain(of, None if wanted is not None else node, named)
        by = self.named(of)
        if not rules:
            return _("the derivative of the loss by itself is 1")
        alone = str(rules[0]) if len(rules) == 1 else ""
        told = _(", ").join(dict.fromkeys(rule.name for rule in rules))
        if upto is self.program.loss:
            if alone:
                return _("the derivative of ℓ by {of}; {rule}").format(of=by, rule=alone)
            return _("chain rule, from ℓ back to {of}: {rules}").format(of=by, rules=told)
        return _("chain rule: ∂ℓ/∂{upto} times the derivative of {upto} by {of}; {rules}").format(
            upto=_bracketed(self.named(upto)), of=_bracketed(by), rules=alone or told
        )

    def _chain(self, of: Expr, own: Expr | None, named: Container[Expr]) -> tuple[list[Rule], Expr]:
        """The rules from a node that has its derivative already to `of`, in this order, and that node."""
        rules: list[Rule] = []
        node = of
        while node is not self.program.loss:
            parts = self.adjoints[node].parts
            if len(parts) > 1:
                names = _(", ").join(dict.fromkeys(rule_of(u).name for u, _part in parts))
                several = _("it is used {count} times, and the parts are added").format(count=len(parts))
                rules.append(Rule(several, names))
                known = [u for u, _part in parts if self.adjoints[u].value in named]
                return rules[::-1], known[0] if known else self.program.loss
            node = parts[0][0]
            rules.append(rule_of(node))
            value = self.adjoints[node].value
            if node is self.program.loss or node is self.program.score:
                break
            if value in named and value is not own and self._nearest_of(value) is node:
                break
        return rules[::-1], node

    def _nearest_of(self, value: Expr) -> Expr:
        """Of the nodes that a value is the derivative by, the prediction, or the nearest to the loss."""
        known = self.derivatives[value]
        return self.program.score if self.program.score in known else known[0]

    def of_column(self, label: str, value: Any, row: int) -> str:
        """A cell of the data, and where it is a class, as the loss reads it."""
        if np.ndim(value):
            return _("from the data, row {row}: class {label}, as 1 at its place and 0 elsewhere").format(
                row=row, label=label
            )
        if label:
            return _("from the data, row {row}: class {label}").format(row=row, label=label)
        return _("from the data, row {row}").format(row=row)

    # -- of the step ----------------------------------------------------------------------------------------
    def of_sum(self, is_loss: bool) -> str:
        """A sum over the batch."""
        if is_loss:
            return _("the losses of the batch, added up")
        return _("sum rule: the derivative of a sum of losses is the sum of their derivatives")

    def of_one(self) -> str:
        """The gradient of a batch of one."""
        return _("one sample: its loss is the cost of this step, and its gradient that of the cost")

    def of_mean(self, is_loss: bool, count: int) -> str:
        """A mean over the batch."""
        if is_loss:
            return _("the cost: the mean of the losses")
        return _("constant factor rule: the cost is 1/{count} of the sum, and so is its gradient").format(count=count)

    def of_penalty(self, parameter: Expr) -> str:
        """A gradient with what the penalty adds."""
        slope = self.program.penalty_slope(parameter)
        return _(
            "sum rule: the penalty is added to the cost, and its derivative by {name}, {slope}, to the gradient"
        ).format(name=unicode_name(parameter.name), slope=unicode(slope, self.program.means))

    def of_share(self) -> str:
        """What a row adds to the sum of the losses."""
        return _("what this row adds to the sum of the losses")

    def of_length(self) -> str:
        """What clipping compares."""
        return _("the length of the gradient, beside its bound")

    def of_clip(self, changed: bool) -> str:
        """A gradient after clipping."""
        return (
            _("no rule of calculus: the gradient is longer than allowed, and is cut")
            if changed
            else _("no rule of calculus: the gradient is within its bounds, and stays")
        )

    def of_rate(self) -> str:
        """The rate of a step that has a schedule."""
        return _("the schedule at this step: {rate}").format(rate=unicode(self.program.rate))

    def of_update(self, name: str | None) -> str:
        """A value of the update: the new value of w, or of a number of the state, as the rule calls it; or a part."""
        optimizer, rule = self.program.optimizer.name, self.update
        if name is None or name not in rule:
            return _("a part of the rule of {optimizer}").format(optimizer=optimizer)
        return _("the rule of {optimizer}: {left} ← {right}").format(optimizer=optimizer, left=name, right=rule[name])


def _bracketed(shown: str) -> str:
    return f"({shown})" if " " in shown and not shown.endswith(")") else shown
