"""Lanzhou 2014 (source 002), evaluated for one day from the list of events."""

# ruff: noqa: PLR0911 - the returns of a judgement stand one under the other, in the order of precedence

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from .days import ONE_DAY, Event, Window, chosen, corr, day, known, of, stay, until, window_after
from .outcome import Outcome, blank, expect, not_in_force, pay, reject, review, urgent

FIRST_DAY = date(2014, 5, 1)  # 第二十四条
LAST_DAY = date(2019, 4, 30)
FIRST_ROUND_ENDS = date(2014, 7, 1)  # 第六条(五), T3
TERM_POINTS = 10  # 第十一条


@dataclass
class Ledger:
    """Totals by agreement (its place in the list), suspensions and cancellations."""

    totals: dict[int, int] = field(default_factory=dict)
    suspensions: list[Window] = field(default_factory=list)
    cancellations: list[tuple[date, int]] = field(default_factory=list)  # day, term


def term_on(d: date, agreements: list[Event], cancelled: list[date]) -> int | None:
    """The agreement that covers a day (L3).

    A cancellation ends those begun by then, from its next day; if two cover the day, the later start is the term.
    """
    found = None
    for place, a in enumerate(agreements):
        if not day(a["start"]) <= d <= day(a["end"]):
            continue
        if any(c < d and day(a["start"]) <= c for c in cancelled):
            continue
        if found is None or day(a["start"]) >= day(agreements[found]["start"]):
            found = place
    return found


def keep_ledger(past: list[Event], agreements: list[Event]) -> Ledger:
    """第十七条: thresholds 6, 8 and 10 of the term; one decision fires only the highest that it newly crosses."""
    ledger = Ledger()
    for e in of(past, "deduction"):
        decided = day(e["date"])
        term = term_on(decided, agreements, [c for c, _ in ledger.cancellations])
        if term is None:
            continue  # 协议期内: outside every term there is no account
        before = ledger.totals.get(term, 0)
        after = before + e["points"]
        ledger.totals[term] = after
        if before < 10 <= after:
            ledger.cancellations.append((decided, term))
        elif before < 8 <= after < 10:
            ledger.suspensions.append(window_after(decided, 6))
        elif before < 6 <= after < 8:
            ledger.suspensions.append(window_after(decided, 3))
    return ledger


def institution_terminated(past: list[Event], institution: str, service: date) -> bool:
    """第二十二条, L4: from the day after a snapshot that meets the mark until a new agreement, that day included."""
    ended_from: date | None = None
    for e in past:
        if e.get("institution") != institution:
            continue
        if e["type"] == "institution_resigned":
            ended_from = None
        elif e["type"] == "institution_snapshot":
            approved, cancelled = e["approved_physicians"], e["cancelled_in_term"]
            if approved >= 20:
                met = 100 * cancelled >= 5 * approved
            elif approved >= 10:
                met = cancelled >= 2
            else:
                met = cancelled >= 1
            if met and ended_from is None:
                ended_from = day(e["date"]) + ONE_DAY
    return ended_from is not None and ended_from <= service


def returned(past: list[Event], cancelled: date, first: bool, earliest: date) -> tuple[bool, bool]:
    """Section 6, L1: whether a registration after the cancellation meets the conditions, and whether there is one."""
    any_registration = False
    for e in of(past, "registration"):
        d = day(e["date"])
        if d <= cancelled:
            continue
        any_registration = True
        passed = any(earliest <= day(r["date"]) <= d for r in of(past, "retraining_passed"))
        if d >= earliest and (passed or not first):
            return True, True
    return False, any_registration


def judge(case: dict) -> Outcome:
    """The expected outcome of a Lanzhou case."""
    claim = case["claim"]
    service = day(claim["service_date"])
    if not FIRST_DAY <= service <= LAST_DAY:
        return not_in_force()
    if blank(claim["physician_code"]):  # 第十条
        outcome = expect("not_applicable")
        if urgent(claim):
            return review(outcome, "missing_emergency_no_rule")
        return reject(outcome, "physician_missing", "unspecified")
    past = until(known(case), service)
    if not of(past, "registration"):  # 第九条, 第六条(五)
        if service <= FIRST_ROUND_ENDS:
            return review(expect("unregistered"), "initial_registration_window")
        return reject(expect("unregistered"), "physician_unregistered", "unspecified")

    agreements = of(past, "agreement")
    ledger = keep_ledger(past, agreements)
    effective = [(c, t) for c, t in ledger.cancellations if c < service]  # T4
    if effective:
        last, term = effective[-1]
        earliest = corr(last, 12 if len(effective) == 1 else 60) + ONE_DAY  # 第十八条
        back, tried = returned(past, last, len(effective) == 1, earliest)
        if not back:
            outcome = expect("cancelled") | {"reapply_not_before": earliest.isoformat()}
            if tried:
                return review(outcome, "reapplication_conflict")
            if service >= earliest:
                return reject(expect("unregistered"), "physician_unregistered", "unspecified")
            outcome |= {"points_remaining": 0, "points_accumulated": ledger.totals[term]}
            return reject(outcome, "cancelled", "unspecified")

    term_now = term_on(service, agreements, [c for c, _ in ledger.cancellations])
    outcome = expect("normal")
    if term_now is not None:
        total = ledger.totals.get(term_now, 0)
        outcome |= {"points_remaining": max(0, TERM_POINTS - total), "points_accumulated": total}
    covering = [w for w in ledger.suspensions if w.covers(service)]
    starting = [w for w in ledger.suspensions if w.decided == service]
    if covering:  # L8
        outcome |= {"standing": "suspended", "penalty_period": chosen(covering)}
    elif term_now is None:
        outcome |= {"standing": "agreement_expired"}
    elif starting:
        outcome |= {"standing": "suspension_pending", "penalty_period": chosen(starting)}

    days = stay(claim)  # L5
    touched = [w for w in ledger.suspensions if any(w.covers(d) for d in days)]
    if touched and any(not any(w.covers(d) for w in ledger.suspensions) for d in days):
        return review(outcome | {"penalty_period": chosen(touched)}, "straddles_penalty")
    if covering:
        return reject(outcome, "suspended", "unspecified")
    if term_now is None:
        return review(outcome, "agreement_expired")
    if institution_terminated(past, claim["institution"], service):
        return reject(outcome, "institution_agreement_terminated", "unspecified")
    return pay(outcome)
