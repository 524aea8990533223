"""`tidu runs`: the runs in the store: list, show, compare, resume, tag, export, delete."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from tidu.content.kinds import Whole
from tidu.errors import SettingError
from tidu.fronts.command_options import Decorator, FileName, OfKind, options, output_options
from tidu.fronts.help import Command, Group, Option
from tidu.fronts.outcomes import GOOD, print_json, status_of
from tidu.fronts.terminal import Console
from tidu.text import _
from tidu.writing import write_whole

if TYPE_CHECKING:
    from tidu.training.storing.store import Store, StoredRun

LISTED = 20  # runs, where nobody says how many
store_option = click.option(
    "--store", "store_path", type=FileName(), cls=Option, metavar=_("FILE"),
    help=_("The store; by default $TIDU_STORE, else .tidu/runs.sqlite where that folder is, else the user's data."),
)  # fmt: skip
shared_options = options(store_option, output_options)
run_argument = click.argument("number", metavar=_("RUN"), type=OfKind(Whole(1)))


def _store(path: str | None, reading: bool = False) -> Store:
    from tidu.training.storing.store import Store

    return Store(path, reading)


def _command(name: str, words: str, example: tuple[str, str]) -> Decorator:
    """A command of `tidu runs`."""
    return runs_command.command(name, cls=Command, help=words, options_metavar=_("[OPTIONS]"), examples=(example,))


@click.group(
    "runs",
    cls=Group,
    help=_(
        "The runs of 'tidu fit', which are kept in a store: list, show, compare, resume, tag, export or delete them."
    ),
    subcommand_metavar=_("COMMAND [ARGUMENTS]"),
    options_metavar=_("[OPTIONS]"),
)
def runs_command() -> None:
    """`tidu runs`."""


@_command("list", _("List the runs, the newest first."), (_("Those that are tagged:"), "tidu runs list --tag paper"))
@click.option("--tag", cls=Option, metavar=_("TAG"), help=_("Only runs with this tag."))
@click.option("--formula", cls=Option, metavar=_("TEXT"), help=_("Only runs whose formula contains this."))
@click.option("--status", type=click.Choice(["running", "interrupted", "ended"]), cls=Option,
              metavar="running|interrupted|ended", help=_("Only runs that stand like this."))  # fmt: skip
@click.option("--most", type=OfKind(Whole(1)), cls=Option, metavar=_("COUNT"), help=_("Runs at most (default: 20)."))
@shared_options
def list_command(
    tag: str | None, formula: str | None, status: str | None, most: int | None, store_path: str | None, as_json: bool,
    lang: str | None,
) -> int:  # fmt: skip
    """`tidu runs list`."""
    with _store(store_path, reading=True) as store:
        found = [
            run for run in store.runs()
            if (tag is None or tag in run.tags) and (formula is None or formula in run.facts["formula"])
            and (status is None or status == run.status)
        ]  # fmt: skip
    if as_json:
        click.echo(json.dumps([_brief(run) for run in found[:most]], ensure_ascii=False))
        return GOOD
    console = Console()
    from tidu.fronts.report import grid

    if not found:
        console.print(Text(_("no such runs")))
        return GOOD
    table = grid(_("run"), _("began"), _("formula"), _("optimizer"), _("loss"), _("steps"), _("stopped"))
    for number in (1, 4):
        table.columns[number].no_wrap = True
    shown = found[: most or LISTED]
    for run in shown:
        brief = _brief(run)
        loss = "" if brief["loss"] is None else f"{brief['loss']:.6g}"
        steps = str(brief["steps"] if brief["steps"] is not None else "")
        named = "\n".join(filter(None, (run.facts["formula"], ", ".join(run.tags))))
        cells = [str(run.id), _time(run.began), named, run.facts["settings"]["optimizer"], loss, steps]
        table.add_row(*cells, brief["stopped"] or _status(run))
    console.print(table)
    if len(shown) < len(found):
        console.print(Text(_("and {count} more: --most").format(count=len(found) - len(shown)), style="dim"))
    return GOOD


def _brief(run: StoredRun) -> dict[str, Any]:
    from tidu.training.storing.listing import brief

    return brief(run)


@_command(
    "show", _("Show one run: settings, data, versions, and how it ended."), (_("As JSON:"), "tidu runs show 3 --json")
)
@run_argument
@shared_options
def show_command(number: int, store_path: str | None, as_json: bool, lang: str | None) -> int:
    """`tidu runs show`."""
    with _store(store_path, reading=True) as store:
        run = store.run(number)
        point = store.checkpoint(number)
    checkpoint = None if point is None else {"step": point.step, "sha256": point.digest}
    if as_json:
        print_json({**run.to_dict(), "checkpoint": checkpoint})
        return GOOD
    f, data = run.facts, run.facts["data"]
    size = f["batch_size"]
    batch = _("full batch") if size is None else _("batches of {size}").format(size=size)
    params = ", ".join(f"{name} = {_short(value)}" for name, value in f.get("params", {}).items())
    lines = [
        (_("run"), f"{run.id}  {_time(run.began)}  {_status(run)}"),
        (_("formula"), f["formula"]),
        (_("data"), f"{data['path'] or _('in memory')}  ({data['rows']})  {data['fingerprint'][:12]}"),
        (_("descent"), f"{f['optimizer']}, lr {f['lr']}, {batch}, {f['engine']}"),
        (_("loss"), "" if f.get("loss") is None else f"{f['loss']:.10g}"),
        (_("parameters"), params),
        (_("stopped"), "" if "stopped" not in f else f"{f['stopped']}, {f['epochs']} / {f['steps']}"),
        (_("checkpoint"), "" if point is None else f"{_('step')} {point.step}  sha256 {point.digest[:12]}"),
        (_("versions"), ", ".join(f"{name} {v}" for name, v in f["versions"].items())),
        (_("tags"), ", ".join(run.tags)),
        (_("remark"), run.remark),
    ]
    console = Console()
    from tidu.fronts.report import facts, remarks

    facts(console, lines)
    remarks(console, f.get("notes", []), bad=f.get("stopped") == "diverged")
    return GOOD


@_command("compare", _("Say what differs between two runs: settings, data, versions, the loop, the end."),
          (_("Run 3 and run 4:"), "tidu runs compare 3 4"))  # fmt: skip
@click.argument("one", metavar=_("RUN"), type=OfKind(Whole(1)))
@click.argument("other", metavar=_("RUN"), type=OfKind(Whole(1)))
@shared_options
def compare_command(one: int, other: int, store_path: str | None, as_json: bool, lang: str | None) -> int:
    """`tidu runs compare`."""
    from tidu.training.resuming import differences

    with _store(store_path, reading=True) as store:
        found = differences(store.run(one), store.run(other))
    if as_json:
        print_json({"runs": [one, other], "differences": found})
        return GOOD
    console = Console()
    if not found:
        console.print(Text(_("the two runs differ in nothing")))
        return GOOD
    from tidu.fronts.report import grid

    kinds = {"settings": _("settings"), "data": _("data"), "versions": _("versions"), "loop": _("loop"),
             "end": _("end")}  # fmt: skip
    table = grid(_("of"), _("what"), str(one), str(other))
    for kind, unlike in found.items():
        for name, (a, b) in _by_parameter(unlike).items():
            if name == "source":
                a, b = (_("{lines} lines").format(lines=len((text or "").splitlines())) for text in (a, b))
            table.add_row(kinds[kind], name, _short(a), _short(b))
    console.print(table)
    return GOOD


@_command("resume", _("Continue a run from its last checkpoint, to its limits or beyond: the bits of one long run."),
          (_("A hundred more epochs:"), "tidu runs resume 3 --epochs 100"))  # fmt: skip
@run_argument
@click.option("--epochs", type=OfKind(Whole(1)), cls=Option, metavar=_("COUNT"), help=_("So many more epochs."))
@click.option("--steps", type=OfKind(Whole(1)), cls=Option, metavar=_("COUNT"), help=_("So many more steps."))
@click.option("--data", type=FileName(), cls=Option, metavar=_("DATA"), help=_("Data in the place of those it had."))
@click.option("--validation", type=FileName(), cls=Option, metavar=_("DATA"),
              help=_("Validation data in the place of those it had."))  # fmt: skip
@click.option("--cluster", cls=Option, metavar=_("ADDRESS"),
              help=_("A cluster that computes, as in tidu fit; by default this machine does."))  # fmt: skip
@shared_options
def resume_command(
    number: int, epochs: int | None, steps: int | None, data: str | None, validation: str | None, cluster: str | None,
    store_path: str | None, as_json: bool, lang: str | None,
) -> int:  # fmt: skip
    """`tidu runs resume`."""
    from tidu.fronts.progress import watched
    from tidu.training.resuming import resumed_from

    with _store(store_path) as store, watched(_("fitting")) as callbacks:
        run = resumed_from(store, number, epochs, steps, data, callbacks, validation, cluster)
    if as_json:
        print_json(run.to_dict())
    else:
        from tidu.fronts.report import report_fit

        report_fit(run, None, "loop", written=[])
    return status_of(run.stopped)


@_command(
    "tag",
    _("Give a run tags, or a remark."),
    (_("Two tags and a remark:"), "tidu runs tag 3 paper good --remark 'fig. 2'"),
)
@run_argument
@click.argument("tags", metavar=_("[TAG]..."), nargs=-1)
@click.option("--remark", cls=Option, metavar=_("TEXT"), help=_("A remark."))
@click.option("--remove", multiple=True, cls=Option, metavar=_("TAG"), help=_("A tag to take away."))
@shared_options
def tag_command(
    number: int, tags: tuple[str, ...], remark: str | None, remove: tuple[str, ...], store_path: str | None,
    as_json: bool, lang: str | None,
) -> int:  # fmt: skip
    """`tidu runs tag`."""
    if not tags and remark is None and not remove:
        raise SettingError(_("say what the run is to have: a tag, --remark TEXT, or --remove TAG"))
    with _store(store_path) as store:
        store.mark(number, tags, remark, remove)
        run = store.run(number)
    if as_json:
        print_json(run.to_dict())
    else:
        Console().print(Text(_("run {run}: {tags}").format(run=number, tags=", ".join((*run.tags, run.remark)))))
    return GOOD


@_command("export", _("Write a run to a file: .tidu the model with its history, .csv the history, .json everything."),
          (_("The model of run 3:"), "tidu runs export 3 --out line.tidu"))  # fmt: skip
@run_argument
@click.option("--out", required=True, type=FileName(), cls=Option, metavar=_("FILE"), help=_("The file to write."))
@shared_options
def export_command(number: int, out: str, store_path: str | None, as_json: bool, lang: str | None) -> int:
    """`tidu runs export`."""
    from tidu.training.resuming import run_in

    kind = os.path.splitext(out)[1].lower()
    if kind not in (".tidu", ".csv", ".json"):
        raise SettingError(_("'{path}' ends in none of .tidu, .csv and .json").format(path=out))
    with _store(store_path, reading=True) as store:
        run, stored = run_in(store, number), store.run(number)
    if kind == ".tidu":
        run.save(out)
    elif kind == ".json":
        plain = {**stored.to_dict(), "history": run.history.to_dict()}
        write_whole(out, json.dumps(plain, ensure_ascii=False).encode())
    else:
        write_whole(out, _history_csv(run.history).encode())
    if as_json:
        print_json({"id": number, "written": out})
    return GOOD


def _history_csv(history: Any) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = history.parameters
    writer.writerow(["epoch", "step", "loss", "gradient_norm", "lr", *names, *(f"gradient of {n}" for n in names)])
    for epoch, step, row in zip(history.epoch.tolist(), history.step.tolist(), history.values.tolist(), strict=True):
        writer.writerow([epoch, step, *row])
    return text.getvalue()


@_command("delete", _("Forget runs."), (_("Runs 3 and 4:"), "tidu runs delete 3 4"))
@click.argument("numbers", metavar=_("RUN..."), type=OfKind(Whole(1)), nargs=-1, required=True)
@shared_options
def delete_command(numbers: Sequence[int], store_path: str | None, as_json: bool, lang: str | None) -> int:
    """`tidu runs delete`."""
    with _store(store_path) as store:
        store.delete(numbers)
    if as_json:
        print_json({"deleted": list(numbers)})
    return GOOD


def _status(run: StoredRun) -> str:
    words = {"running": _("running"), "interrupted": _("interrupted"), "ended": _("ended")}
    return words.get(run.status, run.status)


def _by_parameter(unlike: Mapping[str, tuple[Any, Any]]) -> dict[str, tuple[Any, Any]]:
    """The same with an entry for each parameter, where both runs have them."""
    entries: dict[str, tuple[Any, Any]] = {}
    for name, (a, b) in unlike.items():
        if name == "params" and isinstance(a, dict) and isinstance(b, dict):
            entries |= {p: (a.get(p), b.get(p)) for p in dict.fromkeys((*a, *b)) if a.get(p) != b.get(p)}
        else:
            entries[name] = (a, b)
    return entries


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")


def _short(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.8g}"
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value
    return text if len(text) <= 60 else text[:59] + "…"
