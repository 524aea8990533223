"""What tests of bad input share: a case, and the check that it ends in its sentence, in both languages."""

from pathlib import Path

import pytest

import tidu
from tidu.data.csv_options import CsvOptions
from tidu.text import use_language

LINE = "y = w*x + b"
READING = ("header", "names", "delimiter", "encoding", "decimal", "thousands", "na", "comment", "skip", "sheet")


def case(data, wrong, make, options, formula, kind, english, chinese):
    """What the data are, what is wrong with them, how to make them, how they are fitted, and what is then said."""
    return pytest.param(make, options, formula, kind, english, chinese, id=f"{data}: {wrong}")


def text(content):
    """A file of this content in the working folder."""
    Path("d.csv").write_bytes(content)
    return "d.csv"


def sentence(make, options, formula, language):
    """The kind of the error that a fit ends in, and what it says."""
    reading = {k: v for k, v in options.items() if k in READING}
    others = {k: v for k, v in options.items() if k not in READING}
    use_language(language)
    try:
        tidu.fit(
            formula, text(make) if isinstance(make, bytes) else make(), csv=CsvOptions(**reading), epochs=1, **others
        )
    except tidu.TiduError as error:
        return type(error).__name__, str(error)
    finally:
        use_language("en")
    return "a fit", ""


def check_sentences(make, options, formula, kind, english, chinese):
    """A case of those above, in both languages; in a working folder of its own, which is emptied between them."""
    assert sentence(make, options, formula, "en") == (kind, english)
    for made in Path.cwd().iterdir():
        made.rmdir() if made.is_dir() else made.unlink()
    assert sentence(make, options, formula, "zh") == (kind, chinese)
