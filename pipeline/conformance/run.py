"""Judges worked cases and compares the answers with what they expect, field by field.

The events of a case are folded, and its claim is judged by the vector definition of `rules.screens.verdict`. All cases of a run
are judged as one frame. Working days are plain Monday to Friday (README T6).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from pipeline.conformance.cases import INSURED, SWITCHED_ON, Case, CaseError, Json, read_case
from pipeline.inputs.records import read_records
from pipeline.settings.packs import load_pack_set
from rules.areas import areas_over_time, pooling_area
from rules.calendar import MONDAY_TO_FRIDAY, WorkingCalendar
from rules.dossier import fold
from rules.events import Event
from rules.packs.pack_set import PackSet
from rules.screens.facts import CLAIM_FACTS, DRUG_FIELDS, EPOCH
from rules.screens.further import FIELDS
from rules.screens.index import StandingIndex
from rules.screens.rows import FIRST_DAY, LAST_DAY, day_number
from rules.screens.table import Ruling
from rules.screens.verdict import Screen
from rules.standing import institution_timeline, span_on, timeline
from rules.timeline import PhysicianTimeline, Span
from rules.vocabulary import Standing
from topics.events.acceptance import filed_under, kind_of, owner_code

_FINAL = (
    "disposition",
    "reason",
    "points_remaining",
    "points_accumulated",
    "standing",
    "penalty_period",
    "cost_bearer",
)


@dataclass(frozen=True, slots=True)
class Difference:
    """A field whose value is not the expected one. `MISSING` stands for a field that is not there."""

    field: str
    expected: Any
    got: Any


MISSING = "(absent)"


@dataclass(frozen=True, slots=True)
class Result:
    """How one case came out; `problem` says why it could not be run at all."""

    id: str
    source: str
    got: Json = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()
    problem: str | None = None

    @property
    def passed(self) -> bool:
        """Whether the case ran and agrees in every field."""
        return self.problem is None and not self.differences


def run_cases(
    cases: Sequence[Case], packs: PackSet | None = None, calendar: WorkingCalendar = MONDAY_TO_FRIDAY
) -> list[Json]:
    """Judges the cases as one frame; returns for each what `expect` would have to say, in their order."""
    packs = packs if packs is not None else load_pack_set(switched_on=SWITCHED_ON, with_subjects=True)
    index = StandingIndex()
    timelines: list[PhysicianTimeline | None] = []
    rows: list[Json] = []
    for number, case in enumerate(cases):
        region = case.region
        code = _code(case.claim)
        timelines.append(_put(index, number, case, packs, code, calendar))
        drug = case.claim.get("drug") or {}
        rows.append(
            {
                "region": region,
                "physician_code": None if code is None else f"{number}/{code}",
                "institution_code": f"{number}/{case.claim.get('institution')}",
                "encounter_type": case.claim.get("encounter_type"),
                "day": day_number(case.day),
                "start_day": None if case.first_day is None else day_number(case.first_day),
                **{name: drug.get(name) for name in DRUG_FIELDS},
                "further": _further(case, number),
                "insured_id": f"{number}/{case.claim.get('insured_id') or INSURED}",
            }
        )
    if not rows:
        return []
    screen = Screen(packs)
    decided = screen.decide(
        pl.DataFrame(rows, schema={**CLAIM_FACTS, "further": pl.String, "insured_id": pl.String}), index
    )
    answers = []
    for case, line, known in zip(cases, decided.iter_rows(named=True), timelines, strict=True):
        ruling = screen.rulings[line["ruling"]]
        answers.append(_answer(case, ruling, line, known))
    return answers


def _code(claim: Mapping[str, Any]) -> str | None:
    code = claim.get("physician_code")
    return code.strip() or None if isinstance(code, str) else None


def _further(case: Case, number: int) -> str | None:
    """What the decision reads of the claim's further fields, as JSON; the people under the case's own names."""
    given = {name: case.claim[name] for name in FIELDS if case.claim.get(name) is not None}
    for name in ("people", "lines"):
        if name in given:
            given[name] = [{**one, "person": f"{number}/{one['person'].strip()}"} for one in given[name]]
    return msgspec.json.encode(given).decode() if given else None


def _put(
    index: StandingIndex, number: int, case: Case, packs: PackSet, code: str | None, calendar: WorkingCalendar
) -> PhysicianTimeline | None:
    """Puts the case's physician and institutions into the index, under names that no other case has."""
    area = pooling_area(case.region, case.day)
    # A case may record what its law does not know; the ledger would refuse it.
    filed = [(filed_under(event, packs), event) for event in case.events]
    sites = {(where, event.institution) for where, event in filed if event.of_institution and event.institution}
    for where, institution in sorted(sites):
        if area not in (where, *areas_over_time(where)):
            continue
        dossier = fold(event for place, event in filed if place == where)
        spans = institution_timeline(dossier, packs.law(where), institution_code=institution, region=where)
        heads = tuple(
            msgspec.structs.replace(head, physician_code=f"{number}/{head.physician_code}") for head in spans.headed
        )
        index.put_institution(
            msgspec.structs.replace(spans, institution_code=f"{number}/{institution}", heads=heads or msgspec.UNSET)
        )
    _put_subjects(index, number, filed, packs, calendar)
    known = None
    people = [(where, event.physician_code or "") for where, event in filed if kind_of(event) == "physician"]
    for where, person in sorted({*people, *([] if code is None else [(area, code)])}):
        # What is recorded of the person in other areas counts where the person is one everywhere (P3).
        file = fold(event for place, event in filed if place == where and event.physician_code == person)
        told = timeline(file, packs.law(where), calendar=calendar, region=where, physician_code=f"{number}/{person}")
        index.put(_renamed(told, number))
        if (where, person) == (area, code):
            known = told
    return known


def _put_subjects(
    index: StandingIndex,
    number: int,
    filed: Sequence[tuple[str, Event]],
    packs: PackSet,
    calendar: WorkingCalendar,
) -> None:
    """Puts the case's insured persons and departments into the index, under names that no other case has."""
    owners = sorted({(one.subject, where, owner_code(one)) for where, one in filed if one.subject is not None})
    for subject, where, code in owners:
        law = packs.law_beside(subject, where)
        if law is not None:
            file = fold(one for place, one in filed if (one.subject, place, owner_code(one)) == (subject, where, code))
            name = f"{number}/{code}"
            index.put_beside(subject, timeline(file, law, calendar=calendar, region=where, physician_code=name))


def _renamed(known: PhysicianTimeline, number: int) -> PhysicianTimeline:
    """The timeline with its institutions under the case's own names."""
    sites = tuple(
        msgspec.structs.replace(site, institution_code=f"{number}/{site.institution_code}")
        for site in known.sites
        if not isinstance(site, str)
    )
    return msgspec.structs.replace(known, sites=sites)


def _answer(case: Case, ruling: Ruling, line: Json, known: PhysicianTimeline | None) -> Json:
    """The fields of `expect` (README section 3) from the ruling and the span of the service date."""
    standing = Standing(line["standing"])
    span: Span | None = None
    if known is not None and standing not in (Standing.NOT_APPLICABLE, Standing.OPTED_OUT, Standing.UNREGISTERED):
        span = span_on(known.spans, case.day)
    answer: Json = {
        "disposition": str(ruling.disposition),
        "reason": str(ruling.reason),
        "points_remaining": None if span is None else span.points_remaining,
        "points_accumulated": None if span is None else span.points_accumulated,
        "standing": str(standing),
        "penalty_period": _days(line["window_start"], line["window_end"]),
        "cost_bearer": str(ruling.cost_bearer),
    }
    if "area" in (case.expect or {}):
        answer["area"] = pooling_area(case.region, case.day)
    if "second_ground" in (case.expect or {}):
        answer["second_ground"] = None if ruling.second is None else str(ruling.second.reason)
    if span is None or span.standing is not standing:
        # A status recorded elsewhere is what is shown (P3); the bar of the area's own law is not.
        return answer
    if span.ban_period is not None:
        answer["ban_period"] = [None if end is None else end.isoformat() for end in span.ban_period]
    if span.reapply_not_before is not None:
        answer["reapply_not_before"] = span.reapply_not_before.isoformat()
    return answer


def _days(start: int | None, end: int | None) -> list[str | None] | None:
    if start is None or end is None:
        return None
    return [
        None if start <= FIRST_DAY else dt.date.fromordinal(start + EPOCH).isoformat(),
        None if end >= LAST_DAY else dt.date.fromordinal(end + EPOCH).isoformat(),
    ]


def compare(expect: Mapping[str, Any], got: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Every field in which the two differ; a field that is there on one side only differs as well."""
    names = [*_FINAL, *sorted((expect.keys() | got.keys()) - set(_FINAL))]
    return tuple(
        Difference(name, expect.get(name, MISSING), got.get(name, MISSING))
        for name in names
        if (name in expect or name in got) and expect.get(name, MISSING) != got.get(name, MISSING)
    )


def run_conformance(
    paths: Iterable[Path], packs: PackSet | None = None, calendar: WorkingCalendar = MONDAY_TO_FRIDAY
) -> list[Result]:
    """Runs every case of the files, a case a line. A line that is no case becomes a result with a `problem`.

    Raises InputError for a file that cannot be read.
    """
    results: list[Result] = []
    cases: list[Case] = []
    places: list[int] = []
    for path in paths:
        for number, raw in read_records(path):
            if not raw.strip():
                continue
            source = f"{path}:{number}"
            try:
                case = read_case(msgspec.json.decode(raw))
            except (CaseError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                results.append(Result("(no case)", source, problem=str(error)))
                continue
            if case.expect is None:
                results.append(Result(case.id, source, problem="expect: missing"))
                continue
            places.append(len(results))
            results.append(Result(case.id, source))
            cases.append(case)
    for place, case, got in zip(places, cases, run_cases(cases, packs, calendar), strict=True):
        before = results[place]
        results[place] = Result(before.id, before.source, got, compare(case.expect or {}, got))
    return results
