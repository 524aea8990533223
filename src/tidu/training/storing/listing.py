"""`tidu.runs`: what is in a store, as plain values."""

from __future__ import annotations

import os
from typing import Any

from tidu.training.storing.store import Store, StoredRun

BRIEF = ("formula", "optimizer", "lr", "batch_size", "epochs", "steps", "loss", "stopped", "seconds", "engine", "seed")


def runs(store: str | os.PathLike[str] | None = None) -> list[dict[str, Any]]:
    """The runs in a store, the newest first, each with its `id`, as `Store.run(id).to_dict()` has them whole.

    Parameters
    ----------
    store : its file; by default that of the command line: $TIDU_STORE, `.tidu/runs.sqlite` in a project with such a
        folder, else one in the user's data folder.

    Raises
    ------
    StoreError
        There is no such store, or it cannot be read.
    """
    with Store(store, reading=True) as kept:
        return [brief(run) for run in kept.runs()]


def brief(run: StoredRun) -> dict[str, Any]:
    """What a list says of a run."""
    return {
        "id": run.id, "began": run.began, "updated": run.updated, "status": run.status,
        "tags": list(run.tags), "remark": run.remark, **{name: run.facts.get(name) for name in BRIEF},
    }  # fmt: skip
