"""Vowpal Wabbit, plain SGD in the order of the file. It learns in float32 and reads its own binary cache file.

Its squared loss has no ½, so that the rate of a half-squared loss is halved.
"""

from __future__ import annotations

import atexit
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from job import Job
from measure import Answer

CONSTANT = 11650396  # the index of the bias, fixed in its sources


def can_do(job: Job) -> bool:
    return job.batch_size == 1 and not job.shuffle


def prepared(job: Job) -> Callable[[], Answer]:
    from vowpalwabbit import Workspace

    logistic = job.loss == "logistic"
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    text, cache = Path(folder.name) / "data.txt", Path(folder.name) / "data.cache"
    X, y = job.data
    with text.open("w") as file:
        for row, target in zip(X.tolist(), y.tolist(), strict=True):
            label = (1 if target else -1) if logistic else target
            file.write(f"{label} | {' '.join(f'x{j}:{v}' for j, v in enumerate(row, 1))}\n")
    rate = job.lr * (1.0 if logistic else job.factor / 2.0)
    options = (
        f"--sgd --power_t 0 --learning_rate {rate} --holdout_off --quiet --passes {job.epochs} "
        f"--loss_function {'logistic' if logistic else 'squared'} -d {text} --cache_file {cache}"
    )
    Workspace(options).finish()  # writes the cache file

    def call() -> Answer:
        model = Workspace(options)
        weights = [model.get_weight_from_name(f"x{j}") for j in range(1, job.features + 1)]
        answer = Answer(np.array([*weights, model.get_weight(CONSTANT)]))
        model.finish()
        return answer

    return call
