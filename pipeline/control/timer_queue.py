"""The timer queue: the day on which each dossier has to be examined again, so that no tick has to scan all of them."""

from __future__ import annotations

import datetime as dt
import heapq


class TimerQueue:
    """Days by partition and dossier. An entry replaces the one before it; what is out of date is passed over when it comes up."""

    def __init__(self) -> None:
        self._days: dict[int, dict[bytes, dt.date]] = {}
        self._heaps: dict[int, list[tuple[dt.date, bytes]]] = {}

    @property
    def partitions(self) -> set[int]:
        """Partitions that are kept in here."""
        return set(self._days)

    def open(self, partition: int) -> None:
        """Begins a partition."""
        self._days.setdefault(partition, {})

    def knows(self, partition: int, key: bytes) -> bool:
        """Whether a day is noted for a dossier."""
        return key in self._days.get(partition, ())

    def note(self, partition: int, key: bytes, day: dt.date | None) -> None:
        """Looks at a dossier on a day (None: not any more)."""
        days = self._days.setdefault(partition, {})
        if day is None:
            days.pop(key, None)
        elif days.get(key) != day:
            days[key] = day
            heapq.heappush(self._heaps.setdefault(partition, []), (day, key))

    def due(self, today: dt.date, most: int) -> list[tuple[int, bytes, dt.date]]:
        """Takes out dossiers whose day has come: partition, key and the day noted; no more than `most`."""
        found: list[tuple[int, bytes, dt.date]] = []
        for partition, heap in self._heaps.items():
            days = self._days[partition]
            while heap and len(found) < most and heap[0][0] <= today:
                day, key = heapq.heappop(heap)
                if days.get(key) == day:
                    del days[key]
                    found.append((partition, key, day))
        return found

    def waiting(self, today: dt.date) -> int:
        """How many dossiers' day has come. For metrics: counts all."""
        return sum(day <= today for days in self._days.values() for day in days.values())

    def forget(self, partition: int) -> None:
        """The partition belongs to another process now."""
        self._days.pop(partition, None)
        self._heaps.pop(partition, None)

    def __len__(self) -> int:
        return sum(map(len, self._days.values()))
