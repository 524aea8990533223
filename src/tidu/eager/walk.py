"""`walk_back` shows what `backward()` does: the graph as a tree, and each step of the chain rule with its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidu.eager.graph import adjoints, backward_order
from tidu.eager.tensor import Tensor
from tidu.errors import TensorError
from tidu.language.operation import Op
from tidu.text import _


@dataclass(frozen=True)
class Passed:
    """What one visit hands on to one argument: the slope so far, times the local slope.

    `local` is None where that is not a product of numbers, as for a product of matrices.
    """

    to: str
    local: Any
    contribution: Any


@dataclass(frozen=True)
class Visit:
    """One tensor on the way back.

    Attributes
    ----------
    name, formula, value : what it is, how it was computed (empty for a leaf), and its value.
    slope : the derivative of the output by it, once every use has added its contribution.
    passed : what it hands on to its arguments that lead to a gradient.
    arguments : the names of all its arguments, data included.
    kept : whether the slope is kept in `.grad`.
    """

    name: str
    formula: str
    value: Any
    slope: Any
    passed: tuple[Passed, ...]
    arguments: tuple[str, ...]
    kept: bool


@dataclass(frozen=True)
class Walk:
    """What `walk_back` returns; printed, it is the tree and the steps."""

    visits: tuple[Visit, ...]
    data: Mapping[str, Any]

    def tree(self) -> str:
        """The graph from the output down to the leaves; a tensor with several uses is drawn at the first of them."""
        visit = {v.name: v for v in self.visits}
        lines: list[str] = []
        drawn: set[str] = set()
        stack = [(self.visits[0].name, "", "")]
        while stack:
            name, before, below = stack.pop()
            node = visit.get(name)
            if node is None:
                lines.append(f"{before}{name} = {shown(self.data[name])}" if name in self.data else f"{before}{name}")
            elif name in drawn:
                lines.append(before + _("{name} (see above)").format(name=name))
            else:
                drawn.add(name)
                how = f" = {node.formula}" if node.formula else ""
                note = "   ● .grad" if node.kept else ""
                lines.append(f"{before}{name}{how} = {shown(node.value)}{note}")
                last = len(node.arguments) - 1
                for k in range(last, -1, -1):
                    corner, line = ("└─ ", "   ") if k == last else ("├─ ", "│  ")
                    stack.append((node.arguments[k], below + corner, below + line))
        return "\n".join(lines)

    def steps(self) -> str:
        """The chain rule, one line for each slope that is handed on."""
        output = self.visits[0].name
        first = f"∂{output}/∂{output} = {shown(self.visits[0].slope)}"
        return "\n".join([first, *(self._step(output, visit, p) for visit in self.visits for p in visit.passed)])

    @staticmethod
    def _step(output: str, visit: Visit, p: Passed) -> str:
        rule = f"∂{output}/∂{p.to} += ∂{output}/∂{visit.name} · ∂{visit.name}/∂{p.to}"
        factors = "" if p.local is None else f" = {shown(visit.slope)} · {shown(p.local)}"
        return f"{rule}{factors} = {shown(p.contribution)}"

    def __str__(self) -> str:
        return f"{self.tree()}\n\n{self.steps()}"

    __repr__ = __str__


def walk_back(output: Tensor, **names: Tensor) -> Walk:
    """The way of `output.backward()`, node by node with the numbers; no gradient is changed.

    Parameters
    ----------
    output : the tensor to walk back from.
    names : what to call the tensors, `w=w, loss=loss`; others are called v1, v2, ... in the order of making.

    Examples
    --------
    >>> import tidu
    >>> w = tidu.tensor(3.0, requires_grad=True)
    >>> y = w * 2
    >>> print(tidu.walk_back(y, w=w, y=y))
    y = w·2 = 6
    ├─ w = 3   ● .grad
    └─ 2
    <BLANKLINE>
    ∂y/∂y = 1
    ∂y/∂w += ∂y/∂y · ∂y/∂w = 1 · 2 = 2
    """
    if not output.requires_grad:
        raise TensorError(
            _("there is no way back: nothing that this was computed from has a place for a gradient (attach_grad)")
        )
    order = backward_order(output)
    called = {t: name for name, t in names.items()}
    count = 0
    for node in reversed(order):
        if node not in called:
            count += 1
            called[node] = f"v{count}"
    data = {name: t.value for name, t in names.items() if t not in set(order)}
    seed = 1.0 if type(output.value) is float else np.ones_like(output.value)
    slopes = adjoints(output, seed, order, every=True)
    visits = tuple(_visit(node, called, data, slopes[node]) for node in order if node in slopes)
    return Walk(visits, data)


def _visit(node: Tensor, called: Mapping[Tensor, str], data: Mapping[str, Any], slope: Any) -> Visit:
    name = called[node]
    if node.made is None:
        return Visit(name, "", node.value, slope, (), (), node.requires_grad)
    op, parents, inputs, attrs = node.made
    arguments = tuple(
        _name_of_data(value, data) if parent is None else called[parent]
        for parent, value in zip(parents, inputs, strict=True)
    )
    passed = []
    for k, parent in enumerate(parents):
        if parent is None:
            continue
        contribution = _contribution(node, slope, k)
        if contribution is not None:
            one = 1.0 if type(node.value) is float else np.ones_like(node.value)
            factors = op.elementwise or type(node.value) is float
            passed.append(Passed(called[parent], _contribution(node, one, k) if factors else None, contribution))
    return Visit(name, _formula(op, arguments, attrs), node.value, slope, tuple(passed), arguments, node.keeps)


def _contribution(node: Tensor, g: Any, k: int) -> Any:
    """What argument `k` of a node alone gets for the adjoint `g`: a walk of one step."""
    assert node.made is not None
    op, parents, inputs, attrs = node.made
    leaf = Tensor(inputs[k])
    alone = Tensor(node.value)
    alone.made = (op, tuple(leaf if j == k else None for j in range(len(parents))), inputs, attrs)
    return adjoints(alone, g, [alone]).get(leaf)


def _name_of_data(value: Any, data: Mapping[str, Any]) -> str:
    return next((name for name, known in data.items() if known is value), shown(value))


def _formula(op: Op, arguments: tuple[str, ...], attrs: tuple[Any, ...]) -> str:
    if op.name == "integer_power" and 0 <= attrs[0] <= 9:
        return arguments[0] + "⁰¹²³⁴⁵⁶⁷⁸⁹"[attrs[0]]
    if op.elementwise:
        return op.unicode.replace("{a}", str(attrs[0]) if attrs else "").format(*arguments)
    return f"{op.name}({', '.join(arguments)})"


def shown(value: Any) -> str:
    """A number in short; an array by its shape, if it is not small."""
    array = np.asarray(value)
    if array.ndim == 0:
        return f"{array.item():.6g}"
    if array.size <= 6:
        return "[" + ", ".join(map(shown, array)) + "]"
    return _("an array of shape {shape}").format(shape="×".join(map(str, array.shape)))
