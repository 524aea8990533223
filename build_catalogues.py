"""A step of the package build: compile the catalogues of translated sentences (.po, in git) to what tidu reads.

That is `sentences.bz2` for tidu itself (`tidu.text.Catalogue`), and a standard .mo with the few that click says.
Neither is in git. Run it by hand after editing a .po file in a checkout: `python build_catalogues.py`.
"""

from __future__ import annotations

import bz2
import json
import runpy
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SAID_BY_CLICK = "said by click"  # a comment in the .po


def compile_catalogues(root: Path) -> list[Path]:
    """Compile every catalogue under `root`; gives the files written."""
    place_of = runpy.run_path(str(root / "src" / "tidu" / "text.py"))["place_of"]  # the package itself needs NumPy
    written = []
    for po in sorted(root.glob("src/tidu/locale/*/LC_MESSAGES/*.po")):
        with po.open("rb") as source:
            catalogue = read_po(source)
        messages = [message for message in catalogue if message.id and message.string]
        sentences = [(message.id, message.string) for message in messages if isinstance(message.id, str)]
        placed = {place_of(sentence): translated for sentence, translated in sentences}
        if len(placed) < len(sentences):
            raise ValueError(f"two sentences of {po} share a place: take a longer hash in tidu.text.place_of")
        compiled = po.parents[1] / "sentences.bz2"
        compiled.write_bytes(bz2.compress(json.dumps(placed, ensure_ascii=False).encode()))

        for message in messages:
            if SAID_BY_CLICK not in message.auto_comments:
                catalogue.delete(message.id)
        with po.with_suffix(".mo").open("wb") as target:
            write_mo(target, catalogue)
        written += [compiled, po.with_suffix(".mo")]
    return written


class CatalogueHook(BuildHookInterface[BuilderConfig]):
    """Hatchling calls this before it packs a wheel or sets up an editable install."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile the catalogues where they lie."""
        compile_catalogues(Path(self.root))


if __name__ == "__main__":
    compile_catalogues(Path(__file__).parent)
