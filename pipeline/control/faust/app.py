"""The Faust app: group membership, flow and tables are Faust's; what a batch does is decided in `ledger` and `cases`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, cast

import faust
from faust.sensors.monitor import Monitor
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.types import TP
from yarl import URL

from pipeline.control.faust.assignor import Assignor, TopicNotShown
from pipeline.control.faust.consumer import Consumer, ConsumerThread, Reading, Transport
from pipeline.control.faust.credentials import credentials
from pipeline.control.faust.headers import forgive_headers
from pipeline.control.faust.tables import PublishedTable, Takeover
from pipeline.kafka.diagnostics import no_topics
from pipeline.settings.model import Settings
from topics.catalogue import (
    CASE_ACTIONS,
    CASE_FILES,
    CASE_STATE,
    CLAIM_CASES,
    DOSSIERS,
    LEDGER_PROGRESS,
    NOTICES,
    PHYSICIAN_EVENTS,
    STANDING_TOPICS,
    TopicSpec,
)

EVENT_TABLES = (DOSSIERS, *STANDING_TOPICS, NOTICES)
CASE_TABLES = (CASE_FILES, CASE_STATE)
TABLES = (*EVENT_TABLES, *CASE_TABLES)

_JOIN_LOOK_EVERY_S = 0.3


class _Recovery(Recovery):
    async def _build_highwaters(self, consumer: Any, tps: set[TP], destination: Any, title: str) -> None:
        """Says that nothing is to be recovered: the stores have read their changelogs to the end.

        Faust counts offsets, and would wait for a record where the mark stands that ended the last transaction.
        """
        destination.clear()
        destination.update(dict.fromkeys(tps, -1))


class _Tables(TableManager):
    @property
    def recovery(self) -> Recovery:
        """The service that ends each rebalance."""
        if self._recovery is None:
            self._recovery = _Recovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery


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
    """A Faust app whose consumer reads committed records only, from where `starts` says."""

    starts: Callable[[], Mapping[TP, int | None]] = staticmethod(dict)
    """The ledger's progress in each source of this process; None where there is none yet."""
    offsets_not_committed: Callable[[str], object] = staticmethod(str)
    """Is told why the group's offsets could not be written."""

    async def reading(self) -> dict[TP, Reading]:
        """How far each source was read, as of one moment. Raises TimeoutError when the consumer's thread does not answer."""
        return await _reader(self.consumer).look()

    async def keep_joining(self, tell: Callable[[str], object]) -> None:
        """Ends only by raising: a KafkaError when the group cannot be joined, for a reason that another try does not mend.

        A topic that the brokers do not show yet is waited for; `tell` is given each refusal.
        """
        while True:
            await asyncio.sleep(_JOIN_LOOK_EVERY_S)
            refused = None
            # A thread that does not answer is noticed by whoever asks it how far it has read.
            with contextlib.suppress(TimeoutError):
                refused = await _reader(self.consumer).refusal()
            if refused is None:
                continue
            if TopicNotShown.__name__ not in str(refused):
                raise refused
            tell(str(refused))

    async def abandon(self) -> None:
        """Sees to it that nothing of this app is left in the group after `stop`, however that ended."""
        await _reader(self.consumer).abandon()

    def _new_transport(self) -> Any:
        return Transport(self.conf.broker_consumer[0:], self)


def _reader(consumer: Any) -> ConsumerThread:
    return cast("ConsumerThread", cast("Consumer", consumer)._thread)


def make_app(settings: Settings, folder: Path) -> ControlApp:
    """A fresh app without agents. `folder` is this process's own and must exist."""
    forgive_headers()
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
        recovery_consistency_check=False,
        TableManager=_Tables,
        PartitionAssignor=Assignor,
        monitor=_Silent(),
    )


def make_tables(app: ControlApp, settings: Settings, folder: Path, take_over: Takeover) -> dict[str, PublishedTable]:
    """The tables by topic. `take_over` is called at each assignment before they are read."""
    made = {}
    for spec in TABLES:
        table = PublishedTable(app, spec, settings, folder, take_over)
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
    groups = ((PHYSICIAN_EVENTS, *EVENT_TABLES), (CLAIM_CASES, CASE_ACTIONS, *CASE_TABLES))
    missing = [spec.name for spec in (LEDGER_PROGRESS, *chain(*groups)) if not counts.get(spec.name)]
    problems = [no_topics(missing)] if missing else []
    for group in groups:
        names = [spec.name for spec in group]
        found = {name: counts[name] for name in names if counts.get(name)}
        if len(set(found.values())) > 1:
            told = ", ".join(f"{name} has {number}" for name, number in found.items())
            problems.append(f"these topics must have equally many partitions: {told}")
    return problems


def owned(assignment: Iterable[TP], topic: str) -> set[int]:
    """The partitions of a topic in an assignment."""
    return {tp.partition for tp in assignment if tp.topic == topic}
