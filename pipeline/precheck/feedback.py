"""Feedback of doctors (3103) on its way to the topic `precheck-feedback`: the only thing that the pre-check writes."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

from confluent_kafka import KafkaException

from pipeline.kafka.diagnostics import ClusterError
from pipeline.kafka.producing import Sender
from pipeline.settings.model import Settings
from topics.catalogue import PRECHECK_FEEDBACK
from topics.messages.precheck import PrecheckFeedback


class NotRecorded(Exception):
    """The brokers did not take the feedback; the message says why."""


class Recorder(Protocol):
    """Who keeps feedback."""

    def record(self, feedback: Sequence[PrecheckFeedback]) -> None:
        """Returns when it is kept. Raises NotRecorded."""


class TopicRecorder:
    """Writes feedback to its topic. The brokers are asked when the first comes: most processes are never given any."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sender: Sender | None = None
        self._lock = threading.Lock()

    def record(self, feedback: Sequence[PrecheckFeedback]) -> None:
        """Returns when the brokers have taken all of it. Raises NotRecorded. Safe from any thread."""
        with self._lock:
            try:
                if self._sender is None:
                    self._sender = Sender(self._settings, PRECHECK_FEEDBACK.name, PRECHECK_FEEDBACK.max_record_bytes)
                refused = len(self._sender.failed)
                self._sender.send(
                    [{"key": one.finding, "value": one.model_dump_json(by_alias=True).encode()} for one in feedback]
                )
                self._sender.finish()
                failed = self._sender.failed[refused:]
            except (ClusterError, KafkaException) as error:
                raise NotRecorded(str(error)) from None
        if failed:
            raise NotRecorded(failed[0])
