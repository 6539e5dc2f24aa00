"""National 2024 (source 003), Xiamen 2017 (004) and the Shantou draft (001 篇10)."""

# ruff: noqa: PLR0911 - the returns of a judgement stand one under the other, in the order of precedence

from __future__ import annotations

from datetime import date
from decimal import Decimal

from .days import ONE_DAY, Event, corr, day, known, of, stay, until
from .outcome import Outcome, blank, expect, not_in_force, pay, reject, review, urgent

NATIONAL_START = date(2025, 1, 1)  # 003 五¶4
RATIO_MARK = Decimal("0.4")  # 004, XM-I2


# --- National ---


def governing(statuses: list[Event], d: date) -> Event | None:
    """N1: of the statuses that cover a day, the one with the later first day (same day: the later in `history`)."""
    found = None
    for s in statuses:
        if day(s["date"]) <= d and (s["until"] is None or d <= day(s["until"])):
            found = s  # the list is in the order of first days
    return found


def statuses_on(events: list[Event], service: date) -> list[Event]:
    """003 四, N1: the statuses begun by the service date, without the void ones, with the repairs dated by then."""
    void = {e["ref"] for e in of(events, "status_corrected")}
    statuses: list[Event] = []
    for e in until(events, service):
        if e["type"] == "status" and e.get("id") not in void:
            statuses.append(dict(e))
        elif e["type"] == "repair":
            current = governing(statuses, day(e["date"]))
            if current is not None:
                current["until"] = e["new_until"]
    return statuses


def abnormal_on(events: list[Event], d: date) -> Event | None:
    """The suspension or termination that governs a day, as known on it; None when there is none."""
    status = governing(statuses_on(events, d), d)
    return None if status is None or status["status"] == "normal" else status


def judge_national(case: dict) -> Outcome:
    """The expected outcome under the national opinion."""
    claim = case["claim"]
    service = day(claim["service_date"])
    if service < NATIONAL_START:
        return not_in_force()
    if blank(claim["physician_code"]):
        return review(expect("not_applicable"), "physician_missing")
    events = known(case)
    past = until(events, service)
    if not of(past, "registration"):
        return reject(expect("unregistered"), "physician_unregistered", "unspecified")
    status = governing(statuses_on(events, service), service)
    if claim.get("staff_category") == "settlement_audit":  # P5: whatever the status
        abnormal = status is not None and status["status"] != "normal"
        outcome = expect(status["status"] if abnormal else "normal")
        return review(
            outcome | {"penalty_period": [status["date"], status["until"]] if abnormal else None}, "data_conflict"
        )
    barred = [s for s in (abnormal_on(events, d) for d in stay(claim)) if s is not None]
    if barred and len(barred) < len(stay(claim)) and stay(claim)[0] >= NATIONAL_START:  # N3; S2: days without law
        shown = abnormal_on(events, service) or barred[-1]
        standing = expect(status["status"] if status is not None else "normal")
        return review(standing | {"penalty_period": [shown["date"], shown["until"]]}, "straddles_abnormal")
    if status is not None and status["status"] != "normal":  # 003 三¶2
        outcome = expect(status["status"]) | {"penalty_period": [status["date"], status["until"]]}
        if urgent(claim):
            return review(outcome, "status_abnormal_emergency")
        return reject(outcome, "status_abnormal", "unspecified")
    if not any(e["institution"] == claim["institution"] for e in of(past, "registration", "site_declaration")):  # N2
        return review(expect("normal"), "site_not_declared")
    return pay(expect("normal"))


# --- Xiamen ---


def agreement_ended(past: list[Event], institution: str, service: date) -> bool:
    """004 last sentence, T7, X2: three orders in 12 consecutive months, or 40 %; from the day after (T4)."""
    named = [e for e in past if e.get("institution") == institution and day(e["date"]) < service]
    if any(Decimal(str(e["ratio"])) >= RATIO_MARK for e in of(named, "institution_violation_ratio")):
        return True
    orders = [day(e["date"]) for e in of(named, "rectification_order")]
    return any(len([d for d in orders if start <= d < corr(start, 12)]) >= 3 for start in orders)


def blacklisting_day(past: list[Event]) -> date | None:
    """XM-P3: the second full 12, whatever the periods, or criminal liability, whichever comes first."""
    full = [day(e["date"]) for e in of(past, "full_12")]
    days = full[1:2] + [day(e["date"]) for e in of(past, "criminal_liability")]
    return min(days) if days else None


def judge_xiamen(case: dict) -> Outcome:
    """The expected outcome under the Xiamen report."""
    claim = case["claim"]
    service = day(claim["service_date"])
    past = until(known(case), service)
    if blank(claim["physician_code"]):
        outcome = expect("not_applicable")
    else:
        listed = blacklisting_day(past)
        outcome = expect("points_full_once" if of(past, "full_12") else "normal")
        if listed is not None and listed < service:  # T4, X1
            outcome = expect("blacklisted") | {"ban_period": [(listed + ONE_DAY).isoformat(), None]}
            if urgent(claim):
                return review(outcome, "blacklisted_emergency")
            return reject(outcome, "blacklisted", "unspecified")
    if agreement_ended(past, claim["institution"], service):
        return reject(outcome, "institution_agreement_terminated", "unspecified")
    if outcome["standing"] == "points_full_once":
        return review(outcome, "points_full_no_stated_effect")
    return pay(outcome)


# --- Shantou ---


def judge_drug(outcome: Outcome, drug: dict | None, listed: bool) -> Outcome:
    """001 篇10 ST-1, ST-3, ST-5, ST-6: only a dual-channel drug is looked at; a flag not given raises no ground."""
    drug = drug or {}
    if not drug.get("dual_channel", False):
        return pay(outcome)
    if not drug.get("within_scope", True):
        return reject(outcome, "over_limited_scope", "unspecified")
    if not drug.get("within_dosage", True):
        return reject(outcome, "over_dosage", "unspecified")
    if drug.get("external", False) and not listed:
        return review(outcome, "prescriber_not_listed")
    if not drug.get("price_ok", True):
        return review(outcome, "price_above_payment_standard")
    if drug.get("external", False) and not drug.get("separate", True):
        return review(outcome, "mixed_external_prescription")
    return pay(outcome)


def judge_shantou(case: dict) -> Outcome:
    """The expected outcome under the Shantou draft, switched on."""
    claim = case["claim"]
    past = until(known(case), day(claim["service_date"]))
    missing = blank(claim["physician_code"])
    listed = any(e["institution"] == claim["institution"] for e in of(past, "prescriber_listed"))
    return judge_drug(expect("not_applicable" if missing else "normal"), claim.get("drug"), listed and not missing)
