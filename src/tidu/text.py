"""The words that people read, in English and Chinese, through gettext.

`_("...")` marks and translates a sentence; the Chinese catalogue is `locale/zh/LC_MESSAGES/tidu.po`, compiled when
the package is built (`build_catalogues.py`). The language is that of the locale until `use_language` sets it, for the
whole process, or `speak_here`, for what runs in this context: one of the pages that a server answers at once.
"""

from __future__ import annotations

import gettext
import os
import sys
import unicodedata
from contextvars import ContextVar
from functools import cache
from hashlib import blake2b
from pathlib import Path

LANGUAGES = ("en", "zh")
LOCALE_FOLDER = Path(__file__).parent / "locale"
Spoken = tuple[str, gettext.NullTranslations]  # a language and its catalogue
_everywhere: Spoken | None = None
_here: ContextVar[Spoken | None] = ContextVar("spoken here", default=None)


def _(sentence: str) -> str:
    """`sentence` in the language in use."""
    return _spoken()[1].gettext(sentence) if sentence else sentence


def _spoken() -> Spoken:
    return _here.get() or _everywhere or use_language(None)


def mark(sentence: str) -> str:
    """`sentence` as it is: marks it for the catalogue where it stands, to be translated by `_` where it is shown."""
    return sentence


def counted(number: int, one: str, many: str) -> str:
    """`number` of something in the language in use: `one` is the sentence for 1, `many` for any other."""
    return _(one if number == 1 else many).format(n=number)


def columns_of(text: str) -> int:
    """Columns of a terminal that a text takes: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


class Catalogue(gettext.NullTranslations):
    """The sentences of one language, under short hashes of the English ones, which the sources hold already."""

    def __init__(self, file: Path) -> None:
        import bz2
        import json

        super().__init__()
        self._sentences: dict[str, str] = json.loads(bz2.decompress(file.read_bytes()))

    def gettext(self, message: str) -> str:
        """The sentence of this language, or the English one where the catalogue has none."""
        return self._sentences.get(place_of(message), message)


def place_of(sentence: str) -> str:
    """Where a catalogue has the translation of `sentence`. No two sentences of it share a place, or it is not built."""
    return blake2b(sentence.encode(errors="surrogatepass"), digest_size=5).hexdigest()


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    file = LOCALE_FOLDER / language / "sentences.bz2"
    return Catalogue(file) if file.exists() else gettext.NullTranslations()


def language() -> str:
    """The language in use, `en` or `zh`."""
    return _spoken()[0]


def use_language(name: str | None) -> Spoken:
    """Speak `en` or `zh` everywhere; None is the language of the locale (Chinese for zh_*, else English)."""
    global _everywhere
    _everywhere = _language_named(name)
    return _everywhere


def speak_here(name: str | None) -> None:
    """Speak `en` or `zh` in this context alone, such as a thread of `asyncio.to_thread`; None as everywhere else."""
    _here.set(None if name is None else _language_named(name))


def _language_named(name: str | None) -> Spoken:
    chosen = name if name in LANGUAGES else language_of_locale()
    return chosen, _catalogue(chosen)


def language_of_locale() -> str:
    """`zh` if the environment asks for Chinese first, else `en`."""
    for variable in ("TIDU_LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable, "")
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def without_language(arguments: list[str]) -> tuple[list[str], str | None]:
    """Command-line arguments without `--lang zh`, which may stand anywhere before `--`, and the language it names."""
    rest: list[str] = []
    chosen: str | None = None
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--":
            return [*rest, argument, *waiting], chosen
        if argument == "--lang":
            chosen = next(waiting, "")
        elif argument.startswith("--lang="):
            chosen = argument.removeprefix("--lang=")
        else:
            rest.append(argument)
    return rest, chosen


def speak_from_the_start(language: str | None) -> None:
    """Settle the language of a whole process; libraries that use gettext (click) are made to speak it too."""
    if language is not None and language not in LANGUAGES:
        print(f"Error: --lang must be {' or '.join(LANGUAGES)}, not '{language}'", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    use_language(language)
    os.environ["LANGUAGE"] = _spoken()[0]
    gettext.bindtextdomain("tidu", LOCALE_FOLDER)
    gettext.textdomain("tidu")
