"""Runs that are kept: the store, what writes into it while a run goes on, and how a run is taken up again."""
