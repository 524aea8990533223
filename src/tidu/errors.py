"""Every error that tidu raises on purpose. Each message says what happened, with the value, and what to do.

    TiduError
    ├── FormulaError            the text of a formula cannot be read, or means nothing for this data
    │   └── ColumnNotFound      it names a column that the data does not have (a DataError too)
    ├── DataError               a file, a cell or a frame cannot be used
    │   ├── ColumnNotFound
    │   └── MissingValues       cells that are empty, NaN or infinite
    ├── SettingError            an option has a value that cannot work
    ├── NoDerivative            gradient descent has no slope to follow
    ├── TensorError             a tensor cannot be made, changed or walked back from in this way
    │   ├── ShapeMismatch       arrays whose shapes do not fit each other
    │   └── UnknownName         a name of another library that tidu does not have
    ├── CannotCompile           a loop's text has a line that is not in the compiler's language
    ├── ModelFileError          a saved model cannot be read
    ├── ClusterError            the workers of a cluster cannot be had, or all of them are lost
    ├── StoreError              the store of runs cannot be read or written, or a run cannot go on
    └── MissingDependency       an optional package is not installed

The command line prints the message alone and ends with status 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class TiduError(Exception):
    """Base of the tree above."""


class FormulaError(TiduError, ValueError):
    """The formula cannot be read, or means nothing for this data."""


class DataError(TiduError, ValueError):
    """The data cannot be used as it stands."""


class ColumnNotFound(FormulaError, DataError, KeyError):
    """A name in the formula is meant as a column, and the data has no such column."""

    def __str__(self) -> str:  # KeyError would print the repr
        return str(self.args[0])


class MissingValues(DataError):
    """The data has cells that are empty, NaN or infinite."""


class SettingError(TiduError, ValueError):
    """An option has a value that cannot work."""


class NoDerivative(TiduError, ValueError):
    """A derivative was asked for where there is none."""


class TensorError(TiduError, ValueError):
    """A tensor cannot be made, changed or walked back from in this way."""


class ShapeMismatch(TensorError):
    """The shapes of two arrays do not fit each other."""


class UnknownName(TensorError, AttributeError):
    """A name of another library, in whose words code for tensors is written, that tidu does not have."""


class CannotCompile(TiduError, ValueError):
    """A line of a loop is not in the language that the compiler knows."""


class ModelFileError(TiduError, ValueError):
    """A saved model cannot be read."""


class StoreError(TiduError, ValueError):
    """The store of runs cannot be read or written, or a run in it cannot go on."""


class ClusterError(TiduError, RuntimeError):
    """The workers of a cluster cannot be had, or all of them are lost."""


class MissingDependency(TiduError, ImportError):
    """An optional package is needed for this, and is not installed."""


def closest(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that `name` may be a misspelling of, if any."""
    found = difflib.get_close_matches(name, list(names), n=1, cutoff=0.72)
    return found[0] if found else None
