"""Faust's consumer as the control plane needs it: it reads committed records, from where the ledger's progress says.

It stands on a thread of its own, of which the plane asks how far it has read and whether its group could be joined.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

from aiokafka.errors import KafkaError
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.structs import OffsetAndMetadata
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from topics.catalogue import CASE_ACTIONS, CLAIM_CASES, PHYSICIAN_EVENTS

SOURCES = (PHYSICIAN_EVENTS, CLAIM_CASES, CASE_ACTIONS)
"""What the control plane reads."""

T = TypeVar("T")

_SOURCE_NAMES = {spec.name for spec in SOURCES}
_LOOK_WITHIN_S = 10.0
_COMMIT_WITHIN_S = 3.0
_ABANDON_WITHIN_S = 2.0


class _Followed(Protocol):
    """The app, as far as its consumer asks it."""

    starts: Callable[[], Mapping[TP, int | None]]
    offsets_not_committed: Callable[[str], object]


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


class ConsumerThread(driver.AIOKafkaConsumerThread):
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
        starts = cast("_Followed", self.app).starts()
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
            cast("_Followed", self.app).offsets_not_committed(repr(error))
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


class Consumer(driver.Consumer):
    """Commits the ledger's progress as the group's offsets, for people and tools."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._told: dict[TP, int] = {}

    def _new_consumer_thread(self) -> Any:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def perform_seek(self) -> None:
        """After a rebalance everything is committed once more: what was taken in between is not yet told to the group."""
        self._told.clear()
        await super().perform_seek()

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commits the ledger's progress, instead of what was acknowledged, as the group's offsets."""
        progress = {tp: offset for tp, offset in cast("_Followed", self.app).starts().items() if offset is not None}
        fresh = {tp: offset for tp, offset in progress.items() if self._told.get(tp) != offset}
        if fresh and await self._commit(fresh):
            self._told.update(fresh)
        return bool(fresh)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Faust keeps books of offsets without records for its own commits."""


class Transport(driver.Transport):
    """Makes such consumers."""

    Consumer = Consumer
