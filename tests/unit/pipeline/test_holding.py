"""The policy `hold` keeps every claim back for which the register is too old, at whatever moment the limit is passed."""

from __future__ import annotations

from collections import deque
from types import SimpleNamespace
from typing import Any

from pipeline.screening.batches import Records
from pipeline.screening.worker import Worker
from pipeline.settings.model import Settings, StalenessPolicy


class AgeingView:
    """A register that is as old as the limit allows when a turn first asks, and older whenever it is asked again."""

    def __init__(self, limit_s: float) -> None:
        self._age = limit_s - 0.01
        self.changes = 0
        self.waited = 0

    def refresh(self) -> None:
        """Nothing new comes."""

    def staleness(self) -> float:
        self._age += 0.008
        return self._age

    def covers(self, _moment: float) -> bool:
        return False

    def wait(self, _seconds: float) -> None:
        self.waited += 1

    def demand(self) -> None:
        """The brokers do not answer."""

    def cause(self) -> tuple[str, str]:
        return "brokers_away", "no broker answers"


def test_a_limit_that_is_passed_between_two_looks_at_the_clock_lets_no_claim_through_under_the_policy_hold() -> None:
    settings = Settings(staleness_policy=StalenessPolicy.HOLD, staleness_limit_s=5)
    worker: Any = Worker.__new__(Worker)
    judged: list[Records] = []
    worker.settings, worker.view = settings, AgeingView(settings.staleness_limit_s)
    worker._held, worker._lag_s, worker._ruled, worker._wait_told = False, 1.0, None, False
    waiting: Any = SimpleNamespace(arrived=0.0, messages=(), unwritable=None)
    worker._waiting = deque([waiting])
    worker._teller = SimpleNamespace(tell=lambda _event: None)
    worker._ownership = SimpleNamespace(rewind_needed=False, pause=lambda *, on: None, read=lambda _most, _s: waiting)
    worker._committer = SimpleNamespace(busy=False, trouble=None)
    worker._reporter = SimpleNamespace(look=lambda *_given, **_named: None)
    worker._rule = lambda records, **_how: judged.append(records)

    for _turn in range(3):
        worker._turn()

    assert not judged, "a claim was judged by a register older than the limit"
    assert worker._held
