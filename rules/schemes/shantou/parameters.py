"""The parameters of the Shantou draft."""

from __future__ import annotations

from typing import Literal

from rules.schemes.ledger import Ledger
from rules.schemes.sections import Count, Param


class ShantouLedger(Ledger):
    """The Shantou draft has no points: only the list of prescribers (`001 篇10 三`)."""

    scheme: Literal["shantou"]
    pharmacies_first_selection: Param[Count]
    pharmacies_per_chain: Param[Count]
