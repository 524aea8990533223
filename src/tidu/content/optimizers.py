"""The optimizers: each is a few assignments on named state, from the gradient `s.g` to the new weight `s.w`.

The same function runs on numbers and arrays as it stands, and is recorded as expressions for the loop, the printed
update and the checkpoint. `s.t` is the number of this update, from 1. The conventions are those of the papers as
today's libraries read them (state starts at 0; eps is added outside the square root unless said).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tidu.content.arguments import Option, chosen, fraction, nonnegative, positive
from tidu.language.expr import Expr, symbol
from tidu.language.ops import maximum, sqrt


@dataclass(frozen=True)
class Optimizer:
    """An update rule: `state` says what each parameter carries along and where that starts."""

    name: str
    rule: Callable[[Any, Any], None]
    state: Mapping[str, float]
    default_lr: float
    options: Mapping[str, Option]
    values: Mapping[str, float] = field(default_factory=dict)

    def __reduce__(self) -> tuple[Any, ...]:
        return _registered, (self.name, dict(self.values))  # by name: a rule is a function that its entry replaced

    def hyper_symbols(self) -> dict[str, Expr]:
        """A symbol for each option, as the recorded update names it."""
        return {name: symbol(name, "hyper", option.is_positive) for name, option in self.options.items()}

    def recorded(self, w: Expr, g: Expr, t: Expr, lr: Expr) -> tuple[Expr, dict[str, Expr]]:
        """The update of one parameter: the new weight, and the new state by name."""
        before = {name: symbol(f"{name}_{w.name}", "state", shape=w.shape) for name in self.state}
        s = _Namespace(w=w, g=g, t=t, **before)
        self.rule(s, _Namespace(lr=lr, **self.hyper_symbols()))
        return s.w, {name: getattr(s, name) for name in self.state}


def _registered(name: str, values: Mapping[str, float]) -> Optimizer:
    return replace(OPTIMIZERS[name], values=values)


class _Namespace:
    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"this optimizer has no '{name}'; declare it in @optimizer(...)")


OPTIMIZERS: dict[str, Optimizer] = {}
Rule = Callable[[Any, Any], None]


def optimizer(
    state: tuple[str, ...] | Mapping[str, float] = (), lr: float = 0.01, **options: Option
) -> Callable[[Rule], Optimizer]:
    """Register an optimizer under its function's name; state given by name alone starts at 0."""

    def register(rule: Rule) -> Optimizer:
        start = dict(state) if isinstance(state, Mapping) else dict.fromkeys(state, 0.0)
        entry = Optimizer(rule.__name__, rule, start, lr, options)
        OPTIMIZERS[entry.name] = entry
        return entry

    return register


def optimizer_named(text: str) -> Optimizer:
    """The optimizer that `text` names, with its options: `gd`, `adam(beta1=0.8)`."""
    entry, values = chosen("optimizer", OPTIMIZERS, text)
    return Optimizer(entry.name, entry.rule, entry.state, entry.default_lr, entry.options, values)


@optimizer()
def gd(s: Any, h: Any) -> None:
    """Gradient descent (Cauchy 1847); with batches, stochastic gradient descent (Robbins & Monro 1951)."""
    s.w = s.w - h.lr * s.g


@optimizer(state=("v",), momentum=fraction(0.9))
def momentum(s: Any, h: Any) -> None:
    """Heavy ball (Polyak 1964)."""
    s.v = h.momentum * s.v + s.g
    s.w = s.w - h.lr * s.v


@optimizer(state=("v",), momentum=fraction(0.9))
def nesterov(s: Any, h: Any) -> None:
    """Nesterov's accelerated gradient (1983), in the form of Sutskever et al. 2013."""
    s.v = h.momentum * s.v + s.g
    s.w = s.w - h.lr * (s.g + h.momentum * s.v)


@optimizer(state=("sum",), eps=positive(1e-10))
def adagrad(s: Any, h: Any) -> None:
    """AdaGrad (Duchi, Hazan & Singer 2011): each weight's rate falls with the gradients that it has seen."""
    s.sum = s.sum + s.g * s.g
    s.w = s.w - h.lr * s.g / (sqrt(s.sum) + h.eps)


@optimizer(state=("v",), rho=fraction(0.99), eps=positive(1e-8))
def rmsprop(s: Any, h: Any) -> None:
    """RMSProp (Hinton 2012, lecture 6e): AdaGrad that forgets."""
    s.v = h.rho * s.v + (1 - h.rho) * s.g * s.g
    s.w = s.w - h.lr * s.g / (sqrt(s.v) + h.eps)


@optimizer(state=("v", "d"), lr=1.0, rho=fraction(0.9), eps=positive(1e-6))
def adadelta(s: Any, h: Any) -> None:
    """AdaDelta (Zeiler 2012): steps measured in the size of past steps; eps inside both roots, lr is a plain factor."""
    s.v = h.rho * s.v + (1 - h.rho) * s.g * s.g
    change = sqrt(s.d + h.eps) / sqrt(s.v + h.eps) * s.g
    s.d = h.rho * s.d + (1 - h.rho) * change * change
    s.w = s.w - h.lr * change


@optimizer(state=("m", "v"), beta1=fraction(0.9), beta2=fraction(0.999), eps=positive(1e-8))
def adam(s: Any, h: Any) -> None:
    """Adam (Kingma & Ba 2015): running means of g and g², corrected for their start at 0."""
    s.m = h.beta1 * s.m + (1 - h.beta1) * s.g
    s.v = h.beta2 * s.v + (1 - h.beta2) * s.g * s.g
    m_hat = s.m / (1 - h.beta1**s.t)
    v_hat = s.v / (1 - h.beta2**s.t)
    s.w = s.w - h.lr * m_hat / (sqrt(v_hat) + h.eps)


@optimizer(
    state=("m", "v"), beta1=fraction(0.9), beta2=fraction(0.999), eps=positive(1e-8), weight_decay=nonnegative(0.01)
)
def adamw(s: Any, h: Any) -> None:
    """AdamW (Loshchilov & Hutter 2019): Adam, with weights that shrink by themselves, outside the gradient."""
    shrunk = s.w - h.lr * h.weight_decay * s.w
    s.m = h.beta1 * s.m + (1 - h.beta1) * s.g
    s.v = h.beta2 * s.v + (1 - h.beta2) * s.g * s.g
    m_hat = s.m / (1 - h.beta1**s.t)
    v_hat = s.v / (1 - h.beta2**s.t)
    s.w = shrunk - h.lr * m_hat / (sqrt(v_hat) + h.eps)


@optimizer(state=("m", "v", "v_max"), beta1=fraction(0.9), beta2=fraction(0.999), eps=positive(1e-8))
def amsgrad(s: Any, h: Any) -> None:
    """AMSGrad (Reddi, Kale & Kumar 2018): Adam whose second moment never falls."""
    s.m = h.beta1 * s.m + (1 - h.beta1) * s.g
    s.v = h.beta2 * s.v + (1 - h.beta2) * s.g * s.g
    s.v_max = maximum(s.v_max, s.v)
    m_hat = s.m / (1 - h.beta1**s.t)
    v_hat = s.v_max / (1 - h.beta2**s.t)
    s.w = s.w - h.lr * m_hat / (sqrt(v_hat) + h.eps)


@optimizer(
    state={"m": 0.0, "v": 0.0, "mu_product": 1.0},
    beta1=fraction(0.9),
    beta2=fraction(0.999),
    eps=positive(1e-8),
    momentum_decay=nonnegative(0.004),
)
def nadam(s: Any, h: Any) -> None:
    """NAdam (Dozat 2016): Adam with Nesterov's look ahead, and a momentum that warms up."""
    mu = h.beta1 * (1 - 0.5 * 0.96 ** (s.t * h.momentum_decay))
    mu_next = h.beta1 * (1 - 0.5 * 0.96 ** ((s.t + 1) * h.momentum_decay))
    s.mu_product = s.mu_product * mu
    s.m = h.beta1 * s.m + (1 - h.beta1) * s.g
    s.v = h.beta2 * s.v + (1 - h.beta2) * s.g * s.g
    m_hat = mu_next * s.m / (1 - s.mu_product * mu_next) + (1 - mu) * s.g / (1 - s.mu_product)
    v_hat = s.v / (1 - h.beta2**s.t)
    s.w = s.w - h.lr * m_hat / (sqrt(v_hat) + h.eps)
