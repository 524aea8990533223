"""Layers as objects: `Sequential(Linear(32), relu, Dropout(0.2), Linear(1))`, for textbook code and for `fit`.

A layer is a function of one sample. Called with a tensor, whose leading axes are samples, it computes at once and
`backward()` finds its parameters; called with an expression, it gives an expression. Every layer is also the text of a
formula, `linear(dropout(relu(linear(..., units=32)), 0.2), units=1)`, and that is what `fit` trains and what is saved.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from tidu.content.models import MODELS, check_rate, checked_size, initialiser
from tidu.content.starts import check_initialiser, generator_of, start_of_weights, starting_value
from tidu.content.summary import Summary
from tidu.eager import functions
from tidu.eager.tensor import Tensor, tensor
from tidu.errors import SettingError, ShapeMismatch, TensorError
from tidu.language.activations import ACTIVATIONS, Activation
from tidu.language.expr import Expr, symbol, symbols
from tidu.language.model_calls import ModelCalls
from tidu.language.printer import quoted_name
from tidu.language.reader import grammatical, parse_expression
from tidu.runtime.arrays import dropout_mask
from tidu.text import _

LAYERS: dict[str, type[Layer]] = {}


class Layer(ABC):
    """What every layer can do. A subclass says `forward`, `text`, and which parameters it has; it registers itself.

    Attributes
    ----------
    training : whether `Dropout` drops; see `train` and `eval`.
    """

    training = True

    def __init_subclass__(cls) -> None:
        LAYERS[cls.__name__] = cls

    def __call__(self, x: Any) -> Any:
        """The layer's value: of a tensor or array of shape (..., inputs) a tensor; of an expression an expression."""
        if isinstance(x, Expr):
            return self._read(x)[0]
        return self.forward(x if isinstance(x, Tensor) else tensor(x))

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """The layer's value on samples along the leading axes."""

    @abstractmethod
    def text(self, inside: str) -> str:
        """The layer as a part of a formula, around `inside`."""

    def parameters(self) -> list[Tensor]:
        """The tensors that it learns, each with a place for its gradient."""
        return []

    def train(self, on: bool = True) -> Layer:
        """Let `Dropout` drop, as it does from the beginning."""
        self.training = on
        return self

    def eval(self) -> Layer:
        """Let `Dropout` pass everything on: for predictions, and for judging."""
        return self.train(False)

    def formula(self, target: str, features: Sequence[str] = ()) -> str:
        """The formula that `fit` trains: `target` as a function of `features`, or of all other columns.

        The same text serves `sweep` and the command line.
        """
        return f"{quoted_name(target)} = {self.text(', '.join(map(quoted_name, features)) or '...')}"

    def summary(self, inputs: int | None = None) -> Summary:
        """The layers with the shapes of what they give, and how many numbers each learns.

        Parameters
        ----------
        inputs : how many features a sample has, where the first layer does not say.
        """
        width = self._inputs() if inputs is None else checked_size("inputs", inputs)
        if width is None:
            raise SettingError(
                _("the number of inputs is not known yet; give it: model.summary(inputs=4), or Linear(4, 8)")
            )
        _value, makers = self._read(symbol("x", "feature", shape=(width,)))
        return Summary(tuple(makers.layers))

    def _inputs(self) -> int | None:
        """How many features a sample has, if the layer says so."""
        return None

    def _read(self, x: Expr) -> tuple[Expr, ModelCalls]:
        """The layer's value of an expression, through its formula; and what has made its parameters."""
        source = self.text("x")
        makers = ModelCalls(MODELS, 1, {"x": x}, set(), grammatical(source, {"x"}, MODELS).names)
        makers.used |= {s.name for s in symbols([x], "parameter", "mask")}
        return parse_expression(source, {"x": x}, models=makers), makers


class Linear(Layer):
    """weights · x + bias: `Linear(inputs, outputs)`, or `Linear(outputs)`, which counts its inputs at the first use.

    Parameters
    ----------
    init : `"he"`, `"xavier"`, `"normal"`, `"zeros"`, or a distribution such as `"uniform(-1, 1)"`. By default He et
        al. 2015 before relu and its kin; for other layers of a network Glorot & Bengio 2010; zeros for one that stands
        alone in a `Sequential`.
    seed : of the draw. In a `Sequential` its seed counts, and its layers draw one after another.

    Attributes
    ----------
    weight, bias : tensors of shape (outputs, inputs) and (outputs,); None until the inputs are counted.

    Examples
    --------
    >>> import tidu
    >>> layer = tidu.Linear(2, 3, init="zeros")
    >>> layer([[1.0, 2.0]]).shape, [p.shape for p in layer.parameters()]
    ((1, 3), [(3, 2), (3,)])
    """

    def __init__(self, *sizes: int, init: str | None = None, seed: int = 0) -> None:
        if len(sizes) not in (1, 2):
            raise SettingError(
                _(
                    "Linear takes the number of outputs, or of inputs and outputs, such as Linear(4, 8), not {sizes}"
                ).format(sizes=sizes)
            )
        self.outputs = checked_size("outputs", sizes[-1])
        self.inputs = checked_size("inputs", sizes[0]) if len(sizes) == 2 else None
        if init is not None:
            check_initialiser(init)
        self.init, self.seed = init, seed
        self.weight: Tensor | None = None
        self.bias: Tensor | None = None
        self.default, self.generator = "he", generator_of(seed)

    def forward(self, x: Tensor) -> Tensor:
        """x · weightsᵀ + bias, of shape (..., outputs)."""
        width = self._inputs() or (x.shape[-1] if x.shape else 1)
        if not x.shape or x.shape[-1] != width:
            raise ShapeMismatch(
                _("{layer} takes {inputs} input(s) and was given an array of shape {shape}; its last axis must be the "
                  "features").format(layer=self, inputs=width, shape=x.shape)
            )  # fmt: skip
        weight, bias = self._made(width)
        value: Tensor = x @ weight.T + bias
        return value

    def text(self, inside: str) -> str:
        """`linear(inside, units=8)`."""
        inputs = f", inputs={self.inputs}" if self.inputs is not None else ""
        init = f", init={self.init!r}" if self.init is not None else ""
        return f"linear({inside}, units={self.outputs}{inputs}{init})"

    def parameters(self) -> list[Tensor]:
        """Weight and bias."""
        inputs = self._inputs()
        if inputs is None:
            raise TensorError(
                _("{layer} has no parameters yet, because its inputs have not been counted; write Linear(inputs, "
                  "outputs), or call it first").format(layer=self)
            )  # fmt: skip
        return [*self._made(inputs)]

    def _made(self, inputs: int) -> tuple[Tensor, Tensor]:
        if self.weight is None or self.bias is None:
            start = start_of_weights(self.init or self.default, inputs, self.outputs)
            self.weight = Tensor(starting_value("weight", start, self.generator, (self.outputs, inputs)))
            self.bias = Tensor(np.zeros(self.outputs))
        return self.weight, self.bias

    def _inputs(self) -> int | None:
        return self.inputs if self.weight is None else int(self.weight.shape[1])

    def __repr__(self) -> str:
        sizes = ", ".join(str(n) for n in (self.inputs, self.outputs) if n is not None)
        return f"Linear({sizes}, init={self.init!r})" if self.init is not None else f"Linear({sizes})"


class Dropout(Layer):
    """In training, each number is 0 with probability `rate` and else divided by 1 - rate (Srivastava et al. 2014).

    What is dropped follows from the seed and from how often the layer was called in training.
    """

    def __init__(self, rate: float = 0.5, seed: int = 0) -> None:
        check_rate(rate)
        self.rate, self.seed = float(rate), seed
        self.number = 1  # among the dropouts of a model
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        """What is kept, of the shape of `x`."""
        if not self.training or not self.rate:
            return x
        mask = dropout_mask(self.seed, self.calls, self.number, x.shape, self.rate, str(np.dtype(x.dtype)))
        self.calls += 1
        return x * mask

    def text(self, inside: str) -> str:
        """`dropout(inside, 0.2)`."""
        return f"dropout({inside}, {self.rate!r})"

    def __repr__(self) -> str:
        return f"Dropout({self.rate!r})"


class Sequential(Layer):
    """Layers and activations, one after another.

    Parameters
    ----------
    layers : `Linear`, `Dropout`, other `Sequential`s, and activations: `tidu.relu`, or its name `"relu"`.
    seed : of starting values and dropout.

    Examples
    --------
    >>> import tidu
    >>> model = tidu.Sequential(tidu.Linear(4), tidu.tanh, tidu.Linear(1))
    >>> model.formula("y")
    'y = linear(tanh(linear(..., units=4)), units=1)'
    >>> loss = (model([[0.0, 1.0], [1.0, 0.0]]) ** 2).mean()
    >>> loss.backward()
    >>> [p.grad.shape for p in model.parameters()]
    [(4, 2), (4,), (1, 4), (1,)]
    """

    def __init__(self, *layers: Any, seed: int = 0) -> None:
        if not layers:
            raise SettingError(_("Sequential needs layers, such as Sequential(Linear(8), relu, Linear(1))"))
        self.seed = seed
        self.layers: list[Layer | str] = []
        for given in layers:
            self.layers += given.layers if isinstance(given, Sequential) else [_layer_or_name(given)]
        objects = [x for x in self.layers if isinstance(x, Layer)]
        if len(set(map(id, objects))) < len(objects):
            raise SettingError(
                _(
                    "the same layer appears twice in a Sequential; make a second one, so that each "
                    "learns its own parameters"
                )
            )
        self._settle()

    def _settle(self) -> None:
        """Each layer's number and start, which depend on the others."""
        linears = [x for x in self.layers if isinstance(x, Linear)]
        dropouts = [x for x in self.layers if isinstance(x, Dropout) and x.rate]
        generator = generator_of(self.seed)
        taker: str | None = None
        for layer in reversed(self.layers):
            if isinstance(layer, Linear):
                layer.default, layer.generator = initialiser(None, taker, alone=len(linears) == 1), generator
            if not isinstance(layer, Dropout):
                taker = layer if isinstance(layer, str) else "linear"
        for k, dropout in enumerate(dropouts, 1):
            dropout.number, dropout.seed = k, self.seed

    def forward(self, x: Tensor) -> Tensor:
        """The value of the last layer."""
        for layer in self.layers:
            x = ACTIVATIONS[layer].function(x) if isinstance(layer, str) else layer(x)
        return x

    def text(self, inside: str) -> str:
        """The layers as nested calls."""
        for layer in self.layers:
            if isinstance(layer, Layer):
                inside = layer.text(inside)
            elif inside == "...":
                raise SettingError(
                    _(
                        "{name} stands first in the Sequential, and works on layers, not on columns; begin with Linear"
                    ).format(name=layer)
                )
            elif layer != "identity":
                inside = f"{layer}({inside})"
        return inside

    def parameters(self) -> list[Tensor]:
        """The tensors of all layers, in their order: weight and bias of each `Linear`."""
        self._count_inputs()
        return [p for layer in self.layers if isinstance(layer, Layer) for p in layer.parameters()]

    def _count_inputs(self) -> None:
        """Make the weights of every layer whose inputs follow from the layer before."""
        width: int | None = None
        for layer in self.layers:
            if isinstance(layer, Linear):
                width = layer._inputs() or width
                if width is None:
                    return
                layer._made(width)
                width = layer.outputs

    def train(self, on: bool = True) -> Layer:
        """Let every `Dropout` drop, or none."""
        for layer in self.layers:
            if isinstance(layer, Layer):
                layer.train(on)
        return super().train(on)

    def _inputs(self) -> int | None:
        first = next((x for x in self.layers if isinstance(x, Linear)), None)
        return None if first is None else first._inputs()

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(str, self.layers))})"


def _layer_or_name(given: Any) -> Layer | str:
    """A layer as it is, an activation as its name."""
    if isinstance(given, Layer):
        return given
    if isinstance(given, str) and given in ACTIVATIONS:
        return given
    known: dict[str, Activation] = ACTIVATIONS
    for name, activation in known.items():
        if given is activation.function or (name == "softmax" and given is functions.softmax):
            return name
    shown = getattr(given, "__name__", None) or repr(given)
    raise SettingError(
        _("a Sequential is made of {layers} and of activations ({names}), not of {given}").format(
            layers=", ".join(LAYERS), names=", ".join(ACTIVATIONS), given=shown
        )
    )
