"""The product's own sample: a register and claims made from a seed, for the demo, for trying things out, for tests.

Nothing here is copied from real data. What the sample looks like follows from figures of a real fund: how claims crowd on
few physicians, how many name none, how many are reversals. The same seed always gives the same bytes; no clock is read.
"""

from pipeline.sample.broken import BROKEN, Broken
from pipeline.sample.claims import FIRST_SERVICE, LAST_SERVICE, claims
from pipeline.sample.files import write_sample
from pipeline.sample.roster import PHYSICIANS, institutions, register_events, roster

__all__ = [
    "BROKEN",
    "FIRST_SERVICE",
    "LAST_SERVICE",
    "PHYSICIANS",
    "Broken",
    "claims",
    "institutions",
    "register_events",
    "roster",
    "write_sample",
]
