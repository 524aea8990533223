"""The slips of those who derive gradients by hand, and which of them explains a wrong one. Called by `audit`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from tidu.insight.audited import Point, Subject, updates
from tidu.text import _

MOST_RATES = 8


@dataclass(frozen=True)
class Slip:
    """`kind` is a word for programs, `said` a sentence; `values` is what the hand gradient is under it, by point."""

    kind: str
    said: str
    values: tuple[float, ...]


Factor = tuple[float, Slip]  # what a slip multiplies the gradient by


def same(hand: Sequence[float], values: Sequence[float], sizes: Sequence[float], close: float) -> bool:
    """Whether two gradients agree at every point."""
    return all(abs(h - v) <= close * max(size, abs(v), 1e-300) for h, v, size in zip(hand, values, sizes, strict=True))


def slip_of(subject: Subject, name: str, points: Sequence[Point]) -> Slip:
    """The slips that give the hand gradient, the fewest that do; an unknown one where there are none such."""
    subject = subject.without_zeros()
    hand = [subject.hand(name, point) for point in points]
    sizes = [subject.size(name, point) for point in points]
    derived = tuple(subject.derived(name, point) for point in points)
    right = Slip("other", "", derived)
    parts = [_with_namesake(subject, name, points, slip) for slip in _parts(subject, name, points)]
    together = _factors_together(subject, name, hand, derived)
    of_factors = [(right, factors) for factors in together if factors]
    of_parts = [(part, factors) for factors in together for part in parts]
    for part, factors in sorted([*of_factors, *of_parts], key=lambda found: (found[0] is not right) + len(found[1])):
        factor = math.prod(number for number, _slip in factors)
        if same(hand, [factor * v for v in part.values], sizes, subject.close):
            return _told([*([part] if part is not right else []), *(slip for _number, slip in factors)])
    return Slip("other", _("wrong, by none of the usual slips"), derived)


def _told(slips: Sequence[Slip]) -> Slip:
    """Several slips as one, called by the first."""
    said = slips[0].said
    for slip in slips[1:]:
        said = _("{one}; and {other}").format(one=said, other=slip.said)
    return Slip(slips[0].kind, said, slips[0].values)


def _with_namesake(subject: Subject, name: str, points: Sequence[Point], slip: Slip) -> Slip:
    """A forgotten factor may leave the gradient of another parameter."""
    if slip.kind == "forgotten factor":
        for other in subject.parameters:
            values = [subject.derived(other, point) for point in points]
            if other != name and same(slip.values, values, [abs(v) for v in values], subject.close):
                said = _("{said}; what is left is the gradient of {other}").format(said=slip.said, other=other)
                return Slip(slip.kind, said, slip.values)
    return slip


def _factors_together(
    subject: Subject, name: str, hand: Sequence[float], derived: Sequence[float]
) -> list[tuple[Factor, ...]]:
    """Slips by a factor that is the same at every point: of each kind at most one."""
    halves = [
        (0.5, "half", _("a ½ too many: the ½ of the loss cancels the 2 of the square")),
        (2.0, "half", _("the ½ of the loss is forgotten")),
    ]
    twos = [(0.5, "factor 2", _("a factor 2 is missing")), (2.0, "factor 2", _("a factor 2 is too much"))]
    multiples = halves if subject.has_half else twos
    means = _means(subject, hand, derived)
    kinds = [means, multiples] if name in subject.sums else [multiples, means]
    made = [
        [(factor, Slip(kind, said, tuple(derived))) for factor, kind, said in group]
        for group in ([(-1.0, "sign", _("the sign is wrong"))], *kinds)
    ]
    return [tuple(f for f in chosen if f is not None) for chosen in product(*([None, *group] for group in made))]


def _means(subject: Subject, hand: Sequence[float], derived: Sequence[float]) -> list[tuple[float, str, str]]:
    """A sum in place of a mean, and the other way round."""
    rows = subject.rows
    if rows is None:
        ratio = _whole_ratio(hand, derived)
        too_large = _("too large by the factor {ratio}: 1/n is missing, or a constant").format(ratio=ratio)
        too_small = _("too small by the factor {ratio}: 1/n is there once too often, or a constant is missing").format(
            ratio=ratio
        )
        found = [(float(ratio), "missing 1/n", too_large), (1.0 / max(ratio, 1), "extra 1/n", too_small)]
        return found if ratio else []
    if rows == 1:
        return []
    return [
        (float(rows), "missing 1/n", _("1/n is missing: a sum over the rows in place of the mean")),
        (1.0 / rows, "extra 1/n", _("1/n is there once too often: the mean is divided by the rows again")),
    ]


def _whole_ratio(hand: Sequence[float], derived: Sequence[float]) -> int:
    """The whole number, from 3 on, by which a hand gradient is too large or too small; 0 if there is none."""
    largest = max(range(len(derived)), key=lambda k: abs(derived[k]))
    if not hand[largest] or not derived[largest] or not math.isfinite(hand[largest]):
        return 0
    ratio = abs(hand[largest] / derived[largest])
    whole = round(max(ratio, 1.0 / ratio))
    return whole if whole >= 3 else 0


def _parts(subject: Subject, name: str, points: Sequence[Point]) -> Iterator[Slip]:
    """Slips in what is summed: a factor, an index, a parameter that was updated before."""
    for factor in subject.factors:
        values = tuple(subject.divided(name, factor, point) for point in points)
        yield Slip("forgotten factor", _("the factor {factor} is forgotten").format(factor=factor), values)
    found = [subject.inside(name, point) for point in points]
    common = [key for key in found[0] if all(key in other for other in found)]
    inside = [Slip(found[0][key].kind, found[0][key].said, tuple(at[key].value for at in found)) for key in common]
    yield from (slip for slip in inside if slip.kind == "forgotten factor")
    for other in subject.parameters:
        if other != name:
            values = tuple(subject.derived(other, point) for point in points)
            said = _("this is the gradient of {other}, not of {name}").format(other=other, name=name)
            yield Slip("wrong parameter", said, values)
    yield from (slip for slip in inside if slip.kind != "forgotten factor")
    for rate in _rates(subject, name):
        for of_points in zip(*(updates(subject, name, point, rate) for point in points), strict=True):
            said = _("{other} was updated too early: take all gradients first, then update")
            values = tuple(value for _others, value in of_points)
            yield Slip("updated too early", said.format(other=of_points[0][0]), values)


def _rates(subject: Subject, name: str) -> list[float]:
    """Learning rates that may stand in a hand gradient: its numbers, with or without a 2 that was multiplied in."""
    numbers = [abs(number) for number in subject.numbers(name) if number]
    return list(dict.fromkeys([subject.lr, *numbers, *(v / 2 for v in numbers), *(v * 2 for v in numbers)]))[
        :MOST_RATES
    ]
