"""What a notebook shows in the place of a repr: the blocks that the command line prints of the same thing."""

from __future__ import annotations

from tidu.content.methods import SOLVERS
from tidu.insight.doctor import Diagnosis
from tidu.insight.explanation import Explanation
from tidu.insight.reporting.diagnosis_blocks import diagnosis_blocks
from tidu.insight.reporting.document import Block
from tidu.insight.reporting.run_facts import blocks_of_fit, mathematics, parameters_at_end
from tidu.insight.reporting.step_sections import section_of
from tidu.insight.reporting.sweep_blocks import sweep_blocks
from tidu.training.model import Model
from tidu.training.run import Run
from tidu.training.sweeping.swept import Sweep


def blocks_for(asked: Run | Model | Sweep | Explanation | Diagnosis) -> list[Block]:
    """The blocks of a run, a model, a sweep, a step or a diagnosis."""
    match asked:
        case Explanation():
            return list(section_of(asked).blocks)
        case Diagnosis():
            return list(diagnosis_blocks(asked))
        case Run():
            return blocks_of_fit(asked)
        case Sweep():
            return sweep_blocks(asked)
        case Model():
            solver = SOLVERS.get(asked.settings.optimizer)
            return [mathematics(asked.program, asked.settings.formula, solver), parameters_at_end(asked)]
