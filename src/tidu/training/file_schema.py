"""What may stand in a model file: types, counts and shapes, checked before memory is taken and anything is made of it.

`check_model` and `check_run` look at the plain values, `check_arrays` at what the file says of its arrays. Whoever
writes a file by hand can give it the right digest; so nothing is taken on trust here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from tidu.content.plateau import START
from tidu.data.categories import MOST_GROUPS
from tidu.data.times import time_in
from tidu.engines.program import Program, number_names
from tidu.text import _
from tidu.training.origin import Origin
from tidu.training.settings import Settings

LATER = frozenset(  # options that files of this format from before them have not
    {"plateau", "where", "report", "intervals", "draws", "resample", "counts"}
)
MOST_NAMES = 100_000  # columns of the data
MOST_NOTES = 10_000
MOST_EPOCHS = 100_000_000
Check = Callable[[Any, str], None]  # of a value and of where it stands; raises ValueError
Described = Mapping[str, tuple[str, tuple[int, ...]]]  # of each array: its type (F64, I64) and its shape


def _refuse(where: str, wanted: str, value: Any) -> None:
    found = f"{value!r}"
    raise ValueError(
        _("{where} must be {wanted}, not {value}").format(
            where=where, wanted=wanted, value=found if len(found) <= 40 else found[:37] + "..."
        )
    )


def _whole(value: Any, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        _refuse(where, _("a whole number"), value)


def _number(value: Any, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        _refuse(where, _("a number"), value)


def _nonnegative(value: Any, where: str) -> None:
    _number(value, where)
    if value < 0:
        _refuse(where, _("a number that is not negative"), value)


def _text(value: Any, where: str) -> None:
    if not isinstance(value, str):
        _refuse(where, _("text"), value)


def _truth(value: Any, where: str) -> None:
    if not isinstance(value, bool):
        _refuse(where, "true / false", value)


def _number_or_text(value: Any, where: str) -> None:
    (_text if isinstance(value, str) else _number)(value, where)


def _optional(check: Check) -> Check:
    return lambda value, where: None if value is None else check(value, where)


def _list(check: Check, most: int, exactly: bool = False) -> Check:
    def check_list(value: Any, where: str) -> None:
        if not isinstance(value, list):
            _refuse(where, _("a list"), value)
        if len(value) > most or (exactly and len(value) != most):
            _refuse(where, _("a list of {count} at most").format(count=most), f"{len(value)}")
        for entry in value:
            check(entry, where)

    return check_list


def _names(most: int) -> Check:
    def check_names(value: Any, where: str) -> None:
        _list(_text, most)(value, where)
        if len(set(value)) != len(value):
            _refuse(where, _("a list of different names"), value)

    return check_names


def _mapping(check: Check) -> Check:
    def check_mapping(value: Any, where: str) -> None:
        if not isinstance(value, dict):
            _refuse(where, _("a table of values by name"), value)
        for name, entry in value.items():
            check(entry, f"{where}.{name}")

    return check_mapping


def _record(**checks: Check) -> Check:
    def check_record(value: Any, where: str) -> None:
        if not isinstance(value, dict) or set(value) != set(checks):
            named = sorted(value) if isinstance(value, dict) else value
            _refuse(where, ", ".join(sorted(checks)), named)
        for name, check in checks.items():
            check(value[name], f"{where}.{name}" if where else name)

    return check_record


def _with(required: Mapping[str, Check], known: Mapping[str, Check] | None = None) -> Check:
    """A table that has the required values, and known and unknown ones besides."""

    def check_table(value: Any, where: str) -> None:
        if not isinstance(value, dict) or not set(value) >= set(required):
            named = sorted(value) if isinstance(value, dict) else value
            _refuse(where, ", ".join(sorted(required)), named)
        for name, check in {**required, **(known or {})}.items():
            if name in value:
                check(value[name], f"{where}.{name}" if where else name)

    return check_table


def _anything(value: Any, where: str) -> None:
    """What is checked by whoever takes it."""


def _labels(value: Any, where: str) -> None:
    """Text alone, or numbers alone, or true and false."""
    _list(_anything, MOST_GROUPS)(value, where)
    kinds = {bool if isinstance(v, bool) else float if isinstance(v, int) else type(v) for v in value}
    if len(kinds) > 1 or not kinds <= {str, float, bool} or len(set(value)) != len(value):
        _refuse(where, _("a list of different labels"), value)


def _label(value: Any, where: str) -> None:
    if not isinstance(value, (str, int, float)):
        _refuse(where, _("text, a number, or true or false"), value)


def _levels(value: Any, where: str) -> None:
    """Labels, or combinations of as many each, of several columns."""
    if not isinstance(value, list) or not any(isinstance(level, list) for level in value):
        _labels(value, where)
        return
    _list(_list(_label, MOST_NAMES), MOST_GROUPS)(value, where)
    if len({len(combination) for combination in value}) != 1 or len({*map(tuple, value)}) != len(value):
        _refuse(where, _("a list of different labels"), value)
    for labels in zip(*value, strict=True):
        _labels([*dict.fromkeys(labels)], where)


def _moment(value: Any, where: str) -> None:
    _text(value, where)
    time_in(value)


def _statistics(count: int, single: int) -> Check:
    """Statistics of a fit with so many numbers, and so many parameters that are single ones.

    Those of an earlier version lack their kind and what came later.
    """
    shared: dict[str, Check] = {
        "parameters": _names(count), "values": _list(_number, count, exactly=True),
        "covariance": _list(_list(_number, count, exactly=True), count, exactly=True), "rows": _whole, "rank": _whole,
        "confused": _list(_names(count), count),
    }  # fmt: skip
    later: dict[str, Check] = {"kind": _text, "linear": _names(count)}
    number = _optional(_number)
    of_squares: dict[str, Check] = {
        "residual_sum_of_squares": _nonnegative, "known_sigma": _truth, "log_weights": _number,
    }  # fmt: skip
    of_single: dict[str, Check] = {
        "covariance": _list(_list(_number, single, exactly=True), single, exactly=True), "shared": _names(single),
        "errors": _list(_number, count, exactly=True),
    }  # fmt: skip
    of_levels = _list(_number, count * count)
    own: dict[str, tuple[dict[str, Check], dict[str, Check]]] = {
        "least squares": (of_squares, {"constant_sum_of_squares": number}),
        "least squares by level": (
            {**of_squares, **of_single},
            {"constant_sum_of_squares": number, "inverses": of_levels, "shares": of_levels},
        ),
        "likelihood": (
            {"log_likelihood": _number, "deviance": _number, "null_deviance": _number, "has_constant": _truth},
            {"pearson": number},
        ),
        "robust": ({"method": _text}, {"bandwidth": number}),
    }

    def check(value: Any, where: str) -> None:
        kind = value.get("kind", "least squares") if isinstance(value, dict) else ""
        if not isinstance(kind, str) or kind not in own:
            _refuse(where, ", ".join(own), kind)
        required, known = own[kind]
        _with({**shared, **required}, {**later, **known})(value, where)
        if unknown := set(value) - {*shared, *required, *later, *known}:
            _refuse(where, ", ".join([*shared, *required]), sorted(unknown))

    return check


def _of_settings(value: Any, where: str) -> None:
    known = {field.name: _anything for field in fields(Settings)}
    if isinstance(value, dict):
        known = {name: check for name, check in known.items() if name in value or name not in LATER}
    _record(**{**known, "formula": _text, "levels": _mapping(_levels), "zeros": _mapping(_moment)})(value, where)


_ENDS = _mapping(_list(_number, 2, exactly=True))  # of intervals, by name


def check_model(plain: Any) -> None:
    """Refuse plain values that no model has; the settings check themselves when they are made.

    Raises
    ------
    ValueError
        With a sentence of which value, and what it must be.
    """
    checks: dict[str, Check] = {
        "settings": _of_settings, "names": _list(_text, MOST_NAMES), "classes": _labels,
        "parameters": _names(MOST_NAMES), "statistics": _anything,
    }  # fmt: skip
    if isinstance(plain, dict):
        checks |= dict.fromkeys({"run", "confidence"} & plain.keys(), _anything)
        checks |= {"break_ends": _ENDS} if "break_ends" in plain else {}
    _record(**checks)(plain, "")


def check_run(run: Any, program: Program, metrics: Any) -> None:
    """Refuse plain values that no run of this program has; `metrics` are some of the form that its own have."""

    def like_metrics(value: Any, where: str) -> None:
        _like(value, metrics, where)

    _record(
        stopped=_text, rows=_whole, seconds=_number, source=_text, engine=_text, engine_reason=_text,
        metrics=_optional(like_metrics), test_metrics=_optional(like_metrics), notes=_list(_text, MOST_NOTES),
        recorded=_names(MOST_NAMES), record=_text,
        data=_optional(_origin),
        judged=_optional(_record(losses=_list(_number, MOST_EPOCHS), validated=_truth, epochs=_whole, steps=_whole)),
    )(run, "run")  # fmt: skip
    if run["record"] not in ("epoch", "step"):
        _refuse("run.record", "epoch / step", run["record"])
    if not set(run["recorded"]) <= set(program.parameter_names):
        _refuse("run.recorded", _("names of parameters"), run["recorded"])


def check_facts(facts: Any) -> None:
    """Refuse what are no facts of a run in a store; those of an earlier version lack some, of which not all are kept.

    Raises
    ------
    ValueError
    """
    number = _optional(_number)
    data = _with(
        {"path": _optional(_text), "csv": _optional(_mapping(_anything)), "drop_missing": _truth, "test_size": number,
         "rows": _whole, "fingerprint": _text}
    )  # fmt: skip
    required = {
        "formula": _text, "optimizer": _text, "lr": _optional(_number_or_text), "batch_size": _optional(_whole),
        "settings": _with({"formula": _text, "optimizer": _text}), "engine": _text, "source": _text, "data": data,
        "versions": _mapping(_text),
    }  # fmt: skip
    _with(
        required,
        {
            "loss": number, "seconds": number, "steps": _whole, "epochs": _whole, "stopped": _text,
            "notes": _list(_text, MOST_NOTES), "params": _mapping(_anything), "judged_since": _whole,
            "attempt": _record(rate=_text, retries=_whole), "device": _optional(_text), "choice": _text,
        },
    )(facts, "")  # fmt: skip


def check_parameters(parameters: Any, program: Program) -> None:
    """Refuse other names than those of the program's parameters."""
    if parameters != list(program.parameter_names):
        _refuse("parameters", ", ".join(program.parameter_names)[:100], parameters)


def check_statistics(statistics: Any, program: Program) -> None:
    """Refuse what are no statistics of a fit of this program."""
    names = number_names(program) if statistics is not None else ()
    shared = sum(not p.shape for p in program.parameters)
    _optional(_statistics(len(names), shared))(statistics, "statistics")
    if statistics is not None and statistics["parameters"] != list(names):
        _refuse("statistics.parameters", ", ".join(names)[:100], statistics["parameters"])
    for k, row in enumerate([] if statistics is None else statistics["covariance"]):
        _nonnegative(row[k], f"statistics.covariance.{k}.{k}")  # a variance


def check_confidence(confidence: Any) -> None:
    """Refuse what are no intervals by name."""
    _optional(_record(kind=_text, level=_number, ends=_ENDS))(confidence, "confidence")


def _like(value: Any, model: Any, where: str) -> None:
    """Refuse a value of another form than `model` has: numbers, and lists and tables of them."""
    if isinstance(model, dict):
        if not isinstance(value, dict) or not set(value) <= set(model):
            _refuse(where, ", ".join(model), value)
        for name, entry in value.items():
            _like(entry, model[name], f"{where}.{name}")
    elif isinstance(model, list):
        _list(lambda entry, place: _like(entry, model[0], place), len(model), exactly=True)(value, where)
    else:
        _number(value, where)


def check_arrays(described: Described, program: Program, run: Mapping[str, Any] | None) -> None:
    """Refuse arrays of other names, types or shapes than a model of this program, and its run, have.

    Raises
    ------
    ValueError
    """
    parameters = program.parameters
    expected: dict[str, tuple[str, tuple[int, ...]]] = {f"params/{p.name}": ("F64", p.shape) for p in parameters}
    if run is not None:
        expected |= {f"start/{p.name}": ("F64", p.shape) for p in parameters}
        kept = {"/".join(name.split("/")[:2]) for name in described if re.match(r"kept/[0-9]{1,4}/", name)}
        for place in ("state", *sorted(kept)):
            expected |= _of_a_state(place, described, program)
        rows = described.get("history/step", ("", (0,)))[1][:1]
        expected |= {"history/epoch": ("I64", rows), "history/step": ("I64", rows)}
        expected["history/values"] = ("F64", (*rows, 3 + 2 * len(run["recorded"])))
        if "rescaling/matrix" in described:
            n = len(parameters)
            expected |= {"rescaling/start": ("F64", (n,)), "rescaling/matrix": ("F64", (n, n))}
    _check_as_described(described, expected)


def check_state(described: Described, program: Program) -> None:
    """Refuse arrays that are no state of a training of this program, or of one in rescaled parameters.

    Raises
    ------
    ValueError
    """
    n = len(program.parameters)
    expected = _of_a_state("state", described, program)
    if "state/rescaling:matrix" in described:
        expected |= {"state/rescaling:start": ("F64", (n,)), "state/rescaling:matrix": ("F64", (n, n))}
    _check_as_described(described, expected)


def _check_as_described(described: Described, expected: Described) -> None:
    for name in sorted(expected.keys() | described.keys()):
        if described.get(name) != expected.get(name):
            raise ValueError(
                _("the array {name} is {found}, and not {expected}").format(
                    name=name, found=_shown(described.get(name)), expected=_shown(expected.get(name))
                )
            )


def _of_a_state(place: str, described: Described, program: Program) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The arrays of one state."""
    expected: dict[str, tuple[str, tuple[int, ...]]] = {
        f"{place}/place": ("I64", (3,)), f"{place}/epoch_loss": ("F64", ())
    }  # fmt: skip
    of_state = [symbol.shape for symbol, _new, _start in program.new_state]
    of_parameters = [p.shape for p in program.parameters]
    for name, shapes in (("parameters", of_parameters), ("optimizer", of_state), ("epoch_start", of_parameters),
                         ("gradient", of_parameters)):  # fmt: skip
        if name == "parameters" or f"{place}/{name}/0" in described:
            expected |= {f"{place}/{name}/{k}": ("F64", shape) for k, shape in enumerate(shapes)}
    if f"{place}/plateau/0" in described:
        expected |= {f"{place}/plateau/{k}": ("F64", ()) for k in range(len(START))}
    return expected


def _origin(value: Any, where: str) -> None:
    """Where the data of a run came from."""
    _record(
        path=_optional(_text), csv=_optional(_anything), drop_missing=_truth, test_size=_optional(_number),
        validation=_optional(_number_or_text), stream=_optional(_truth), fingerprint=_optional(_text),
    )(value, where)  # fmt: skip
    Origin.of_dict(value)


def _shown(described: tuple[str, Sequence[int]] | None) -> str:
    return _("missing") if described is None else f"{described[0]}[{', '.join(map(str, described[1]))}]"
