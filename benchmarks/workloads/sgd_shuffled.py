"""SGD one by one, the order drawn anew each epoch."""

from __future__ import annotations

from tables import Table

from workloads import Scale, sgd


def table(scale: Scale) -> Table:
    return sgd.table(scale, shuffle=True)
