"""A function that is minimised as it stands: its text is a formula without a left side, and predicts nothing.

Its variables are the names that the settings give a start; any other name is a column, and the cost is then the mean
over its rows. Without columns it stands on one row that it does not look at. Read by `Problem`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tidu.engines.program import Program, program_of_function
from tidu.errors import FormulaError, SettingError
from tidu.language.expr import Expr, symbol, symbols
from tidu.language.formula_text import equal_signs
from tidu.language.reader import parse_expression
from tidu.text import _
from tidu.training.settings import Settings

Array = npt.NDArray[np.float64]
NO_COLUMN = "one_row"  # what the single row of a function without data holds; nothing reads it


def is_function(formula: str) -> bool:
    """Whether the text in the place of a formula is a function: a formula says behind `=` what it predicts."""
    return not equal_signs(formula)


def function_read(settings: Settings) -> tuple[Expr, list[Expr], list[Expr]]:
    """The function of these settings, its variables, and the columns that it names.

    Raises
    ------
    FormulaError : it cannot be read.
    """
    variables = {name: symbol(name, "parameter") for name in settings.init}
    value = parse_expression(settings.formula, variables, lambda name: symbol(name, "feature"))
    return value, symbols([value], "parameter"), symbols([value], "feature")


def function_program(settings: Settings) -> Program:
    """The program that minimises the function of these settings.

    Raises
    ------
    FormulaError, NoDerivative : it cannot be read, or has no slope along a variable.
    """
    value, variables, columns = function_read(settings)
    if not variables:
        raise FormulaError(
            _("the function '{function}' does not depend on any of its variables").format(function=settings.formula)
        )
    columns = columns or [symbol(NO_COLUMN, "feature")]
    return program_of_function(value, variables, settings.stepping_optimizer, settings.rate, columns)


def reads_no_column(program: Program) -> bool:
    """Whether a function is computed from its variables alone."""
    return [c.name for c in program.columns] == [NO_COLUMN]


def own_row(program: Program) -> tuple[Array, ...]:
    """The one row of a function that is computed from its variables alone; nothing for one that needs data."""
    return (np.zeros(1),) if reads_no_column(program) else ()


def check_predicts(program: Program) -> None:
    """Refuse to predict with a function that was minimised.

    Raises
    ------
    SettingError
    """
    if program.target is None:
        raise SettingError(_("this run minimized a function, which predicts nothing; look at it with 'tidu report'"))
