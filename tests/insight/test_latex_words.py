"""LaTeX of explanations: no letter that pdflatex has no font for; compiled, where there is a TeX on this machine."""

from __future__ import annotations

import re
import shutil
import subprocess

import numpy as np
import pytest

import tidu
from tidu.content.optimizers import OPTIMIZERS
from tidu.fronts import explanation_pages
from tidu.insight.latex_words import latex_document, latex_words
from tidu.text import use_language

X = np.linspace(0.2, 3.0, 10)
DATA = {"x": X, "net_price": X**2, "100%": X + 1, "温度": X - 1, "y": 2 * X + 1}
FORMULAS = {
    "Greek": "y = α*tanh(beta*x)**2 + new_ρ*c_0 + pi*σ1",
    "conditions": "y = where(x > 1 and not net_price < 2, a*`100%`, b)*sqrt(abs(x))",
    "network": "y = mlp(x, net_price, hidden=[3])",
    "Chinese": "y = w*`温度` + 斜率",
}
CHINESE = re.compile("[\u3000-\u9fff\uff00-\uffef]")
SAFE = re.compile(r"[\x00-\xff–—‘’“”]*")  # what LaTeX has in its fonts for words


def documents(name):
    settings = {"optimizer": list(OPTIMIZERS)[len(name) % len(OPTIMIZERS)], "clip_norm": 1.0, "l2": 0.1}
    run = tidu.fit(FORMULAS[name], DATA, steps=3, lr="0.1*warmup(3)", **settings)
    found = run.explain(1)
    yield explanation_pages.latex(found, found.entries)
    yield latex_document([rf"\[{run.latex()}\]"])
    if not run.program.of_arrays:
        yield latex_document([rf"\[{run.derive(run.program.parameter_names[0]).to_latex()}\]"])
    bad = tidu.fit(FORMULAS[name], DATA, lr=1e9, epochs=900, optimizer="gd")
    if bad.diverged:
        yield explanation_pages.why_not_in_latex(bad.why_not())


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", FORMULAS)
def test_every_letter_has_a_font(name, lang, tmp_path):
    use_language(lang)
    try:
        made = list(documents(name))
    finally:
        use_language("en")
    for k, text in enumerate(made):
        assert ("{ctexart}" in text) is bool(CHINESE.search(text))
        assert not CHINESE.search(text) or lang == "zh" or name == "Chinese"
        for line in text.splitlines():
            assert SAFE.fullmatch(CHINESE.sub("", line)), line
        if shutil.which("pdflatex") and "{article}" in text:
            (tmp_path / f"{k}.tex").write_text(text, encoding="utf-8")
            command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"{k}.tex"]
            told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
            assert told.returncode == 0, told.stdout[-2000:]


def test_signs_become_mathematics():
    assert latex_words("50 % of w_1: (uⁿ)′ = n·uⁿ⁻¹") == r"50 \% of w\_1: (u$^{n}$)$'$ = n$\cdot$u$^{n-1}$"
    assert latex_words("∂ℓ/∂ŷ, β₁ ← ½·α") == (
        r"$\partial$$\ell$/$\partial$$\hat{y}$, $\beta$$_{1}$ $\leftarrow$ $\tfrac{1}{2}$$\cdot$$\alpha$"
    )
    assert latex_words("学习率 {a}~b^c\\") == r"学习率 \{a\}\~{}b\^{}c\textbackslash{}"
