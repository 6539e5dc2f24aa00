"""Where a table's partitions are kept: in RocksDB on disk, or in memory.

A store holds what the brokers have acknowledged and nothing else: the records and the offset up to which it knows its
changelog are written in one batch. Faust's own store writes before the broker has the record, so that after a kill a
table could claim to have published what nobody ever received.
"""

from __future__ import annotations

import functools
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol, cast

from rocksdict import BlockBasedOptions, Cache, Options, Rdict, WriteBatch, WriteBufferManager

_OFFSET = b"\x00offset"
_WRITE_BUFFER = 4 * 1024 * 1024
_WRITE_BUFFERS = 64 * 1024 * 1024
_CACHE = 64 * 1024 * 1024
"""Bytes of memory that all stores of a process share. Each by itself would fill its own: dozens of stores, many hundred MB."""


@functools.cache
def _shared() -> tuple[WriteBufferManager, Cache]:
    # The second argument: never to stall. Beyond the limit it only flushes sooner.
    return WriteBufferManager(_WRITE_BUFFERS, False), Cache(_CACHE)


class StateStore(Protocol):
    """One partition of one table."""

    def get(self, key: bytes) -> bytes | None:
        """The value of a key."""

    def write(self, changes: Mapping[bytes, bytes | None], offset: int) -> None:
        """Applies changes (None removes) that the changelog holds up to `offset`."""

    def items_from(self, key: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys from this one on, with their values, in their order."""

    @property
    def offset(self) -> int:
        """The last offset of the changelog that is in here; -1: none."""

    @property
    def size(self) -> int:
        """How many keys there are; RocksDB estimates it (a key counts once for each value not yet merged away)."""

    def clear(self) -> None:
        """Forgets everything, offset included."""

    def close(self) -> None:
        """Lets go of files."""


class MemoryStateStore:
    """A partition in memory: gone with the process, made again from the changelog."""

    def __init__(self, offset: int = -1) -> None:
        self._data: dict[bytes, bytes] = {}
        self._offset = offset

    def get(self, key: bytes) -> bytes | None:
        """The value of a key."""
        return self._data.get(key)

    def write(self, changes: Mapping[bytes, bytes | None], offset: int) -> None:
        """Applies changes."""
        for key, value in changes.items():
            if value is None:
                self._data.pop(key, None)
            else:
                self._data[key] = value
        self._offset = offset

    def items_from(self, key: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys from this one on, in their order."""
        for name in sorted(name for name in list(self._data) if name >= key):
            yield name, self._data[name]

    @property
    def offset(self) -> int:
        """The last offset in here."""
        return self._offset

    @property
    def size(self) -> int:
        """How many keys there are."""
        return len(self._data)

    def clear(self) -> None:
        """Forgets everything."""
        self._data.clear()
        self._offset = -1

    def close(self) -> None:
        """Nothing to let go of."""


class RocksStateStore:
    """A partition in a RocksDB of its own. A kill of the process loses nothing that was written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = self._open()

    def _open(self) -> Rdict:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_write_buffer_size(_WRITE_BUFFER)
        buffers, cache = _shared()
        options.set_write_buffer_manager(buffers)
        blocks = BlockBasedOptions()
        blocks.set_block_cache(cache)
        options.set_block_based_table_factory(blocks)
        return Rdict(str(self._path), options=options)

    def get(self, key: bytes) -> bytes | None:
        """The value of a key."""
        value: bytes | None = self._db.get(key)
        return value

    def write(self, changes: Mapping[bytes, bytes | None], offset: int) -> None:
        """Applies changes and the offset in one batch."""
        batch = WriteBatch(raw_mode=True)
        for key, value in changes.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        batch.put(_OFFSET, str(offset).encode())
        self._db.write(batch)

    def items_from(self, key: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Keys from this one on, in their order."""
        for name, value in self._db.items(from_key=key or None):
            if name != _OFFSET:
                yield cast("bytes", name), cast("bytes", value)

    @property
    def offset(self) -> int:
        """The last offset in here."""
        kept = self._db.get(_OFFSET)
        return -1 if kept is None else int(kept)

    @property
    def size(self) -> int:
        """How many keys there are, about."""
        return int(self._db.property_int_value("rocksdb.estimate-num-keys") or 0)

    def clear(self) -> None:
        """Forgets everything, files included."""
        self.close()
        shutil.rmtree(self._path, ignore_errors=True)
        self._db = self._open()

    def close(self) -> None:
        """Closes the files, so that another process may open them; so does this one when a full disk has room again."""
        try:
            self._db.close()
        except Exception:  # RocksDB's own: what could not be flushed stands in the changelog
            # Closing ends with a flush. Where that fails the files stay open, and locked, until the handle is gone.
            del self._db
