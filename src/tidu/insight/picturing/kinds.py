"""The kinds of pictures of a run, each declared once: what it is for, what it can be asked, who draws and sketches it.

`picture_of` gives a figure, `sketch_of` text for a terminal, `write_picture` a file of either sort: what `Run.plot`,
`Run.sketch` and `tidu plot` do.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidu.errors import SettingError, closest
from tidu.insight.picturing import sights
from tidu.insight.picturing.cost_slices import why_no_slice
from tidu.insight.picturing.of_classes import why_no_boundary, why_no_confusion
from tidu.insight.picturing.of_fits import why_no_bands
from tidu.insight.picturing.of_intervals import why_no_pairs, why_no_profiles
from tidu.insight.picturing.of_runs import why_no_fit, why_no_parameters, why_no_residuals
from tidu.insight.picturing.passages import why_no_steps
from tidu.insight.picturing.step_graph import step_graph
from tidu.pictures.animations import ANIMATED, write_animation
from tidu.text import _, mark
from tidu.training.run import Run
from tidu.writing import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AXES = ("auto", "linear", "log")
GRAPH_TEXTS = {"mermaid": ".mmd", "dot": ".dot"}
BETWEEN_NAMES = re.compile(r",(?![^\[]*\])")  # no comma inside of W1[2,0]


@dataclass(frozen=True)
class Request:
    """What is asked of a picture; each kind says which of it it understands.

    Attributes
    ----------
    of : names of parameters; of contours, also of single numbers in them, as in `W1[2,0]`.
    step : of which step, from 0.
    row : of which row of the data, from 0; the first of the step's batch by default.
    axis : of the loss: `auto`, `linear` or `log`.
    paths : optimizers whose paths are drawn beside each other.
    beside : other runs, drawn beside the run.
    limits : what is in sight of a plane of two parameters: from, to, of the first; from, to, of the second.
    """

    of: tuple[str, ...] = ()
    step: int = 0
    row: int | None = None
    axis: str = "auto"
    paths: tuple[str, ...] = ()
    beside: tuple[Run, ...] = ()
    limits: tuple[float, float, float, float] | None = None

    def asked(self) -> list[str]:
        """What is not left to its default."""
        return [f.name for f in fields(self) if getattr(self, f.name) != f.default]


@dataclass(frozen=True)
class Kind:
    """One kind of picture.

    `words` say what it shows; `asked` names the parts of a `Request` that it understands; `why_not` gives a sentence
    where a run has no such picture.
    """

    words: str
    figure: Callable[[Run, Request], Figure]
    sketch: Callable[[Run, Request], str]
    asked: tuple[str, ...] = ()
    why_not: Callable[[Run], str | None] = lambda run: None
    frames: Callable[[Run, Request], Sequence[Figure]] | None = None


KINDS: dict[str, Kind] = {
    "overview": Kind(
        mark("the loss curve and, for one feature, the data with the fitted curve"),
        sights.overview_figure, sights.overview_sketch,
    ),
    "loss": Kind(
        mark("the loss over epochs or steps, of one run or several"),
        sights.loss_figure, sights.loss_sketch, ("axis", "beside"),
    ),
    "parameters": Kind(
        mark("each parameter over the steps"), sights.parameters_figure, sights.parameters_sketch, ("of",),
        why_no_parameters,
    ),
    "fit": Kind(
        mark("the data with the curve as it evolves; as .gif or .webp, an animation"),
        sights.fit_figure, sights.fit_sketch, (), why_no_fit, sights.fit_animation,
    ),
    "bands": Kind(
        mark("the data with error bars, the curve with confidence and prediction bands, the residuals below"),
        sights.bands_figure, sights.bands_sketch, (), why_no_bands,
    ),
    "residuals": Kind(
        mark("target minus prediction, over the prediction and in their distribution"),
        sights.residuals_figure, sights.residuals_sketch, (), why_no_residuals,
    ),
    "profiles": Kind(
        mark("how the cost rises along each parameter while the others follow, and the interval that it gives"),
        sights.profiles_figure, sights.profiles_sketch, ("of",), why_no_profiles,
    ),
    "pairs": Kind(
        mark("the joint 95% regions of pairs of parameters, beside Wald's ellipses"),
        sights.pairs_figure, sights.pairs_sketch, ("of",), why_no_pairs,
    ),
    "contours": Kind(
        mark("the cost over two parameters, with the paths of optimizers; as .gif or .webp, an animation"),
        sights.contours_figure, sights.contours_sketch, ("of", "paths", "limits"), why_no_slice,
        sights.contours_animation,
    ),
    "batches": Kind(
        mark("which rows feed which update of the first epochs"), sights.batches_figure_of, sights.batches_sketch,
        (), why_no_steps,
    ),
    "gradients": Kind(
        mark("how the gradients of single rows spread around their mean, before a step"),
        sights.gradients_figure, sights.gradients_sketch, ("of", "step"), why_no_steps,
    ),
    "confusion": Kind(
        mark("how many rows of each class were taken for which"),
        sights.confusion_figure_of, sights.confusion_sketch, (), why_no_confusion,
    ),
    "boundary": Kind(
        mark("the regions of the classes in the plane of two features"),
        sights.boundary_figure, sights.boundary_sketch, (), why_no_boundary,
    ),
    "graph": Kind(
        mark("the computational graph of a step, for one row: value and gradient at every node"),
        sights.graph_figure_of, sights.graph_sketch, ("step", "row"), why_no_steps,
    ),
}  # fmt: skip


def kind_named(name: str) -> Kind:
    """The kind of this name, or one sentence."""
    if name not in KINDS:
        near = closest(name, KINDS)
        hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
        raise SettingError(
            _("there is no kind of picture called '{name}'{hint}; there are: {names}").format(
                name=name, hint=hint, names=", ".join(KINDS)
            )
        )
    return KINDS[name]


def kinds_for(run: Run) -> list[str]:
    """The kinds of pictures that there are of a run."""
    return [name for name, kind in KINDS.items() if kind.why_not(run) is None]


def _checked(run: Run, name: str, request: Request) -> Kind:
    kind = kind_named(name)
    for asked in request.asked():
        if asked not in kind.asked:
            able = ", ".join(n for n, k in KINDS.items() if asked in k.asked)
            raise SettingError(
                _("'{option}' says nothing for a picture of the kind '{name}'; it is for: {names}").format(
                    option=asked, name=name, names=able
                )
            )
    if request.axis not in AXES:
        raise SettingError(_("axis must be one of {names}, not '{value}'").format(names=", ".join(AXES),
                                                                                  value=request.axis))  # fmt: skip
    if request.limits is not None and not _rising(request.limits):
        raise SettingError(
            _("limits are four numbers, from and to of each parameter, as in (0, 2, -1, 1), not {value}").format(
                value=request.limits
            )
        )
    reason = kind.why_not(run)
    if reason is not None:
        raise SettingError(reason)
    return kind


def _rising(limits: object) -> bool:
    """Whether they are two intervals of finite numbers."""
    match limits:
        case (int() | float(), int() | float(), int() | float(), int() | float()):
            left, right, low, high = (float(v) for v in limits)
            return -math.inf < left < right < math.inf and -math.inf < low < high < math.inf
    return False


def picture_of(run: Run, name: str, request: Request) -> Figure:
    """The picture as matplotlib's figure.

    Raises
    ------
    SettingError
        There is no such kind, or not of this run, or the request says what it does not understand.
    MissingDependency
        There is no matplotlib; `sketch_of` needs none.
    """
    kind = _checked(run, name, request)
    from tidu.pictures.figure import in_words_that_can_be_drawn

    with in_words_that_can_be_drawn():
        return kind.figure(run, request)


def sketch_of(run: Run, name: str, request: Request) -> str:
    """The picture as lines of text."""
    return _checked(run, name, request).sketch(run, request)


def plotted(run: Run, path: str | os.PathLike[str] | None, name: str, asked: dict[str, Any]) -> Figure:
    """The figure, written to `path` if given: what `Run.plot` does."""
    request = request_of(**asked)
    if path is not None:
        check_picture_path(path, name)
    figure = picture_of(run, name, request)
    if path is not None:
        write_picture(run, path, name, request, figure)
    return figure


def write_picture(
    run: Run, path: str | os.PathLike[str], name: str, request: Request, figure: Figure | None = None
) -> None:
    """Write the picture in the format that the file's name ends in; GIF and WebP move, .mmd and .dot graphs."""
    check_picture_path(path, name)
    kind, suffix = _checked(run, name, request), Path(path).suffix.lower()
    if suffix in GRAPH_TEXTS.values():
        graph = step_graph(run, request.step, request.row)
        write_whole(path, (graph.mermaid() if suffix == GRAPH_TEXTS["mermaid"] else graph.dot()).encode())
        return
    from tidu.pictures.figure import in_words_that_can_be_drawn, save

    if suffix not in ANIMATED:
        save(figure or picture_of(run, name, request), path)
        return
    assert kind.frames is not None
    with in_words_that_can_be_drawn():
        write_animation(kind.frames(run, request), path)


def check_picture_path(path: str | os.PathLike[str], name: str) -> None:
    """Raise now what `write_picture` would raise about the file after the work is done."""
    kind, suffix = kind_named(name), Path(path).suffix.lower()
    if suffix in ANIMATED and kind.frames is None:
        raise SettingError(
            _("a picture of the kind '{name}' does not move; {formats} are for: {names}").format(
                name=name, formats=", ".join(ANIMATED), names=", ".join(n for n, k in KINDS.items() if k.frames)
            )
        )
    if suffix in GRAPH_TEXTS.values():
        if name != "graph":
            raise SettingError(_("{suffix} is for --kind graph, not {name}").format(suffix=suffix, name=name))
        return
    from tidu.pictures.figure import check_path

    check_path(path, ANIMATED if suffix in ANIMATED else ())


def request_of(**asked: Any) -> Request:
    """A request from what `Run.plot` is given: names may be one text or several."""
    for name in ("of", "paths"):
        value = asked.get(name, ())
        parts = [part.strip() for part in BETWEEN_NAMES.split(value)] if isinstance(value, str) else value
        asked[name] = tuple(parts)
    beside = asked.get("beside", ())
    asked["beside"] = (beside,) if isinstance(beside, Run) else tuple(beside)
    unknown = sorted(asked.keys() - {f.name for f in fields(Request)})
    if unknown:
        names = [f.name for f in fields(Request)]
        near = closest(unknown[0], names)
        hint = _(" (did you mean '{near}'?)").format(near=near) if near else ""
        raise SettingError(
            _("a picture has no option '{name}'{hint}; there are: {names}").format(
                name=unknown[0], hint=hint, names=", ".join(names)
            )
        )
    return Request(**asked)
