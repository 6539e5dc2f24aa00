"""Worked cases in the schema of the spec, run through the same law as the gate (`screening conformance`)."""
