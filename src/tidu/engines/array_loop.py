"""The array source: a program written out as a training loop over whole batches, in NumPy or in PyTorch.

The same steps as `loop` writes for numbers; what a person would write by hand for a network. An expression is of one
sample; here a leading axis runs over the samples of the batch, and the sum over them of `a ⊗ b` is `a.T @ b`. What is
the same for all samples and parameters, such as a schedule, is a plain number on the host.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from tidu.engines.namespaces import NAMESPACES, NUMPY, TORCH, Namespace
from tidu.engines.program import Program
from tidu.engines.scalar_loop import Batch, LoopShape, TrainWriter
from tidu.engines.statements import Names, assignments
from tidu.engines.writer import Writer, in_groups, in_tuple, unpacked, wrapped
from tidu.language.expr import ATOM, MULTIPLY, Expr, Op, code_template, evaluation_order
from tidu.language.printer import Printed, printed_by, python_code, text

ON_HOST = ("hyper", "time")  # roles of symbols that are plain numbers


def inputs_of(program: Program) -> list[Expr]:
    """What the loop reads of each sample: features side by side, single columns, the target."""
    stacks = [n for n in evaluation_order([program.loss, program.score]) if _is_matrix_of_columns(n)]
    inside = {c for s in stacks for c in s.args}
    alone = {
        a
        for node in evaluation_order([program.loss, program.score])
        if node not in stacks
        for a in node.args
        if a in inside
    }
    singles = [c for c in program.columns if c not in inside or c in alone]
    return [*stacks, *singles]


def _is_matrix_of_columns(node: Expr) -> bool:
    return node.op.name == "stack" and all(a.is_symbol and a.role == "feature" and not a.shape for a in node.args)


def array_template(node: Expr) -> str:
    """The code of one node on arrays, with `{0}`, `{1}` for its arguments, and `xp.` for the library."""
    if node.op.name in ("multiply", "divide"):
        return "{0} * {1}" if node.op.name == "multiply" else "{0} / {1}"
    if node.op.name == "integer_power" and 2 <= node.attrs[0] <= 4:
        return " * ".join(["{0}"] * node.attrs[0])
    template: str = node.op.array
    for letter, value in zip("ab", node.attrs, strict=False):
        template = template.replace(f"{{{letter}}}", repr(value))
    if "{args}" in template:
        template = template.replace("{args}", ", ".join(f"{{{k}}}" for k in range(len(node.args))))
    return template


def _number_template(node: Expr) -> str:
    """The code of one node on plain numbers, which ends in inf or nan where Python would raise."""
    if node.op.name == "power" and node.args[0].is_symbol:  # a decay, which is below 1
        return array_template(node)
    return re.sub(r"\b([a-z]\w*)\(", r"ieee.\1(", code_template(node))


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
        if isinstance(node.op, Op) and self.is_number(node):
            return _number_template(node)
        if node.op.name == "where" and self.space is TORCH and all(map(self.is_number, node.args[1:])):
            return f"where({{0}}, {{1}}, {{2}}, torch.{self.dtype})"
        return self.space.code(array_template(node))

    def node(self, node: Expr, parts: list[Printed]) -> Printed:
        if node.is_constant:
            return repr(node.value), ATOM
        if node not in self.varies:
            return python_code(self.template(node), parts)
        if isinstance(node.op, Op):
            wide = [self._widened(a, p, len(node.shape)) for a, p in zip(node.args, parts, strict=True)]
            return python_code(self.template(node), wide)
        return _WRITTEN[node.op.name](self, node, parts)

    def _widened(self, arg: Expr, part: Printed, rank: int) -> Printed:
        """A number for each sample, beside a vector for each sample."""
        missing = rank - len(arg.shape)
        if arg not in self.varies or not missing:
            return part
        return python_code(f"{{0}}[:{', None' * missing}]", [part])

    def matmul(self, node: Expr, parts: list[Printed]) -> Printed:
        a, b = node.args
        if a in self.varies and b in self.varies:
            return python_code("({0} * {1}).sum(axis=1)", parts)
        if a in self.varies:
            return python_code("{0} @ {1}", parts)[0], MULTIPLY
        return python_code("{1} @ {0}.T" if len(a.shape) == 2 else "{1} @ {0}", parts)[0], MULTIPLY

    def reduced(self, node: Expr, parts: list[Printed]) -> Printed:
        """An operation over axes, which the batch's axis moves by one."""
        axes, *others = node.attrs
        moved = tuple(k + 1 for k in axes)
        template = self.space.code(node.op.array).replace("{a}", repr(moved))
        for letter, value in zip("bc", others, strict=False):
            template = template.replace(f"{{{letter}}}", repr(value))
        return python_code(template.replace(", keepdims=False", ""), parts)

    def outer(self, node: Expr, parts: list[Printed]) -> Printed:
        left = "[:, :, None]" if node.args[0] in self.varies else "[:, None]"
        right = "[:, None, :]" if node.args[1] in self.varies else ""
        return python_code(f"{{0}}{left} * {{1}}{right}", parts)

    def broadcast_to(self, node: Expr, parts: list[Printed]) -> Printed:
        if self.space is TORCH:
            return python_code(f"{{0}}[:{', None' * (not node.args[0].shape)}].expand(-1, *{node.shape})", parts)
        ones = f"np.ones({node.shape})"
        if not node.args[0].shape:
            return python_code(f"np.multiply.outer({{0}}, {ones})", parts)
        return python_code(f"{{0}} * {ones}", parts)

    def reshape(self, node: Expr, parts: list[Printed]) -> Printed:
        return python_code(f"{{0}}.reshape(-1, *{node.shape})", parts)

    def index(self, node: Expr, parts: list[Printed]) -> Printed:
        """A place, or several side by side, of each sample's vector."""
        (key,) = node.attrs[0]
        place = f"{key.start}:{key.stop}" if isinstance(key, slice) else str(key)
        return python_code(f"{{0}}[:, {place}]", parts)

    def concatenate(self, node: Expr, parts: list[Printed]) -> Printed:
        joined = ", ".join(f"{{{k}}}" for k in range(len(parts)))
        return python_code(f"np.concatenate([{joined}], axis=1)", parts)

    def stack(self, node: Expr, parts: list[Printed]) -> Printed:
        whole = [
            part if a in self.varies else python_code("{0} + 0.0 * {1}", [part, self._varying(node, parts)])
            for a, part in zip(node.args, parts, strict=True)
        ]
        arrays = ", ".join(f"{{{k}}}" for k in range(len(parts)))
        return python_code(self.space.code(f"xp.stack([{arrays}], axis=1)"), whole)

    def _varying(self, node: Expr, parts: list[Printed]) -> Printed:
        return next(p for a, p in zip(node.args, parts, strict=True) if a in self.varies)


_WRITTEN = {
    "matmul": _Batched.matmul,
    "outer": _Batched.outer,
    "broadcast_to": _Batched.broadcast_to,
    "reshape": _Batched.reshape,
    "index": _Batched.index,
    "concatenate": _Batched.concatenate,
    "stack": _Batched.stack,
    **dict.fromkeys(("sum", "max", "logsumexp", "softmax"), _Batched.reduced),
}


class _ArrayWriter(Writer):
    """Collects the lines of one function on arrays."""

    def __init__(
        self,
        program: Program,
        inputs: Sequence[Expr],
        outputs: Sequence[Expr],
        in_batches: bool = False,
        space: Namespace = NUMPY,
        dtype: str = "float64",
    ) -> None:
        super().__init__(program)
        self.space = space
        self.batched = _Batched([*inputs, *program.masks], outputs, space, dtype)
        names = Names(printed_by(self.batched.node), self.batched.template)
        self.inputs = list(inputs)
        self.names = names
        for name in (space.prefix, "ieee", *sorted(space.own)):
            names.fresh(name)
        single = [names.name(c, c.name if c.is_symbol else "x") for c in self.inputs]
        self.columns = [names.fresh(f"all_{name}") for name in single] if in_batches else single
        self.parameters = [names.name(p, p.name) for p in program.parameters]

    def source(self, title: str) -> str:
        plain = super().source(title).split("\n")
        body = "\n".join(self.lines)
        words = set(re.findall(r"\w+", re.sub(r"\w+\.\w+", "", body)))
        own = sorted(self.space.own & words)
        imports = [self.space.imports, ""]
        imports += ["from tidu.runtime import ieee"] if "ieee." in body else []
        imports += ["from tidu.runtime.summation import record"] if "record" in words else []
        imports += [f"from {self.space.lacking} import {', '.join(own)}"] if own else []
        return "\n".join([plain[0], "", *imports, "", "", body.strip("\n"), ""])


def array_train_source(program: Program, shape: LoopShape) -> str:
    """The training loop of `program` over arrays, as the text of a module with one function, `train`."""
    return (_TorchTrain if shape.namespace == "torch" else _ArrayTrain).written(program, shape)


class _ArrayTrain(TrainWriter):
    """Writes `train` with arrays; what is not said here is as for numbers."""

    @classmethod
    def written(cls, program: Program, shape: LoopShape) -> str:
        outputs = [program.loss, *program.gradient]
        space = NAMESPACES[shape.namespace]
        w = _ArrayWriter(program, inputs_of(program), outputs, bool(program.columns), space, shape.dtype)
        cls.of(w, shape).write()
        return w.source(f"Training loop on arrays, written by tidu. {text(program.score)}; {program.optimizer.name}.")

    def __init__(self, w: Writer, shape: LoopShape, own: dict[str, str]) -> None:
        super().__init__(w, shape, own)
        self.narrow = False  # an array has its precision with it
        self.xp = NAMESPACES[shape.namespace].prefix

    def per_step(self) -> list[str]:
        return []

    def gradient_at_start(self) -> list[str]:
        if self.shape.batch is not Batch.ALL:
            return super().gradient_at_start()
        return [*super().gradient_at_start(), *self.taken(":".join(self.places()))]

    def taken(self, rows: str) -> list[str]:
        """The lines that take these rows of what is given for each sample."""
        assert isinstance(self.w, _ArrayWriter)
        batch = (self.w.names.of[c] for c in self.w.inputs)
        return [f"{b} = {whole}[{rows}]" for b, whole in zip(batch, self.w.columns, strict=True)]

    def batch(self) -> None:
        o, w = self.own, self.w
        if self.shape.batch is Batch.ALL:
            count = o["rows"]
        else:
            w.add(2, f"{o['stop']} = min({o['start']} + {o['batch_size']}, {o['rows']})")
            rows = ":".join(self.places())
            if self.shape.shuffled:
                w.add(2, f"{o['order']} = {o['orders']}[{o['epoch']} - {o['first_epoch']}][{rows}]")
                rows = o["order"]
            w.add(2, *self.taken(rows))
            count = o["count"]
            w.add(2, f"{count} = {o['stop']} - {o['start']}")
        p = self.program
        if p.masks:
            w.add(2, "# dropout", *(self.mask(k, mask, count) for k, mask in enumerate(p.masks, 1)))
        w.add(2, "# forward")
        landmarks = [p.loss] if p.target is None else [p.score, p.loss]
        w.add(2, *assignments(landmarks, w.names, self.labels, also_used_by=p.gradient))
        factors = [f for d in p.gradient for f in (d.args if d.op.name == "outer" else (d,))]
        once = [f for f, times in Counter(factors).items() if times == 1]
        backward = assignments(factors, w.names, self.labels, inline=once)
        w.add(2, "# backward", *backward, "# mean over the batch")
        loss_sum = self.as_number(f"{w.names.of[p.loss]}.sum()")
        w.add(2, f"{o['loss_sum']} = {loss_sum}", f"{o['batch_loss']} = {o['loss_sum']} / {count}")
        w.add(2, *(f"{g} = {self.mean_over_batch(d, count)}" for g, d in zip(self.grads, p.gradient, strict=True)))

    def mask(self, number: int, mask: Expr, count: str) -> str:
        """The line that draws what a dropout of this batch multiplies by."""
        o = self.own
        shape = in_tuple([count, *map(str, mask.shape)])
        dtype = f", '{self.shape.dtype}'" if self.shape.dtype != "float64" else ""
        drawn = f"dropout_mask({o['seed']}, {o['step']}, {number}, {shape}, {self.program.masks[mask]!r}{dtype})"
        return f"{self.w.names.name(mask, mask.name)} = {drawn}"

    def mean_over_batch(self, d: Expr, count: str) -> str:
        w = self.w
        assert isinstance(w, _ArrayWriter)
        if d not in w.batched.varies:
            return w.names.code(d)
        if d.op.name == "outer" and all(a in w.batched.varies for a in d.args):
            a, b = (w.names.code(x) for x in d.args)
            a = a if a.isidentifier() else f"({a})"
            b = b if b.isidentifier() else f"({b})"
            return f"({a} / {count}).T @ {b}"  # a row for each sample is mostly smaller than the matrix of weights
        value = w.names.code(d)
        return f"{value if value.isidentifier() else f'({value})'}.sum(axis=0) / {count}"

    def as_number(self, loss_sum: str) -> str:
        """The sum of the losses as the loop goes on with it."""
        return f"float({loss_sum})"

    def unless_finite(self, numbers: Sequence[str]) -> list[str]:
        return wrapped("if not np.isfinite(", self.sums(numbers), " + ", "):")

    def sums(self, numbers: Sequence[str]) -> list[str]:
        """The loss, parameters and state of a step, each as one number that is finite only if all in it is."""
        p = self.program
        loss, *others = numbers
        shapes = [s.shape for s in (*p.parameters, *(s for s, _new, _start in p.new_state))]
        sums = [f"{self.xp}.sum({name})" if shape else name for name, shape in zip(others, shapes, strict=True)]
        return [loss, *in_groups(sums)]

    def squares(self) -> list[str]:
        pairs = zip(self.grads, self.program.parameters, strict=True)
        return [f"{self.xp}.sum({g} * {g})" if p.shape else f"{g} * {g}" for g, p in pairs]

    def moved(self, new: str, old: str) -> str:
        return f"{self.xp}.max({self.xp}.abs({new} - {old}))"

    def record(self, depth: int, loss: str) -> None:
        before = len(self.w.lines)
        super().record(depth, loss)
        self.w.lines[before] = self.w.lines[before].replace(" = sqrt(", f" = {self.xp}.sqrt(")


class _TorchTrain(_ArrayTrain):
    """The same in PyTorch. A step waits for no number of the device: what it has to say is looked at later."""

    def as_number(self, loss_sum: str) -> str:
        return loss_sum

    def stop_unless_finite(self, numbers: Sequence[str]) -> None:
        """Note down what whoever called looks at, all steps at once."""
        head = f"{self.own['checked']}.append("
        self.w.add(2, *wrapped(head, self.sums(numbers), " + ", ")"))
        self.w.lines[-1] += "  # finite only if all its parts are; looked at after the last step"

    def added_to(self, total: str, part: str) -> str:
        return f"{total} = {total} + {part}"  # the tensor that came in stays as it is

    def zero_like(self, total: str) -> str:
        return f"torch.zeros_like({total})"

    def is_below(self, loss: str, bound: str) -> str:
        return f"{bound} is not None and {loss} < {bound}"

    def largest(self, numbers: Sequence[str]) -> str:
        return f"torch.stack([{', '.join(numbers)}]).max()"


def array_predict_source(program: Program) -> str:
    """A module with one function, `predict(columns, parameters)`: the prediction of each row."""
    outputs = [program.prediction, program.loss]
    features = [c for c in inputs_of(program) if not c.is_symbol or c.role == "feature"]
    w = _ArrayWriter(program, features, outputs)
    columns, parameters = w.own("columns"), w.own("parameters")
    w.add(0, f"def predict({columns}, {parameters}):")
    w.add(1, *unpacked(w.columns, columns), *unpacked(w.parameters, parameters))
    w.add(1, *assignments([program.prediction], w.names, {program.score: "y_hat"}, inline=[program.prediction]))
    w.add(1, f"return {w.names.code(program.prediction)}")
    return w.source(f"Predictions of {text(program.score)}, written by tidu.")


def array_cost_source(program: Program) -> str:
    """A module with one function, `cost(columns, parameters)`: the mean loss over all rows."""
    w = _ArrayWriter(program, inputs_of(program), [program.loss])
    columns, parameters = w.own("columns"), w.own("parameters")
    w.add(0, f"def cost({columns}, {parameters}):")
    w.add(1, *unpacked(w.columns, columns), *unpacked(w.parameters, parameters))
    w.add(1, *assignments([program.loss], w.names, {program.score: "y_hat", program.loss: "loss"}))
    w.add(1, f"return float({w.names.of[program.loss]}.mean())")
    return w.source("Mean loss on arrays, written by tidu.")
