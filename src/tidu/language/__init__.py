"""Expressions, the op table, derivatives, formulas and their printed forms."""
