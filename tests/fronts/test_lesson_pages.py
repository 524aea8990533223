"""A lesson's page in a terminal: its code can be pasted, and no line begins with what may not begin one."""

import re
import shlex

import pytest

from tidu.fronts import cli
from tidu.fronts.wrapping import CLOSING
from tidu.lessons.lesson import LESSONS
from tidu.text import LANGUAGES, use_language


def printed(capsys, name, lang):
    use_language(lang)
    try:
        assert cli.run(["lesson", name, "--no-pictures", "--out", f"tidu-lesson-{name}"]) == 0
        return capsys.readouterr().out, LESSONS[name].give(None).page
    finally:
        use_language("en")


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", ["parabola", "linreg"])
def test_code_can_be_pasted(name, lang, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "60")
    out, page = printed(capsys, name, lang)
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", page, flags=re.S | re.M)
    assert {language for language, _code in blocks} == {"sh", "python"}
    for language, code in blocks:
        if language == "python":
            assert f"\n{code.rstrip()}\n" in out
            continue
        for command in code.splitlines():
            lines = re.findall(r"^tidu (?:.*\\\n)*.*$", out, flags=re.M)
            found = [s for s in lines if shlex.split(s.replace("\\\n", "")) == shlex.split(command)]
            assert len(found) == 1
            assert all(len(line) <= 60 or " " not in line.strip() for line in found[0].splitlines())


def test_no_line_of_chinese_begins_with_a_full_stop(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for columns in range(40, 100, 7):
        monkeypatch.setenv("COLUMNS", str(columns))
        out, _page = printed(capsys, "meter", "zh")
        assert [
            line for line in out.splitlines() if line.lstrip()[:1] in set("，。；：！？、）》”") & set(CLOSING)
        ] == []


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("columns", ["40", "60", "80"])
def test_no_cell_is_cut_off(lang, columns, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", columns)
    out, page = printed(capsys, "one-weight", lang)
    assert out.count("…") == page.count("…")


@pytest.mark.parametrize("name", LESSONS)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_lesson_reads_well_at_80_columns(name, lang, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    out, page = printed(capsys, name, lang)
    lines = [line.strip() for line in out.splitlines()]
    assert out.count("…") == page.count("…")
    assert not [line for line in lines if line[:1] in set("，。；：！？、）》”")]
    assert not [line for line in lines if re.search(r"[，。；：！？、] +\S|[一-鿿] [一-鿿]", line) and "  " not in line]
    assert not [line for line in lines if line.endswith("tidu lesson")]  # a command is not parted
    assert not [line for line in lines if re.search(r"(^|[ ，。])\w [=≈]$", line)]  # nor is `w = 1`
    if LESSONS[name].next:
        assert any(line.endswith(f"tidu lesson {LESSONS[name].next}") for line in lines)


def test_the_inside_of_an_update_begins_at_the_margin(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out, _page = printed(capsys, "linreg", "en")
    assert "\nloss_sum = 0.0\n" in out
