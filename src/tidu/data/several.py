"""Several tables as one, with a column that says which of them a row is from: the data of a global fit.

Files of one pattern, lists of files, dicts and lists of tables: `together` puts them one below the other. Called by
`files.py` and `source.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tidu.data.labels import joined_labels
from tidu.data.table import Label, Part, Source, Table
from tidu.errors import DataError
from tidu.text import _


def names_of_files(paths: Sequence[Path]) -> list[str]:
    """What files are called in a table: without folder and ending, unless two would be called alike."""
    stems = [path.name.partition(".")[0] or path.name for path in paths]
    alike = Counter(stems)
    return [stem if alike[stem] == 1 else str(path) for stem, path in zip(stems, paths, strict=True)]


def together(sources: Sequence[Source], labels: Sequence[str], column: str | None, origin: str) -> Source:
    """Tables one below the other; with a `column` of their labels, if one is named."""
    if column is None:
        return sources[0] if len(sources) == 1 else _Several(sources, origin)
    return _Several([_Labelled(s, column, label) for s, label in zip(sources, labels, strict=True)], origin)


class _Labelled(Source):
    """A table with one more column, which holds `label` in every row."""

    def __init__(self, source: Source, column: str, label: str) -> None:
        self._source, self._column, self._label = source, column, label

    @property
    def names(self) -> tuple[str, ...]:
        names = self._source.names
        if self._column in names:
            raise DataError(
                _("'{column}' is to say which file a row is from, and the data have such a column already; give "
                  "another name").format(column=self._column)
            )  # fmt: skip
        return (*names, self._column)

    def kinds(self) -> Mapping[str, str]:
        return {**self._source.kinds(), self._column: "text"}

    def table(
        self, wanted: Collection[str] | None = None, label: str | None = None, words: Collection[str] = ()
    ) -> Table:
        read = self._source.table(self._own(wanted), label, [w for w in words if w != self._column])
        return self._with_label(read, wanted, label, words)

    def batches(
        self, wanted: Collection[str] | None = None, label: str | None = None, words: Collection[str] = ()
    ) -> Iterator[Table]:
        for read in self._source.batches(self._own(wanted), label, [w for w in words if w != self._column]):
            yield self._with_label(read, wanted, label, words)

    def parts(self) -> list[Part] | None:
        return self._source.parts()

    def part(self, part: Part) -> tuple[Source, bool]:
        rows, turns = self._source.part(part)
        return _Labelled(rows, self._column, self._label), turns

    def _own(self, wanted: Collection[str] | None) -> Collection[str]:
        """The columns to be read of the table itself, which needs one to have rows."""
        names = self._source.names
        return [n for n in names if wanted is None or n in wanted] or names[:1]

    def _with_label(
        self, table: Table, wanted: Collection[str] | None, label: str | None, words: Collection[str]
    ) -> Table:
        name = self._column
        if name not in words and name != label:
            if wanted is None or name not in wanted:
                return table
            raise DataError(
                _("column '{column}' holds the names of files, which are no numbers; use it as a category, as in "
                  "a[{column}]").format(column=name)
            )  # fmt: skip
        read = replace(table, columns={**table.columns, name: np.zeros(table.rows)})
        if name == label:
            return replace(read, classes=(self._label,))
        return replace(read, levels={**table.levels, name: (self._label,)})


class _Several(Source):
    """Several tables as one, in their order."""

    def __init__(self, sources: Sequence[Source], origin: str) -> None:
        self._sources, self._origin = sources, origin

    @property
    def names(self) -> tuple[str, ...]:
        first = self._sources[0].names
        for other in self._sources[1:]:
            if other.names != first:
                raise DataError(
                    _("the files of '{pattern}' differ in their columns: {first} and {other}").format(
                        pattern=self._origin, first=", ".join(first), other=", ".join(other.names)
                    )
                )
        return first

    def kinds(self) -> Mapping[str, str]:
        return self._sources[0].kinds()

    def table(
        self, wanted: Collection[str] | None = None, label: str | None = None, words: Collection[str] = ()
    ) -> Table:
        names = self.names
        parts = [s.table(wanted, label, words) for s in self._sources]
        coded = {label, *words}
        columns = {n: np.concatenate([p[n] for p in parts]) for n in names if n in parts[0] and n not in coded}
        classes: tuple[Label, ...] = ()
        levels: dict[str, tuple[Label, ...]] = {}
        for word in words:
            if word in parts[0]:
                columns[word], levels[word] = joined_labels([(p[word], p.levels[word]) for p in parts])
        if label is not None and label in parts[0]:
            columns[label], classes = joined_labels([(p[label], p.classes) for p in parts])
        notes = dict.fromkeys(note for p in parts for note in p.notes[:1])
        return Table(columns, self._origin, tuple(notes)[:1], classes, levels)

    def batches(
        self, wanted: Collection[str] | None = None, label: str | None = None, words: Collection[str] = ()
    ) -> Iterator[Table]:
        if self.names:  # which are the same in all
            for source in self._sources:
                yield from source.batches(wanted, label, words)

    def parts(self) -> list[Part] | None:
        found: list[Part] = []
        for number, source in enumerate(self._sources if self.names else ()):
            parts = source.parts()
            if parts is None:
                return None
            found += [replace(part, file=number) for part in parts]
        return found

    def part(self, part: Part) -> tuple[Source, bool]:
        return self._sources[part.file].part(part)
