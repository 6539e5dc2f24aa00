"""How often somebody may ask: a bucket of tokens for each of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_MOST_KNOWN = 10_000


class Rates:
    """So much a second for each, and `burst` at once after a pause. Safe from any thread.

    Of more callers than ten thousand those are forgotten whose buckets have been untouched for longest.
    """

    def __init__(self, per_s: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s, self._burst, self._clock = per_s, max(burst, per_s), clock
        self._left: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def wait_s(self, name: str, number: int) -> float:
        """Takes so much from what somebody may ask. Where it is too much nothing is taken, and the answer is after how many
        seconds it will be there."""
        now = self._clock()
        with self._lock:
            left, at = self._left.pop(name, (float(self._burst), now))
            left = min(self._burst, left + (now - at) * self._per_s)
            enough = left >= number
            self._left[name] = (left - number if enough else left), now
            if len(self._left) > _MOST_KNOWN:
                del self._left[next(iter(self._left))]
        return 0.0 if enough else (number - left) / self._per_s
