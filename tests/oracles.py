"""What each operation is according to NumPy or SciPy (value) and to torch (derivatives): one entry for each of `OPS`.

Also a formula's whole graph in torch, for the tests of derivatives.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import scipy.special
import torch

from tidu.content.losses import LOSSES
from tidu.language import operation
from tidu.language.expr import Expr, evaluation_order

# The two kinds of entries: number by number, and about whole arrays.
OPS = {name: op for name, op in operation.OPS.items() if op.elementwise}
ARRAY_OPS = {name: op for name, op in operation.OPS.items() if not op.elementwise}


class Oracle(NamedTuple):
    value: Callable[..., Any]  # of NumPy arrays
    torch: Callable[..., Any] | None  # of float64 tensors; None where there is no derivative


LOG2 = math.log(2.0)

ORACLES: dict[str, Oracle] = {
    "add": Oracle(np.add, torch.add),
    "subtract": Oracle(np.subtract, torch.subtract),
    "multiply": Oracle(np.multiply, torch.multiply),
    "divide": Oracle(np.divide, torch.divide),
    "negative": Oracle(np.negative, torch.negative),
    "integer_power": Oracle(lambda x, n: np.power(x, float(n)), lambda x, n: torch.pow(x, n)),
    "power": Oracle(np.power, torch.pow),
    "less": Oracle(np.less, None),
    "less_equal": Oracle(np.less_equal, None),
    "greater": Oracle(np.greater, None),
    "greater_equal": Oracle(np.greater_equal, None),
    "equal": Oracle(np.equal, None),
    "not_equal": Oracle(np.not_equal, None),
    "logical_and": Oracle(np.logical_and, None),
    "logical_or": Oracle(np.logical_or, None),
    "logical_not": Oracle(np.logical_not, None),
    "where": Oracle(np.where, torch.where),
    "exp": Oracle(np.exp, torch.exp),
    "expm1": Oracle(np.expm1, torch.expm1),
    "log": Oracle(np.log, torch.log),
    "log1p": Oracle(np.log1p, torch.log1p),
    "log2": Oracle(np.log2, torch.log2),
    "log10": Oracle(np.log10, torch.log10),
    "sqrt": Oracle(np.sqrt, torch.sqrt),
    "sin": Oracle(np.sin, torch.sin),
    "cos": Oracle(np.cos, torch.cos),
    "tan": Oracle(np.tan, torch.tan),
    "asin": Oracle(np.arcsin, torch.asin),
    "acos": Oracle(np.arccos, torch.acos),
    "atan": Oracle(np.arctan, torch.atan),
    "sinh": Oracle(np.sinh, torch.sinh),
    "cosh": Oracle(np.cosh, torch.cosh),
    "tanh": Oracle(np.tanh, torch.tanh),
    "asinh": Oracle(np.arcsinh, torch.asinh),
    "acosh": Oracle(np.arccosh, torch.acosh),
    "atanh": Oracle(np.arctanh, torch.atanh),
    "log_cosh": Oracle(lambda x: np.logaddexp(x, -x) - LOG2, lambda x: torch.logaddexp(x, -x) - LOG2),
    "erf": Oracle(scipy.special.erf, torch.erf),
    "erfc": Oracle(scipy.special.erfc, torch.erfc),
    "abs": Oracle(np.abs, torch.abs),
    "sign": Oracle(np.sign, torch.sign),
    "floor": Oracle(np.floor, torch.floor),
    "ceil": Oracle(np.ceil, torch.ceil),
    "exp2": Oracle(np.exp2, torch.exp2),
    "logaddexp": Oracle(np.logaddexp, torch.logaddexp),
    "atan2": Oracle(np.arctan2, torch.atan2),
    "hypot": Oracle(np.hypot, torch.hypot),
    "degrees": Oracle(np.degrees, torch.rad2deg),
    "radians": Oracle(np.radians, torch.deg2rad),
    "fmod": Oracle(np.fmod, torch.fmod),
    "mod": Oracle(np.remainder, torch.remainder),
    "minimum": Oracle(np.minimum, torch.minimum),
    "maximum": Oracle(np.maximum, torch.maximum),
    "relu": Oracle(lambda x: np.maximum(x, 0.0), torch.relu),
    "sigmoid": Oracle(scipy.special.expit, torch.sigmoid),
    "softplus": Oracle(lambda x: np.logaddexp(x, 0.0), lambda x: torch.logaddexp(x, torch.zeros_like(x))),
}

# The same for `ARRAY_OPS`, as functions of torch tensors and then attributes; the value is held to them too.
ARRAY_ORACLES: dict[str, Callable[..., Any]] = {
    "copy": torch.clone,
    "cast": lambda x, kind: x.to(getattr(torch, kind)),
    "reshape": torch.reshape,
    "transpose": torch.permute,
    "broadcast_to": torch.broadcast_to,
    "index": lambda x, key: x[_torch_key(key)],
    "entry": lambda a, k: a[k.long()],
    "placed": lambda x, k, size: torch.zeros(size, dtype=x.dtype).index_add(0, k.long().reshape(-1), x.reshape(-1)),
    "scatter": lambda x, key, shape: torch.zeros(shape, dtype=x.dtype).index_put(
        (torch.as_tensor(key),), x, accumulate=True
    ),
    "concatenate": lambda *args: torch.cat(args[:-1], dim=args[-1]),
    "stack": lambda *args: torch.stack(args[:-1], dim=args[-1]),
    "sum": lambda x, axis, keepdims: torch.sum(x, dim=axis, keepdim=keepdims),
    "first_largest": lambda x, axis: x == torch.amax(x, dim=axis, keepdim=True),
    "max": lambda x, axis, keepdims: torch.amax(x, dim=axis, keepdim=keepdims),
    "min": lambda x, axis, keepdims: torch.amin(x, dim=axis, keepdim=keepdims),
    "root": torch.sqrt,
    "bitwise_and": torch.bitwise_and,
    "bitwise_or": torch.bitwise_or,
    "invert": torch.bitwise_not,
    "argmin": lambda x, axis: torch.argmin(x, dim=axis),
    "any": lambda x, axis, keepdims: (x != 0).amax(dim=axis, keepdim=keepdims),
    "all": lambda x, axis, keepdims: (x != 0).amin(dim=axis, keepdim=keepdims),
    "cumsum": torch.cumsum,
    "einsum": lambda *args: torch.einsum(args[-1], *args[:-1]),
    "argmax": lambda x, axis: torch.argmax(x, dim=axis),
    "logsumexp": lambda x, axis, keepdims: torch.logsumexp(x, dim=axis, keepdim=keepdims),
    "softmax": lambda x, axis: torch.exp(x - torch.logsumexp(x, dim=axis, keepdim=True)),
    "matmul": torch.matmul,
    "inv": torch.linalg.inv,
    "solve": torch.linalg.solve,
    "det": torch.linalg.det,
    "outer": torch.outer,
}


def _torch_key(key: Any) -> Any:
    """An index with arrays in it as torch takes it; a negative step, which torch lacks, does not occur in the cases."""
    if isinstance(key, tuple):
        return tuple(_torch_key(part) for part in key)
    return torch.as_tensor(key) if isinstance(key, (list, np.ndarray)) else key


CONDITIONS: dict[str, Callable[..., Any]] = {
    "less": torch.lt,
    "less_equal": torch.le,
    "greater": torch.gt,
    "greater_equal": torch.ge,
    "equal": torch.eq,
    "not_equal": torch.ne,
    "logical_and": torch.logical_and,
    "logical_or": torch.logical_or,
    "logical_not": torch.logical_not,
}


def in_torch(output: Expr, values: Mapping[Expr, torch.Tensor]) -> torch.Tensor:
    """The value of `output` as a tensor that torch can differentiate."""
    known: dict[Expr, torch.Tensor] = {}
    for node in evaluation_order([output]):
        if node.is_constant:
            known[node] = torch.tensor(node.value, dtype=torch.float64)
        elif node.is_symbol:
            known[node] = values[node]
        else:
            function = CONDITIONS.get(node.op.name) or ORACLES[node.op.name].torch
            assert function is not None
            known[node] = function(*(known[a] for a in node.args), *node.attrs)
    return known[output]


def tensor(value: float | bool) -> torch.Tensor:
    """A scalar that gathers derivatives, or a condition."""
    if isinstance(value, (bool, np.bool_)):
        return torch.tensor(bool(value))
    return torch.tensor(float(value), dtype=torch.float64, requires_grad=True)


def torch_gradient(value: torch.Tensor, wrt: list[torch.Tensor]) -> list[torch.Tensor]:
    """Derivatives by each of `wrt`, differentiable again; 0 where `value` does not depend on one."""
    if not value.requires_grad:
        return [torch.zeros((), dtype=torch.float64) for _ in wrt]
    parts = torch.autograd.grad(value, wrt, create_graph=True, allow_unused=True)
    return [torch.zeros((), dtype=torch.float64) if p is None else p for p in parts]


OF_ONE_SCORE = [name for name, loss in LOSSES.items() if not loss.of_classes]  # losses of models that give one number
