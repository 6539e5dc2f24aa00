"""Compares notices with the duties of every dossier: each notice that must exist by a day exists exactly once."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from pipeline.audit.events import File, Log, Owner
from pipeline.audit.findings import EVERY, Fault, Findings, Progress
from pipeline.kafka.reading import read_to_end
from pipeline.kafka.records import key
from pipeline.kinds import KINDS
from pipeline.settings.model import Settings
from rules.dossier import fold, regions_sent
from rules.duties import Phase, duties
from rules.events import CHINA
from rules.measures import measures
from rules.standing import statement
from topics.catalogue import NOTICES
from topics.messages.ledger import is_withdrawal

PART = "notices"


def audit_notices(settings: Settings, log: Log, today: dt.date, findings: Findings, progress: Progress) -> None:
    """Compares the notices with what the duties demand by `today`. Raises ClusterError.

    A notice of a step that does not hold any more must be withdrawn. One that follows from nothing in the log is no difference:
    it may have been given under another law.
    """
    by_now = max(today, this_day())
    published, withdrawn = set[str](), set[str]()
    for name, twice in _published(settings, published, withdrawn, progress).items():
        findings.differ(PART, Fault.DOUBLED, f"{NOTICES.name} {name}", f"published {twice + 1} times")
    demanded = waiting = 0
    for number, (owner, file) in enumerate(log.files.items(), 1):
        for one in _occasions(owner, file, log, today, by_now):
            where = f"{owner.region}|{owner.code} {one.kind}"
            demanded += one.demanded
            if one.name in published:
                if not (one.stands or file.waiting):
                    text = (
                        f"{one.phase} of {one.day} because of {one.trigger} does not hold: {one.name} was not withdrawn"
                    )
                    findings.differ(PART, Fault.NOT_WITHDRAWN, where, text)
            elif one.demanded and file.waiting:
                waiting += 1
            elif one.demanded:
                text = f"{one.phase} on {one.day} because of {one.trigger}: {one.name} was not published"
                findings.differ(PART, Fault.MISSING, where, text)
        if number % EVERY == 0:
            progress("duties", number)
    given = {"demanded": demanded, "published": len(published), "withdrawn": len(withdrawn), "waiting": waiting}
    findings.count(PART, f"until {today}", **given)


def _published(settings: Settings, published: set[str], withdrawn: set[str], progress: Progress) -> Counter[str]:
    """Fills in the notices that are given, and those that are withdrawn; returns how often one was so twice."""
    doubled: Counter[str] = Counter()
    for number, message in enumerate(read_to_end(settings, NOTICES.name), 1):
        name, value = (key(message) or b"").decode("utf-8", "backslashreplace"), message.value()
        if value is not None:
            to, other = (withdrawn, published) if _withdraws(value) else (published, withdrawn)
            doubled[name] += name in to
            to.add(name)
            other.discard(name)
        if number % EVERY == 0:
            progress(NOTICES.name, number)
    return +doubled


def _withdraws(value: bytes) -> bool:
    try:
        return is_withdrawal(value)
    except msgspec.MsgspecError:
        return False  # what stands there was given, whatever it is


class _Occasion(NamedTuple):
    """A notice of a dossier's step, or of an institution's figures: whether it must have been given, and whether it may stand."""

    name: str
    kind: str
    trigger: str
    phase: Phase
    day: dt.date
    demanded: bool
    stands: bool


def this_day() -> dt.date:
    """The day in China: a notice may stand although it is later than the day until which notices are asked for."""
    return dt.datetime.now(CHINA).date()


def _occasions(owner: Owner, file: File, log: Log, today: dt.date, by_now: dt.date) -> Iterator[_Occasion]:
    """Every notice that a dossier may ever give."""
    if KINDS[owner.kind].subject is not None:
        return
    law, dossier = log.packs.law(owner.region), fold(file.events)
    sent = regions_sent(dossier)
    if owner.kind == "institution":
        for found in measures(dossier, law, owner.code):
            name = found.notice_id(sent.get(found.event_id, owner.region), owner.code)
            demanded = found.day <= today
            yield _Occasion(name, found.kind, found.event_id, "raised", found.day, demanded, found.day <= by_now)
        return
    said = statement(dossier, law, region=owner.region, physician_code=owner.code)
    for duty in duties(dossier, said, law):
        given = {phase for phase, day in duty.phases() if day <= today}
        region = sent.get(duty.trigger_id, owner.region)
        for phase, day in duty.occasions():
            name, stands = duty.notice_id(region, owner.code, phase), duty.stands(phase, day, by_now)
            yield _Occasion(name, duty.kind, duty.trigger_id, phase, day, phase in given, stands)
