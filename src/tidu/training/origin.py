"""`Origin`: where the data of a run came from, so that they can be read again, and be known to be the same.

A run's file and the store hold it. Read by `Problem.read_again` and by `resuming`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from tidu.content.declarations import declared
from tidu.data.csv_options import CsvOptions
from tidu.data.remote import is_address
from tidu.data.table import Table

OF_BLOCKS = "b1:"  # how a fingerprint of blocks begins


@dataclass(frozen=True)
class Origin:
    """Where the data of a run came from, so that they can be read again; a path of None is data in memory."""

    path: str | None = None
    csv: CsvOptions | None = None
    drop_missing: bool = False
    test_size: float | None = None
    validation: float | str | None = None  # a fraction, a file, or "memory"
    stream: bool | None = None  # whether they were read from disk, block by block; None where it is not known

    @classmethod
    def of(
        cls,
        data: object,
        csv: CsvOptions | None,
        drop_missing: bool,
        test_size: float | None,
        validation: object = None,
        stream: bool | None = None,
    ) -> Origin:
        """The origin of what `tidu.fit` was given."""
        judging: float | str | None = None
        if validation is not None:
            judging = float(validation) if isinstance(validation, Real) else _file_of(validation) or "memory"
        return cls(_file_of(data), csv, drop_missing, test_size, judging, stream)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        csv = None if self.csv is None else {name: getattr(self.csv, name) for name in declared(CsvOptions)}
        return {
            "path": self.path, "csv": csv, "drop_missing": self.drop_missing, "test_size": self.test_size,
            "validation": self.validation, "stream": self.stream,
        }  # fmt: skip

    @classmethod
    def of_dict(cls, plain: Mapping[str, Any]) -> Origin:
        """The origin that `to_dict` told."""
        csv = plain["csv"]
        if csv is not None:
            given: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in csv.items()}
            csv = CsvOptions(**given)
        later = plain.get("validation"), plain.get("stream")
        return cls(plain["path"], csv, plain["drop_missing"], plain["test_size"], *later)


def _file_of(data: object) -> str | None:
    if not isinstance(data, (str, Path)) or str(data) == "-":
        return None
    return str(data) if is_address(str(data)) else str(Path(data).absolute())


def fingerprint(table: Table, like: str | None = None) -> str:
    """A hash of the columns that training reads: another number in a cell gives another.

    It is that of the hashes of blocks, which are computed wherever these are. Earlier versions hashed each column from
    end to end; so does this where it is to be compared with theirs (`like`).
    """
    names, digest = sorted(table), hashlib.sha256()
    if like is not None and not like.startswith(OF_BLOCKS):
        for name in names:
            digest.update(f"{name} {len(table[name])} ".encode())
            for _first, block in table.part([name]).blocks():
                digest.update(np.ascontiguousarray(block[name]).data)
        return digest.hexdigest()
    digest.update(f"{names} {table.rows}".encode())
    for hashed in table.each_block(partial(_hash_of_block, names)):
        digest.update(hashed)
    return OF_BLOCKS + digest.hexdigest()


def _hash_of_block(names: Sequence[str], _first: int, block: Table) -> bytes:
    digest = hashlib.sha256()
    for name in names:
        digest.update(np.ascontiguousarray(block[name]).data)
    return digest.digest()
