"""SGD one by one, in the order of the data."""

from __future__ import annotations

import peers
from job import Job
from measure import Words, figures_of
from peers import LOOP, SKLEARN
from tables import Goal, Table, contest

from workloads import AGAINST, Scale, agreement, count

GOALS = [Goal(LOOP, SKLEARN, 2.2)]


def table(scale: Scale, shuffle: bool = False, loss: str = "half_squared") -> Table:
    job = Job(scale.of(1_000_000, 50_000), 10, 1, scale.of(5, 1), lr=0.01, loss=loss, shuffle=shuffle)
    what = {"half_squared": ("½ squared error", "½ 平方误差"), "logistic": ("logistic loss", "逻辑斯谛损失")}[loss]
    order = ("a new order each epoch", "每轮重新打乱") if shuffle else ("in the data's order", "按数据顺序")
    size = f"{count(job.rows)} × {job.features}"
    notes: list[Words] = [agreement()]
    if shuffle:
        notes.append(
            (
                "scikit-learn draws its own order, so its result is near, not equal; Vowpal Wabbit cannot shuffle.",
                "scikit-learn 自行打乱，结果相近而不相等；Vowpal Wabbit 不能打乱。",
            )
        )
    else:
        notes.append(
            (
                "Vowpal Wabbit computes in float32 and reads its cache file; the others hold the data in memory.",
                "Vowpal Wabbit 以 float32 计算，每轮读取其缓存文件；其余各家的数据都在内存中。",
            )
        )
    return contest(
        (
            f"SGD one by one, {order[0]}: {size}, {what[0]}, {job.epochs} epoch(s)",
            f"逐样本 SGD，{order[1]}：{size}，{what[1]}，{job.epochs} 轮",
        ),
        notes,
        figures_of(peers.everyone(job), scale.rounds, scale.seconds),
        AGAINST,
        GOALS,
    )
