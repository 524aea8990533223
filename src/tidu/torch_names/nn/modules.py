"""`nn.Module` and the few modules that the chapters from scratch use: a network as an object with parameters.

For networks beyond that, tidu has layers of its own (`eager/layers.py`), which `tidu.fit` trains.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tidu.eager import functions as f
from tidu.eager.torch_tensor import DRAWS, TorchTensor
from tidu.errors import TensorError
from tidu.language import ops
from tidu.text import _
from tidu.torch_names.nn import functional


def Parameter(data: Any, requires_grad: bool = True) -> TorchTensor:  # noqa: N802  (PyTorch's name)
    """A tensor with a place for its gradient, which nothing leads back from."""
    return TorchTensor(data, requires_grad)


class Module:
    """The base of a network: `forward` says what it computes; its attributes are its parameters and its parts."""

    training = True

    def __call__(self, *inputs: Any) -> Any:
        """What `forward` computes."""
        return self.forward(*inputs)

    def forward(self, *inputs: Any) -> Any:
        """What this computes; to be written by each class."""
        raise TensorError(_("{name} has no forward(...), which says what it computes").format(name=type(self).__name__))

    def children(self) -> Iterator[Module]:
        """The modules that are attributes of this one."""
        return (part for part in vars(self).values() if isinstance(part, Module))

    def parameters(self) -> Iterator[TorchTensor]:
        """Every tensor with a gradient that is an attribute of this, or of its parts, once."""
        own = [a for a in vars(self).values() if isinstance(a, TorchTensor) and a.requires_grad and a.is_leaf]
        return iter(dict.fromkeys([*own, *(p for part in self.children() for p in part.parameters())]))

    def train(self, mode: bool = True) -> Module:
        """Say whether this is for training, so that dropout drops."""
        self.training = mode
        for part in self.children():
            part.train(mode)
        return self

    def eval(self) -> Module:
        """Say that this is not for training."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters():
            parameter.grad = None


class Linear(Module):
    """x @ weight.T + bias; at first uniform numbers up to 1/√in_features in size, as in PyTorch."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        bound = 1 / np.sqrt(in_features)
        self.weight = Parameter(DRAWS.generator.uniform(-bound, bound, (out_features, in_features)))
        self.bias = Parameter(DRAWS.generator.uniform(-bound, bound, out_features)) if bias else None

    def forward(self, *inputs: Any) -> Any:
        """The outputs of each row."""
        return functional.linear(inputs[0], self.weight, self.bias)


class ReLU(Module):
    """max(x, 0) of each element."""

    def forward(self, *inputs: Any) -> Any:
        """max(x, 0)."""
        return ops.relu(*inputs)


class Flatten(Module):
    """One row for each sample."""

    def forward(self, *inputs: Any) -> Any:
        """All axes after the first as one."""
        return f.reshape(inputs[0], (len(inputs[0]), -1))


class Dropout(Module):
    """`functional.dropout` in training; nothing otherwise."""

    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def forward(self, *inputs: Any) -> Any:
        """Some elements 0, the others larger."""
        return functional.dropout(inputs[0], p=self.p, training=self.training)


class Sequential(Module):
    """Modules one after another."""

    def __init__(self, *modules: Module) -> None:
        self.modules = modules

    def children(self) -> Iterator[Module]:
        """The modules in order."""
        return iter(self.modules)

    def __getitem__(self, place: int) -> Module:
        return self.modules[place]

    def __len__(self) -> int:
        return len(self.modules)

    def forward(self, *inputs: Any) -> Any:
        """What the last makes of what the others made."""
        (value,) = inputs
        for module in self.modules:
            value = module(value)
        return value
