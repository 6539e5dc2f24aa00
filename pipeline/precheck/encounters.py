"""Encounters of a national pre-check request (fsi_encounter_dtos) as the claims that they would be if they were settled now.

Codes are read as the intake reads them, visit classes by its table: a class that no table knows is `unknown` and goes to people,
a local staff number is a code like any other, of whom the register knows nothing.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.inputs.forms import DIVISION_IN_CODE
from pipeline.intake.classes import VisitClasses
from pipeline.intake.facts import insurance_of
from pipeline.intake.fields import Fields
from pipeline.intake.messages import Document, Envelope, Refused, rows_at
from pipeline.precheck.problems import pointer
from pipeline.precheck.shapes import FieldError
from rules.vocabulary import EncounterType

_CODED = re.compile(DIVISION_IN_CODE)
_STAYS = (EncounterType.INPATIENT, EncounterType.MATERNITY)
_NOTHING = "0.00"
_INSURANCE_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Encounter:
    """One encounter: the claim, the patient's id, the rx_id of each of the claim's lines, and where it stands in the body."""

    claim: dict[str, Any]
    patient: str
    orders: list[str]
    place: str


@dataclass(slots=True)
class Read:
    """What a request says, and everything that is wrong with it."""

    encounters: list[Encounter] = field(default_factory=list)
    errors: list[FieldError] = field(default_factory=list)


class Encounters:
    """Reads requests by a table of visit classes."""

    def __init__(self, classes: VisitClasses) -> None:
        self._classes = classes

    @staticmethod
    def fields(*chain: Document) -> Fields:
        """The values of a row, looked for in it and then in what holds it."""
        return Fields(*chain)

    def of(self, data: Document, envelope: Envelope, now: dt.datetime) -> Read:
        """The encounters of a request in the order in which they stand there."""
        read = Read()
        for number, patient in enumerate(self._rows(data, "patient_dtos", "/input/data", read)):
            at = pointer(["input", "data", "patient_dtos", number])
            for place, encounter in enumerate(self._rows(patient, "fsi_encounter_dtos", at, read)):
                where = f"{at}/fsi_encounter_dtos/{place}"
                try:
                    read.encounters.append(self._encounter(encounter, patient, envelope, where, now))
                except Refused as refused:
                    read.errors.append(FieldError(refused.reason, refused.code.value, where))
        return read

    @staticmethod
    def _rows(holder: Document, name: str, at: str, read: Read) -> list[Document]:
        try:
            return rows_at(holder, name) or []
        except Refused as refused:
            read.errors.append(FieldError(refused.reason, refused.code.value, f"{at}/{name}"))
            return []

    def _encounter(
        self, row: Document, patient: Document, envelope: Envelope, where: str, now: dt.datetime
    ) -> Encounter:
        fields = Fields(row, patient)
        today = now.date()
        institution = fields.needed("medins_id", fields.code("medins_id") or envelope.institution)
        region = fields.code("medins_admdvs") or _division(institution) or envelope.place
        begun, ended = fields.day("adm_date"), fields.day("dscg_date")
        visit = fields.needed("mdtrt_id", fields.text("mdtrt_id", "curr_mdtrt_id"))
        who = fields.needed("patn_id", fields.text("patn_id"))
        code = fields.code("med_type")
        first = today if begun is None else dt.date.fromisoformat(begun)
        found = self._classes.find(
            fields.needed("medins_admdvs", region), code, first if ended is None else dt.date.fromisoformat(ended)
        )
        # A stay that goes on is settled until today; any other visit on the day on which it was begun.
        last = ended or (max(first, today) if found.encounter in _STAYS else first).isoformat()
        fund = fields.money("hifp_payamt") or _NOTHING
        orders = rows_at(row, "fsi_order_dtos") or []
        lines = [(one, _line(Fields(one), last)) for one in orders]
        named = [(one, line) for one, line in lines if line is not None]
        claim: dict[str, Any] = {
            "claim_id": visit,
            "region": region,
            "institution_code": institution,
            "physician_code": fields.doctor("dr_codg"),
            "encounter_type": found.encounter.value,
            "service_date": last,
            "settlement_time": now.isoformat(timespec="seconds"),
            "insured_id": who,
            "insurance_type": _insurance(fields.code("insutype")),
            "total_amount": fields.money("medfee_sumamt") or fund,
            "fund_amount": fund,
        }
        if begun is not None and begun < last:
            claim["service_start"] = begun
        if found.encounter is EncounterType.UNKNOWN and code is not None:
            claim["encounter_code"] = code
        if found.from_emergency:
            claim["emergency_origin"] = True
        department = fields.text("adm_dept_codg")
        if department is not None:
            claim["department"] = department
        if named:
            claim["lines"] = [line for _, line in named]
        return Encounter(claim, who, [Fields(one).text("rx_id") or "" for one, _ in named], where)


def _line(order: Fields, day: str) -> Mapping[str, Any] | None:
    """An order as a line of the claim; None where it names no prescriber."""
    person = order.doctor("drord_dr_codg")
    if person is None:
        return None
    line = {
        "person": person,
        "role": "prescriber",
        "day": order.day("drord_begn_date") or day,
        "amount": order.money("sumamt") or _NOTHING,
        "item": order.text("hilist_code"),
        "prescription": order.text("rxno", "rx_id"),
    }
    return {name: value for name, value in line.items() if value is not None}


def _division(institution: str) -> str | None:
    found = _CODED.match(institution)
    return None if found is None else found[1]


def _insurance(code: str | None) -> str:
    return _INSURANCE_UNKNOWN if code is None else insurance_of(code)
