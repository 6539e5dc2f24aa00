"""Corrects what another program wrote into the partitions of our tables; `foreign_writes` tells how it is found."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from pipeline.control.aside import aside
from pipeline.control.events import ForeignRecordsNotRead, ForeignRecordsPutRight, TableEndsQueryFailed
from pipeline.control.faust.restore import RestoreError
from pipeline.control.foreign_writes import look
from pipeline.control.ledger import Ledger
from pipeline.control.publisher import Place
from pipeline.control.stream_task import StreamTask
from pipeline.control.write_batch import StoreOf, WriteBatch
from pipeline.kinds import OF_TOPIC
from pipeline.settings.model import Settings
from pipeline.telemetry.control_metrics import ControlMetrics
from pipeline.telemetry.events import Event


async def put_right(
    task: StreamTask,
    known: Mapping[Place, int],
    admin: AdminClient,
    settings: Settings,
    ledger: Ledger,
    store_of: StoreOf,
    tell: Callable[[Event[ControlMetrics]], None],
) -> None:
    """Finds what somebody else wrote into a task's partitions, and writes what is true over it. With the task's turn held.

    `known` is up to where its tables are known. Raises whatever publishing raises.
    """
    try:
        await aside(task.watch.compare, admin, known)
    except (KafkaException, TimeoutError) as error:
        tell(TableEndsQueryFailed(str(error)))
        return
    doubts, task.watch.doubts = task.watch.doubts, {}
    for where, start in doubts.items():
        store = store_of(*where)
        try:
            wrong, last = await aside(look, settings, where, start, store)
        except RestoreError as error:
            tell(ForeignRecordsNotRead(*where, str(error)))
            task.watch.doubts.setdefault(where, start)
            continue
        store.write({}, max(last, store.offset))
        task.watch.begin(where, store.offset)
        if where[0] in OF_TOPIC:
            # To withdraw a standing that lies in the wrong partition would hide the true one.
            wrong = {key: value for key, value in wrong.items() if ledger.lies_right(key, where[1])}
        if wrong:
            batch = WriteBatch(store_of)
            batch.changes[where] = wrong
            await task.publish(batch, {})
            tell(ForeignRecordsPutRight(*where, len(wrong)))
