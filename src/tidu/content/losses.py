"""The losses: each is one expression of one sample's score and target.

The score is what the formula gives. Most losses compare it with the target as it is; `logistic` and `poisson`
read it through a link (the prediction is sigmoid(score), exp(score)). Losses of classes take targets that are labels:
the table's reader gives each label one of the codes declared here. The cost is the mean of the loss over the batch,
with no factors except those written here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from tidu.content.arguments import Option, chosen, fraction, positive
from tidu.errors import DataError
from tidu.language import array_ops, ops
from tidu.language.expr import Expr
from tidu.text import _, mark

MOST_CLASSES = 1000  # more labels than this are a quantity, or names of single rows


@dataclass(frozen=True)
class Targets:
    """Which targets a loss accepts; where they are labels, the numbers that stand for the classes, in their order."""

    words: str
    allowed: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.bool_]]
    codes: Sequence[float] = ()


REAL = Targets(mark("any number"), lambda y: np.isfinite(y))
ZERO_ONE = Targets(mark("0 or 1"), lambda y: (y == 0.0) | (y == 1.0), (0.0, 1.0))
SIGN = Targets(mark("-1 or 1"), lambda y: (y == -1.0) | (y == 1.0), (-1.0, 1.0))
CLASS = Targets(mark("classes: 0, 1, 2 ..."), lambda y: (y >= 0.0) & (y == np.floor(y)), range(MOST_CLASSES))
COUNT = Targets(mark("0 or more"), lambda y: y >= 0.0)


def identity(score: Expr) -> Expr:
    """The score is the prediction."""
    return score


@dataclass(frozen=True)
class Loss:
    """A loss with its options fixed; made by the functions below, or by `tidu.content.losses.loss_named(text)`.

    `least_squares` is the c of a loss c·(ŷ − y)², and None for every other loss.
    """

    name: str
    expression: Callable[..., Expr]
    options: Mapping[str, Option]
    targets: Targets
    link: Callable[[Expr], Expr]
    values: Mapping[str, float] = field(default_factory=dict)
    least_squares: float | None = None
    probabilities: bool = False  # whether scores are log-odds of the classes

    def __call__(self, y_hat: Expr, y: Expr) -> Expr:
        """The loss of one sample."""
        return self.expression(y_hat, y, **self.values)

    @property
    def of_classes(self) -> bool:
        """Whether it wants a score for each of several classes."""
        return self.targets is CLASS

    def check(self, target: npt.NDArray[np.float64], first_row: int = 0) -> None:
        """Raise DataError at the first target that this loss has no meaning for; `first_row` is that of the first."""
        bad = np.flatnonzero(~self.targets.allowed(target))
        if bad.size:
            raise DataError(
                _("the loss '{loss}' takes targets that are {words}; row {row} has {value:g}").format(
                    loss=self.name, words=_(self.targets.words), row=first_row + int(bad[0]) + 1, value=target[bad[0]]
                )
            )


LOSSES: dict[str, Loss] = {}
SYNONYMS = {"cross_entropy": "softmax", "mse": "squared", "mae": "absolute"}  # names that other libraries use


def loss(
    targets: Targets = REAL,
    link: Callable[[Expr], Expr] = identity,
    least_squares: float | None = None,
    probabilities: bool = False,
    **options: Option,
) -> Callable[[Callable[..., Expr]], Loss]:
    """Register a loss under its function's name."""

    def register(expression: Callable[..., Expr]) -> Loss:
        entry = Loss(
            expression.__name__,
            expression,
            options,
            targets,
            link,
            least_squares=least_squares,
            probabilities=probabilities,
        )
        LOSSES[entry.name] = entry
        return entry

    return register


def loss_named(text: str) -> Loss:
    """The loss that `text` names, with its options: `squared`, `huber(delta=2)`."""
    entry, values = chosen("loss", LOSSES, SYNONYMS.get(text.strip(), text) if isinstance(text, str) else text)
    return replace(entry, values=values)


@loss(least_squares=1.0)
def squared(y_hat: Expr, y: Expr) -> Expr:
    """Squared error; its mean is the MSE (Gauss 1809)."""
    return (y_hat - y) ** 2


@loss(least_squares=0.5)
def half_squared(y_hat: Expr, y: Expr) -> Expr:
    """Squared error with the ½ that cancels the 2 of the derivative."""
    return 0.5 * (y_hat - y) ** 2


@loss()
def absolute(y_hat: Expr, y: Expr) -> Expr:
    """Absolute error; its best constant is the median (Laplace 1774)."""
    return abs(y_hat - y)


@loss(delta=positive(1.0))
def huber(y_hat: Expr, y: Expr, delta: float) -> Expr:
    """Half squared within delta, straight beyond it: outliers pull with a bounded force (Huber 1964)."""
    residual = y_hat - y
    size = abs(residual)
    return ops.where(size <= delta, 0.5 * residual**2, delta * (size - 0.5 * delta))


@loss(scale=positive(1.0))
def cauchy(y_hat: Expr, y: Expr, scale: float) -> Expr:
    """Half squared within scale, logarithmic beyond it: far outliers hardly pull (Cauchy's distribution; Holland &
    Welsch 1977).
    """
    return 0.5 * scale**2 * ops.log1p(((y_hat - y) / scale) ** 2)


@loss()
def log_cosh(y_hat: Expr, y: Expr) -> Expr:
    """log(cosh(residual)), smooth everywhere: half squared near 0, absolute far out (Green 1990)."""
    return ops.log_cosh(y_hat - y)


@loss(tau=fraction(0.5, low_open=True))
def quantile(y_hat: Expr, y: Expr, tau: float) -> Expr:
    """Pinball loss; the best constant is the tau-quantile (Koenker & Bassett 1978)."""
    residual = y - y_hat
    return ops.maximum(tau * residual, (tau - 1) * residual)


@loss(targets=ZERO_ONE, link=ops.sigmoid, probabilities=True)
def logistic(y_hat: Expr, y: Expr) -> Expr:
    """Cross-entropy of a yes/no target and sigmoid(score), from the score, so that it cannot overflow (Cox 1958)."""
    return ops.softplus(y_hat) - y * y_hat


@loss(targets=SIGN, link=ops.sign)
def hinge(y_hat: Expr, y: Expr) -> Expr:
    """0 beyond the margin, straight inside it (Cortes & Vapnik 1995); slope 0 at the corner."""
    return ops.relu(1 - y * y_hat)


@loss(targets=SIGN, link=ops.sign)
def perceptron(y_hat: Expr, y: Expr) -> Expr:
    """How far a score is on the wrong side (Rosenblatt 1958). A score of 0 is a mistake, of slope -y: so a start at 0
    learns, and SGD with batches of 1 and a rate of 1 is the perceptron rule.
    """
    return ops.maximum(-(y * y_hat), 0)


@loss(targets=CLASS, link=lambda score: array_ops.softmax(score, attrs=((0,),)), probabilities=True)
def softmax(y_hat: Expr, y: Expr) -> Expr:
    """Cross-entropy of one class among several, from a score for each, so that it cannot overflow (Bridle 1990)."""
    over_classes = ((0,), False)
    log_of_sum: Expr = array_ops.logsumexp(y_hat, attrs=over_classes)
    score_of_class: Expr = array_ops.total(y * y_hat, attrs=over_classes)  # y is 1 at the class, 0 elsewhere
    return log_of_sum - score_of_class


@loss(targets=COUNT, link=ops.exp)
def poisson(y_hat: Expr, y: Expr) -> Expr:
    """Negative log-likelihood of a count whose mean is exp(score), without the part that no parameter moves."""
    return ops.exp(y_hat) - y * y_hat
