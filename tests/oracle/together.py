"""Part two of the determinations, all at once: laws of a place and of the person, agreements, pharmacies, people, a stay's origin.

`judge` evaluates a claim under the shipped packs: S1 and S3 for Lanzhou, whose rules ended; P1 for the codes of places; P3 for
statuses recorded anywhere; P4 to P7 and N4 in every scheme. Where the documents leave a combination open,
`made_together.generate_together` does not make it.
"""

# ruff: noqa: PLR0911 - the returns of a judgement stand one under the other, in the order of precedence

from __future__ import annotations

from datetime import date

from . import lanzhou, others, qiannan
from .days import ONE_DAY, Event, corr, day, known, of, stay, until
from .everywhere import AGREEMENTS, agreement
from .outcome import Outcome, at_a_pharmacy, blank, expect, not_in_force, pay, reject, review, urgent

LOCALITIES = ("qiannan", "lanzhou", "xiamen", "national")
HOME = {"qiannan": "522700", "lanzhou": "620100", "xiamen": "350200", "national": "000000"}
PROVINCES = {
    "11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42", "43", "44", "45",
    "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "71", "81", "82",
}  # fmt: skip
OWN, OTHER, NOBODY = "P-0001", "P-0002", ""
NATIONAL = ("status", "repair", "status_corrected")
OF_INSTITUTIONS = ("institution_snapshot", "institution_resigned", "rectification_order", "institution_violation_ratio")
STRICTER = {"pay": 0, "review": 1, "reject": 2}
LOCAL_BARS = ("penalty", "pending_reinstatement", "blacklisted", "suspended", "cancelled")


def area_of(code: str) -> str:
    """P1: the pooling area of a division code."""
    if code[:2] not in PROVINCES or code[2:4] == "90":
        return code
    return code[:2] + "0000" if code[:2] in ("11", "12", "31", "50") else code[:4] + "00"


def named(claim: dict) -> str:
    """The claim's person, or a name that nobody has."""
    return NOBODY if blank(claim["physician_code"]) else claim["physician_code"]


class World:
    """What is recorded by `as_of` of a person, in the area of the claim and elsewhere, and of institutions."""

    def __init__(self, case: dict) -> None:
        self.case = case
        self.locality = case["locality"]
        self.home = HOME[self.locality]
        self.events = [e | {"area": area_of(e.get("region", self.home))} for e in known(case)]
        self.own = named(case["claim"])

    def about(self, person: str) -> list[Event]:
        """The events of one person; an event that names nobody is the claim's person's (README section 3)."""
        apart = (*OF_INSTITUTIONS, *AGREEMENTS, "pharmacy_head")
        return [e for e in self.events if e.get("physician_code", self.own) == person and e["type"] not in apart]

    def here(self, person: str) -> dict:
        """The case as the part-one evaluation of the place knows it: the person's events of the area, the institutions' ones."""
        history = [
            {k: v for k, v in e.items() if k not in ("physician_code", "region", "area")}
            for e in self.events
            if (e["type"] in OF_INSTITUTIONS or e.get("physician_code", self.own) == person)
            and e["type"] != "pharmacy_head"
            and e["area"] == self.home
            and (self.locality == "national" or e["type"] not in NATIONAL)
        ]
        return {**self.case, "history": history}

    def abnormal(self, person: str, d: date) -> Event | None:
        """P3: the suspension or termination of a day, recorded anywhere; of several the one with the later first day (N1)."""
        if d < others.NATIONAL_START:
            return None
        mine = self.about(person)
        found = [
            others.abnormal_on([e for e in mine if e["area"] == area], d) for area in sorted({e["area"] for e in mine})
        ]
        held = [status for status in found if status is not None]
        return max(held, key=lambda status: status["date"]) if held else None


def of_the_agreement(world: World, claim: dict, found: Outcome) -> Outcome:
    """P7 for a claim that no higher ground of the scheme stops."""
    service = day(claim["service_date"])
    state = agreement(world.events, claim["institution"], service)
    if world.locality == "lanzhou" and service > lanzhou.LAST_DAY:
        # The agreement that 第二十二条 ended under the old law stays ended until a new one is signed.
        past = [
            e
            for e in until(world.events, service)
            if e["type"] != "institution_snapshot" or day(e["date"]) <= lanzhou.LAST_DAY
        ]
        state = "barred" if lanzhou.institution_terminated(past, claim["institution"], service) else state
    if state == "barred":
        softened = world.locality == "qiannan" or (ruled_by(world, claim) == "national" and urgent(claim))
        if softened:
            return review(found, "institution_agreement_terminated")
        return reject(found, "institution_agreement_terminated", "unspecified")
    if state == "unknown":
        return review(found, "institution_agreement_unknown")
    return found


def ruled_by(world: World, claim: dict) -> str | None:
    """S1: the law of the service day."""
    service = day(claim["service_date"])
    if world.locality == "lanzhou" and lanzhou.FIRST_DAY <= service <= lanzhou.LAST_DAY:
        return "lanzhou"
    if world.locality == "qiannan" and service >= qiannan.IN_FORCE:
        return "qiannan"
    if world.locality == "xiamen":
        return "xiamen"
    return "national" if service >= others.NATIONAL_START else None


def by_qiannan(world: World, claim: dict, person: str) -> Outcome:
    """Qiannan, with the agreement below what concerns the person (README section 1)."""
    if at_a_pharmacy(claim):  # P6: the rules do not cover it
        return of_the_agreement(world, claim, pay(expect("not_applicable")))
    case = world.here(person) | {"claim": claim}
    if blank(claim["physician_code"]):
        return qiannan.judge(case)

    def once(honour_late: bool) -> Outcome:
        found = qiannan.evaluate(case, known(case), honour_late)
        if found["reason"] in ("ok", "site_not_declared", "qualification_incomplete"):
            barred = of_the_agreement(world, claim, found)
            return found if barred is found else barred
        return found

    without = once(honour_late=False)
    if without["standing"] in ("unregistered", "opted_out") or without["reason"] == "blacklist_conflict":  # Q2
        return without
    if once(honour_late=True)["disposition"] != without["disposition"]:
        return review(without, "data_conflict")
    return without


def by_lanzhou(world: World, claim: dict, person: str) -> Outcome:
    """Lanzhou within its five years."""
    if at_a_pharmacy(claim):
        found = pay(expect("not_applicable"))
        if lanzhou.institution_terminated(until(world.events, day(claim["service_date"])), claim["institution"],
                                          day(claim["service_date"])):  # fmt: skip
            return reject(found, "institution_agreement_terminated", "unspecified")
        return of_the_agreement(world, claim, found)
    found = lanzhou.judge(world.here(person) | {"claim": claim})
    return of_the_agreement(world, claim, found) if found["reason"] == "ok" else found


def by_xiamen(world: World, claim: dict, person: str) -> Outcome:
    """Xiamen, where no registration is needed and pharmacies are covered."""
    found = others.judge_xiamen(world.here(person) | {"claim": claim})
    if found["reason"] in ("ok", "points_full_no_stated_effect"):
        barred = of_the_agreement(world, claim, found)
        return found if barred["reason"] == found["reason"] else barred
    return found


def filed(world: World, person: str, by: date) -> list[Event]:
    """P3, S3: registrations and sites anywhere, without what a cancellation in Lanzhou ended."""
    mine = until(world.about(person), by)
    ended = date.min
    if world.locality == "lanzhou":
        past = until(known(world.here(person)), lanzhou.LAST_DAY)
        ledger = lanzhou.keep_ledger(past, of(past, "agreement"))
        ended = max((d for d, _ in ledger.cancellations), default=date.min)
        months = 12 if len(ledger.cancellations) == 1 else 60
        if ended > date.min and lanzhou.returned(past, ended, months == 12, corr(ended, months) + ONE_DAY)[0]:
            ended = date.min
    return [
        e
        for e in of(mine, "registration", "site_declaration")
        if not (e["type"] == "registration" and e["area"] == world.home and day(e["date"]) <= ended)
    ]


def by_the_opinion(world: World, claim: dict, person: str) -> Outcome:
    """The national opinion where no local law is in force."""
    service = day(claim["service_date"])
    if blank(claim["physician_code"]):
        found = expect("not_applicable")
        if at_a_pharmacy(claim):
            return of_the_agreement(world, claim, pay(found))
        return review(found, "physician_missing")
    files = filed(world, person, service)
    if not of(files, "registration"):
        return reject(expect("unregistered"), "physician_unregistered", "unspecified")
    word = of_the_status(world, claim, person)
    status = world.abnormal(person, service)
    found = expect(status["status"] if status is not None else "normal")
    if claim.get("staff_category") == "settlement_audit":  # P5
        shown = [status["date"], status["until"]] if status is not None else None
        return review(found | {"penalty_period": shown}, "data_conflict")
    if word is not None:
        return found | word
    barred = of_the_agreement(world, claim, pay(found))
    if barred["reason"] != "ok":
        return barred
    if not any(e["institution"] == claim["institution"] for e in files):
        return review(found, "site_not_declared")
    return pay(found)


def of_the_status(world: World, claim: dict, person: str) -> dict | None:
    """What a suspension or termination recorded anywhere makes of a claim (003 三¶2, P3, N3)."""
    service = day(claim["service_date"])
    if service < others.NATIONAL_START:
        return None
    status = world.abnormal(person, service)
    days = stay(claim)
    barred = [s for s in (world.abnormal(person, d) for d in days) if s is not None]
    if barred and len(barred) < len(days) and days[0] >= others.NATIONAL_START:
        shown = status or barred[-1]
        return review(
            {"standing": status["status"] if status else "normal", "penalty_period": [shown["date"], shown["until"]]},
            "straddles_abnormal",
        )
    if status is None:
        return None
    found = {"standing": status["status"], "penalty_period": [status["date"], status["until"]]}
    if urgent(claim):
        return review(found, "status_abnormal_emergency")
    return reject(found, "status_abnormal", "unspecified")


def by_the_place(world: World, claim: dict, person: str) -> Outcome:
    """The law of the place, and beside a local one the status of the person (P3)."""
    law = ruled_by(world, claim)
    if law is None:
        return not_in_force()
    by_law = {"qiannan": by_qiannan, "lanzhou": by_lanzhou, "xiamen": by_xiamen, "national": by_the_opinion}[law]
    found = by_law(world, claim, person)
    if law == "national" or blank(claim["physician_code"]):
        return found
    word = of_the_status(world, claim, person)
    if word is not None and STRICTER[word["disposition"]] > STRICTER[found["disposition"]]:
        kept = {k: v for k, v in found.items() if k not in ("ban_period", "reapply_not_before")}
        if word["reason"] == "straddles_abnormal" and word["standing"] == "normal":
            return kept | {k: v for k, v in word.items() if k != "standing"}
        return kept | word
    return found


def by_origin(world: World, claim: dict, person: str) -> Outcome:
    """N4, in every scheme: an inpatient claim that began as an emergency, where an emergency would get another answer."""
    found = by_the_place(world, claim, person)
    if claim["encounter_type"] != "inpatient" or not claim.get("emergency_origin"):
        return found
    other = by_the_place(world, claim | {"encounter_type": "emergency"}, person)
    if (other["disposition"], other["reason"]) != (found["disposition"], found["reason"]):
        return review(found, "emergency_origin")
    return found


def barred(world: World, person: str, on: date) -> bool:
    """P4: whether a bar is recorded of a person on a day that this encounter does not lift."""
    if world.abnormal(person, on) is not None:
        return True
    claim = {"service_date": on.isoformat(), "settlement_date": on.isoformat(), "physician_code": person,
             "institution": "nowhere", "encounter_type": world.case["claim"]["encounter_type"]}  # fmt: skip
    law = ruled_by(world, claim)
    if law in (None, "national"):
        return False
    case = world.here(person) | {"claim": claim | {"encounter_type": "outpatient"}}
    if law != "xiamen" and not of(until(known(case), on), "registration"):
        # A window that was decided is recorded, whoever has registered the person; what takes a qualification away is not,
        # where there is none.
        return suspended(law, until(known(case), on), known(case), on) and not (
            law == "qiannan" and urgent(world.case["claim"])
        )
    found = {"qiannan": qiannan.judge, "lanzhou": lanzhou.judge, "xiamen": others.judge_xiamen}[law](case)
    if found["standing"] not in LOCAL_BARS:
        return False
    if law == "qiannan" and urgent(world.case["claim"]):
        window = found["penalty_period"]
        running = window is not None and day(window[0]) <= on <= day(window[1])
        return not (running or found["standing"] in ("penalty", "pending_reinstatement"))
    return True


def suspended(law: str, past: list[Event], events: list[Event], on: date) -> bool:
    """Whether a decision recorded of a person who is not registered suspends on a day."""
    if law == "qiannan":
        windows = qiannan.tell(past, events, honour_late=False)[1].windows
    else:
        windows = lanzhou.keep_ledger(past, of(past, "agreement")).suspensions
    return any(window.covers(on) for window in windows)


def head_of(world: World, claim: dict) -> str | None:
    """P5: the head of the claiming pharmacy on the service day."""
    on = day(claim["service_date"])
    for e in of(until(world.events, on), "pharmacy_head"):
        last = e.get("to")
        if e["institution"] == claim["institution"] and day(e["from"]) <= on and (last is None or on <= day(last)):
            return e["physician_code"]
    return None


def judge(case: dict) -> Outcome:
    """The whole `expect` of a case."""
    world, claim = World(case), case["claim"]
    person = world.own
    found = by_origin(world, claim, person)
    if found["disposition"] != "pay" or found["reason"] == "rule_not_in_force":
        return found
    service = day(claim["service_date"])
    for one in claim.get("people", ()):
        other = one["role"] == "prescriber" and one["person"] != person
        if other and barred(world, one["person"], day(one.get("day") or claim["service_date"])):
            return review(found, "prescriber_barred")
    head = head_of(world, claim)
    if at_a_pharmacy(claim) and head is not None and world.abnormal(head, service) is not None:
        return review(found, "pharmacy_head_abnormal")
    for line in claim.get("lines", ()):
        if line["person"] != person and barred(world, line["person"], day(line["day"])):
            return review(found, "line_person_barred")
    return found
