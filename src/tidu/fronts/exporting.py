"""`tidu export`: a run, from its file or from the store, as a program that needs no tidu."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from tidu.errors import SettingError
from tidu.fronts.command_options import FileName, file_option, options, output_options
from tidu.fronts.help import Command, Option
from tidu.fronts.outcomes import GOOD, print_json
from tidu.fronts.stored import store_option
from tidu.text import _
from tidu.writing import write_whole

if TYPE_CHECKING:
    from tidu.training.run import Run


@click.command(
    "export",
    cls=Command,
    help=_(
        "Write a run as a program that needs no tidu.\n\n"
        "RUN is a file that 'tidu fit --out' wrote, or the number of a run in the store. The program trains as the run "
        "did: 'python script.py DATA.csv' prints each parameter. In python, which needs nothing but Python, to the "
        "same bits; in numpy, torch and jax but for the last digits. onnx is the model for prediction, in float32."
    ),
    options_metavar=_("[OPTIONS]"),
    examples=(
        (_("The training in plain Python:"), "tidu export line.tidu --to python --out script.py"),
        (_("The model for an ONNX runtime:"), "tidu export line.tidu --to onnx --out line.onnx"),
        (_("The model of run 3 alone, as a function predict(row):"), "tidu export 3 --to python --model"),
    ),
)
@click.argument("run", metavar=_("RUN"), type=FileName())
@click.option(
    "--to", required=True, cls=Option, metavar="python|numpy|torch|jax|onnx", help=_("What it is written in.")
)
@file_option("--out", _("The file to write; without it, the program is printed."))
@click.option("--model", is_flag=True, cls=Option, help=_("The model alone: a function predict(row)."))
@options(store_option, output_options)
def export_command(
    run: str, to: str, out: str | None, model: bool, store_path: str | None, as_json: bool, lang: str | None
) -> int:
    """`tidu export`."""
    if to == "onnx" and out is None:
        raise SettingError(_("an ONNX model is no text to print; name its file with --out"))
    content: str | bytes = run_of(run, store_path).export(to, model)
    text = content if isinstance(content, str) else ""
    if out is not None:
        write_whole(out, content if isinstance(content, bytes) else content.encode())
    if as_json:
        print_json({"to": to, "written": out} if out is not None else {"to": to, "source": text})
    elif out is None:
        click.echo(text, nl=False)
    return GOOD


def run_of(name: str, store_path: str | None, data: str | None = None, with_its_data: bool = False) -> Run:
    """The run in a file, or the run of the store with this number.

    With `data`, it holds these; `with_its_data` it holds those that it was fitted to, where they are still there.
    """
    if name.isdecimal():
        from tidu.training.resuming import run_in
        from tidu.training.storing.store import Store

        with Store(store_path, reading=True) as store:
            run = run_in(store, int(name))
    else:
        from tidu.training.run import load

        run = load(name)
    if data is not None:
        return run.with_data(data)
    there = run.origin is not None and run.origin.path is not None and os.path.exists(run.origin.path)
    return run.with_data() if with_its_data and there else run
