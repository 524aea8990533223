"""`nn` of PyTorch, as far as models written by hand need it: `functional`, modules, and losses as objects."""

from __future__ import annotations

from typing import Any

from tidu.eager import foreign
from tidu.torch_names.nn import functional as functional
from tidu.torch_names.nn.modules import Dropout as Dropout
from tidu.torch_names.nn.modules import Flatten as Flatten
from tidu.torch_names.nn.modules import Linear as Linear
from tidu.torch_names.nn.modules import Module as Module
from tidu.torch_names.nn.modules import Parameter as Parameter
from tidu.torch_names.nn.modules import ReLU as ReLU
from tidu.torch_names.nn.modules import Sequential as Sequential


class _Loss:
    """A loss that remembers how it is put together over the samples."""

    function: Any

    def __init__(self, reduction: str = "mean") -> None:
        self.reduction = reduction

    def __call__(self, input: Any, target: Any) -> Any:  # noqa: A002
        return type(self).function(input, target, reduction=self.reduction)


class CrossEntropyLoss(_Loss):
    """`functional.cross_entropy`."""

    function = staticmethod(functional.cross_entropy)


class MSELoss(_Loss):
    """`functional.mse_loss`."""

    function = staticmethod(functional.mse_loss)


class BCELoss(_Loss):
    """`functional.binary_cross_entropy`."""

    function = staticmethod(functional.binary_cross_entropy)


class BCEWithLogitsLoss(_Loss):
    """`functional.binary_cross_entropy_with_logits`."""

    function = staticmethod(functional.binary_cross_entropy_with_logits)


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    names = [
        n for n, value in globals().items() if getattr(value, "__module__", "").startswith(__name__) and n[0].isupper()
    ]
    raise foreign.unknown_name("torch_names.nn", name, ["functional", *names])
