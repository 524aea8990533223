"""What a notebook shows in the place of a repr: the blocks that the command line prints of the same thing."""

from __future__ import annotations

from tidu.content.methods import SOLVERS
from tidu.insight.reporting.document import Block
from tidu.insight.reporting.run_facts import blocks_of_fit, mathematics, parameters_at_end
from tidu.insight.reporting.sweep_blocks import sweep_blocks
from tidu.training.model import Model
from tidu.training.run import Run
from tidu.training.sweeping.swept import Sweep


def blocks_for(asked: Run | Model | Sweep) -> list[Block]:
    """The blocks of a run, a model or a sweep."""
    match asked:
        case Run():
            return blocks_of_fit(asked)
        case Sweep():
            return sweep_blocks(asked)
        case Model():
            solver = SOLVERS.get(asked.settings.optimizer)
            return [mathematics(asked.program, asked.settings.formula, solver), parameters_at_end(asked)]
