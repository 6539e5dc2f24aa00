"""Determinations P4 and P6: people besides the responsible one, by the oracle's own judgement of each of them on the day."""

from __future__ import annotations

import random
from datetime import date, timedelta

from . import points
from .days import day
from .histories import generate
from .law import judge_case
from .outcome import Outcome, review, urgent

LOCALITIES = ("qiannan", "lanzhou", "national", "xiamen")
OTHER, UNKNOWN, OWN = "P-0002", "P-0003", "P-0001"
BARS = ("penalty", "pending_reinstatement", "blacklisted", "suspended", "cancelled", "terminated")
EXEMPT = ("penalty", "pending_reinstatement")  # 000 三(二)2 and 5: emergencies are spared, but not from a blacklist


def barred(case: dict, person: str, on: date) -> bool:
    """Whether the register records a bar of a person on a day that the claim's encounter does not lift."""
    history = [{k: v for k, v in e.items() if k != "physician_code"}
               for e in case["history"] if e.get("physician_code") == person]  # fmt: skip
    if not history:
        return False
    claim = {"service_date": on.isoformat(), "settlement_date": on.isoformat(), "physician_code": person,
             "institution": "nowhere", "encounter_type": case["claim"]["encounter_type"]}  # fmt: skip
    if case["locality"] == "national_points":
        return points.bars({**case, "history": history}, on)
    found = judge_case({**case, "history": history, "claim": claim})
    if found["standing"] not in BARS:
        return False
    if case["locality"] == "qiannan" and urgent(claim):
        window = found["penalty_period"]
        running = window is not None and day(window[0]) <= on <= day(window[1])
        return not (running or found["standing"] in EXEMPT)
    return True


def judge(case: dict) -> Outcome:
    """The expected outcome of a case whose claim names others."""
    claim = case["claim"]
    own = {**case, "history": [e for e in case["history"] if "physician_code" not in e]}
    found = judge_case(own)
    if found["disposition"] != "pay" or found["reason"] == "rule_not_in_force":
        return found
    for one in claim.get("people", ()):
        on = day(one.get("day") or claim["service_date"])
        if one["role"] == "prescriber" and (one["person"] != OWN) and barred(case, one["person"], on):
            return review(found, "prescriber_barred")
    for line in claim.get("lines", ()):
        if line["person"] != claim["physician_code"] and barred(case, line["person"], day(line["day"])):
            return review(found, "line_person_barred")
    return found


def generate_people(seed: int, locality: str | None = None) -> dict:
    """A generated case with the history of a second person beside it, who stands on its lines or wrote the prescription."""
    rng = random.Random(f"people {seed}")
    locality = locality or LOCALITIES[seed % len(LOCALITIES)]
    case, second = generate(locality, seed), generate(locality, seed + 1_000_003)
    theirs = [{"type": "registration", "date": min([e["date"] for e in second["history"]], default="2023-01-02"),
               "institution": "H1"}]  # fmt: skip
    theirs += [e for e in second["history"] if not e["type"].startswith(("institution_", "rectification"))]
    for e in theirs:
        for name in ("id", "ref"):
            if name in e:
                e[name] = f"x{e[name]}"
        e["physician_code"] = OTHER
    case["history"] = sorted([*case["history"], *theirs], key=lambda e: (e["date"], e.get("recorded", e["date"])))
    case["as_of"] = max(case["as_of"], second["as_of"])
    claim, service = case["claim"], day(second["claim"]["service_date"])
    if rng.random() < 0.5:
        # The claim's own person is one of whom nothing is wrong, so that the lines decide.
        case["history"] = [
            e for e in case["history"] if e.get("physician_code") == OTHER or e["type"] == "registration"
        ]
        claim["service_date"] = claim["settlement_date"] = service.isoformat()
        claim.pop("service_start", None)
    near = [day(e["date"]) for e in theirs] + [service] * 6 + [day(claim["service_date"])]
    days = [
        min(near[rng.randrange(len(near))] + timedelta(days=rng.choice((0, 1, 2, 40, 95))), service) for _ in range(4)
    ]
    if rng.random() < 0.8:
        claim["lines"] = [
            {
                "person": rng.choice((OTHER, OTHER, UNKNOWN, OWN)),
                "role": "operator",
                "day": d.isoformat(),
                "amount": "1.50",
            }
            for d in days[: rng.randint(1, 3)]
        ]
    if rng.random() < 0.4:
        claim["people"] = [{"person": OTHER, "role": rng.choice(("prescriber", "prescriber", "nurse"))}]
        if rng.random() < 0.5:
            claim["people"][0]["day"] = days[3].isoformat()
    return case | {"id": f"PE-O{seed}"}
