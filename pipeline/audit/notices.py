"""Notices against the duties of every dossier: each that must exist by a day exists, and exists once."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator

from pipeline.audit.events import File, Log, Owner
from pipeline.audit.findings import EVERY, Findings, Progress
from pipeline.kafka.reading import read_to_end
from pipeline.kafka.records import key
from pipeline.settings.model import Settings
from rules.dossier import fold
from rules.duties import Duty, Phase, duties
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
        for name, duty, phase, day in _demanded(owner, file, log) if owner.kind == "physician" else ():
            if day > today:
                continue
            demanded += 1
            if name not in published and file.waiting:
                waiting += 1
            elif name not in published:
                text = f"{phase} on {day} because of {duty.trigger_id}: {name} was not published"
                findings.differ(PART, "missing", f"{owner.region}|{owner.code} {duty.kind}", text)
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


def _demanded(owner: Owner, file: File, log: Log) -> Iterator[tuple[str, Duty, Phase, dt.date]]:
    """Every notice of a dossier's duties, whatever its day."""
    law, dossier = log.packs.law(owner.region), fold(file.events)
    said = statement(dossier, law, region=owner.region, physician_code=owner.code)
    for duty in duties(dossier, said, law):
        for phase, day in duty.phases():
            yield duty.notice_id(owner.region, owner.code, phase), duty, phase, day
