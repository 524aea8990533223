"""Whole batches as text, in the words of NumPy or PyTorch: how a node of one sample is written for many.

An expression is of one sample; in the text a leading axis runs over the samples of the batch. The sum over them of
`a ⊗ b` is `a.T @ b`, that of a number times a vector `numbers @ vectors`. What is the same for all samples and
parameters, such as a schedule, is a plain number on the host.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tidu.engines.dialects import Dialect, Scope, commented, in_groups, leave, modules_of_functions, words_of, wrapped
from tidu.engines.namespaces import NUMPY, TORCH, Namespace
from tidu.engines.statements import BatchMean, BatchSum, StopUnlessFinite
from tidu.language.expr import Expr, code_template, evaluation_order
from tidu.language.operation import ATOM, Use
from tidu.language.printer import Printed, printed_by, python_code

ON_HOST = ("hyper", "time")  # roles of symbols that are plain numbers


def _whole(node: Expr, template: str) -> str:
    """A template with its attributes filled in."""
    for letter, value in zip("ab", node.attrs, strict=False):
        template = template.replace(f"{{{letter}}}", repr(value))
    return template.replace("{args}", ", ".join(f"{{{k}}}" for k in range(len(node.args))))


def _number_template(node: Expr) -> str:
    """The code of one node on plain numbers, which ends in inf or nan where Python would raise."""
    if node.op.name == "power" and node.args[0].is_symbol:  # a decay, which is below 1
        return _whole(node, node.op.array)
    return re.sub(r"\b([a-z]\w*)(?=\()", lambda called: _in_module(called[1]), code_template(node))


def modules_of_numbers() -> dict[str, str]:
    """The modules of functions of numbers, by the name that the text has for them."""
    return {module.rpartition(".")[2]: module for module in modules_of_functions().values()}


def _in_module(function: str) -> str:
    """A function of numbers by its module, for on arrays its name means something else."""
    return f"{modules_of_functions()[function].rpartition('.')[2]}.{function}"


class _Batched:
    """Prints nodes as code on batches: what varies from sample to sample has a leading axis."""

    def __init__(self, inputs: Sequence[Expr], outputs: Sequence[Expr], space: Namespace, dtype: str) -> None:
        self.space, self.dtype = space, dtype
        self.numbers: dict[Expr, bool] = {}
        self.varies: set[Expr] = set(inputs)
        for node in evaluation_order(outputs, known=self.varies):
            if any(a in self.varies for a in node.args):
                self.varies.add(node)

    def is_number(self, node: Expr) -> bool:
        """Whether the node is a plain number on the host, not an array of the library."""
        for n in evaluation_order([node], known=self.numbers):
            leaf = n.is_constant or (n.is_symbol and n.role in ON_HOST)
            self.numbers[n] = leaf or (bool(n.args) and all(self.numbers[a] for a in n.args))
        return self.numbers[node]

    def template(self, node: Expr) -> str:
        """The template of one node in the library's words."""
        op = node.op
        if op.elementwise and self.is_number(node):
            return _number_template(node)
        if op.name == "where" and self._needs_dtype() and all(map(self.is_number, node.args[1:])):
            return f"where({{0}}, {{1}}, {{2}}, {self.space.prefix}.{self.dtype})"
        of_samples = op.on_batches if op.elementwise or node in self.varies else None
        template = _whole(node, self.space.of(op)) if of_samples is None else of_samples(self._use(node))
        return self.space.code(template)

    def _needs_dtype(self) -> bool:
        """Whether two plain numbers would become an array of another precision: PyTorch's default is float32."""
        return self.space is TORCH or (self.space is NUMPY and self.dtype != "float64")

    def _use(self, node: Expr) -> Use:
        return Use(
            self.space.of(node.op),
            tuple(a.shape for a in node.args),
            tuple(a in self.varies for a in node.args),
            node.shape,
            node.attrs,
            self.space is TORCH,
        )

    def node(self, node: Expr, parts: list[Printed]) -> Printed:
        if node.is_constant:
            return repr(node.value), ATOM
        if node in self.varies and node.op.elementwise:
            parts = [self._widened(a, p, len(node.shape)) for a, p in zip(node.args, parts, strict=True)]
        return python_code(self.template(node), parts)

    def _widened(self, arg: Expr, part: Printed, rank: int) -> Printed:
        """A number for each sample, beside a vector for each sample."""
        missing = rank - len(arg.shape)
        if arg not in self.varies or not missing:
            return part
        return python_code(f"{{0}}[:{', None' * missing}]", [part])


class Arrays(Dialect):
    """Whole batches in NumPy; and what PyTorch writes alike."""

    def __init__(self, inputs: Sequence[Expr], outputs: Sequence[Expr], space: Namespace, dtype: str) -> None:
        self.space, self.xp = space, space.prefix
        self.batched = _Batched(inputs, outputs, space, dtype)
        self.root = f"{self.xp}.sqrt"
        self._code = printed_by(self.batched.node)

    def template(self, node: Expr) -> str:
        """The text of one node."""
        return self.batched.template(node)

    def code(self, node: Expr, scope: Scope) -> str:
        """A node as code."""
        return self._code(node, scope)

    def imports(self, body: str) -> list[str]:
        """The library, and what it lacks."""
        words = words_of(re.sub(r"\w+\.\w+", "", body))
        own = sorted(self.space.own & words)
        imports = [self.space.imports, ""]
        for name, module in modules_of_numbers().items():
            if f"{name}." in body:
                package = module.rpartition(".")[0]
                imports.append(f"from {package} import {name}" if package else f"import {name}")
        imports += ["from tidu.runtime.summation import record"] if "record" in words else []
        return imports + ([f"from {self.space.lacking} import {', '.join(own)}"] if own else [])

    def batch_sum(self, statement: BatchSum, names: Scope) -> list[str]:
        """The sum over the batch, as the loop goes on with it."""
        return [f"{statement.name} = {self.as_number(f'{self.code(statement.node, names)}.sum()')}"]

    def as_number(self, total: str) -> str:
        """A sum as a plain number."""
        return f"float({total})"

    def batch_mean(self, statement: BatchMean, names: Scope) -> list[str]:
        """The mean over the batch."""
        return [f"{statement.name} = {self.mean_of(statement.node, statement.count, names)}"]

    def mean_of(self, d: Expr, count: str, names: Scope) -> str:
        """The code of the mean of a derivative over the batch."""
        if d not in self.batched.varies:
            return self.code(d, names)
        if d.op.name == "placed":  # which sums over the samples itself
            return f"{self.code(d, names)} / {count}"
        if d.op.name == "outer" and all(a in self.batched.varies for a in d.args):
            a, b = (_bracketed(self.code(x, names)) for x in d.args)
            return f"({a} / {count}).T @ {b}"  # a row for each sample is mostly smaller than the matrix of weights
        factors = number_and_vector(d)
        if factors is not None and all(a in self.batched.varies for a in factors):
            numbers, vectors = (_bracketed(self.code(x, names)) for x in factors)
            return f"{numbers} @ {vectors} / {count}"
        return f"{_bracketed(self.code(d, names))}.sum(axis=0) / {count}"

    def stop_unless_finite(self, statement: StopUnlessFinite) -> list[str]:
        """Leave the loop before a bad step is taken."""
        numbers = [statement.loss, *(name for name, _shape in statement.numbers)]
        return [*wrapped("if not all_finite(", numbers, ", ", "):"), *leave(statement)]

    def square(self, name: str, shape: tuple[int, ...]) -> str:
        """The sum of the squares of what is in it."""
        return f"{self.xp}.vdot({name}, {name})" if shape else f"{name} * {name}"

    def moved(self, new: str, old: str, shape: tuple[int, ...]) -> str:
        """How far a parameter has gone."""
        return f"{self.xp}.max({self.xp}.abs({new} - {old}))"

    copy = "copy"  # the method that copies an array

    def remembered(self, before: str, parameter: str, shape: tuple[int, ...]) -> str:
        """The line that keeps where a parameter is as an epoch begins; arrays are changed in place meanwhile."""
        return f"{before} = {parameter}.{self.copy}()" if shape else super().remembered(before, parameter, shape)


class TorchArrays(Arrays):
    """The same in PyTorch. A step waits for no number of the device: what it has to say is looked at later."""

    copy = "clone"

    def as_number(self, total: str) -> str:
        """A sum stays on the device."""
        return total

    def stop_unless_finite(self, statement: StopUnlessFinite) -> list[str]:
        """Note down what whoever called looks at, all steps at once."""
        sums = [f"torch.sum({name})" if shape else name for name, shape in statement.numbers]
        noted = wrapped(f"{statement.checked}.append(", [statement.loss, *in_groups(sums)], " + ", ")")
        return commented(noted, "  # finite only if all its parts are; looked at after the last step")

    def square(self, name: str, shape: tuple[int, ...]) -> str:
        """The sum of the squares of what is in it."""
        return f"torch.sum({name} * {name})" if shape else f"{name} * {name}"

    def added_to(self, total: str, part: str) -> str:
        """The tensor that came in stays as it is."""
        return f"{total} = {total} + {part}"

    def zero_like(self, total: str) -> str:
        """What a running sum begins with."""
        return f"torch.zeros_like({total})"

    def is_below(self, loss: str, bound: str) -> str:
        """The condition that the loss has come down to the bound."""
        return f"{bound} is not None and {loss} < {bound}"

    def largest(self, numbers: Sequence[str]) -> str:
        """The largest of several."""
        return f"torch.stack([{', '.join(numbers)}]).max()"


def number_and_vector(d: Expr) -> tuple[Expr, Expr] | None:
    """The factors of a number times a vector; None for what is none."""
    if d.op.name != "multiply" or len(d.args) != 2:
        return None
    number, vector = sorted(d.args, key=lambda a: len(a.shape))
    return (number, vector) if not number.shape and len(vector.shape) == 1 else None


def _bracketed(text: str) -> str:
    return text if text.isidentifier() else f"({text})"
