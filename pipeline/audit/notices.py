"""Compares notices with the duties of every dossier: each notice that must exist by a day exists exactly once."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator

from pipeline.audit.events import File, Log, Owner
from pipeline.audit.findings import EVERY, Findings, Progress
from pipeline.kafka.reading import read_to_end
from pipeline.kafka.records import key
from pipeline.settings.model import Settings
from rules.dossier import fold, regions_sent
from rules.duties import Phase, duties
from rules.measures import measures
from rules.standing import statement
from topics.catalogue import NOTICES

PART = "notices"


def audit_notices(settings: Settings, log: Log, today: dt.date, findings: Findings, progress: Progress) -> None:
    """Compares the notices with what the duties demand by `today`. Raises ClusterError.

    More than that is no difference: a notice stays when a later event takes away what it reminded of.
    """
    published = _published(settings, progress)
    for name, count in published.items():
        if count > 1:
            findings.differ(PART, "doubled", f"{NOTICES.name} {name}", f"published {count} times")
    demanded = waiting = 0
    for number, (owner, file) in enumerate(log.files.items(), 1):
        for name, kind, trigger, phase, day in _demanded(owner, file, log):
            if day > today:
                continue
            demanded += 1
            if name not in published and file.waiting:
                waiting += 1
            elif name not in published:
                text = f"{phase} on {day} because of {trigger}: {name} was not published"
                findings.differ(PART, "missing", f"{owner.region}|{owner.code} {kind}", text)
        if number % EVERY == 0:
            progress("duties", number)
    findings.count(PART, f"until {today}", demanded=demanded, published=len(published), waiting=waiting)


def _published(settings: Settings, progress: Progress) -> Counter[str]:
    """How often each notice stands in its topic."""
    found: Counter[str] = Counter()
    for number, message in enumerate(read_to_end(settings, NOTICES.name), 1):
        if message.value() is not None:
            found[(key(message) or b"").decode("utf-8", "backslashreplace")] += 1
        if number % EVERY == 0:
            progress(NOTICES.name, number)
    return found


def _demanded(owner: Owner, file: File, log: Log) -> Iterator[tuple[str, str, str, Phase, dt.date]]:
    """Every notice of a dossier's duties, or of an institution's figures, whatever its day: name, kind, trigger, phase, day."""
    law, dossier = log.packs.law(owner.region), fold(file.events)
    sent = regions_sent(dossier)
    if owner.kind == "institution":
        for found in measures(dossier, law, owner.code):
            name = found.notice_id(sent.get(found.event_id, owner.region), owner.code)
            yield name, found.kind, found.event_id, "raised", found.day
        return
    said = statement(dossier, law, region=owner.region, physician_code=owner.code)
    for duty in duties(dossier, said, law):
        for phase, day in duty.phases():
            name = duty.notice_id(sent.get(duty.trigger_id, owner.region), owner.code, phase)
            yield name, duty.kind, duty.trigger_id, phase, day
