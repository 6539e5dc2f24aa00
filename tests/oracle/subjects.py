"""001 篇1, articles 2, 4, 5 and 6: who is locked on which day, one day at a time, and what becomes of a claim (S1).

Nothing here knows spans or windows of the product: of each subject the set of locked days is written out.
"""

from __future__ import annotations

import random
from datetime import date, timedelta

from .days import ONE_DAY, corr, day
from .histories import generate
from .law import judge_case
from .outcome import ENCOUNTERS, Outcome, pay, urgent

PERSONS, PLACES, DEPARTMENTS = ("P1", "P2"), ("H1", "H2"), ("骨科", "内科")
_ORDER = {"pay": 0, "review": 1, "reject": 2}


def _span(decision: dict) -> tuple[date, date]:
    """The days of a decision: from the next day (T4) for so many months (T3), or as the decision writes them."""
    decided = day(decision["date"])
    if "months" in decision:
        return decided + ONE_DAY, corr(decided, decision["months"])
    return day(decision.get("from") or (decided + ONE_DAY).isoformat()), day(decision["to"])


def locks(case: dict, name: str, who: tuple[str, ...]) -> list[tuple[date, date]]:
    """The days, first and last, on which each decision about `who` binds: a restored one binds only until the day before."""
    known = [e for e in case["history"] if e.get("recorded", e["date"]) <= case["as_of"]]
    about = [e for e in known if tuple(e.get(field) for field in _FIELDS[name]) == who]
    found = []
    for decision in (e for e in about if e["type"] == f"{name}_suspended"):
        first, last = _span(decision)
        for event in about:
            # What was not decided yet cannot be restored.
            if (
                event["type"] == f"{name}_restored"
                and event["ref"] == decision["id"]
                and event["date"] >= decision["date"]
            ):
                last = min(last, day(event.get("from") or event["date"]) - ONE_DAY)
        if first <= last:
            found.append((first, last))
    return found


_FIELDS = {"insured": ("insured_id",), "department": ("institution", "department")}


def _stay(claim: dict) -> list[date]:
    last = day(claim["service_date"])
    first = day(claim.get("service_start") or claim["service_date"])
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _shown(found: list[tuple[date, date]], on: date) -> list[str]:
    covering = [pair for pair in found if pair[0] <= on <= pair[1]]
    end = max(last for _, last in covering)
    return [min(first for first, last in covering if last == end).isoformat(), end.isoformat()]


def answer(claim: dict, found: list[tuple[date, date]], reason: str) -> Outcome | None:
    """What the law of one subject says of a claim; None where no day of it is locked."""
    days = _stay(claim)
    locked = [d for d in days if any(first <= d <= last for first, last in found)]
    if not locked:
        return None
    window = {"penalty_period": _shown(found, locked[-1])}
    if len(locked) < len(days) or urgent(claim):
        return window | {"disposition": "review", "reason": reason, "cost_bearer": "undetermined"}
    return window | {"disposition": "reject", "reason": reason, "cost_bearer": "unspecified"}


def _of_department(case: dict) -> Outcome | None:
    claim = case["claim"]
    if claim.get("department"):
        found = locks(case, "department", (claim["institution"], claim["department"]))
        return answer(claim, found, "department_suspended")
    everyone = {(e["institution"], e["department"]) for e in case["history"] if e["type"].startswith("department")}
    for who in everyone:
        if who[0] == claim["institution"] and answer(claim, locks(case, "department", who), ""):
            # Nobody can say whether it is the department that is locked.
            return {"disposition": "review", "reason": "department_not_named", "cost_bearer": "undetermined",
                    "penalty_period": None}  # fmt: skip
    return None


def judge(case: dict) -> Outcome:
    """The physicians' law first, then insured persons, then departments: the stricter disposition decides, on equal ends the
    earlier law (S1)."""
    own = [e for e in case["history"] if not e["type"].startswith(("insured_", "department_"))]
    found = judge_case({**case, "locality": "national", "history": own})
    claim = case["claim"]
    if claim["encounter_type"] == "pharmacy" and found["reason"] == "physician_missing":
        found = pay(found)  # P6: under the opinion a pharmacy claim misses no physician
    for other in (
        answer(claim, locks(case, "insured", (claim["insured_id"],)), "insured_suspended"),
        _of_department(case),
    ):
        if other is not None and _ORDER[other["disposition"]] > _ORDER[found["disposition"]]:
            found = found | other
    return found


def _decision(rng: random.Random, number: int, near: date) -> dict:
    decided = near - timedelta(days=rng.choice((0, 1, 2, 5, 27, 31, 60, 92, 181, 366)))
    event: dict = {"id": f"x{number}", "date": decided.isoformat()}
    if rng.random() < 0.5:
        event |= {"type": "insured_suspended", "insured_id": rng.choice(PERSONS),
                  "article": rng.choice(("person_breach", "person_fraud"))}  # fmt: skip
    else:
        event |= {"type": "department_suspended", "institution": rng.choice(PLACES), "department": rng.choice(DEPARTMENTS),
                  "article": rng.choice(("institution_breach", "institution_fraud"))}  # fmt: skip
    if rng.random() < 0.5:
        return event | {"months": rng.choice((1, 1, 2, 3, 6, 12))}
    first = decided + timedelta(days=rng.choice((0, 1, 1, 3)))
    if rng.random() < 0.5:
        event["from"] = first.isoformat()
    else:
        first = decided + ONE_DAY
    return event | {"to": (first + timedelta(days=rng.choice((0, 1, 4, 30, 60, 95)))).isoformat()}


def generate_subjects(seed: int) -> dict:
    """A generated case of the national opinion at a place in Jiangxi, with decisions on insured persons and departments."""
    rng = random.Random(f"subjects {seed}")
    case = generate("national", seed)
    claim = case["claim"]
    service = day(claim["service_date"])
    if rng.random() < 0.4:
        case["history"] = [e for e in case["history"] if e["type"] in ("registration", "site_declaration")]
    decisions = [_decision(rng, number, service) for number in range(rng.randint(1, 4))]
    events = list(decisions)
    for number, decision in enumerate(decisions):
        if rng.random() < 0.35:
            first, last = _span(decision)
            named = {k: decision[k] for k in ("insured_id", "institution", "department") if k in decision}
            on = day(decision["date"]) + timedelta(days=rng.choice((-1, 0, 1, 3, 20, 40)))
            event = {"type": decision["type"].replace("suspended", "restored"), "id": f"y{number}", "date": on.isoformat(),
                     "ref": decision["id"], **named}  # fmt: skip
            if rng.random() < 0.5:
                event["from"] = rng.choice((first, last, first + ONE_DAY, service, service + ONE_DAY)).isoformat()
            events.append(event)
    if rng.random() < 0.2:
        late = rng.choice(events)
        late["recorded"] = (day(late["date"]) + timedelta(days=rng.choice((0, 3, 500)))).isoformat()
    case["history"] = sorted([*case["history"], *events], key=lambda e: (e["date"], e.get("recorded", e["date"])))
    claim["insured_id"] = rng.choice(PERSONS)
    claim["institution"] = rng.choice(PLACES)
    if rng.random() < 0.6:
        claim["department"] = rng.choice(DEPARTMENTS)
    if rng.random() < 0.4:
        claim["encounter_type"] = rng.choice(ENCOUNTERS[:-1])
    if rng.random() < 0.25 and claim["encounter_type"] == "inpatient":
        claim["service_start"] = (service - timedelta(days=rng.choice((0, 1, 3, 30, 100)))).isoformat()
    return case | {"id": f"JX-O{seed}", "locality": "jiangxi"}
