"""From a model, a loss and an optimizer to the loop that trains it."""
