"""Walks: the lessons as guided tours of the lab, with questions whose answers the engine computes."""
