"""`tidu export --to onnx`: the prediction as an ONNX model, for runtimes that know nothing of tidu. In float32.

Each column of the data is an input of shape (rows,); columns of words are strings, and their levels stand in the model.
The output is `prediction`, as `Model.predictions` gives it; a model of classes has `label` too. What an operation is in
ONNX is declared in its entry of the table (`onnx`); operations on whole arrays are here. Needs the extra `onnx`.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import numpy as np

from tidu.data.labels import label_text
from tidu.errors import MissingDependency, SettingError
from tidu.language.derived_columns import Elapsed, Indicator, LevelNumber
from tidu.language.expr import Expr, evaluation_order
from tidu.language.level_parameters import level_text
from tidu.syntax_tree import expression_tree
from tidu.text import _
from tidu.training.run import Run

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET, IR_VERSION = 19, 9  # the first in which strings can be compared; any onnxruntime since 1.16 reads it
FLOAT, STRING, INTEGER = 1, 8, 7  # kinds of numbers, as ONNX counts them


def onnx_bytes(run: Run) -> bytes:
    """The file of a run's model in ONNX.

    Raises
    ------
    MissingDependency, SettingError
        There is no package onnx; the model reads dates, or has an operation that ONNX lacks.
    """
    content: bytes = onnx_model(run).SerializeToString()
    return content


def onnx_model(run: Run) -> ModelProto:
    """The model as ONNX's own object, checked."""
    try:
        import onnx
        from onnx import helper
    except ImportError:
        raise MissingDependency(
            _("an export to onnx needs its package; install it with: pip install 'tidu[onnx]'")
        ) from None
    graph = _Graph(run)
    score = graph.value(run.program.without_dropout.prediction)
    output = graph.named(score, "prediction")
    outputs = [helper.make_tensor_value_info(output, FLOAT, ["rows", *graph.shape])]
    if run.classes:
        outputs.append(helper.make_tensor_value_info(graph.label(), STRING, ["rows"]))
    inputs = [helper.make_tensor_value_info(name, kind, ["rows"]) for name, kind in graph.inputs.items()]
    made = helper.make_graph(graph.nodes, "tidu", inputs, outputs, graph.constants, doc_string=run.settings.formula)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="tidu")
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    return model


class _Graph:
    """Nodes and constants, as they are made; a node's value has the rows first where it differs from row to row."""

    def __init__(self, run: Run) -> None:
        self.run, self.program = run, run.program.without_dropout
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.inputs: dict[str, int] = {}
        self.known: dict[float, str] = {}
        self.names: dict[Expr, str] = {}
        self.varies: dict[Expr, bool] = {}
        self.shape = self.program.prediction.shape

    # -- parts of the file --------------------------------------------------------------------------
    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """What an operator gives of these."""
        from onnx import helper

        output = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        """An array that stands in the file."""
        from onnx import numpy_helper

        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype=dtype), name))
        return name

    def number(self, value: float) -> str:
        """A number that stands in the file, once."""
        if value not in self.known:
            self.known[value] = self.constant(value)
        return self.known[value]

    def named(self, value: str, name: str) -> str:
        """The same under a name of its own, with the rows first."""
        from onnx import helper

        if not self.varies[self.program.prediction]:  # a model of no column: as often as the first input has rows
            self.read_all()
            rows = self.node("Shape", next(iter(self.inputs)))
            value = self.node("Expand", value, rows)
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        return name

    def read_all(self) -> None:
        """Make every feature an input."""
        for column in self.program.columns:
            if column.role == "feature" or not self.inputs:
                self.inputs.setdefault(column.name, FLOAT)

    # -- expressions --------------------------------------------------------------------------------
    def value(self, output: Expr) -> str:
        """The name of the value of an expression."""
        for node in evaluation_order([output], known=self.names):
            self.varies[node] = any(self.varies[a] for a in node.args)
            if node.is_constant:
                self.names[node] = self.number(node.value)
            elif node.is_symbol:
                self.names[node] = self.symbol(node)
            elif node.op.elementwise:
                if not node.op.onnx:
                    raise self.lacks(node)
                self.names[node] = self.elementwise(node)
            else:
                self.names[node] = self.on_arrays(node)
        return self.names[output]

    def symbol(self, node: Expr) -> str:
        """A parameter as a constant, a column as an input."""
        if node.role == "parameter":
            return self.constant(self.run.params[node.name])
        self.varies[node] = True
        entry = self.program.derived.get(node.name)
        if isinstance(entry, Elapsed):
            raise SettingError(_("a program that is exported cannot read dates; '{name}' is made of them").format(
                name=node.name
            ))  # fmt: skip
        if isinstance(entry, LevelNumber):
            raise SettingError(
                _("a parameter with a value for each level of {column} is not written to ONNX, whose models cannot "
                  "refuse a level that they do not know; export to python or numpy").format(column=entry.column)
            )  # fmt: skip
        if isinstance(entry, Indicator):
            words = isinstance(entry.level, str)
            self.inputs[entry.column] = STRING if words else FLOAT
            level = self.constant(
                entry.level if words else float(level_text(entry.level)), object if words else np.float32
            )
            return self.node("Cast", self.node("Equal", entry.column, level), to=FLOAT)
        self.inputs[node.name] = FLOAT
        return node.name

    def elementwise(self, node: Expr) -> str:
        """Number by number; what has fewer axes gets those that it lacks behind its rows."""
        rank = max((len(a.shape) for a in node.args), default=0)
        parts = []
        for a in node.args:
            part, lacking = self.names[a], rank - len(a.shape)
            if self.varies[a] and lacking:
                part = self.node("Unsqueeze", part, self.constant(range(1, 1 + lacking), np.int64))
            parts.append(part)
        template = node.op.onnx.replace("{a}", str(float(node.attrs[0]) if node.attrs else ""))
        return self.written(expression_tree(template.replace("{", "_").replace("}", "")), parts)

    def written(self, tree: ast.expr, parts: list[str]) -> str:
        """Nested operators."""
        if isinstance(tree, ast.Name):
            return parts[int(tree.id[1:])]
        if isinstance(tree, ast.Call):
            assert isinstance(tree.func, ast.Name)
            attributes = {k.arg: ast.literal_eval(k.value) for k in tree.keywords if k.arg is not None}
            return self.node(tree.func.id, *(self.written(a, parts) for a in tree.args), **attributes)
        return self.number(float(ast.literal_eval(tree)))

    def on_arrays(self, node: Expr) -> str:
        """Operations that a prediction of layers has: the axis of rows is in front."""
        parts = [self.names[a] for a in node.args]
        first = 1 if self.varies[node] else 0
        name = node.op.name
        if name == "stack" and node.attrs == (0,) and all(a.shape == () for a in node.args):
            each = [self.spread(a, p, node) for a, p in zip(node.args, parts, strict=True)]
            behind = self.constant([first], np.int64)
            return self.node("Concat", *(self.node("Unsqueeze", p, behind) for p in each), axis=first)
        if name == "matmul":
            return self.product(node, *parts)
        if name in REDUCING:
            axes, keep = node.attrs
            along = [k + first for k in axes]
            if name == "sum":
                return self.node("ReduceSum", parts[0], self.constant(along, np.int64), keepdims=int(keep))
            return self.node(REDUCING[name], parts[0], axes=along, keepdims=int(keep))
        if name == "softmax" and len(node.attrs[0]) == 1:
            return self.node("Softmax", parts[0], axis=node.attrs[0][0] + first)
        if name in ("broadcast_to", "reshape"):
            return self.reshaped(node, parts[0])
        raise self.lacks(node)

    def spread(self, a: Expr, part: str, node: Expr) -> str:
        """A number for each row, of one that is the same for all."""
        if self.varies[a] or not self.varies[node]:
            return part
        other = next(self.names[b] for b in node.args if self.varies[b])
        return self.node("Expand", part, self.node("Shape", other))

    def product(self, node: Expr, left: str, right: str) -> str:
        """W·x of each row is x·Wᵀ of all."""
        a, b = node.args
        if self.varies[a] and self.varies[b]:
            raise self.lacks(node)
        if not self.varies[b]:
            return self.node("MatMul", left, right)
        return self.node("MatMul", right, left if len(a.shape) == 1 else self.node("Transpose", left, perm=[1, 0]))

    def reshaped(self, node: Expr, part: str) -> str:
        """Another shape, or a larger one."""
        if node.op.name == "reshape":
            front = [-1] if self.varies[node] else []
            return self.node("Reshape", part, self.constant([*front, *node.shape], np.int64))
        a = node.args[0]
        lacking = len(node.shape) - len(a.shape)
        if self.varies[a] and lacking:
            part = self.node("Unsqueeze", part, self.constant(range(1, 1 + lacking), np.int64))
        front = [1] if self.varies[a] else []
        return self.node("Expand", part, self.constant([*front, *node.shape], np.int64))

    def lacks(self, node: Expr) -> SettingError:
        """The sentence about what cannot be written."""
        return SettingError(_("an export to onnx has no '{name}', which this model computes").format(name=node.op.name))

    # -- classes ------------------------------------------------------------------------------------
    def label(self) -> str:
        """The label of each row, as text."""
        names = self.constant([label_text(label) for label in self.run.classes], object)
        score = self.value(self.program.score)
        if self.program.score.shape:
            place = self.node("ArgMax", score, axis=1, keepdims=0)
        else:  # of one score, the second class has the positive ones
            place = self.node("Cast", self.node("Greater", score, self.number(0.0)), to=INTEGER)
        from onnx import helper

        self.nodes.append(helper.make_node("Gather", [names, place], ["label"]))
        return "label"


REDUCING = {"sum": "ReduceSum", "max": "ReduceMax", "min": "ReduceMin", "logsumexp": "ReduceLogSumExp"}
