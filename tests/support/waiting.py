"""Waiting on a condition with a deadline: never for luck."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 90.0
"""How long a condition may take on a busy two-core machine. The usual case is a hundredth of it."""


class GaveUpWaiting(AssertionError):
    """A condition that did not come true in time."""


def wait_for(
    what: str,
    condition: Callable[[], T],
    *,
    within: float = PATIENCE_S,
    every: float = 0.03,
    detail: Callable[[], str] = lambda: "",
) -> T:
    """Asks until the answer is true and returns it. `detail` tells more when the time is up."""
    deadline = time.monotonic() + within
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise GaveUpWaiting(f"waited {within:.0f} s in vain until {what}\n{detail()}")
        time.sleep(every)
    return answer
