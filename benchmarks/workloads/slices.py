"""What progress and Ctrl-C cost: the descent in slices of a tenth of a second, and in one piece."""

from __future__ import annotations

import peers
from job import Job
from measure import Words, figures_of
from peers import by_tidu
from tables import Goal, Table, contest

from workloads import Scale, agreement, count

SLICED: Words = ("in slices, with a progress callback", "分段运行，带进度回调")
WHOLE: Words = ("in one piece", "一次运行到底")
GOALS = [Goal(SLICED, WHOLE, 0.98)]


def table(scale: Scale) -> Table:
    job = Job(scale.of(100_000, 10_000), 3, 32, scale.of(1000, 100), lr=0.01)
    what = f"{count(job.rows)} × {job.features}"
    return contest(
        (
            f"The price of slices: mini-batches of 32, {what}, {job.epochs} epochs",
            f"分段的代价：每批 32 个，{what}，{job.epochs} 轮",
        ),
        [
            agreement(),
            (
                "A run stops about ten times a second to show how far it is, to be saved or to be interrupted.",
                "训练每秒大约停十次，以便显示进度、保存或中断。",
            ),
        ],
        figures_of(
            [
                peers.contender(WHOLE, by_tidu.in_one_piece, job),
                peers.contender(SLICED, lambda j: by_tidu.prepared(j, callbacks=lambda event: None), job),
            ],
            scale.rounds,
            scale.seconds,
        ),
        ((WHOLE, ("÷ in one piece", "÷ 一次运行到底")),),
        GOALS,
    )
