"""Running the generated loop: what it runs on, in which slices, and on what kind of machine."""
