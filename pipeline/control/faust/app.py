"""The Faust app: group membership, flow and tables are Faust's; what a batch does is decided in `ledger` and `cases`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar, cast

import faust
from aiokafka.errors import KafkaError
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.structs import OffsetAndMetadata
from faust.sensors.monitor import Monitor
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from yarl import URL

from pipeline.control.faust.assignor import Assignor, TopicNotShown
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
SOURCES = (PHYSICIAN_EVENTS, CLAIM_CASES, CASE_ACTIONS)
TABLES = (*EVENT_TABLES, *CASE_TABLES)

T = TypeVar("T")

_SOURCE_NAMES = {spec.name for spec in SOURCES}
_LOOK_WITHIN_S = 10.0
_COMMIT_WITHIN_S = 3.0
_JOIN_LOOK_EVERY_S = 0.3
_ABANDON_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Reading:
    """How far one source was read: the reader's position, and the last record that it has handed out (None: none yet).

    The position is past transaction markers and records rolled back. `stable_end` and `end` are the brokers' word as of the
    last answer: to where committed records go, and where the log ends. `went_back`: the position lies before the place that
    reading began at, because the log there is gone.
    """

    position: int
    handed: int | None
    stable_end: int | None
    end: int | None
    went_back: bool = False

    @property
    def behind(self) -> bool:
        """Whether the log is known to go on, or not yet known to end."""
        return self.stable_end is None or self.position < self.stable_end


class _Thread(driver.AIOKafkaConsumerThread):
    """Faust's consumer, on its own thread. It starts where the ledger's progress says, and tells its position exactly."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._handed: dict[TP, int] = {}
        self._begun: dict[TP, int] = {}

    def _create_worker_consumer(self, transport: Any) -> Any:
        """Faust reads uncommitted records unless it writes in transactions; cases come from the gate's transactions."""
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"
        return consumer

    async def seek_to_committed(self) -> Any:
        """Rewinds to the ledger's progress after a rebalance, which is what was committed: Faust drops what it had read."""
        return await self.call_thread(self._rewind)

    async def _rewind(self) -> dict[TP, int | None]:
        consumer = self._ensure_consumer()
        starts = cast("ControlApp", self.app).starts()
        sources = [tp for tp in sorted(consumer.assignment()) if tp.topic in _SOURCE_NAMES]
        # Before there was a topic of progress, the group's offset was the progress.
        unknown = [tp for tp in sources if starts.get(ensure_TP(tp)) is None]
        committed = dict(zip(unknown, await asyncio.gather(*map(consumer.committed, unknown)), strict=True))
        begun = {tp: committed[tp] if tp in committed else starts[ensure_TP(tp)] for tp in sources}
        never = [tp for tp, offset in begun.items() if offset is None]
        if never:
            # All at once: the brokers' answer is waited for, behind a fetch of a second or more.
            await consumer.seek_to_beginning(*never)
        for tp, offset in begun.items():
            if offset is not None:
                consumer.seek(tp, offset)
            self._handed.pop(tp, None)
            self._begun[tp] = offset or 0
        return {ensure_TP(tp): offset for tp, offset in begun.items()}

    async def _fetch_records(self, *given: Any, **named: Any) -> Any:
        records = await super()._fetch_records(*given, **named)
        # From the consumer's own step to this one nothing else runs on this thread: what was handed out and the position
        # that `_look` reads belong together.
        for tp, found in records.items():
            self._handed[tp] = found[-1].offset
        return records

    async def _answer(self, asked: Coroutine[Any, Any, T], within_s: float) -> T:
        """What the consumer's own thread answers. Raises TimeoutError when it does not."""
        future = asyncio.run_coroutine_threadsafe(asked, self.thread_loop)
        return await asyncio.wait_for(asyncio.wrap_future(future), within_s)

    async def look(self) -> dict[TP, Reading]:
        """How far each source was read, as of one moment. Partitions without a position are absent."""
        return await self._answer(self._look(), _LOOK_WITHIN_S)

    async def _look(self) -> dict[TP, Reading]:
        consumer = self._ensure_consumer()
        subscription = consumer._fetcher._subscriptions.subscription
        assignment = None if subscription is None else subscription.assignment
        if assignment is None or not assignment.active:
            return {}
        told = {}
        for tp in assignment.tps:
            if tp.topic not in _SOURCE_NAMES or tp not in self._begun:
                continue
            state = assignment.state_value(tp)
            if not state.has_valid_position:
                continue
            told[ensure_TP(tp)] = Reading(
                position=state.position,
                handed=self._handed.get(tp),
                stable_end=state.lso,
                end=state.highwater,
                went_back=state.position < self._begun[tp],
            )
        return told

    async def refusal(self) -> KafkaError | None:
        """Why the group could not be joined, if that is so; joining goes on with fresh knowledge of the topics.

        aiokafka waits until its user has seen such an error, which is when records are fetched. Faust fetches nothing while
        nothing is assigned: it would wait, and with it the whole group, for ever.
        """
        if self._consumer is None:
            return None
        return await self._answer(self._refusal(), _LOOK_WITHIN_S)

    async def _refusal(self) -> KafkaError | None:
        consumer = self._ensure_consumer()
        if consumer._coordinator is None:
            return None
        try:
            consumer._coordinator.check_errors()
        except KafkaError as error:
            consumer._client.force_metadata_update()
            return error
        return None

    async def abandon(self) -> None:
        """Ends the membership of a reader that did not stop when it was told to. Raises nothing.

        It would go on telling the group that it is alive and never join again, and the group would wait for it.
        """
        if self._consumer is None or not self.thread_loop.is_running():
            return
        with contextlib.suppress(Exception):
            await self._answer(self._abandon(), _ABANDON_WITHIN_S)

    async def _abandon(self) -> None:
        consumer = self._ensure_consumer()
        coordinator = consumer._coordinator
        for task in (coordinator._coordination_task, coordinator._heartbeat_task):
            if task is not None:
                task.cancel()
        with contextlib.suppress(Exception):
            await asyncio.wait_for(coordinator._maybe_leave_group(), _ABANDON_WITHIN_S / 2)
        await consumer._client.close()

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commits to the group. That is for people and tools alone: a failure costs nothing, and the next commit has it all."""
        try:
            consumer = self._ensure_consumer()
            if _joins(consumer._coordinator):
                return False
            mine = {
                driver.ensure_aiokafka_TP(tp): OffsetAndMetadata(offset, "")
                for tp, offset in offsets.items()
                if tp in consumer.assignment()
            }
            if mine:
                await asyncio.wait_for(consumer.commit(mine), _COMMIT_WITHIN_S)
        except (KafkaError, TimeoutError, RuntimeError) as error:
            cast("ControlApp", self.app).offsets_not_committed(repr(error))
            return False
        return True

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust looks for streams that stand still; here the metrics of the ledger's lag tell it."""


def _joins(coordinator: Any) -> bool:
    """Whether a member is just joining its group, or has to.

    Brokers answer a commit that is sent then only after the join, and by that time its generation is an old one. aiokafka
    takes the refusal for its own, joins anew as a stranger, and sends the next commit while it does so: the group may come to
    no end of joining. A member whose group it is beats its heart, save while it joins.
    """
    return coordinator._heartbeat_task is None or coordinator.generation == OffsetCommitRequest.DEFAULT_GENERATION_ID


class _Consumer(driver.Consumer):
    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._told: dict[TP, int] = {}

    def _new_consumer_thread(self) -> Any:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    async def perform_seek(self) -> None:
        """After a rebalance everything is committed once more: what was taken in between is not yet told to the group."""
        self._told.clear()
        await super().perform_seek()

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commits the ledger's progress, instead of what was acknowledged, as the group's offsets."""
        progress = {tp: offset for tp, offset in cast("ControlApp", self.app).starts().items() if offset is not None}
        fresh = {tp: offset for tp, offset in progress.items() if self._told.get(tp) != offset}
        if fresh and await self._commit(fresh):
            self._told.update(fresh)
        return bool(fresh)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Faust keeps books of offsets without records for its own commits."""


class _Transport(driver.Transport):
    Consumer = _Consumer


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
        return await cast("_Thread", cast("_Consumer", self.consumer)._thread).look()

    async def keep_joining(self, tell: Callable[[str], object]) -> None:
        """Ends only by raising: a KafkaError when the group cannot be joined, for a reason that another try does not mend.

        A topic that the brokers do not show yet is waited for; `tell` is given each refusal.
        """
        while True:
            await asyncio.sleep(_JOIN_LOOK_EVERY_S)
            thread = cast("_Thread", cast("_Consumer", self.consumer)._thread)
            refused = None
            # A thread that does not answer is noticed by whoever asks it how far it has read.
            with contextlib.suppress(TimeoutError):
                refused = await thread.refusal()
            if refused is None:
                continue
            if TopicNotShown.__name__ not in str(refused):
                raise refused
            tell(str(refused))

    async def abandon(self) -> None:
        """Sees to it that nothing of this app is left in the group after `stop`, however that ended."""
        await cast("_Thread", cast("_Consumer", self.consumer)._thread).abandon()

    def _new_transport(self) -> Any:
        return _Transport(self.conf.broker_consumer[0:], self)


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
