"""`watch_script`: a script run under observation, and all that is to be said of it: the result that reports show."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tidu.eager.observation import observed
from tidu.errors import SettingError
from tidu.insight.watching.faults import Fault, faults_of, reductions_of
from tidu.insight.watching.reductions import division_in_update
from tidu.insight.watching.script import Ended, Script
from tidu.insight.watching.variables import Recording, suggested
from tidu.insight.watching.walked_graph import walked_graph
from tidu.insight.watching.watcher import Broadcast, Training, Watcher
from tidu.pictures.graphs import Graph
from tidu.text import _

if TYPE_CHECKING:
    from tidu.insight.audit import Audit


@dataclass(frozen=True)
class Watched:
    """What happened in a script.

    Attributes
    ----------
    trainings : walks back to the same parameters, in the order of the first of each.
    graph : of the first walk.
    faults : what is wrong.
    recording : the variables that were recorded, of a script in plain Python.
    audit : of a gradient of the script's own; `audit_refused` says why there is none.
    suggestion : variables that could be recorded, where nothing was seen.
    """

    script: Script
    ended: Ended
    trainings: tuple[Training, ...]
    graph: Graph | None
    faults: tuple[Fault, ...]
    recording: Recording | None = None
    audit: Audit | None = None
    audit_refused: str = ""
    suggestion: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "script": self.script.path,
            "status": self.ended.status,
            "error": None if self.ended.error is None else f"{type(self.ended.error).__name__}: {self.ended.error}",
            "trainings": [_plain(t) for t in self.trainings],
            "graph": None if self.graph is None else self.graph.to_dict(),
            "findings": [f.to_dict() for f in self.faults],
            "recorded": None if self.recording is None else self.recording.to_dict(),
            "audit": None if self.audit is None else self.audit.to_dict(),
            "audit_refused": self.audit_refused or None,
        }


def _plain(training: Training) -> dict[str, Any]:
    reduction = reductions_of(training)
    return {
        "loss_name": training.name,
        "line": None if training.place is None else training.place.line,
        "losses": training.losses,
        "reduction": None if reduction is None else {"kind": reduction.kind, "count": reduction.count},
        "parameters": {leaf.name: _plain_leaf(training, leaf) for leaf in training.leaves},
    }


def _plain_leaf(training: Training, leaf: Any) -> dict[str, Any]:
    reduction = reductions_of(training)
    division = division_in_update(leaf, reduction.count) if reduction is not None else None
    return {
        "shape": list(np.shape(leaf.start)),
        "backward_calls": leaf.walks,
        "updates": leaf.updates,
        "steps": leaf.steps,
        "path": [value.tolist() for value in leaf.path],
        "divided_in_update": None if division is None else {"rate": division[0], "value": division[1]},
    }


def watch_script(
    path: str,
    arguments: tuple[str, ...] = (),
    record: tuple[str, ...] = (),
    loss: str | None = None,
    grads: tuple[tuple[str, str], ...] = (),
) -> Watched:
    """Run a script under observation.

    Parameters
    ----------
    path, arguments : as for `python PATH ARGUMENTS`.
    record : names whose values are recorded at each turn of the loop that changes them.
    loss, grads : the loss and the gradients of the script's own, as names of its functions or variables: `grads` are
        pairs of a parameter and its gradient.

    Raises
    ------
    DataError, SettingError
        There is no such script; a name never changes in a loop.
    """
    if bool(loss) != bool(grads):
        raise SettingError(_("--loss and --grad belong together: --loss cost --grad w=dw"))
    script = Script.read(path, arguments)
    names = tuple(dict.fromkeys((*record, *(p for p, _g in grads if record))))
    watcher = Watcher(script)
    gradient = None
    recording = None
    with ExitStack() as stack:
        if (names or loss) and script.tree is not None:
            from tidu.insight.watching.own_gradient import OwnGradient

            recording = Recording(script, names)
            if loss is not None:
                gradient = OwnGradient.of(script, recording, loss, dict(grads))
            stack.enter_context(recording.running())
        stack.enter_context(observed(watcher))
        ended = script.run()
    for line, a, b, made in recording.tables if recording is not None else ():
        watcher.broadcasts.setdefault(line, Broadcast(script.at(script.path, line), (a, b), made))
    audit, refused = None, ""
    if gradient is not None:
        try:
            audit = gradient.audit()
        except SettingError as error:
            refused = str(error)
    trainings = tuple(watcher.trainings)
    seen = bool(trainings) or recording is not None
    return Watched(
        script, ended, trainings, walked_graph(trainings[0]) if trainings else None,
        tuple(faults_of(watcher, ended)), recording, audit, refused, () if seen else suggested(script),
    )  # fmt: skip
