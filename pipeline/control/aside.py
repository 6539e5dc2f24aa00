"""Runs blocking calls beside the event loop, on threads for which an ending process does not wait."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def aside(call: Callable[..., T], *given: object) -> T:
    """What a blocking call returns or raises.

    Whoever is cancelled meanwhile goes on at once; the call comes to its end by itself, and nobody hears of it. A pool of threads
    would be joined when the process ends, however long the brokers do not answer.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def answer(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)  # type: ignore[arg-type]  # None only where T allows for it
        else:
            future.set_exception(error)

    def run() -> None:
        result, error = None, None
        try:
            result = call(*given)
        except BaseException as raised:  # whatever it is, it belongs to whoever has asked
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(answer, result, error)

    threading.Thread(target=run, name=getattr(call, "__qualname__", "aside"), daemon=True).start()
    return await future
