"""The options that commands share, and what their texts mean: starting values, bounds, the reading of CSV.

A wrong one is a sentence that names the option. Used by the commands of `cli` and `diagnosis`.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from tidu.errors import SettingError
from tidu.text import _

if TYPE_CHECKING:
    from tidu.data.layout import CsvOptions

Command = Callable[..., Any]


def options(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several decorators as one, the first on top."""
    return lambda f: functools.reduce(lambda g, d: d(g), reversed(decorators), f)


def options_of(command: click.Command, without: tuple[str, ...]) -> Callable[[Command], Command]:
    """The options of another command, as they are there."""
    shared = [p for p in command.params if p.name not in without]

    def add(f: Command) -> Command:
        known: list[click.Parameter] = f.__dict__.setdefault("__click_params__", [])
        known.extend(reversed(shared))
        return f

    return add


output_options = options(
    click.option("--json", "as_json", is_flag=True, help=_("Print one JSON object and nothing else.")),
    click.option("--lang", metavar="zh|en", help=_("Language of all words; default from the locale.")),
)
csv_options = options(
    click.option("--drop-missing", is_flag=True, help=_("Leave out rows with a missing or infinite value.")),
    click.option(
        "--header", type=click.Choice(["auto", "yes", "no"]), default="auto", show_default=True,
        help=_("Whether the first line names the columns; auto: unless it is all numbers."),
    ),
    click.option("--columns", metavar="A,B,...", help=_("Names of the columns, in place of the header.")),
    click.option("--delimiter", default="auto", show_default=True, help=_("What stands between cells; blanks is any "
                 "number of blanks and tabs.")),
    click.option("--encoding", default="auto", show_default=True, help=_("Of the text, such as gb18030; auto is UTF-8, "
                 "or UTF-16 where the file begins as that does.")),
    click.option("--decimal", metavar="SIGN", default=".", show_default=True, help=_("The decimal sign: . or ,")),
    click.option("--thousands", metavar="SIGN", default="", help=_("What groups the digits of large numbers, such as "
                 "the comma of 1,234.5.")),
    click.option("--na", metavar="WORD,...", default="", help=_("Words for a missing value, besides NA, nan, null and "
                 "their like.")),
    click.option("--comment", metavar="SIGN", default="auto", show_default=True, help=_("Leave out lines that begin "
                 "with it; auto: with #, if the file begins with one.")),
    click.option("--skip", metavar="N", type=int, default=0, help=_("Leave out so many lines at the top.")),
)  # fmt: skip
loss_options = options(
    click.option("--loss", default="squared", show_default=True, help=_("squared, half_squared, absolute, "
                 "huber(delta=1), log_cosh, quantile(tau=0.9), poisson; for labels of two classes logistic, hinge, "
                 "perceptron, of several softmax.")),
    click.option("--l1", type=float, default=0.0, help=_("Add l1·Σ|w| to the cost.")),
    click.option("--l2", type=float, default=0.0, help=_("Add ½·l2·Σw² to the cost.")),
)  # fmt: skip


def csv_of(values: dict[str, Any]) -> CsvOptions:
    """Take the CSV options out of a command's arguments."""
    from tidu.data.layout import CsvOptions

    columns = values.pop("columns")
    names = tuple(n.strip() for n in columns.split(",")) if columns else None
    delimiter = values.pop("delimiter").replace("\\t", "\t")
    return CsvOptions(
        values.pop("header"),
        names,
        delimiter,
        values.pop("encoding"),
        values.pop("decimal"),
        values.pop("thousands"),
        tuple(word.strip() for word in values.pop("na").split(",") if word.strip()),
        values.pop("comment"),
        values.pop("skip"),
    )


def assignments(option: str, text: str | None) -> dict[str, str]:
    """`a=1,b=normal(0,1)` as a dict; commas inside parentheses do not separate."""
    found: dict[str, str] = {}
    depth, piece = 0, ""
    for character in f"{text or ''},":
        depth += (character in "([") - (character in ")]")
        if character != "," or depth > 0:
            piece += character
            continue
        name, equals, value = piece.partition("=")
        if piece.strip():
            if not equals or not name.strip() or not value.strip():
                raise SettingError(
                    _("{option} takes name=value pairs with commas between, as in w=0,b=1; not '{text}'").format(
                        option=option, text=piece.strip()
                    )
                )
            found[name.strip()] = value.strip()
        piece = ""
    return found


def numbers(option: str, text: str | None) -> dict[str, float]:
    """`a=1,b=2` as a dict of numbers."""
    found = {}
    for name, value in assignments(option, text).items():
        try:
            found[name] = float(value)
        except ValueError:
            raise SettingError(
                _("{option}: the value of {name} must be a number, not '{value}'").format(
                    option=option, name=name, value=value
                )
            ) from None
    return found


def bounds(text: str | None) -> dict[str, tuple[float | None, float | None]]:
    """`a=0:10,b=:5` as a dict of pairs."""
    found: dict[str, tuple[float | None, float | None]] = {}
    for name, span in assignments("--bounds", text).items():
        low, colon, high = span.partition(":")
        try:
            if not colon:
                raise ValueError
            found[name] = (float(low) if low.strip() else None, float(high) if high.strip() else None)
        except ValueError:
            raise SettingError(
                _("--bounds: {name} needs LOW:HIGH, of which either may be left out, as in 0:10 or 0:; not '{value}'")
                .format(name=name, value=span)
            ) from None  # fmt: skip
    return found


def check_outputs(plot: str | None, out: str | None = None, data: str = "-") -> None:
    """Refuse what could not be written, or would write over what is needed, before the work is done."""
    if plot is not None:
        from tidu.pictures.figure import check_path

        check_path(plot)
    for path in (plot, out):
        if path is None:
            continue
        if not path or Path(path).is_dir():
            raise SettingError(_("'{path}' is not the name of a file to write").format(path=path))
        if not Path(path).parent.is_dir():
            raise SettingError(_("there is no folder '{folder}' to write to").format(folder=Path(path).parent))
        if data != "-" and os.path.exists(path) and os.path.exists(data) and os.path.samefile(path, data):
            raise SettingError(_("'{path}' is the data; it would be overwritten").format(path=path))
    if plot is not None and out is not None and Path(plot).absolute() == Path(out).absolute():
        raise SettingError(_("'{path}' cannot be both the model and the picture").format(path=out))
