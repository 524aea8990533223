"""Learners' scripts, watched while they run: what their tensors did, what is wrong, and in which line."""
