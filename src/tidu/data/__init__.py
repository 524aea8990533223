"""Tables of numbers: from files, frames and arrays to columns of float64."""
