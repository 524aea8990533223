"""The five programs, each with its first and its last step explained, as a page in each language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

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


class Program(NamedTuple):
    """The data of its lesson, what runs it, its title, and what to look at, by language."""

    data: str
    run: Callable[[], Run]
    title: Mapping[str, str]
    look: Mapping[str, str]


PROGRAMS = (
    Program(
        "meter/meter.csv",
        meter.descent,
        {"en": "meter: one metre is a hundred centimetres", "zh": "meter：一米等于一百厘米"},
        {
            "en": "One sample and one weight. Look at ŷ − y: each of the 61 steps leaves 0.8 of it, because the slope "
                  "is ŷ − y itself and the learning rate is 0.2.",
            "zh": "只有一个样本、一个权重。请看 ŷ − y：斜率就是它本身，学习率是 0.2，"
                  "所以 61 步中每一步都使它变成原来的 0.8 倍。",
        },
    ),
    Program(
        "one-weight/gd.csv",
        lambda: one_weight.descent(one_weight.GD_DATA, None),
        {"en": "one-weight: gradient descent on y = w·x", "zh": "one-weight：y = w·x 的梯度下降"},
        {
            "en": "Three samples on the line y = 2x. Look at the sum over the batch and its mean: the row with the "
                  "largest x has the largest say in the step.",
            "zh": "三个样本都在直线 y = 2x 上。请看批量上的和与平均：x 最大的那一行，对这一步的影响也最大。",
        },
    ),
    Program(
        "one-weight/sgd.csv",
        lambda: one_weight.descent(one_weight.SGD_DATA, 1),
        {"en": "one-weight: the same, one sample an update", "zh": "one-weight：同一模型，每次更新用一个样本"},
        {
            "en": "No line through the origin meets all three points, so each sample pulls w its own way. Look at the "
                  "gradient of the last step: it is far from 0, and w never comes to rest.",
            "zh": "过原点的直线不可能同时经过这三个点，所以每个样本都把 w 拉向自己那一边。"
                  "请看最后一步的梯度：它离 0 还很远，w 停不下来。",
        },
    ),
    Program(
        "line/line.csv",
        lambda: fit_whole("y = w*x + b", line.data(), lr=line.LR, epochs=line.STEPS),
        {"en": "line: y = w·x + b by the full batch", "zh": "line：用整个批量拟合 y = w·x + b"},
        {
            "en": "One learning rate for both parameters. Compare the gradients of the first step, and where w and b "
                  "are in the last: w has arrived, and b has hardly moved.",
            "zh": "两个参数共用一个学习率。请比较第一步的两个梯度，再看最后一步时 w 和 b 在哪里："
                  "w 已经到位，b 几乎没动。",
        },
    ),
    Program(
        "parabola/parabola.csv",
        parabola.descent,
        {"en": "parabola: three weights, sample by sample", "zh": "parabola：三个权重，逐个样本"},
        {
            "en": "The slopes by w1, w2 and w3 are the residual times 2x², 2x and 2. Look at the first sample, whose x "
                  "is 0: it moves w3 alone.",
            "zh": "对 w1、w2、w3 的斜率分别是残差乘 2x²、2x 和 2。请看第一个样本，它的 x 是 0：这一步只有 w3 变化。",
        },
    ),
    Program(
        "linreg/linreg.csv",
        lambda: linreg.descent(linreg.data()),
        {"en": "linreg: linear regression from scratch", "zh": "linreg：从零开始的线性回归"},
        {
            "en": "Batches of ten rows, in an order that is drawn anew for each epoch. Look at the weights of the last "
                  "step: the data were made with 2, −3.4 and 4.2.",
            "zh": "每批十行，每一轮重新打乱次序。请看最后一步的权重：数据是用 2、−3.4 和 4.2 生成的。",
        },
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
    sections = [_program(program, lang) for program in PROGRAMS]
    return markdown(Document(TITLE[lang], LEAD[lang], tuple(sections)))


def _program(program: Program, lang: str) -> Section:
    run = replace(program.run(), origin=Origin(f"tidu-lesson-{program.data}"))
    steps = tuple(section_of(run.explain(step)) for step in sorted({0, run.steps - 1}))
    again = (Prose(HOW[lang]), Code(command_of(run), "sh"), Code(python_of(run), "python"))
    told = (Prose(program.look[lang]), mathematics(run.program, run.settings.formula), *blocks_of_result(run)[:1])
    return Section(program.title[lang], (*told, *again), steps)
