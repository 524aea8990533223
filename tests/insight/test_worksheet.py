"""Worksheets: the key is what plain arithmetic gives, nothing on the sheet tells a blank, and the blanks suffice."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidu
from tidu.errors import SettingError
from tidu.fronts import cli
from tidu.insight.reporting.document import Cell, Table
from tidu.insight.worksheet import GAP
from tidu.text import use_language

DATA = {"x": [1.0, 2.0, 4.0], "y": [2.5, 3.5, 9.25]}
RUN = tidu.fit("y = w*x + b", DATA, lr=0.03, epochs=4)


def task(sheet):
    (table,) = [b for b in sheet.document.sections[0].blocks if isinstance(b, Table)]
    return [[c.text if isinstance(c, Cell) else c for c in row] for row in table.rows if len(row) > 1]


@given(st.integers(0, 3), st.sampled_from(["easy", "medium", "hard"]), st.integers(0, 10**6), st.integers(0, 2))
@settings(deadline=None, max_examples=25)
def test_the_key_is_what_arithmetic_gives_and_the_sheet_does_not_tell_it(step, difficulty, seed, row):
    w = b = 0.0
    x, y = np.array(DATA["x"]), np.array(DATA["y"])
    for _ in range(step):
        r = w * x + b - y
        w, b = w - 0.03 * np.mean(2 * r * x), b - 0.03 * np.mean(2 * r)
    r = w * x + b - y
    grad_w, grad_b = np.mean(2 * r * x), np.mean(2 * r)
    expected = {
        "ŷ": w * x[row] + b, "residual": r[row], "ℓ": r[row] ** 2, "∂ℓ/∂ŷ": 2 * r[row], "∂ℓ/∂w": 2 * r[row] * x[row],
        "Σℓ": sum(r**2), "Σ∂ℓ/∂w": sum(2 * r * x), "Σ∂ℓ/∂b": sum(2 * r), "J": np.mean(r**2), "∂J/∂w": grad_w,
        "∂J/∂b": grad_b, "new_w": w - 0.03 * grad_w, "new_b": b - 0.03 * grad_b,
    }  # fmt: skip
    sheet = RUN.worksheet(step, [row], difficulty, seed)
    assert len(sheet.blanks) == {"easy": 5, "medium": 9, "hard": 13}[difficulty]
    for blank in sheet.blanks:
        assert float(blank.entry.value) == pytest.approx(expected[blank.entry.symbol.written("unicode")], rel=1e-12)
    lines = [line for _place, line, _why in task(sheet)]
    for blank in sheet.blanks:
        told = blank.entry.result("unicode")
        assert not any(line.endswith(f"= {told}") and line.startswith(blank.entry.symbol.written("unicode"))
                       for line in lines)  # fmt: skip
    assert [int(place[1:-1]) for place, *_rest in task(sheet) if place] == [blank.place for blank in sheet.blanks]
    assert sum(line.endswith(GAP) for line in lines) >= len(sheet.blanks)


def test_sums_over_many_rows_are_told():
    x = np.arange(20.0) / 10
    sheet = tidu.fit("y = w*x + b", {"x": x, "y": 2 * x}, epochs=1).worksheet(0, difficulty="hard")
    sums = [line for _place, line, _why in task(sheet) if line.startswith("Σ")]
    assert len(sums) == 3
    assert not any(line.endswith(GAP) for line in sums)
    assert "<mtext>sum over the batch</mtext>" in sheet.text("html")


def test_the_same_seed_gives_the_same_sheet_and_another_another():
    assert RUN.worksheet(1, seed=3) == RUN.worksheet(1, seed=3)
    assert len({tuple(b.entry.id for b in RUN.worksheet(1, seed=k).blanks) for k in range(9)}) > 1


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_files(tmp_path, lang):
    use_language(lang)
    sheet = RUN.worksheet(2)
    sheet.save(tmp_path / "a.html")
    sheet.save(tmp_path / "a.md")
    page, text = (tmp_path / "a.html").read_text(), (tmp_path / "a.md").read_text()
    assert 'class="own-page"' in page
    assert page.count('class="blank"') >= len(sheet.blanks)
    assert ("## 答案" if lang == "zh" else "## Key") in text
    with pytest.raises(SettingError, match=r"\.md"):
        sheet.save(tmp_path / "a.pdf")


def test_networks_and_wrong_wishes():
    with pytest.raises(SettingError, match="easy, medium, hard"):
        RUN.worksheet(0, difficulty="cruel")
    with pytest.raises(SettingError, match="no step 9"):
        RUN.worksheet(9)
    network = tidu.fit("y = mlp(x, hidden=[2])", DATA, epochs=1)
    assert all(b.entry.shape == () for b in network.worksheet(0).blanks)


def test_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.csv").write_text("x,y\n1,2.5\n2,3.5\n4,9.25\n")
    assert cli.run(["worksheet", "p.csv", "y = w*x + b", "--lr", "0.03", "--step", "2"]) == 0
    assert "## Key" in capsys.readouterr().out
    assert cli.run(["fit", "p.csv", "y = w*x + b", "--lr", "0.03", "--epochs", "4", "--out", "m.tidu"]) == 0
    assert cli.run(["worksheet", "m.tidu", "--data", "p.csv", "--step", "2", "--out", "w.md"]) == 0
    assert (tmp_path / "w.md").read_text() == RUN.worksheet(2).text("markdown")
    capsys.readouterr()
    assert cli.run(["worksheet", "m.tidu", "--data", "p.csv", "--difficulty", "hard", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["blanks"]) == 13
    for command in (["worksheet", "p.csv"], ["worksheet", "p.csv", "y = w*x", "--out", "x.pdf"],
                    ["worksheet", "p.csv", "y = w*x", "--rows", "a"], ["worksheet", "m.tidu", "m.tidu"],
                    ["worksheet", "p.csv", "y = w*x", "--rows", "7"]):  # fmt: skip
        assert cli.run(command) == 2, command
