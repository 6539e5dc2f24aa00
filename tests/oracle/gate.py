"""One claim off the wire, judged with the standing messages that apply to it.

The messages carry the timeline, so nothing of the ledger is evaluated here: find the span of the service date, walk
over the days of the stay, take the grounds in the order of precedence (spec README section 1).
"""

# ruff: noqa: PLR0911 - the returns of a judgement stand one under the other, in the order of precedence

from __future__ import annotations

from datetime import date

from .days import day, stay
from .lanzhou import FIRST_DAY, FIRST_ROUND_ENDS, LAST_DAY
from .others import NATIONAL_START, judge_drug
from .outcome import Outcome, at_a_pharmacy, blank, expect, not_in_force, pay, reject, review, urgent
from .plausible import strange, strange_day
from .qiannan import IN_FORCE
from .wire import judge_bytes

__all__ = ["judge_bytes", "judge_claim"]

Message = dict
Span = dict


def span_on(spans: list[Span], d: date) -> Span | None:
    """The span that covers a day; an open end is null."""
    for span in spans:
        begins, ends = span.get("from"), span.get("to")
        if (begins is None or day(begins) <= d) and (ends is None or d <= day(ends)):
            return span
    return None


def site_on(sites: list, institution: str, d: date) -> str | None:
    """What the physician is at an institution on a day: declared, opted_out, listed, or None."""
    found, found_from = None, date.min
    for site in sites:
        if isinstance(site, str):
            site = {"institution_code": site, "status": "declared"}  # noqa: PLW2901 - the short form written out
        begins = day(site["from"]) if site.get("from") else date.min
        ends = day(site["to"]) if site.get("to") else date.max
        if site["institution_code"] == institution and begins <= d <= ends and begins >= found_from:
            found, found_from = site.get("status", "declared"), begins
    return found


def in_penalty(span: Span | None, default: str) -> bool:
    """Whether the days of a span are days of a penalty or suspension window."""
    if span is None:
        return False
    said = span.get("in_penalty")
    return span["standing"] == default if said is None else said


def touched_window(spans: list[Span], claim: dict, default: str) -> list | None:
    """The window that a straddling stay touches (Q8), or None if the stay does not straddle."""
    inside, outside = [], False
    for d in stay(claim):
        span = span_on(spans, d)
        if in_penalty(span, default):
            inside.append(span.get("penalty_period"))
        else:
            outside = True
    if not inside or not outside:
        return None
    windows = [w for w in inside if w]
    latest = max(w[1] for w in windows)
    return min(w for w in windows if w[1] == latest)


def of_span(span: Span) -> Outcome:
    """The standing side of the verdict."""
    outcome = expect(span["standing"])
    outcome["penalty_period"] = span.get("penalty_period")
    return outcome


def nobody(claim: dict) -> Outcome:
    """The standing side of a pharmacy's claim whose physician the register does not know."""
    return expect("not_applicable" if blank(claim.get("physician_code")) else "unregistered")


def exempt(outcome: Outcome, claim: dict, ground: str) -> Outcome:
    """An exemption lifts the ground."""
    return pay(outcome, "exempt_" + claim["encounter_type"]) | {"exempted_ground": ground}


def agreement(institution_standing: Message | None, d: date) -> str:
    """What the institution's agreement does to a claim of a day (P7): bars it, is unknown, or covers; no span: covers."""
    span = span_on((institution_standing or {}).get("spans") or [], d)
    standing = "active" if span is None else span["standing"]
    return {"terminated": "bars", "suspended": "bars", "unknown": "unknown"}.get(standing, "covers")


def qiannan(claim: dict, spans: list[Span], sites: list, institution: str) -> Outcome:
    """The Qiannan precedence over one timeline."""
    service = day(claim["service_date"])
    site = site_on(sites, claim["institution_code"], service)
    if site == "opted_out":
        if urgent(claim):
            return review(expect("opted_out"), "opted_out_emergency")
        return reject(expect("opted_out"), "opted_out", "patient")
    span = span_on(spans, service)
    unknown = span is None or span["standing"] == "unregistered"
    if unknown and not at_a_pharmacy(claim):
        if urgent(claim):
            return review(expect("unregistered"), "unregistered_emergency")
        return reject(expect("unregistered"), "physician_unregistered", "institution")
    outcome = nobody(claim) if unknown else of_span(span)
    span = span or {"standing": "unregistered"}
    flags = span.get("flags") or []
    if "blacklist_conflict" in flags:
        return review(outcome, "blacklist_conflict")
    if "data_conflict" in flags:
        return review(outcome, "data_conflict")
    touched = touched_window(spans, claim, "penalty")
    if touched:
        return review(outcome | {"penalty_period": None if unknown else touched}, "straddles_penalty")  # Q12
    if in_penalty(span, "penalty"):
        if urgent(claim):
            return exempt(outcome, claim, "in_penalty_period")
        return reject(outcome, "in_penalty_period", "institution")
    if span["standing"] == "blacklisted":
        if urgent(claim):
            return review(outcome, "blacklisted_emergency")
        return reject(outcome, "blacklisted", "institution")
    if span["standing"] == "pending_reinstatement":
        if urgent(claim):
            return exempt(outcome, claim, "pending_reinstatement")
        return reject(outcome, "pending_reinstatement", "institution")
    if institution == "bars":
        return review(outcome, "institution_agreement_terminated")  # README section 1: no clause of 000 denies
    if institution == "unknown":
        return review(outcome, "institution_agreement_unknown")
    if site != "declared" and not at_a_pharmacy(claim):
        return review(outcome, "site_not_declared")
    if "qualification_incomplete" in flags and not at_a_pharmacy(claim):
        return review(outcome, "qualification_incomplete")
    return pay(outcome)


def judge_qiannan(claim: dict, physician: Message, institution: str) -> Outcome:
    """Qiannan, once as published and once with the late upholdings honoured (Q2)."""
    if day(claim["service_date"]) < IN_FORCE:
        return not_in_force()
    if blank(claim.get("physician_code")) and not at_a_pharmacy(claim):
        outcome = expect("not_applicable")
        if urgent(claim):
            return exempt(outcome, claim, "physician_missing")
        return reject(outcome, "physician_missing", "institution")
    sites = physician.get("sites") or []
    without = qiannan(claim, physician.get("spans") or [], sites, institution)
    contested = physician.get("contested")
    if contested is None:
        return without
    unknown = without["standing"] == "unregistered" and not at_a_pharmacy(claim)
    if unknown or without["standing"] == "opted_out" or without["reason"] == "blacklist_conflict":
        return without
    honoured = qiannan(claim, contested, sites, institution)
    if honoured["disposition"] != without["disposition"]:
        return review(without, "data_conflict") | {"exempted_ground": None}
    return without


def judge_lanzhou(claim: dict, physician: Message, institution: str) -> Outcome:
    """The Lanzhou precedence."""
    service = day(claim["service_date"])
    if not FIRST_DAY <= service <= LAST_DAY:
        return not_in_force()
    if blank(claim.get("physician_code")) and not at_a_pharmacy(claim):
        outcome = expect("not_applicable")
        if urgent(claim):
            return review(outcome, "missing_emergency_no_rule")
        return reject(outcome, "physician_missing", "unspecified")
    spans = physician.get("spans") or []
    span = span_on(spans, service)
    unknown = span is None or span["standing"] == "unregistered"
    if unknown and not at_a_pharmacy(claim):
        if service <= FIRST_ROUND_ENDS:
            return review(expect("unregistered"), "initial_registration_window")
        return reject(expect("unregistered"), "physician_unregistered", "unspecified")
    outcome = nobody(claim) if unknown else of_span(span)
    span = span or {"standing": "unregistered"}
    if span["standing"] == "cancelled":
        outcome["penalty_period"] = None  # L7
    if "reapplication_conflict" in (span.get("flags") or []):
        return review(outcome, "reapplication_conflict")
    if span["standing"] == "cancelled":
        return reject(outcome, "cancelled", "unspecified")
    touched = touched_window(spans, claim, "suspended")
    if touched:
        return review(outcome | {"penalty_period": None if unknown else touched}, "straddles_penalty")  # Q12
    if in_penalty(span, "suspended"):
        return reject(outcome, "suspended", "unspecified")
    if span["standing"] == "agreement_expired":
        return review(outcome, "agreement_expired")
    if institution == "bars":
        return reject(outcome, "institution_agreement_terminated", "unspecified")
    if institution == "unknown":
        return review(outcome, "institution_agreement_unknown")
    return pay(outcome)


def of_the_agreement(outcome: Outcome, claim: dict, institution: str) -> Outcome | None:
    """P7 under the national opinion: rejected, emergencies a review with the same reason; unknown is a review."""
    if institution == "bars":
        if urgent(claim):
            return review(outcome, "institution_agreement_terminated")
        return reject(outcome, "institution_agreement_terminated", "unspecified")
    return review(outcome, "institution_agreement_unknown") if institution == "unknown" else None


def judge_national(claim: dict, physician: Message, institution: str) -> Outcome:
    """The national precedence."""
    service = day(claim["service_date"])
    if service < NATIONAL_START:
        return not_in_force()
    if blank(claim.get("physician_code")):
        nobody = expect("not_applicable")
        if at_a_pharmacy(claim):
            return of_the_agreement(nobody, claim, institution) or pay(nobody)
        return review(nobody, "physician_missing")
    span = span_on(physician.get("spans") or [], service)
    if span is None or span["standing"] == "unregistered":
        return reject(expect("unregistered"), "physician_unregistered", "unspecified")
    outcome = of_span(span)
    if claim.get("staff_category") == "settlement_audit":  # P5
        return review(outcome, "data_conflict")
    if (
        day(claim.get("service_start") or claim["service_date"]) >= NATIONAL_START
    ):  # S2: days without law are not judged
        days = [span_on(physician.get("spans") or [], d) for d in stay(claim)]
        barred = [s for s in days if s is not None and (in_penalty(s, "suspended") or in_penalty(s, "terminated"))]
        if barred and len(barred) < len(days):  # N3
            shown = span if span in barred else barred[-1]
            return review(outcome | {"penalty_period": shown.get("penalty_period")}, "straddles_abnormal")
    if span["standing"] in ("suspended", "terminated"):
        if urgent(claim):
            return review(outcome, "status_abnormal_emergency")
        return reject(outcome, "status_abnormal", "unspecified")
    found = of_the_agreement(outcome, claim, institution)
    if found is not None:
        return found
    if site_on(physician.get("sites") or [], claim["institution_code"], service) != "declared":
        return review(outcome, "site_not_declared")
    return pay(outcome)


def judge_xiamen(claim: dict, physician: Message, institution: str) -> Outcome:
    """The Xiamen precedence; no registration is needed there."""
    outcome = expect("not_applicable")
    if not blank(claim.get("physician_code")):
        span = span_on(physician.get("spans") or [], day(claim["service_date"]))
        outcome = expect("normal") if span is None else of_span(span)
    if outcome["standing"] == "blacklisted":
        if urgent(claim):
            return review(outcome, "blacklisted_emergency")
        return reject(outcome, "blacklisted", "unspecified")
    if institution == "bars":
        return reject(outcome, "institution_agreement_terminated", "unspecified")
    if institution == "unknown":
        return review(outcome, "institution_agreement_unknown")
    if outcome["standing"] == "points_full_once":
        return review(outcome, "points_full_no_stated_effect")
    return pay(outcome)


def judge_shantou(claim: dict, physician: Message) -> Outcome:
    """The Shantou draft, switched on."""
    missing = blank(claim.get("physician_code"))
    site = site_on(physician.get("sites") or [], claim["institution_code"], day(claim["service_date"]))
    return judge_drug(
        expect("not_applicable" if missing else "normal"), claim.get("drug"), site == "listed" and not missing
    )


def judge_claim(
    claim: dict,
    physician_standing: Message | None,
    institution_standing: Message | None,
    shantou_on: bool = False,
) -> dict:
    """The fields of the verdict that the law decides."""
    present = not blank(claim.get("physician_code"))
    physician = (physician_standing or {}) if present else {}
    ended = agreement(institution_standing, day(claim["service_date"]))
    region = claim["region"]
    if region == "522700":
        pack, outcome = "qiannan-2022@1", judge_qiannan(claim, physician, ended)
    elif region == "620100":
        pack, outcome = "lanzhou-2014@1", judge_lanzhou(claim, physician, ended)
    elif region == "350200":
        pack, outcome = "xiamen-2017@1", judge_xiamen(claim, physician, ended)
    elif region == "440500" and shantou_on:
        pack, outcome = "shantou-2022-draft@1", judge_shantou(claim, physician)
    else:
        pack, outcome = "national-2024@1", judge_national(claim, physician, ended)
    missing = {"physician_missing", "missing_emergency_no_rule"}
    if claim.get("visit") == "not_seen" and {outcome["reason"], outcome.get("exempted_ground")} & missing:
        outcome = review(outcome | {"exempted_ground": None}, "visit_not_seen")
    if strange_day(claim) or (strange(claim) and outcome["reason"] != "rule_not_in_force"):
        outcome = review(expect("not_applicable"), "implausible")
    elif claim["encounter_type"] == "unknown" and outcome["reason"] != "rule_not_in_force":
        outcome = review(expect("not_applicable"), "encounter_unknown")
    return {
        "disposition": outcome["disposition"],
        "reason": outcome["reason"],
        "exempted_ground": outcome.get("exempted_ground"),
        "cost_bearer": outcome["cost_bearer"],
        "standing": outcome["standing"],
        "penalty_period": outcome["penalty_period"],
        "rule_pack": pack,
        "standing_revision": physician.get("revision"),
    }
