"""The whole chain behind a decision: the ground and its article, the history with a running total, the window and how it
was counted, and what can be done next, by whom and by when. In Chinese and English, fit for a decision letter.

`rules.wording.explanation` says the same in one paragraph, for cases by the thousand; this is for one claim at a time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rules.calendar import WorkingCalendar
from rules.dossier import Dossier, Issue
from rules.events import (
    AppealFiled,
    AppealRejected,
    AppealUpheld,
    DepartmentRestored,
    Event,
    InsuredRestored,
    NoticeReceived,
    ObjectionAnswered,
    ObjectionFiled,
    StatusCorrected,
)
from rules.packs.pack import SubjectPack
from rules.packs.pack_set import Law
from rules.schemes.account import Entry
from rules.schemes.ledger import Ledger
from rules.schemes.registry import scheme_of
from rules.screens.people import Mention
from rules.screens.table import Ruling
from rules.standing import Statement, span_on
from rules.text import Text
from rules.timeline import InstitutionTimeline, Span, Window
from rules.vocabulary import LONG_PERIOD, Disposition, Effect, EventType
from rules.wording.chain_events import describe, effect
from rules.wording.chain_next import NextStep, next_steps
from rules.wording.chain_window import window_story
from rules.wording.explanation import explain, ground_name, law_title, named_people, outcome_words
from rules.wording.labels import ENCOUNTER


@dataclass(frozen=True, slots=True)
class ClaimFacts:
    """What the explanation needs to know of a claim."""

    physician_code: str | None
    institution_code: str
    encounter_type: str
    service_date: dt.date
    service_start: dt.date | None
    fund_amount: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the register knew: the physician's file and account, and the claiming institution's; and the region's law."""

    law: Law
    dossier: Dossier
    statement: Statement
    institution_events: tuple[Event, ...]
    institution: InstitutionTimeline
    beside: tuple[tuple[Law, tuple[Event, ...]], ...] = ()
    """The law of the claim's insured person and of its department with what is recorded of each."""


class Line(NamedTuple):
    """One event of the history. Totals are those after it; None where the event moves no points.

    `reached` is the open cycle's (Lanzhou: the term's) total that the event brought about, before counting started again;
    `cause` marks the events behind the standing on the service date.
    """

    date: dt.date
    event_id: str
    text: Text
    points: int | None
    offset: int
    reached: int | None
    year_total: int | None
    effects: tuple[Text, ...]
    cause: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """Everything behind one decision.

    `period` names what the running total runs over, `by_year` says that the year is counted apart from it. `later` counts
    events after the service date, which say nothing about it (T2).
    """

    summary: Text
    decision: Text
    ground: Text
    articles: Text
    history: tuple[Line, ...]
    period: Text
    by_year: bool
    later: int
    window: tuple[Text, ...]
    next_steps: tuple[NextStep, ...]
    issues: tuple[Issue, ...]


def chain(
    ruling: Ruling,
    claim: ClaimFacts,
    standing: str,
    window: Window | None,
    known: Known,
    calendar: WorkingCalendar,
    today: dt.date,
    people: Sequence[Mention] = (),
    behind: Sequence[str] = (),
) -> Chain:
    """The chain behind a ruling. `standing` and `window` are those of the verdict; `today` tells past limits from open ones.
    `people` are the barred whom the claim names, where they make it a review (P4 to P6); `behind` the events of its insured
    person or department, where their law has a say (S1).

    Raises PackError when the pack has no ledger section.
    """
    ledger = ruling.pack.ledger
    scheme = None if ledger is None else scheme_of(ledger)
    spans = known.statement.timeline.spans
    span = span_on(spans, claim.service_date) if claim.physician_code is not None else None
    entries = {entry.event_id: entry for entry in known.statement.entries}
    causes = set(span.causes) if span is not None else set()
    for item in known.institution.spans:
        if (item.start is None or item.start <= claim.service_date) and (
            item.end is None or claim.service_date <= item.end
        ):
            causes.update(item.causes)
    events = tuple(event for event in known.dossier.events if not event.of_institution)
    shown = _bearing(events, claim.service_date) if claim.physician_code is not None else ()
    named = tuple(event for event in known.institution_events if event.date <= claim.service_date)
    history = [*account_lines((*shown, *named), entries, causes, known.law)]
    later = len(events) + len(known.institution_events) - len(history)
    for law, recorded in known.beside:
        bearing = _bearing(recorded, claim.service_date)
        later += len(recorded) - len(bearing)
        history += account_lines(bearing, {}, {*behind}, law)
    if isinstance(ruling.text, SubjectPack):
        span = None  # the window and what can be done are not the physician's
    period = None if window is None else [None if day is None else day.isoformat() for day in window]
    summary = explain(
        ruling,
        claim.physician_code,
        claim.institution_code,
        claim.encounter_type,
        claim.service_date.isoformat(),
        standing,
        period,
        claim.fund_amount,
        people,
    )
    return Chain(
        summary=Text(summary["zh"], summary["en"]),
        decision=_decision(ruling, claim),
        ground=_ground(ruling, claim, people),
        articles=_articles(ruling),
        history=tuple(sorted(history, key=lambda line: line.date)),
        period=scheme.period if scheme is not None else Text("累计", "total"),
        by_year=scheme is not None and scheme.by_year,
        later=later,
        window=tuple(
            window_story(
                ruling, claim.service_date, claim.service_start, window, span, known.statement, known.institution
            )
        ),
        next_steps=_next(ruling, span, window, known, causes, calendar, today),
        issues=known.statement.issues,
    )


def _next(
    ruling: Ruling,
    span: Span | None,
    window: Window | None,
    known: Known,
    causes: set[str],
    calendar: WorkingCalendar,
    today: dt.date,
) -> tuple[NextStep, ...]:
    if ruling.disposition is Disposition.PAY:
        return ()
    return tuple(next_steps(ruling, span, window, known.dossier, known.statement, causes, calendar, today))


def _decision(ruling: Ruling, claim: ClaimFacts) -> Text:
    zh, en = outcome_words(ruling, claim.fund_amount, amounts=True)
    return Text(f"{zh}。", f"{en}.")


def _ground(ruling: Ruling, claim: ClaimFacts, people: Sequence[Mention]) -> Text:
    zh, en = ground_name(ruling.ground, "zh"), ground_name(ruling.ground, "en")
    if ruling.exempted_ground is not None:
        kind = next(pair for name, pair in ENCOUNTER.items() if name == claim.encounter_type)
        zh, en = f"{zh}；但{kind[0]}属除外情形", f"{en}; but {kind[1]} care is exempted"
    if people:
        who = named_people(people)
        zh, en = f"{zh}。{who.zh}", f"{en}. {who.en}"
    note = next((ground.note for ground in ruling.text.grounds if ground.ground is ruling.ground), None)
    if note is not None:
        zh, en = f"{zh}。{note.zh.rstrip('。')}", f"{en}. {note.en.rstrip('.')}"
    return Text(f"{zh}。", f"{en[0].upper()}{en[1:]}.")


def _articles(ruling: Ruling) -> Text:
    title, articles = law_title(ruling), ruling.citations
    packs = [pack.name for pack in (ruling.beside, ruling.basis, ruling.pack) if pack is not None]
    return Text(
        f"{title.zh} {'、'.join(articles)}".rstrip() + f"（规则包{'、'.join(packs)}）",
        f"{title.en}, {', '.join(articles)}".rstrip(", ")
        + f" ({'packs' if len(packs) > 1 else 'pack'} {', '.join(packs)})",
    )


def _bearing(events: tuple[Event, ...], service: dt.date) -> tuple[Event, ...]:
    """The physician's events that bear on a service: those up to it, and what voids or reviews one of them (T2, Q1)."""
    reviews = (
        NoticeReceived,
        AppealFiled,
        AppealUpheld,
        AppealRejected,
        StatusCorrected,
        ObjectionFiled,
        ObjectionAnswered,
        InsuredRestored,
        DepartmentRestored,
    )
    bearing: dict[str, Event] = {}
    for event in events:
        if event.date <= service or (isinstance(event, reviews) and event.ref in bearing):
            bearing[event.event_id] = event
    return tuple(bearing.values())


def account_lines(
    events: tuple[Event, ...], entries: Mapping[str, Entry], causes: set[str], law: Law
) -> Iterator[Line]:
    """Events in words by the law of their day, each with what its entry of the account did to the points and set off."""
    restarted: dict[int, int] = {}
    for event in events:
        section = law.on(event.date).ledger
        if section is None:
            continue
        ledger = section.on(event.date)
        entry = entries.get(event.event_id)
        if entry is None:
            yield Line(
                event.date, event.event_id, describe(event, ledger), None, 0, None, None, (), event.event_id in causes
            )
            continue
        year = entry.date.year
        reached = entry.open_total
        if Effect.FULL in entry.effects:
            reached = entry.year_total - restarted.get(year, 0)
            restarted[year] = entry.year_total - entry.open_total
        points = -entry.points if entry.kind is EventType.BONUS else entry.points
        counted = entry.points if entry.kind is EventType.DEDUCTION else None
        yield Line(
            entry.date,
            event.event_id,
            describe(event, ledger, counted),
            points,
            entry.offset,
            reached,
            entry.year_total,
            tuple(_effects(entry, ledger)),
            event.event_id in causes,
        )


def _effects(entry: Entry, ledger: Ledger) -> Iterator[Text]:
    """What an entry set off. The long window replaces the short one, so it is told once."""
    long = any(name in LONG_PERIOD for name in entry.effects)
    for name in entry.effects:
        yield effect(name, ledger, None if name is Effect.FULL and long else entry.window)
