"""What a person should know about how good a fit is: a model that explains nothing, a loss that was still falling.

Called once the scores are known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tidu.content.methods import is_solver
from tidu.engines.program import Program
from tidu.text import _
from tidu.training.history import History
from tidu.training.settings import Settings

NOTHING = 0.01  # R² up to which a model explains next to nothing
LATE = 0.9  # share of the training after which a loss should hardly fall
STILL_FALLING = 0.01  # share of the loss that is lost after that
FEW = 100  # epochs that nobody expects to be enough
ROWS = 20  # of history, at least


def remarks_on(
    settings: Settings, program: Program, stopped: str, history: History, metrics: Mapping[str, Any]
) -> list[str]:
    """Sentences about a finished fit, each with what to try next."""
    if stopped in ("diverged", "interrupted"):
        return []
    remarks = []
    solver = is_solver(settings.optimizer)
    if not solver and settings.epochs is None and settings.steps is None and stopped in ("epochs", "steps"):
        losses = history.loss
        if len(losses) >= ROWS:
            late, last = float(losses[int(LATE * len(losses))]), float(losses[-1])
            share = (late - last) / abs(late) if late else 0.0
            if share > STILL_FALLING:
                remarks.append(
                    _(
                        "the loss was still falling when the training ended, by {share:.2g}% in its last tenth: more "
                        "--epochs, --lr auto, --scale or --optimizer auto bring it further"
                    ).format(share=100.0 * share)
                )
    r2 = metrics.get("r2", math.nan)
    has_features = any(c.role == "feature" for c in program.columns)
    asked_for_little = not solver and (settings.epochs or math.inf) < FEW and (settings.steps or 0) < FEW
    of_the_middle = settings.loss_object.name != "quantile"  # R² asks how near the mean is
    if r2 < NOTHING and has_features and of_the_middle and not asked_for_little:
        if solver:
            remarks.append(
                _(
                    "the model explains next to nothing: R² is {r2:.3g}. If it should, try other starting values "
                    "(--init), several starts (--starts 20), or another formula"
                ).format(r2=r2)
            )
        else:
            remarks.append(
                _(
                    "the model explains next to nothing: R² is {r2:.3g}, no better than a constant. Try --optimizer "
                    "lm, --scale, other starting values (--init), or more --epochs"
                ).format(r2=r2)
            )
    if has_features and not asked_for_little and "confusion" in metrics:
        remarks += _of_classes(metrics)
    return remarks


def _of_classes(metrics: Mapping[str, Any]) -> list[str]:
    """Whether a model of classes knows more than how frequent each is."""
    counts = [float(sum(row)) for row in metrics["confusion"]]
    rows = sum(counts)
    if max(counts) == rows:
        return []
    most = max(counts) / rows
    if "log_loss" in metrics:
        shares = -sum(n / rows * math.log(n / rows) for n in counts if n)
        if metrics["log_loss"] > (1.0 - NOTHING) * shares:
            return [
                _(
                    "the model explains next to nothing: its log loss is {loss:.4g}, and the share of each class alone "
                    "gives {shares:.4g}. If it should, try --optimizer auto, more --epochs, or another formula"
                ).format(loss=metrics["log_loss"], shares=shares)
            ]
    elif metrics["accuracy"] <= most:
        return [
            _(
                "the model explains next to nothing: it is right in {accuracy:.3g}% of the rows, and the most frequent "
                "class alone makes {most:.3g}% of them. Try --loss logistic or hinge with --optimizer auto, or another "
                "formula"
            ).format(accuracy=100.0 * metrics["accuracy"], most=100.0 * most)
        ]
    return []
