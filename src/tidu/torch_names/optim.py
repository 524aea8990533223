"""`torch.optim`: plain gradient descent as an object. The others are in `tidu.OPTIMIZERS`, for `tidu.fit`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tidu.eager.foreign import unknown_name
from tidu.eager.graph import no_grad
from tidu.eager.torch_tensor import TorchTensor


class Optimizer:
    """The base, for `isinstance(updater, torch.optim.Optimizer)`."""


class SGD(Optimizer):
    """w -= lr * gradient, with `momentum`, and `weight_decay` times w in the gradient."""

    def __init__(
        self, params: Iterable[TorchTensor], lr: float = 1e-3, momentum: float = 0.0, weight_decay: float = 0.0
    ) -> None:
        self.params = list(params)
        self.lr, self.momentum, self.weight_decay = lr, momentum, weight_decay
        self.velocities: dict[TorchTensor, Any] = {}

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for param in self.params:
            param.grad = None

    def step(self) -> None:
        """Change every parameter that has a gradient."""
        with no_grad():
            for param in self.params:
                if param.grad is None:
                    continue
                step = param.grad + self.weight_decay * param if self.weight_decay else param.grad
                if self.momentum:
                    known = self.velocities.get(param)
                    self.velocities[param] = step = step.clone() if known is None else self.momentum * known + step
                param.sub_(self.lr * step)


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    raise unknown_name("torch_names.optim", name, ("SGD", "Optimizer"))
