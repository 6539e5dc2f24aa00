"""Whether this process has been awake: one that was halted may have lost its partitions and not know it yet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

_EVERY_S = 0.1


class Halted(RuntimeError):
    """The process was halted for so long that its partitions may have another owner."""


class Pulse:
    """Beats on the event loop. Brokers give partitions away when a member has been silent for its session's timeout.

    A process that wakes from a longer halt (a stopped container, a suspended machine, a starved loop) believes for a moment
    that nothing has happened and would write what it had read before, over what the new owner has published since: found by
    the test that freezes one, where a standing went from revision 13 back to 2. So nothing is written after a long halt.
    """

    def __init__(self, session_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        # The last heartbeat may be a quarter of the session older than the last beat here.
        self._limit_s = session_s * 0.6
        self._clock = clock
        self._last = clock()
        self._halt_s = 0.0

    async def beat(self) -> None:
        """Beats until it is cancelled. Raises Halted after a halt that was too long."""
        while True:
            self.check()
            await asyncio.sleep(_EVERY_S)

    def check(self) -> None:
        """Raises Halted if the process has been halted for too long at any time since this pulse began."""
        now = self._clock()
        self._halt_s = max(self._halt_s, now - self._last)
        self._last = now
        if self._halt_s > self._limit_s:
            raise Halted(
                f"the process was halted for {self._halt_s:.1f} s, longer than {self._limit_s:.1f} s; its partitions may have "
                "another owner, so it joins the group anew"
            )
