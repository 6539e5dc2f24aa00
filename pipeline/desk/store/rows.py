"""Records of topics as rows of the read model. Pure: what a row says follows from the record and the law alone."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import Table

from pipeline.desk.store.tables import CASES, DOSSIERS, NO_DAY, NOTICES, STAFF, STANDINGS
from rules.areas import pooling_area
from rules.calendar import CalendarError, WithoutData, official_calendar
from rules.events import CHINA
from rules.holidays import Holidays
from topics.cases.casebook import state_of
from topics.catalogue import CASE_FILES, INSTITUTION_STANDING, PHYSICIAN_STANDING, TopicSpec
from topics.catalogue import DOSSIERS as DOSSIER_TOPIC
from topics.catalogue import NOTICES as NOTICE_TOPIC
from topics.fields import utc_text
from topics.messages.cases import CaseFile
from topics.messages.ledger import InstitutionStandingMessage, Notice, PhysicianStanding
from topics.normalisation import normal_code

SOURCES: tuple[TopicSpec, ...] = (CASE_FILES, PHYSICIAN_STANDING, INSTITUTION_STANDING, DOSSIER_TOPIC, NOTICE_TOPIC)
"""The topics that the read model is made of."""

_DECIDED = frozenset({"upheld", "overturned", "closed"})


@dataclass(slots=True)
class Changes:
    """What records do to the tables: rows to put, and before them the conditions (column and value) of rows to remove."""

    put: list[tuple[Table, dict[str, Any]]] = field(default_factory=list)
    remove: list[tuple[Table, dict[str, Any]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Reader:
    """Makes rows of records. A case is to be decided within `review_days` working days from the day on which it was opened."""

    holidays: Holidays
    review_days: int

    def changes(self, topic: str, key: bytes | None, value: bytes | None) -> Changes:
        """What a record of a topic changes. Raises ValueError (pydantic's included) for one that cannot be read."""
        if key is None:
            raise ValueError("a record without a key")
        name = key.decode()
        readers: dict[str, Callable[[str, bytes | None], Changes]] = {
            CASE_FILES.name: self._case,
            PHYSICIAN_STANDING.name: _physician,
            INSTITUTION_STANDING.name: _institution,
            DOSSIER_TOPIC.name: _dossier,
            NOTICE_TOPIC.name: _notice,
        }
        return readers[topic](name, value)

    def _case(self, name: str, value: bytes | None) -> Changes:
        if value is None:
            return Changes(remove=[(CASES, {"case_id": name})])
        file = CaseFile.model_validate_json(value)
        case, state = file.case, state_of(file)
        row = {
            "case_id": name,
            "area": case.area or pooling_area(case.region, case.service_date),
            "institution": normal_code(case.institution_code),
            "physician": case.physician_code and normal_code(case.physician_code),
            "claim_id": _storable(case.claim_id),
            "service_date": case.service_date,
            "opened_at": utc_text(_moment(case.opened_at)),
            "disposition": str(case.disposition)[:32],
            "reason": str(case.reason)[:64],
            "fund_fen": int(Decimal(case.fund_amount) * 100),
            "state": state.state,
            "assignee": state.assignee and _storable(state.assignee),
            "revision": state.revision,
            "work_by": NO_DAY if state.state in _DECIDED else self._work_by(file),
            "file": value.decode(),
        }
        return Changes(put=[(CASES, row)])

    def _work_by(self, file: CaseFile) -> dt.date:
        opened = next((one.at for one in reversed(file.actions) if one.action == "reopen"), file.case.opened_at)
        day = _moment(opened).astimezone(CHINA).date()
        calendar = official_calendar(WithoutData.MONDAY_TO_FRIDAY, self.holidays)
        try:
            return calendar.deadline(day, self.review_days)
        except (CalendarError, OverflowError):
            return NO_DAY


def _storable(text: str) -> str:
    """What every database takes: PostgreSQL stores no NUL."""
    return text.replace("\0", "")


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text.upper())


def _standing(kind: str, name: str, value: bytes | None) -> Changes:
    area, code = name.split("|", 1)
    where = {"kind": kind, "area": area, "code": code}
    if value is None:
        return Changes(remove=[(STANDINGS, where)])
    return Changes(put=[(STANDINGS, {**where, "record": value.decode()})])


def _physician(name: str, value: bytes | None) -> Changes:
    found = _standing("physician", name, value)
    area, code = name.split("|", 1)
    found.remove.append((STAFF, {"area": area, "physician": code}))
    if value is not None:
        told = PhysicianStanding.model_validate_json(value)
        until: dict[str, dt.date] = {}
        for site in told.sites:
            code_of, end = (site, NO_DAY) if isinstance(site, str) else (site.institution_code, site.to or NO_DAY)
            until[normal_code(code_of)] = max(end, until.get(normal_code(code_of), end))
        found.put += [
            (STAFF, {"area": area, "institution": site, "physician": code, "until": end}) for site, end in until.items()
        ]
    return found


def _institution(name: str, value: bytes | None) -> Changes:
    if value is not None:
        InstitutionStandingMessage.model_validate_json(value)
    return _standing("institution", name, value)


def _dossier(name: str, value: bytes | None) -> Changes:
    kind, area, code = name.split("|", 2)
    where = {"kind": kind, "area": area, "code": code}
    if value is None:
        return Changes(remove=[(DOSSIERS, where)])
    json.loads(value)
    return Changes(put=[(DOSSIERS, {**where, "record": value.decode()})])


def _notice(name: str, value: bytes | None) -> Changes:
    gone = Changes(remove=[(NOTICES, {"notice_id": name})])
    if value is None:
        return gone
    told = Notice.model_validate_json(value)
    if told.withdrawn is not None:
        return gone
    row = {
        "notice_id": name,
        "area": pooling_area(told.region, told.due_on),
        "physician": told.physician_code and normal_code(told.physician_code),
        "institution": told.institution and normal_code(told.institution),
        "due_on": told.due_on or NO_DAY,
        "record": value.decode(),
    }
    return Changes(put=[(NOTICES, row)])
