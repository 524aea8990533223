"""Questions that a run is asked and that layers above training answer: the package puts the answers here.

So `run.diagnose()` works, and no module imports one that stands above it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ANSWERS: dict[str, Callable[..., Any]] = {}  # filled by `tidu/__init__.py`


def answered(question: str, *arguments: Any) -> Any:
    """What is answered to a question."""
    return ANSWERS[question](*arguments)


class Asked:
    """What a run can be asked that others answer."""

    def diagnose(self, data: object = None, trials: bool = True) -> Any:
        """What the doctor finds, a `Diagnosis`: curvature, limits, steps to come, columns, and what helps, tried.

        `data` is needed for a run that was loaded; without `trials`, nothing is tried.
        """
        return answered("diagnose", self, data, trials)

    @overload
    def export(self, to: Literal["onnx"], model: bool = False) -> bytes: ...  # type: ignore[overload-overlap]
    @overload
    def export(self, to: str, model: bool = False) -> str: ...
    def export(self, to: str, model: bool = False) -> str | bytes:
        """The training as a program that runs without tidu, as `python script.py DATA.csv`, and prints the parameters.

        Parameters
        ----------
        to : `"python"` (the standard library alone; the same bits), `"numpy"`, `"torch"` or `"jax"` (to about 1e-12);
            `"onnx"`, the model for prediction in float32, as the bytes of its file.
        model : the model alone: a module with one function, `predict(row)`.

        Raises
        ------
        SettingError
            A solver ran it, or it cannot be written in this library.
        """
        content: str | bytes = answered("export", self, to, model)
        return content

    def explain(self, step: int = 0, rows: Sequence[int] | None = None) -> Any:
        """One step as an `Explanation`: each value with its formula, the numbers put in, and the line that did it.

        `rows` are rows of the step's batch whose own values are told, by default the first; errors as `trace`.
        """
        return answered("explain", self, step, rows)

    def why_not(self) -> Any:
        """Why it diverged, a `WhyNot`: the first bad step, row, operation and line, the cause, and what helps."""
        return answered("why_not", self)

    def derive(self, parameter: str) -> Any:
        """How ∂ℓ/∂`parameter` follows from the loss, a `Derivation`: a rule of calculus a line."""
        return answered("derive", self, parameter)

    def report(self, path: str | os.PathLike[str]) -> None:
        """Write one HTML file that tells the whole run; it needs no network, and prints.

        It has the question, the data, the model, the loop, curves, contours, three steps number by number, the
        diagnosis, and how to have the run again.

        Parameters
        ----------
        path : a file name that ends in `.html`.

        Raises
        ------
        SettingError
            The name ends in something else.
        """
        answered("report", self, path)

    def worksheet(
        self, step: int = 0, rows: Sequence[int] | None = None, difficulty: str = "medium", seed: int = 0
    ) -> Any:
        """A step with blanks to be filled in by hand, a `Worksheet`: its `document`, its `blanks`, `save(path)`.

        Parameters
        ----------
        rows : rows of the step's batch whose numbers stand on it; the first by default.
        difficulty : how many results are left blank: `easy`, `medium` or `hard`, which is all of them.
        seed : which of them, where not all are.

        Raises
        ------
        SettingError, DataError
            Nothing in the step can be left blank; or as `explain`.
        """
        return answered("worksheet", self, step, rows, difficulty, seed)

    def _repr_html_(self) -> str:
        page: str = answered("notebook", self)
        return page

    def plot(self, path: str | os.PathLike[str] | None = None, kind: str = "overview", **asked: Any) -> Figure:
        """A picture of the run, saved to `path` if given (.png, .svg, .pdf, .jpg; some kinds also as .gif or .webp).

        Parameters
        ----------
        kind : `overview` (the loss curve and, for one feature, the data with the fitted curve), `loss`, `parameters`,
            `fit`, `bands`, `residuals`, `profiles`, `pairs`, `contours`, `batches`, `gradients`, `confusion`,
            `boundary` or `graph`.
        asked : what a kind understands: `of` (names of parameters), `step`, `row`, `axis` (of the loss: `linear`,
            `log`), `paths` (optimizers whose paths are drawn over the contours), `beside` (other runs).

        Raises
        ------
        SettingError
            There is no such kind, or not of this run, or it does not understand what is asked.
        """
        figure: Figure = answered("plot", self, path, kind, asked)
        return figure

    def sketch(self, kind: str = "overview", **asked: Any) -> str:
        """The same as lines of text, for a terminal; it needs no matplotlib."""
        text: str = answered("sketch", self, kind, asked)
        return text

    def graph(self, step: int = 0, row: int | None = None) -> Any:
        """The computational graph of one row's loss at one step, a `Graph`: value and gradient at every node.

        It is data (`to_dict()`, places included), and text: `mermaid()`, `dot()`. `row` is of the step's batch, by
        default its first; errors as `trace`.
        """
        return answered("graph", self, step, row)
