"""Measures for people about an institution (determinations P8, D6): shares of cancelled physicians, a reminder before a mark, and
an agreement that ends and begins on one day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rules.dossier import Dossier
from rules.events import Event, InstitutionEnded
from rules.packs.pack import Pack
from rules.packs.pack_set import Law
from rules.schemes.agreements import ended_and_signed
from rules.schemes.registry import scheme_of
from rules.schemes.scheme import Measure
from rules.text import Text
from rules.vocabulary import Reason


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
            yield from _contradictions(own, segment.pack)


def _contradictions(events: Sequence[Event], pack: Pack) -> Iterator[Measure]:
    """P7: of an end and a new agreement from one day on the one recorded later holds; people check which of them is right."""
    cited = next((one for one in pack.screening if one.ground is Reason.INSTITUTION_AGREEMENT_TERMINATED), None)
    for earlier, later in ended_and_signed(events):
        ends = isinstance(later, InstitutionEnded)
        yield Measure(
            "agreement_contradiction",
            later.event_id,
            later.date,
            pack.name if cited is None else cited.citations[0],
            Text(
                f"同日既终止又签订服务协议（{earlier.event_id}、{later.event_id}），以后登记者为准："
                f"{'协议终止' if ends else '协议有效'}；请核实",
                f"the agreement both ends and begins on one day ({earlier.event_id}, {later.event_id}); the one recorded later "
                f"counts: {'it has ended' if ends else 'it is in force'}; please verify",
            ),
        )
