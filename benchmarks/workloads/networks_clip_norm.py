"""One training step of dense networks whose gradient is clipped by its length."""

from __future__ import annotations

from tables import Table

from workloads import Scale
from workloads.networks import table_of


def table(scale: Scale) -> Table:
    return table_of(
        scale,
        ("One step of a network, its gradient clipped by its length", "按长度裁剪梯度的网络的一步"),
        clip_norm=0.1,
    )
