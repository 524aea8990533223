"""Lessons: the small programs that people learn gradient descent by, run and explained."""
