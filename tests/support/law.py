"""Short hand for histories and claims, in the words of the spec's case schema."""

from __future__ import annotations

import functools
from typing import Any, TypeVar

from pipeline.conformance.cases import SWITCHED_ON, read_case
from pipeline.conformance.run import run_cases
from pipeline.settings.packs import read_packs
from rules.packs.pack import Pack
from rules.packs.pack_set import PackSet
from rules.packs.readings import with_readings
from rules.schemes.ledger import Ledger

PACK = {
    "qiannan": "qiannan-2022",
    "lanzhou": "lanzhou-2014",
    "national": "national-2024",
    "xiamen": "xiamen-2017",
    "shantou": "shantou-2022-draft",
    "national_points": "national-points-model",
}


@functools.cache
def shipped() -> tuple[Pack, ...]:
    return read_packs()


def pack(locality: str) -> Pack:
    return next(item for item in shipped() if item.pack == PACK[locality])


LedgerT = TypeVar("LedgerT", bound=Ledger)


def ledger(law: Pack, kind: type[LedgerT]) -> LedgerT:
    """The pack's ledger section, which must be of this scheme."""
    assert isinstance(law.ledger, kind)
    return law.ledger


def packs(locality: str, readings: dict[str, str]) -> PackSet:
    """The shipped packs, one of them under other readings."""
    changed = [with_readings(item, readings) if item.pack == PACK[locality] else item for item in shipped()]
    return PackSet(changed, switched_on=SWITCHED_ON)


def event(kind: str, date: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "date": date, **fields}


def registration(date: str, institution: str = "H1", **fields: Any) -> dict[str, Any]:
    return event("registration", date, institution=institution, **fields)


def deduction(date: str, points: int, violation_id: str | None = None, **fields: Any) -> dict[str, Any]:
    """A decision; without an item, the Qiannan item of the points' tier."""
    item = violation_id or {1: "QN-T1-01", 2: "QN-T2-01", 3: "QN-T3-01", 6: "QN-T6-01", 12: "QN-T12-01"}[points]
    return event("deduction", date, points=points, violation_id=item, **{"institution": "H1", **fields})


def bonus(date: str, points: int) -> dict[str, Any]:
    return event("bonus", date, points=points, bonus_id=f"QN-B{points}")


def reinstatement(date: str, institution: str = "H1") -> dict[str, Any]:
    return event("reinstatement", date, institution=institution)


def agreement(start: str, end: str, date: str | None = None) -> dict[str, Any]:
    return event("agreement", date or start, start=start, end=end)


def judge(
    locality: str,
    history: list[dict[str, Any]],
    service: str,
    *,
    encounter: str = "outpatient",
    institution: str = "H1",
    code: str | None = "P-0001",
    start: str | None = None,
    as_of: str = "2099-01-01",
    drug: dict[str, bool] | None = None,
    readings: dict[str, str] | None = None,
) -> dict[str, Any]:
    """The whole answer of the law to one claim."""
    claim: dict[str, Any] = {
        "service_date": service,
        "settlement_date": service,
        "physician_code": code,
        "institution": institution,
        "encounter_type": encounter,
    }
    if start is not None:
        claim["service_start"] = start
    if drug is not None:
        claim["drug"] = drug
    case = read_case({"id": "t", "locality": locality, "as_of": as_of, "history": history, "claim": claim})
    (answer,) = run_cases([case], packs(locality, readings or {}))
    return answer


def outcome(*args: Any, **kwargs: Any) -> tuple[str, str]:
    """Disposition and reason."""
    answer = judge(*args, **kwargs)
    return answer["disposition"], answer["reason"]
