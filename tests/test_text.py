"""Words: the Chinese catalogue is complete, up to date, and keeps the places of each sentence."""

import io
import re
import string
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po

import tidu
from tidu.text import LOCALE_FOLDER, use_language, without_language

PO = LOCALE_FOLDER / "zh" / "LC_MESSAGES" / "tidu.po"


@pytest.fixture(scope="module")
def catalogue():
    with PO.open("rb") as file:
        return read_po(file, locale="zh")


def test_every_sentence_of_the_package_has_a_chinese_one(catalogue):
    keywords = {"_": None, "label": None, "mark": None}
    found = extract_from_dir(Path(tidu.__file__).parent, [("**.py", "python")], keywords=keywords)
    missing = [text for _file, _line, text, _comments, _context in found if text and not translated(catalogue, text)]
    assert missing == []


def translated(catalogue, text):
    message = catalogue.get(text)
    return message is not None and bool(message.string) and not message.fuzzy


def places(text):
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def test_a_translation_keeps_the_places_of_its_sentence(catalogue):
    for message in catalogue:
        if message.id and isinstance(message.id, str) and re.search(r"\{\w+", message.id):
            assert set(places(message.string)) == set(places(message.id)), message.id


def test_the_compiled_catalogue_is_that_of_the_source(catalogue):
    anew = io.BytesIO()
    write_mo(anew, catalogue)
    anew.seek(0)
    with PO.with_suffix(".mo").open("rb") as file:
        assert sentences(file) == sentences(anew), "run: python build_catalogues.py"


def sentences(file):
    """What a compiled catalogue holds, without its header: each version of Babel signs there."""
    return [(message.id, message.string) for message in read_mo(file) if message.id]


def test_the_language_is_taken_out_of_the_arguments():
    assert without_language(["fit", "--lang", "zh", "a"]) == (["fit", "a"], "zh")
    assert without_language(["--lang=en", "fit"]) == (["fit"], "en")
    assert without_language(["fit", "--", "--lang", "zh"]) == (["fit", "--", "--lang", "zh"], None)


def test_errors_speak_chinese():
    use_language("zh")
    try:
        with pytest.raises(tidu.TiduError, match="学习率必须是大于 0 的数"):
            tidu.fit("y = w*x", {"x": [1], "y": [1]}, lr=-1)
    finally:
        use_language("en")
