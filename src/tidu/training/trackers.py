"""Trackers: callbacks that hand a training on as it goes, to TensorBoard, to MLflow, or to the cell of a notebook.

A tracker reads events and nothing else (`callbacks.py`), so one of your own needs no more than these have. The curves
are the rows of the history; a long run is thinned to `MOST_POINTS`.
"""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidu.errors import MissingDependency, SettingError
from tidu.text import _
from tidu.training.callbacks import Advanced, Began, Ended

MOST_POINTS = 1000  # of one curve; more cannot be told apart on a screen
COLUMNS = ("loss", "gradient_norm", "learning_rate")  # the first columns of a history


class Tracker(ABC):
    """What trackers share: which rows of the history are new, and at which epoch or step each stands.

    A training that begins anew with another learning rate (`Attempt`) begins a new curve.
    """

    def __init__(self) -> None:
        self._row = self._every = 0

    def __call__(self, event: object) -> None:
        """Take one event."""
        match event:
            case Began():
                settings = event.problem.settings
                by_step = settings.record == "step"
                self._row = event.state.step if by_step else event.state.epoch
                rows = event.steps_in_all if by_step else settings.epochs or event.steps_in_all
                self._every = max(1, rows // MOST_POINTS)
                self.begin(event)
            case Advanced():
                for row in event.rows:
                    if self._row % self._every == 0:
                        self.point(self._row, dict(zip(COLUMNS, map(float, row), strict=False)))
                    self._row += 1
            case Ended():
                self.end(event)

    @abstractmethod
    def begin(self, event: Began) -> None:
        """Start a new curve."""

    @abstractmethod
    def point(self, at: int, values: Mapping[str, float]) -> None:
        """Take what stands in one row of the history; `at` is its epoch or its step, from 0."""

    @abstractmethod
    def end(self, event: Ended) -> None:
        """Close the curve."""


class TensorBoard(Tracker):
    """Write TensorBoard's event files into `folder`: loss, gradient norm and learning rate, and at the end the model.

    Parameters of a model of single numbers are written from the history as the training ends. An attempt that began
    anew has a folder `retry-1`, `retry-2` and so on of its own.

    Raises
    ------
    MissingDependency : there is no tensorboardX, which writes the files.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        super().__init__()
        self.folder = Path(folder)
        try:
            from tensorboardX import SummaryWriter
        except ImportError:
            raise _missing("tensorboardX", "tidu[track]") from None
        self._open_writer: Any = SummaryWriter
        self._writer: Any = None

    def begin(self, event: Began) -> None:
        """Open a file of events."""
        self._close()
        retries = event.attempt.retries
        self._writer = self._open_writer(str(self.folder / f"retry-{retries}" if retries else self.folder))
        told = "\n".join(f"    {name}: {value}" for name, value in _settings_of(event).items())
        self._writer.add_text("settings", told)

    def point(self, at: int, values: Mapping[str, float]) -> None:
        """A point of each curve."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, at)

    def end(self, event: Ended) -> None:
        """The courses of the parameters, and why it stopped."""
        history = event.history.thinned(MOST_POINTS)
        places = history.step if history.record == "step" else history.epoch
        for name in history.parameters:
            for at, value in zip(places.tolist(), history[name].tolist(), strict=True):
                self._writer.add_scalar(f"parameters/{name}", value, at)
        self._writer.add_text("stopped", event.stopped)
        self._close()

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class MLflow(Tracker):
    """Tell MLflow of a run: its settings as parameters, its curves as metrics, why it stopped as a tag.

    Parameters
    ----------
    uri : where the runs are kept; by default where MLflow itself says (`MLFLOW_TRACKING_URI`), such as sqlite:///runs.db.
    experiment : the name under which they stand.

    Raises
    ------
    MissingDependency : there is no mlflow.
    SettingError : MLflow does not take `uri`; it says why.
    """

    def __init__(self, uri: str | None = None, experiment: str = "tidu") -> None:
        super().__init__()
        try:
            from mlflow import MlflowClient
            from mlflow.entities import Metric
            from mlflow.exceptions import MlflowException
        except ImportError:
            raise _missing("mlflow", "mlflow") from None
        self._metric: Any = Metric
        try:
            self._client: Any = MlflowClient(tracking_uri=uri)
        except MlflowException as error:
            reason = str(error).partition("\n")[0]
            raise SettingError(
                _("MLflow cannot keep runs at '{uri}': {reason}").format(uri=uri or "", reason=reason)
            ) from None
        self.experiment = experiment
        self.run_id: str | None = None
        self._open = False

    def begin(self, event: Began) -> None:
        """Open a run."""
        self._close("KILLED")
        found = self._client.get_experiment_by_name(self.experiment)
        place = found.experiment_id if found is not None else self._client.create_experiment(self.experiment)
        name = event.problem.settings.formula.strip()
        self.run_id = self._client.create_run(place, run_name=name).info.run_id
        self._open = True
        for key, value in _settings_of(event).items():
            self._client.log_param(self.run_id, key, value)

    def point(self, at: int, values: Mapping[str, float]) -> None:
        """A point of each curve."""
        points = [self._metric(name, value, 0, at) for name, value in values.items() if math.isfinite(value)]
        self._client.log_batch(self.run_id, metrics=points)

    def end(self, event: Ended) -> None:
        """Why it stopped, and the parameters of a model of single numbers."""
        history = event.history
        for name in history.parameters if len(history) else ():
            self._client.log_metric(self.run_id, f"parameters/{name}", float(history[name][-1]))
        self._client.set_tag(self.run_id, "stopped", event.stopped)
        self._close("FAILED" if event.stopped == "diverged" else "FINISHED")

    def _close(self, status: str) -> None:
        if self._open:
            self._client.set_terminated(self.run_id, status)
            self._open = False


def tracker_of(text: str) -> Tracker:
    """The tracker that `tensorboard:DIR`, `mlflow` or `mlflow:URI` names: what `--track` takes."""
    kind, _colon, place = text.partition(":")
    if kind == "tensorboard" and place:
        return TensorBoard(place)
    if kind == "mlflow":
        return MLflow(place or None)
    raise SettingError(_("a tracker is tensorboard:DIR, mlflow or mlflow:URI, not '{text}'").format(text=text))


def _settings_of(event: Began) -> dict[str, Any]:
    """What a training was asked for, besides what is left to its default."""
    s = event.problem.settings
    told = {"formula": s.formula.strip(), "loss": s.loss, "optimizer": s.optimizer, "lr": s.lr,
            "batch_size": s.batch_size, "epochs": s.epochs, "seed": s.seed}  # fmt: skip
    table = event.problem.table
    return {**told, "engine": event.engine, **({} if table is None else {"rows": table.rows})}


def _missing(name: str, package: str) -> MissingDependency:
    return MissingDependency(
        _("this tracker needs {name}; install it with: pip install '{package}'").format(name=name, package=package)
    )
