"""tidu (梯度): gradient descent that you can see.

`fit` fits a formula to a table, `minimize` finds the minimum of a function, `scan` tries every value on a grid,
`sweep` trains with every one of many settings, `load` reads a saved run. `tensor` and `Tensor` are for code that
computes gradients step by step, `Linear`, `Dropout` and `Sequential` for networks of them, `grad` and its relatives for
derivatives of functions. Functions for formulas, tensors and numbers (`exp`, `where`, ...) are here too.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tidu.training.questions import ANSWERS
from tidu.version import __version__ as __version__

if TYPE_CHECKING:
    from tidu.content import schedules as schedules
    from tidu.content.losses import LOSSES as LOSSES
    from tidu.content.optimizers import OPTIMIZERS as OPTIMIZERS
    from tidu.content.schedules import SCHEDULES as SCHEDULES
    from tidu.data.csv_options import CsvOptions as CsvOptions
    from tidu.eager.graph import no_grad as no_grad
    from tidu.eager.layers import LAYERS as LAYERS
    from tidu.eager.layers import Dropout as Dropout
    from tidu.eager.layers import Linear as Linear
    from tidu.eager.layers import Sequential as Sequential
    from tidu.eager.tensor import Tensor as Tensor
    from tidu.eager.tensor import tensor as tensor
    from tidu.eager.transforms import check_gradient as check_gradient
    from tidu.eager.transforms import grad as grad
    from tidu.eager.transforms import hessian as hessian
    from tidu.eager.transforms import hvp as hvp
    from tidu.eager.transforms import jacobian as jacobian
    from tidu.eager.transforms import value_and_grad as value_and_grad
    from tidu.eager.walk import walk_back as walk_back
    from tidu.errors import TiduError as TiduError
    from tidu.insight.audit import audit as audit
    from tidu.insight.compare import compare as compare
    from tidu.insight.suggest import suggest as suggest
    from tidu.language.activations import ACTIVATIONS as ACTIVATIONS
    from tidu.language.activations import elu as elu
    from tidu.language.activations import gelu as gelu
    from tidu.language.activations import leaky_relu as leaky_relu
    from tidu.language.activations import silu as silu
    from tidu.training import callbacks as callbacks
    from tidu.training import trackers as trackers
    from tidu.training.fit import fit as fit
    from tidu.training.history import History as History
    from tidu.training.live_curve import LiveCurve as LiveCurve
    from tidu.training.minimize import minimize as minimize
    from tidu.training.model import Model as Model
    from tidu.training.run import Run as Run
    from tidu.training.run import load as load
    from tidu.training.scan import scan as scan
    from tidu.training.storing.listing import runs as runs
    from tidu.training.storing.store import Store as Store
    from tidu.training.sweeping.sweep import sweep as sweep
    from tidu.training.sweeping.swept import Sweep as Sweep

# Where each public name lives; it is imported when it is first asked for, so that `import tidu` stays fast.
_PLACES = {
    "audit": "tidu.insight.audit",
    "compare": "tidu.insight.compare",
    "suggest": "tidu.insight.suggest",
    "fit": "tidu.training.fit",
    "minimize": "tidu.training.minimize",
    "scan": "tidu.training.scan",
    "sweep": "tidu.training.sweeping.sweep",
    "load": "tidu.training.run",
    "runs": "tidu.training.storing.listing",
    "Store": "tidu.training.storing.store",
    "Model": "tidu.training.model",
    "Run": "tidu.training.run",
    "Sweep": "tidu.training.sweeping.swept",
    "LiveCurve": "tidu.training.live_curve",
    "History": "tidu.training.history",
    "CsvOptions": "tidu.data.csv_options",
    "LOSSES": "tidu.content.losses",
    "OPTIMIZERS": "tidu.content.optimizers",
    "SCHEDULES": "tidu.content.schedules",
    "TiduError": "tidu.errors",
    "Tensor": "tidu.eager.tensor",
    "tensor": "tidu.eager.tensor",
    "no_grad": "tidu.eager.graph",
    "Linear": "tidu.eager.layers",
    "Dropout": "tidu.eager.layers",
    "Sequential": "tidu.eager.layers",
    "LAYERS": "tidu.eager.layers",
    "ACTIVATIONS": "tidu.language.activations",
    "elu": "tidu.language.activations",
    "gelu": "tidu.language.activations",
    "leaky_relu": "tidu.language.activations",
    "silu": "tidu.language.activations",
    "grad": "tidu.eager.transforms",
    "value_and_grad": "tidu.eager.transforms",
    "jacobian": "tidu.eager.transforms",
    "hessian": "tidu.eager.transforms",
    "hvp": "tidu.eager.transforms",
    "check_gradient": "tidu.eager.transforms",
    "walk_back": "tidu.eager.walk",
}
_MODULES = {
    "schedules": "tidu.content.schedules",
    "callbacks": "tidu.training.callbacks",
    "trackers": "tidu.training.trackers",
    "nd": "tidu.nd",
    "autograd": "tidu.autograd",
    "torch_names": "tidu.torch_names",
}


def _diagnose(run: Any, data: object, trials: bool) -> Any:
    from tidu.insight.doctor import diagnose

    return diagnose(run, data, trials)


def _resume(run: Any, epochs: int | None, steps: int | None, callbacks: Any) -> Any:
    from tidu.training.resuming import resumed

    return resumed(run, epochs, steps, callbacks)


def _explain(run: Any, step: int, rows: Any) -> Any:
    from tidu.insight.explain import explain

    return explain(run, step, rows)


def _derive(run: Any, parameter: str) -> Any:
    from tidu.insight.derivation import derivation_of
    from tidu.training.training import loop_shape

    return derivation_of(run.program, parameter, loop_shape(run.settings, run.rows, run.program.of_arrays))


def _why_not(run: Any) -> Any:
    from tidu.insight.why_not import why_not

    return why_not(run)


def _export(run: Any, to: str, model: bool) -> str | bytes:
    from tidu.insight.export import exported

    return exported(run, to, model)


def _plot(run: Any, path: Any, kind: str, asked: Any) -> Any:
    from tidu.insight.picturing.kinds import plotted

    return plotted(run, path, kind, asked)


def _sketch(run: Any, kind: str, asked: Any) -> str:
    from tidu.insight.picturing.kinds import request_of, sketch_of

    return sketch_of(run, kind, request_of(**asked))


def _graph(run: Any, step: int, row: int | None) -> Any:
    from tidu.insight.picturing.step_graph import step_graph

    return step_graph(run, step, row)


def _report(run: Any, path: Any) -> None:
    from tidu.insight.reporting.run_report import write_report

    write_report(run, path)


def _worksheet(run: Any, step: int, rows: Any, difficulty: str, seed: int) -> Any:
    from tidu.insight.worksheet import worksheet

    return worksheet(run, step, rows, difficulty, seed)


def _notebook(asked: Any) -> str:
    from tidu.insight.reporting.html import fragment
    from tidu.insight.reporting.notebook_blocks import blocks_for

    return fragment(blocks_for(asked))


# What a run is asked, answered by layers above training: only here is everything in sight.
ANSWERS |= {
    "diagnose": _diagnose,
    "resume": _resume,
    "explain": _explain,
    "derive": _derive,
    "why_not": _why_not,
    "export": _export,
    "plot": _plot,
    "sketch": _sketch,
    "graph": _graph,
    "report": _report,
    "notebook": _notebook,
    "worksheet": _worksheet,
}


def _functions_on_tensors() -> dict[str, Any]:
    """Those under NumPy's names; imported only when one of them is asked for, for `tidu.fit` needs none."""
    from tidu.eager.numpy_names import functions_by_name

    return functions_by_name()


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return sorted({*_PLACES, *_MODULES, *_functions_on_tensors(), "__version__"})
    if name.startswith("__"):
        raise AttributeError(f"module 'tidu' has no attribute {name!r}")
    if name in _PLACES:
        value = getattr(importlib.import_module(_PLACES[name]), name)
    elif name in _MODULES:
        value = importlib.import_module(_MODULES[name])
    else:
        value = _functions_on_tensors().get(name)
        if value is None:
            raise AttributeError(f"module 'tidu' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__getattr__("__all__")})
