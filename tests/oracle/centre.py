"""A centre's visits and what they become as claims, written from the issue's text and the interface's pages, apart from the code.

A plan says what happened at the institutions: visits, fee lines, cancelled ones, settlements, corrections, refunds. From it the
claims follow directly, without messages; `tests/support/centre_day.py` makes the messages of the same plan.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

CLASSES = {
    "11": "outpatient", "12": "outpatient", "13": "emergency", "14": "outpatient", "19": "outpatient", "21": "inpatient",
    "22": "inpatient", "23": "inpatient", "24": "inpatient", "26": "inpatient", "41": "pharmacy", "51": "maternity",
    "52": "maternity", "53": "maternity", "1301": "rescue",
}  # fmt: skip
"""Visit classes that are the same everywhere."""

LOCAL = {("43", "9902"): "rescue", ("50", "9902"): "inpatient", ("43", "9914"): "rescue"}
LOCAL |= {("43", "9901"): "outpatient", ("50", "9901"): "outpatient"}
"""Some that differ from province to province, by the first two digits of the place of care."""

INSURANCE = {"310": "employee", "380": "resident", "390": "resident", "391": "resident"}


@dataclass
class Line:
    """A fee line; `taken_back` units of it were cancelled before the settlement."""

    number: str
    at: datetime
    item: str
    price: Decimal
    count: int
    doctor: str | None
    taken_back: int = 0


@dataclass
class Settlement:
    """A settlement; `corrected` has the amounts that a later message gives, `refund` how it was taken back if it was."""

    number: str
    at: datetime
    total: Decimal
    fund: Decimal
    lines: list[Line] = field(default_factory=list)
    days_told: tuple[date, date] | None = None
    corrected: tuple[Decimal, Decimal] | None = None
    refund: str | None = None
    """None, `flag` (the same settlement again with the flag) or `record` (a settlement of its own)."""
    refund_number: str = ""
    refund_at: datetime | None = None
    interim: bool = False


@dataclass
class Visit:
    """What happened to one person at one institution; `seen` says whether its registration or admission ever came."""

    number: str
    institution: str
    place: str
    insured_place: str
    person: str
    insurance: str
    code: str
    begun: datetime
    doctor: str | None
    department: str
    settlements: list[Settlement]
    seen: bool = True

    @property
    def stay(self) -> bool:
        """Whether it is a stay in hospital."""
        return self.code in ("21", "22", "23", "24", "26", "52") or (self.place[:2], self.code) == ("50", "9902")


def kind_of(visit: Visit) -> str:
    """The kind of encounter that the table of its area says; unknown where none does."""
    return LOCAL.get((visit.place[:2], visit.code)) or CLASSES.get(visit.code, "unknown")


def claims_of(visits: list[Visit]) -> list[dict]:
    """All claims of a plan, each version its own."""
    made: list[dict] = []
    for visit in visits:
        for settlement in visit.settlements:
            amounts = [(settlement.total, settlement.fund)]
            if settlement.corrected:
                amounts.append(settlement.corrected)
            for version, (total, fund) in enumerate(amounts, 1):
                made.append(_claim(visit, settlement, version, total, fund))
            if settlement.refund:
                made.append(_refund(made[-1], settlement))
    return made


def _claim(visit: Visit, settlement: Settlement, version: int, total: Decimal, fund: Decimal) -> dict:
    lines = [_line(line) for line in settlement.lines if line.doctor and line.count > line.taken_back]
    days = [line.at.date() for line in settlement.lines if line.count > line.taken_back]
    if settlement.days_told:
        first, last = settlement.days_told
    else:
        last = max(days) if days else visit.begun.date() if visit.seen and not visit.stay else settlement.at.date()
        first = visit.begun.date() if visit.seen else last
    kind = kind_of(visit)
    claim = {
        "claim_id": settlement.number,
        "claim_version": version,
        "region": visit.place,
        "institution_code": visit.institution,
        "physician_code": visit.doctor if visit.seen else None,
        "encounter_type": kind,
        "service_date": last.isoformat(),
        "service_start": first.isoformat() if visit.seen or settlement.days_told else None,
        "settlement_time": settlement.at.strftime("%Y-%m-%dT%H:%M:%S+08:00"),
        "insured_id": visit.person,
        "insurance_type": INSURANCE.get(visit.insurance, visit.insurance),
        "total_amount": f"{total:.2f}",
        "fund_amount": f"{fund:.2f}",
        "insured_region": visit.insured_place,
    }
    if lines:
        claim["lines"] = lines
    if visit.seen:
        claim["department"] = visit.department
    if kind == "unknown":
        claim["encounter_code"] = visit.code
    if visit.code == "24":
        claim["emergency_origin"] = True
    if not visit.seen and kind != "pharmacy":
        claim["visit"] = "not_seen"
    if settlement.interim:
        claim["interim"] = True
    return claim


def _line(line: Line) -> dict:
    left = line.count - line.taken_back
    return {
        "person": line.doctor,
        "role": "billing",
        "day": line.at.date().isoformat(),
        "amount": f"{line.price * left:.2f}",
        "item": line.item,
        "quantity": str(left),
    }


def _refund(newest: dict, settlement: Settlement) -> dict:
    own = settlement.refund == "record"
    assert settlement.refund_at is not None or not own
    back = {
        **newest,
        "claim_id": settlement.refund_number if own else newest["claim_id"],
        "claim_version": 1 if own else newest["claim_version"] + 1,
        "total_amount": f"-{newest['total_amount']}",
        "fund_amount": f"-{newest['fund_amount']}",
        "reverses": {
            "institution_code": newest["institution_code"],
            "claim_id": newest["claim_id"],
            "claim_version": newest["claim_version"],
        },
    }
    if own:
        back["settlement_time"] = settlement.refund_at.strftime("%Y-%m-%dT%H:%M:%S+08:00")
    if "lines" in newest:
        back["lines"] = [
            {**line, "amount": f"-{line['amount']}", "quantity": f"-{line['quantity']}"} for line in newest["lines"]
        ]
    return back
