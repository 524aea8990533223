"""The page of the five programs tells the figures that these programs print, in both languages."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from tidu.text import use_language

DOCS = Path(__file__).parents[1] / "docs"
# Of each program, in the order of the page: what its first step and its last step give, to the ten digits shown.
FIGURES = [
    ({"ℓ": 4990.005, "w": 20.08}, {"w": 99.99987752295638}),
    ({"J": 4.666666666666667, "w": 1.0933333333333333}, {"J": 1.752432687141379e-08, "w": 1.9999444396553017}),
    ({"∂ℓ/∂w": -6.0}, {"ℓ": 0.7811291934451824, "w": 2.241576136991251}),
    ({}, {}),
    ({"ℓ": 25.0}, {"w₁": 4.334302856811493, "w₂": 4.653193451996958, "w₃": 6.061894966775589}),
    ({}, {}),
]


@pytest.mark.sampled(1)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_has_the_figures_of_the_programs(lang, monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    spec = importlib.util.spec_from_file_location("docs_five_programs", DOCS / "five_programs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules.pop("docs_five_programs", None)
    use_language(lang)
    page = module.page()
    programs = page.split("\n## ")[1:]
    assert len(programs) == len(FIGURES)
    for program, steps in zip(programs, FIGURES, strict=True):
        shown = program.split("\n### ")[1:]
        assert len(shown) == 2
        for text, figures in zip(shown, steps, strict=True):
            told = {}
            for equation in re.findall(r"^\| *\d* *\| `([^`]+)` \|", text, flags=re.M):
                name, *_between, value = equation.split(" = ")
                told[name] = float(value.replace("−", "-"))
            for name, value in figures.items():
                assert told[name] == pytest.approx(value, rel=1e-9), name
