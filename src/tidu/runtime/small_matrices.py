"""Triangles and other small matrices in the language of loops: factorised, solved, measured.

What is factorised by reflections is a list of its columns, every other matrix of its rows; plain Python takes
lists and machine code arrays. Called by `least_squares.py`.

Sources: Golub & Van Loan 2013, ch. 5.1 (reflections) and 4.2 (Cholesky's factorisation).
"""

from __future__ import annotations

from typing import Any

from tidu.runtime.ieee import divide, isfinite, sqrt

Matrix = Any  # numbers, as matrix[row][place]
Vector = Any

LEAST_PIVOT = 1e-12  # of the largest diagonal entry: below it a matrix is not positive beyond rounding


def product(a: Vector, b: Vector, first: int, last: int) -> float:
    """Σ a·b from place `first` to before `last`, in four running sums, so that no addition waits for the one before."""
    sum_0, sum_1, sum_2, sum_3 = 0.0, 0.0, 0.0, 0.0
    whole = last - (last - first) % 4
    for i in range(first, whole, 4):
        sum_0 += a[i] * b[i]
        sum_1 += a[i + 1] * b[i + 1]
        sum_2 += a[i + 2] * b[i + 2]
        sum_3 += a[i + 3] * b[i + 3]
    for i in range(whole, last):
        sum_0 += a[i] * b[i]
    return (sum_0 + sum_1) + (sum_2 + sum_3)


def reflect(columns: Matrix, p: int, rows: int, upper: Matrix) -> None:
    """Write R of the first p columns, and Qᵀ times the next in its last column; the columns are used up."""
    for k in range(p):
        mirror = columns[k]
        size = sqrt(product(mirror, mirror, k, rows))
        first = mirror[k]
        end = -size if first >= 0.0 else size
        upper[k][k] = end
        mirror[k] = first - end
        by = divide(1.0, size * (size + abs(first)))
        for j in range(k + 1, p + 1):
            column = columns[j]
            if size > 0.0:
                along = by * product(mirror, column, k, rows)
                for i in range(k, rows):
                    column[i] -= along * mirror[i]
            upper[k][j] = column[k]


def close(residuals: Vector, p: int, rows: int, triangle: Matrix, inverse: Matrix) -> None:
    """Make R whole: what is left of the residuals in the last corner, and 0 below the diagonals of R and R⁻¹."""
    for k in range(p + 1):
        for j in range(k):
            triangle[k][j] = 0.0
            if k < p:
                inverse[k][j] = 0.0
    triangle[p][p] = sqrt(product(residuals, residuals, p, rows))


def scale(upper: Matrix, p: int, units: Vector, scaled: Matrix) -> None:
    """R in units of its columns; the last column stays."""
    for k in range(p):
        for j in range(k, p):
            scaled[k][j] = divide(upper[k][j], units[j])
        scaled[k][p] = upper[k][p]


def length_of_column(upper: Matrix, j: int) -> float:
    """The length of a column of a triangle."""
    total = 0.0
    for k in range(j + 1):
        total += upper[k][j] * upper[k][j]
    return sqrt(total)


def length(vector: Vector, p: int) -> float:
    """Of the first p numbers."""
    total = 0.0
    for j in range(p):
        total += vector[j] * vector[j]
    return sqrt(total)


def squares_along(upper: Matrix, p: int, step: Vector) -> float:
    """The square of the length of R · step."""
    total = 0.0
    for k in range(p):
        number = 0.0
        for j in range(k, p):
            number += upper[k][j] * step[j]
        total += number * number
    return total


def solve(upper: Matrix, p: int, step: Vector) -> bool:
    """Write −R⁻¹ of the last column; False where R has no inverse."""
    for back in range(p):
        k = p - 1 - back
        number = -upper[k][p]
        for j in range(k + 1, p):
            number -= upper[k][j] * step[j]
        step[k] = divide(number, upper[k][k])
    return isfinite(length(step, p))


def slope_of_length(upper: Matrix, p: int, step: Vector, size: float, along: Vector) -> float:
    """The square of the length of R⁻ᵀ · step / size: how fast the step shrinks with more damping."""
    total = 0.0
    for k in range(p):
        number = divide(step[k], size)
        for j in range(k):
            number -= upper[j][k] * along[j]
        along[k] = divide(number, upper[k][k])
        total += along[k] * along[k]
    return total


def inverted(upper: Matrix, p: int, inverse: Matrix) -> float:
    """Write R⁻¹; a bound on the condition of R (the product of their Frobenius norms), inf or nan without one."""
    whole, turned = 0.0, 0.0
    for j in range(p):
        for back in range(j + 1):
            k = j - back
            number = 1.0 if k == j else 0.0
            for m in range(k + 1, j + 1):
                number -= upper[k][m] * inverse[m][j]
            inverse[k][j] = divide(number, upper[k][k])
            whole += upper[k][j] * upper[k][j]
            turned += inverse[k][j] * inverse[k][j]
    return sqrt(whole) * sqrt(turned)


def bend(bends: Matrix, units: Vector, inverse: Matrix, p: int, half: Matrix, matrix: Matrix) -> None:
    """Write the lower triangle of I + R⁻ᵀ B R⁻¹, where the upper triangle of B is given, in other units."""
    for j in range(p):
        for k in range(j, p):
            bends[j][k] = divide(divide(bends[j][k], units[j]), units[k])
            bends[k][j] = bends[j][k]
    for j in range(p):
        for k in range(p):
            half[j][k] = 0.0
            for m in range(k + 1):
                half[j][k] += bends[j][m] * inverse[m][k]
    for j in range(p):
        for k in range(j + 1):
            matrix[j][k] = 1.0 if k == j else 0.0
            for m in range(j + 1):
                matrix[j][k] += inverse[m][j] * half[m][k]


def rooted(matrix: Matrix, p: int) -> bool:
    """Put L of L·Lᵀ in the place of a lower triangle; False where the matrix is not positive beyond rounding."""
    largest = 0.0
    for j in range(p):
        largest = max(largest, matrix[j][j])
    for j in range(p):
        for k in range(j + 1):
            number = matrix[j][k]
            for m in range(k):
                number -= matrix[j][m] * matrix[k][m]
            if k < j:
                matrix[j][k] = number / matrix[k][k]
            elif number > LEAST_PIVOT * largest and isfinite(number):
                matrix[j][j] = sqrt(number)
            else:
                return False
    return True


def substitute(root: Matrix, p: int, vector: Vector) -> None:
    """Solve L·Lᵀ·x = vector, in its place."""
    for j in range(p):
        number = vector[j]
        for k in range(j):
            number -= root[j][k] * vector[k]
        vector[j] = number / root[j][j]
    for back in range(p):
        j = p - 1 - back
        number = vector[j]
        for k in range(j + 1, p):
            number -= root[k][j] * vector[k]
        vector[j] = number / root[j][j]
