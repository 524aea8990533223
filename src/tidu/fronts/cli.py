"""The command line: one command a verb, the same words as the Python API.

Each command reads its arguments, calls one function of the package and prints the result, for people or (`--json`)
for programs. What a person did wrong is one sentence on standard error and status 2.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import click
from click.shell_completion import shell_complete

from tidu import __version__
from tidu.content.kinds import DESCENT, MODEL, Assignments, Numbers
from tidu.errors import SettingError, TiduError
from tidu.fronts.auditing import audit_command
from tidu.fronts.command_options import (
    OfKind,
    check_outputs,
    code_option,
    csv_of,
    data_and_formula,
    declared_options,
    file_option,
    given_of,
    output_options,
)
from tidu.fronts.comparing import compare_command
from tidu.fronts.diagnosis import doctor_command
from tidu.fronts.explaining import explain_command
from tidu.fronts.exporting import export_command
from tidu.fronts.help import Group, Option
from tidu.fronts.laboratory import lab_command
from tidu.fronts.outcomes import (
    BAD_INPUT,
    BAD_OUTCOME,
    GOOD,
    INTERRUPTED,
    code_of,
    print_json,
    say_error,
    status_of,
    write_nowhere,
)
from tidu.fronts.plotting import plot_command
from tidu.fronts.predicting import predict_command
from tidu.fronts.reporting import report_command, reports_of
from tidu.fronts.stored import runs_command
from tidu.fronts.telling import COMPLETE, completion_command, functions_command
from tidu.fronts.watching import watch_command
from tidu.fronts.worksheets import worksheet_command
from tidu.text import _, language
from tidu.training.sweeping.axes import SETTINGS as VARYING


def run(arguments: list[str]) -> int:
    """Run one command line; gives the exit status."""
    try:
        if sys.stdout is None:
            raise SettingError(_("standard output is closed; send it to a file, or to /dev/null"))
        outcome = _invoke(arguments or ["--help"])
        sys.stdout.flush()  # what cannot be written is an error here, not at the end of the process
    except click.exceptions.Exit as done:  # after --help, say
        return done.exit_code
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        message = error.format_message()
        if context is not None:
            sentence = _("{message}. Try '{command} --help'.")
            message = sentence.format(message=message.rstrip(".。"), command=context.command_path)
        say_error(message)
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
        write_nowhere()
        return GOOD
    except OSError as error:
        write_nowhere()
        say_error(_("the output cannot be written: {reason}").format(reason=error.strerror or error))
        return BAD_INPUT
    return outcome if isinstance(outcome, int) else GOOD


def _invoke(arguments: list[str]) -> object:
    """What a command returns; or what a shell asks for, to complete one."""
    asked = os.environ.get(COMPLETE)
    if asked:
        raise click.exceptions.Exit(shell_complete(app, {}, "tidu", COMPLETE, asked))
    with app.make_context("tidu", list(arguments)) as context:
        return app.invoke(context)


def _lesson_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from tidu.lessons.lesson import LESSONS

    return [name for name in LESSONS if name.startswith(incomplete)]


def _functions_of_formulas() -> str:
    from tidu.content.function_list import functions_of_formulas

    return _("Functions of formulas: {names}. What each is: tidu functions.").format(
        names=", ".join(f.name for f in functions_of_formulas())
    )


# -- the commands -------------------------------------------------------------------------------
@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    subcommand_metavar=_("COMMAND [ARGUMENTS]"),
    options_metavar=_("[OPTIONS]"),
    help=_(
        "tidu 梯度: gradient descent that you can see.\n\n"
        "Fit a formula to a table, and read the loop that did it. To learn, begin with 'tidu lesson'; to work, with "
        "'tidu fit DATA \"y = w*x + b\"'. 'tidu COMMAND --help' has examples."
    ),
)
@click.version_option(__version__, "--version", prog_name="tidu", help=_("Print the version."))
@click.option("--lang", metavar="zh|en", help=_("Language of all words; by default that of the locale."))
def app(lang: str | None) -> None:
    """The group; `lang` has been taken out of the arguments before this is called."""


@app.command(
    help=_(
        "Fit a formula to a table by gradient descent.\n\n"
        "DATA is a CSV file (also .gz, .zst), a Parquet file, a workbook (.xlsx), a pattern such as 'part-*.csv', or "
        "- for standard input. FORMULA is 'target = expression': names of columns are features, every other name "
        "is a parameter to be learned."
    ),
    options_metavar=_("[OPTIONS]"),
    examples=(
        (_("A line, by gradient descent with a learning rate of its own:"),
         'tidu fit points.csv "y = w*x + b" --lr auto'),
        (_("Mini-batches of 32 with Adam, the loss curve as a picture:"),
         'tidu fit points.csv "y = w*x + b" --optimizer adam --batch-size 32 --plot'),
        (_("A curve by least squares, from given starting values:"),
         'tidu fit decay.csv "y = a*exp(-b*t) + c" --optimizer lm --init a=1,b=0.1'),
        (_("Two classes, a tenth of the rows kept back; the model is saved:"),
         'tidu fit leaves.csv "tree = linear(length, width)" --loss logistic --test-size 0.1 --out leaves.tidu'),
    ),
    closing=_functions_of_formulas,
)  # fmt: skip
@data_and_formula
@declared_options("fit", "report")
@file_option("--out", _("Save the model, for 'tidu predict' and tidu.load."))
@file_option(
    "--plot",
    _("Draw the loss curve and, for one feature, the fit (.png, .svg or .pdf; tidu-fit.png if no name is given)."),
    bare="tidu-fit.png",
)
@click.option("--report", multiple=True, cls=Option, metavar=_("FILE.html|'NAME = EXPRESSION'"),
              help=_("Write the whole run as one HTML file: data, model, loop, curves, steps, diagnosis. Or report a "
                     "quantity that follows from the parameters, such as 'half_life = log(2)/b', with its standard "
                     "error and interval; once or more."))  # fmt: skip
@click.option("--track", multiple=True, cls=Option, metavar="tensorboard:DIR|mlflow[:URI]",
              help=_("Hand the curves on to TensorBoard or MLflow while it trains."))  # fmt: skip
@click.option("--no-store", is_flag=True, cls=Option, help=_("Do not keep the run for 'tidu runs'."))
@code_option
@output_options
def fit(data: str, formula: str, **values: Any) -> int:
    """`tidu fit`."""
    from tidu.fronts.progress import watched
    from tidu.training.fit import fit as fit_model
    from tidu.training.trackers import tracker_of

    names = ("plot", "out", "show_code", "as_json", "no_store")
    plot, out, show_code, as_json, no_store = (values.pop(k) for k in names)
    values.pop("lang")
    reports, quantities = reports_of(values.pop("report"))
    trackers = [tracker_of(text) for text in values.pop("track")]
    for path in (out, *reports):
        check_outputs(plot, path, data)
    csv = csv_of(values)
    with watched(_("fitting")) as progress:
        result = fit_model(
            formula,
            data,
            csv=csv,
            callbacks=(*progress, *trackers),
            store=not no_store,
            report=quantities,
            **given_of(values),
        )
    if out is not None:
        result.save(out)
    if plot is not None:
        result.plot(plot)
    for path in reports:
        result.report(path)
    code = code_of(result, show_code) if show_code else None
    if as_json:
        print_json({**result.to_dict(), **({} if code is None else {"source": code})})
    else:
        from tidu.fronts.report import report_fit

        written = [p for p in (out, plot, *reports) if p is not None]
        report_fit(result, code, show_code or "loop", written)
    return status_of(result.stopped)


app.add_command(doctor_command)
app.add_command(runs_command)
app.add_command(explain_command)
app.add_command(export_command)
app.add_command(report_command)
app.add_command(worksheet_command)
app.add_command(audit_command)
app.add_command(watch_command)
app.add_command(lab_command)
app.add_command(plot_command)
app.add_command(compare_command)


app.add_command(predict_command)


@app.command(
    help=_(
        "Walk down a plain function to its minimum.\n\n"
        "FUNCTION is an expression, such as '3*x1**2 + 4*x2**2'; --at says where to start, and so names the variables."
    ),
    options_metavar=_("[OPTIONS]"),
    examples=(
        (_("A parabola:"), 'tidu minimize "3*x**2" --at x=1'),
        (_("A valley of two variables, with momentum and a picture of the way:"),
         'tidu minimize "(1-a)**2 + 100*(b-a**2)**2" --at a=-1,b=1 --lr 0.001 --optimizer momentum --plot'),
    ),
)  # fmt: skip
@click.argument("function", metavar=_("FUNCTION"))
@click.option("--at", required=True, type=OfKind(Numbers()), metavar=_("NAME=VALUE,..."), cls=Option, group=DESCENT,
              help=_("Where to start, such as x1=1,x2=1."))  # fmt: skip
@declared_options("minimize")
@file_option(
    "--plot",
    _("Draw the way down (.png, .svg or .pdf; tidu-minimize.png if no name is given)."),
    bare="tidu-minimize.png",
)
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
    ),
    options_metavar=_("[OPTIONS]"),
    examples=(
        (_("The cost as a curve over one weight:"), 'tidu scan points.csv "y = w*x" --over w=0:4:0.1 --plot'),
        (_("As a map over two parameters:"), 'tidu scan points.csv "y = w*x + b" --over w=0:4:0.1 --over b=-2:2:0.1'),
    ),
)
@data_and_formula
@click.option("--over", multiple=True, required=True, type=OfKind(Assignments()), metavar=_("NAME=LOW:HIGH:STEP"),
              cls=Option, group=MODEL, help=_("A parameter to vary; once or twice."))  # fmt: skip
@click.option("--fixed", type=OfKind(Numbers()), metavar=_("NAME=VALUE,..."), cls=Option, group=MODEL,
              help=_("Values of the other parameters; 0 by default."))  # fmt: skip
@declared_options("scan")
@file_option(
    "--plot",
    _("Draw the cost as a curve or a map (.png, .svg or .pdf; tidu-scan.png if no name is given)."),
    bare="tidu-scan.png",
)
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
        "lr='log(1e-4,1,30)', w='linear(-1,1,11)' (the start of the parameter w). What can vary besides starts: "
        "{varying}. Each run is what 'tidu fit' gives with these settings."
    ).format(varying=", ".join(VARYING)),
    options_metavar=_("[OPTIONS]"),
    examples=(
        (_("Thirty learning rates, side by side:"),
         "tidu sweep points.csv \"y = w*x + b\" --over lr='log(1e-4,1,30)' --plot"),
        (_("Optimizers and batch sizes, all runs in a table:"),
         'tidu sweep points.csv "y = w*x + b" --over optimizer=gd,adam --over batch_size=1,10 --out runs.csv'),
    ),
)  # fmt: skip
@data_and_formula
@click.option("--over", multiple=True, required=True, metavar=_("NAME=VALUES"), cls=Option, group=MODEL,
              help=_("What varies, and its values; once or more."))  # fmt: skip
@declared_options("sweep")
@file_option("--out", _("Write a row for each run to this CSV file."))
@file_option(
    "--plot",
    _("Draw the last losses as a curve or a map (.png, .svg or .pdf; tidu-sweep.png if no name is given)."),
    bare="tidu-sweep.png",
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
    ),
    options_metavar=_("[OPTIONS]"),
    examples=((_("All lessons:"), "tidu lesson"), (_("The first one:"), "tidu lesson meter")),
)
@click.argument("name", required=False, metavar=_("[NAME]"), shell_complete=_lesson_names)
@click.option(
    "--out", metavar=_("FOLDER"), cls=Option, help=_("Where data and pictures go; tidu-lesson-NAME here by default.")
)
@click.option("--no-pictures", is_flag=True, cls=Option, help=_("Print the page only."))
@output_options
def lesson(name: str | None, out: str | None, no_pictures: bool, as_json: bool, lang: str | None) -> int:
    """`tidu lesson`."""
    from tidu.lessons.lesson import LESSONS, lesson_named

    if name is None:
        if as_json:
            print_json({"lessons": {n: entry.title() for n, entry in LESSONS.items()}})
        else:
            from tidu.fronts.lesson_pages import report_lessons

            report_lessons(LESSONS)
        return GOOD
    entry = lesson_named(name)
    folder = None if as_json and out is None else out or f"tidu-lesson-{entry.name}"
    given = entry.give(folder, not no_pictures)
    if as_json:
        print_json(
            {
                "lesson": entry.name,
                "number": entry.number,
                "next": entry.next,
                "language": language(),
                **given.numbers,
                "files": given.files,
            }
        )
    else:
        from tidu.fronts.lesson_pages import report_lesson

        report_lesson(given)
    return GOOD


app.add_command(functions_command)
app.add_command(completion_command)
