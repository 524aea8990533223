"""Names of options that people know from other tools: understood where they mean the same, answered where not.

What is understood stands with each option (`also` in its declaration). Here are the answers, most of them read off the
tables of optimizers, losses and model functions. Used by every command before it parses its arguments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import click

from tidu.content.arguments import Declared, written
from tidu.content.losses import LOSSES
from tidu.content.models import MODELS
from tidu.content.optimizers import OPTIMIZERS
from tidu.text import _, mark

_OF_COMMANDS = {"output": "out", "save": "out", "figure": "plot", "save-plot": "plot", "code": "show-code"}
_ITERATIONS = mark("passes over the data are --epochs, updates are --steps")
_PENALTY = mark("the learning rate α is --lr; a penalty on the weights is --l1 or --l2")
_LAYERS = mark("the layers of a network stand in the formula: 'y = mlp(..., hidden=[8])'")
_SCHEDULE = mark("a schedule stands in the learning rate: --lr '0.1 * warmup(100) * cosine(1000)'")
_NAMES = mark("the formula names them: 'target = expression of the features'")
ANSWERS: Mapping[str, str] = {
    **dict.fromkeys(("max-iter", "maxiter", "n-iter", "iter", "iters", "iterations", "num-iterations", "n-iterations",
                     "n-estimators", "num-boost-round", "maxfev"), _ITERATIONS),
    **dict.fromkeys(("alpha", "lambda", "reg", "penalty", "regularization", "weight-decay", "reg-alpha", "reg-lambda",
                     "l1-ratio"), _PENALTY),
    **dict.fromkeys(("hidden-layer-sizes", "hidden-units", "layers", "units"), _LAYERS),
    **dict.fromkeys(("schedule", "scheduler", "lr-schedule", "lr-scheduler", "lr-decay", "decay", "warmup",
                     "warmup-steps"), _SCHEDULE),
    **dict.fromkeys(("target", "features", "label", "y", "x"), _NAMES),
    **dict.fromkeys(("fit-intercept", "intercept", "bias"), mark("the formula has it: the b of 'y = w*x + b'")),
    **dict.fromkeys(("gpu", "cuda", "use-cuda"), mark("write --device cuda")),
    **dict.fromkeys(("normalize", "normalise", "standardize", "standardise", "scaler"), mark("write --scale")),
    **dict.fromkeys(("verbose", "quiet", "silent"), mark(
        "progress is shown on a terminal by itself; --json prints the numbers alone")),
}  # fmt: skip


def understood(command: click.Command, ctx: click.Context, arguments: list[str]) -> list[str]:
    """The arguments with the names of options as this command calls them.

    Raises click.UsageError, with what to write, for a name that means something else here.
    """
    options = [p for p in command.params if isinstance(p, click.Option)]
    known = {name for option in options for name in (*option.opts, *option.secondary_opts)}
    found: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--":
            return [*found, argument, *waiting]
        name, equals, value = argument.partition("=")
        if name.startswith("--") and name not in known:
            name = _own_name(name, known, ctx)
        found.append(f"{name}{equals}{value}")
    return found


def _own_name(name: str, known: set[str], ctx: click.Context) -> str:
    """What an option that is written `name` is called here; `name` itself where nobody knows."""
    word = name[2:].lower().replace("_", "-")
    if f"--{word}" in known:
        return f"--{word}"
    own = f"--{_synonyms().get(word, word)}"
    if own in known:
        return own
    if "--optimizer" in known:  # a command that trains
        answer = next(_answers(word), None)
        if answer is not None:
            raise click.UsageError(_("there is no option {name}: {answer}").format(name=name, answer=answer), ctx)
    return name


def _synonyms() -> dict[str, str]:
    from tidu.training.options import OPTIONS

    return _OF_COMMANDS | {name: entry.word for entry in OPTIONS.values() for name in entry.also}


def _answers(word: str) -> Iterator[str]:
    """Where what `word` means elsewhere stands here; the best first."""
    if word in ANSWERS:
        yield _(ANSWERS[word])
    name = word.replace("-", "_")
    tables: dict[str, Mapping[str, Declared]] = {"--optimizer": OPTIMIZERS, "--loss": LOSSES}
    for option, table in tables.items():
        if name in table:
            example = written(name, {n: o.default for n, o in table[name].options.items()})
            yield _("write {option} '{example}'").format(option=option, example=example)
        for entry in table.values():
            if name in entry.options:
                example = written(entry.name, {name: entry.options[name].default})
                yield _("write {option} '{example}'").format(option=option, example=example)
    for model in MODELS.values():
        if name in model.options:
            yield _("it is written in the formula: {model}(..., {name}={value!r})").format(
                model=model.name, name=name, value=model.options[name]
            )
