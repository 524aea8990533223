"""What a command gives back: a status, an object of JSON, one sentence where something is wrong, the code that ran."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from tidu.errors import SettingError
from tidu.text import _
from tidu.training.as_json import json_safe

if TYPE_CHECKING:
    from tidu.training.minimize import Minimum
    from tidu.training.run import Run

GOOD, BAD_OUTCOME, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def say_error(sentence: str) -> None:
    """One line on standard error."""
    from rich.console import Console
    from rich.text import Text

    Console(stderr=True, soft_wrap=True).print(Text.assemble((_("Error: "), "bold red"), sentence))


def write_nowhere() -> None:
    """Send what is still to be written to the null device, where nobody reads standard output any more."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def print_json(plain: dict[str, Any]) -> None:
    """One object on standard output; what JSON cannot hold (nan, inf) is null."""
    click.echo(json.dumps(json_safe(plain), ensure_ascii=False))


def status_of(stopped: str) -> int:
    """The exit status for the way in which a descent ended."""
    return {"diverged": BAD_OUTCOME, "interrupted": INTERRUPTED}.get(stopped, GOOD)


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
