"""`tidu lesson`: the lessons listed, or one of them given."""

from __future__ import annotations

import click

from tidu.fronts.command_options import output_options
from tidu.fronts.help import Command, Option
from tidu.fronts.outcomes import GOOD, print_json
from tidu.text import _, language


def _lesson_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from tidu.lessons.lesson import LESSONS

    return [name for name in LESSONS if name.startswith(incomplete)]


@click.command(
    "lesson",
    cls=Command,
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
def lesson_command(name: str | None, out: str | None, no_pictures: bool, as_json: bool, lang: str | None) -> int:
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
