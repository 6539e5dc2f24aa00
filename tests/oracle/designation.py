"""001 篇3, articles 7 to 21, written out from the document: what an application lacks, what bars it, the days of its procedure.

Working days are Monday to Friday. Days are dates, facts a plain dictionary as in an application's file.
"""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

from tests.oracle.days import corr as add_months

_DAY = dt.timedelta(days=1)

MEDICAL = (
    "licence", "operating_since", "head_responsible", "insurance_managers", "insurance_department", "basic_services",
    "management_rules", "physicians_registered_here", "equipment", "connected", "national_codes", "base_data",
)  # fmt: skip
PHARMACY = (
    "pharmacy_licences", "at_address_since", "pharmacy_rules", "pharmacists", "pharmacy_managers", "drugs_marked",
    "pharmacy_connected", "pharmacy_national_codes", "pharmacy_base_data", "stock_system",
)  # fmt: skip
LEAST = {"insurance_managers": 1, "physicians_registered_here": 1, "pharmacists": 1, "pharmacy_managers": 2}
SINCE = ("operating_since", "at_address_since")
YEARS = {
    "false_application": 3, "ended_for_breach_of_law": 3, "ended_for_breach_of_agreement": 1, "head_of_ended_institution": 5,
}  # fmt: skip
WHILE_SO = ("penalty_not_performed", "head_on_dishonest_list")
ONLY_MEDICAL = ("non_basic_business", "prices_not_followed")
TO_PERFORM = ("ended_for_breach_of_law", "ended_for_breach_of_agreement")


def judge(told: dict[str, Any], on: dt.date) -> dict[str, Any]:
    """The answer about an application on a day."""
    medical = told["kind"] == "medical"
    missing: set[str] = set()
    open_: set[str] = set()
    waits: list[dt.date] = []
    mends = False
    for name in MEDICAL if medical else PHARMACY:
        if name == "insurance_department":
            if told.get("beds") is None:
                open_.add("beds")
                continue
            if told["beds"] < 100:
                continue
        fact = told["facts"].get(name)
        if fact is None:
            open_.add(name)
        elif name in SINCE:
            if add_months(fact, 3) > on:
                missing.add(name)
                waits.append(add_months(fact, 3))
        elif fact < LEAST[name] if name in LEAST else not fact:
            missing.add(name)
            mends = True
    barred: dict[str, dt.date | None] = {}
    for name in (*WHILE_SO, *(ONLY_MEDICAL if medical else ())):
        said = told["bars"].get(name)
        if said is None:
            open_.add(name)
        elif said:
            barred[name] = None
    for name, years in YEARS.items():
        said = told["bars"].get(name)
        if said is None:
            open_.add(name)
        elif said:
            after = add_months(said["since"], 12 * years) + _DAY
            performed = said.get("performed") if name in TO_PERFORM else True
            if performed is False:
                barred[name] = None
            elif after > on:
                barred[name] = after
            elif performed is None:
                open_.add(name)
    failed = told.get("failed", ())
    if failed:
        after = add_months(max(failed), 3 if len(failed) == 1 else 12) + _DAY
        if after > on:
            barred["retry"] = after
    mends = mends or None in barred.values()
    waits += [day for day in barred.values() if day is not None]
    failing = bool(missing or barred)
    return {
        "result": "not_met" if failing else "not_told" if open_ else "met",
        "missing": missing,
        "not_told": open_,
        "barred": barred,
        "earliest": max(waits) if waits and not mends else None,
        "evaluate_by": _evaluated(told),
    }


def _evaluated(told: dict[str, Any]) -> dt.date | None:
    """Sixty working days from receipt, without those in which papers were awaited."""
    received, notified, supplied = (told.get(name) for name in ("received", "notified", "supplemented"))
    if received is None or (notified is not None and supplied is None):
        return None
    counted, day = 0, received
    while counted < 60:
        day += _DAY
        awaited = notified is not None and notified < day <= supplied
        if day.weekday() < 5 and not awaited:
            counted += 1
    return day


def generate(seed: int) -> tuple[dict[str, Any], dt.date]:
    """An application and the day that is asked about; most facts are fine, so that each of the others shows."""
    draw = random.Random(seed)
    on = dt.date(2024, 1, 1) + dt.timedelta(days=draw.randrange(1200))
    medical = draw.random() < 0.6
    good = draw.random()

    def fact(name: str) -> Any:
        if name in SINCE:
            return add_months(on, -3) + dt.timedelta(
                days=draw.choice((-400, -1, 0, 1, 20) if draw.random() > good else (-9,))
            )
        if name in LEAST:
            return draw.randint(0, 3) if draw.random() > good else LEAST[name]
        return draw.random() < good + 0.5

    def past(name: str) -> Any:
        if draw.random() < good:
            return False
        shift = dt.timedelta(days=draw.choice((-300, -2, -1, 0, 1, 300)))
        said: dict[str, Any] = {"since": add_months(on, -12 * YEARS[name]) + shift}
        if draw.random() < 0.7:
            said["performed"] = draw.random() < 0.6
        return said

    facts = {name: fact(name) for name in (MEDICAL if medical else PHARMACY) if draw.random() < good + 0.6}
    bars = {name: past(name) for name in YEARS if draw.random() < good + 0.6}
    bars |= {
        name: draw.random() > good + 0.4
        for name in (*WHILE_SO, *(ONLY_MEDICAL if medical else ()))
        if draw.random() < good + 0.6
    }
    told: dict[str, Any] = {"kind": "medical" if medical else "pharmacy", "facts": facts, "bars": bars}
    if medical and draw.random() < 0.9:
        told["beds"] = draw.choice((0, 99, 100, 101, 400))
    if draw.random() < 0.3:
        told["failed"] = tuple(
            sorted(
                add_months(on, -draw.choice((3, 12))) + dt.timedelta(days=draw.randint(-2, 2))
                for _ in range(draw.randint(1, 2))
            )
        )
    if draw.random() < 0.4:
        told["received"] = on
        if draw.random() < 0.6:
            told["notified"] = on + dt.timedelta(days=draw.randint(0, 9))
            if draw.random() < 0.8:
                told["supplemented"] = told["notified"] + dt.timedelta(days=draw.randint(0, 40))
    return told, on
