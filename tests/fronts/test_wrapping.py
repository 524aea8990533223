"""Lines: never too wide, nothing lost, no line that begins with 。 or ends with （."""

import itertools
import shlex
import subprocess

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from tidu.fronts.wrapping import CLOSING, OPENING, indented, shell_lines, wrapped

WORDS = st.lists(st.text(alphabet="ab1中文学习率，。；：（）“”,.()'· ", max_size=12), max_size=12).map(" ".join)


@given(WORDS, st.integers(8, 60))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # of a busy machine
@example("学习率，批量。", 8)
@example("（" * 9, 8)
def test_lines_hold_the_text_and_break_where_they_may(text, width):
    lines = wrapped(text, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    for line in lines:
        assert line == line.rstrip()
        assert cell_len(line) <= width or len(wrapped(line.strip(), 1)) == 1  # it has no place to break
    for before, after in itertools.pairwise(lines):
        assert not after.startswith(" ")
        if before and after and f"{before}{after}" in text:  # no blank between them: the break is ours
            assert after[0] not in CLOSING
            assert before[-1] not in OPENING


def test_english_words_stay_whole_and_chinese_breaks_anywhere_else():
    assert wrapped("the loss of one sample", 10) == ["the loss", "of one", "sample"]
    assert wrapped("梯度下降，就是沿着负梯度走。", 10) == ["梯度下降，", "就是沿着负", "梯度走。"]
    assert wrapped("用batch_size设批量", 12) == ["用batch_size", "设批量"]
    assert wrapped("a\n\nb", 9) == ["a", "", "b"]
    assert indented("one two three", 14, "  · ") == "  · one two\n    three"


def test_a_short_formula_stays_on_one_line():
    assert wrapped("start at w = 1 and go", 13) == ["start at", "w = 1 and go"]
    assert wrapped("这里 w = 1.5，最大", 10) == ["这里", "w = 1.5，", "最大"]
    assert wrapped("first + second + third + fourth", 20) == ["first + second +", "third + fourth"]  # too long for that


@pytest.mark.parametrize("width", [20, 40, 80])
def test_a_shell_takes_the_lines_as_one_command(width):
    words = ["echo", "tidu fit", "a b.csv", "y = w*x", "--init", "w=normal(0, 1)", "--shuffle", "--lr", "1e-3"]
    text = shell_lines(words, width)
    assert shlex.split(text.replace("\\\n", "")) == words
    done = subprocess.run(["bash", "-c", text], capture_output=True, check=True)
    assert done.stdout.decode().split("\n")[0] == " ".join(words[1:])
    assert any(line.strip().startswith("--init '") for line in text.split("\n")) or width > 40
