"""What the entries of arithmetic in the op table need: the code of quotients and whole powers, the signs of results."""

from __future__ import annotations

from collections.abc import Sequence

from tidu.language.expr import Expr, is_never_zero, is_nonnegative, is_positive
from tidu.language.operation import Attr, Use


def quotient_code(args: Sequence[Expr], attrs: tuple[Attr, ...]) -> str:
    """A quotient as Python: an operator where the divisor cannot be 0 by structure."""
    return "{0} / {1}" if args and is_never_zero(args[1]) else "divide({0}, {1})"


def integer_power_code(args: Sequence[Expr], attrs: tuple[Attr, ...]) -> str:
    """A whole power as Python: up to the fourth a product."""
    n = int(attrs[0])
    if 2 <= n <= 4:
        return " * ".join(["{0}"] * n)
    return {-1: "divide(1.0, {0})", 0: "1.0", 1: "{0}"}.get(n, f"power({{0}}, {float(n)})")


def integer_power_on_batches(use: Use) -> str:
    """The same for whole batches."""
    n = int(use.attrs[0])
    return " * ".join(["{0}"] * n) if 2 <= n <= 4 else f"whole_power({{0}}, {n})"


def is_square_or_of_nonnegative(sure: Sequence[bool], attrs: tuple[Attr, ...]) -> bool:
    """Whether a whole power is surely not below 0."""
    return int(attrs[0]) % 2 == 0 or (int(attrs[0]) > 0 and sure[0])


def is_positive_sum(args: Sequence[Expr]) -> bool:
    """Whether a sum is surely above 0."""
    a, b = args
    return any(is_positive(one) and is_nonnegative(other) for one, other in ((a, b), (b, a)))


def all_nonnegative(sure: Sequence[bool], attrs: tuple[Attr, ...]) -> bool:
    """Whether a result is not below 0 because no argument is."""
    return all(sure)
