"""SIGTERM and Ctrl-C from the first moment of a long-running command on, before the slow imports."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import NoReturn


class Stop:
    """Takes both signals over as soon as it is made, and keeps in mind that one came until `by` says what is to be done.

    Nothing is raised meanwhile: an exception in the middle of an import comes out as another one (Python 3.11 makes a
    RuntimeError of whatever happens while a class is made).
    """

    def __init__(self) -> None:
        self._asked = False
        self._act: Callable[[], None] | None = None
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._take)

    def by(self, act: Callable[[], None]) -> None:
        """From now on a signal calls this; one that came before does at once."""
        self._act = act
        if self._asked:
            act()

    def _take(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True
        if self._act is not None:
            self._act()


def leave() -> NoReturn:
    """Ends a process that has begun nothing yet, as it was asked to."""
    raise SystemExit(0)
