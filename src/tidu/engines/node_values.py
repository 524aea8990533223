"""The values of expressions' nodes for one sample, by the functions of the loops: what no line of a loop names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tidu.language.expr import Expr, evaluation_order, operate


def values_of_nodes(outputs: Iterable[Expr], known: Mapping[Expr, Any]) -> dict[Expr, Any]:
    """The value of every node that `outputs` need, floats or arrays; what is known stays as it is.

    A node that needs a leaf of unknown value has none.
    """
    values: dict[Expr, Any] = dict(known)
    with np.errstate(all="ignore"):
        for node in evaluation_order(outputs):
            if node in values:
                continue
            if node.is_constant:
                values[node] = node.value
            elif node.args and all(a in values for a in node.args):
                arguments = [values[a] for a in node.args]
                if node.shape or any(np.ndim(a) for a in arguments):
                    given = [np.asarray(a, dtype=np.float64) for a in arguments]
                    values[node] = np.asarray(node.op.on_arrays(*given, *node.attrs))[()]
                else:
                    values[node] = operate(node, arguments)
    return values
