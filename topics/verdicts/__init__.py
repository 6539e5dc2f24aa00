"""Verdicts and cases on the wire."""
