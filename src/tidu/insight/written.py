"""How symbols and numbers of an explanation are written in each notation: text, Unicode, LaTeX, MathML."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import numpy as np

from tidu.language.expr import Expr, evaluation_order
from tidu.language.mathml import mathml, mathml_name
from tidu.language.printer import latex, latex_name, plain_number, text, unicode, unicode_name

LONGEST = 6  # numbers of an array that are written out
SMALL = 12  # numbers of a matrix that are written out
LONG = 10  # characters of a number of the formula, from which it is shortened
DIGITS = 8  # of numbers that are put in
SHOW = {"text": text, "unicode": unicode, "latex": latex, "mathml": mathml}


def shown(expression: Expr, names: Mapping[Expr, str], notation: str) -> str:
    """A formula in which nodes are shown by names or numbers; long numbers of its own are shortened."""
    long = {n: number(n.value, notation, inside=True) for n in evaluation_order([expression], known=names)
            if n.is_constant and len(plain_number(n.value)) > LONG}  # fmt: skip
    return SHOW[notation](expression, {**long, **names})


@dataclass(frozen=True)
class Symbol:
    """What a value is called: by the loop `name`, by people `kind` of `of`.

    `kind` is `name` (as the loop has it, or a column or parameter), `prediction` (ŷ), `loss` (ℓ), `slope` (∂ℓ/∂`of`),
    `gradient` (∂J/∂`of`), `sum` (the sum over the batch of ∂ℓ/∂`of`) or `losses` (the sum of ℓ).
    """

    name: str
    kind: str = "name"
    of: str = ""
    unit: str = ""  # such as [2, 0]

    def marked(self, unit: str) -> Symbol:
        """The symbol of one unit."""
        return replace(self, unit=unit)

    def written(self, notation: str) -> str:
        """The symbol."""
        return _written(self, notation)

    def _written(self, notation: str) -> str:
        if notation == "text":
            return self.name + self.unit
        if notation == "unicode":
            of = "ŷ" if self.of == "" else _plainly(self.of)
            plain = {"prediction": "ŷ", "loss": "ℓ", "losses": "Σℓ", "cost": "J", "slope": f"∂ℓ/∂{of}",
                     "gradient": f"∂J/∂{of}", "sum": f"Σ∂ℓ/∂{of}"}  # fmt: skip
            return plain.get(self.kind, _plainly(self.name)) + self.unit
        return self._latex() if notation == "latex" else self._mathml()

    def _latex(self) -> str:
        of = r"\hat{y}" if self.of == "" else latex_name(self.of)
        plain = {"prediction": r"\hat{y}", "loss": r"\ell", "losses": r"\sum \ell", "cost": "J",
                 "slope": rf"\frac{{\partial \ell}}{{\partial {of}}}",
                 "gradient": rf"\frac{{\partial J}}{{\partial {of}}}",
                 "sum": rf"\sum \frac{{\partial \ell}}{{\partial {of}}}"}  # fmt: skip
        return plain.get(self.kind, latex_name(self.name)) + (f"_{{{self.unit}}}" if self.unit else "")

    def _mathml(self) -> str:
        y_hat = "<mover><mi>y</mi><mo>^</mo></mover>"
        of = y_hat if self.of == "" else mathml_name(self.of)

        def fraction(top: str) -> str:
            return f"<mfrac><mrow><mo>∂</mo><mi>{top}</mi></mrow><mrow><mo>∂</mo>{of}</mrow></mfrac>"

        plain = {"prediction": y_hat, "loss": "<mi>ℓ</mi>", "losses": "<mrow><mo>∑</mo><mi>ℓ</mi></mrow>",
                 "cost": "<mi>J</mi>", "slope": fraction("ℓ"), "gradient": fraction("J"),
                 "sum": f"<mrow><mo>∑</mo>{fraction('ℓ')}</mrow>"}  # fmt: skip
        found = plain.get(self.kind, mathml_name(self.name))
        return f"<msub>{found}<mtext>{escape(self.unit)}</mtext></msub>" if self.unit else found


@functools.lru_cache(maxsize=4096)
def _written(symbol: Symbol, notation: str) -> str:
    return symbol._written(notation)


def _plainly(name: str) -> str:
    """A name of a column or parameter in mathematics; one of the loop, such as sum_1, as it stands."""
    return name if "_" in name else unicode_name(name)


def number(value: Any, notation: str, digits: int = DIGITS, inside: bool = False) -> str:
    """A number, or the first of those of an array with its shape; a negative one `inside` a formula has brackets."""
    if np.ndim(value):
        return _array(np.asarray(value, dtype=np.float64), notation)
    whole = f"{float(value):.{digits}g}"
    return _in_notation(whole, notation, inside)


def _in_notation(whole: str, notation: str, inside: bool) -> str:
    minus, mantissa, exponent = whole[0] == "-", *whole.lstrip("-").partition("e")[::2]
    if notation == "text":
        return f"({whole})" if minus and inside else whole
    sign = "−" if minus else ""
    if notation == "unicode":
        shown = sign + mantissa + (f"e{int(exponent)}".replace("-", "−") if exponent else "")
        return f"({shown})" if (minus or exponent) and inside else shown
    if notation == "latex":
        mantissa = {"inf": r"\infty", "nan": r"\mathrm{nan}"}.get(mantissa, mantissa)
        shown = ("-" if minus else "") + mantissa + (rf" \times 10^{{{int(exponent)}}}" if exponent else "")
        return rf"\left({shown}\right)" if (minus or exponent) and inside else shown
    mantissa = {"inf": "∞"}.get(mantissa, mantissa)
    power = f"<mo>×</mo><msup><mn>10</mn><mn>{int(exponent)}</mn></msup>" if exponent else ""
    shown = (f"<mo>{sign}</mo>" if minus else "") + f"<mn>{mantissa}</mn>{power}"
    return f"<mrow><mo>(</mo>{shown}<mo>)</mo></mrow>" if (minus or exponent) and inside else f"<mrow>{shown}</mrow>"


def _array(values: np.ndarray[Any, Any], notation: str) -> str:
    """The first numbers of a vector, or of each of the first rows of a matrix; dots for the others."""
    whole = _listed(values)
    if notation == "latex":
        return rf"\left[{whole}\right]".replace("[[", "[").replace("…", r"\dots").replace("−", "-")
    if notation == "mathml":
        return f"<mn>{whole}</mn>"  # so that there is a sign between two of them
    return whole.replace("−", "-") if notation == "text" else whole


def _listed(values: np.ndarray[Any, Any]) -> str:
    """All numbers of a small array; of a larger one the first, which show its shape."""
    if values.ndim == 1:
        most = len(values) if len(values) <= LONGEST else LONGEST - 2
        parts = [f"{v:.4g}".replace("-", "−") for v in values[:most].tolist()]
    elif values.size <= SMALL:
        most, parts = len(values), [_listed(row) for row in values]
    else:
        first = ", ".join(f"{v:.4g}".replace("-", "−") for v in np.ravel(values[0])[:2].tolist())
        most, parts = 1, [f"[{first}, …]"]
    return f"[{', '.join(parts)}{', …' if len(values) > most else ''}]"


def shape_in_words(shape: tuple[int, ...]) -> str:
    """3×2, or nothing for a number."""
    return "×".join(map(str, shape))
