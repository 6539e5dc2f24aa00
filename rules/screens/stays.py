"""How a stay lies to the windows of penalties (跨期住院)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rules.screens.facts import ClaimColumns, Mask
from rules.screens.ragged import Ints, Ragged
from rules.screens.rows import IN_PENALTY, NO_SPAN


def straddles(store: Ragged, owners: Ints, span: Ints, claims: ClaimColumns) -> Mask:
    """Whether a stay has at least one day inside a penalty window and one outside every window.

    `store` holds the spans, `owners` and `span` are the physician of each claim and the span of its last day; negative: none.
    """
    answer = np.zeros(len(owners), np.bool_)
    stays = claims.stay & (owners >= 0)
    if not stays.any():
        return answer
    at = np.flatnonzero(stays)
    last = claims.day[at]
    first = claims.start_day[at]
    day_before = (first - 1).astype(np.int32)
    inside = _penalised_until(store, span[at], last) - _penalised_until(
        store, store.find(owners[at], day_before), day_before
    )
    answer[at] = (inside > 0) & (inside < last.astype(np.int64) - first + 1)
    return answer


def _penalised_until(store: Ragged, span: Ints, days: Ints) -> npt.NDArray[np.int64]:
    """Days in penalty windows up to and including the day."""
    facts = store.rows(span, NO_SPAN)
    running = (facts["flags"] & IN_PENALTY) != 0
    counted = np.where(running, days.astype(np.int64) - facts["start"] + 1, 0)
    return facts["penalised_before"].astype(np.int64) + counted
