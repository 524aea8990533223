"""A fit by descent, from settings to where it ended: the rate that `auto` chooses, the scaling, and why it diverged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tidu.content.methods import AUTO
from tidu.content.optimizers import optimizer_named
from tidu.engines.program import Program
from tidu.errors import SettingError
from tidu.text import _
from tidu.training.descents.descent import Descent, Limits, Progress, descend
from tidu.training.rates import SMALLER, automatic_rate
from tidu.training.rescaling import basis_of, rescaled
from tidu.training.settings import Settings
from tidu.training.solving.objective import Objective
from tidu.training.solving.spectrum import WHOLE, spectrum_of
from tidu.training.solving.stability import rate_limit

Array = npt.NDArray[np.float64]
MOST_RETRIES = 12  # of a rate that `auto` chose, each time a quarter of the one before


def descent_of(
    settings: Settings,
    program: Program,
    columns: Sequence[Array],
    start: Sequence[float],
    limits: Limits,
    engine: str,
    threads: int | None,
    progress: Progress | None,
    device: str | None = None,
) -> tuple[Settings, Descent, list[str]]:
    """The settings with the rate that was used, the descent in the user's parameters, and what there is to say."""
    notes: list[str] = []
    if program.of_arrays and (settings.scale or settings.lr == AUTO):
        raise SettingError(
            _(
                "lr='auto' and scale=True are for models of single numbers; "
                "give a learning rate, such as 0.005 with adam"
            )
        )
    basis = basis_of(program, columns, start) if settings.scale else None
    begin = list(start)
    if basis is not None:
        program, begin = rescaled(settings, program, basis), [0.0] * len(begin)
        notes.append(_("descended in rescaled parameters; learning rate and tol are in their units"))
    automatic = settings.lr == AUTO
    if automatic:
        lr, why = automatic_rate(settings, program, columns, begin)
        settings, program = _with_rate(settings, program, lr)
        notes.append(why)
    retries = 0
    while True:
        descent = descend(
            program,
            columns,
            begin,
            limits,
            batch_size=settings.batch_size,
            shuffle=settings.shuffle,
            seed=settings.seed,
            record=settings.record,
            engine=engine,
            threads=threads,
            dtype=settings.dtype,
            fast=settings.fast,
            device=device,
            progress=progress,
        )
        if not automatic or retries == MOST_RETRIES or not _went_up(descent, program, columns, begin):
            break
        retries += 1
        assert isinstance(settings.lr, float)
        settings, program = _with_rate(settings, program, settings.lr * SMALLER)
    if retries:
        notes.append(
            _("the curvature grows on the way: with that rate the descent went up, so {lr:.6g} was used").format(
                lr=settings.lr
            )
        )
    return settings, descent if basis is None else basis.original(descent), notes


def _with_rate(settings: Settings, program: Program, lr: float) -> tuple[Settings, Program]:
    settings = replace(settings, lr=lr)
    return settings, settings.program_like(program)


def _went_up(descent: Descent, program: Program, columns: Sequence[Array], begin: Sequence[float]) -> bool:
    """Whether the cost over all rows is above that at the start by more than rounding."""
    if descent.stopped == "diverged":
        return True
    objective = Objective(program, columns)
    before = objective.cost(np.array(begin, dtype=np.float64))
    return not objective.cost(np.array(descent.state.parameters)) <= before + 1e-9 * abs(before)


def reasons_of_divergence(
    settings: Settings, program: Program, columns: Sequence[Array], start: Sequence[float]
) -> list[str]:
    """The limit that the rate is above, if it is; and what removes it."""
    optimizer = optimizer_named(settings.optimizer)
    if program.of_arrays or len(program.parameters) > WHOLE or not isinstance(settings.lr, float) or settings.scale:
        return []
    spectrum = spectrum_of(Objective(program, columns), np.array(start, dtype=np.float64))
    limit = math.inf if spectrum is None else rate_limit(optimizer, spectrum.largest)
    if spectrum is None or settings.lr <= limit:
        return []
    return [
        _(
            "the learning rate {lr:g} is above the limit of {optimizer} here, {limit:.3g} (from the largest curvature, "
            "{largest:.3g}). Below it the flattest direction takes about {condition:.2g} times as many steps as the "
            "steepest: use --scale, or --optimizer lm"
        ).format(
            lr=settings.lr,
            optimizer=optimizer.name,
            limit=limit,
            largest=spectrum.largest,
            condition=spectrum.condition,
        )
    ]
