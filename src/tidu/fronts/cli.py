"""The command line: one command a verb, the same words as the Python API.

Each command reads its arguments, calls one function of the package and prints the result, for people or (`--json`)
for programs. What a person did wrong is one sentence on standard error and status 2.
"""

from __future__ import annotations

import os
import sys

import click
from click.shell_completion import shell_complete

from tidu import __version__
from tidu.errors import SettingError, TiduError
from tidu.fronts.commands import COMPLETE, Commands
from tidu.fronts.help import Group
from tidu.fronts.outcomes import BAD_INPUT, GOOD, INTERRUPTED, say_error, write_nowhere
from tidu.text import _


def run(arguments: list[str]) -> int:
    """Run one command line; gives the exit status."""
    try:
        if sys.stdout is None:
            raise SettingError(_("standard output is closed; send it to a file, or to /dev/null"))
        outcome = _invoke(arguments or ["--help"])
        sys.stdout.flush()  # what cannot be written is an error here, not at the end of the process
    except click.exceptions.Exit as done:  # after --help, say
        return done.exit_code
    except click.exceptions.NoArgsIsHelpError as error:  # a group without a command
        click.echo(error.format_message())
        return GOOD
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        message = error.format_message().replace("。 ", "。")  # click joins sentences with a blank
        if context is not None:
            if not message.endswith(("?", "？")):  # click's own full stop is that of English
                message = _("{message}.").format(message=message.rstrip(".。"))
            message = _("{message} Try '{command} --help'.").format(message=message, command=context.command_path)
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


@click.group(
    cls=Group,
    commands=Commands(),
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
