"""Words: the Chinese catalogue is complete, up to date, and keeps the places of each sentence."""

import gettext
import re
import runpy
import shutil
import string
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import tidu
from tidu.text import LOCALE_FOLDER, Catalogue, use_language, without_language

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
    compiled = Catalogue(LOCALE_FOLDER / "zh" / "sentences.bz2")
    assert compiled.gettext("a sentence of nobody's") == "a sentence of nobody's"
    for message in catalogue:
        if message.id and isinstance(message.id, str):
            assert compiled.gettext(message.id) == message.string, "run: python build_catalogues.py"


def test_click_reads_what_it_says_by_gettext():
    with PO.with_suffix(".mo").open("rb") as file:
        chinese = gettext.GNUTranslations(file)
    assert chinese.gettext("Missing option") == "缺少选项"
    assert chinese.ngettext("{value!r} is not {choice}.", "{value!r} is not one of {choices}.", 2) == (
        "{value!r} 不在 {choices} 之中。"
    )
    assert chinese.gettext(" or ") == " or "  # tidu's own sentences are not there again


def test_a_built_catalogue_has_a_place_for_each_sentence(tmp_path):
    root = Path(tidu.__file__).parents[2]
    shutil.copytree(root / "src" / "tidu" / "locale", tmp_path / "src" / "tidu" / "locale")
    text = (root / "src" / "tidu" / "text.py").read_text(encoding="utf-8")
    (tmp_path / "src" / "tidu" / "text.py").write_text(text.replace("digest_size=5", "digest_size=1"), encoding="utf-8")
    compile_catalogues = runpy.run_path(str(root / "build_catalogues.py"))["compile_catalogues"]
    with pytest.raises(ValueError, match="share a place"):
        compile_catalogues(tmp_path)


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
