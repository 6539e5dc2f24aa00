"""Waiting on a condition with a deadline: never for luck."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 180.0
"""How long a condition may take on a busy two-core machine. The usual case is a hundredth of it."""


_FIRST_PAUSE_S = 0.03
_LONGEST_PAUSE_S = 0.5
_SHARE_OF_WAITED = 0.15


class GaveUpWaiting(AssertionError):
    """A condition that did not come true in time."""


def wait_for(
    what: str,
    condition: Callable[[], T],
    *,
    within: float = PATIENCE_S,
    every: float | None = None,
    detail: Callable[[], str] = lambda: "",
) -> T:
    """Asks until the answer is true and returns it. `detail` tells more when the time is up.

    Without `every`, the pause in seconds, it asks less often the longer it has waited: a question to the brokers makes a client and
    takes from the processes under test the time that they need.
    """
    began = time.monotonic()
    while not (answer := condition()):
        waited = time.monotonic() - began
        if waited > within:
            raise GaveUpWaiting(f"waited {within:.0f} s in vain until {what}\n{detail()}")
        time.sleep(every or min(max(waited * _SHARE_OF_WAITED, _FIRST_PAUSE_S), _LONGEST_PAUSE_S))
    return answer
