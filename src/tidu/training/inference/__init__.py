"""From a fit to what it says: derived quantities, and intervals that need more than the curvature at the end."""
