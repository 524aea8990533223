"""What stands in the file of a run: its model, where it started and ended, its history; and these read again.

`Run.save` writes it, `tidu.load` makes the run of its parts. The model's own part is `Model.content`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tidu.errors import ModelFileError
from tidu.text import _
from tidu.training.basis import Basis
from tidu.training.early_stopping import Judged
from tidu.training.file_schema import Described
from tidu.training.history import History
from tidu.training.model import Model
from tidu.training.model_file import Arrays, Content, number_or_array
from tidu.training.origin import Origin, fingerprint
from tidu.training.state import TrainingState

if TYPE_CHECKING:
    from tidu.training.run import Run

AS_THEY_ARE = ("stopped", "rows", "seconds", "source", "engine", "engine_reason", "metrics", "test_metrics", "notes")


def content_of(run: Run) -> Content:
    """What stands in the file of a run."""
    model, history = run.model.content(), run.history
    arrays = dict(model.arrays)
    arrays |= {f"start/{n}": np.asarray(v, dtype=np.float64, order="C") for n, v in run.start.items()}
    arrays |= {f"state/{name}": array for name, array in run.state.to_arrays().items()}
    arrays |= {"history/values": history.values, "history/epoch": history.epoch, "history/step": history.step}
    if run.problem.rescaling is not None:
        basis = run.problem.rescaling
        arrays |= {"rescaling/start": basis.start, "rescaling/matrix": basis.matrix}
    arrays |= {f"kept/{k}/{name}": a for k, s in enumerate(run.kept) for name, a in s.to_arrays().items()}
    plain = {**model.plain, "run": _plain(run)}
    return Content(plain, {n: np.asarray(a, order="C") for n, a in arrays.items()})


def _plain(run: Run) -> dict[str, Any]:
    """What of a run is no array."""
    history = run.history
    plain = {name: getattr(run, name) for name in AS_THEY_ARE}
    plain |= {"recorded": history.parameters, "record": history.record}
    plain["judged"] = None if run.judged is None else run.judged.plain()
    hashed = run.fingerprint if run.training_data is None else fingerprint(run.training_data)
    plain["data"] = None if run.origin is None else {**run.origin.to_dict(), "fingerprint": hashed}
    return plain


def prepared_parts(plain: dict[str, Any], described: Described) -> Callable[[Arrays], dict[str, Any]]:
    """The function that gives the fields of a run, without its data, of the arrays of a file; see `Model.prepared`.

    Raises
    ------
    ModelFileError, ValueError
        It is of a model without its run; it is no content of such a file.
    """
    model_of = Model.prepared(plain, described)
    if "run" not in plain:
        raise ModelFileError(_("the file holds a model without its run; read it with tidu.Model.load"))
    return lambda arrays: _parts(model_of(arrays), dict(plain["run"]), arrays)


def _parts(model: Model, given: dict[str, Any], arrays: Arrays) -> dict[str, Any]:
    """The fields of a run, of its model, what is plain of it, and the arrays of its file."""
    values, epoch, step = (arrays[f"history/{k}"] for k in ("values", "epoch", "step"))
    history = History(tuple(given.pop("recorded")), given.pop("record"), epoch, step, values)
    problem = model.problem.starting_from(
        [number_or_array(arrays[f"start/{name}"]) for name in model.program.parameter_names]
    )
    if "rescaling/matrix" in arrays:
        problem = problem.rescaled(Basis(arrays["rescaling/start"], arrays["rescaling/matrix"]))
    data, judged = given.pop("data"), given.pop("judged")
    if data is not None:
        given |= {"origin": Origin.of_dict(data), "fingerprint": data["fingerprint"]}
    return {
        **given,
        "problem": problem,
        "state": TrainingState.of_arrays(_under("state/", arrays)),
        "history": history,
        "notes": tuple(given["notes"]),
        "statistics": model.statistics,
        "confidence": model.confidence,
        "judged": None if judged is None else Judged.of_plain(judged),
        "kept": _kept(_under("kept/", arrays)),
    }


def _kept(arrays: Arrays) -> tuple[TrainingState, ...]:
    """The states on the way, by their numbers."""
    states: dict[int, dict[str, Any]] = {}
    for full, array in arrays.items():
        number, name = full.split("/", 1)
        states.setdefault(int(number), {})[name] = array
    return tuple(TrainingState.of_arrays(states[number]) for number in sorted(states))


def _under(prefix: str, arrays: Arrays) -> Mapping[str, Any]:
    """The arrays whose names begin like this, by the rest of their names."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
