"""The command line: one command a verb, the same words as the Python API.

Each command reads its arguments, calls one function of the package and prints the result, for people or (`--json`)
for programs. What a person did wrong is one sentence on standard error and status 2.
"""

from __future__ import annotations

import json
import math
import sys
from typing import TYPE_CHECKING, Any

import rich_click as click

from tidu import __version__
from tidu.content.kinds import DESCENT, MODEL, Assignments, Numbers
from tidu.errors import SettingError, TiduError
from tidu.fronts.command_options import (
    Group,
    OfKind,
    Option,
    check_outputs,
    csv_of,
    declared_options,
    given_of,
    output_options,
)
from tidu.fronts.diagnosis import doctor_command
from tidu.text import _, language

if TYPE_CHECKING:
    from tidu.training.minimize import Minimum
    from tidu.training.run import Run

click.rich_click.TEXT_MARKUP = "rich"
click.rich_click.SHOW_ARGUMENTS = True
click.rich_click.MAX_WIDTH = 110
click.rich_click.OPTIONS_PANEL_TITLE = _("Options")
click.rich_click.ARGUMENTS_PANEL_TITLE = _("Arguments")
click.rich_click.COMMANDS_PANEL_TITLE = _("Commands")
click.rich_click.DEFAULT_STRING = _("(default: {})")
click.rich_click.REQUIRED_SHORT_STRING = "*"
click.rich_click.REQUIRED_LONG_STRING = _("(required)")

GOOD, BAD_OUTCOME, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def run(arguments: list[str]) -> int:
    """Run one command line; gives the exit status."""
    try:
        outcome = app.main(with_form_of_code(arguments), prog_name="tidu", standalone_mode=False)
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = _("Try '{command} --help'.").format(command=context.command_path) if context else ""
        say_error(f"{error.format_message()} {hint}")
        return BAD_INPUT
    except TiduError as error:
        say_error(str(error))
        return BAD_INPUT
    except MemoryError:
        say_error(_("there is not enough memory for this; use fewer rows or columns"))
        return BAD_INPUT
    except (KeyboardInterrupt, click.Abort):
        say_error(_("interrupted"))
        return INTERRUPTED
    except UnicodeEncodeError as error:  # a file name, say; what we say ourselves is never stopped by an encoding
        say_error(str(error))
        return BAD_INPUT
    except BrokenPipeError:  # the reader of our output has gone, as in `tidu ... | head`
        sys.stderr.close()
        return GOOD
    except OSError as error:
        say_error(_("the output cannot be written: {reason}").format(reason=error.strerror or error))
        return BAD_INPUT
    return outcome if isinstance(outcome, int) else GOOD


def say_error(sentence: str) -> None:
    """One line on standard error."""
    from rich.console import Console
    from rich.text import Text

    Console(stderr=True, soft_wrap=True).print(Text.assemble((_("Error: "), "bold red"), sentence))


def print_json(plain: dict[str, Any]) -> None:
    """One object on standard output; what JSON cannot hold (nan, inf) is null."""
    click.echo(json.dumps(_json_safe(plain), ensure_ascii=False))


def _json_safe(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _json_safe(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_safe(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


# -- options that several commands share ----------------------------------------------------------
def status_of(stopped: str) -> int:
    """The exit status for the way in which a descent ended."""
    return {"diverged": BAD_OUTCOME, "interrupted": INTERRUPTED}.get(stopped, GOOD)


FORMS_OF_CODE = ("loop", "llvm", "asm")
code_option = click.option(
    "--show-code",
    type=click.Choice(FORMS_OF_CODE),
    cls=Option,
    help=_("Print the loop that ran; llvm or asm: the machine code that was made of it."),
)


def with_form_of_code(arguments: list[str]) -> list[str]:
    """The arguments, with the form of `--show-code` where it is left out, which is the loop."""
    after = [*arguments[1:], ""]
    bare = [a == "--show-code" and b not in FORMS_OF_CODE for a, b in zip(arguments, after, strict=True)]
    return ["--show-code=loop" if found else a for a, found in zip(arguments, bare, strict=True)]


def code_of(result: Run | Minimum, form: str) -> str:
    """The loop that ran, or its machine code."""
    if form == "loop":
        return result.source
    from tidu.engines.compiler.calls import listing_of

    code = listing_of(result.source, form) if result.engine == "compiled" else None
    if code is None:
        raise SettingError(
            _("this loop did not run as machine code, so there is none to show; --engine compiled makes some")
        )
    return code


# -- the commands -------------------------------------------------------------------------------
@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=_(
        "[bold]tidu 梯度[/bold]: gradient descent that you can see.\n\n"
        "Fit a formula to a table, and read the loop that did it. Start with\n"
        "[cyan]tidu lesson[/cyan] to learn, or [cyan]tidu fit DATA \"y = w*x + b\"[/cyan] to work."
    ),
)  # fmt: skip
@click.version_option(__version__, "--version", prog_name="tidu", help=_("Print the version."))
@click.option("--lang", metavar="zh|en", help=_("Language of all words; default from the locale."))
def app(lang: str | None) -> None:
    """The group; `lang` has been taken out of the arguments before this is called."""


@app.command(
    help=_(
        "Fit a formula to a table by gradient descent.\n\n"
        "DATA is a CSV file (also .gz, .zst), a Parquet file, a pattern such as 'part-*.csv', or - for standard "
        "input. FORMULA is 'target = expression': names of columns are features, every other name is a parameter "
        "to be learned."
    )
)
@click.argument("data")
@click.argument("formula")
@declared_options("fit")
@click.option("--out", cls=Option, metavar=_("FILE"),
              help=_("Save the model, for tidu predict and tidu.load."))  # fmt: skip
@click.option(
    "--plot",
    cls=Option,
    metavar=_("FILE"),
    help=_("Draw the loss curve and, for one feature, the fit (.png, .svg, .pdf)."),
)
@code_option
@output_options
def fit(data: str, formula: str, **values: Any) -> int:
    """`tidu fit`."""
    from tidu.fronts.progress import watched
    from tidu.training.fit import fit as fit_model

    plot, out, show_code, as_json = (values.pop(k) for k in ("plot", "out", "show_code", "as_json"))
    values.pop("lang")
    check_outputs(plot, out, data)
    csv = csv_of(values)
    with watched(_("fitting")) as progress:
        result = fit_model(formula, data, csv=csv, callbacks=progress, **given_of(values))
    if out is not None:
        result.save(out)
    if plot is not None:
        result.plot(plot)
    code = code_of(result, show_code) if show_code else None
    if as_json:
        print_json({**result.to_dict(), **({} if code is None else {"source": code})})
    else:
        from tidu.fronts.report import report_fit

        report_fit(result, code, show_code or "loop", written=[p for p in (out, plot) if p is not None])
    return status_of(result.stopped)


app.add_command(doctor_command)


@app.command(
    help=_(
        "Predict with a saved model.\n\n"
        "MODEL is what 'tidu fit --out' wrote, DATA is as in 'tidu fit'; the target may be absent. Prints one "
        "prediction a line (a label, if the model tells classes apart), or writes them to a CSV file."
    )
)
@click.argument("model")
@click.argument("data")
@declared_options("predict")
@click.option("--interval", type=float, metavar="LEVEL", help=_("Also the ends of an interval that holds a new sample "
              "with this probability, such as 0.95; for fits by lm."))  # fmt: skip
@click.option("--proba", is_flag=True, help=_("Print the probability of each class instead of the label; in the file, "
              "beside it."))  # fmt: skip
@click.option(
    "--out", cls=Option, metavar=_("FILE"), help=_("Write the features and the predictions to this CSV file.")
)
@output_options
def predict(model: str, data: str, **values: Any) -> int:
    """`tidu predict`."""
    from tidu.training.intervals import intervals_of
    from tidu.training.model import Model

    out, as_json, drop_missing, level, proba = (
        values.pop(k) for k in ("out", "as_json", "drop_missing", "interval", "proba")
    )
    values.pop("lang")
    check_outputs(None, out, data)
    fitted = Model.load(model)
    table = fitted.features_of(data, bool(drop_missing), csv_of(values))
    predictions = fitted.labels(table) if fitted.classes else fitted.predictions(table)
    probabilities = fitted.class_probabilities(table) if proba else None
    ends = {}
    if level is not None:
        _same, low, high = intervals_of(fitted, table, level, "sample")
        ends = {"lower": low, "upper": high}
    target = [c.name for c in fitted.program.columns if c.role == "target"]
    metrics = fitted.score(table) if all(name in table for name in target) else None
    if out is not None:
        from tidu.fronts.report import write_predictions

        write_predictions(out, fitted, table, predictions, probabilities, ends)
    if as_json:
        print_json(
            {
                "predictions": predictions.tolist(),
                "prediction": fitted.prediction_name,
                **{name: column.tolist() for name, column in ends.items()},
                "rows": len(predictions),
                "metrics": metrics,
                "classes": list(fitted.classes) or None,
                **({} if probabilities is None else {"probabilities": probabilities.tolist()}),
                "formula": fitted.settings.formula,
                "notes": list(table.notes),
            }
        )
    elif out is None:
        from tidu.fronts.report import text_of_predictions

        click.echo(text_of_predictions(fitted, predictions, probabilities, ends))
    else:
        from tidu.fronts.report import report_predictions

        report_predictions(out, len(predictions), fitted.classes, metrics)
    return GOOD


@app.command(
    help=_(
        "Walk down a plain function to its minimum.\n\n"
        "FUNCTION is an expression, such as '3*x1**2 + 4*x2**2'; --at says where to start, and so names the variables."
    )
)
@click.argument("function")
@click.option("--at", required=True, type=OfKind(Numbers()), metavar=_("NAME=VALUE,..."), cls=Option, group=DESCENT,
              help=_("Where to start, such as x1=1,x2=1."))  # fmt: skip
@declared_options("minimize")
@click.option("--plot", cls=Option, metavar=_("FILE"), help=_("Draw the way down (.png, .svg, .pdf)."))
@code_option
@output_options
def minimize(function: str, at: dict[str, float], **values: Any) -> int:
    """`tidu minimize`."""
    from tidu.fronts.progress import watched
    from tidu.training.minimize import minimize as walk_down

    plot, show_code, as_json = (values.pop(k) for k in ("plot", "show_code", "as_json"))
    values.pop("lang")
    check_outputs(plot)
    with watched(_("descending")) as progress:
        result = walk_down(function, at, callbacks=progress, **given_of(values))
    if plot is not None:
        result.plot(plot)
    code = code_of(result, show_code) if show_code else None
    if as_json:
        print_json({**result.to_dict(), **({} if code is None else {"source": code})})
    else:
        from tidu.fronts.report import report_minimum

        report_minimum(result, code, show_code or "loop", written=[plot] if plot is not None else [])
    return status_of(result.stopped)


@app.command(
    help=_(
        "Try every value of one parameter, or every pair of two, and show the cost.\n\n"
        "What one does before gradient descent: --over w=0:4:0.1 tries w = 0, 0.1, ... 4."
    )
)
@click.argument("data")
@click.argument("formula")
@click.option("--over", multiple=True, required=True, type=OfKind(Assignments()), metavar=_("NAME=LOW:HIGH:STEP"),
              cls=Option, group=MODEL, help=_("A parameter to vary; once or twice."))  # fmt: skip
@click.option("--fixed", type=OfKind(Numbers()), metavar=_("NAME=VALUE,..."), cls=Option, group=MODEL,
              help=_("Values of the other parameters; default 0."))  # fmt: skip
@declared_options("scan")
@click.option("--plot", cls=Option, metavar=_("FILE"),
              help=_("Draw the cost as a curve or a map (.png, .svg, .pdf)."))  # fmt: skip
@output_options
def scan(data: str, formula: str, over: tuple[dict[str, str], ...], **values: Any) -> int:
    """`tidu scan`."""
    from tidu.fronts.progress import watched
    from tidu.training.scan import scan as scan_grid

    plot, as_json = values.pop("plot"), values.pop("as_json")
    values.pop("lang")
    check_outputs(plot)
    csv = csv_of(values)
    ranges = {name: values for each in over for name, values in each.items()}
    with watched(_("scanning")) as progress:
        result = scan_grid(formula, data, ranges, csv=csv, callbacks=progress, **given_of(values))
    if plot is not None:
        result.plot(plot)
    if as_json:
        print_json(result.to_dict())
    else:
        from tidu.fronts.report import report_scan

        report_scan(result, [plot] if plot is not None else [])
    return GOOD


@app.command(
    help=_(
        "Train with every combination of some settings, and compare.\n\n"
        "--over names what varies and its values: lr=0.001,0.01,0.1, batch_size=1,10,100, seed=0:9:1, "
        "lr='log(1e-4,1,30)', w='linear(-1,1,11)' (the start of the parameter w). All other options are those of "
        "'tidu fit', and each run is what 'tidu fit' gives."
    )
)
@click.argument("data")
@click.argument("formula")
@click.option("--over", multiple=True, required=True, metavar=_("NAME=VALUES"), cls=Option, group=MODEL,
              help=_("What varies, and its values; once or more."))  # fmt: skip
@declared_options("sweep")
@click.option("--out", cls=Option, metavar=_("FILE"),
              help=_("Write a row for each run to this CSV file."))  # fmt: skip
@click.option(
    "--plot", cls=Option, metavar=_("FILE"), help=_("Draw the last losses as a curve or a map (.png, .svg, .pdf).")
)
@output_options
def sweep(data: str, formula: str, over: tuple[str, ...], **values: Any) -> int:
    """`tidu sweep`."""
    from tidu.fronts.progress import watched
    from tidu.fronts.sweeping import ranges_of, report_sweep, write_sweep
    from tidu.training.sweeping.sweep import sweep as train_all

    plot, out, as_json = (values.pop(k) for k in ("plot", "out", "as_json"))
    values.pop("lang")
    check_outputs(plot, out, data)
    ranges, given = ranges_of(over), given_of(values)
    csv = csv_of(values)
    with watched(_("sweeping")) as progress:
        result = train_all(formula, data, ranges, csv=csv, callbacks=progress, **given_of(values))
    if out is not None:
        write_sweep(out, result)
    if plot is not None:
        result.plot(plot)
    if as_json:
        print_json(result.to_dict())
    else:
        report_sweep(result, data, given, [p for p in (out, plot) if p is not None])
    if "interrupted" in result.stopped:
        return INTERRUPTED
    return GOOD if len(result.order) else BAD_OUTCOME


@app.command(
    help=_(
        "Learn: a small program run and explained, number by number, with pictures.\n\n"
        "Without NAME it lists the lessons."
    )
)
@click.argument("name", required=False)
@click.option("--out", metavar="FOLDER", help=_("Where data and pictures go; default tidu-lesson-NAME here."))
@click.option("--no-pictures", is_flag=True, help=_("Print only."))
@output_options
def lesson(name: str | None, out: str | None, no_pictures: bool, as_json: bool, lang: str | None) -> int:
    """`tidu lesson`."""
    from tidu.lessons.lesson import LESSONS, lesson_named

    if name is None:
        if as_json:
            print_json({"lessons": {n: entry.title() for n, entry in LESSONS.items()}})
        else:
            from tidu.fronts.report import report_lessons

            report_lessons(LESSONS)
        return GOOD
    given = lesson_named(name).give(None if as_json and out is None else out or f"tidu-lesson-{name}", not no_pictures)
    if as_json:
        print_json({"lesson": name, "language": language(), **given.numbers, "files": given.files})
    else:
        from tidu.fronts.report import report_lesson

        report_lesson(given)
    return GOOD
