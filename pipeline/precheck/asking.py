"""Questions from the HTTP side on their way to the thread that owns the register, in a bounded queue."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from rules.text import Lang

AnswerT = TypeVar("AnswerT")


class QueueFull(Exception):
    """More claims wait than the queue takes: the request is to be sent again a little later."""


class RegisterHeld(Exception):
    """The register is not current, and the policy is to hold: nothing is judged. `cause` and `detail` say why."""

    def __init__(self, cause: str, detail: str) -> None:
        self.cause, self.detail = cause, detail
        super().__init__(f"{cause}: {detail}")


@dataclass(slots=True, eq=False)
class Question(Generic[AnswerT]):
    """One request. `size` is what it counts for in the queue, `arrived` a time of the process's monotonic clock."""

    size: int
    lang: Lang
    arrived: float = field(default_factory=time.monotonic)
    future: Future[AnswerT] = field(default_factory=Future)

    @property
    def dropped(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return self.future.cancelled()

    def answer(self, told: AnswerT) -> None:
        """Answers, unless nobody waits any more."""
        if self.future.set_running_or_notify_cancel():
            self.future.set_result(told)

    def refuse(self, error: Exception) -> None:
        """Answers that there is no answer."""
        if self.future.set_running_or_notify_cancel():
            self.future.set_exception(error)


class Waiting:
    """The queue. `put` is for any thread, `take` for the one that answers; `size` counts what is not answered yet."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self._new: deque[Question[Any]] = deque()
        self._changed = threading.Condition()

    @property
    def size(self) -> int:
        """What waits, in claims."""
        return self._size

    def put(self, question: Question[Any]) -> None:
        """Raises QueueFull."""
        with self._changed:
            if self._size + question.size > self._most:
                raise QueueFull
            self._size += question.size
            self._new.append(question)
            self._changed.notify()

    def take(self, most: int, wait_s: float) -> list[Question[Any]]:
        """The oldest questions, about `most` claims of them and at least one; waits a moment where there are none."""
        with self._changed:
            if not self._new and wait_s > 0:
                self._changed.wait(wait_s)
            found: list[Question[Any]] = []
            taken = 0
            while self._new and (not found or taken + self._new[0].size <= most):
                found.append(self._new.popleft())
                taken += found[-1].size
            return found

    def done(self, questions: Sequence[Question[Any]]) -> None:
        """These are answered, or nobody waits for them."""
        with self._changed:
            self._size -= sum(question.size for question in questions)
