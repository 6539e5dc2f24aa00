"""Worked cases in the schema of the spec's README, run through the same law as the gate.

A case is one history and one claim. It is adapted to events and a claim, the events are folded, the claim is judged by the
vector definition of `rules.screens.verdict`, and the answer is compared field by field with `expect`. Cases carry days
only: the place in `history` stands for the time of recording (determination G1), working days are plain Monday to
Friday (README T6). All cases of a run are judged as one frame.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from pipeline.inputs.errors import InputError
from pipeline.inputs.records import read_records
from pipeline.settings.packs import load_pack_set
from rules.calendar import MONDAY_TO_FRIDAY, WorkingCalendar
from rules.dossier import fold
from rules.events import CHINA, NEEDS_INSTITUTION, TYPES, Event
from rules.packs.pack import Law, PackSet
from rules.screens.facts import CLAIM_FACTS, DRUG_FIELDS, EPOCH
from rules.screens.index import FIRST_DAY, LAST_DAY, StandingIndex, day_number
from rules.screens.table import Ruling
from rules.screens.verdict import Screen
from rules.standing import institution_timeline, span_on, timeline
from rules.timeline import PhysicianTimeline, Span
from rules.vocabulary import Standing

Json = dict[str, Any]

REGIONS = {"qiannan": "522700", "lanzhou": "620100", "national": "000000", "xiamen": "350200", "shantou": "440500"}
"""Region by which a case of a locality finds its pack."""

_BASE = dt.datetime(2000, 1, 1, tzinfo=CHINA)
_FINAL = (
    "disposition",
    "reason",
    "points_remaining",
    "points_accumulated",
    "standing",
    "penalty_period",
    "cost_bearer",
)


class CaseError(ValueError):
    """A case that does not follow the schema; the message names the field."""


@dataclass(frozen=True, slots=True)
class Case:
    """A case, adapted: its events in the order of recording, and its claim's facts."""

    id: str
    locality: str
    events: tuple[Event, ...]
    claim: Json
    day: dt.date
    first_day: dt.date | None
    expect: Json | None


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


# -- reading ------------------------------------------------------------------------------------------------------


def read_case(data: Any) -> Case:
    """Adapts one case. Raises CaseError for a case that does not follow the schema."""
    if not isinstance(data, dict):
        raise CaseError(f"expected a JSON object, found {type(data).__name__}")
    case_id = str(data.get("id", "(no id)"))
    locality = data.get("locality")
    if locality not in REGIONS:
        raise CaseError(f"locality: {locality!r} found; expected one of {', '.join(REGIONS)}")
    claim = _mapping(data, "claim")
    history = data.get("history")
    if not isinstance(history, list):
        raise CaseError(f"history: expected a list, found {type(history).__name__}")
    day = _date(claim, "service_date")
    as_of = _date(data, "as_of") if data.get("as_of") is not None else dt.date.max
    expect = data.get("expect")
    if expect is not None and not isinstance(expect, dict):
        raise CaseError(f"expect: expected an object, found {type(expect).__name__}")
    events = []
    for place, item in enumerate(history):
        event = _event(item, place, locality, as_of)
        if event is not None:
            events.append(event)
    first_day = _date(claim, "service_start") if claim.get("service_start") is not None else None
    return Case(case_id, str(locality), tuple(events), claim, day, first_day, expect)


def _mapping(data: Mapping[str, Any], key: str) -> Json:
    value = data.get(key)
    if not isinstance(value, dict):
        raise CaseError(f"{key}: expected an object, found {type(value).__name__}")
    return value


def _date(data: Mapping[str, Any], key: str) -> dt.date:
    value = data.get(key)
    if not isinstance(value, str):
        raise CaseError(f"{key}: expected a day such as 2023-05-10, found {value!r}")
    try:
        return dt.date.fromisoformat(value)
    except ValueError as error:
        raise CaseError(f"{key}: expected a day such as 2023-05-10, found {value!r}") from error


def _event(item: Any, place: int, locality: str, as_of: dt.date) -> Event | None:
    """The event at a place of the history; None when it was recorded after `as_of` (README T2)."""
    where = f"history[{place}]"
    if not isinstance(item, dict):
        raise CaseError(f"{where}: expected an object, found {type(item).__name__}")
    kind = TYPES.get(item.get("type", ""))
    if kind is None:
        raise CaseError(f"{where}.type: unknown event type {item.get('type')!r}")
    recorded = _date(item, "recorded") if item.get("recorded") is not None else _date(item, "date")
    if recorded > as_of:
        return None
    wire = {key: value for key, value in item.items() if key not in ("id", "recorded")}
    wire["event_id"] = item.get("id") or f"#{place:04d}"
    wire["region"] = REGIONS[locality]
    # `recorded` has done its work above; among events of one day the place in the history decides (G1).
    wire["recorded_at"] = (_BASE + dt.timedelta(seconds=place)).isoformat()
    if not kind.of_institution:
        wire["physician_code"] = "the claim's physician"
    elif item["type"] in NEEDS_INSTITUTION and not item.get("institution"):
        raise CaseError(f"{where}.institution: missing; a {item['type']} needs it")
    try:
        return msgspec.convert(wire, kind)
    except msgspec.ValidationError as error:
        raise CaseError(f"{where} ({item['type']}): {error}") from error


# -- running ------------------------------------------------------------------------------------------------------


def run_cases(
    cases: Sequence[Case], packs: PackSet | None = None, calendar: WorkingCalendar = MONDAY_TO_FRIDAY
) -> list[Json]:
    """Judges the cases as one frame; returns for each what `expect` would have to say, in their order."""
    packs = packs if packs is not None else load_pack_set(switched_on=("shantou-2022-draft",))
    index = StandingIndex()
    timelines: list[PhysicianTimeline | None] = []
    rows: list[Json] = []
    for number, case in enumerate(cases):
        region = REGIONS[case.locality]
        law = packs.law(region)
        code = _code(case.claim)
        timelines.append(_put(index, number, case, law, code, calendar))
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
            }
        )
    if not rows:
        return []
    screen = Screen(packs)
    decided = screen.decide(pl.DataFrame(rows, schema=CLAIM_FACTS), index)
    answers = []
    for case, line, known in zip(cases, decided.iter_rows(named=True), timelines, strict=True):
        ruling = screen.rulings[line["ruling"]]
        answers.append(_answer(case, ruling, line, known))
    return answers


def _code(claim: Mapping[str, Any]) -> str | None:
    code = claim.get("physician_code")
    return code.strip() or None if isinstance(code, str) else None


def _put(
    index: StandingIndex, number: int, case: Case, law: Law, code: str | None, calendar: WorkingCalendar
) -> PhysicianTimeline | None:
    """Puts the case's physician and institutions into the index, under names that no other case has."""
    region = REGIONS[case.locality]
    dossier = fold(case.events)
    for institution in {event.institution for event in dossier.events if event.of_institution and event.institution}:
        spans = institution_timeline(dossier, law, institution_code=institution, region=region)
        index.put_institution(msgspec.structs.replace(spans, institution_code=f"{number}/{institution}"))
    if code is None:
        return None
    known = timeline(dossier, law, calendar=calendar, region=region, physician_code=f"{number}/{code}")
    sites = tuple(
        msgspec.structs.replace(site, institution_code=f"{number}/{site.institution_code}")
        for site in known.sites
        if not isinstance(site, str)
    )
    index.put(msgspec.structs.replace(known, sites=sites))
    return known


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
    if span is not None and span.ban_period is not None:
        answer["ban_period"] = [None if end is None else end.isoformat() for end in span.ban_period]
    if span is not None and span.reapply_not_before is not None:
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


# -- files --------------------------------------------------------------------------------------------------------


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


def conformance_command(paths: Sequence[Path], *, json: bool, echo: Callable[[str], Any]) -> int:
    """Runs the files and prints every case that differs, then `N passed, N failed`.

    Returns 0, or 1 when any case failed, or 2 when a file could not be read. With `json` each failed case is one JSON
    object a line; the last line is the same.
    """
    try:
        results = run_conformance(paths)
    except InputError as error:
        echo(str(error))
        return 2
    failed = [result for result in results if not result.passed]
    for result in failed:
        echo(_as_json(result) if json else _as_text(result))
    passed = len(results) - len(failed)
    echo(
        msgspec.json.encode({"passed": passed, "failed": len(failed)}).decode()
        if json
        else f"{passed} passed, {len(failed)} failed"
    )
    return 1 if failed else 0


def _as_json(result: Result) -> str:
    return msgspec.json.encode(
        {
            "id": result.id,
            "at": result.source,
            "problem": result.problem,
            "differences": [
                {"field": item.field, "expected": item.expected, "got": item.got} for item in result.differences
            ],
        }
    ).decode()


def _as_text(result: Result) -> str:
    if result.problem is not None:
        return f"{result.id}  {result.source}: {result.problem}"
    lines = [f"{result.id}  {result.source}"]
    width = max(len(item.field) for item in result.differences)
    for item in result.differences:
        expected, got = (
            value if value == MISSING else msgspec.json.encode(value).decode() for value in (item.expected, item.got)
        )
        lines.append(f"  {item.field:<{width}}  expected {expected}, got {got}")
    return "\n".join(lines)
