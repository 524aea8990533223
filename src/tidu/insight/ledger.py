"""The reduction behind a gradient: sum or mean, ½ or not, where it is divided, and the rate of the other convention.

The commonest confusion of all: a loss that is summed needs a rate that is smaller by the size of the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tidu.engines.mathematics import UNICODE, equations
from tidu.text import _
from tidu.training.problem import Problem
from tidu.training.solving.stability import linear_rule


@dataclass(frozen=True)
class Convention:
    """What all steps of a training have in common here: `loss`, `factor` and `obstacle` as in `Ledger`."""

    loss: str
    factor: float | None
    obstacle: str

    @classmethod
    def of(cls, problem: Problem) -> Convention:
        """That of a problem."""
        program, s = problem.descended, problem.settings
        obstacle = ""
        if linear_rule(program.optimizer) is None:
            obstacle = _(
                "{optimizer} divides by the size of the gradient, so its steps hardly depend on such a factor, and the "
                "rate stays"
            ).format(optimizer=program.optimizer.name)
        elif s.clip_norm is not None or s.clip_value is not None:
            obstacle = _("clipping bounds the gradient, which a factor would change; no rate makes up for it")
        elif s.l1 or s.l2:
            obstacle = _("a penalty would need the same factor as the losses, or the step is another one")
        own = program.residual_factor
        written = dict(equations(problem.program, UNICODE))
        loss = written.get("ℓ", written.get("f", str(problem.program.loss)))
        return cls(loss, own if own is not None else problem.program.residual_factor, obstacle)


@dataclass(frozen=True)
class Ledger:
    """How the losses of a batch become one gradient.

    Attributes
    ----------
    loss : of one sample, with its factor.
    factor : c, where the loss is c·(ŷ − y)²: ½ cancels the 2 of the derivative; None for other losses.
    count : samples in the batch.
    line, code : where the sum is divided by the count; 0 and empty for a batch of one.
    rate : the learning rate of this step; `sum_rate` makes the same step of summed losses, `other_factor_rate` of the
        loss without its ½, or with one. None where no rate does, as under Adam, whose steps hardly depend on the
        factor.
    obstacle : why there is no such rate; empty where there is one.
    """

    loss: str
    factor: float | None
    count: int
    line: int
    code: str
    rate: float
    sum_rate: float | None
    other_factor_rate: float | None
    obstacle: str

    @classmethod
    def of(cls, convention: Convention, count: int, line: int, code: str, rate: float) -> Ledger:
        """That of one step."""
        c = convention
        same = c.obstacle == ""
        other = {1.0: 2.0, 0.5: 0.5}.get(c.factor if c.factor is not None else 0.0)
        return cls(c.loss, c.factor, count, line, code, rate, rate / count if same and count > 1 else None,
                   rate * other if same and other else None, c.obstacle)  # fmt: skip

    @property
    def sentences(self) -> list[str]:
        """For people."""
        said = [
            _("mean, not sum: each gradient is the sum over the batch divided by {count}, in line {line} ({code}); the "
              "update divides by nothing").format(count=self.count, line=self.line, code=self.code)
            if self.line else _("one sample: its gradient is that of the step, and nothing is divided")
        ]  # fmt: skip
        if self.factor == 0.5:
            said.append(_("the loss {loss} has a ½, which cancels the 2 of the square").format(loss=self.loss))
        elif self.factor == 1.0:
            said.append(_("the loss {loss} has no ½, so the gradient has a factor 2").format(loss=self.loss))
        if self.sum_rate is not None:
            said.append(
                _("with summed losses, the rate of the same step is {rate:.6g} ÷ {count} = {other:.6g}").format(
                    rate=self.rate, count=self.count, other=self.sum_rate
                )
            )
        if self.other_factor_rate is not None:
            words = (
                _("without the ½, the rate of the same step is {rate:.6g} ÷ 2 = {other:.6g}")
                if self.factor == 0.5
                else _("with a ½, the rate of the same step is {rate:.6g} · 2 = {other:.6g}")
            )
            said.append(words.format(rate=self.rate, other=self.other_factor_rate))
        if self.obstacle and self.count > 1:
            said.append(self.obstacle)
        return said

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "reduction": "mean", "loss": self.loss, "factor": self.factor, "count": self.count, "line": self.line,
            "code": self.code, "rate": self.rate, "sum_rate": self.sum_rate,
            "other_factor_rate": self.other_factor_rate,
        }  # fmt: skip
