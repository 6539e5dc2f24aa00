"""Determinations S2 and S3 for Lanzhou and Xiamen: their law until a last day, and the national opinion from the next day on."""

# ruff: noqa: PLR0911 - the returns of a judgement stand one under the other, in the order of precedence

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, timedelta

from . import lanzhou, others
from .days import ONE_DAY, Event, Window, chosen, corr, day, known, of, stay, until
from .histories import Maker, generate
from .outcome import Outcome, blank, expect, not_in_force, pay, reject, review, urgent

NATIONAL = ("registration", "site_declaration", "status", "status_corrected")


@dataclass
class Left:
    """What an old law leaves behind: windows, a cancellation's days, a ban, and the day until which registrations ended."""

    windows: list[Window] = field(default_factory=list)
    cancelled: tuple[date, date] | None = None  # first day and the day from which one may apply again
    listed: date | None = None  # a ban without an end, from the day after
    ended: date = date.min


def left_by_lanzhou(past: list[Event]) -> Left:
    """Suspensions run out in full; a cancellation from which nobody has returned goes on until one may apply again."""
    ledger = lanzhou.keep_ledger(past, of(past, "agreement"))
    left = Left(windows=ledger.suspensions)
    if ledger.cancellations and of(past, "registration"):  # who was never registered has nothing that is cancelled
        decided = ledger.cancellations[-1][0]
        months = 12 if len(ledger.cancellations) == 1 else 60
        again = corr(decided, months) + ONE_DAY
        if not lanzhou.returned(past, decided, months == 12, again)[0]:
            # What is decided of somebody whose qualification is gone suspends nothing.
            left.windows = [w for w in left.windows if w.decided <= decided]
            left.cancelled, left.ended = (decided + ONE_DAY, again), decided
    return left


def left_by_xiamen(past: list[Event]) -> Left:
    """XM-P3: a blacklisting is for good."""
    listed = others.blacklisting_day(past)
    return Left() if listed is None else Left(listed=listed, ended=listed)


def place_barred(locality: str, events: list[Event], claim: dict, last: date) -> bool:
    """The agreement that the old law ended stays ended until a new one is signed."""
    service = day(claim["service_date"])
    past = until(events, min(last, service))
    if locality == "xiamen":
        return others.agreement_ended(past, claim["institution"], service)
    past = past + [e for e in of(until(events, service), "institution_resigned") if day(e["date"]) > last]
    return lanzhou.institution_terminated(past, claim["institution"], service)


def under_the_opinion(case: dict, days: list[date], last: date) -> Outcome:
    """The part of a claim that lies under the national opinion, judged at its last day."""
    claim, service, events = case["claim"], days[-1], known(case)
    if blank(claim["physician_code"]):
        return review(expect("not_applicable"), "physician_missing")
    left = (left_by_lanzhou if case["locality"] == "lanzhou" else left_by_xiamen)(until(events, last))
    statuses = [e for e in events if day(e["date"]) > last]
    files = [
        e
        for e in of(until(events, service), "registration", "site_declaration")
        if e["type"] != "registration" or day(e["date"]) > left.ended
    ]
    cancelled = left.cancelled is not None and service < left.cancelled[1]
    banned = left.listed is not None
    running = [w for w in left.windows if w.covers(service)]
    status = others.abnormal_on(statuses, service)
    filed = bool(of(files, "registration"))
    # A cancellation and a ban are no windows that a stay could straddle, and go before the old law's windows.
    windows = [] if cancelled else left.windows
    barred = [d for d in days if others.abnormal_on(statuses, d) or any(w.covers(d) for w in windows)]
    standing = expect("normal" if filed else "unregistered")
    if status is not None and filed:
        standing = expect(status["status"])
    elif status is None and cancelled:
        standing = expect("cancelled") | {"reapply_not_before": left.cancelled[1].isoformat()}
    elif status is None and banned:
        standing = expect("blacklisted") | {"ban_period": [(left.listed + ONE_DAY).isoformat(), None]}
    elif status is None and running:
        standing = expect("suspended")
    if status is not None and not filed:
        return reject(standing, "physician_unregistered", "unspecified")
    if barred and len(barred) < len(days):
        by_status = others.abnormal_on(statuses, barred[-1])
        if by_status is None:
            shown = chosen([w for w in windows if w.covers(barred[-1])])
            hidden = standing["standing"] == "unregistered"
            return review(standing | {"penalty_period": None if hidden else shown}, "straddles_penalty")
        if standing["standing"] == "unregistered":
            return reject(standing, "physician_unregistered", "unspecified")
        return review(standing | {"penalty_period": [by_status["date"], by_status["until"]]}, "straddles_abnormal")
    if status is not None:
        standing = standing | {"penalty_period": [status["date"], status["until"]]}
        if urgent(claim):
            return review(standing, "status_abnormal_emergency")
        return reject(standing, "status_abnormal", "unspecified")
    if cancelled:
        return reject(standing, "cancelled", "unspecified")
    if banned:
        if urgent(claim):
            return review(standing, "blacklisted_emergency")
        return reject(standing, "blacklisted", "unspecified")
    if running:
        return reject(standing | {"penalty_period": chosen(running)}, "suspended", "unspecified")
    if not filed:
        return reject(standing, "physician_unregistered", "unspecified")
    if place_barred(case["locality"], events, claim | {"service_date": service.isoformat()}, last):
        if urgent(claim):
            return review(standing, "institution_agreement_terminated")
        return reject(standing, "institution_agreement_terminated", "unspecified")
    if not any(e["institution"] == claim["institution"] for e in files):
        return review(standing, "site_not_declared")
    return pay(standing)


def judge(case: dict, last: date) -> Outcome:
    """The claim, where the local law binds until `last` and the national opinion from the next day on (S1, S2)."""
    claim, service = case["claim"], day(case["claim"]["service_date"])
    old_law = lanzhou.judge if case["locality"] == "lanzhou" else others.judge_xiamen
    began = lanzhou.FIRST_DAY if case["locality"] == "lanzhou" else date.min
    if service < began:
        return not_in_force()
    if service <= last:
        return old_law(case)
    days = stay(claim)
    old = [d for d in days if began <= d <= last]
    mine = under_the_opinion(case, [d for d in days if d > last], last)
    if not old:
        return mine
    part = claim | {"service_date": old[-1].isoformat(), "service_start": old[0].isoformat()}
    theirs = old_law(case | {"claim": part})
    return mine if mine["disposition"] == theirs["disposition"] else review(mine, "straddles_law")


def generate_after(locality: str, seed: int, last: date) -> dict:
    """A history of the place that goes on under the opinion, and a claim near the change or after it."""
    case = generate(locality, seed)
    m = Maker(random.Random(f"after {seed}"), last)
    m.history = [
        e for e in case["history"] if day(e["date"]) <= last or e["type"] in (*NATIONAL, "institution_resigned")
    ]
    m.mark(last, last + ONE_DAY)
    past = until(m.history, last)
    left = (left_by_lanzhou if locality == "lanzhou" else left_by_xiamen)(past)
    m.mark(*(w.end for w in left.windows), *([left.cancelled[1]] * 2 if left.cancelled else []))
    m.now = last + ONE_DAY
    for number in range(m.rng.choice((0, 0, 1, 2))):
        m.step()
        if m.chance(0.3):
            m.add("registration", institution=m.rng.choice(("H1", "H2")))
            continue
        end = None if m.chance(0.2) else m.now + timedelta(days=m.rng.choice((0, 5, 40, 200)))
        m.add(
            "status", id=f"n{number}", status=m.rng.choice(("suspended", "terminated")), until=end and end.isoformat()
        )
        if end is not None:
            m.mark(end)
    service = m.pick_day(last - timedelta(days=30), last + timedelta(days=900))
    made = m.finish(locality, seed, service, m.claim(service, stays=True))
    return made | {"id": f"AF-O{seed}", "as_of": "2039-01-01" if m.chance(0.7) else made["as_of"]}
