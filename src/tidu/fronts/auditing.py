"""`tidu audit`: a gradient that was derived by hand, beside the derived one; what a slip is called."""

from __future__ import annotations

import click

from tidu.content.kinds import Number, Numbers, Whole
from tidu.errors import SettingError
from tidu.fronts.command_options import OfKind, data_and_formula, output_options
from tidu.fronts.help import Command, Option
from tidu.fronts.outcomes import BAD_OUTCOME, GOOD, print_json
from tidu.text import _


@click.command(
    "audit",
    cls=Command,
    help=_(
        "Check a gradient that you derived by hand.\n\n"
        "DATA and FORMULA are as in 'tidu fit'. Each --hand is the gradient of one parameter: a formula of columns and "
        "parameters, with mean(...) or sum(...) over the rows; n is the number of rows, new_w is w after an update. It "
        "is compared with the derived gradient at several points; of a wrong one, the slip is named. Exit status 1 if "
        "one is wrong."
    ),
    options_metavar=_("[OPTIONS]"),
    examples=(
        (_("The gradient of a line, by both parameters:"),
         'tidu audit points.csv "y = w*x + b" --hand "w: mean(2*(w*x+b-y)*x)" --hand "b: mean(2*(w*x+b-y))"'),
    ),
)  # fmt: skip
@data_and_formula
@click.option("--hand", multiple=True, required=True, cls=Option, metavar=_("'NAME: FORMULA'"),
              help=_("Your gradient of the cost by one parameter; once or more."))  # fmt: skip
@click.option("--at", type=OfKind(Numbers()), cls=Option, metavar=_("NAME=VALUE,..."),
              help=_("A point to compare at, besides random ones."))  # fmt: skip
@click.option("--loss", default="squared", cls=Option, metavar=_("NAME"), help=_("The loss of one sample."))
@click.option("--lr", type=OfKind(Number()), default=0.01, cls=Option, metavar=_("NUMBER"),
              help=_("The learning rate of the update that new_w is after."))  # fmt: skip
@click.option("--seed", type=OfKind(Whole(0)), default=0, cls=Option, metavar=_("NUMBER"),
              help=_("The seed of the random points."))  # fmt: skip
@output_options
def audit_command(
    data: str, formula: str, hand: tuple[str, ...], at: dict[str, float] | None, loss: str, lr: float, seed: int,
    as_json: bool, lang: str | None,
) -> int:  # fmt: skip
    """`tidu audit`."""
    from tidu.insight.audit import audit

    found = audit(formula, data, dict(map(_named, hand)), at=at, loss=loss, lr=lr, seed=seed)
    if as_json:
        print_json(found.to_dict())
    else:
        from tidu.fronts.terminal import Console

        console = Console()
        for verdict in found.verdicts.values():
            style = "bold green" if verdict.right else "bold yellow"
            console.say(verdict.said, "  ✓ " if verdict.right else "  ! ", of_first=style)
        for note in found.notes:
            console.say(note, "  · ", of_first="dim")
    return GOOD if found.right else BAD_OUTCOME


def _named(text: str) -> tuple[str, str]:
    """The parameter and its gradient in the text of `--hand`."""
    name, colon, formula = text.replace("：", ":").partition(":")
    if not colon or not name.strip() or not formula.strip():
        raise SettingError(_("--hand: '{text}' is not NAME: FORMULA, such as 'w: mean(2*(w*x+b-y)*x)'").format(
            text=text
        ))  # fmt: skip
    return name.strip(), formula.strip()
