"""What a worker asks of its group by default."""

from __future__ import annotations

from pipeline.settings.model import Settings

SHORTEST_BY_DEFAULT_MS = 6_000
"""`group.min.session.timeout.ms` of Kafka, unless somebody sets it: a shorter session is refused."""


def test_a_session_is_the_shortest_that_brokers_take_by_default() -> None:
    assert Settings().session_timeout_ms == SHORTEST_BY_DEFAULT_MS
