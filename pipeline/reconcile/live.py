"""The process `screening reconcile --follow`: looks back whenever a standing changes or the archive grows.

1. the producer takes its name over, which ends whoever wrote under it  2. the revisions are read back  3. the register is read
4. whenever something has changed the claims that it may concern are judged again, once the register holds everything recorded
before that moment  5. what differs is written, and is the last answer from then on. The first pass is over the whole archive, so
that what happened while nobody looked is caught. Nothing is kept but the topic, so a process that was killed is simply started.
"""

from __future__ import annotations

import datetime as dt
import time
from importlib.metadata import version
from typing import Any

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError
from polars.exceptions import PolarsError

from pipeline.archive.layout import CLAIM_TABLE, VERDICT_TABLE
from pipeline.kafka.patience import pause_after
from pipeline.kafka.transactions import TransactionAborted, TransactionWriter
from pipeline.reconcile import events
from pipeline.reconcile.cases import cases_before, outgoing
from pipeline.reconcile.chain import chain_of, followed_by, read_revisions
from pipeline.reconcile.judging import WHOLE, Reconciler, Scope
from pipeline.reconcile.register import Revisions
from pipeline.reconcile.run import AT_ONCE, transactional_id
from pipeline.reconcile.status import status_page
from pipeline.reconcile.totals import Totals
from pipeline.screening.gate import Gate
from pipeline.screening.view import StandingView
from pipeline.settings.model import Settings
from pipeline.telemetry.events import Teller
from pipeline.telemetry.logs import logger
from pipeline.telemetry.reconcile_metrics import ReconcileMetrics
from pipeline.web.server import StatusServer
from rules.packs.pack_set import PackSet

_IDLE_S = 0.1
_STORE_ERRORS = (DeltaError, PolarsError, OSError)


class Follower:
    """One process. `run` returns when `stop` was called; `at_most` is how many revisions one pass may write."""

    def __init__(self, settings: Settings, packs: PackSet, at_most: int) -> None:
        self.settings, self._at_most = settings, at_most
        self.instance = settings.unique_instance()
        self.metrics = ReconcileMetrics()
        self._teller = Teller(logger(component="reconcile", instance=self.instance), self.metrics)
        self._stopping = self._running = False
        self._gate, self._known = Gate(packs), Revisions()
        self._view = StandingView(settings, self._gate.index, self.metrics, heard=self._known.heard)
        self._writer = TransactionWriter(settings, transactional_id(settings))
        self._totals = Totals()
        self._chain = chain_of(())
        self._archive = _Archive(settings.archive_place())
        self._whole, self._left, self._failures = True, 0, 0
        self._files: frozenset[str] = frozenset()
        self._since: float | None = None
        self._looked_at = float("-inf")
        self._held = 0
        self._status = status_page(self.metrics, self._ready, version("claims-screening"), packs)
        self.pages = StatusServer(
            **settings.pages(),
            registry=self.metrics.registry,
            healthy=lambda: (True, {"instance": self.instance, "stopping": self._stopping}),
            ready=self._ready,
            home=self._status,
        )

    # -- life ---------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Asks the process to end after the pass that it is at. Safe to call from a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Looks back until it is stopped. Raises ViewError, ClusterError, ValidationError or TransactionFatal."""
        try:
            self._teller.tell(events.ReconcileStarted(self._archive.place, f"{self.pages.address}/metrics"))
            self._writer.start()
            self._chain = chain_of(map(self._totals.add, read_revisions(self.settings)))
            self._totals.show(self.metrics)
            if not self._view.load(lambda: self._stopping):
                return
            self._running = True
            self.metrics.ready.set(1)
            while not self._stopping:
                self._turn()
        finally:
            self._running = False
            self.metrics.ready.set(0)
            self._view.close()
            self.pages.close()
            self._status.close()
            self._teller.tell(events.ReconcileStopped())

    def _ready(self) -> tuple[bool, dict[str, Any]]:
        cause, detail = self._view.cause()
        waiting = self._waiting_s()
        late = waiting > self.settings.stall_s + self.settings.reconcile_look_s
        return self._running and not late and not self._held, {
            "instance": self.instance,
            "held": self._held,
            "waiting_seconds": round(waiting, 3),
            "register": {"cause": cause.value, "detail": detail},
        }

    def _waiting_s(self) -> float:
        since = self._since
        return 0.0 if since is None else time.monotonic() - since

    # -- a turn ---------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        """Notices what has changed, and looks back once the register holds everything recorded before that."""
        self._view.refresh()
        self._look()
        if self._since is None and (self._whole or self._files or self._known.touched) and self._archive.there:
            self._since = time.monotonic()
        self.metrics.lag.set(self._waiting_s())
        if self._since is None:
            time.sleep(_IDLE_S)
        elif not self._view.covers(self._since) or not self._known.by_kind["physician"]:
            self._view.wait(_IDLE_S)
        else:
            self._look_back()

    def _look(self) -> None:
        """Asks the archive for files that are new; where claims of answers were missing, everything is looked at again."""
        now = time.monotonic()
        if now - self._looked_at < self.settings.reconcile_look_s:
            return
        self._looked_at = now
        try:
            new, claims_grew = self._archive.look()
        except _STORE_ERRORS as error:
            self._failed(error)
            return
        self._files |= new
        self._whole = self._whole or (claims_grew and self._left > 0)

    def _look_back(self) -> None:
        """A pass over whatever may be concerned; one that fails is done again, over everything."""
        scopes = [WHOLE] if self._whole or self._held else [Scope(owners=self._known.touched), Scope(files=self._files)]
        self._whole, self._files, self._since = False, frozenset(), None
        self._known.touched = {}
        try:
            for scope in scopes:
                if scope:
                    self._pass(scope)
        except _STORE_ERRORS as error:
            self._failed(error)
            self._whole = True
        except TransactionAborted as error:
            self._teller.tell(events.RevisionsRolledBack(error.cause, str(error)))
            self._whole = True
        else:
            self._failures = 0

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        self._teller.tell(events.LookingBackFailed(str(error)))
        pause_after(self._failures)

    def _pass(self, scope: Scope) -> None:
        begun = time.monotonic()
        run = Reconciler(
            self._archive.place, self._gate, self._known, self._chain, every=False, register=self._view.register
        )
        found, kept = 0, []
        for one in run.revisions(dt.datetime.now(dt.UTC), scope):
            found += 1
            if found <= self._at_most:
                kept.append(one)
        self._left = run.counts.left if scope.whole else self._left + run.counts.left
        if found > self._at_most:
            self._hold(found)
            return
        before = cases_before(self.settings, kept)
        for start in range(0, found, AT_ONCE):
            part = kept[start : start + AT_ONCE]
            self._writer.commit(outgoing(part, before))
            self._chain = followed_by(self._chain, (self._totals.add(one.revision) for one in part))
            self._totals.show(self.metrics)
        if scope.whole:
            self._hold(0)
        self._teller.tell(
            events.LookedBack(
                scope.name, run.counts.answered, run.counts.judged, run.counts.left, found,
                round(time.monotonic() - begun, 3),
            )
        )  # fmt: skip

    def _hold(self, found: int) -> None:
        if found:
            self._teller.tell(events.RevisionsHeld(found, self._at_most))
        self._held = found
        self.metrics.held.set(found)


class _Archive:
    """The archive's tables, and which of the verdicts' files have been looked at."""

    def __init__(self, place: str) -> None:
        self.place = place.rstrip("/")
        self.there = False
        self._seen: frozenset[str] = frozenset()
        self._claims = -1

    def look(self) -> tuple[frozenset[str], bool]:
        """The files of verdicts that are new, and whether there are more claims; nothing where there is no archive yet."""
        try:
            verdicts, claims = (DeltaTable(f"{self.place}/{spec.folder}") for spec in (VERDICT_TABLE, CLAIM_TABLE))
        except TableNotFoundError:
            return frozenset(), False
        self.there = True
        files = frozenset(verdicts.file_uris())
        new, self._seen = files - self._seen, files
        version, grew = claims.version(), False
        grew, self._claims = version > self._claims, version
        return new, grew
