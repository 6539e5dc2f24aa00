"""Claims that flow while something else happens."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from tests.support.cluster import Cluster
from tests.support.waiting import wait_for

_AT_ONCE, _EVERY_S = 20, 0.1


class Flow:
    """Claims that are sent without end, 20 every tenth of a second, until it is told to stop."""

    def __init__(self, cluster: Cluster, claim: Callable[[int], dict[str, Any]]) -> None:
        self._cluster = cluster
        self._claim = claim
        self._stop = threading.Event()
        self.sent = 0
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Flow:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(_EVERY_S):
            batch = [self._claim(number) for number in range(self.sent, self.sent + _AT_ONCE)]
            self._cluster.send("claims", ({"key": one["claim_id"], "value": json.dumps(one).encode()} for one in batch))
            self.sent += len(batch)

    def more(self, claims: int) -> None:
        """Waits until so many more were sent."""
        wanted = self.sent + claims
        wait_for(f"{claims} more claims are sent", lambda: self.sent >= wanted)
