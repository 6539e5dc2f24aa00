"""What is in commit comes to an end, also when the client never answers and no other claim comes."""

from __future__ import annotations

import threading
from typing import Any, ClassVar

import pytest

from pipeline.screening import committing
from pipeline.screening.committing import Committer
from pipeline.screening.gate import Gate
from pipeline.settings.model import Settings
from pipeline.settings.packs import load_pack_set
from pipeline.telemetry.gate_metrics import GateMetrics
from tests.support.waiting import wait_for


class Silent:
    """A producer whose commit never answers, as librdkafka's after a sequence that the brokers have not expected."""

    made: ClassVar[list[Silent]] = []
    never = threading.Event()

    def __init__(self, *_given: Any) -> None:
        self.made.append(self)

    def start(self) -> None:
        """Nothing to take over."""


def test_a_commit_that_never_answers_is_given_up_though_no_other_claim_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committing, "TransactionalSink", Silent)
    monkeypatch.setattr(committing, "_COMMIT_WITHIN_S", 0.05)
    monkeypatch.setattr(Committer, "_commit", lambda *_given: Silent.never.wait())
    metrics, forgotten = GateMetrics(), []
    committer = Committer(
        Settings(), Gate(load_pack_set()), metrics, "w1",
        epoch=lambda: 0, forget=lambda: forgotten.append(1), committed=lambda _commit: None,
    )  # fmt: skip

    batch: Any = object()
    committer.begin(batch)
    wait_for("the worker's turn sees that it is time to look", lambda: committer.busy and committer.idle)
    assert committer.settle() is False

    assert forgotten == [1], "what was read since is read again"
    assert len(Silent.made) == 2, "another producer of the same name goes on"
    assert metrics.registry.get_sample_value("screening_transactions_aborted_total", {"cause": "commit_stuck"}) == 1
    Silent.never.set()
