"""Waiting for brokers: again and again, for longer after each failure, or on a thread that can be left behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from confluent_kafka import KafkaException

from pipeline.kafka.diagnostics import ClusterError

T = TypeVar("T")

_AGAIN_S = 0.1
_LONGEST_PAUSE_S = 5.0
_TELL_AGAIN_S = 60.0


def apart(call: Callable[[], T], name: str) -> Future[T]:
    """Runs a call on a thread of its own, one that may be left behind: librdkafka 2.16 has waits that never end."""
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # whatever it is, it belongs to whoever waits for the answer
            answer.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return answer


def patiently(
    ask: Callable[[], T],
    stopping: Callable[[], bool],
    told: Callable[[KafkaException | ClusterError | TimeoutError], object],
) -> T | None:
    """Asks until there is an answer, and tells the first failure and one each minute; None when the process is to stop before."""
    tell_at = 0.0
    while not stopping():
        try:
            return ask()
        except (KafkaException, ClusterError, TimeoutError) as error:
            if time.monotonic() >= tell_at:
                tell_at = time.monotonic() + _TELL_AGAIN_S
                told(error)
            time.sleep(_AGAIN_S)
    return None


def pause_after(failures: int) -> None:
    """Waits before another try: not at all after the first failure, and longer after each further one."""
    if failures > 1:
        time.sleep(min(_LONGEST_PAUSE_S, 0.1 * 2 ** min(failures, 10)))
