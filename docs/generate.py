"""Writes the pages that are read off the package: tables of what there is, the lessons, and the loops they ran."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from command_line import reference_in
from five_programs import page as page_of_programs
from function_tables import tables_of_functions
from notebooks import with_pictures

from tidu.content.arguments import Option
from tidu.content.losses import LOSSES, loss_named
from tidu.content.optimizers import OPTIMIZERS
from tidu.content.schedules import SCHEDULES, STEP
from tidu.engines.mathematics import LATEX, update_rule
from tidu.engines.program import program_of_function
from tidu.language.expr import symbol
from tidu.language.printer import latex
from tidu.lessons import digits, line, linreg, meter, one_weight, parabola, xor
from tidu.lessons.lesson import LESSONS
from tidu.text import use_language


def generate_all(folder: Path) -> None:
    """Write every generated page below `folder`."""
    folder.mkdir(exist_ok=True)
    (folder / "functions.md").write_text(functions(), encoding="utf-8")
    (folder / "losses.md").write_text(losses(), encoding="utf-8")
    (folder / "optimizers.md").write_text(optimizers(), encoding="utf-8")
    (folder / "schedules.md").write_text(schedules(), encoding="utf-8")
    for lang in ("en", "zh"):
        (folder / f"command-line.{lang}.md").write_text(reference_in(lang), encoding="utf-8")
        use_language(lang)
        (folder / f"five-programs.{lang}.md").write_text(page_of_programs(), encoding="utf-8")
        use_language("en")
    (folder / "loops.md").write_text(loops(), encoding="utf-8")
    lessons(folder)


def table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(headings)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def first_line(thing: object) -> str:
    return " ".join((getattr(thing, "__doc__", "") or "").split())


def shown(options: Mapping[str, Option]) -> str:
    return ", ".join(f"`{name}={o.default:g}` ({o.range_in_words()})" for name, o in options.items()) or "none"


def functions() -> str:
    return (
        "# Functions in formulas\n\n"
        "Besides `+ - * / **`, comparisons (`< <= > >= == !=`), `and`, `or`, `not`, `a if condition else b`, and the\n"
        "numbers `pi` and `e`. Model functions make their own parameters; `...` is every column not named.\n\n"
        + tables_of_functions("en")
    )


def losses() -> str:
    rows = []
    for name, entry in LOSSES.items():
        shape = (3,) if entry.of_classes else ()  # a score for each class
        y_hat, y = symbol("y_hat", "feature", shape=shape), symbol("y", "target", shape=shape)
        names = {y_hat: r"\hat{y}"}
        formula = latex(loss_named(name)(y_hat, y), names)  # with the default options
        rows.append(
            [f"`{name}`", f"${formula}$", shown(entry.options), entry.targets.words, first_line(entry.expression)]
        )
    return (
        "# Losses\n\nThe loss of one sample; the cost is the mean over the batch. ŷ is what the formula gives (for\n"
        "`logistic`, `hinge`, `perceptron` and `poisson` the score, from which the prediction is made).\n\n"
        + table(["name", "loss of one sample", "options", "targets", "about"], rows)
    )


def optimizers() -> str:
    parts = [
        "# Optimizers\n\n$g$ is the mean gradient over the batch, $\\alpha$ the learning rate,\n"
        "$k$ the update (from 1).\n"
    ]
    x = symbol("x", "parameter")
    for name, entry in OPTIMIZERS.items():
        program = program_of_function(x**2, [x], entry, symbol("lr", "hyper"))
        rule = " \\\\\n".join(rf"{left} &\leftarrow {right}" for left, right in update_rule(program, LATEX))
        parts.append(
            f"## {name}\n\n{first_line(entry.rule)}\n\nOptions: {shown(entry.options)}. "
            f"Default rate {entry.default_lr:g}.\n\n"
            f"$$\n\\begin{{aligned}}\n{rule}\n\\end{{aligned}}\n$$\n"
        )
    return "\n".join(parts)


def schedules() -> str:
    rows = [
        [f"`{name}`", f"${latex(entry(), {STEP: 't'})}$", shown(entry.options), first_line(entry.factor)]
        for name, entry in SCHEDULES.items()
    ]
    return (
        "# Learning-rate schedules\n\nA learning rate is an expression of the step $t$ and the `epoch`, both from 0.\n"
        "A schedule is a factor; factors multiply: `0.1 * warmup(100) * cosine(1000)`.\n\n"
        + table(["name", "factor, with the default options", "options", "about"], rows)
    )


def loops() -> str:
    runs = {
        "meter: one weight, one sample": meter.descent(),
        "one-weight: full batch (GD)": one_weight.descent(one_weight.GD_DATA, None),
        "one-weight: one by one (SGD)": one_weight.descent(one_weight.SGD_DATA, 1, record="step"),
        "one-weight: mini-batch": one_weight.descent(one_weight.SGD_DATA, 2),
        "parabola: three weights": parabola.descent(epochs=2),
        "parabola with adam": parabola.descent(epochs=2, optimizer="adam"),
        "linreg: shuffled mini-batches": linreg.descent(linreg.data()),
    }
    from tidu.training.fit import fit

    runs["line: full batch"] = fit("y = w*x + b", line.data(), lr=line.LR, epochs=2)
    runs["xor: two layers"] = fit(xor.TWO_LAYERS, xor.data(), loss="logistic", optimizer="adam", lr=0.05, epochs=2)
    runs["xor over tiles, as it is compiled for longer work"] = fit(
        xor.TWO_LAYERS, xor.data(), loss="logistic", optimizer="adam", lr=0.05, epochs=2, engine="python"
    )
    runs["digits: two layers, ten classes"] = fit(
        digits.NETWORK, digits.data(), loss="softmax", lr=0.005, batch_size=32, epochs=1
    )
    parts = [
        "# The loops of the lessons\n\nEach is the file that ran, as `run.source` and `tidu fit --show-code` show it.\n"
        "`tidu.runtime.ieee` holds the elementary functions with IEEE 754 results (what overflows is inf),\n"
        "`tidu.runtime.summation` the sums over many samples, in one fixed order, `tidu.runtime.tiles` products of\n"
        "matrices for tiles of samples.\n"
    ]
    parts += [f"## {title}\n\n```python\n{run.source}```\n" for title, run in runs.items()]
    return "\n".join(parts)


def lessons(folder: Path) -> None:
    for lang in ("en", "zh"):
        use_language(lang)
        for name, lesson in LESSONS.items():
            place = folder / f"lesson-{name}.{lang}"
            given = lesson.give(str(place), with_pictures=True)
            page = given.page.replace(f"{place}/", f"tidu-lesson-{name}/")
            page = with_pictures(page).replace(f"(tidu-lesson-{name}/", f"({place.name}/")
            (folder / f"lesson-{name}.{lang}.md").write_text(page, encoding="utf-8")
    use_language("en")
