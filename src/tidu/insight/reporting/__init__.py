"""Reports as data: documents of sections of blocks, what they say of a run, and the renderers that write them."""
