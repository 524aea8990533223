"""A program: model, loss and optimizer as expressions, ready for whoever reads them (loop, LaTeX, trace).

It says what one sample adds (loss and gradient) and what one step does (mean, penalty, clipping, update); how many
samples a step takes and where numbers are kept is the reader's business.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Concatenate, ParamSpec

from tidu.content.losses import Loss
from tidu.content.optimizers import Optimizer
from tidu.content.penalties import clipped, mean_of, penalty, penalty_slopes
from tidu.content.schedules import STEP
from tidu.copying import replaced
from tidu.errors import NoDerivative
from tidu.language.calculus import gradient
from tidu.language.derived_columns import Derived
from tidu.language.expr import Expr, evaluation_order, symbol, symbols, with_args
from tidu.language.formula import Formula
from tidu.language.level_parameters import LevelParameters
from tidu.language.simplify import ZERO
from tidu.text import _

P = ParamSpec("P")


def kept_with_program(text_of: Callable[Concatenate[Program, P], str]) -> Callable[Concatenate[Program, P], str]:
    """Keep what a function makes of a program with the program: a second training of it writes nothing anew."""

    @functools.wraps(text_of)
    def kept(program: Program, /, *args: P.args, **named: P.kwargs) -> str:
        texts: dict[Any, str] = vars(program).setdefault("_texts", {})
        key = (text_of.__qualname__, args, tuple(named.items()))
        if key not in texts:
            texts[key] = text_of(program, *args, **named)
        return texts[key]

    return kept


@dataclass(frozen=True)
class Regularisation:
    """What is added to the cost and done to the gradient; nothing by default."""

    l1: float = 0.0
    l2: float = 0.0
    penalise: Sequence[str] | None = None  # names of the parameters that the penalty holds for; None is all
    clip_norm: float | None = None
    clip_value: float | None = None

    def holds_for(self, parameter: Expr) -> bool:
        """Whether the penalty is on a parameter."""
        return self.penalise is None or parameter.name in self.penalise

    def drawn_together(
        self, parameters: Sequence[Expr], by_level: Mapping[str, LevelParameters]
    ) -> dict[str, list[Expr]]:
        """The values for levels that the L2 penalty draws to their mean, not to 0, by the name of their parameter."""
        if not self.l2:
            return {}
        own = {name: {name, *group.names} for name, group in by_level.items()}
        held = [p for p in parameters if self.holds_for(p)]
        found = {name: [p for p in held if p.name in names] for name, names in own.items()}
        return {name: levels for name, levels in found.items() if levels}


@dataclass(frozen=True)
class Program:
    """Everything that training computes, as expressions.

    Of one sample: `score` (ŷ before the link), `prediction`, `target`, `loss`, `slope` (∂ℓ/∂ŷ) and `gradient`
    (∂ℓ/∂ each parameter). Of one step: `penalty`, and functions of the mean gradient, whose symbols are
    `mean_gradient`: `penalised`, then `clipped`, then `updates` of parameters and state. A program without data
    (`columns` empty) minimises `loss` itself.
    """

    parameters: tuple[Expr, ...]
    columns: tuple[Expr, ...]
    score: Expr
    target: Expr | None
    prediction: Expr
    loss: Expr
    slope: Expr
    gradient: tuple[Expr, ...]
    penalty: Expr
    mean_gradient: tuple[Expr, ...]
    penalised: tuple[Expr, ...]
    clipped: tuple[Expr, ...]
    rate: Expr
    lr: Expr
    optimizer: Optimizer
    new_parameters: tuple[Expr, ...]
    new_state: tuple[tuple[Expr, Expr, float], ...]  # the symbol, its new value, its value at the start
    starts: Mapping[str, str | float] = field(default_factory=dict)  # of parameters, where a model function says so
    residual_factor: float | None = None  # c, where the loss is c·residual²
    probabilities: bool = False  # whether scores are log-odds of the classes
    weight: Expr | None = None  # of one sample, where samples count differently; the loss has it as a factor
    masks: Mapping[Expr, float] = field(default_factory=dict)  # of dropout: symbols, with the rate at which each drops
    derived: Mapping[str, Derived] = field(default_factory=dict)  # columns that are made of columns of the data
    notes: tuple[str, ...] = ()  # on how the formula was read
    by_level: Mapping[str, LevelParameters] = field(default_factory=dict)  # with a value for each level of a column
    regularisation: Regularisation = Regularisation()

    @cached_property
    def of_arrays(self) -> bool:
        """Whether vectors or matrices are in it, so that it runs on whole batches."""
        return bool(self.masks) or any(p.shape for p in (*self.parameters, self.score))

    @property
    def is_by_level(self) -> bool:
        """Whether its vectors are parameters with a value for each of many levels, and it has no layers."""
        return all(p.name in self.by_level for p in self.parameters if p.shape)

    @cached_property
    def without_dropout(self) -> Program:
        """The program with every unit kept: what predicts, and what is judged."""
        if not self.masks:
            return self
        new: dict[Expr, Expr] = {}
        for node in evaluation_order([self.score, self.prediction, self.loss]):
            kept = node.op.name == "multiply" and node.args[1] in self.masks
            new[node] = new[node.args[0]] if kept else with_args(node, tuple(new[a] for a in node.args))
        score, loss = new[self.score], new[self.loss]
        slope, *partials = gradient(loss, [score, *self.parameters])
        return replace(
            self, score=score, prediction=new[self.prediction], loss=loss, slope=slope, gradient=tuple(partials),
            masks={},
        )  # fmt: skip

    def with_update(self, optimizer: Optimizer, rate: Expr) -> Program:
        """The program whose steps another optimizer makes, at another rate; its derivatives are those of this one."""
        if optimizer == self.optimizer and rate is self.rate:
            return self
        if optimizer == self.optimizer:
            new = replaced(self, rate=rate)
            if rate.is_constant and self.rate.is_constant:  # a constant rate stands in no text
                vars(new)["_texts"] = vars(self).setdefault("_texts", {})
            return new
        new_parameters, new_state = _updates(optimizer, self.parameters, self.mean_gradient, self.lr)
        return replace(self, rate=rate, optimizer=optimizer, new_parameters=new_parameters, new_state=new_state)

    @cached_property
    def means(self) -> dict[Expr, str]:
        """What the means are called to which the penalty draws levels."""
        drawn = self.regularisation.drawn_together(self.parameters, self.by_level)
        return {mean_of(levels): f"mean_{name}" for name, levels in drawn.items()}

    def penalty_slope(self, parameter: Expr) -> Expr:
        """What the penalty adds to the gradient of a parameter."""
        k = self.parameters.index(parameter)
        penalised = self.penalised[k]
        return ZERO if penalised is self.mean_gradient[k] else penalised.args[1]

    @cached_property
    def parameter_names(self) -> tuple[str, ...]:
        """The parameters' names, in the order of the formula."""
        return tuple(p.name for p in self.parameters)


def numbers_in(program: Program) -> int:
    """How many numbers are learned."""
    return sum(math.prod(p.shape) for p in program.parameters)


def number_names(program: Program) -> tuple[str, ...]:
    """A name for each number that is learned: W1[2, 0], b1[2], b; a[sh] of the level sh."""
    return tuple(name for p in program.parameters for name in names_of_numbers(program, p))


def named_numbers(program: Program, values: Mapping[str, Any], most: int | None = None) -> dict[str, Any]:
    """Values of parameters by name, with those of each level under its own name; the first `most` levels."""
    found: dict[str, Any] = {}
    for p in program.parameters:
        value = values[p.name]
        if p.shape and p.name in program.by_level:
            found |= dict(zip(names_of_numbers(program, p)[:most], value[:most].tolist(), strict=True))
        else:
            found[p.name] = value
    return found


def names_of_numbers(program: Program, parameter: Expr) -> tuple[str, ...]:
    """A name for each number of a parameter."""
    name = parameter.name
    if parameter.shape and name in program.by_level:
        return program.by_level[name].names
    places = itertools.product(*map(range, parameter.shape))
    return tuple(name + (f"[{', '.join(map(str, place))}]" if place else "") for place in places)


def program_of_model(
    formula: Formula,
    loss: Loss,
    optimizer: Optimizer,
    rate: Expr,
    regularisation: Regularisation,
    weight: Expr | None = None,
) -> Program:
    """The program that fits `formula` to a table; `weight`, an expression of columns, is how much a sample counts."""
    of_sample = loss(formula.score, formula.target)
    program = _program(
        formula.parameters,
        (*formula.features, *formula.columns, *(symbols([weight], "weight") if weight is not None else ())),
        formula.score,
        formula.target,
        loss.link(formula.score),
        of_sample if weight is None else weight * of_sample,
        optimizer,
        rate,
        regularisation,
        formula.starts,
        formula.by_level,
    )
    return replace(
        program,
        residual_factor=loss.least_squares,
        probabilities=loss.probabilities,
        weight=weight,
        masks=formula.masks,
        notes=formula.notes,
        derived=formula.derived,
        by_level=formula.by_level,
        regularisation=regularisation,
    )


def program_of_function(
    value: Expr, parameters: Sequence[Expr], optimizer: Optimizer, rate: Expr, columns: Sequence[Expr] = ()
) -> Program:
    """The program that minimises `value` over its parameters; with `columns`, its mean over the rows of a table."""
    return _program(tuple(parameters), tuple(columns), value, None, value, value, optimizer, rate, Regularisation())


def _program(
    parameters: tuple[Expr, ...],
    columns: tuple[Expr, ...],
    score: Expr,
    target: Expr | None,
    prediction: Expr,
    loss: Expr,
    optimizer: Optimizer,
    rate: Expr,
    regularisation: Regularisation,
    starts: Mapping[str, str | float] | None = None,
    by_level: Mapping[str, LevelParameters] | None = None,
) -> Program:
    slope, *partials = gradient(loss, [score, *parameters])
    for parameter, partial in zip(parameters, partials, strict=True):
        if partial is ZERO:
            raise NoDerivative(
                _(
                    "the loss has no slope along '{name}' (it is multiplied by 0, or stands only inside a condition "
                    "or a step function), so gradient descent cannot move it; give it a value in the formula, or use "
                    "optimizer auto, which tries every place of a breakpoint"
                ).format(name=parameter.name)
            )
    groups = [*regularisation.drawn_together(parameters, by_level or {}).values()]
    held = [p for p in parameters if regularisation.holds_for(p)]
    added = penalty(held, regularisation.l1, regularisation.l2, groups)
    mean = tuple(symbol(p.name, "gradient", shape=p.shape) for p in parameters)
    slopes = penalty_slopes(added, parameters, groups)
    penalised = tuple(g if d is ZERO else g + d for g, d in zip(mean, slopes, strict=True))
    lr = symbol("lr", "hyper", positive=True)
    return Program(
        parameters,
        columns,
        score,
        target,
        prediction,
        loss,
        slope,
        tuple(partials),
        added,
        mean,
        penalised,
        clipped(mean, regularisation.clip_norm, regularisation.clip_value),
        rate,
        lr,
        optimizer,
        *_updates(optimizer, parameters, mean, lr),
        starts or {},
    )


def _updates(
    optimizer: Optimizer, parameters: Sequence[Expr], mean_gradient: Sequence[Expr], lr: Expr
) -> tuple[tuple[Expr, ...], tuple[tuple[Expr, Expr, float], ...]]:
    """The new value of each parameter, and of each number of the optimizer's state with its symbol and its start."""
    updates = [optimizer.recorded(w, g, STEP + 1, lr) for w, g in zip(parameters, mean_gradient, strict=True)]
    return tuple(new for new, _state in updates), tuple(
        (symbol(f"{name}_{w.name}", "state", shape=w.shape), new, optimizer.state[name])
        for w, (_new, state) in zip(parameters, updates, strict=True)
        for name, new in state.items()
    )
