"""pyarrow, imported by its first use: a fit of arrays in memory has none, and would wait a twentieth of a second."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["is_imported", "pa", "pa_csv"]

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.csv as pa_csv
else:

    class _Library:
        """A module that is imported when something in it is asked for."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, name: str) -> Any:
            return getattr(import_module(self._name), name)

    pa, pa_csv = _Library("pyarrow"), _Library("pyarrow.csv")


def is_imported() -> bool:
    """Whether it is there already."""
    return "pyarrow" in sys.modules
