"""Statutory deadlines that a second rule set moves: the duties of every dossier under both, side by side."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from pipeline.replay.sums import Row, iso
from pipeline.replay.what_if.standing_changes import KEY, differing
from rules.dossier import Dossier
from rules.duties import Duty, duties
from rules.packs.pack_set import Law, PackSet
from rules.standing import statement
from rules.text import Text

Histories = Iterable[tuple[str, str, Dossier]]
"""Region, physician code and dossier, as far as the replay's clock lets it be known; each pair once."""

DutyKey = tuple[str, str, str, str, str]
"""Region, physician code, kind, the id of the event behind the duty, and the institution that owes it."""


def deadline_changes(folder: Path, packs: PackSet, other: PackSet, histories: Histories, top: int) -> Row:
    """Duties whose last day (or, where the text gives no number, whose first) is another, and those that come or go.

    Duties that a review has voided are left out. `physicians` counts the dossiers that were looked at: all of a region whose
    limits differ, and those whose timeline differs where they do not.
    """
    touched = set(differing(folder).select(KEY).iter_rows())
    looked = 0
    kinds: dict[str, Counter[str]] = {}
    acts: dict[str, dict[str, str]] = {}
    moved: list[Row] = []
    for region, code, dossier in histories:
        first, second = packs.law(region), other.law(region)
        if (region, code) not in touched and _limits(first) == _limits(second):
            continue
        looked += 1
        before, after = (_duties(dossier, law, region, code) for law in (first, second))
        for key in sorted(before.keys() | after.keys()):
            old, new = before.get(key), after.get(key)
            what = _what(old, new)
            if what is None:
                continue
            kinds.setdefault(key[2], Counter())[what] += 1
            acts.setdefault(key[2], _said((new or old).act))  # type: ignore[union-attr]  # one of the two is there
            if old is not None and new is not None:
                moved.append(_move(key, old, new))
    moved.sort(key=lambda row: (-abs(row["days"]), row["region"], row["physician_code"], row["kind"], row["trigger"]))
    return {
        "physicians": looked,
        "by_kind": [
            {"kind": kind, "act": acts[kind], **{what: counts[what] for what in ("later", "earlier", "new", "gone")}}
            for kind, counts in sorted(kinds.items())
        ],
        "moved": len(moved),
        "listed": moved[:top],
    }


def _limits(law: Law) -> list[object]:
    """What duties depend on besides the timeline and the account behind it."""
    return [
        (pack.ledger.deadlines, pack.ledger.working_calendar, pack.in_force)
        for pack in law.packs
        if pack.ledger is not None
    ]


def _duties(dossier: Dossier, law: Law, region: str, code: str) -> dict[DutyKey, Duty]:
    if any(pack.ledger is None for pack in law.packs):
        return {}
    account = statement(dossier, law, region=region, physician_code=code)
    return {
        (region, code, duty.kind, duty.trigger_id, duty.site or ""): duty
        for duty in duties(dossier, account, law)
        if not duty.void
    }


def _day(duty: Duty) -> dt.date:
    return duty.raised_on if duty.due_on is None else duty.due_on


def _what(old: Duty | None, new: Duty | None) -> str | None:
    if old is None or new is None:
        return "new" if old is None else "gone"
    if _day(old) == _day(new):
        return None
    return "later" if _day(new) > _day(old) else "earlier"


def _move(key: DutyKey, old: Duty, new: Duty) -> Row:
    return {
        "region": key[0],
        "physician_code": key[1],
        "kind": key[2],
        "trigger": key[3],
        "actor": _said(new.actor),
        "act": _said(new.act),
        "from": iso(_day(old)),
        "to": iso(_day(new)),
        "days": (_day(new) - _day(old)).days,
        "citation": new.citation,
    }


def _said(text: Text) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}
