"""A replay's run: slices through the gate's decision, the folder that it leaves, progress, provenance, metrics."""
