"""Tensors that compute at once, remember how, and walk back."""
