"""How often Python looks for cycles of garbage: seldom, in processes that make much and few cycles."""

from __future__ import annotations

import gc

OFTEN_ENOUGH = 200_000
"""Allocations between two looks. A batch makes tens of thousands of short-lived objects and no cycles; at Python's default of 700
the collector took a fifth of the worker's time, and a quarter of what an event costs the ledger in a large dossier (measured)."""


def collect_seldom(every: int = OFTEN_ENOUGH) -> None:
    """Sets how many allocations are made between two looks; long-lived objects are looked through a hundredth as often."""
    gc.set_threshold(every, 50, 100)
