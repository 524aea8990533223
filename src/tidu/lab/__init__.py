"""The lab: a local page on which one sees a training happen; the page shows, the engine computes."""
