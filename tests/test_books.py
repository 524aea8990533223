"""The code on the page "I have a book" runs as it is printed, and finds the weights."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
BLOCKS = {
    f"{name}-{k}": block
    for name in ("books.md", "books.zh.md")
    for k, block in enumerate(re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), re.DOTALL))
}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("place", BLOCKS)
def test_the_code_on_the_page_runs(place):
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", BLOCKS[place]], capture_output=True, text=True, encoding="utf-8"
    )
    assert ran.stderr == ""
    *epochs, weights = ran.stdout.split("\n", 3)
    assert [float(line.split()[1]) < 0.1 for line in epochs] == [True] * 3
    found = [float(number) for number in re.findall(r"-?\d+\.\d*", weights)]
    assert found == pytest.approx([2, -3.4, 4.2], abs=0.01)


def test_both_languages_have_the_same_code():
    assert len(BLOCKS) == 4
    for k in (0, 1):
        english, chinese = (re.sub(" *#.*", "", BLOCKS[f"{name}-{k}"]) for name in ("books.md", "books.zh.md"))
        assert english == chinese
