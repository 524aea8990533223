"""Fits that are solved: derivatives of the cost over all rows, the solvers, what is known of their answers."""
