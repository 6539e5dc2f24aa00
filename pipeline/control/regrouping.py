"""Folds again by area what ledgers kept by region before there were areas (determination P1).

A dossier that stands under the code of a place inside an area goes into that of the area, whatever events of it belong there.
The dossiers hold every accepted event of the log, so this is folding from the log. For each person or institution everything
becomes visible in one transaction: the area's dossier and standing first, then the removal of the old ones. Nothing needs to be
remembered of it: where nothing stands under a place any more, there is nothing to do.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.control.aside import aside
from pipeline.control.dossiers import (
    dossier_key,
    of_later_version,
    owner_of,
    read_dossier,
    read_whole,
    standing_key,
    with_event,
    write_dossier,
)
from pipeline.control.faust.state_store import StateStore
from pipeline.control.ledger import UNCOUNTABLE, Ledger
from pipeline.control.stream_task import StreamTask
from pipeline.control.write_batch import StoreOf, WriteBatch
from pipeline.kafka.transactions import BEHIND_ONE_TOO_LARGE, TOO_LARGE, TransactionAborted
from pipeline.kinds import KINDS
from rules.areas import areas_over_time
from rules.events import Event
from rules.packs.pack_set import PackSet
from topics.catalogue import DOSSIER_MAX_BYTES, DOSSIERS
from topics.events.acceptance import MOST_EVENTS, OwnerKind, filed_under

Whose = tuple[OwnerKind, str]
"""Kind and code."""

_AT_ONCE = 100


class Folded(NamedTuple):
    """How many owners' dossiers were put together, and how many stay as they are."""

    folded: int
    left: int


async def fold_by_area(task: StreamTask, ledger: Ledger, packs: PackSet, store_of: StoreOf, today: dt.date) -> Folded:
    """Regroups a task's dossiers, some owners a transaction. To be called with the task's turn held, before it takes a record.

    Raises whatever publishing raises.
    """
    found = list((await aside(under_places, store_of(DOSSIERS.name, task.partition))).items())
    done: list[bool] = []

    async def take(owners: list[tuple[Whose, list[bytes]]]) -> None:
        batch = WriteBatch(store_of)
        answers = [regroup(ledger, packs, task.partition, whose, keys, batch, today) for whose, keys in owners]
        try:
            await task.publish(batch, {})
        except TransactionAborted as aborted:
            if aborted.cause not in (TOO_LARGE, BEHIND_ONE_TOO_LARGE):
                raise
            # What follows from one of them is larger than its topic takes: it stays as it is, and its neighbours do not.
            await aside(task.publisher.renew)
            if len(owners) == 1:
                answers = [False]
            else:
                for owner in owners:
                    await take([owner])
                return
        done.extend(answers)

    for start in range(0, len(found), _AT_ONCE):
        await take(found[start : start + _AT_ONCE])
    return Folded(done.count(True), done.count(False))


def under_places(dossiers: StateStore) -> dict[Whose, list[bytes]]:
    """The keys of the dossiers of a partition that stand under a place inside an area, by whose they are."""
    found: dict[Whose, list[bytes]] = {}
    for key, _ in dossiers.items_from(b""):
        kind, region, code = owner_of(key)
        if areas_over_time(region) != (region,):
            found.setdefault((kind, code), []).append(key)
    return found


def regroup(
    ledger: Ledger,
    packs: PackSet,
    partition: int,
    whose: Whose,
    keys: Sequence[bytes],
    batch: WriteBatch,
    today: dt.date,
) -> bool:
    """Puts the events of one owner's dossiers under `keys` where they belong; False, and nothing is changed, if the law cannot
    count them together or no topic takes them.

    No notice is given: the dossiers are looked at by the calendar as at every start.
    """
    kind, code = whose
    found = {key: read_whole(batch.get(DOSSIERS, partition, key)) for key in keys}
    if any(of_later_version(unread) for _, unread in found.values()):
        return False  # whoever wrote it keeps dossiers by area already
    # What cannot be read is left to the audit, which says so.
    before = {owner_of(key)[1]: events for key, (events, _) in found.items() if events}
    after: dict[str, tuple[Event, ...]] = {}
    for region in list(before):
        for event in before[region]:
            area = filed_under(event, packs)
            if area not in after:
                known = before.get(area)
                if known is None:
                    known = read_dossier(batch.get(DOSSIERS, partition, dossier_key(kind, area, code)))
                after[area] = tuple(one for one in known if filed_under(one, packs) == area)
            after[area] = with_event(after[area], event)
    own = WriteBatch(batch.store_of)
    try:
        for area in sorted(after, key=lambda area: areas_over_time(area) != (area,)):
            if not _write(ledger, partition, (kind, area, code), after[area], own, today):
                return False
    except UNCOUNTABLE:
        return False
    standings = KINDS[kind].topic
    for region in before.keys() - after.keys():
        own.put(DOSSIERS, partition, dossier_key(kind, region, code), None)
        if own.get(standings, partition, standing_key(region, code)) is not None:
            own.put(standings, partition, standing_key(region, code), None)
    for (table, number), changed in own.changes.items():
        batch.changes.setdefault((table, number), {}).update(changed)
    return True


def _write(
    ledger: Ledger,
    partition: int,
    owner: tuple[OwnerKind, str, str],
    events: tuple[Event, ...],
    batch: WriteBatch,
    today: dt.date,
) -> bool:
    """Writes a dossier with its standing, unless it stands so; False where it is larger than a dossier may be."""
    key = dossier_key(*owner)
    kept = write_dossier(events, read_whole(batch.get(DOSSIERS, partition, key))[1])
    if len(events) > MOST_EVENTS or len(kept) > DOSSIER_MAX_BYTES:
        return False
    if batch.get(DOSSIERS, partition, key) != kept:
        batch.put(DOSSIERS, partition, key, kept)
        ledger.publish_quietly(partition, owner, events, batch, today)
    return True
