"""Explains one claim: the decision and everything behind it, for people and for scripts."""
