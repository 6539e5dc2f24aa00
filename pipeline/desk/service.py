"""The process `screening desk serve`: the thread that runs it fills the read model, pages are answered on others."""

from __future__ import annotations

import time
from importlib.metadata import version
from typing import Any

from confluent_kafka import KafkaException
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from starlette.types import ASGIApp

from pipeline.desk import events
from pipeline.desk.accounts import Accounts
from pipeline.desk.acting import Actions, TopicActions
from pipeline.desk.app import desk_app
from pipeline.desk.case import Cases
from pipeline.desk.door import Cookies, Door
from pipeline.desk.feed import Feed, FeedError
from pipeline.desk.inbox import Inbox
from pipeline.desk.journal import Journal, Recorder
from pipeline.desk.login import LogIn
from pipeline.desk.people import People
from pipeline.desk.store.database import open_database
from pipeline.desk.store.reading import Books
from pipeline.desk.store.rows import Reader
from pipeline.kafka.patience import patiently, pause_after
from pipeline.settings.model import Settings, SettingsError
from pipeline.settings.security import is_local
from pipeline.telemetry.desk_metrics import DeskMetrics
from pipeline.telemetry.events import Teller
from pipeline.telemetry.logs import logger
from pipeline.web.app import beside, status_app
from pipeline.web.server import Server
from rules.packs.pack_set import PackSet

_MOST_CONNECTIONS = 500
_MOST_FAILURES = 20


def pages_of(
    settings: Settings, engine: Engine, packs: PackSet, *, journal: Recorder, actions: Actions, teller: Teller[DeskMetrics],
    ready: Any, secure: bool,
) -> ASGIApp:  # fmt: skip
    """The pages over a database, a journal and a place for acts. `secure`: they are served over TLS."""
    accounts = Accounts(engine, settings.desk_idle_minutes)
    door = Door(accounts, journal, teller, Cookies(secure), ready)
    books = Books(engine)
    people = People(books, packs)
    cases = Cases(books, accounts, actions, door.keep, people, packs, teller)
    return desk_app(door, LogIn(door, accounts, teller), Inbox(books), cases, people)


class Desk:
    """One process of the desk. `run` returns when `stop` was called."""

    def __init__(self, settings: Settings, packs: PackSet) -> None:
        """Raises SettingsError, DatabaseError, or OSError where the port cannot be had."""
        place = _place(settings)
        self.settings = settings
        self.instance = settings.unique_instance()
        self.metrics = DeskMetrics()
        self._teller = Teller(logger(component="desk", instance=self.instance), self.metrics)
        self._stopping = self._running = False
        engine = open_database(settings)
        self._feed = Feed(
            settings, engine, Reader(packs.holidays, settings.desk_review_days), self._teller, self.metrics
        )
        self._journal = Journal(settings, self._teller)
        status = status_app(self.metrics.registry, self._healthy, self._ready, token=place.pop("token"))
        pages = pages_of(
            settings, engine, packs, journal=self._journal, actions=TopicActions(settings), teller=self._teller,
            ready=lambda: self._running, secure=place["tls"] is not None,
        )  # fmt: skip
        self.pages = Server(beside(status, pages), **place, most=_MOST_CONNECTIONS)

    def stop(self) -> None:
        """Asks the process to end. Safe to call from a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Shows pages until stopped. Raises FeedError, JournalError, ClusterError, KafkaException, TransactionFatal, or an error
        of the database."""
        try:
            self._teller.tell(events.DeskStarted(f"{self.pages.address}/metrics"))
            if not patiently(self._begun, lambda: self._stopping, self._unreachable):
                return
            self._feed.read_to_end(lambda _read, _left: None, lambda: self._stopping)
            if self._stopping:
                return
            self._journal.start()
            self._running = True
            self._teller.tell(events.DeskReady(self._journal.head.seq))
            self._serve()
        finally:
            self._running = False
            self.pages.close()
            self._journal.close()
            self._feed.close()
            self._teller.tell(events.DeskStopped())

    def _begun(self) -> bool:
        self._feed.begin()
        return True

    def _serve(self) -> None:
        failures = 0
        while not self._stopping:
            if self._journal.fenced:
                raise FeedError("another process has taken the journal over; let one desk run on a cluster")
            try:
                self._feed.turn()
                failures = 0
            except OperationalError as error:
                failures += 1
                self._teller.tell(events.DeskReadFailed(str(error).splitlines()[0]))
                if failures > _MOST_FAILURES:
                    raise
                pause_after(failures)
                self._feed.begin()

    def _unreachable(self, error: KafkaException | Exception) -> None:
        self._teller.tell(events.DeskReadFailed(str(error)))

    def _healthy(self) -> tuple[bool, dict[str, Any]]:
        return True, {"instance": self.instance, "stopping": self._stopping}

    def _ready(self) -> tuple[bool, dict[str, Any]]:
        current = self._feed.current_at
        return self._running and not self._journal.fenced, {
            "instance": self.instance,
            "version": version("claims-screening"),
            "records_behind": self._feed.behind,
            "seconds_since_current": None if current is None else round(time.monotonic() - current, 1),
            "journal_head": self._journal.head.seq,
        }


def _place(settings: Settings) -> dict[str, Any]:
    """Where the pages are served. Raises SettingsError where passwords would cross a network in the clear."""
    place = settings.pages()
    if place["tls"] is None and not (is_local(settings.metrics_host) or settings.http_open):
        raise SettingsError(
            f"other machines can reach {settings.metrics_host}, and passwords would cross the network in the clear: set "
            "SCREENING_HTTP_CERT_FILE and SCREENING_HTTP_KEY_FILE, or SCREENING_HTTP_OPEN=true if a proxy before it does TLS"
        )
    return place
