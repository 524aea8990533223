"""The options of training, each declared once: name, type, default, check, help, and where it has a meaning.

`Settings` checks them, `fit` and `sweep` have their signatures and documentation from here (`signatures.py`), the
command line its options and help, a sweep its axes, `constraints` what excludes what. To add an option, add a field.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING

from tidu.cluster.connecting import check_cluster
from tidu.content.declarations import (
    DATA,
    DESCENT,
    ENGINE,
    MODEL,
    SOLVER,
    Declaration,
    Elsewhere,
    declared,
    option,
)
from tidu.content.kinds import (
    Assignments,
    Bounds,
    Choice,
    Device,
    Flag,
    FlagOr,
    Formula,
    FractionOrData,
    Names,
    Number,
    Numbers,
    OptionsOf,
    Statements,
    Text,
    Whole,
)
from tidu.content.losses import LOSSES, loss_named
from tidu.content.methods import AUTO, SOLVERS, check_method
from tidu.content.optimizers import OPTIMIZERS
from tidu.content.plateau import PLATEAU
from tidu.content.starts import Start
from tidu.data.csv_options import CsvOptions
from tidu.errors import closest
from tidu.language.expr import Expr
from tidu.text import mark
from tidu.training.callbacks import Callback

if TYPE_CHECKING:
    from tidu.eager.layers import Layer

ENGINES = ("auto", "python", "compiled", "array")
TO_AN_END = ("fit", "sweep", "doctor", "explain")  # what trains until a bound; the lab goes on for as long as one looks
EVERYWHERE = (*TO_AN_END, "lab")
FIT_ONLY = ("fit",)


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """What decides the result; a saved model holds it."""

    # -- the model ---------------------------------------------------------------------------------
    loss: str = option(
        "squared", Text(mark("LOSS"), loss_named, tuple(LOSSES)),
        mark("Loss of one sample: squared, half_squared, absolute, huber(delta=1), cauchy(scale=1), log_cosh, "
             "quantile(tau=0.9) or poisson; for labels of two classes logistic, hinge or perceptron; for more classes "
             "softmax."),
        reason="least squares is what most people mean by fitting", more="A name of `tidu.LOSSES`, with its options.",
        also=("loss-function", "loss-fn", "criterion", "objective"),
        group=MODEL, verbs=(*EVERYWHERE, "scan"), varies=True,
    )  # fmt: skip
    init: Mapping[str, Start] = option(
        {}, Assignments(),
        mark("Starting values: numbers, normal(0,0.01) or uniform(-1,1). Parameters that are not named start at 0."),
        reason="0 is the same for every reader",
        also=("p0", "x0", "initial", "start", "init-params"),
        group=MODEL,
    )  # fmt: skip
    fix: Mapping[str, float] = option(
        {}, Numbers(), mark("Parameters that keep the given value and are not learned."), reason="all are learned",
        more="As in `{\"c\": 299.8}`.",
        also=("fixed", "frozen"),
        group=MODEL,
    )  # fmt: skip
    where: str | Sequence[str] | Mapping[str, str] = option(
        (), Statements(),
        mark("What holds of parameters: one in terms of others, as in 'c = 1 - a - b', which is put into the formula "
             "before anything is derived; or a condition, as in 'a + b < 1', which solvers keep to. Once or more."),
        reason="parameters are free of each other", more="One text, several, or a dict.",
        also=("constraint", "constraints", "subject-to", "tie", "expr"),
        group=MODEL, verbs=TO_AN_END,
    )  # fmt: skip
    report: str | Sequence[str] | Mapping[str, str] = option(
        (), Statements(),
        mark("Quantities that follow from the parameters, such as 'half_life = log(2)/b': each is reported with its "
             "standard error and interval."),
        reason="the parameters are what is learned", more="One text, several, or a dict. See `run.derived`.",
        also=("derive-quantity", "quantity", "quantities"),
        group=MODEL, verbs=FIT_ONLY,
    )  # fmt: skip
    l1: float = option(
        0.0, Number(at_least=0.0), mark("Add l1·Σ|w| to the cost."), reason="no penalty unless it is asked for",
        group=MODEL, verbs=(*EVERYWHERE, "scan"), varies=True,
    )  # fmt: skip
    l2: float = option(
        0.0, Number(at_least=0.0), mark(
            "Add ½·l2·Σw² to the cost; of a value for each level, a[city], w is its distance from the mean of all."
        ),
        reason="no penalty unless it is asked for",
        group=MODEL, verbs=(*EVERYWHERE, "scan"), varies=True,
    )  # fmt: skip
    penalise: Sequence[str] | None = option(
        None, Names(), mark("The parameters that --l1 and --l2 apply to; all by default."),
        reason="a penalty holds for every parameter",
        also=("penalize",),
        group=MODEL,
    )  # fmt: skip
    weights: str | None = option(
        None, Text(mark("COLUMN")),
        mark("The column that says how certain each sample is: its loss counts so much, and only ratios matter. "
             "--counts says how many samples a row stands for."),
        reason="every sample counts the same",
        also=("sample-weight", "sample-weights"),
        group=MODEL, verbs=("fit", "doctor", "explain", "lab"),
        excludes={"sigma": mark("weights and sigma say the same thing in two ways (weight = 1/sigma²); give one")},
    )  # fmt: skip
    counts: str | None = option(
        None, Text(mark("COLUMN")),
        mark("The column that says how many samples each row stands for, as if it stood there so often; whole "
             "numbers."),
        reason="each row is one sample",
        more="Degrees of freedom, standard errors, AIC and BIC count the samples, not the rows.",
        also=("frequency", "freq", "fweights", "freq-weights", "frequency-weights"),
        group=MODEL, verbs=("fit", "doctor", "explain"),
        excludes={
            "weights": mark("counts says how many samples a row stands for, weights how certain it is; give one"),
            "sigma": mark("counts says how many samples a row stands for, sigma how certain it is; give one"),
        },
    )  # fmt: skip
    sigma: str | None = option(
        None, Text(mark("COLUMN")),
        mark("The column that holds the standard deviation of each sample; the sample's weight is 1/sigma²."),
        reason="the scatter is estimated from the residuals",
        more="The standard errors of a solver then follow from it, without an estimate of the scatter.",
        group=MODEL, verbs=("fit", "doctor", "explain", "lab"),
    )  # fmt: skip

    sigma_x: str | None = option(
        None, Text(mark("COLUMN")),
        mark("The column that holds the standard deviation of x in each row, where x is measured too: the fit is the "
             "curve nearest in x and y. Of several features: t=st,u=su."),
        reason="x is taken as exact",
        more="Orthogonal distance regression, by a solver; `sigma` says how certain y is.",
        also=("x-error", "x-errors", "xerr", "sx", "odr"),
        group=MODEL, verbs=FIT_ONLY,
        needs={"sigma": mark("sigma_x says how certain x is; say of y too: give sigma")},
        solvers_only=mark("errors in x need a solver, and {optimizer} makes a descent; use optimizer lm or auto"),
    )  # fmt: skip

    # -- the descent -------------------------------------------------------------------------------
    optimizer: str = option(
        "gd", Text(mark("OPTIMIZER"), check_method, (*OPTIMIZERS, *SOLVERS, AUTO)),
        mark("Optimizer: gd, momentum(momentum=0.9), nesterov, adagrad, rmsprop, adadelta, adam(beta1=0.9), adamw, "
             "amsgrad or nadam. Or a solver: lm (least squares), lp (losses with corners), lbfgs or newton. Or "
             "auto."),
        reason="plain gradient descent is what there is to see",
        more="A name of `tidu.OPTIMIZERS`, with its options. A solver has no learning rate and no batches.",
        also=("optimiser", "opt", "solver", "method", "algorithm"),
        group=DESCENT, verbs=(*EVERYWHERE, "minimize"), varies=True,
        differs={"minimize": Elsewhere("gd", mark("Optimizer, as in 'tidu fit'; solvers need data."))},
    )  # fmt: skip
    lr: float | str | Expr | None = option(
        None, Formula(mark("RATE")),
        mark("Learning rate: a number; or a formula of the step t and the epoch, such as "
             "'0.1 * warmup(100) * cosine(1000)'; or auto, from the curvature. The default is 0.01 (adadelta: 1); "
             "where that goes up, the descent begins anew as with --scale, for which it is auto."),
        reason="the optimizer's own; small enough for features of size 1",
        also=("learning-rate", "learning-rate-init", "step-size", "eta", "eta0"),
        group=DESCENT, verbs=(*EVERYWHERE, "minimize"), varies=True, descent_only=True,
        differs={"minimize": Elsewhere(0.1, mark("Learning rate: a number, or a formula of the step t."))},
    )  # fmt: skip
    batch_size: int | None = option(
        None, Whole(1),
        mark("Samples in a step. 1 is stochastic gradient descent (SGD), all of them, the default, is GD, and what "
             "lies between is mini-batch."),
        reason="the whole set: every step is the gradient of the cost that is shown",
        more="A last, shorter batch is a step of its own, with the mean over its own size.",
        also=("batch", "minibatch-size", "mini-batch-size"),
        group=DESCENT, varies=True, descent_only=True,
    )  # fmt: skip
    epochs: int | None = option(
        None, Whole(1), mark("Passes over the data at most; 1000 by default."),
        reason="1000 if no bound is given at all",
        also=("epoch", "n-epochs", "num-epochs", "max-epochs", "num-train-epochs"),
        group=DESCENT, verbs=TO_AN_END, varies=True,
    )  # fmt: skip
    steps: int | None = option(
        None, Whole(1), mark("Updates at most; a limit instead of the epochs, or in addition to them."),
        reason="epochs are the usual bound",
        also=("max-steps", "num-steps", "n-steps"),
        group=DESCENT, verbs=(*TO_AN_END, "minimize"), varies=True,
        differs={"minimize": Elsewhere(1000, mark("Steps at most."))},
    )  # fmt: skip
    until_loss: float | None = option(
        None, Number(), mark("Stop after an epoch whose mean loss is below this."),
        reason="how low a loss can get is not known beforehand",
        also=("target-loss",),
        group=DESCENT, varies=True,
    )  # fmt: skip
    tol: float | None = option(
        None, Number(at_least=0.0), mark("Stop after an epoch in which no parameter moved by more than this."),
        reason="how small a move is small depends on the parameters",
        also=("tolerance",),
        group=DESCENT, verbs=(*EVERYWHERE, "minimize"), varies=True,
        differs={"minimize": Elsewhere(None, mark("Stop once no variable moves by more than this in a step."))},
    )  # fmt: skip
    scale: bool = option(
        False, Flag(),
        mark("Descend in other parameters, in which the cost curves alike in every direction. Results are in those of "
             "the formula."),
        reason="the steps that are shown are those of the formula",
        group=DESCENT, verbs=("fit", "doctor", "explain", "lab"),
        excludes=dict.fromkeys(("l1", "l2"), mark(
            "a penalty applies to the parameters of the formula, and scale=True replaces them by others; leave one "
            "of the two out")),
    )  # fmt: skip
    patience: int | None = option(
        None, Whole(1),
        mark("Stop after so many epochs without improvement: of the loss of the rows that --validation keeps back, or "
             "without these of the training cost. The parameters of the best epoch are kept."),
        reason="how long a descent rests before it goes on is not known beforehand",
        more="`run.judged` has the loss of every epoch.",
        also=("early-stopping", "n-iter-no-change", "early-stopping-rounds", "early-stopping-patience"),
        group=DESCENT, verbs=FIT_ONLY, descent_only=True,
    )  # fmt: skip
    min_improvement: float = option(
        0.0, Number(at_least=0.0),
        mark("Share of the loss by which it must fall before --patience counts anew, such as 0.001."),
        reason="whatever is lower is better", also=("min-delta", "early-stopping-threshold"),
        group=DESCENT, verbs=FIT_ONLY, descent_only=True,
        needs={"patience": mark("min_improvement says what counts as better for patience; give patience too")},
    )  # fmt: skip
    plateau: Mapping[str, float] = option(
        {}, OptionsOf(thing=PLATEAU),
        mark("Multiply the learning rate by factor (0.1) after patience (10) epochs in which the loss that judges "
             "them, as for --patience, did not fall by min_improvement (0.0001 of it), as in patience=5,factor=0.5; "
             "further cooldown and floor."),
        reason="a rate changes where one sees it change",
        more="Such as `{\"patience\": 5, \"factor\": 0.5}`. For `cooldown` epochs after a fall none counts; below "
             "`floor`, a share of the rate, it never falls. The parameters of the best epoch are kept.",
        also=("reduce-lr-on-plateau", "lr-patience", "reduce-lr", "lr-plateau"),
        group=DESCENT, verbs=FIT_ONLY, descent_only=True,
    )  # fmt: skip
    clip_norm: float | None = option(
        None, Number(above=0.0), mark("Longest gradient; a longer one is scaled down to this."),
        reason="the gradient is used as it is",
        also=("clipnorm", "max-grad-norm", "grad-clip-norm"),
        group=DESCENT, varies=True, descent_only=True,
    )  # fmt: skip
    clip_value: float | None = option(
        None, Number(above=0.0), mark("Largest component of the gradient; a larger one is cut off."),
        reason="the gradient is used as it is",
        also=("clipvalue", "grad-clip-value"),
        group=DESCENT, varies=True, descent_only=True,
    )  # fmt: skip
    shuffle: bool | str = option(
        True, FlagOr(("blocks",)),
        mark("Draw mini-batches in a new random order in each epoch, or in the order of the data. blocks: blocks of "
             "8192 rows, and then the rows of each 32 blocks, as data larger than memory are shuffled."),
        reason="the order of a file is rarely random", group=DESCENT, varies=True,
    )  # fmt: skip
    seed: int = option(
        0, Whole(0), mark("Seed for everything random: starting values, mini-batches, the split."),
        reason="the same input gives the same bits",
        also=("random-state", "random-seed"),
        group=DESCENT, varies=True,
    )  # fmt: skip
    record: str = option(
        "epoch", Choice(("epoch", "step")), mark("Whether each epoch or each step gets a row of the history."),
        reason="a row a step is long", group=DESCENT, verbs=FIT_ONLY,
    )  # fmt: skip

    # -- solvers -----------------------------------------------------------------------------------
    bounds: Mapping[str, tuple[float | None, float | None]] = option(
        {}, Bounds(), mark("Least and greatest values of parameters; either may be left out, as in a=0:,b=:5."),
        reason="parameters are free", more="As in `{\"a\": (0, None)}`.",
        also=("bound", "limits"),
        group=SOLVER, verbs=("fit", "doctor", "explain"),
        solvers_only=mark("bounds need a solver, and {optimizer} does not keep to bounds; use optimizer lm, lbfgs "
                          "or auto"),
    )  # fmt: skip
    starts: int = option(
        1, Whole(1), mark("Starting points to try; the lowest end is kept."),
        reason="one start suffices where there is one minimum",
        also=("n-starts", "restarts"),
        group=SOLVER, verbs=FIT_ONLY,
        solvers_only=mark("several starts need a solver, and {optimizer} makes one descent; use optimizer lm, lbfgs, "
                          "newton or auto"),
    )  # fmt: skip

    intervals: str = option(
        "wald", Choice(("wald", "profile", "bootstrap")),
        mark("How intervals of the parameters are found: wald, value ± quantile · standard error; profile, by how the "
             "cost rises as one parameter is moved and the others follow; bootstrap, by refits to data drawn anew."),
        reason="the standard errors are there already", more="`run.confidence` has what they were made of.",
        also=("confidence-intervals", "ci", "conf-int", "confint"),
        group=SOLVER, verbs=FIT_ONLY,
        solvers_only=mark("intervals by profile or bootstrap need a solver's minimum, and {optimizer} makes a descent; "
                          "use optimizer lm or auto"),
    )  # fmt: skip
    draws: int = option(
        2000, Whole(100), mark("Refits of the bootstrap."), reason="the ends of a 95% interval are then steady",
        also=("n-resamples", "n-boot", "replicates"),
        group=SOLVER, verbs=FIT_ONLY,
        needs={"intervals": mark("draws counts the refits of the bootstrap; give intervals bootstrap too")},
    )  # fmt: skip
    resample: str | None = option(
        None, Choice(("residuals", "cases")),
        mark("What the bootstrap draws anew: residuals around the curve (studentized ends), or cases, which are whole "
             "rows (BCa ends). By default the residuals of least squares, and else cases."),
        reason="it depends on the loss",
        group=SOLVER, verbs=FIT_ONLY,
        needs={"intervals": mark("resample says what the bootstrap draws; give intervals bootstrap too")},
    )  # fmt: skip

    # -- how a loop computes -----------------------------------------------------------------------
    dtype: str = option(
        "float64", Choice(("float64", "float32")),
        mark("The kind of number in which the loss and the gradient of a sample are computed."),
        reason="the bits of plain Python",
        more="float32 sums and updates in double: half the memory, at relative differences of about 1e-6 in a step; "
             "on whole batches all of it is single.",
        group=ENGINE, verbs=TO_AN_END, descent_only=True,
    )  # fmt: skip
    fast: bool = option(
        False, Flag(), mark("Let the compiler reorder and fuse operations; the last digits may differ."),
        reason="the bits of plain Python", more="Relative differences are about 1e-15 in a step.",
        group=ENGINE, verbs=TO_AN_END, descent_only=True, engines=("compiled",),
    )  # fmt: skip


@dataclass(frozen=True)
class FitArguments(TrainingOptions):
    """All that `tidu.fit` takes: the options above, the data, and who computes."""

    formula: str | Layer
    data: object
    _: KW_ONLY
    target: str | None = None
    features: Sequence[str] | None = None
    test_size: float | None = option(
        None, Number(), mark("Fraction of the rows to keep back; the model is scored on them at the end."),
        reason="all rows are learned from", more="`run.test_metrics` is that score.",
        also=("test-fraction", "test-split"),
        group=DATA,
        verbs=("fit", "sweep"),
    )  # fmt: skip
    validation: object = option(
        None, FractionOrData(),
        mark("Rows that judge every epoch: a fraction of the rows to learn from, or a file of others. The parameters "
             "of the epoch with the lowest loss on them are kept; see --patience."),
        reason="all rows are learned from", more="Also any data. `run.validation_loss` is that loss after each epoch.",
        also=("validation-split", "validation-fraction", "validation-data"),
        group=DATA, verbs=FIT_ONLY, descent_only=True,
    )  # fmt: skip
    drop_missing: bool = option(
        False, Flag(), mark("Leave out the rows that have a missing or infinite value."),
        reason="a missing value is an error that one should see",
        also=("dropna", "drop-na"),
        group=DATA,
        verbs=(*EVERYWHERE, "predict", "scan"),
    )  # fmt: skip
    stream: bool | None = option(
        None, Flag(),
        mark("Read the data block by block from disk, where their columns are kept for the next time; files that do "
             "not fit into memory always are."),
        reason="files that would take half of the free memory are streamed",
        more="The bits are those of data in memory; mini-batches are shuffled by blocks.",
        also=("out-of-core", "chunked", "streaming"),
        group=DATA, verbs=("fit", "doctor", "predict", "sweep", "scan"),
        differs={"predict": Elsewhere(None, mark("Read the data and write the predictions block by block, so that "
                                                 "they need not fit into memory."))},
    )  # fmt: skip
    csv: CsvOptions | None = None
    engine: str = option(
        "auto", Choice(ENGINES),
        mark("What runs the loop: python runs it as it stands, compiled as machine code, array on whole batches; "
             "auto takes whichever is done sooner. The result names the one that ran."),
        reason="whichever is done sooner; the bits of python and compiled are the same",
        more="The last digits of `array` differ.", group=ENGINE, verbs=("fit", "sweep"),
    )  # fmt: skip
    threads: int | None = option(
        None, Whole(1), mark("Threads that may share the samples of a large step; all cores by default."),
        reason="all cores: the result has the same bits for any number",
        also=("n-jobs", "nthread", "n-threads", "num-threads", "jobs"),
        group=ENGINE, verbs=TO_AN_END,
    )  # fmt: skip
    device: str | None = option(
        None, Device(), mark("Run the loop on whole batches in PyTorch, on cpu, cuda, cuda:1 or mps."),
        reason="no other device is needed",
        more="Data go there once; results are NumPy's, as ever. Last digits differ. Needs `pip install 'tidu[torch]'`.",
        group=ENGINE, verbs=FIT_ONLY, descent_only=True, engines=("auto", "array"),
    )  # fmt: skip
    cluster: str | None = option(
        None, Text(mark("ADDRESS"), check_cluster),
        mark("Compute on the workers of a dask scheduler, as in tcp://10.0.0.1:8786, or on processes of this machine, "
             "as in local:4. They read files where these lie, or the column store in the cache folder, by the same "
             "path on every machine."),
        reason="one machine suffices for most data",
        more="The bits are those of one machine, whatever the workers. Needs `pip install 'tidu[cluster]'`.",
        also=("scheduler", "dask", "workers", "distributed"),
        group=ENGINE, verbs=("fit", "doctor"), descent_only=True, engines=("auto", "python", "compiled"),
    )  # fmt: skip
    client: object = None
    callbacks: Callback | Sequence[Callback] = ()
    store: str | os.PathLike[str] | bool | None = None


OPTIONS: dict[str, Declaration] = declared(FitArguments)
DECLARED: dict[str, Declaration] = {**OPTIONS, **declared(CsvOptions)}  # all that a command of training can have
SETTING_NAMES: frozenset[str] = frozenset(declared(TrainingOptions))  # those that `Settings` holds


def options_of(verb: str) -> dict[str, Declaration]:
    """The options that a command or function has, by name."""
    return {name: entry for name, entry in OPTIONS.items() if verb in entry.verbs}


def check_names(verb: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise TypeError, as Python does for a keyword that a function does not have."""
    names = set(known)
    for name in given:
        if name not in names:
            word = name.replace("_", "-")
            near = next((n for n in names if n in OPTIONS and word in OPTIONS[n].also), None) or closest(name, names)
            hint = f"; did you mean {near!r}?" if near else ""
            raise TypeError(f"{verb}() got an unexpected keyword argument {name!r}{hint}")
