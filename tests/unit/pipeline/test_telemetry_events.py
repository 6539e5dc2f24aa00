"""An event is told once: its class's name is searched for in the log, its fields are logged, and its metrics move with it."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass

import pytest
import structlog
from prometheus_client import CollectorRegistry, Counter

from pipeline.settings.model import LogFormat
from pipeline.telemetry.events import Event, Teller
from pipeline.telemetry.logs import configure_logs, logger


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.claims = Counter("claims", "Claims judged", registry=self.registry)


@dataclass(frozen=True, slots=True)
class BatchCommitted(Event[Metrics]):
    claims: int
    held_for_s: float | None = None

    def measure(self, metrics: Metrics) -> None:
        metrics.claims.inc(self.claims)


@pytest.fixture
def log() -> io.StringIO:
    stream = io.StringIO()
    configure_logs(LogFormat.JSON, "info", stream)
    return stream


def test_one_telling_logs_an_event_by_the_name_of_its_class_and_moves_its_metrics(log: io.StringIO) -> None:
    metrics = Metrics()
    Teller(logger(component="worker"), metrics).tell(BatchCommitted(claims=20))
    structlog.reset_defaults()
    told = json.loads(log.getvalue())
    assert {name: told[name] for name in ("event", "level", "component", "claims")} == {
        "event": "batch_committed",
        "level": "info",
        "component": "worker",
        "claims": 20,
    }
    assert "held_for_s" not in told, "what is not known is not said"
    assert metrics.registry.get_sample_value("claims_total") == 20
