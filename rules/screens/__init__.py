"""Screening: claims and standing in, verdicts out. One vector definition serves one claim and a hundred million."""
