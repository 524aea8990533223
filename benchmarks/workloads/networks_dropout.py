"""One training step of dense networks with dropout."""

from __future__ import annotations

from tables import Table

from workloads import Scale
from workloads.networks import table_of


def table(scale: Scale) -> Table:
    return table_of(scale, ("One step of a network with dropout", "带暂退的网络的一步"), dropout=0.2)
