"""The commands by name, each imported when it is asked for: a fit waits for none of the others.

To add one, write a module with a command called `NAME_command`, and name it here, where help lists it.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from importlib import import_module

import click

COMPLETE = "_TIDU_COMPLETE"  # in which a shell asks for completions
MODULES = {
    "fit": "fitting",
    "doctor": "diagnosis",
    "runs": "stored",
    "explain": "explaining",
    "export": "exporting",
    "report": "reporting",
    "worksheet": "worksheets",
    "audit": "auditing",
    "watch": "watching",
    "lab": "laboratory",
    "plot": "plotting",
    "compare": "comparing",
    "suggest": "suggesting",
    "models": "suggesting",
    "predict": "predicting",
    "minimize": "minimizing",
    "scan": "scanning",
    "sweep": "sweeping",
    "lesson": "teaching",
    "functions": "telling",
    "completion": "telling",
}


class Commands(MutableMapping[str, click.Command]):
    """What click asks for commands."""

    def __init__(self) -> None:
        self.known: dict[str, click.Command | None] = dict.fromkeys(MODULES)

    def __getitem__(self, name: str) -> click.Command:
        found = self.known[name]
        if found is None:
            module = import_module(f"tidu.fronts.{MODULES[name]}")
            found = self.known[name] = getattr(module, f"{name}_command")
        return found

    def __setitem__(self, name: str, command: click.Command) -> None:
        self.known[name] = command

    def __delitem__(self, name: str) -> None:
        del self.known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.known)

    def __len__(self) -> int:
        return len(self.known)
