"""Records with a header whose name is not UTF-8: aiokafka decodes names while it takes a batch apart, and would stop there.

Nobody could ever read past it, since the error comes again with every fetch. Here such a record is handed out with the one header
that the gate's client has for it, too, so that it is judged like any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy

from pipeline.kafka.records import UNREADABLE_HEADERS


class ForgivingRecords:
    """What the brokers have sent of one partition, batch by batch; it takes the place of aiokafka's `MemoryRecords`."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._records: Any = MemoryRecords(data)
        self._taken = 0

    def has_next(self) -> bool:
        """Whether there is another batch."""
        return bool(self._records.has_next())

    def size_in_bytes(self) -> int:
        """How much was sent."""
        return int(self._records.size_in_bytes())

    def next_batch(self) -> Any:
        """The next batch; None after the last."""
        batch = self._records.next_batch()
        number, self._taken = self._taken, self._taken + 1
        return None if batch is None else _Batch(batch, self._data, number)


class _Batch:
    """A batch that is taken apart by aiokafka's compiled code, and by its plain Python where that cannot read a name."""

    def __init__(self, batch: Any, data: bytes, number: int) -> None:
        self._batch, self._data, self._number = batch, data, number

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        try:
            return iter(list(self._batch))
        except UnicodeDecodeError:
            return self._forgiving()

    def _forgiving(self) -> Iterator[Any]:
        records = _MemoryRecordsPy(self._data)
        for _ in range(self._number):
            records.next_batch()
        assert records._next_slice is not None
        batch = iter(_DefaultRecordBatchPy(records._next_slice))
        batch._buffer = _Bytes(batch._buffer)
        for record in batch:
            bad = [name for name, _ in record.headers if isinstance(name, bytes)]
            if bad:
                record.headers[:] = [(UNREADABLE_HEADERS, bad[0])]
            yield record


class _Bytes(bytearray):
    """Bytes whose parts stay bytes when they are decoded and no text."""

    def __getitem__(self, place: Any) -> Any:
        part = super().__getitem__(place)
        return _Bytes(part) if isinstance(part, bytearray) else part

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> Any:
        """The text, or the bytes themselves."""
        try:
            return super().decode(encoding, errors)
        except UnicodeDecodeError:
            return bytes(self)


def forgive_headers() -> None:
    """Lets every consumer of aiokafka in this process read such records."""
    fetcher.MemoryRecords = ForgivingRecords
