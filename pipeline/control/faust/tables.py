"""Faust tables whose changelogs are the published topics: what the table holds is what the topic says.

Faust decides which process has which partitions, and when; a table is ready when Faust says so. Writing goes through a
`StreamTask`, which puts a batch into its stores only after its transaction was committed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, cast

import faust
from faust.stores.base import Store
from faust.types import TP

from pipeline.control.aside import aside
from pipeline.control.faust.restore import restore
from pipeline.control.faust.state_store import MemoryStateStore, RocksStateStore, StateStore
from pipeline.settings.model import Settings, StoreKind
from topics.catalogue import TopicSpec

Takeover = Callable[[set[TP], int], Awaitable[None]]
"""Called at each assignment, before any table is read, with all partitions assigned and the group's generation."""


class TableStores(Store):  # type: ignore[type-arg]  # Faust's generic store cannot be named at run time
    """The partitions of one table that this process has."""

    def __init__(
        self,
        url: Any,
        app: Any,
        table: Any,
        *,
        settings: Settings,
        folder: Path,
        topic: str,
        take_over: Takeover,
        **given: Any,
    ) -> None:
        super().__init__(url, app, table, **given)
        self._take_over = take_over
        self._settings = settings
        self._folder = folder
        self._topic = topic
        self.stores: dict[int, StateStore] = {}
        self.restored = 0
        self.closed: set[int] = set()
        """Partitions that went away, also those that have come back since: another process may have changed them."""

    def _store(self, partition: int) -> StateStore:
        if partition not in self.stores:
            self.stores[partition] = (
                MemoryStateStore()
                if self._settings.control_store is StoreKind.MEMORY
                else RocksStateStore(self._folder / f"{self._topic}-{partition}.db")
            )
        return self.stores[partition]

    def persisted_offset(self, tp: TP) -> int | None:
        """Up to where the store knows the changelog."""
        offset = self._store(tp.partition).offset
        return None if offset < 0 else offset

    def set_persisted_offset(self, tp: TP, offset: int) -> None:
        """The offset is written with the records; there is nothing to do."""

    def apply_changelog_batch(
        self, batch: Iterable[Any], to_key: Callable[[Any], Any], to_value: Callable[[Any], Any]
    ) -> None:
        """Faust's own recovery reads nothing; see `restore`."""

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Closes what went away, opens what came and reads its changelog to the end."""
        for tp in revoked:
            if tp.topic == self._topic and (store := self.stores.pop(tp.partition, None)) is not None:
                store.close()
                self.closed.add(tp.partition)
        await self._take_over(assigned, generation_id)
        mine = {tp.partition: self._store(tp.partition) for tp in newly_assigned if tp.topic == self._topic}
        if mine:
            self.restored += await aside(restore, self._settings, self._topic, mine, lambda: not self.app.should_stop)

    async def on_stop(self) -> None:
        """Closes the files."""
        for store in self.stores.values():
            store.close()
        self.stores.clear()

    async def backup_partition(self, tp: Any, flush: bool = True, purge: bool = False, keep: int = 1) -> None:
        """Faust asks a store to have this; the changelog is the backup."""

    def restore_backup(self, tp: Any, latest: bool = True, backup_id: int = 0) -> None:
        """The changelog is the backup."""

    def reset_state(self) -> None:
        """Forgets what is kept here; the changelog stays."""
        for store in self.stores.values():
            store.clear()


class PublishedTable(faust.Table[bytes, bytes]):
    """A table on a topic of the catalogue, keys and values as bytes."""

    def __init__(self, app: faust.App, spec: TopicSpec, settings: Settings, folder: Path, take_over: Takeover) -> None:
        self._settings = settings
        self._take_over = take_over
        self._folder = folder
        self.spec = spec
        super().__init__(
            app,
            name=spec.name,
            key_type=bytes,
            value_type=bytes,
            partitions=spec.partitions,
            changelog_topic=app.topic(
                spec.name,
                key_type=bytes,
                value_type=bytes,
                key_serializer="raw",
                value_serializer="raw",
                partitions=spec.partitions,
                acks=False,
                allow_empty=True,
                maxsize=10_000,
            ),
        )

    def _new_store_by_url(self, url: Any) -> Any:
        return TableStores(
            url,
            self.app,
            self,
            table_name=self.name,
            settings=self._settings,
            folder=self._folder,
            topic=self.spec.name,
            take_over=self._take_over,
        )

    @property
    def kept(self) -> TableStores:
        """The store, by its own type."""
        return cast("TableStores", self.data)
