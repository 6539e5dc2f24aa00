"""The Faust app: group membership, flow and tables are Faust's; what a batch does is decided in `ledger` and `cases`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import faust
from faust.sensors.monitor import Monitor
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from yarl import URL

from pipeline.control.faust.credentials import credentials
from pipeline.control.faust.tables import PublishedTable
from pipeline.settings.model import Settings
from topics.catalogue import (
    CASE_ACTIONS,
    CASE_FILES,
    CASE_STATE,
    CLAIM_CASES,
    DOSSIERS,
    INSTITUTION_STANDING,
    NOTICES,
    PHYSICIAN_EVENTS,
    PHYSICIAN_STANDING,
    TopicSpec,
)

EVENT_TABLES = (DOSSIERS, PHYSICIAN_STANDING, INSTITUTION_STANDING, NOTICES)
CASE_TABLES = (CASE_FILES, CASE_STATE)
SOURCES = (PHYSICIAN_EVENTS, CLAIM_CASES, CASE_ACTIONS)
TABLES = (*EVENT_TABLES, *CASE_TABLES)


class _Thread(driver.AIOKafkaConsumerThread):
    def _create_worker_consumer(self, transport: Any) -> Any:
        """Faust reads uncommitted records unless it writes in transactions; cases come from the gate's transactions."""
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        return consumer

    async def seek_to_committed(self) -> Any:
        """Rewinds after a rebalance, also where nothing was ever committed.

        aiokafka leaves such a partition where reading had come to, and Faust has dropped what was read: found by a kill
        before the first commit, after which the partition's first records were never taken.
        """
        return await self.call_thread(self._rewind)

    async def _rewind(self) -> Any:
        consumer = self._ensure_consumer()
        committed = await consumer.seek_to_committed()
        sources = {spec.name for spec in SOURCES}
        never = [tp for tp, offset in committed.items() if not offset and tp.topic in sources]
        if never:
            await consumer.seek_to_beginning(*never)
        return committed


class _Consumer(driver.Consumer):
    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Notes offsets without records, such as the ends of the gate's transactions.

        Faust 0.15.3 counts the record after the gap in, which then stands twice among what is done with, so that each commit
        ends there: one transaction a second and partition, however many there were (found by the audit of cases).
        """
        await super()._add_gap(tp, offset_from, offset_to - 1)

    def _new_consumer_thread(self) -> Any:
        return _Thread(self, loop=self.loop, beacon=self.beacon)


class _Transport(driver.Transport):
    Consumer = _Consumer


class _Silent(Monitor):
    """Faust's monitor keeps books on every event, which costs more than folding it. Ours are in `control_metrics`."""

    def on_message_in(self, tp: TP, offset: int, message: Any) -> None: ...

    def on_stream_event_in(self, tp: TP, offset: int, stream: Any, event: Any) -> dict[str, Any] | None: ...

    def on_stream_event_out(
        self, tp: TP, offset: int, stream: Any, event: Any, state: dict[str, Any] | None = None
    ) -> None: ...

    def on_message_out(self, tp: TP, offset: int, message: Any) -> None: ...

    def track_tp_end_offset(self, tp: TP, offset: int) -> None: ...


class ControlApp(faust.App):
    """A Faust app whose consumer reads committed records only."""

    def _new_transport(self) -> Any:
        return _Transport(self.conf.broker_consumer[0:], self)


def make_app(settings: Settings, folder: Path) -> ControlApp:
    """A fresh app without agents. `folder` is this process's own and must exist."""
    session = settings.session_timeout_ms / 1000
    return ControlApp(
        settings.control_group_id,
        broker=[
            URL(f"kafka://{address.strip().split('://')[-1]}") for address in settings.bootstrap_servers.split(",")
        ],
        broker_credentials=credentials(settings),
        store="memory://",
        datadir=str(folder),
        autodiscover=False,
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        processing_guarantee="at_least_once",
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=session,
        broker_heartbeat_interval=max(0.3, session / 4),
        broker_request_timeout=max(30.0, session + 5),
        broker_rebalance_timeout=max(30.0, session),
        broker_commit_interval=1.0,
        # The embedded broker of the demo breaks the checksums of transactions.
        broker_check_crcs=settings.kafka_config.get("check.crcs", "true") == "true",
        broker_max_poll_records=2_000,
        stream_buffer_maxsize=4 * settings.control_batch_events,
        stream_recovery_delay=0.0,
        stream_wait_empty=False,
        table_standby_replicas=0,
        monitor=_Silent(),
    )


def make_tables(app: ControlApp, settings: Settings, folder: Path) -> dict[str, PublishedTable]:
    """The tables by topic."""
    made = {}
    for spec in TABLES:
        table = PublishedTable(app, spec, settings, folder)
        app.tables.add(table)
        made[spec.name] = table
    return made


def source(app: ControlApp, spec: TopicSpec) -> Any:
    """A topic to read, keys and values as bytes."""
    return app.topic(
        spec.name,
        key_type=bytes,
        value_type=bytes,
        key_serializer="raw",
        value_serializer="raw",
        allow_empty=True,
    )


def equal_partitions(counts: Mapping[str, int]) -> list[str]:
    """What is wrong with the partitions of the topics that have to agree; empty when nothing is."""
    problems = []
    for group in ((PHYSICIAN_EVENTS, *EVENT_TABLES), (CLAIM_CASES, CASE_ACTIONS, *CASE_TABLES)):
        names = [spec.name for spec in group]
        problems += [
            f"topic {name} does not exist; create it with `screening topics apply`"
            for name in names
            if not counts.get(name)
        ]
        found = {name: counts[name] for name in names if counts.get(name)}
        if len(set(found.values())) > 1:
            told = ", ".join(f"{name} has {number}" for name, number in found.items())
            problems.append(f"these topics must have equally many partitions: {told}")
    return problems


def owned(assignment: Iterable[TP], topic: str) -> set[int]:
    """The partitions of a topic in an assignment."""
    return {tp.partition for tp in assignment if tp.topic == topic}
