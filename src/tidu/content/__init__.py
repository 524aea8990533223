"""What training is made of, each thing declared once: losses, optimizers, learning-rate schedules, penalties."""
