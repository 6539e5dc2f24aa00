"""The audit of the desk's journal: the chain of its entries, and the heads that were kept elsewhere."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.audit.findings import EVERY, Fault, Findings, Progress
from pipeline.kafka.reading import read_to_end
from pipeline.kafka.records import place
from pipeline.settings.model import Settings
from topics.catalogue import DESK_JOURNAL
from topics.journal import Chain, Head

PART = "journal"


def audit_journal(settings: Settings, heads: Iterable[Head], findings: Findings, progress: Progress) -> None:
    """Follows the chain. A journal without an entry is whole, unless a head says that there were some. Raises ClusterError."""
    kept = tuple(heads)
    chain = Chain(kept)
    entries = 0
    for message in read_to_end(settings, DESK_JOURNAL.name):
        _, partition, offset = place(message)
        entries += 1
        for found in chain.follow(f"{DESK_JOURNAL.name}/{partition} offset {offset}", message.value()):
            findings.differ(PART, Fault(found.kind), found.where, found.detail)
        if entries % EVERY == 0:
            progress(DESK_JOURNAL.name, entries)
    for found in chain.end():
        findings.differ(PART, Fault(found.kind), found.where, found.detail)
    findings.count(PART, DESK_JOURNAL.name, entries=entries, heads=len(kept))
