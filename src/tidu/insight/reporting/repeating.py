"""How a run can be had again: the command line and the Python that fit it, with the options that differ from defaults.

Reports end with them; a sweep tells so how to have its best run again.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidu.content.declarations import declared
from tidu.content.kinds import Flag
from tidu.data.csv_options import CsvOptions
from tidu.training.options import DECLARED, OPTIONS, SETTING_NAMES, options_of
from tidu.training.origin import Origin
from tidu.training.run import Run

UNKNOWN = "DATA.csv"  # the data of a run that were in memory
_UNQUOTED = re.compile(r"[\w@%+=:,./-]+")


def words_of(options: Mapping[str, Any]) -> list[str]:
    """Options of `tidu.fit` as words of `tidu fit`."""
    words: list[str] = []
    for name, value in options.items():
        entry = DECLARED[name]
        if isinstance(entry.kind, Flag) and not isinstance(value, str):
            words += [f"--{entry.word}"] if value else [f"--no-{entry.word}"] if entry.default else []
        elif value is not None:
            words += [word for text in entry.kind.texts(value) for word in (f"--{entry.word}", text)]
    return words


def options_given(run: Run) -> dict[str, Any]:
    """The options of `tidu.fit` that are not their defaults; what `auto` chose is among them."""
    values = {name: getattr(run.settings, name) for name in options_of("fit") if name in SETTING_NAMES}
    origin = run.origin or Origin()
    judged_by = None if origin.validation == "memory" else origin.validation
    values |= {"test_size": origin.test_size, "drop_missing": origin.drop_missing, "validation": judged_by}
    return {name: value for name, value in values.items() if OPTIONS[name].given(value)}


def command_of(run: Run) -> str:
    """The command line that fits the run again, or minimises its function."""
    if run.program.target is None:
        at = ",".join(f"{name}={value!r}" for name, value in run.start.items())
        words = ["tidu", "minimize", run.settings.formula.strip(), "--at", at]
        return " ".join(map(_quoted, [*words, *words_of(_options_of_function(run))]))
    origin = run.origin or Origin()
    csv = {} if origin.csv is None else _told(origin.csv)
    words = ["tidu", "fit", _name_of(origin), run.settings.formula.strip()]
    return " ".join(map(_quoted, [*words, *words_of(options_given(run) | csv)]))


def python_of(run: Run) -> str:
    """The same in Python."""
    if run.program.target is None:
        arguments = [repr(run.settings.formula.strip()), repr(dict(run.start))]
        arguments += [f"{name}={value!r}" for name, value in _options_of_function(run).items()]
        return f"import tidu\n\nfound = tidu.minimize({', '.join(arguments)})\nprint(found.params)"
    origin = run.origin or Origin()
    arguments = [repr(run.settings.formula.strip()), repr(_name_of(origin))]
    arguments += [f"{name}={value!r}" for name, value in options_given(run).items()]
    if origin.csv is not None and _told(origin.csv):
        told = ", ".join(f"{name}={value!r}" for name, value in _told(origin.csv).items())
        arguments.append(f"csv=tidu.CsvOptions({told})")
    call = f"run = tidu.fit({', '.join(arguments)})"
    if len(call) > 100:
        call = "\n".join(["run = tidu.fit(", *(f"    {argument}," for argument in arguments), ")"])
    return f"import tidu\n\n{call}\nprint(run.params)"


def _options_of_function(run: Run) -> dict[str, Any]:
    """The options of `tidu.minimize` that are not their defaults, with the steps that were taken."""
    defaults = {name: entry.differs["minimize"].default for name, entry in options_of("minimize").items()}
    values = {name: getattr(run.settings, name) for name in defaults} | {"steps": max(1, run.steps)}
    return {name: value for name, value in values.items() if value != defaults[name]}


def _name_of(origin: Origin) -> str:
    """The file of the data, from where one stands if it is below."""
    if origin.path is None:
        return UNKNOWN
    path = Path(origin.path)
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _told(csv: CsvOptions) -> dict[str, Any]:
    """What was said of how text is to be read."""
    values = {name: getattr(csv, name) for name in declared(CsvOptions)}
    return {name: value for name, value in values.items() if DECLARED[name].given(value)}


def _quoted(word: str) -> str:
    """A word of a command line; double quotes, where they do, as most shells have them."""
    if _UNQUOTED.fullmatch(word):
        return word
    return f'"{word}"' if not re.search(r'["$`\\!]', word) else shlex.quote(word)
