"""What the pages read. Every question is bounded by the rows that its account may see."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, and_, func, or_, select
from sqlalchemy.engine import Row

from pipeline.desk.rights import Account
from pipeline.desk.store.tables import CASES, DOSSIERS, NOTICES, STAFF, STANDINGS
from topics.fields import utc_text

AT_ONCE = 50
"""Cases on one page of the inbox."""

MOST_COUNTED = 10_000
"""So far a page counts; beyond that it says that there are more."""

MOST_EXPORTED = 100_000

_OPEN = ("open", "assigned", "awaiting_evidence", "reopened")
_DECIDED = ("upheld", "overturned")
_LISTED = [column for column in CASES.columns if column.name != "file"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cases of the inbox are asked for. `show` is open, mine, decided, closed or all; money is in fen."""

    show: str = "open"
    area: str = ""
    reason: str = ""
    institution: str = ""
    overdue: bool = False
    least_fen: int | None = None
    opened_before: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of the inbox ends."""

    work_by: dt.date
    case_id: str


class Books:
    """The read model, asked in an account's name."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def inbox(self, account: Account, wanted: Wanted, today: dt.date, after: Place | None = None) -> list[Row[Any]]:
        """A page of cases, those that are due first before the others; one more than it holds where there are further ones."""
        asked = self._cases(account, wanted, today)
        if after is not None:
            later = and_(CASES.c.work_by == after.work_by, CASES.c.case_id > after.case_id)
            asked = asked.where(or_(CASES.c.work_by > after.work_by, later))
        with self._engine.connect() as connection:
            return list(connection.execute(asked.limit(AT_ONCE + 1)))

    def counted(self, account: Account, wanted: Wanted, today: dt.date) -> tuple[int, int]:
        """How many cases those are, and what they sum up to in fen; beyond MOST_COUNTED they are not counted further."""
        some = self._cases(account, wanted, today).limit(MOST_COUNTED + 1).subquery()
        with self._engine.connect() as connection:
            number, fen = connection.execute(select(func.count(), func.coalesce(func.sum(some.c.fund_fen), 0))).one()
        return int(number), int(fen)

    def exported(self, account: Account, wanted: Wanted, today: dt.date) -> Iterator[Row[Any]]:
        """The cases as for the inbox, up to MOST_EXPORTED of them and one more."""
        with self._engine.connect() as connection:
            asked = self._cases(account, wanted, today).limit(MOST_EXPORTED + 1)
            yield from connection.execution_options(stream_results=True).execute(asked)

    def case(self, account: Account, case_id: str) -> Row[Any] | None:
        """A case with its file; None where there is none, or none that the account may see."""
        with self._engine.connect() as connection:
            return connection.execute(select(CASES).where(CASES.c.case_id == case_id, *_visible(account))).first()

    def cases_of(
        self, account: Account, area: str, *, institution: str | None = None, physician: str | None = None
    ) -> list[Row[Any]]:
        """The newest cases of an institution or a physician."""
        whose = CASES.c.institution == institution if physician is None else CASES.c.physician == physician
        asked = select(*_LISTED).where(CASES.c.area == area, whose, *_visible(account))
        with self._engine.connect() as connection:
            return list(connection.execute(asked.order_by(CASES.c.work_by, CASES.c.case_id).limit(AT_ONCE)))

    def person(self, account: Account, area: str, code: str, today: dt.date) -> tuple[bytes, str | None] | None:
        """A physician's dossier and published standing; None where there is none, or none that the account may see."""
        if area not in account.areas or account.physician not in (None, code):
            return None
        if account.institution is not None and code not in self.staff(area, account.institution, today):
            return None
        dossier, standing = (
            self._record(DOSSIERS, area, "physician", code),
            self._record(STANDINGS, area, "physician", code),
        )
        return None if dossier is None else (dossier.encode(), standing)

    def institution(self, account: Account, area: str, code: str, today: dt.date) -> str | None:
        """An institution's standing as it is published, an empty text where none is; None where the account may not see it, or
        nothing is known of it at all."""
        if area not in account.areas or account.institution not in (None, code):
            return None
        standing = self._record(STANDINGS, area, "institution", code)
        if standing is None and not (self.staff(area, code, today) or self.notices(area, institution=code)):
            with self._engine.connect() as connection:
                any_case = select(CASES.c.case_id).where(CASES.c.area == area, CASES.c.institution == code).limit(1)
                if connection.execute(any_case).first() is None:
                    return None
        return standing or ""

    def staff(self, area: str, institution: str, today: dt.date) -> list[str]:
        """The physicians whom an institution declares today or later; to be asked of one that the account may see."""
        asked = select(STAFF.c.physician).where(
            STAFF.c.area == area, STAFF.c.institution == institution, STAFF.c.until >= today
        )
        with self._engine.connect() as connection:
            return list(connection.execute(asked.order_by(STAFF.c.physician).limit(MOST_COUNTED)).scalars())

    def notices(self, area: str, *, institution: str | None = None, physician: str | None = None) -> list[str]:
        """The records of the notices about somebody whom the account may see, by their days."""
        whose = NOTICES.c.institution == institution if physician is None else NOTICES.c.physician == physician
        asked = select(NOTICES.c.record).where(NOTICES.c.area == area, whose)
        with self._engine.connect() as connection:
            return list(connection.execute(asked.order_by(NOTICES.c.due_on.desc()).limit(AT_ONCE)).scalars())

    def reasons(self, account: Account) -> list[str]:
        """The grounds of the cases that the account may see."""
        with self._engine.connect() as connection:
            return sorted(connection.execute(select(CASES.c.reason).where(*_visible(account)).distinct()).scalars())

    def _record(self, table: Any, area: str, kind: str, code: str) -> str | None:
        asked = select(table.c.record).where(table.c.kind == kind, table.c.area == area, table.c.code == code)
        with self._engine.connect() as connection:
            found: str | None = connection.execute(asked).scalar()
            return found

    def _cases(self, account: Account, wanted: Wanted, today: dt.date) -> Select[Any]:
        asked = select(*_LISTED).where(*_visible(account))
        match wanted.show:
            case "open":
                asked = asked.where(CASES.c.state.in_(_OPEN))
            case "mine":
                asked = asked.where(CASES.c.state.in_(_OPEN), CASES.c.assignee == account.name)
            case "decided":
                asked = asked.where(CASES.c.state.in_(_DECIDED))
            case "closed":
                asked = asked.where(CASES.c.state == "closed")
        for column, value in (
            (CASES.c.area, wanted.area),
            (CASES.c.reason, wanted.reason),
            (CASES.c.institution, wanted.institution),
        ):
            if value:
                asked = asked.where(column == value)
        if wanted.overdue:
            asked = asked.where(CASES.c.work_by < today)
        if wanted.least_fen is not None:
            asked = asked.where(CASES.c.fund_fen >= wanted.least_fen)
        if wanted.opened_before is not None:
            asked = asked.where(CASES.c.opened_at < utc_text(wanted.opened_before))
        return asked.order_by(CASES.c.work_by, CASES.c.case_id)


def _visible(account: Account) -> list[ColumnElement[bool]]:
    """The conditions of the cases that an account may see."""
    bounds: list[ColumnElement[bool]] = [CASES.c.area.in_(sorted(account.areas))]
    if account.institution is not None:
        bounds.append(CASES.c.institution == account.institution)
    if account.physician is not None:
        bounds.append(CASES.c.physician == account.physician)
    return bounds
