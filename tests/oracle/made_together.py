"""Histories for `together`: a case of part one with laws, places, agreements and people of part two around it."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

from . import others
from .days import Event, day
from .everywhere import AGREEMENTS
from .histories import generate
from .together import LOCALITIES, OTHER, OWN

PLACES = {
    "qiannan": ("522700", "522701", "522732"),
    "lanzhou": ("620100", "620102", "620123"),
    "xiamen": ("350200", "350203"),
    "national": ("000000",),
}
ELSEWHERE = ("110000", "110101", "500229", "429004", "429005", "441900", "990100", "320500", "320505")
STRANGER = "P-0003"


def statuses(rng: random.Random, person: str | None, near: list[date], tag: str) -> list[Event]:
    """Suspensions and terminations around the days worth looking at, with repairs and corrections."""
    made: list[Event] = []
    who: dict[str, Any] = {"physician_code": person} if person else {}
    for number in range(rng.choice((1, 1, 2, 3))):
        place = {"region": rng.choice(ELSEWHERE)}
        first = max(date(2024, 11, 1), rng.choice(near) - timedelta(days=rng.choice((-1, 0, 0, 1, 2, 40, 200))))
        last = None if rng.random() < 0.2 else first + timedelta(days=rng.choice((0, 1, 30, 90, 180, 365)))
        made.append({"type": "status", "id": f"{tag}{number}", "date": first.isoformat(),
                     "status": rng.choice(("suspended", "terminated")), "until": last and last.isoformat(), **who, **place})  # fmt: skip
        if rng.random() < 0.15:
            on = first + timedelta(days=rng.choice((0, 3, 100)))
            made.append({"type": "status_corrected", "date": on.isoformat(), "ref": f"{tag}{number}", **who, **place})
        elif rng.random() < 0.25:
            on = first + timedelta(days=rng.choice((0, 1, 20)))
            ends = on + timedelta(days=rng.choice((-1, 0, 1, 15)))
            made.append({"type": "repair", "date": on.isoformat(), "new_until": ends.isoformat(), **who, **place})
        if rng.random() < 0.1:
            made[-1]["recorded"] = (day(made[-1]["date"]) + timedelta(days=rng.choice((3, 60)))).isoformat()
    return made


def agreements(rng: random.Random, institution: str, service: date) -> list[Event]:
    """What an institution signed, lost and signed again, around the service day."""
    made: list[Event] = []
    on = service - timedelta(days=rng.choice((0, 1, 2, 30, 400)))
    for _ in range(rng.randint(1, 4)):
        kind = rng.choice(AGREEMENTS[:3])
        event: Event = {"type": kind, "date": on.isoformat(), "institution": institution, "from": on.isoformat()}
        if kind != "institution_ended" and rng.random() < 0.7:
            event["to"] = (on + timedelta(days=rng.choice((0, 1, 29, 364)))).isoformat()
        made.append(event)
        on += timedelta(days=rng.choice((1, 2, 30)))
    return made


def generate_together(seed: int) -> dict:
    """A case of part one with laws, places and people of part two around it."""
    rng = random.Random(f"together {seed}")
    locality = LOCALITIES[seed % len(LOCALITIES)]
    case = generate(locality, seed)
    claim = case["claim"]
    if locality in ("lanzhou", "qiannan", "xiamen") and rng.random() < 0.6:
        _move(rng, case)
    service = day(claim["service_date"])
    history = [dict(e) for e in case["history"]]
    for e in history:
        if rng.random() < 0.5:
            e["region"] = rng.choice(PLACES[locality])
    near = [service] * 4 + [day(claim.get("service_start") or claim["service_date"])]
    extra: list[Event] = []
    if rng.random() < 0.5:
        extra += statuses(rng, None, near, "n")
    if rng.random() < 0.3:
        on = min(service, date(2025, 1, 1)) - timedelta(days=rng.choice((0, 10)))
        extra.append({"type": "registration", "date": on.isoformat(), "institution": rng.choice(("H1", "H9")),
                      "region": rng.choice(ELSEWHERE)})  # fmt: skip
    by_itself = any(e["type"] in ("institution_snapshot", "rectification_order", "institution_violation_ratio")
                    for e in history)  # fmt: skip
    if rng.random() < 0.3 and not by_itself:
        extra += agreements(rng, claim["institution"], service)
    if rng.random() < 0.15:
        claim["encounter_type"] = "pharmacy"
        claim.pop("service_start", None)
        claim.pop("staff_category", None)
        if locality in ("qiannan", "lanzhou") or rng.random() < 0.5:
            claim["physician_code"] = None
        if rng.random() < 0.7:
            extra.append({"type": "pharmacy_head", "date": "2022-12-26", "institution": claim["institution"],
                          "physician_code": OTHER, "from": "2022-12-26",
                          **({"to": (service + timedelta(days=rng.choice((-1, 0, 1)))).isoformat()}
                             if rng.random() < 0.4 and service > date(2023, 1, 1) else {})})  # fmt: skip
    elif claim["encounter_type"] == "inpatient" and rng.random() < 0.5:
        claim["emergency_origin"] = True
    if rng.random() < 0.5 and not claim.get("emergency_origin"):
        extra += _second(rng, case, service, seed)
    if claim.get("service_start") and day(claim["service_start"]) < others.NATIONAL_START <= service:
        claim.pop("service_start")  # open: whether days before the opinion count for a status beside a local law
    case["history"] = sorted([*history, *extra], key=lambda e: (e["date"], e.get("recorded", e["date"])))
    claim["region"] = rng.choice(PLACES[locality])
    if rng.random() < 0.4:
        claim["insured_region"] = rng.choice(ELSEWHERE)
    return case | {"id": f"TO-O{seed}"}


def _move(rng: random.Random, case: dict) -> None:
    """Puts the claim where the opinion binds beside or after the local law."""
    claim = case["claim"]
    floor = day("2019-04-28") if case["locality"] == "lanzhou" and rng.random() < 0.3 else date(2024, 12, 30)
    service = max(floor, day(claim["service_date"])) + timedelta(days=rng.choice((0, 0, 1, 2, 3, 4, 90)))
    if claim.get("service_start"):
        length = day(claim["service_date"]) - day(claim["service_start"])
        claim["service_start"] = (service - length).isoformat()
    claim["service_date"] = claim["settlement_date"] = service.isoformat()
    case["as_of"] = (service + timedelta(days=rng.choice((0, 2, 400)))).isoformat()


def _second(rng: random.Random, case: dict, service: date, seed: int) -> list[Event]:
    """Another person on the lines, or who prescribed, with a history of the place or with a status elsewhere."""
    claim, theirs = case["claim"], []
    theirs.append({"type": "registration", "date": "2014-05-02", "institution": "H1", "region": rng.choice(ELSEWHERE)})
    if rng.random() < 0.6:
        theirs += statuses(rng, None, [service] * 3, "m")
    if rng.random() < 0.5 and case["locality"] != "national":
        second = generate(case["locality"], seed + 1_000_003)
        theirs += [e for e in second["history"] if not e["type"].startswith(("institution_", "rectification"))]
    made = []
    for e in theirs:
        made.append(e | {name: f"x{e[name]}" for name in ("id", "ref") if name in e} | {"physician_code": OTHER})
    days = [min(service, service - timedelta(days=rng.choice((0, 0, 1, 2, 40)))) for _ in range(3)]
    if claim["encounter_type"] != "pharmacy" or rng.random() < 0.5:
        claim["lines"] = [{"person": rng.choice((OTHER, OTHER, STRANGER, OWN)), "role": "operator", "day": d.isoformat(),
                           "amount": "1.50"} for d in days[: rng.randint(1, 3)]]  # fmt: skip
    if rng.random() < 0.4:
        claim["people"] = [{"person": OTHER, "role": rng.choice(("prescriber", "prescriber", "nurse"))}]
        if rng.random() < 0.6:
            claim["people"][0]["day"] = days[0].isoformat()
    return made
