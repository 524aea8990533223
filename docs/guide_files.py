"""Writes the files that the examples of the guide name, `points.csv` and the like, into the current folder.

python docs/guide_files.py
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = NDArray[Any]
# Rates of a reaction (Treloar 1974), the rows with puromycin; the guide itself shows all of them.
TREATED = {
    "conc": np.repeat([0.02, 0.06, 0.11, 0.22, 0.56, 1.10], 2),
    "rate": np.array([76, 47, 97, 107, 123, 139, 159, 152, 191, 201, 207, 200]),
}
# The annual flow of the Nile at Aswan, 1871 to 1970 (Cobb 1978).
NILE = """
1120 1160  963 1210 1160 1160  813 1230 1370 1140  995  935 1110  994 1020  960 1180  799  958 1140
1100 1210 1150 1250 1260 1220 1030 1100  774  840  874  694  940  833  701  916  692 1020 1050  969
 831  726  456  824  702 1120 1100  832  764  821  768  845  864  862  698  845  744  796 1040  759
 781  865  845  944  984  897  822 1010  771  676  649  846  812  742  801 1040  860  874  848  890
 744  749  838 1050  918  986  797  923  975  815 1020  906  901 1170  912  746  919  718  714  740
"""


def tables() -> dict[str, Mapping[str, Column]]:
    """Each file by name, with its columns."""
    random = np.random.default_rng(7)
    x = np.linspace(0, 4, 60)
    t = np.linspace(0.1, 8, 40)
    dose = np.repeat(np.geomspace(0.01, 100, 10), 3)
    energy = np.linspace(0, 10, 120)
    true_x, u, v = (random.uniform(0, 10, 30) for _ in range(3))
    logs = random.normal(size=(2, 3, 2000))

    def noise(like: Column, size: float) -> Column:
        return size * random.normal(size=like.shape)

    return {
        "points.csv": {"x": x, "y": 2 * x + 1 + noise(x, 0.5)},
        **{
            f"logs-{k}.csv": {"x1": x1, "x2": x2, "x3": x3, "y": x1 - 2 * x2 + noise(x3, 0.1)}
            for k, (x1, x2, x3) in enumerate(logs, 1)
        },
        "decay.csv": {"t": t, "y": 5 * np.exp(-0.4 * t) + 1 + noise(t, 0.1)},
        "treated.csv": TREATED,
        "run1.csv": {"t": t, "y": 5 * np.exp(-0.4 * t) + 1 + noise(t, 0.1)},
        "run2.csv": {"t": t, "y": 3 * np.exp(-0.4 * t) + 1 + noise(t, 0.1)},
        "line.csv": {
            "x": true_x + noise(true_x, 0.3), "y": 3 + 0.5 * true_x + noise(true_x, 0.2),
            "sx": np.full(30, 0.3), "sy": np.full(30, 0.2),
        },
        "two.csv": {
            "u": u + noise(u, 0.3), "v": v + noise(v, 0.1), "y": u - 2 * v + 4 + noise(u, 0.2),
            "su": np.full(30, 0.3), "sv": np.full(30, 0.1), "sy": np.full(30, 0.2),
        },
        "nile.csv": {"year": np.arange(1871, 1971), "flow": np.array(NILE.split(), dtype=int)},
        "dose.csv": {"dose": dose, "response": 5 + 90 / (1 + (2 / dose) ** 1.3) + noise(dose, 1.5)},
        "spectrum.csv": {
            "energy": energy,
            "counts": 20 + 100 * np.exp(-((energy - 3) ** 2) / 0.5) + 60 * np.exp(-((energy - 6.5) ** 2) / 1.5)
            + noise(energy, 3),
        },
        "cities.csv": {
            "city": np.repeat(np.arange(1, 5), 10), "t": t,
            "y": np.repeat([5.0, 4.0, 3.0, 4.5], 10) * np.exp(-0.4 * t) + 1 + noise(t, 0.1),
        },
    }  # fmt: skip


def write(folder: Path) -> None:
    """Write every file into `folder`."""
    for name, columns in tables().items():
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*(np.round(column, 4).tolist() for column in columns.values()), strict=True))


if __name__ == "__main__":
    write(Path())
