"""The version of tidu: what `--version` prints, and what a run is recorded with."""

__version__ = "0.1.0"
