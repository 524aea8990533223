"""From the values of a trace to entries: each with the names and numbers that went in, and why it is computed.

Called by `explain`; `Entries(...).all()` goes through a step in the order of the loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tidu.content.schedules import REDUCTION, STEP, is_reduced
from tidu.data.labels import label_text
from tidu.engines.program import Program
from tidu.engines.statements import Assignment, BatchMean, Mean, Move, Reassignment, Update
from tidu.engines.step_reader import Trace, TracedValue
from tidu.insight.explanation import Entry, Part
from tidu.insight.loop_lines import statement_at
from tidu.insight.nodes import Identities
from tidu.insight.reasons import Reasons
from tidu.insight.written import Symbol, shape_in_words
from tidu.language.expr import Expr, evaluation_order, symbol
from tidu.language.printer import unicode_name
from tidu.text import _
from tidu.training.functions import NO_COLUMN
from tidu.training.run import Run

OF_SAMPLE = ("step", "forward", "loss", "backward", "accumulate")
Key = tuple[int | None, Expr]


@dataclass(frozen=True)
class Layers:
    """The layers of a network that have parameters: what they are in words, and where each parameter belongs."""

    words: tuple[str, ...]
    of_parameters: Mapping[Expr, int]

    @classmethod
    def of(cls, run: Run) -> Layers:
        """Those of a run's formula; none for a formula of single numbers."""
        program, formula = run.problem.descended, run.problem.formula
        if not program.of_arrays or formula is None:
            return cls((), {})
        known = set(program.parameters)
        made = [x for x in formula.layers if any(p in known for p in x.parameters)]
        words: list[str] = []
        places: dict[Expr, int] = {}
        for k, layer in enumerate(made):
            parts = [f"{p.name} {shape_in_words(p.shape) or '1'}" for p in layer.parameters]
            gives = shape_in_words(layer.shape) or 1
            words.append(
                _("layer {k}: {name}, {parameters}, gives {shape}").format(
                    k=k + 1, name=layer.name, parameters=_(", ").join(parts), shape=gives
                )
            )
            places |= dict.fromkeys(layer.parameters, k)
        return cls(tuple(words), places)

    def layer_of(self, order: Sequence[Expr], adjoint_of: Mapping[Expr, list[Expr]]) -> dict[Expr, int]:
        """The layer of each node: that of the last parameter on the way to it; of a derivative, that of its node."""
        found: dict[Expr, int] = {}
        if not self.of_parameters:
            return found
        for node in order:
            places = [found[a] for a in node.args if a in found]
            if node in self.of_parameters:
                places.append(self.of_parameters[node])
            if places:
                found[node] = max(places)
        for value, nodes in adjoint_of.items():
            if nodes[-1] in found and value not in order:
                found[value] = found[nodes[-1]]
        return found


class Known:
    """What stands for a node in a row, or else in the step; all but one's `own` node, which is what is computed."""

    def __init__(self, now: Mapping[Key, Part], row: int | None, own: Expr | None = None) -> None:
        self.now, self.row, self.own = now, row, own

    def __contains__(self, node: object) -> bool:
        return node is not self.own and ((self.row, node) in self.now or (None, node) in self.now)

    def __getitem__(self, node: Expr) -> Part:
        found = self.now.get((self.row, node))
        return self.now[None, node] if found is None else found


class Entries:
    """Goes through the values of a trace, and knows of each node which entry its value is in now."""

    def __init__(
        self, run: Run, trace: Trace, reasons: Reasons, identities: Identities, rows: Sequence[int],
        columns: int | None = None,
    ) -> None:  # fmt: skip
        self.most_columns = columns
        self.run, self.trace, self.reasons, self.identities = run, trace, reasons, identities
        self.program: Program = run.problem.descended
        self.rows = set(rows)
        self.code = trace.source.splitlines()
        self.made: dict[str, Entry] = {}
        self.now: dict[Key, Part] = {}  # of a row, or of the step: what stands for a node
        self.by_name: dict[str, Part] = {}  # of the step
        self.summands: dict[str, list[Part]] = {}
        self.averaged = any(v.block == "mean" for v in trace.values)  # not of a batch of one
        self.layers = Layers.of(run)
        forward = evaluation_order([self.program.loss])
        self.layer_of = self.layers.layer_of(forward, reasons.derivatives if self.layers.words else {})
        self.forward = set(forward)
        self.gradient_names = self._gradient_names()

    def _gradient_names(self) -> dict[str, Expr]:
        """The parameter of each name of a gradient in the loop."""
        names = dict.fromkeys(
            v.name for v in self.trace.values if isinstance(v.statement, BatchMean) or (v.block == "accumulate" and
            not (v.node is self.program.loss and not v.name.startswith("grad")))
        )  # fmt: skip
        return dict(zip(names, self.program.parameters, strict=False))

    def all(self) -> tuple[Entry, ...]:
        """The entries, in the order in which they are computed."""
        self._given()
        for v in self.trace.values:
            if v.row is not None and v.row not in self.rows:
                self._summand(v)
            else:
                self._entry(v)
        return tuple(self.made.values())

    # -- what a step begins with ------------------------------------------------------------------------------
    def _given(self) -> None:
        p, trace = self.program, self.trace
        for q in p.parameters:
            self._give(q, trace.before[q.name], _("a parameter, as it is before this step"))
        each = max(len(p.optimizer.state), 1)
        for k, ((s, _new, _start), value) in enumerate(zip(p.new_state, trace.state_before, strict=False)):
            self._give(s, value, _("the optimizer's memory, as it is before this step"), of=p.parameters[k // each])
        for name, s in p.optimizer.hyper_symbols().items():
            self._give(s, p.optimizer.values[name], _("a setting of {optimizer}").format(optimizer=p.optimizer.name))
        if p.rate.is_constant:
            self._give(p.lr, p.rate.value, _("the learning rate"))
        if any(STEP in evaluation_order([new]) for new in (*p.new_parameters, *(n for _s, n, _z in p.new_state))):
            self._give(STEP, float(trace.step), _("the number of this step, from 0"))
        if is_reduced(p.rate):
            self._give(REDUCTION, trace.reduction, _("what plateaus of the loss have left of the learning rate"))
        table = self.run.training_data
        for row in (r for r in trace.rows if r in self.rows):
            for k, c in enumerate(p.columns):
                if c.name == NO_COLUMN:
                    continue
                assert table is not None
                value = float(table[c.name][row])
                if self.most_columns is not None and k >= self.most_columns and c.role == "feature":
                    self.now[row, c] = Part(c, Symbol(c.name), value, "")
                    continue
                self._give(c, value, self.reasons.of_column(self._class_of(c, value), value, row), row)

    def _give(self, node: Expr, value: Any, rule: str, row: int | None = None, of: Expr | None = None) -> None:
        name = "step" if node is STEP else node.name
        identity = self._identity(f"given:{name}", row)
        entry = Entry(identity, self.identities.of(node) or "", "given", name, Symbol(name), None, (), "", value, row,
                      0, "", rule, self.layers.of_parameters.get(node if of is None else of))  # fmt: skip
        self._keep(entry, node)

    # -- the values of the loop -------------------------------------------------------------------------------
    def _entry(self, v: TracedValue) -> None:
        name = self._name(v)
        earlier = self.now.get((v.row, v.node)) if v.node is not None else None
        if v.block in ("forward", "loss", "backward") and earlier is not None and v.node is not None:
            if isinstance(v.statement, Reassignment) and v.node.args:  # a value takes its place in an array
                self._rename(earlier, name, v.node, v.row)
                return
            if v.node.is_symbol:  # a cell of the data that gets a name
                self._rename(earlier, earlier.symbol.name, v.node, v.row, v)
                return
        value = v.value if v.added is None else v.added  # of a sum, what this row adds to it
        expression, parts, words = self._formula(v, name)
        shown = Symbol(name)
        if v.block in OF_SAMPLE or v.block in ("mean", "penalty", "clip"):
            shown = self._symbol(v, name)
        rule = self._why(v, name, parts)
        parameter = self._parameter(v, name)
        identity = self._identity(f"{v.block}:{name}", v.row)
        owner = parameter if parameter is not None else self._owner(v)
        layer = None if owner is None else self.layers.of_parameters.get(owner)
        if layer is None and v.node is not None:
            layer = self.layer_of.get(v.node)
        code = statement_at(self.code, v.line)
        entry = Entry(identity, self.identities.of(v.node) or "", v.block, name, shown, expression, parts, words, value,
                      v.row, v.line, code, rule, layer)  # fmt: skip
        self._keep(entry, self._stands_for(v, name, parameter))
        if v.block == "accumulate" and v.row is not None:
            self._summand(v, entry.id)

    def _name(self, v: TracedValue) -> str:
        """What a value is called: in a function for each number of a parameter, as it would be in the step itself."""
        name = v.name.partition("[")[0]
        if not v.parameter:
            return f"new_{name}" if isinstance(v.statement, Move) else name
        p = self.program
        if v.node in p.new_parameters:
            return f"new_{v.parameter}"
        if isinstance(v.statement, Update) and v.node is not None:
            return v.node.name
        if isinstance(v.statement, Assignment):
            return next((f"new_{s.name}" for s, new, _start in p.new_state if new is v.node), name)
        wanted = next(q for q in p.parameters if q.name == v.parameter)
        return next(n for n, q in self.gradient_names.items() if q is wanted)

    def _stands_for(self, v: TracedValue, name: str, parameter: Expr | None) -> Expr | None:
        """The node whose value this is from here on."""
        gradients = ("mean", "penalty", "clip") if self.averaged or v.row is not None else (
            "accumulate", "penalty", "clip")  # fmt: skip
        if v.block in gradients and parameter is not None and self._is_gradient(v, name):
            return self.program.mean_gradient[self.program.parameters.index(parameter)]
        if v.block == "rate" and v.node is self.program.rate:
            return self.program.lr
        if v.block == "update" and isinstance(v.statement, Update):
            return None
        return None if v.block == "accumulate" else v.node

    def _is_gradient(self, v: TracedValue, name: str) -> bool:
        return not isinstance(v.statement, Assignment) and (name in self.gradient_names or bool(v.parameter))

    def _parameter(self, v: TracedValue, name: str) -> Expr | None:
        """The parameter that a value belongs to; None where it belongs to none, or to all."""
        p = self.program
        if v.parameter:
            return next(q for q in p.parameters if q.name == v.parameter)
        if v.block in ("accumulate", "mean", "penalty", "clip"):
            return self.gradient_names.get(name)
        if v.node in p.new_parameters:
            return p.parameters[p.new_parameters.index(v.node)]
        if v.node in p.parameters and v.block == "update":
            return v.node
        return None

    def _owner(self, v: TracedValue) -> Expr | None:
        """The parameter that a number of the optimizer's state belongs to."""
        p = self.program
        for k, (s, new, _start) in enumerate(p.new_state):
            if v.node in (s, new):
                return p.parameters[k // len(p.optimizer.state)]
        return None

    def _formula(self, v: TracedValue, name: str) -> tuple[Expr | None, tuple[Part, ...], str]:
        """The formula of a value, what stands for the numbers in it, and words where there is no formula."""
        if v.block == "accumulate" and v.row is None:
            return self._sum(name)
        if isinstance(v.statement, BatchMean) and v.row is None:
            return self._mean(v.statement, name)
        if isinstance(v.statement, Mean):
            total = self._of_step(v.statement.total, v.parameter)
            count = Part(symbol("count", "hyper"), Symbol(v.statement.count), float(max(self.trace.count, 1)), "")
            if total is None:
                return None, (), _("sum over the batch, divided by their number")
            return total.node / count.node, (total, count), ""
        if isinstance(v.statement, Update):
            new = self._new_of(v)
            return (None, (), "") if new is None else (new.node, (new,), "")
        if v.node is None:
            return None, (), ""
        known = Known(self.now, v.row, None if v.block == "accumulate" else v.node)
        inner = evaluation_order([v.node], known=known)
        used = dict.fromkeys(a for n in (inner or []) for a in n.args if a in known)
        if v.node in known:
            used = dict.fromkeys([v.node])
        return v.node, tuple(known[n] for n in used), ""

    def _sum(self, name: str) -> tuple[Expr | None, tuple[Part, ...], str]:
        """A sum over the batch: of a few rows with what each adds."""
        parts = self.summands.get(name, [])
        if len(parts) != self.trace.count or self.trace.count > 8:
            return None, tuple(parts), _("sum over the batch")
        if not parts:
            return None, (), ""
        total = parts[0].node
        for part in parts[1:]:
            total = total + part.node
        return total, tuple(parts), ""

    def _mean(self, statement: BatchMean, name: str) -> tuple[Expr | None, tuple[Part, ...], str]:
        """A mean over the batch, where no sum has a name: of a few rows with what each adds."""
        total, parts, words = self._sum(name)
        if total is None or not parts:
            return None, parts, _("mean over the batch")
        count = Part(symbol("count", "hyper"), Symbol(statement.count), float(len(parts)), "")
        return total / count.node, (*parts, count), words

    def _summand(self, v: TracedValue, source: str = "") -> None:
        """What a row adds to a sum."""
        if v.block != "accumulate" or v.added is None:
            return
        name = v.name.partition("[")[0]
        place = symbol(f"{name} of row {v.row}", "hyper", shape=np.shape(v.added))
        called = Symbol(f"{name}_{v.row}")
        self.summands.setdefault(name, []).append(Part(place, called, v.added, source))

    def _of_step(self, name: str, parameter: str) -> Part | None:
        """What a name of the step stands for; in the function of a parameter, `grad` is the sum of its gradient."""
        if parameter:
            wanted = next(q for q in self.program.parameters if q.name == parameter)
            name = next(n for n, q in self.gradient_names.items() if q is wanted)
        return self.by_name.get(name.partition("[")[0])

    def _new_of(self, v: TracedValue) -> Part | None:
        """What a name takes its new value from."""
        p = self.program
        news = dict(zip(p.parameters, p.new_parameters, strict=True)) | {s: new for s, new, _start in p.new_state}
        if v.node in news:
            return self.now.get((None, news[v.node]))
        return self._of_step(v.name, v.parameter)

    # -- names and reasons --------------------------------------------------------------------------------------
    def _symbol(self, v: TracedValue, name: str) -> Symbol:
        """What people call a value of a sample, a sum or a mean."""
        p, of = self.program, self.gradient_names.get(name)
        if v.parameter and self._is_gradient(v, name):
            of = next(q for q in p.parameters if q.name == v.parameter)
        if v.block == "accumulate":
            if v.row is None and not self.averaged:
                return Symbol(name, "cost") if of is None else Symbol(name, "gradient", of.name)
            if of is None:
                return Symbol(name, "loss" if v.row is not None else "losses")
            return Symbol(name, "slope" if v.row is not None or not self.trace.count else "sum", of.name)
        if v.block in ("mean", "penalty", "clip"):
            if isinstance(v.statement, Assignment):
                return Symbol(name)
            return Symbol(name, "cost") if of is None else Symbol(name, "gradient", of.name)
        if v.node is p.score and p.target is not None:
            return Symbol(name, "prediction")
        if v.node is p.loss:
            return Symbol(name, "loss")
        if v.node is p.slope and p.target is not None:
            return Symbol(name, "slope")
        of_node = None if v.block != "backward" or v.node is None else self.reasons.derived_by(v.node)
        return Symbol(name, "slope", self.reasons.named(of_node)) if of_node in self.reasons.names else Symbol(name)

    def _why(self, v: TracedValue, name: str, parts: tuple[Part, ...]) -> str:
        """The rule of calculus, or what the step does."""
        r, p = self.reasons, self.program
        named = Known(self.now, v.row)
        is_loss = v.block in ("accumulate", "mean") and name not in self.gradient_names and not v.parameter
        match v.block:
            case "accumulate" if v.row is not None or not self.trace.count:
                if is_loss or v.node is None:
                    return r.of_share() if self.trace.count > 1 else r.of_forward(p.loss)
                return r.of_derivative(v.node, self.gradient_names[name], named)
            case "accumulate":
                return r.of_sum(is_loss) if self.averaged else r.of_one()
            case "mean":
                return r.of_mean(is_loss, self.trace.count)
            case "penalty":
                of = self._parameter(v, name)
                return r.of_penalty(of) if of is not None else _("a part of the penalty's derivative")
            case "clip":
                if not self._is_gradient(v, name):
                    return r.of_length()
                before = next((x.value for x in parts if x.symbol.name == name), v.value)
                return r.of_clip(not np.array_equal(before, v.value))
            case "rate":
                return r.of_rate()
            case "update":
                return self._why_updated(v)
        if v.node is None:
            return ""
        if v.block == "step":
            return _("the same for every sample, so it is computed once a step")
        if v.node in self.forward:
            return r.of_forward(v.node)
        return r.of_derivative(v.node, None, named)

    def _why_updated(self, v: TracedValue) -> str:
        p = self.program
        if isinstance(v.statement, Update):
            if v.node in p.parameters:
                return _("{name} takes its new value").format(name=v.node.name)
            if v.node is None:
                return _("the gradient as the optimizer saw it, for the history")
            return _("the optimizer's memory, for the next step")
        if v.node is STEP + 1:
            return _("the number of this step, from 1")
        if v.node in p.new_parameters:
            return self.reasons.of_update("w")
        for s, new, _start in p.new_state:
            if new is v.node:
                of = next(q.name for q in p.parameters if s.name.endswith(f"_{q.name}"))
                return self.reasons.of_update(unicode_name(s.name.removesuffix(f"_{of}")))
        return self.reasons.of_update(None)

    # -- keeping -----------------------------------------------------------------------------------------------
    def _identity(self, wish: str, row: int | None) -> str:
        identity = wish if row is None else f"{wish}@{row}"
        k, found = 2, identity
        while found in self.made:
            found, k = f"{identity}#{k}", k + 1
        return found

    def _keep(self, entry: Entry, node: Expr | None) -> None:
        self.made[entry.id] = entry
        stands_for = node if node is not None else symbol(entry.name, "hyper", shape=entry.shape)
        part = Part(stands_for, entry.symbol, entry.value, entry.id)
        if node is not None:
            self.now[entry.row, node] = part
            if entry.block in OF_SAMPLE and entry.symbol.kind == "name":
                self.reasons.names[node] = entry.name
        if entry.row is None:
            self.by_name[entry.name] = part

    def _rename(self, part: Part, name: str, node: Expr, row: int | None, line: TracedValue | None = None) -> None:
        """The entry of a part gets the name of the array that its value stands in, or the line that names a cell."""
        entry = self.made[part.source]
        if line is None:
            entry = replace(entry, name=name, symbol=replace(entry.symbol, name=name))
        else:
            code = statement_at(self.code, line.line)
            rule = self.reasons.of_column(self._class_of(node, entry.value), line.value, row or 0)
            entry = replace(entry, name=line.name, line=line.line, code=code, value=line.value, rule=rule)
        self.made[entry.id] = entry
        if node in self.reasons.names:
            self.reasons.names[node] = entry.name
        self.now[row, node] = Part(node, entry.symbol, entry.value, entry.id)

    def _class_of(self, column: Expr, value: float) -> str:
        """The label in the data for the number of a target; nothing for what is no class."""
        codes = self.run.settings.loss_object.targets.codes if column.role == "target" else ()
        return next((label_text(x) for code, x in zip(codes, self.run.classes, strict=False) if code == value), "")
