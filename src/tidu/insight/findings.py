"""`Finding`: one thing that the doctor found, in words and in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """`kind` is a word for programs, `words` a sentence for people, `numbers` what stands in it."""

    kind: str
    words: str
    numbers: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"kind": self.kind, "words": self.words, **self.numbers}
