"""How a cell of text says a number: decimal sign, groups of thousands, percent, words for no value, true and false.

`Numerals` reads one cell; `remedy` says, for a cell that it refuses, which option reads it. Used for text in files,
and with the defaults for text in frames and lists.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from tidu.errors import SettingError
from tidu.text import _, mark

MISSING = (
    "", "NA", "N/A", "#N/A", "#NA", "<NA>", "n/a", "NaN", "nan", "-nan", "-NaN", "null", "NULL", "None", "NaT", "?",
)  # fmt: skip  # no value, as text
BOOLEANS = {"true": 1.0, "false": 0.0}
_GROUPS = {" ": " \u00a0\u202f\u2009", "'": "'’"}  # signs that group thousands and look alike
_SIGN = r"[+\-\u2212]?"
_LIKE = re.compile(
    rf"{_SIGN}[$€£¥]?{_SIGN}(\d[\d.,'’ \u00a0\u202f\u2009]*|[.,]\d+)([eEdD]{_SIGN}\d+)?\s*(%|[^\W\d_]{{1,4}}|[$€£¥])?"
)
_WRITTEN = re.compile(
    rf"{_SIGN}(\d[\d.,'’]*|[.,]\d+|\d{{1,3}}([ \u00a0\u202f\u2009]\d{{3}})+([.,]\d+)?)([eE]{_SIGN}\d+)?\s*%?"
)
_DATE = re.compile(r"\d{4}[-/.年]\d{1,2}([-/.月]\d{1,2}日?)?([T ].*)?")


@dataclass(frozen=True)
class Numerals:
    """The signs of numbers in a text, and the words besides `MISSING` that stand for no value."""

    decimal: str = "."
    thousands: str = ""
    na: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.decimal not in (".", ","):
            raise SettingError(_("the decimal sign must be '.' or ',', not {value!r}").format(value=self.decimal))
        good = len(self.thousands) == 1 and not self.thousands.isalnum() and self.thousands not in '+-\r\n"'
        if self.thousands and not good:
            raise SettingError(
                _("the sign between thousands must be one character, such as ',' or a space, not {value!r}").format(
                    value=self.thousands
                )
            )
        if self.thousands == self.decimal:
            raise SettingError(
                _("the decimal sign and the sign between thousands are both {value!r}; they must differ").format(
                    value=self.decimal
                )
            )

    @property
    def missing(self) -> tuple[str, ...]:
        """All words that stand for no value."""
        return (*MISSING, *self.na)

    def number(self, text: str) -> float:
        """The number that a text is; NaN where it stands for no value.

        Python's own digit groups are refused (`2020_01` is a name, not 202001), and so are numbers in base 16.

        Raises
        ------
        ValueError
        """
        text = text.strip()
        if text in self.missing:
            return math.nan
        plain = text.replace("\u2212", "-")
        exponent = ""
        if plain.endswith("%"):
            plain, exponent = plain[:-1].rstrip(), "e-2"
        if self.thousands:
            plain = self._without_groups(plain)
        if self.decimal == ",":
            if "." in plain:
                raise ValueError(text)
            plain = plain.replace(",", ".")
        if "_" in plain or (exponent and not plain[-1:].isdigit() and plain[-1:] != "."):
            raise ValueError(text)
        return float(plain + exponent)

    def _without_groups(self, text: str) -> str:
        signs = re.escape(_GROUPS.get(self.thousands, self.thousands))
        if not re.search(f"[{signs}]", text):
            return text
        whole, point, rest = text.partition(self.decimal)
        if not re.fullmatch(rf"[+-]?\d{{1,3}}([{signs}]\d{{2,3}})*[{signs}]\d{{3}}([eE][+-]?\d+)?", whole):
            raise ValueError(text)
        return re.sub(f"[{signs}]", "", whole) + point + rest


DEFAULT = Numerals()


def number_in(text: str) -> float:
    """The number that a text is, written in the usual way.

    Raises
    ------
    ValueError
        It is none, or stands for no value.
    """
    if text.strip() in MISSING[:6] or "_" in text:
        raise ValueError(f"could not convert string to float: {text!r}")
    return float(text)


def booleans_in(cells: Iterable[object], missing: Iterable[str] = MISSING) -> list[float] | None:
    """1 for each true and 0 for each false, NaN for no value; None if there is anything else, or nothing at all."""
    found = []
    words = frozenset(missing)
    for cell in cells:
        text = str(cell).strip()
        if cell is None or text in words:
            found.append(math.nan)
        elif text.lower() in BOOLEANS:
            found.append(BOOLEANS[text.lower()])
        else:
            return None
    return found if any(not math.isnan(v) for v in found) else None


def looks_like_a_number(text: str) -> bool:
    """Whether a number was meant, in whatever way of writing: `1,5`, `45%`, `1 234`, `0x1F`, `$5`, `5 kg`."""
    text = text.strip()
    return bool(_LIKE.fullmatch(text)) or _is_hexadecimal(text) or is_value(text)


def is_value(text: str) -> bool:
    """Whether a cell is data rather than a name: a number in any of the usual ways, a date, true or false."""
    text = text.strip()
    if _WRITTEN.fullmatch(text):
        return True
    if text.lower() in BOOLEANS or _DATE.fullmatch(text):
        return True
    try:
        number_in(text)
    except ValueError:
        return False
    return True


def is_date(text: str) -> bool:
    """Whether a cell looks like a date, such as 2024-01-31 or 2024/1/31 12:00."""
    return bool(_DATE.fullmatch(text.strip()))


def _is_hexadecimal(text: str) -> bool:
    return bool(re.fullmatch(r"[+-]?0[xX][0-9a-fA-F.]+(p[+-]?\d+)?", text))


def kind_of(cells: Iterable[object], numerals: Numerals | None = None) -> str:
    """What the first cells of a column show it to hold: `number`, `date` or `text`."""
    missing = (numerals or DEFAULT).missing
    texts = [str(cell).strip() for cell in cells if cell is not None]
    texts = [text for text in texts if text not in missing]
    if texts and all(map(is_date, texts)):
        return "date"
    return "text" if 2 * sum(not looks_like_a_number(text) for text in texts) > len(texts) else "number"


# What people write that is a number to them, and what to write instead.
_OTHERWISE = {
    r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?(\s?[AaPp]\.?[Mm]\.?)?": mark(
        "; it is a time: write it as one number, such as 1.5 hours for 1:30"
    ),
    r"[+-]?\d+\s?/\s?\d+": mark("; it is a fraction: write it as a decimal, such as 0.5 for 1/2"),
    r"\d{1,2}([/.-])\d{1,2}\1\d{2,4}": mark(
        "; whether the day or the month comes first cannot be known: write dates as 2024-01-31"
    ),
    r"[+-]?(\d+\.?\d*|\.\d+)([dD][+-]?\d+|\s?[×x*·]\s?10(\^|\*\*)?[+-]?[\d⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)": mark(
        "; an exponent of ten is written 1e3"
    ),
    r"[+-]?[\d.,]+\s?(±|\+/-)\s?[\d.,]+": mark(
        "; write its uncertainty into a column of its own, which --sigma may name"
    ),
    r"[~≈]\s?[\d.,]+|[\d.,]+\*+": mark("; leave the sign out of the cell"),
}


def remedy(cell: str, column: str, numerals: Numerals | None, of_words: bool = False) -> str:
    """What to do about a cell that is no number, as a part of a sentence; empty where only mending helps.

    `numerals` is how the file was read; None is for data in memory, which has no options of reading. `of_words` says
    that most cells of the column are words.
    """
    text = cell.strip().replace("\u2212", "-")
    if is_date(text):
        return _("; it is a date: write days({column}) or seconds({column}) in the formula").format(column=column)
    if _is_hexadecimal(text):
        return _("; numbers in base 16 are not read: write it in base 10")
    if numerals is not None and re.fullmatch(r"[<>≤≥]=?\s*[\d.,]+\S*", text):
        return _("; it is a limit, not a measurement: such rows are left out by --na '{cell}' --drop-missing").format(
            cell=text
        )
    for pattern, advice in _OTHERWISE.items():
        if re.fullmatch(pattern, text):
            return _(advice)
    category = ""
    if of_words and not looks_like_a_number(text):
        category = _("; if the column holds categories, write C({column}) inside linear(...)").format(column=column)
    if numerals is None:
        return category
    if text.startswith("#"):
        return _("; if the line is a comment, give --comment '#'")
    grouped = re.fullmatch(r"[+-]?\d{1,3}(?P<sign>[,.'’ \u00a0\u202f])\d{3}((?P=sign)\d{3})*(?P<rest>[.,]\d+)?%?", text)
    decimal_comma = re.fullmatch(r"[+-]?\d*,\d+([eE][+-]?\d+)?%?", text)
    if grouped and numerals.thousands != grouped["sign"]:
        sign, rest = grouped["sign"], grouped["rest"] or ""
        if sign == "," and not rest and text.count(",") == 1:
            return _(
                "; if its comma groups thousands, give --thousands ',', if it is a decimal sign, give --decimal ','"
            )
        if sign == "." and not rest:  # 1.234.567
            return _("; if its points group thousands, give --thousands '.' and --decimal ','")
        if rest.startswith(","):
            return _("; read it with --thousands '{sign}' and --decimal ','").format(sign=sign)
        return _("; if '{sign}' groups thousands, give --thousands '{sign}'").format(sign=sign)
    if decimal_comma and numerals.decimal == ".":
        return _("; if its comma is a decimal sign, give --decimal ','")
    if numerals.decimal == "," and re.fullmatch(r"[+-]?\d*\.\d+([eE][+-]?\d+)?%?", text):
        return _("; if the point is a decimal sign, leave out --decimal ','")
    if text.lower() in BOOLEANS:
        return _("; a column of true and false must hold nothing else")
    if _LIKE.fullmatch(text) and (not text[-1].isdigit() or text.lstrip("+-")[:1] in "$€£¥"):
        return _("; leave the unit or the currency out of the cell")
    if not of_words and re.fullmatch(r"[^\d\s,]{1,8}", text):
        return _("; if it stands for a missing value, give --na '{cell}'").format(cell=text)
    return category
