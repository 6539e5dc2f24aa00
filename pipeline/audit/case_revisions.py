"""Compares cases of revised claims with their revisions: each revision that stops a claim has one case, and each such case its
revision."""

from __future__ import annotations

from collections import Counter

import msgspec

from pipeline.audit.findings import Fault, Findings, Progress
from pipeline.audit.rows import OFFSETS
from pipeline.kafka.reading import read_to_end
from pipeline.kafka.records import place
from pipeline.settings.model import Settings
from rules.vocabulary import Disposition, Reason
from topics.catalogue import CLAIM_CASES, CLAIM_REVISIONS, CLAIMS

PART = "cases"
Revised = tuple[int, int, str, str]
"""The place of a claim (partition and offset as one number), the number of its revision, its id, and the reason."""


class _Source(msgspec.Struct, gc=False):
    partition: int
    offset: int


class _Answer(msgspec.Struct, gc=False):
    disposition: Disposition
    reason: Reason


class _Revision(msgspec.Struct, gc=False):
    claim_id: str
    number: int
    new: _Answer
    source: _Source


_revision = msgspec.json.Decoder(_Revision).decode


def read_demanded(settings: Settings, findings: Findings, progress: Progress) -> Counter[Revised]:
    """The revisions that stop a claim. Raises ClusterError."""
    demanded: Counter[Revised] = Counter()
    progress(CLAIM_REVISIONS.name, 0)
    for message in read_to_end(settings, CLAIM_REVISIONS.name):
        _, partition, offset = place(message)
        try:
            one = _revision(message.value() or b"")
        except Exception as error:  # a decoder may raise anything
            findings.differ(PART, Fault.UNREADABLE_REVISION, f"{CLAIM_REVISIONS.name}/{partition}/{offset}", str(error))
            continue
        if one.new.disposition.opens_case:
            where = one.source.partition * OFFSETS + one.source.offset
            demanded[where, one.number, one.claim_id, str(one.new.reason)] += 1
    return demanded


def compare_revised(
    before: Counter[Revised], cases: Counter[Revised], settings: Settings, findings: Findings, progress: Progress
) -> None:
    """Holds the cases of revisions against the revisions that were read before them, and again now.

    A revision and its case are written together, and somebody may be at work: a case has to be there for what was there before
    the cases were read, and may be there for what is there now.
    """
    now = read_demanded(settings, Findings(), progress)
    invented, missing = cases - now, before - cases
    for kind, found in ((Fault.INVENTED, invented), (Fault.MISSING, missing)):
        for where, number, claim, reason in sorted(found):
            told = f"{claim}: the case of revision {number} ({reason})"
            findings.differ(PART, kind, f"{CLAIMS.name}/{where // OFFSETS}/{where % OFFSETS}", told)
    if not now and not cases:
        return  # where nobody has ever looked back there is nothing to tell
    findings.count(
        PART, f"{CLAIM_CASES.name} of {CLAIM_REVISIONS.name}", demanded=now.total(), cases=cases.total(),
        same=(cases & now).total(), waiting=(now - before - cases).total(), expired=0,
    )  # fmt: skip
