"""The loops that run a generated text with its data: plain Python, machine code, whole batches, a device."""
