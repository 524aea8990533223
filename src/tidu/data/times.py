"""Dates and times as text to seconds: 2024-01-31, 2024/1/31 12:00, 2024年1月31日, with a time zone or without."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence

import numpy as np

from tidu.data.table import Column, clipped
from tidu.errors import DataError
from tidu.text import _

_DATE = re.compile(
    r"(?:(\d{4})[-/.年](\d{1,2})(?:[-/.月](\d{1,2})日?)?|(\d{4})(\d{2})(\d{2}))"
    r"(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?)?"
)


def time_in(text: str) -> datetime.datetime:
    """The moment that a text says: year first, then month, then day; a time of day and a zone may follow.

    Raises
    ------
    ValueError
        It is no such text, or there is no such day.
    """
    found = _DATE.fullmatch(text.strip())
    if found is None:
        raise ValueError(text)
    year, month, day, year_, month_, day_, hour, minute, second, fraction, zone = found.groups()
    moment = datetime.datetime(
        int(year or year_),
        int(month or month_),
        int(day or day_ or 1),
        int(hour or 0),
        int(minute or 0),
        int(second or 0),
        int((fraction or "0").ljust(6, "0")[:6]),
    )
    if zone is None:
        return moment
    sign, digits = (zone[0], zone[1:].replace(":", "")) if zone[0] in "+-" else ("+", "0000")
    away = datetime.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    utc = moment - (away if sign == "+" else -away)
    return utc.replace(tzinfo=datetime.UTC)


def time_text(moment: datetime.datetime) -> str:
    """A moment as people write it, without a time of day where that is midnight."""
    text = moment.isoformat(" ")
    return text.removesuffix(" 00:00:00")


def times_in(texts: Sequence[str], column: str, origin: str) -> list[datetime.datetime]:
    """The moments that the texts of a column say.

    Raises
    ------
    DataError
        One is no date, or some name a time zone and others do not.
    """
    found = []
    for text in texts:
        try:
            found.append(time_in(text))
        except (ValueError, OverflowError):
            raise DataError(
                _(
                    "{origin}: column '{column}' has '{cell}', which is not a date; dates are written as 2024-01-31"
                    " or 2024-01-31 12:00"
                ).format(origin=origin, column=column, cell=clipped(text))
            ) from None
    if len({moment.tzinfo for moment in found}) > 1:
        raise DataError(
            _("{origin}: some times of column '{column}' name a time zone and others do not").format(
                origin=origin, column=column
            )
        )
    return found


def seconds_after(moments: Sequence[datetime.datetime], zero: datetime.datetime) -> Column:
    """How many seconds after `zero` each is, as an array of shape (moments,)."""
    return np.array([(moment.replace(tzinfo=None) - zero.replace(tzinfo=None)).total_seconds() for moment in moments])
