"""From expressions to assignments: what gets a name, what it is called, and in which order it is computed.

A node gets a line of its own if it is an output, has a label, is used more than once, or is very long; everything else
is written where it is used. Used by the loop writer for the forward pass, the backward pass and the update alike.
"""

from __future__ import annotations

import copy
import keyword
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from tidu.language.expr import Expr, code_template, evaluation_order
from tidu.language.printer import code
from tidu.runtime import ieee

_NOUNS = {
    "add": "sum",
    "subtract": "difference",
    "multiply": "product",
    "divide": "quotient",
    "negative": "minus",
    "integer_power": "power",
    "where": "choice",
    "logical_and": "both",
    "logical_or": "either",
    "logical_not": "otherwise",
}
MOST_OPERATIONS = 80  # on one line; Python's own parser gives up at 200 nested parentheses
_BUILTINS = {
    "len", "min", "max", "range", "train", "cost", "predict", "sample", "summed", "record", "float", "float32", "sums",
    "each_row",
}  # fmt: skip


class Names:
    """Identifiers of one generated function: the user's names first, the loop's own evade them.

    `code` is how expressions are written with them, and `template` the template of one node.
    """

    def __init__(
        self,
        code: Callable[[Expr, Mapping[Expr, str]], str] = code,
        template: Callable[[Expr], str] = code_template,
    ) -> None:
        self.of: dict[Expr, str] = {}
        self.template = template
        self._code = code
        self._taken = set(keyword.kwlist) | set(keyword.softkwlist) | set(vars(ieee)) | _BUILTINS

    def fresh(self, wish: str) -> str:
        """An identifier like `wish` that nothing else in the function has."""
        normal = unicodedata.normalize("NFKC", wish)  # as Python reads identifiers
        name = re.sub(r"\W+", "_", "".join(c if f"_{c}".isidentifier() else " " for c in normal)).strip("_") or "column"
        name = name if name.isidentifier() else f"_{name}"
        candidate = name
        while candidate in self._taken:
            candidate = candidate + "_"
        self._taken.add(candidate)
        return candidate

    def inside(self) -> Names:
        """The names of a function within: those that it adds are free outside."""
        names = copy.copy(self)
        names.of, names._taken = dict(self.of), set(self._taken)
        return names

    def code(self, node: Expr) -> str:
        """The node as code, with the names that there are."""
        return self._code(node, self.of)

    def name(self, node: Expr, wish: str) -> str:
        """Give `node` an identifier, unless it has one."""
        if node not in self.of:
            self.of[node] = self.fresh(wish)
        return self.of[node]

    def numbered(self, node: Expr) -> str:
        """A name for an intermediate value, after the operation that makes it: exp_1, product_2."""
        noun = _NOUNS.get(node.op.name, node.op.name)
        k = 1
        while f"{noun}_{k}" in self._taken:
            k += 1
        return self.name(node, f"{noun}_{k}")


def assignments(
    outputs: Sequence[Expr],
    names: Names,
    labels: Mapping[Expr, str],
    inline: Collection[Expr] = (),
    also_used_by: Iterable[Expr] = (),
) -> list[str]:
    """The lines that compute `outputs`; each is in `names` afterwards, or is a leaf, or is in `inline`.

    `labels` are wishes for names; `also_used_by` are expressions that come later, whose uses count too: what they
    share with these gets its name now.
    """
    order = evaluation_order(outputs, known=names.of)
    wanted, inline = set(outputs), set(inline)
    uses = _uses([*outputs, *also_used_by], names)
    operations: Counter[Expr] = Counter()  # written out where the node is; 0 for a name
    lines = []
    for node in order:
        operations[node] = len(node.args) and 1 + sum(operations[a] for a in node.args)
        if node.is_constant or (node in inline and uses[node] <= 1):
            continue
        long = operations[node] > MOST_OPERATIONS
        if node in labels or uses[node] > 1 or long or (node in wanted and node not in inline):
            operations[node] = 0
            text = names.code(node)
            name = names.name(node, labels[node]) if node in labels else names.numbered(node)
            lines.append(f"{name} = {text}")
    return lines


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
