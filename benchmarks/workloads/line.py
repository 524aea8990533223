"""The lesson `line`: a thousand full-batch steps of a hundred samples."""

from __future__ import annotations

import functools

import peers
from job import Job
from measure import Words, figures_of
from peers import EAGER, JAX, NUMPY, by_tidu
from tables import Goal, Table, contest

from workloads import AGAINST, Scale, agreement

FUNCTION: Words = ("tidu, the compiled function", "tidu，编译后的函数")
CHOSEN: Words = ("tidu.fit, engine chosen by itself", "tidu.fit，自选引擎")
GOALS = [Goal(FUNCTION, JAX, 6), Goal(FUNCTION, EAGER, 500), Goal(CHOSEN, NUMPY, 1), Goal(CHOSEN, JAX, 1)]
_WHAT: Words = (
    "The function is what JAX's row is too: compiled, its arguments in place. The loop is the whole descent, with the "
    "history; tidu.fit is all that a user calls.",
    "“编译后的函数”与 JAX 那一行相同：已编译，参数已就位。“循环”是整个下降过程，含历史记录；"
    "tidu.fit 是用户调用的全部。",
)


def table(scale: Scale) -> Table:
    job = Job(rows=100, features=1, batch_size=None, epochs=1000, lr=0.1)
    contenders = peers.everyone(job)
    chosen = peers.contender(
        CHOSEN,
        functools.partial(by_tidu.prepared, engine="auto"),
        job,
    )
    contenders[1:1] = [chosen, peers.contender(FUNCTION, by_tidu.function, job)]
    return contest(
        ("line: 1000 full-batch steps of 100 samples", "line：100 个样本，全批量 1000 步"),
        [("y = w·x + b, squared error, float64.", "y = w·x + b，平方误差，float64。"), agreement(), _WHAT],
        figures_of(contenders, scale.rounds, scale.seconds),
        ((FUNCTION, ("÷ tidu's function", "÷ tidu 的函数")), *AGAINST[:1]),
        GOALS,
    )
