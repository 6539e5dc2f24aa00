"""What a control process says: a clock that the brokers refuse is named until it is right, a rebalance that takes its time is none."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.control import service
from pipeline.control.events import ClockRefused
from pipeline.kafka.transactions import TransactionAborted
from pipeline.settings.model import Settings
from pipeline.settings.packs import load_pack_set


class _Plane:
    """A run of the control plane that joins; the first time the brokers refuse what it writes, later they take it."""

    ran = 0

    def __init__(self, control: service.Control, seen: list[tuple[bool, dict[str, Any]]]) -> None:
        self.ready, self.has_written = True, False
        self.partitions, self.topics = {0}, SimpleNamespace(trouble=None)
        self._control, self._seen = control, seen

    async def run(self, stop: asyncio.Event) -> None:
        _Plane.ran += 1
        if _Plane.ran == 1:
            raise TransactionAborted("INVALID_TIMESTAMP", "Broker: Invalid timestamp")
        self._seen.append(self._control._ready())
        self.has_written = True
        while not self._control._ready()[0]:
            await asyncio.sleep(0.01)
        self._seen.append(self._control._ready())
        stop.set()


def test_a_refused_clock_is_named_until_the_brokers_have_taken_something_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(data_dir=tmp_path, metrics_port=0, instance_id="control-1")
    control = service.Control(settings, load_pack_set())
    seen: list[tuple[bool, dict[str, Any]]] = []
    _Plane.ran = 0

    async def partitions(_stop: asyncio.Event) -> dict[str, int]:
        return {}

    logged: list[object] = []
    monkeypatch.setattr(control, "_partitions", partitions)
    monkeypatch.setattr(control, "_route_logs", lambda: None)
    monkeypatch.setattr(control._teller, "tell", logged.append)
    monkeypatch.setattr(service, "Plane", lambda *_: _Plane(control, seen))
    control.run()

    (was_ready, told), (is_ready, now) = seen
    assert (was_ready, is_ready) == (False, True), "joining alone does not tell that the clock is right"
    assert "clock" in told["trouble"]
    assert "NTP" in told["trouble"]
    assert "trouble" not in now
    assert [event.detail for event in logged if isinstance(event, ClockRefused)] == [told["trouble"]]


@pytest.mark.parametrize(("level", "told"), [(logging.WARNING, 0), (logging.ERROR, 1)])
def test_a_rebalance_that_takes_longer_than_a_session_is_not_told_as_something_that_timed_out(
    level: int, told: int
) -> None:
    heard: list[object] = []
    bridge = service._Bridge(SimpleNamespace(tell=heard.append))  # type: ignore[arg-type]
    for words in ("[^-App]: Warning: Task timed out!", "[^-App]: Please make sure it's hanging before restart."):
        bridge.emit(logging.LogRecord("faust.app.base", level, __file__, 1, words, (), None))
    assert len(heard) == 2 * told
    bridge.emit(logging.LogRecord("aiokafka", logging.WARNING, __file__, 1, "Heartbeat failed", (), None))
    assert len(heard) == 2 * told + 1, "whatever else is warned of is told"
