"""Classification by SGD one by one."""

from __future__ import annotations

from tables import Table

from workloads import Scale, sgd


def table(scale: Scale) -> Table:
    return sgd.table(scale, loss="logistic")
