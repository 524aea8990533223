"""The five programs, each with its first and its last step explained, as a page in each language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tidu.insight.reporting.document import Code, Document, Prose, Section
from tidu.insight.reporting.markdown import markdown
from tidu.insight.reporting.repeating import command_of, python_of
from tidu.insight.reporting.run_facts import blocks_of_result, mathematics
from tidu.insight.reporting.step_sections import section_of
from tidu.lessons import line, linreg, meter, one_weight, parabola
from tidu.lessons.lesson import fit_whole
from tidu.text import language
from tidu.training.origin import Origin
from tidu.training.run import Run

# The data of its lesson, its title in English and Chinese, and what runs it.
PROGRAMS: tuple[tuple[str, str, str, Callable[[], Run]], ...] = (
    (
        "meter/meter.csv",
        "meter: one metre is a hundred centimetres", "meter：一米等于一百厘米", meter.descent
    ),
    (
        "one-weight/gd.csv",
        "one-weight: gradient descent on y = w·x", "one-weight：y = w·x 的梯度下降",
        lambda: one_weight.descent(one_weight.GD_DATA, None),
    ),
    (
        "one-weight/sgd.csv",
        "one-weight: the same, one sample an update", "one-weight：同一模型，每次更新用一个样本",
        lambda: one_weight.descent(one_weight.SGD_DATA, 1),
    ),
    (
        "line/line.csv",
        "line: y = w·x + b by the full batch", "line：用整个批量拟合 y = w·x + b",
        lambda: fit_whole("y = w*x + b", line.data(), lr=line.LR, epochs=line.STEPS),
    ),
    (
        "parabola/parabola.csv",
        "parabola: three weights, sample by sample", "parabola：三个权重，逐个样本", parabola.descent
    ),
    (
        "linreg/linreg.csv",
        "linreg: linear regression from scratch", "linreg：从零开始的线性回归",
        lambda: linreg.descent(linreg.data()),
    ),
)  # fmt: skip
TITLE = {"en": "The five programs, step by step", "zh": "五个程序，逐步讲解"}
LEAD = {
    "en": "Each program that tidu grew from, with its first and its last step explained: every number with its "
          "formula, the numbers put in, the line of the loop, and the reason.",
    "zh": "tidu 由这几个小程序发展而来。这里讲解每个程序的第一步和最后一步："
          "每个数都有公式、代入的数值、循环中的行号和理由。",
}  # fmt: skip
HOW = {"en": "How to have it again, with the data of the lesson:", "zh": "怎样重做一遍（数据见课程）："}


def page() -> str:
    """The page in the language in use."""
    lang = language()
    sections = [
        _program(english if lang == "en" else chinese, replace(run(), origin=Origin(f"tidu-lesson-{data}")))
        for data, english, chinese, run in PROGRAMS
    ]
    return markdown(Document(TITLE[lang], LEAD[lang], tuple(sections)))


def _program(title: str, run: Run) -> Section:
    steps = tuple(section_of(run.explain(step)) for step in sorted({0, run.steps - 1}))
    again = (Prose(HOW[language()]), Code(command_of(run), "sh"), Code(python_of(run), "python"))
    return Section(title, (mathematics(run.program, run.settings.formula), *blocks_of_result(run)[:1], *again), steps)
