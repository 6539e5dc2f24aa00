"""The clock by which deadlines are judged: that of the system, or a time in a file, for rehearsals and tests."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from rules.events import CHINA


class ClockError(RuntimeError):
    """The clock file cannot be read; the message says what it should hold."""


class Clock:
    """Tells the day in China."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file

    def now(self) -> dt.datetime:
        """The time, with its offset. Raises ClockError."""
        if self._file is None:
            return dt.datetime.now(CHINA)
        try:
            told = dt.datetime.fromisoformat(self._file.read_text("utf-8").strip())
        except (OSError, ValueError) as error:
            raise ClockError(
                f"SCREENING_CONTROL_CLOCK_FILE {self._file}: expected a date and time such as 2023-05-11T09:30:00+08:00: {error}"
            ) from None
        if told.tzinfo is None:
            raise ClockError(f"SCREENING_CONTROL_CLOCK_FILE {self._file}: the time needs its offset, such as +08:00")
        return told

    def today(self) -> dt.date:
        """The day in China. Raises ClockError."""
        return self.now().astimezone(CHINA).date()
