"""Expressions, the op table, derivatives, formulas and their printed forms."""

# Whoever has an expression has its operations and its printed form: these fill the tables that `expr` reads.
from tidu.language import array_ops as array_ops
from tidu.language import printer as printer
