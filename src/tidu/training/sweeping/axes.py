"""The axes of a sweep: what varies, and the values it takes, from lists or from text such as `log(1e-4, 1, 30)`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidu.content.declarations import declared
from tidu.content.kinds import Whole
from tidu.content.models import MODELS
from tidu.errors import SettingError, closest
from tidu.text import _
from tidu.training.options import OPTIONS, TrainingOptions
from tidu.training.ranges import grid_values

SETTINGS = tuple(name for name, entry in declared(TrainingOptions).items() if entry.varies)  # as `tidu.fit` names them
INIT = "init."  # before a parameter's name, where that is the name of a setting too
MOST_RUNS = 1_000_000
_WORDS = {"none": None, "true": True, "false": False}


@dataclass(frozen=True)
class Axis:
    """What varies: a setting, or (`is_start`) the starting value of a parameter."""

    name: str
    is_start: bool
    values: tuple[Any, ...]

    @property
    def label(self) -> str:
        """Its name in tables and pictures."""
        return f"{INIT}{self.name}" if self.is_start and self.name in SETTINGS else self.name


def axes_of(over: Mapping[str, object], parameters: Iterable[str]) -> list[Axis]:
    """The axes of `over`, whose names are settings or parameters of the formula."""
    parameters = list(parameters)
    if not over:
        raise SettingError(_("a sweep needs something to vary, such as lr=0.001,0.01,0.1"))
    axes: list[Axis] = []
    for written, values in over.items():
        name = written.removeprefix(INIT)
        is_start = written.startswith(INIT) or written not in SETTINGS
        if is_start and name not in parameters:
            _refuse_option_of_model(name)
            near = closest(name, [*SETTINGS, *parameters])
            raise SettingError(
                _("a sweep cannot vary '{name}'{hint}; it can vary {settings}, and the start of {parameters}").format(
                    name=written,
                    hint=_(" (did you mean '{near}'?)").format(near=near) if near else "",
                    settings=", ".join(SETTINGS),
                    parameters=", ".join(parameters),
                )
            )
        if any((a.name, a.is_start) == (name, is_start) for a in axes):
            raise SettingError(_("the sweep varies '{name}' twice").format(name=name))
        axes.append(
            Axis(name, is_start, axis_values(written, values, not is_start and isinstance(OPTIONS[name].kind, Whole)))
        )
    runs = math.prod(len(a.values) for a in axes)
    if runs > MOST_RUNS:
        raise SettingError(_("the sweep has {runs} runs; the limit is {limit}").format(runs=runs, limit=MOST_RUNS))
    return axes


def _refuse_option_of_model(name: str) -> None:
    """Say where an option of a model function stands, if it is one: not among the settings."""
    for model in MODELS.values():
        if name in model.options and name not in OPTIONS:
            default = model.options[name]
            raise SettingError(
                _("'{name}' stands in the formula, as in {model}(..., {name}={value}), and a sweep has one formula; "
                  "fit each of the formulas by itself").format(
                    name=name, model=model.name, value=list(default) if isinstance(default, tuple) else default
                )
            )  # fmt: skip


def axis_values(name: str, values: object, whole: bool = False) -> tuple[Any, ...]:
    """The values of one axis, as plain Python values.

    Text is `0.001,0.01,0.1`, or `low:high:step` (both ends included), or `log(low, high, count)` or
    `linear(low, high, count)`; `whole` numbers are rounded.
    """
    if isinstance(values, str):
        found = _from_text(name, values.strip(), whole)
    elif isinstance(values, np.ndarray):
        found = values.tolist() if values.ndim == 1 else []
    else:
        items = list(values) if isinstance(values, Iterable) else []
        found = [v.item() if isinstance(v, np.generic) else v for v in items]
    if not found or any(isinstance(v, (list, tuple, dict)) for v in found):
        raise SettingError(_("the values of {name} must be a list of at least one").format(name=name))
    if len(found) > MOST_RUNS:
        raise SettingError(
            _("the sweep has {runs} runs; the limit is {limit}").format(runs=len(found), limit=MOST_RUNS)
        )
    return tuple(found)


def _from_text(name: str, text: str, whole: bool) -> list[Any]:
    spaced = re.fullmatch(r"(log|linear)\s*\(([^()]*)\)", text)
    if spaced:
        numbers = _spaced(name, text, spaced[1], spaced[2].split(","))
    elif ":" in text:
        numbers = grid_values(name, text).tolist()
    else:
        return [_item(piece.strip()) for piece in re.split(r",(?![^(]*\))", text) if piece.strip()]
    return list(dict.fromkeys(round(v) for v in numbers)) if whole else numbers


def _spaced(name: str, text: str, kind: str, parts: list[str]) -> list[float]:
    """Evenly spaced numbers, or numbers of which each is the same multiple of the one before."""
    try:
        low, high, count = (float(p) for p in parts)
    except ValueError:
        low = high = count = math.nan
    possible = math.isfinite(low) and math.isfinite(high) and count >= 1 and count == round(count)
    if not possible or (kind == "log" and min(low, high) <= 0.0):
        raise SettingError(
            _("the values of {name} must be {kind}(low, high, count), as in log(1e-4, 1, 30), not {value!r}").format(
                name=name, kind=kind, value=text
            )
        )
    if count > MOST_RUNS:
        raise SettingError(_("the sweep has {runs} runs; the limit is {limit}").format(runs=count, limit=MOST_RUNS))
    spaced = np.geomspace if kind == "log" else np.linspace
    numbers: list[float] = spaced(low, high, int(count)).tolist()
    return numbers


def _item(piece: str) -> Any:
    """A number, one of the words none, true and false, or text."""
    if piece.lower() in _WORDS:
        return _WORDS[piece.lower()]
    for kind in (int, float):
        try:
            return kind(piece)
        except ValueError:
            continue
    return piece
