"""A fit with a value for each of many groups, beside SciPy and lmfit: processor time of a whole call, as a table.

    python benchmarks/groups.py

y = a[city]·exp(−b·t) + c with 20, 100 and 10,000 groups of 100 rows each. Ours gets the formula as text and the start
1 for all; the others get the model in NumPy and the same start: `least_squares` with a Jacobian written by hand, dense
(MINPACK's lm) and sparse (trf with LSMR), and lmfit's `minimize` with a parameter for each group and the dense one.
Contenders take turns, with one thread for the products of matrices; each time is the median of 5 calls after a first
one (of one call with 10,000 groups), and every answer is compared with ours.
"""

from __future__ import annotations

import os
import statistics
import time
import warnings
from collections.abc import Callable

os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"), "1")
import lmfit
import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares
from scipy.sparse import csr_matrix

import tidu

Array = npt.NDArray[np.float64]
ROWS = 100  # of each group
MOST_DENSE = 1000  # groups: a dense Jacobian of 10,000 would take 80 GB
MOST_LMFIT = 100  # groups; lmfit reads its parameters one by one at every evaluation
CLOSE = 1e-4  # relative; where an answer is further off, the row says so


class Groups:
    """The data, and the model with its Jacobian by hand."""

    def __init__(self, count: int) -> None:
        random = np.random.default_rng(0)
        self.count, self.rows = count, count * ROWS
        self.city = np.repeat(np.arange(count), ROWS)
        self.t = random.uniform(0.0, 4.0, self.rows)
        a = random.uniform(1.0, 3.0, count)
        self.y = a[self.city] * np.exp(-0.7 * self.t) + 0.3 + 0.05 * random.normal(size=self.rows)
        self.start = np.array([*np.ones(count), 1.0, 0.0])

    def residuals(self, p: Array) -> Array:
        """Of shape (rows,); p has a value for each group, then b and c."""
        found: Array = p[self.city] * np.exp(-p[-2] * self.t) + p[-1] - self.y
        return found

    def columns(self, p: Array) -> tuple[Array, Array]:
        """The slopes along a of a row's own group, and along b."""
        decayed = np.exp(-p[-2] * self.t)
        return decayed, -self.t * p[self.city] * decayed

    def dense(self, p: Array) -> Array:
        """The Jacobian, of shape (rows, groups + 2)."""
        whole = np.zeros((self.rows, self.count + 2))
        whole[np.arange(self.rows), self.city], whole[:, -2] = self.columns(p)
        whole[:, -1] = 1.0
        return whole

    def sparse(self, p: Array) -> csr_matrix:
        """The same with three numbers in each row."""
        of_group, of_b = self.columns(p)
        places = np.column_stack([self.city, np.full(self.rows, self.count), np.full(self.rows, self.count + 1)])
        values = np.column_stack([of_group, of_b, np.ones(self.rows)])
        ends = np.arange(0, 3 * self.rows + 1, 3)
        return csr_matrix((values.ravel(), places.ravel(), ends), shape=(self.rows, self.count + 2))

    # -- who fits it --------------------------------------------------------------------------------
    def by_tidu(self) -> Array:
        """The formula."""
        data = {"t": self.t, "y": self.y, "city": self.city}
        run = tidu.fit("y = a[city]*exp(-b*t) + c", data, optimizer="lm", init={"a": 1.0, "b": 1.0})
        return np.concatenate([np.ravel(v) for v in run.params.values()])

    def by_scipy_dense(self) -> Array:
        """`least_squares` with a dense Jacobian."""
        found: Array = least_squares(self.residuals, self.start, self.dense, method="lm").x
        return found

    def by_scipy_sparse(self) -> Array:
        """`least_squares` with a sparse one."""
        found: Array = least_squares(self.residuals, self.start, self.sparse, method="trf").x
        return found

    def by_lmfit(self) -> Array:
        """lmfit, with a parameter for each group."""
        parameters = lmfit.Parameters()
        for k, value in enumerate(self.start):
            parameters.add(f"p{k}", value=value)

        def values(p: lmfit.Parameters) -> Array:
            return np.fromiter(p.valuesdict().values(), float)

        found = lmfit.minimize(lambda p: self.residuals(values(p)), parameters, Dfun=lambda p: self.dense(values(p)))
        return values(found.params)


def seconds(call: Callable[[], Array]) -> tuple[float, Array]:
    """How much of a processor's time one call took, whatever else the machine does, and what it found."""
    began = time.process_time()
    found = call()
    return time.process_time() - began, found


def main() -> None:
    """The table."""
    print("| groups | rows | tidu | SciPy, dense | SciPy, sparse | lmfit |\n|---:|---:|---:|---:|---:|---:|")
    for count in (20, 100, 10_000):
        groups = Groups(count)
        calls: dict[str, Callable[[], Array]] = {"tidu": groups.by_tidu, "sparse": groups.by_scipy_sparse}
        if count <= MOST_DENSE:
            calls["dense"] = groups.by_scipy_dense
        if count <= MOST_LMFIT:
            calls["lmfit"] = groups.by_lmfit
        turns = 5 if count <= MOST_DENSE else 1
        times: dict[str, list[float]] = {name: [] for name in calls}
        far = dict.fromkeys(calls, 0.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            right = groups.by_tidu()
            for turn in range(turns + (turns > 1)):
                for name, call in calls.items():
                    taken, found = seconds(call)
                    far[name] = float(np.max(np.abs(found - right) / np.abs(right)))
                    times[name] += [taken] if turn or turns == 1 else []
        cells = [f"{1e3 * statistics.median(times[n]):.0f} ms" + ("" if far[n] < CLOSE else f" (off by {far[n]:.0e})")
                 if n in calls else "too large" for n in ("tidu", "dense", "sparse", "lmfit")]  # fmt: skip
        print(f"| {count:,} | {groups.rows:,} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
