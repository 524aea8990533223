"""What each lesson trains, exported and run in clean processes that find no tidu: the numbers of the lesson's runs.

All programs of one lesson run in one process for each library, for starting PyTorch or JAX costs more than they do.
"""

from __future__ import annotations

import ast
import functools
import importlib
import json
import shlex
import subprocess
import sys

import numpy as np
import pytest

import tidu
from tidu.fronts import cli
from tidu.insight.export import LIBRARIES
from tidu.lessons import lesson
from tidu.lessons.lesson import LESSON_MODULES, LESSONS
from tidu.training.fit import run_of

MOST_STEPS = (
    50  # of a program on arrays: lessons make up to half a million, and adam doubles a last digit with each dozen
)
RUN_ALL = """
import contextlib, io, json, runpy, sys
told = []
for script, data in json.loads(sys.argv[1]):
    sys.argv = [script, data]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        try:
            runpy.run_path(script, run_name="__main__")
        except SystemExit as ended:
            assert str(ended).startswith("diverged"), ended
    told.append(printed.getvalue())
assert not any(name.partition(".")[0] == "tidu" for name in sys.modules)
print(json.dumps(told))
"""


@functools.cache
def trained(name):
    """The runs of a lesson: of fits that differ in nothing but a number, the first."""
    module, found, really = importlib.import_module(f"tidu.lessons.{LESSON_MODULES[name]}"), {}, lesson.fit
    for kept in filter(lambda value: hasattr(value, "cache_clear"), vars(module).values()):
        kept.cache_clear()

    def noted(formula, data, **given):
        run = really(formula, data, **given)
        way = (formula, *(given.get(k) for k in ("optimizer", "batch_size", "scale", "loss", "tol")))
        if not run.settings.uses_solver:
            found.setdefault(way, run)
        return run

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lesson, "fit", noted)
        LESSONS[name].material()
    return list(found.values())


def asked(name, folder):
    """The run that the question at the end of a lesson's page is about, by the page's own command."""
    LESSONS[name].give(str(folder), with_pictures=False)
    (command,) = (line for line in LESSONS[name].page("en").splitlines() if line.startswith("tidu explain "))
    words = shlex.split(command.replace("«folder»", str(folder)))[2:]
    for option in ("--step", "--of"):
        if option in words:
            del words[words.index(option) : words.index(option) + 2]
    model = folder / "asked.tidu"
    assert cli.run(["fit", *words, "--steps", "40", "--out", str(model)]) in (0, 1)
    return tidu.load(model).with_data()


def runs_of(name, folder):
    return [asked(name, folder), *trained(name)]


def shortened(run):
    """The same training, as far as `MOST_STEPS`."""
    if run.steps <= MOST_STEPS:
        return run
    return run_of(run.problem.changed(steps=MOST_STEPS, epochs=None))


def written(run, path):
    """The rows that a run learned from, as a file."""
    columns = {name: np.asarray(run.training_data[name]).tolist() for name in run.problem.names}
    rows = [",".join(map(repr, row)) for row in zip(*columns.values(), strict=True)]
    path.write_text("\n".join([",".join(columns), *rows]) + "\n")
    return str(path)


def printed(runs, to, folder):
    """What the exported programs of some runs print, by a process that has no tidu."""
    programs = []
    for k, run in enumerate(runs):
        script = folder / f"{to}-{k}.py"
        script.write_text(run.export(to), encoding="utf-8")
        programs.append((str(script), written(run, folder / f"data-{k}.csv")))
    alone = ["-I", "-S"] if to == "python" else ["-I"]
    command = [sys.executable, *alone, "-c", RUN_ALL, json.dumps(programs)]
    told = subprocess.run(command, cwd=folder, env={"PYTHONIOENCODING": "utf-8"}, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    lines = [[line.split(" = ") for line in text.splitlines()] for text in json.loads(told.stdout)]
    return [{name: ast.literal_eval(value) for name, value in each} for each in lines]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", LESSON_MODULES)
def test_in_python_to_the_bit(name, tmp_path):
    runs = [run for run in runs_of(name, tmp_path) if not run.program.of_arrays]
    assert runs or name == "digits"
    for run, found in zip(runs, printed(runs, "python", tmp_path) if runs else [], strict=True):
        assert found == dict(run.params)


@pytest.mark.sampled(3)
@pytest.mark.slow
@pytest.mark.parametrize("to", [to for to in LIBRARIES if to != "python"])
@pytest.mark.parametrize("name", LESSON_MODULES)
def test_on_arrays_to_the_last_digits(name, to, tmp_path):
    runs = [shortened(run) for run in runs_of(name, tmp_path)]
    for run, found in zip(runs, printed(runs, to, tmp_path), strict=True):
        for parameter, value in run.params.items():
            np.testing.assert_allclose(found[parameter], value, rtol=1e-12, atol=1e-12)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", LESSON_MODULES)
def test_predictions_in_onnx_to_single_precision(name, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    for run in runs_of(name, tmp_path):
        session = onnxruntime.InferenceSession(run.export("onnx"), providers=["CPUExecutionProvider"])
        data = {i.name: np.asarray(run.training_data[i.name], dtype=np.float32) for i in session.get_inputs()}
        found = dict(zip([o.name for o in session.get_outputs()], session.run(None, data), strict=True))
        exact = run.model.predictions(run.features_of(run.training_data, with_target=False))
        np.testing.assert_allclose(found["prediction"], exact, rtol=1e-4, atol=1e-5 * np.max(np.abs(exact)))
