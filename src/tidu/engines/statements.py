"""What a loop consists of: statements that know which expression they compute, in blocks; and how these get names.

A statement is a value. A *dialect* (`dialects`, `array_dialects`) gives it its text, and the trace (`trace`) its
numbers. A node gets a line of its own if it is an output, has a label, is used more than once, or is very long;
everything else is written where it is used.
"""

from __future__ import annotations

import copy
import functools
import keyword
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from tidu.language.expr import Expr, code_template, evaluation_order
from tidu.language.operation import code_functions


@dataclass(frozen=True)
class Assignment:
    """`name = node`: from here on the node is called so."""

    node: Expr
    name: str
    comment: str = ""


@dataclass(frozen=True)
class Reassignment:
    """`name = node`, for a name that stands for something else already (a gradient with its penalty, a cell)."""

    name: str
    node: Expr


@dataclass(frozen=True)
class Accumulate:
    """`total += node`."""

    total: str
    node: Expr


@dataclass(frozen=True)
class Move:
    """`name += by` or `name -= by`: a parameter, or a part of the state, is changed where it lies."""

    name: str
    sign: str
    by: Expr


@dataclass(frozen=True)
class Summed:
    """The sums of nodes over samples, by `summed`: `totals = summed(sample, samples, *arguments)`."""

    totals: tuple[str, ...]
    nodes: tuple[Expr, ...]
    samples: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Mean:
    """`name = total / count`."""

    name: str
    total: str
    count: str


@dataclass(frozen=True)
class BatchSum:
    """`name` is the sum of a node over the samples of a batch that is computed as a whole."""

    name: str
    node: Expr


@dataclass(frozen=True)
class BatchMean:
    """`name` is the mean of a derivative over the samples of a batch that is computed as a whole."""

    name: str
    node: Expr
    count: str


@dataclass(frozen=True)
class Update:
    """`name = new`: a parameter, or a part of the state, takes its new value."""

    name: str
    new: str


@dataclass(frozen=True)
class Rounded:
    """A number that is kept in the precision of the samples."""

    name: str


@dataclass(frozen=True)
class StopUnlessFinite:
    """Leave the loop before a step is taken that ends in a number that is not finite.

    `numbers` are names, each with the shape of what it names.
    """

    loss: str
    numbers: tuple[tuple[str, tuple[int, ...]], ...]
    stopped: str
    diverged: str
    checked: str


@dataclass(frozen=True)
class Record:
    """A row of the history: the loss, the length of the gradient, the rate and `numbers`.

    `gradients` are names, each with the shape of what it names.
    """

    history: str
    row: str
    loss: str
    lr: str
    gradient_norm: str
    gradients: tuple[tuple[str, tuple[int, ...]], ...]
    numbers: tuple[str, ...]


@dataclass(frozen=True)
class Line:
    """A line of the loop's own, such as a count; `{0}`, `{1}` in it stand for nodes."""

    text: str
    nodes: tuple[Expr, ...] = ()


@dataclass(frozen=True)
class Call:
    """`name = function(arguments)`, or without a name: a function of `runtime.tiles`.

    Some compute a `node` from `operands`, into the last of the arguments; some run a function for each unit, sample or
    number, whose statements are the blocks of `body`.
    """

    function: str
    arguments: tuple[str, ...]
    name: str = ""
    node: Expr | None = None
    operands: tuple[Expr, ...] = ()
    body: tuple[Block, ...] = ()


@dataclass(frozen=True)
class Return:
    """`return (parts)`; a part is a name or a node."""

    parts: tuple[str | Expr, ...]


@dataclass(frozen=True)
class Block:
    """Statements of one kind: step, forward, loss, backward, accumulate, mean, penalty, clip, rate, update.

    `scope` says what nodes are called as it begins; `heading` is the comment above it.
    """

    kind: str
    statements: tuple[Statement, ...]
    scope: Mapping[Expr, str] = field(default_factory=dict, repr=False)
    heading: str = ""


@dataclass(frozen=True)
class Nested:
    """A function, a loop or a condition: its head, and what is in it."""

    head: tuple[str, ...]
    body: tuple[Statement, ...]


Statement: TypeAlias = (
    Assignment | Reassignment | Accumulate | Move | Summed | Mean | BatchSum | BatchMean | Update | Rounded
    | StopUnlessFinite | Record | Line | Call | Return | Block | Nested
)  # fmt: skip

MOST_UNDERSCORES = 8  # behind names that are alike in Python; then they are numbered
MOST_OPERATIONS = 80  # on one line; Python's own parser gives up at 200 nested parentheses
_BUILTINS = {
    "len", "min", "max", "range", "train", "cost", "predict", "sample", "summed", "record", "float", "float32", "sums",
    "each_row",
}  # fmt: skip


@functools.cache
def _identifier(wish: str) -> str:
    """An identifier like `wish`."""
    normal = unicodedata.normalize("NFKC", wish)  # as Python reads identifiers
    name = re.sub(r"\W+", "_", "".join(c if f"_{c}".isidentifier() else " " for c in normal)).strip("_") or "column"
    return name if name.isidentifier() else f"_{name}"


class Names:
    """Identifiers of one generated function: the user's names first, the loop's own evade them.

    `template` gives the text of one node, which may repeat its arguments.
    """

    def __init__(self, template: Callable[[Expr], str] = code_template) -> None:
        self.of: dict[Expr, str] = {}
        self.template = template
        self._taken = set(keyword.kwlist) | set(keyword.softkwlist) | set(code_functions()) | _BUILTINS
        self._numbers: dict[str, int] = {}

    def fresh(self, wish: str) -> str:
        """An identifier like `wish` that nothing else in the function has."""
        name = candidate = _identifier(wish)
        while candidate in self._taken and len(candidate) < len(name) + MOST_UNDERSCORES:
            candidate = candidate + "_"
        if candidate in self._taken:
            candidate = self._with_number(name)
        self._taken.add(candidate)
        return candidate

    def _with_number(self, stem: str) -> str:
        """The stem and the first number that is free; those before it are never free again."""
        k = self._numbers.get(stem, 1)
        while f"{stem}_{k}" in self._taken:
            k += 1
        self._numbers[stem] = k
        return f"{stem}_{k}"

    def inside(self) -> Names:
        """The names of a function within: those that it adds are free outside."""
        names = copy.copy(self)
        names.of, names._taken, names._numbers = dict(self.of), set(self._taken), dict(self._numbers)
        return names

    def name(self, node: Expr, wish: str) -> str:
        """Give `node` an identifier, unless it has one."""
        if node not in self.of:
            self.of[node] = self.fresh(wish)
        return self.of[node]

    def numbered(self, node: Expr) -> str:
        """A name for an intermediate value, after the operation that makes it: exp_1, product_2."""
        return self.name(node, self._with_number(node.op.noun))


def assignments(
    outputs: Sequence[Expr],
    names: Names,
    labels: Mapping[Expr, str],
    inline: Collection[Expr] = (),
    also_used_by: Iterable[Expr] = (),
) -> list[Assignment]:
    """The assignments that compute `outputs`; each is in `names` afterwards, or is a leaf, or is in `inline`.

    `labels` are wishes for names; `also_used_by` are expressions that come later, whose uses count too: what they
    share with these gets its name now.
    """
    order = evaluation_order(outputs, known=names.of)
    wanted, inline = set(outputs), set(inline)
    uses = _uses([*outputs, *also_used_by], names)
    operations: Counter[Expr] = Counter()  # written out where the node is; 0 for a name
    found = []
    for node in order:
        operations[node] = len(node.args) and 1 + sum(operations[a] for a in node.args)
        if node.is_constant or (node in inline and uses[node] <= 1):
            continue
        long = operations[node] > MOST_OPERATIONS
        if node in labels or uses[node] > 1 or long or (node in wanted and node not in inline):
            operations[node] = 0
            name = names.name(node, labels[node]) if node in labels else names.numbered(node)
            found.append(Assignment(node, name))
    return found


def _uses(outputs: Sequence[Expr], names: Names) -> Counter[Expr]:
    """How often each node's code is written out, with 2 for one that a template repeats."""
    uses: Counter[Expr] = Counter(set(outputs))
    for node in evaluation_order(outputs, known=names.of):
        if node.args:
            template = names.template(node)
            for i, arg in enumerate(node.args):
                uses[arg] += template.count(f"{{{i}}}")
    return uses


def repeated_columns(outputs: Sequence[Expr], columns: Iterable[Expr]) -> list[Expr]:
    """The columns whose cell the code of one sample reads more than once."""
    uses = _uses(outputs, Names())
    return [c for c in columns if uses[c] > 1]


def per_step(outputs: Sequence[Expr], columns: Collection[Expr], labels: Mapping[Expr, str]) -> list[Expr]:
    """The largest parts of `outputs` that no sample changes and that are worth computing once a step."""
    varies: set[Expr] = set(columns)
    order = evaluation_order(outputs)
    for node in order:
        if any(a in varies for a in node.args):
            varies.add(node)
    found: dict[Expr, None] = {}
    for node in order:
        if node in varies:
            for arg in node.args:
                worth = arg.args and arg.op.name not in ("negative",) and arg not in labels
                if worth and arg not in varies:
                    found[arg] = None
    return list(found)
