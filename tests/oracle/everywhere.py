"""Determinations P3 and P7 under the national opinion: one person in two areas, and the agreement of the claiming institution."""

# ruff: noqa: PLR0911 - the returns of a judgement stand one under the other, in the order of precedence

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

from . import others
from .days import Event, corr, day, known, of, stay, until
from .histories import Maker
from .outcome import Outcome, blank, expect, not_in_force, pay, reject, review, urgent

AREAS = (None, "310000")
AGREEMENTS = ("institution_signed", "institution_suspended", "institution_ended", "institution_resigned")


def abnormal_anywhere(events: list[Event], d: date) -> Event | None:
    """N1 over all areas: of the suspensions and terminations that cover a day the one with the later first day."""
    found = [others.abnormal_on([e for e in events if e.get("region") == area], d) for area in AREAS]
    held = [status for status in found if status is not None]
    return max(held, key=lambda status: status["date"]) if held else None


def agreement(events: list[Event], institution: str, d: date) -> str:
    """P7: covered, barred or unknown on a day, by what was recorded of the institution by then."""
    past = [e for e in until(of(events, *AGREEMENTS), d) if e["institution"] == institution]
    ended = False
    terms: list[date | None] = []  # last days of the agreements signed since the last one ended
    bars: list[tuple[date, date | None]] = []  # suspensions are independent, as all windows are
    for e in past:
        first = day(e.get("from") or e["date"])
        if first > d:
            continue
        if e["type"] == "institution_ended":
            ended, terms = True, []
        elif e["type"] == "institution_suspended":
            bars.append((first, day(e["to"]) if e.get("to") else None))
        else:
            ended, bars = False, []
            terms.append(day(e["to"]) if e.get("to") else None)
    if ended:
        return "barred"
    if any(first <= d and (last is None or d <= last) for first, last in bars):
        return "barred"
    if terms and all(last is not None and last < d for last in terms):
        return "unknown"
    return "covered"


def judge(case: dict) -> Outcome:
    """The expected outcome of a national case whose events may lie in another area."""
    claim = case["claim"]
    service = day(claim["service_date"])
    if service < others.NATIONAL_START:
        return not_in_force()
    if blank(claim["physician_code"]):
        return review(expect("not_applicable"), "physician_missing")
    events = known(case)
    past = until(events, service)
    registered = of(past, "registration")
    status = abnormal_anywhere(events, service)
    if not registered and status is None:
        return reject(expect("unregistered"), "physician_unregistered", "unspecified")
    days = stay(claim)
    barred = [s for s in (abnormal_anywhere(events, d) for d in days) if s is not None]
    shown = status or (barred[-1] if barred else None)
    standing = expect(status["status"] if status is not None else "normal")
    if barred and len(barred) < len(days) and days[0] >= others.NATIONAL_START:
        return review(standing | {"penalty_period": [shown["date"], shown["until"]]}, "straddles_abnormal")
    if status is not None:
        outcome = standing | {"penalty_period": [status["date"], status["until"]]}
        if urgent(claim):
            return review(outcome, "status_abnormal_emergency")
        return reject(outcome, "status_abnormal", "unspecified")
    covered = agreement(events, claim["institution"], service)
    if covered == "barred":
        if urgent(claim):
            return review(standing, "institution_agreement_terminated")
        return reject(standing, "institution_agreement_terminated", "unspecified")
    if covered == "unknown":
        return review(standing, "institution_agreement_unknown")
    if not any(e["institution"] == claim["institution"] for e in of(past, "registration", "site_declaration")):
        return review(standing, "site_not_declared")
    return pay(standing)


def placed(area: str | None) -> dict[str, Any]:
    """The region of an event, where it is not the case's own."""
    return {"region": area} if area else {}


def written(last: date | None) -> dict[str, Any]:
    """A written last day."""
    return {"to": last.isoformat()} if last else {}


def generate_everywhere(seed: int) -> dict:
    """A person registered in both areas, with statuses in one or the other, and an institution's agreements in order."""
    rng = random.Random(f"everywhere {seed}")
    m = Maker(rng, date(2024, 12, rng.choice((1, 20, 31))))
    for area in AREAS:
        m.add("registration", institution=rng.choice(("H1", "H2")), **placed(area))
    signed = date(2024, 12, 31)
    for number in range(rng.randint(0, 5)):
        m.step()
        if m.chance(0.6):
            area = rng.choice(AREAS)
            last = None if m.chance(0.2) else m.now + timedelta(days=rng.choice((0, 9, 30, 90)))
            m.add("status", id=f"s{number}", status=rng.choice(("suspended", "terminated")),
                  until=last and last.isoformat(), **placed(area))  # fmt: skip
            m.mark(*([last] if last else []))
        elif m.now > signed:
            signed = m.now
            last = None if m.chance(0.5) else corr(m.now, rng.choice((1, 2, 6)))
            m.add(rng.choice(AGREEMENTS[:3]), institution="H1", **written(last))
            if m.history[-1]["type"] == "institution_ended":
                m.history[-1].pop("to", None)
            m.mark(*([last] if last else []))
    for event in m.history:
        event.pop("recorded", None)
    service = m.pick_day(date(2024, 12, 25), m.now + timedelta(days=300))
    return m.finish("national", seed, service, m.claim(service, stays=True)) | {"as_of": "2035-01-01"}
