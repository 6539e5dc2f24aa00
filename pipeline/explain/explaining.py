"""One claim, the decision and the whole chain behind it. The decision is the gate's own (`Gate.rule`)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from pipeline.screening.gate import Gate
from rules.areas import areas_over_time, pooling_area
from rules.dossier import Dossier, fold
from rules.events import Event
from rules.packs.pack import Pack
from rules.packs.pack_set import Law, PackSet
from rules.screens.people import mentions
from rules.standing import institution_timeline, statement
from rules.timeline import InstitutionTimeline
from rules.vocabulary import Subject
from rules.wording.chain import Chain, ClaimFacts, Known, chain
from topics.claims.codec import ClaimError, examine
from topics.dead_letters import Code
from topics.events.acceptance import Accepted, Refused, accept, owner_code
from topics.messages.claims import Claim


class ExplainError(ValueError):
    """A claim or a file of events that cannot be used; the message names the file and what is wrong."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """A line of the events file that the ledger cannot use: it would be a dead letter and counts for nothing."""

    line: int
    code: Code
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """A decision and everything behind it. `verdict` is the wire's, without `source` and `screened_at`."""

    verdict: dict[str, Any]
    chain: Chain
    pack: Pack
    as_of: dt.date | None
    used: int
    others: int
    unusable: tuple[Unusable, ...]
    area: str = ""
    own: int = 0
    """How many events of the claim's own physician were used, and `institution` of its institution; `elsewhere` are the areas
    in which the file has events of the physician as well."""
    institution: int = 0
    elsewhere: tuple[str, ...] = ()


def explain_claim(
    claim: bytes, lines: Sequence[bytes], packs: PackSet, *, as_of: dt.date | None, today: dt.date
) -> Explained:
    """Judges one claim by the events known at `as_of` (None: all) and tells the chain behind it.

    Lines that are no events of their region's scheme are left out and listed, as in the event topic. Raises ExplainError for a
    value that is not a claim and CalendarError when working days of an unknown year are needed.
    """
    try:
        wanted = examine(claim)
    except ClaimError as error:
        raise ExplainError(str(error)) from error
    area = pooling_area(wanted.region, wanted.service_date)
    law = packs.law(area)
    pack = law.on(wanted.service_date)
    if pack.ledger is None:
        raise ExplainError(f"pack {pack.name} has no ledger section; the chain behind a decision needs one")
    calendar = law.calendar(pack)
    code = (wanted.physician_code or "").strip() or None
    read = read_events(lines, packs)
    events = [
        one.event for one in read.events if one.area == area and _concerns(one.event, code, wanted.institution_code)
    ]
    known = _known(events, law, code, area, wanted.institution_code, as_of)
    gate = _compiled(packs).beside()
    if code is not None and known.dossier.events:
        gate.index.put(known.statement.timeline)
    gate.index.put_institution(known.institution)
    others = _others(wanted, known.institution, code)
    bearing = [one for one in read.events if one.kind == "physician" and one.code in {code, *others}]
    for region, person in sorted({(one.area, one.code) for one in bearing}):
        if (region, person) == (area, code):
            continue
        # A status may be the person's in every area (P3), and the claim may name others (P4 to P6).
        file = fold((one.event for one in bearing if (one.area, one.code) == (region, person)), as_of)
        if file.events:
            gate.index.put(statement(file, packs.law(region), region=region, physician_code=person).timeline)
    for region in sorted({one.area for one in read.events if one.kind == "institution"} - {area}):
        own = [one.event for one in read.events if one.area == region and one.code == wanted.institution_code]
        if area in areas_over_time(region) and own:
            file = fold(own, as_of)
            gate.index.put_institution(
                institution_timeline(file, packs.law(region), institution_code=wanted.institution_code, region=region)
            )
    subjects = _beside(wanted, area, read.events, packs, as_of)
    for subject, made in subjects.items():
        for known_as, file in made.items():
            told = statement(file, _law(packs, subject, area), region=area, physician_code=known_as).timeline
            gate.index.put_beside(subject, told)
    known = replace(known, beside=_recorded(subjects, packs, area))
    ruled = gate.rule([claim])
    verdict = gate.verdicts(ruled).row(0, named=True)
    period = verdict["penalty_period"]
    window = None if period is None else (_day(period[0]), _day(period[1]))
    story = chain(
        gate.screen.rulings[int(ruled.decided.ruling[0])],
        ClaimFacts(
            physician_code=code,
            institution_code=wanted.institution_code,
            encounter_type=str(wanted.encounter_type),
            service_date=wanted.service_date,
            service_start=wanted.service_start,
            fund_amount=wanted.fund_amount,
        ),
        verdict["standing"],
        window,
        known,
        calendar,
        today,
        mentions(ruled.decided.people[0].text if ruled.decided.people else None),
        ruled.decided.causes.get(0, ()),
    )
    about = [one for files in subjects.values() for file in files.values() for one in file.events]
    used = len({id(one) for one in (*events, *(one.event for one in bearing))}) + len(about)
    about_person = sum(not event.of_institution for event in known.dossier.events)
    return Explained(
        verdict,
        story,
        pack,
        as_of,
        len(events),
        len(read.events) - used,
        tuple(read.unusable),
        area,
        about_person,
        len(known.institution_events),
        tuple(sorted({one.area for one in bearing if one.code == code} - {area})),
    )


@lru_cache(maxsize=2)
def _compiled(packs: PackSet) -> Gate:
    return Gate(packs)


def _day(text: str | None) -> dt.date | None:
    return None if text is None else dt.date.fromisoformat(text)


def _known(
    events: Sequence[Event],
    law: Law,
    code: str | None,
    region: str,
    institution_code: str,
    as_of: dt.date | None,
) -> Known:
    dossier = fold(events, as_of)
    file = statement(dossier, law, region=region, physician_code=code or "")
    return Known(
        law=law,
        dossier=dossier,
        statement=file,
        institution_events=tuple(event for event in dossier.events if event.of_institution),
        institution=institution_timeline(dossier, law, institution_code=institution_code, region=region),
    )


def _beside(
    claim: Claim, area: str, events: Sequence[Accepted], packs: PackSet, as_of: dt.date | None
) -> dict[Subject, dict[str, Dossier]]:
    """What is recorded in the area of the claim's insured person and of its department, or of all departments of its institution
    where it names none; by subject and code."""
    found: dict[Subject, dict[str, Dossier]] = {}
    for subject in Subject:
        own = [one for one in events if one.area == area and one.event.subject is subject]
        codes = {one.code for one in own if _is_about(one, claim)}
        files = {code: fold((one.event for one in own if one.code == code), as_of) for code in sorted(codes)}
        found[subject] = {code: file for code, file in files.items() if file.events}
    return found


def _is_about(one: Accepted, claim: Claim) -> bool:
    if one.kind == "insured":
        return one.code.upper() == claim.insured_id.upper()
    institution, _, department = one.code.rpartition("|")
    named = claim.department
    return institution.upper() == claim.institution_code.upper() and (
        named is None or department.upper() == named.upper()
    )


def _law(packs: PackSet, subject: Subject, area: str) -> Law:
    law = packs.law_beside(subject, area)
    assert law is not None  # or no event of the subject was taken
    return law


def _recorded(
    subjects: Mapping[Subject, Mapping[str, Dossier]], packs: PackSet, area: str
) -> tuple[tuple[Law, tuple[Event, ...]], ...]:
    return tuple(
        (_law(packs, subject, area), file.events) for subject, files in subjects.items() for file in files.values()
    )


def _others(claim: Claim, institution: InstitutionTimeline, code: str | None) -> set[str]:
    """Whom else the decision may look at: the people of the claim and its lines, and whoever heads the pharmacy."""
    named = {one.person for one in claim.people or ()} | {one.person for one in claim.lines or ()}
    return (named | {head.physician_code for head in institution.headed}) - {code}


def _concerns(event: Event, code: str | None, institution: str) -> bool:
    """Whether an event is of the claim's own person or institution."""
    if event.subject is not None:
        return False
    return owner_code(event) == (institution if event.of_institution else code)


@dataclass(frozen=True, slots=True)
class EventLines:
    """The events of all lines, and the lines that are none."""

    events: list[Accepted]
    unusable: list[Unusable]


def read_events(lines: Sequence[bytes], packs: PackSet) -> EventLines:
    """The lines of a file as the ledger would take them, each on its own; empty ones are left out."""
    found = EventLines([], [])
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        judged = accept(line, packs)
        if isinstance(judged, Refused):
            found.unusable.append(Unusable(number, judged.code, judged.reasons))
        else:
            found.events.append(judged)
    return found
