"""`tidu plot`: pictures of a run, or of a training of data and a formula, as files or as sketches in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from tidu.content.kinds import Whole
from tidu.errors import SettingError
from tidu.fronts.command_options import (
    FileName,
    OfKind,
    check_outputs,
    csv_of,
    declared_options,
    file_option,
    given_of,
    options,
    output_options,
)
from tidu.fronts.help import Command, Option
from tidu.fronts.outcomes import BAD_OUTCOME, GOOD, print_json
from tidu.fronts.stored import store_option
from tidu.text import _

if TYPE_CHECKING:
    from tidu.training.run import Run


def _kinds() -> str:
    from tidu.insight.picturing.kinds import KINDS

    lines = [f"{name}: {_(kind.words)}" for name, kind in KINDS.items()]
    return _("Kinds of pictures:") + "\n\n" + "\n\n".join(lines)


@click.command(
    "plot",
    cls=Command,
    help=_(
        "Draw a run: its loss, parameters, fit, residuals, contours, batches, gradients, classes or graph.\n\n"
        "RUN is a file that 'tidu fit --out' wrote, or the number of a run in the store; several runs for --kind loss. "
        "Or DATA and FORMULA, as in 'tidu fit', with its options. Without --out, a sketch is printed."
    ),
    options_metavar=_("[OPTIONS]"),
    examples=(
        (_("The loss curve of run 3, in the terminal:"), "tidu plot 3 --kind loss"),
        (_("The cost over w and b, with the paths of three optimizers:"),
         'tidu plot points.csv "y = w*x + b" --kind contours --paths gd,momentum,adam --out contours.svg'),
        (_("The curve as it evolves, as an animation:"), "tidu plot 3 --kind fit --out fit.gif"),
        (_("The computational graph of step 3, for a Markdown page:"),
         'tidu plot points.csv "y = w*x + b" --kind graph --step 3 --to mermaid'),
    ),
    closing=_kinds,
)  # fmt: skip
@click.argument("subjects", metavar=_("RUN... | DATA FORMULA"), nargs=-1, required=True, type=FileName())
@click.option("--kind", default="overview", cls=Option, metavar=_("KIND"), help=_("What to draw (default: overview)."))
@file_option("--out", _("The picture (.png, .svg, .pdf, .jpg; animations .gif, .webp; graphs .mmd, .dot); without "
                        "it, a sketch is printed."))  # fmt: skip
@click.option("--of", cls=Option, metavar=_("NAME,..."), help=_("Parameters to draw: two for contours."))
@click.option("--paths", cls=Option, metavar=_("NAME,..."), help=_("Optimizers whose paths are drawn over contours."))
@click.option("--step", type=OfKind(Whole(0)), cls=Option, metavar=_("STEP"), help=_("The step, from 0 (default: 0)."))
@click.option("--row", type=OfKind(Whole(0)), cls=Option, metavar=_("ROW"), help=_("One row of the step's batch."))
@click.option("--axis", cls=Option, metavar="auto|linear|log", help=_("The axis of the loss (default: auto)."))
@click.option("--to", cls=Option, metavar="mermaid|dot", help=_("Print the graph as text in one of these languages."))
@click.option("--data", type=FileName(), cls=Option, metavar=_("DATA"), help=_("The data that RUN was fitted to."))
@declared_options("fit", "report")
@options(store_option, output_options)
def plot_command(subjects: tuple[str, ...], **values: Any) -> int:
    """`tidu plot`."""
    from tidu.insight.picturing.kinds import GRAPH_TEXTS, check_picture_path, kind_named, request_of, sketch_of
    from tidu.insight.picturing.kinds import write_picture as write

    kind, out, to, data, store_path, as_json = (
        values.pop(k) for k in ("kind", "out", "to", "data", "store_path", "as_json")
    )
    values.pop("lang")
    asked = given_of({name: values.pop(name) for name in ("of", "paths", "step", "row", "axis")})
    kind_named(kind)
    if to is not None and to not in GRAPH_TEXTS:
        raise SettingError(_("--to takes {names}, not '{value}'").format(names=", ".join(GRAPH_TEXTS), value=to))
    if to is not None and kind != "graph":
        raise SettingError(_("--to is for --kind graph, not {name}").format(name=kind))
    if out is not None:
        check_outputs(None, out, subjects[0])
        check_picture_path(out, kind)
    run, *others = runs_of(subjects, values, data, store_path)
    request = request_of(**asked, beside=others)
    if to is not None:
        graph = run.graph(request.step, request.row)
        click.echo(graph.mermaid() if to == "mermaid" else graph.dot(), nl=False)
        return GOOD
    if out is not None:
        write(run, out, kind, request)
    if as_json:
        graph = {"graph": run.graph(request.step, request.row).to_dict()} if kind == "graph" else {}
        print_json({"kind": kind, "written": out, **graph})
    elif out is not None:
        from tidu.fronts.report import closing
        from tidu.fronts.terminal import Console

        closing(Console(), None, [out])
    else:
        click.echo(sketch_of(run, kind, request))
    return BAD_OUTCOME if run.diverged and len(subjects) == 2 and "=" in subjects[1] else GOOD


def runs_of(subjects: Sequence[str], values: dict[str, Any], data: str | None, store_path: str | None) -> list[Run]:
    """The runs that are named, or the training of data and a formula with options of `tidu fit`."""
    csv = csv_of(values)
    given = given_of(values)
    if len(subjects) == 2 and "=" in subjects[1]:
        from tidu.fronts.progress import watched
        from tidu.training.fit import fit

        if data is not None:
            raise SettingError(_("--data is for a RUN; DATA stands before the formula"))
        with watched(_("fitting")) as callbacks:
            return [fit(subjects[1], subjects[0], csv=csv, callbacks=callbacks, **given)]
    if given:
        raise SettingError(
            _("--{option} is for DATA and FORMULA; a run was trained already").format(
                option=next(iter(given)).replace("_", "-")
            )
        )
    from tidu.fronts.exporting import run_of

    return [run_of(name, store_path, data, with_its_data=True) for name in subjects]
