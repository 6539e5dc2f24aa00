"""The Shantou draft (`001 篇10`): no points and no standing, only institutions' lists of prescribers (a site status)."""

from __future__ import annotations

from rules.schemes.account import Account


def run() -> Account:
    """No spans: every day is normal."""
    return Account()
