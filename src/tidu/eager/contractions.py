"""Sums of products over axes and inverses, under NumPy's names: einsum, tensordot, kron, prod, cumsum, inv, det."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from tidu.eager.arrangements import diagonal, moveaxis
from tidu.eager.functions import Axis, array_of, axes_of, axis_of, index, public, ravel, reshape, transpose
from tidu.eager.functions import sum as total
from tidu.errors import ShapeMismatch, TensorError
from tidu.language import array_ops as table
from tidu.language.array_ops import shape_of
from tidu.language.operand import Operand
from tidu.text import _


@public(np.einsum)
def einsum(subscripts: str, *operands: Any) -> Any:
    """Einstein's sum: `einsum("ij,jk->ik", a, b)` is the product of matrices.

    Examples
    --------
    >>> import tidu
    >>> tidu.einsum("ii", [[1.0, 2.0], [3.0, 4.0]])
    5.0
    """
    if not isinstance(subscripts, str):
        raise TensorError(_("einsum takes its subscripts as text, such as 'ij,jk->ik'"))
    arrays = [array_of(a) for a in operands]
    inputs, output = _letters(subscripts.replace(" ", ""), arrays)
    for place, letters in enumerate(inputs):
        arrays[place], inputs[place] = _without_repeats(arrays[place], letters)
    for place, letters in enumerate(inputs):
        others = output + "".join(inputs[:place] + inputs[place + 1 :])
        alone = tuple(k for k, letter in enumerate(letters) if letter not in others)
        if alone:
            arrays[place] = total(arrays[place], alone)
            inputs[place] = "".join(letter for letter in letters if letter in others)
    if len(arrays) == 1:  # nothing is left to sum: another order of axes
        return transpose(arrays[0], [inputs[0].index(letter) for letter in output]) if output else arrays[0]
    return table.einsum(*arrays, attrs=(f"{','.join(inputs)}->{output}",))


def _letters(subscripts: str, arrays: Sequence[Any]) -> tuple[list[str], str]:
    """The letters of each operand and of the result, with letters in place of dots."""
    left, arrow, right = subscripts.partition("->")
    inputs = left.split(",")
    free = [c for c in string.ascii_letters if c not in subscripts]
    longest = ""
    for place, (letters, array) in enumerate(zip(inputs, arrays, strict=False)):
        if "..." in letters:
            count = len(shape_of(array)) - len(letters) + 3
            dots = "".join(free[:count][::-1])[-count:] if count > 0 else ""
            longest = max(longest, dots, key=len)
            inputs[place] = letters.replace("...", dots)
    fits = len(inputs) == len(arrays) and all(
        len(letters) == len(shape_of(a)) and set(letters) <= set(string.ascii_letters)
        for letters, a in zip(inputs, arrays, strict=True)
    )
    together = "".join(inputs)
    output = right.replace("...", longest) if arrow else longest + "".join(
        sorted(c for c in set(together) if together.count(c) == 1 and c not in longest)
    )  # fmt: skip
    if not fits or len(set(output)) < len(output) or not set(output) <= set(together):
        raise ShapeMismatch(
            _("the subscripts {subscripts!r} do not fit operands of the shapes {shapes}").format(
                subscripts=subscripts, shapes=", ".join(str(shape_of(a)) for a in arrays)
            )
        )
    return inputs, output


def _without_repeats(x: Any, letters: str) -> tuple[Any, str]:
    """The diagonal along axes that one letter stands for."""
    while len(set(letters)) < len(letters):
        letter = next(c for c in letters if letters.count(c) > 1)
        first = letters.index(letter)
        second = letters.index(letter, first + 1)
        x = diagonal(x, 0, first, second)
        letters = letters[:first] + letters[first + 1 : second] + letters[second + 1 :] + letter
    return x, letters


@public(np.tensordot)
def tensordot(a: Any, b: Any, axes: int | Sequence[Any] = 2) -> Any:
    """The sum of products over pairs of axes: the last of one with the first of the other, or those that are named."""
    a, b = array_of(a), array_of(b)
    n, m = len(shape_of(a)), len(shape_of(b))
    if isinstance(axes, int):
        pairs = (list(range(n - axes, n)), list(range(axes)))
    else:
        first, second = ([int(k)] if isinstance(k, (int, np.integer)) else list(k) for k in axes)
        pairs = ([axis_of(a, k) for k in first], [axis_of(b, k) for k in second])
    left, right = list(string.ascii_letters[:n]), list(string.ascii_letters[n : n + m])
    for i, j in zip(*pairs, strict=True):
        right[j] = left[i]
    kept = [c for c in left if c not in right] + [c for c in right if c not in left]
    return einsum(f"{''.join(left)},{''.join(right)}->{''.join(kept)}", a, b)


@public(np.dot, method="dot")
def dot(a: Any, b: Any) -> Any:
    """Scalar product of vectors, product of matrices, or of anything with a number, as NumPy's dot."""
    a, b = array_of(a), array_of(b)
    n, m = len(shape_of(a)), len(shape_of(b))
    if not n or not m:
        return a * b
    return table.matmul(a, b) if m == 1 or max(n, m) == 2 else tensordot(a, b, ([-1], [-2]))


@public(np.inner)
def inner(a: Any, b: Any) -> Any:
    """The sum of products over the last axes."""
    a, b = array_of(a), array_of(b)
    return tensordot(a, b, ([-1], [-1])) if shape_of(a) and shape_of(b) else a * b


@public(np.vdot)
def vdot(a: Any, b: Any) -> Any:
    """The scalar product of all elements."""
    return table.matmul(ravel(a), ravel(b))


@public(np.kron)
def kron(a: Any, b: Any) -> Any:
    """Every element of one matrix times the whole of another, in blocks."""
    a, b = array_of(a), array_of(b)
    n = max(len(shape_of(a)), len(shape_of(b)))
    left, right = ((1,) * (n - len(shape_of(x))) + shape_of(x) for x in (a, b))
    spread = reshape(a, [k for size in left for k in (size, 1)]) * reshape(b, [k for size in right for k in (1, size)])
    return reshape(spread, [i * j for i, j in zip(left, right, strict=True)])


@public(np.prod, method="prod")
def prod(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Product of all elements, or along axes; its derivatives are exact also where elements are 0."""
    x = array_of(x)
    axes = axes_of(x, axis)
    shape = shape_of(x)
    rest = [n for k, n in enumerate(shape) if k not in axes]
    size = int(np.prod([shape[k] for k in axes], dtype=int))
    factors = reshape(moveaxis(x, axes, range(len(axes))), [size, *rest])
    if not size:
        return np.ones([1 if k in axes else n for k, n in enumerate(shape)] if keepdims else rest)
    while size > 1:  # one half times the other; an odd one stays for the next turn
        half = size // 2
        product = index(factors, slice(0, half)) * index(factors, slice(half, 2 * half))
        factors = product if size % 2 == 0 else table.concatenate(product, index(factors, slice(-1, None)), attrs=(0,))
        size -= half
    return reshape(factors, [1 if k in axes else n for k, n in enumerate(shape)] if keepdims else rest)


@public(np.cumsum, method="cumsum")
def cumsum(x: Any, axis: int | None = None) -> Any:
    """Running sums along an axis; of all elements in one row without one."""
    x = ravel(x) if axis is None else array_of(x)
    return table.running_sum(x, attrs=(axis_of(x, 0 if axis is None else axis),))


@public(np.diff)
def diff(x: Any, n: int = 1, axis: int = -1) -> Any:
    """The differences of neighbours along an axis, n times."""
    x = array_of(x)
    before = (slice(None),) * axis_of(x, axis)
    for _turn in range(n):
        x = index(x, (*before, slice(1, None))) - index(x, (*before, slice(None, -1)))
    return x


# -- inverses ---------------------------------------------------------------------------------------
SMALL = 3  # rows of a matrix whose determinant is written out


def _square(a: Any) -> Any:
    a = array_of(a)
    shape = shape_of(a)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise ShapeMismatch(_("a square matrix is needed, not the shape {shape}").format(shape=shape))
    return a * 1.0


def _regular(a: Any) -> Any:
    """A square matrix that has an inverse; a sentence for another."""
    a = _square(a)
    if not np.all(np.linalg.slogdet(np.asarray(getattr(a, "value", a)))[0]):
        raise TensorError(
            _("the matrix is singular: it has no inverse, and its determinant has no slope by way of one")
        )
    return a


@public(np.linalg.inv)
def inv(a: Any) -> Any:
    """The inverse of a square matrix."""
    return table.inverse(_regular(a))


@public(np.linalg.solve)
def solve(a: Any, b: Any) -> Any:
    """x with a·x = b, of a square matrix and a vector, or a matrix of several."""
    a, b = _square(a), array_of(b) * 1.0
    if len(shape_of(a)) != 2 or len(shape_of(b)) not in (1, 2) or shape_of(b)[0] != shape_of(a)[0]:
        raise ShapeMismatch(
            _("solve takes a square matrix and right sides as long as it, not the shapes {a} and {b}").format(
                a=shape_of(a), b=shape_of(b)
            )
        )
    return table.solve(_regular(a), b)


@public(np.linalg.det)
def det(a: Any) -> Any:
    """The determinant of a square matrix; of a small one written out, so that a singular one has its slope."""
    a = _square(a)
    size = shape_of(a)[-1]
    if 1 <= size <= SMALL:
        return _written_out([[index(a, (Ellipsis, i, j)) for j in range(size)] for i in range(size)])
    return table.determinant(_regular(a) if isinstance(a, Operand) else a)


def _written_out(m: list[list[Any]]) -> Any:
    """Laplace's expansion along the first row."""
    if len(m) == 1:
        return m[0][0]
    parts = [m[0][k] * _written_out([row[:k] + row[k + 1 :] for row in m[1:]]) for k in range(len(m))]
    return sum(parts[2::2], parts[0]) - sum(parts[3::2], parts[1])
