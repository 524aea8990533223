"""One declaration for an option of training: everything that knows options reads it there."""

import dataclasses
import inspect
import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

import tidu
from tidu.content.declarations import GROUPS
from tidu.content.kinds import (
    Assignments,
    Bounds,
    Choice,
    Flag,
    Names,
    Number,
    Numbers,
    Text,
    Whole,
)
from tidu.errors import SettingError
from tidu.fronts import cli
from tidu.fronts.command_options import DECLARED
from tidu.text import use_language
from tidu.training.options import ENGINES, OPTIONS, SETTING_NAMES, FitArguments, options_of
from tidu.training.settings import Settings
from tidu.training.sweeping.axes import SETTINGS as VARYING

PACKAGE = Path(tidu.__file__).parent
NEW = """
    stamina: int | None = option(
        None, Whole(1), mark("Sample."), reason="none", group=DESCENT, varies=True, descent_only=True,
    )
    penalise: Sequence"""
CHECK = """
import inspect, sys
import tidu
from tidu.errors import SettingError
from tidu.fronts import cli
from tidu.training.settings import Settings

data = {"x": [1.0, 2, 3], "y": [2.0, 4, 6]}
assert "stamina" in inspect.signature(tidu.fit).parameters
assert "stamina" in tidu.fit.__doc__ and "stamina" in tidu.sweep.__doc__
assert tidu.fit("y = w*x", data, epochs=1, stamina=3).settings.stamina == 3
assert tidu.sweep("y = w*x", data, {"stamina": "3,4"}, epochs=1).over == {"stamina": (3, 4)}
for options in ({"stamina": 0}, {"stamina": 1, "optimizer": "lm"}):
    try:
        Settings("y = w*x", **options)
    except SettingError as error:
        assert "stamina" in str(error)
    else:
        raise AssertionError(options)
for verb in ("fit", "sweep", "doctor"):
    cli.run([verb, "--help"])
"""


def test_a_new_option_is_one_declaration(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "tidu", ignore=shutil.ignore_patterns("__pycache__"))
    file = tmp_path / "tidu" / "training" / "options.py"
    text = file.read_text(encoding="utf-8")
    assert text.count("\n    penalise: Sequence") == 1
    file.write_text(text.replace("\n    penalise: Sequence", NEW), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run([sys.executable, "-c", CHECK], env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().count("--stamina") == 3


def test_signatures_are_those_of_the_declarations():
    for verb in ("fit", "sweep", "minimize", "scan"):
        parameters = inspect.signature(getattr(tidu, verb)).parameters
        for name, entry in options_of(verb).items():
            default = parameters[name].default
            assert default == entry.default_of(verb), (verb, name)
        assert not [p for p in parameters.values() if p.kind is p.VAR_KEYWORD]


def test_every_option_is_documented_where_it_is_taken():
    for verb in ("fit", "sweep"):
        documentation = inspect.getdoc(getattr(tidu, verb))
        for name in options_of(verb):
            assert f"\n{name} : " in documentation, (verb, name)
    assert "{options}" not in tidu.fit.__doc__ + tidu.sweep.__doc__


@pytest.mark.parametrize("verb", ["fit", "sweep", "doctor", "explain", "lab", "minimize", "scan", "predict"])
def test_a_command_has_the_options_that_are_declared_for_it(verb):
    on_command_line = {p.name for p in cli.app.commands[verb].params if isinstance(p, click.Option)}
    declared = {name for name, entry in DECLARED.items() if verb in entry.verbs and name != "report"}
    others = {"as_json", "lang", "out", "plot", "show_code", "no_trials", "over", "at", "fixed", "interval", "proba",
              "no_store", "step", "rows", "row", "of_name", "line", "derive", "form",
              "unit", "why_not", "store_path", "report", "track", "lesson", "port", "host", "no_browser"}  # fmt: skip
    assert on_command_line - others == declared


def test_declarations_are_whole():
    fields = {f.name for f in dataclasses.fields(Settings)}
    for name, entry in OPTIONS.items():
        assert entry.group in GROUPS
        assert entry.reason, name
        assert entry.help[0].isupper()
        assert entry.help.endswith("."), name
        assert (name in fields) == (name in SETTING_NAMES)
        assert set(entry.engines) <= {*ENGINES}
        assert set(entry.excludes) <= {*OPTIONS}
        assert entry.checked(entry.default) == entry.default
        assert not entry.given(entry.default)
    assert set(VARYING) <= {*options_of("sweep")}
    assert {f.name for f in dataclasses.fields(FitArguments)} >= {*OPTIONS}


def test_an_unknown_keyword_is_named_with_its_like():
    for call in (tidu.fit, lambda *a, **k: tidu.sweep(*a, {"lr": [1]}, **k)):
        with pytest.raises(TypeError, match=r"unexpected keyword argument 'batchsize'; did you mean 'batch_size'\?"):
            call("y = w*x", {"x": [1.0], "y": [1.0]}, batchsize=1)


# -- kinds -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Whole(1), "12", 12),
        (Number(), "1e-3", 0.001),
        (Text(), " a b", " a b"),
        (Choice(("a", "b")), "a", "a"),
        (Names(), "a, b,", ("a", "b")),
        (Assignments(), "a=normal(0, 1), b=[1,2]", {"a": "normal(0, 1)", "b": "[1,2]"}),
        (Numbers(), "a=1,b=-2.5", {"a": 1.0, "b": -2.5}),
        (Bounds(), "a=0:,b=:5,c=-1:1", {"a": (0.0, None), "b": (None, 5.0), "c": (-1.0, 1.0)}),
    ],
)
def test_what_is_read_is_written_again(kind, text, value):
    assert kind.read("--option", text) == value
    assert kind.read("--option", kind.written(value)) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [(Whole(), "1.5"), (Number(), "one"), (Numbers(), "a=one"), (Assignments(), "a"), (Assignments(), "=1"),
     (Bounds(), "a=1"), (Bounds(), "a=one:2")],
)  # fmt: skip
def test_what_cannot_be_read_names_the_option(kind, text):
    for lang in ("en", "zh"):
        use_language(lang)
        with pytest.raises(SettingError, match="--option"):
            kind.read("--option", text)
    use_language("en")


@pytest.mark.parametrize(
    ("kind", "value"),
    [(Flag(), 1), (Flag(), "yes"), (Choice(("a", "b")), ["a"]), (Names(), [1]), (Assignments(), "a=1"), (Text(), 3),
     (Bounds(), {"a": 1}), (Bounds(), {"a": (2, 1)}), (Numbers(), {"a": "x"})],
)  # fmt: skip
def test_what_cannot_be_is_refused(kind, value):
    with pytest.raises(SettingError, match=r"option|bounds"):
        kind.checked("option", value)
