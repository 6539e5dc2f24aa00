"""Measures for people about an institution (determinations P8, D6): shares of cancelled physicians, a reminder before a mark."""

from __future__ import annotations

from collections.abc import Iterator

from rules.dossier import Dossier
from rules.packs.pack_set import Law
from rules.schemes.registry import scheme_of
from rules.schemes.scheme import Measure


def measures(dossier: Dossier, law: Law, institution_code: str) -> tuple[Measure, ...]:
    """Every measure that an institution's events call for, by the pack of their day. None of them decides a claim."""
    return tuple(_measures(dossier, law, institution_code))


def _measures(dossier: Dossier, law: Law, institution_code: str) -> Iterator[Measure]:
    events = [event for event in dossier.events if event.of_institution and event.institution == institution_code]
    for segment in law.segments:
        ledger = segment.pack.ledger
        if ledger is not None:
            own = [event for event in events if segment.holds(event.date) and segment.pack.in_force.holds(event.date)]
            yield from scheme_of(ledger).measures(own, ledger)
