"""Machine code for the generated texts: what Numba is told of them."""
