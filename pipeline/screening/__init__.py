"""The data plane: claims in, verdicts, cases and dead letters out, exactly once."""
