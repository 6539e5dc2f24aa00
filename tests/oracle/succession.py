"""Determinations S2 and S3: Qiannan's rules until a last day, and the national opinion from a first day on."""

# ruff: noqa: PLR0911 - the returns of a judgement stand one under the other, in the order of precedence

from __future__ import annotations

import random
from datetime import date, timedelta

from . import others, qiannan
from .days import ONE_DAY, Event, Window, chosen, day, known, of, stay, until
from .histories import Maker, generate
from .outcome import Outcome, blank, expect, not_in_force, pay, reject, review, urgent

NATIONAL_TYPES = ("registration", "site_declaration", "status", "repair", "status_corrected")
ABOUT_ANOTHER = ("notice_received", "appeal_filed", "appeal_upheld", "appeal_rejected")


def left_behind(events: list[Event], last: date) -> tuple[qiannan.Era, list[Event]]:
    """What was decided by the last day of the old law, and the registrations and sites that go over (S3)."""
    past = [e for e in until(events, last) if e["type"] not in ("deduction",) or day(e["date"]) >= qiannan.IN_FORCE]
    _, era = qiannan.tell(past, events, honour_late=False)
    ended = max(era.listings, default=None)  # blacklisting ends the registrations made by then
    over = [
        e
        for e in of(past, "registration", "site_declaration", "opt_out")
        if e["type"] != "registration" or ended is None or day(e["date"]) > ended
    ]
    return era, over


def under_national(case: dict, days: list[date], last: date, first: date) -> Outcome:
    """The part of a claim that lies under the national opinion, judged at its last day."""
    claim, service = case["claim"], days[-1]
    if blank(claim["physician_code"]):
        return review(expect("not_applicable"), "physician_missing")
    events = known(case)
    era, over = left_behind(events, last)
    ban = era.ban()
    banned = ban is not None and era.listings[0] < service <= ban[1]  # shown with a penalty, as before
    own = [e for e in until(events, service) if day(e["date"]) > last]
    statuses = [e for e in known(case) if day(e["date"]) > last]

    def window_on(d: date) -> Window | None:
        return next((w for w in era.windows if w.covers(d)), None)

    def status_on(d: date) -> Event | None:
        return others.abnormal_on(statuses, d)

    barred = [d for d in days if window_on(d) is not None or status_on(d) is not None]
    if barred and len(barred) < len(days) and days[0] >= first:  # the ground is that of the last barred day's law
        held = others.governing(others.statuses_on(statuses, service), service)
        standing = "normal" if held is None else held["status"]
        if not of(over + own, "registration"):
            standing = "unregistered"
        carried = status_on(barred[-1]) is None
        if status_on(service) is None and (banned or window_on(service)):
            standing = "blacklisted" if banned else "penalty"
        outcome = expect(standing)
        if standing == "blacklisted":
            outcome["ban_period"] = [ban[0].isoformat(), ban[1].isoformat()]
        if carried:
            shown = chosen([w for w in era.windows if w.covers(barred[-1])])
            return review(
                outcome | {"penalty_period": None if standing == "unregistered" else shown}, "straddles_penalty"
            )
        if standing == "unregistered":
            return reject(outcome, "physician_unregistered", "unspecified")
        touched = status_on(barred[-1])
        return review(outcome | {"penalty_period": [touched["date"], touched["until"]]}, "straddles_abnormal")
    if status_on(service) is None and (banned or window_on(service) is not None):
        outcome = expect("blacklisted" if banned else "penalty")
        outcome["penalty_period"] = chosen([w for w in era.windows if w.covers(service)])
        if banned:
            outcome["ban_period"] = [ban[0].isoformat(), ban[1].isoformat()]
        if window_on(service) is not None:
            if urgent(claim):
                return pay(outcome, "exempt_" + claim["encounter_type"])
            return reject(outcome, "in_penalty_period", "institution")
        if urgent(claim):
            return review(outcome, "blacklisted_emergency")
        return reject(outcome, "blacklisted", "institution")
    if not of(over + own, "registration"):
        return reject(expect("unregistered"), "physician_unregistered", "unspecified")
    status = status_on(service)
    if status is not None:
        outcome = expect(status["status"]) | {"penalty_period": [status["date"], status["until"]]}
        if urgent(claim):
            return review(outcome, "status_abnormal_emergency")
        return reject(outcome, "status_abnormal", "unspecified")
    sites = of(over + own, "registration", "site_declaration", "opt_out")
    words = [e for e in sites if e["institution"] == claim["institution"]]
    if not words or words[-1]["type"] == "opt_out":
        return review(expect("normal"), "site_not_declared")
    return pay(expect("normal"))


def judge(case: dict, last: date, first: date) -> Outcome:
    """The claim, where Qiannan's rules bind until `last` and the national opinion from `first` on (S1, S2)."""
    claim = case["claim"]
    service = day(claim["service_date"])
    if last < service < first or service < qiannan.IN_FORCE:
        return not_in_force()
    days = stay(claim)
    if service <= last:
        return qiannan.judge(case)
    new = [d for d in days if d >= first]
    old = [d for d in days if qiannan.IN_FORCE <= d <= last]
    if not old:
        return under_national(case, days, last, first)
    mine = under_national(case, new, last, first)
    part = claim | {"service_date": old[-1].isoformat(), "service_start": old[0].isoformat()}
    theirs = qiannan.judge(case | {"claim": part})
    if mine["disposition"] == theirs["disposition"]:
        return mine
    return review(mine, "straddles_law")


def generate_change(seed: int, last: date, first: date) -> dict:
    """A Qiannan history that goes on under the national opinion, and a claim near the change or after it."""
    case = generate("qiannan", seed)
    m = Maker(random.Random(f"change {seed}"), last)
    kept = [
        e
        for e in case["history"]
        if day(e["date"]) <= last or e["type"] in NATIONAL_TYPES or e["type"] in ABOUT_ANOTHER
    ]
    m.history = kept
    m.mark(last, first, last + ONE_DAY)
    _, era = qiannan.tell([e for e in kept if day(e["date"]) <= last], kept, honour_late=False)
    m.mark(*(w.end for w in era.windows), *(era.ban() or ()))
    m.now = max(last + ONE_DAY, first)
    for _ in range(m.rng.choice((0, 0, 1, 2))):
        m.step()
        until_ = None if m.chance(0.2) else m.now + timedelta(days=m.rng.choice((0, 5, 40, 200)))
        m.add("status", id=f"s{len(m.history)}", status=m.rng.choice(("suspended", "terminated", "normal")),
              until=until_ and until_.isoformat())  # fmt: skip
        if until_ is not None:
            m.mark(until_)
    service = m.pick_day(last - timedelta(days=40), last + timedelta(days=1500))
    made = m.finish("qiannan", seed, service, m.claim(service, stays=True))
    return made | {"id": f"SU-O{seed}", "as_of": max(made["as_of"], "2031-01-01" if m.chance(0.6) else made["as_of"])}
