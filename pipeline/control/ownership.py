"""The stream tasks of this process: how partitions are taken over from an earlier owner and given back.

The order of a takeover: 1. fence the owner before, which ends what it had begun  2. read the progress back  3. read the tables to
their end (the tables do that)  4. read the input from the progress on. After 1 nothing can change but by this process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator

from confluent_kafka.admin import AdminClient
from faust.types import TP

from pipeline.control.aside import aside
from pipeline.control.events import InputReadFromItsStart
from pipeline.control.faust.state_store import StateStore
from pipeline.control.progress import never_read, out_of_date, read_progress
from pipeline.control.publisher import Place, Publisher
from pipeline.control.stream_task import InputLost, StreamTask
from pipeline.control.topic_watch import ids_of, made_again
from pipeline.settings.model import Settings
from pipeline.telemetry.control_metrics import ControlMetrics
from pipeline.telemetry.events import Teller
from pipeline.telemetry.logs import logger
from topics.catalogue import CASE_ACTIONS, CASE_FILES, CLAIM_CASES, DOSSIERS, PHYSICIAN_EVENTS
from topics.messages.ledger import LedgerProgress

EVENT_SOURCES = (PHYSICIAN_EVENTS.name,)
CASE_SOURCES = (CLAIM_CASES.name, CASE_ACTIONS.name)
"""Sources that are read by one task for each partition number, because what is kept of them is the same."""

_LEADS = {name: sources[0] for sources in (EVENT_SOURCES, CASE_SOURCES) for name in sources}
_KEPT_IN = {
    **dict.fromkeys(EVENT_SOURCES, DOSSIERS.name),
    **dict.fromkeys(CASE_SOURCES, CASE_FILES.name),
}


class Ownership:
    """The tasks by their first source and partition."""

    def __init__(
        self,
        settings: Settings,
        admin: AdminClient,
        store_of: Callable[[str, int], StateStore],
        instance: str,
        metrics: ControlMetrics,
        progress_partitions: int,
    ) -> None:
        self._settings = settings
        self._admin = admin
        self._store_of = store_of
        self._instance = instance
        self._progress_partitions = progress_partitions
        self._generation = -1
        self._tasks: dict[Place, StreamTask] = {}
        self.topic_ids: dict[str, str] = {}
        """The ids of the sources, as of the last time that partitions were taken over."""
        self._teller = Teller(logger(component="control", instance=instance), metrics)
        self._never_read: set[Place] = set()

    def __iter__(self) -> Iterator[StreamTask]:
        return iter(list(self._tasks.values()))

    def of(self, topic: str, partition: int) -> StreamTask | None:
        """The task that reads a partition of a source; None when this process does not have it."""
        return self._tasks.get((_LEADS[topic], partition))

    def events(self, partition: int) -> StreamTask | None:
        """The task of a partition of the events."""
        return self.of(PHYSICIAN_EVENTS.name, partition)

    def starts(self) -> dict[TP, int | None]:
        """Where each source is to be read from: the ledger's progress, the first record where nothing is kept yet, or None: where
        the group's offset says, which was the progress before there was a topic of it."""
        return {TP(source, task.partition): self._start(task, source) for task in self for source in task.sources}

    def _start(self, task: StreamTask, source: str) -> int | None:
        if source in task.progress:
            return task.progress[source].next_offset
        return 0 if (source, task.partition) in self._never_read else None

    async def take_over(self, assigned: Iterable[TP], generation: int) -> None:
        """Owns these partitions from now on, and no other. Repeating it within a generation changes nothing.

        Raises InputLost when another process had a partition in between, TransactionFatal, RestoreError or KafkaException.
        """
        if generation == self._generation:
            return
        wanted = {(_LEADS[tp.topic], tp.partition) for tp in assigned if tp.topic in _LEADS}
        for where in self._tasks.keys() - wanted:
            del self._tasks[where]
        ids = await aside(ids_of, self._admin, _LEADS)
        if again := made_again(self.topic_ids, ids):
            raise InputLost(f"{', '.join(again)}: deleted and made again")
        self.topic_ids.update(ids)
        made = {where: self._new(where) for where in sorted(wanted - self._tasks.keys())}
        # 1. fence
        await asyncio.gather(*(aside(task.publisher.fence) for task in made.values()))
        # 2. progress
        told = await aside(read_progress, self._settings, self._progress_partitions)
        for task in self._tasks.values():
            for source, known in task.progress.items():
                if told.get((source, task.partition)) != known:
                    raise InputLost(
                        f"{source}-{task.partition} had another owner for a while; the tables are read again"
                    )
        places = {(source, task.partition) for task in made.values() for source in task.sources}
        mine = {where: told[where] for where in places if where in told}
        fresh = await aside(never_read, self._admin, places - mine.keys(), _KEPT_IN)
        self._never_read = self._never_read - places | fresh
        gone = await aside(out_of_date, self._admin, mine, _KEPT_IN, ids)
        for where in gone:
            self._teller.tell(InputReadFromItsStart(*where, progress=mine[where].next_offset))
        for task in made.values():
            for source in task.sources:
                progress = mine.get((source, task.partition))
                if progress is not None:
                    task.progress[source] = _from_the_start(progress) if (source, task.partition) in gone else progress
            task.rewind()
        self._tasks.update(made)
        self._generation = generation

    def _new(self, where: Place) -> StreamTask:
        lead, partition = where
        return StreamTask(
            EVENT_SOURCES if lead in EVENT_SOURCES else CASE_SOURCES,
            partition,
            Publisher(self._settings, f"{self._settings.control_group_id}-{lead}-{partition}"),
            self._store_of,
            self._instance,
            self._progress_partitions,
            self.topic_ids,
        )

    def close(self) -> None:
        """Lets go of everything; what has been begun comes to its end by itself."""
        self._tasks.clear()


def _from_the_start(progress: LedgerProgress) -> LedgerProgress:
    return progress.model_copy(update={"next_offset": 0, "revisions": 0, "sent_on": {}})
