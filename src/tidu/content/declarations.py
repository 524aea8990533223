"""`Declaration`: everything about one option of a command, a function or a dataclass, said once.

`option` puts it into a field of a dataclass, `declared` reads all of a dataclass. The options of training stand in
`training/options.py`; the kinds of values that an option takes in `kinds.py`.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidu.content.kinds import Kind
from tidu.text import _, mark

DATA, MODEL, DESCENT = mark("Data"), mark("Model"), mark("Descent")
SOLVER, ENGINE, OUTPUT = mark("Solver"), mark("Engine"), mark("Output")
GROUPS = (DATA, MODEL, DESCENT, SOLVER, ENGINE, OUTPUT)  # headings of help, in order


@dataclass(frozen=True)
class Elsewhere:
    """What another command says of an option, where that differs from what `fit` says."""

    default: Any = None
    help: str = ""


@dataclass(frozen=True)
class Declaration:
    """One option, declared once.

    Attributes
    ----------
    kind : which values it takes.
    group : the heading that it stands under in help.
    help : one sentence or two, for `--help` in both languages, for docstrings and for the reference; names of other
        options are written as on the command line.
    reason : why the default is what it is.
    more : what Python's own documentation says besides.
    verbs : the commands and functions that have it.
    differs : by verb, where default or help differ.
    varies : whether a sweep can vary it.
    descent_only, solvers_only : the kind of method it has a meaning for; `solvers_only` is the sentence that says so.
    engines : the engines that have it; empty is all.
    excludes : other options that cannot be given with it, each with the sentence that says why.
    needs : other options that it has no meaning without, each with the sentence that says why.
    also : what other tools call the same thing.
    word : what it is called on the command line, without the dashes, where that is not its name.
    """

    kind: Kind
    group: str
    help: str
    reason: str = ""
    more: str = ""
    verbs: tuple[str, ...] = ("fit", "sweep", "doctor", "explain", "lab")
    differs: Mapping[str, Elsewhere] = field(default_factory=dict)
    varies: bool = False
    descent_only: bool = False
    solvers_only: str = ""
    engines: tuple[str, ...] = ()
    excludes: Mapping[str, str] = field(default_factory=dict)
    needs: Mapping[str, str] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    word: str = ""
    name: str = ""
    default: Any = None
    type: str = ""

    def given(self, value: Any) -> bool:
        """Whether `value` is another one than the default."""
        return bool(value != self.default)

    def checked(self, value: Any) -> Any:
        """`value`, plain and checked; None where that is the default."""
        return None if value is None and self.default is None else self.kind.checked(self.name, value)

    def default_of(self, verb: str) -> Any:
        """The default in the function or command `verb`."""
        return self.differs[verb].default if verb in self.differs else self.default

    def help_of(self, verb: str) -> str:
        """The help of the command `verb`, in the language in use."""
        other = self.differs.get(verb)
        return _(other.help if other is not None and other.help else self.help)


def option(default: Any, kind: Kind, help: str, **more: Any) -> Any:  # noqa: A002  # as in argparse and click
    """A field of a dataclass that is an option, with everything that is to be said of it."""
    metadata = {"declaration": Declaration(kind, help=help, **more)}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@functools.cache
def declared(options: type) -> dict[str, Declaration]:
    """The options that a dataclass declares, by name, in order."""
    return {
        f.name: dataclasses.replace(
            f.metadata["declaration"],
            name=f.name,
            word=f.metadata["declaration"].word or f.name.replace("_", "-"),
            default={} if f.default is dataclasses.MISSING else f.default,
            type=str(f.type),
        )
        for f in dataclasses.fields(options)
        if "declaration" in f.metadata
    }
