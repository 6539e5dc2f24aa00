"""The process `screening control`: its folder, pages and signals, and one run of the plane after another until it is stopped."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import sys
import threading
import time
from importlib.metadata import version
from typing import Any

from pipeline.control import events
from pipeline.control.aside import aside
from pipeline.control.clock import Clock
from pipeline.control.faust.app import equal_partitions
from pipeline.control.pages import physician_page
from pipeline.control.plane import Plane
from pipeline.control.status import status_page
from pipeline.garbage import collect_seldom
from pipeline.kafka.admin import partition_counts
from pipeline.kafka.diagnostics import CLOCK_REFUSED, ClusterError, clock_refused
from pipeline.kafka.transactions import TransactionAborted
from pipeline.settings.model import Settings
from pipeline.telemetry.control_metrics import ControlMetrics
from pipeline.telemetry.events import Teller
from pipeline.telemetry.logs import logger
from pipeline.web.app import Page
from pipeline.web.server import process_pages
from rules.packs.pack_set import PackSet

_LONGEST_PAUSE_S = 10.0
_SHORTEST_GOOD_RUN_S = 30.0
_ENDS_WITHIN_S = 8.0
"""An orchestrator kills what has not ended in ten seconds or thirty; threads that wait for brokers would not end before."""


_OF_A_LONG_REBALANCE = ("Task timed out!", "Please make sure it's hanging before restart.")
"""How Faust warns of a rebalance that takes longer than a session, as one does whose tables have to be read.

It says "timed out" of what merely goes on; readiness and `control_recovered` tell how long it took.
"""


class ControlError(RuntimeError):
    """The control plane cannot go on; the message says why and what to do."""


class Folder:
    """A folder of data_dir that no other process uses: the first that is free, so that several run on one machine."""

    def __init__(self, settings: Settings) -> None:
        base = settings.data_dir / "control" / settings.control_group_id
        number = 0
        while True:
            self.path = base / str(number)
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = (self.path / "lock").open("w")
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._lock.close()
                number += 1
            else:
                return

    def close(self) -> None:
        """Gives the folder back."""
        self._lock.close()


class Control:
    """One process of the control plane. `run` returns when `stop` was called and everything begun is written."""

    def __init__(self, settings: Settings, packs: PackSet) -> None:
        self.settings = settings
        self.instance = settings.unique_instance()
        self.metrics = ControlMetrics()
        self._packs = packs
        self._clock = Clock(settings.control_clock_file)
        self._clock.today()
        self._teller = Teller(logger(component="control", instance=self.instance), self.metrics)
        self._folder = Folder(settings)
        self._plane: Plane | None = None
        self._was_ready = False
        self._clock_refused: str | None = None
        self._alive_at = time.monotonic()
        self._status = status_page(self.metrics, self._ready, packs, version("claims-screening"))
        pages: dict[str, Page] = {"/physicians/": lambda path, query: physician_page(self._plane, path, query)}
        self._pages = process_pages(settings, self.metrics.registry, self._healthy, self._ready, self._status, pages)

    def run(self) -> None:
        """Runs until it is told to stop. Raises ControlError when going on makes no sense."""
        self._route_logs()
        collect_seldom()
        self._teller.tell(
            events.ControlStarted(
                group=self.settings.control_group_id,
                store=self.settings.control_store,
                folder=str(self._folder.path),
                metrics=f"{self._pages.address}/metrics",
            )
        )
        try:
            asyncio.run(self._main())
        finally:
            self._pages.close()
            self._status.close()
            self._folder.close()
            self._teller.tell(events.ControlStopped())

    def _route_logs(self) -> None:
        root = logging.getLogger()
        root.handlers[:] = [_Bridge(self._teller)]
        root.setLevel(logging.DEBUG if self.settings.log_level == "debug" else logging.WARNING)

    async def _main(self) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, stop)
        alive = asyncio.create_task(self._beat())
        pause = 0.5
        while not stop.is_set():
            begun = time.monotonic()
            try:
                partitions = await self._partitions(stop)
                if partitions is None:
                    break
                self._plane = Plane(
                    self.settings, self._packs, partitions, self._folder.path, self._clock, self.metrics, self.instance
                )
                await self._plane.run(stop)
            except ControlError:
                raise
            except Exception as error:
                if isinstance(error, ClusterError) and not self._was_ready:
                    raise  # it has never worked: the address is more likely wrong than the brokers away
                if isinstance(error, TransactionAborted) and error.cause == CLOCK_REFUSED:
                    self._clock_refused = clock_refused()
                    self._teller.tell(events.ClockRefused(self._clock_refused))
                self._teller.tell(events.ControlRestarted(f"{type(error).__name__}: {error}"))
                pause = 0.5 if time.monotonic() - begun > _SHORTEST_GOOD_RUN_S else min(pause * 2, _LONGEST_PAUSE_S)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause)
            finally:
                self._plane = None
        alive.cancel()

    def _stop(self, stop: asyncio.Event) -> None:
        """Ends what runs, in time for whoever stops the process: what is unfinished is rolled back and done by who comes next."""
        if not stop.is_set():
            late = threading.Timer(_ENDS_WITHIN_S, self._end_now)
            late.daemon = True
            late.start()
        stop.set()

    def _end_now(self) -> None:
        self._teller.tell(events.ControlStopTimedOut(after_s=_ENDS_WITHIN_S))
        sys.stdout.flush()
        os._exit(0)

    async def _partitions(self, stop: asyncio.Event) -> dict[str, int] | None:
        """How many partitions each topic has; None when the process is told to stop before the brokers have answered."""
        asked, stopped = asyncio.create_task(aside(partition_counts, self.settings)), asyncio.create_task(stop.wait())
        await asyncio.wait([asked, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not asked.done():
            asked.cancel()
            return None
        counts = await asked
        problems = equal_partitions(counts)
        if problems:
            raise ControlError("; ".join(problems))
        return counts

    async def _beat(self) -> None:
        was_ready = False
        while True:  # until it is cancelled
            self._alive_at = time.monotonic()
            if self._plane is not None and self._plane.has_written:
                self._clock_refused = None
            ready = self._takes_events
            self.metrics.ready.set(ready)
            if ready and not was_ready:
                self._teller.tell(events.ControlReady(sorted(self._plane.partitions if self._plane else ())))
            was_ready = ready
            self._was_ready |= ready
            await asyncio.sleep(0.1)

    def _healthy(self) -> tuple[bool, dict[str, Any]]:
        silent = time.monotonic() - self._alive_at
        return silent < 30, {"instance": self.instance, "silent_seconds": round(silent, 1)}

    @property
    def _takes_events(self) -> bool:
        return self._plane is not None and self._plane.ready and self._trouble is None

    @property
    def _trouble(self) -> str | None:
        """What people have to put right, in words."""
        return self._clock_refused or (self._plane.topics.trouble if self._plane is not None else None)

    def _ready(self) -> tuple[bool, dict[str, Any]]:
        plane = self._plane
        told: dict[str, Any] = {"instance": self.instance, "partitions": sorted(plane.partitions) if plane else []}
        if self._trouble is not None:
            told["trouble"] = self._trouble
        return self._takes_events, told


class _Bridge(logging.Handler):
    """What the libraries say through `logging` becomes a log event of ours."""

    def __init__(self, teller: Teller[ControlMetrics]) -> None:
        super().__init__()
        self._teller = teller

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage().splitlines()
        if record.levelno < logging.ERROR and said and said[0].endswith(_OF_A_LONG_REBALANCE):
            return
        told = events.LibraryFailed if record.levelno >= logging.ERROR else events.LibraryWarned
        self._teller.tell(
            told(
                library=record.name.split(".")[0],
                message=(said[0] if said else "")[:500],
                error=repr(record.exc_info[1]) if record.exc_info and record.exc_info[1] else None,
            )
        )
