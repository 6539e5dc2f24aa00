"""One run of `screening reconcile`: what is published is read, claims are judged again, and revisions are written, each once.

1. the producer takes its name over, which ends whoever wrote under it  2. the last revisions are read back  3. the register is
read until everything is in it that was recorded before this run  4. claims are judged  5. if there are not more than allowed,
the revisions are written. So a run that was killed is simply done again: what it had written is the last answer then, and
nothing differs from it.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

import polars as pl

from pipeline.kafka.transactions import TransactionWriter
from pipeline.reconcile.cases import cases_before, outgoing
from pipeline.reconcile.chain import chain_of, read_revisions
from pipeline.reconcile.judging import Reconciler
from pipeline.reconcile.register import Revisions
from pipeline.screening.gate import Gate
from pipeline.screening.view import StandingView
from pipeline.settings.model import Settings
from pipeline.telemetry.gate_metrics import RegisterMetrics
from rules.packs.pack_set import PackSet
from topics.messages.revisions import ClaimRevision

AT_ONCE = 1_000
"""Revisions in one transaction."""
_LOOK_AGAIN_S = 0.1


class ReconcileError(RuntimeError):
    """Nothing can be judged again; the message says why and what to do."""


@dataclass(slots=True)
class Found:
    """What a run came to: claims with an answer, those judged again, those that could not be (`left`), and the revisions by kind,
    with the money that they move (yuan). `written` are those that are in the topic."""

    answered: int = 0
    judged: int = 0
    left: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    people: set[tuple[str, str | None]] = field(default_factory=set)
    to_fund: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    written: int = 0

    @property
    def revisions(self) -> int:
        """How many claims have another answer."""
        return self.kinds.total()

    def add(self, revision: ClaimRevision) -> None:
        """Counts a revision."""
        self.kinds[revision.kind] += 1
        self.people.add((revision.area, revision.physician_code))
        self.to_fund[revision.kind] += Decimal(revision.to_fund)


def reconcile(
    settings: Settings,
    packs: PackSet,
    *,
    every: bool,
    write: bool,
    at_most: int,
    now: Callable[[], dt.datetime],
) -> Found:
    """Judges again and, with `write`, publishes what differs, unless that is more than `at_most`: then nothing is written.

    `every` judges every claim of the archive, not only those of changed people. Raises ReconcileError, ViewError, ClusterError,
    TransactionAborted or TransactionFatal.
    """
    writer = None
    if write:
        writer = TransactionWriter(settings, transactional_id(settings))
        writer.start()
    run = judging_now(settings, packs, chain_of(read_revisions(settings)), every=every)
    found, kept = Found(), []
    for one in run.revisions(now()):
        found.add(one.revision)
        if found.revisions <= at_most:
            kept.append(one)
    found.answered, found.judged, found.left = run.counts.answered, run.counts.judged, run.counts.left
    if writer is not None and found.revisions <= at_most:
        before = cases_before(settings, kept)
        for start in range(0, len(kept), AT_ONCE):
            part = kept[start : start + AT_ONCE]
            writer.commit(outgoing(part, before))
            found.written += len(part)
    return found


def judging_now(settings: Settings, packs: PackSet, chain: pl.DataFrame, *, every: bool) -> Reconciler:
    """What judges by a register that holds everything recorded before this moment. Raises ReconcileError, ViewError."""
    gate, known = Gate(packs), Revisions()
    view = StandingView(settings, gate.index, RegisterMetrics(), heard=known.heard)
    try:
        _bring_up_to_now(view, settings.staleness_limit_s)
        register = view.register
    finally:
        view.close()
    if not known.by_kind["physician"]:
        raise ReconcileError(
            "the register holds no physician, so that everybody would count as unregistered; is the control plane set up?"
        )
    return Reconciler(settings.archive_place(), gate, known, chain, every=every, register=register)


def transactional_id(settings: Settings) -> str:
    """The name under which revisions are written: whoever takes it over ends any other that writes them."""
    return f"{settings.reconcile_group_id}-writer"


def _bring_up_to_now(view: StandingView, limit_s: float) -> None:
    """Reads the register until it holds everything recorded before this moment. Raises ReconcileError where it never does."""
    asked = time.monotonic()
    view.load()
    while not view.covers(asked):
        if time.monotonic() > asked + limit_s:
            cause, detail = view.cause()
            raise ReconcileError(
                f"the register does not hold everything recorded before this run, after {limit_s:g} s ({cause}: {detail}); "
                "see that the control plane runs, and run this again"
            )
        view.wait(_LOOK_AGAIN_S)
        view.refresh()
