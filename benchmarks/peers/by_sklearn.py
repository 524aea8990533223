"""scikit-learn's SGDRegressor and SGDClassifier: one sample a step, a constant rate, no penalty, no early end."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from job import Job
from measure import Answer


def can_do(job: Job) -> bool:
    return job.batch_size == 1 and job.loss != "squared"  # its squared error has the ½


def prepared(job: Job) -> Callable[[], Answer]:
    from sklearn.linear_model import SGDClassifier, SGDRegressor

    X, y = job.data
    kind, loss = (SGDClassifier, "log_loss") if job.loss == "logistic" else (SGDRegressor, "squared_error")

    def call() -> Answer:
        model = kind(
            loss=loss,
            penalty=None,
            learning_rate="constant",
            eta0=job.lr,
            max_iter=job.epochs,
            tol=None,
            fit_intercept=True,
            shuffle=job.shuffle,
            random_state=job.seed,
            early_stopping=False,
        ).fit(X, y)
        return Answer(np.array([*np.ravel(model.coef_), float(np.ravel(model.intercept_)[0])]))

    return call
