"""A person and an institution: standing over time, points, duties, notices, cases. A person's account is the ledger's own."""

from __future__ import annotations

from typing import Any

import msgspec
from markupsafe import Markup

from pipeline.control.dossier_page import PageFacts, render_body
from pipeline.control.dossiers import file_of, read_dossier
from pipeline.control.ledger import Ledger
from pipeline.desk.rights import Right
from pipeline.desk.store.reading import Books
from pipeline.desk.visit import Shown, Visit, not_found
from rules.packs.pack_set import PackSet
from topics.messages.ledger import InstitutionStandingMessage, Notice
from topics.normalisation import normal_code


class _Revision(msgspec.Struct):
    revision: int


class People:
    """The pages of persons and institutions."""

    def __init__(self, books: Books, packs: PackSet) -> None:
        self._books, self._packs = books, packs
        self._ledger = Ledger(packs, 1)

    def person(self, visit: Visit) -> Shown:
        """`GET /people/{area}/{code}`."""
        area, code = visit.path["area"], normal_code(visit.path["code"])
        body = self.history(visit, area, code)
        if body is None:
            raise not_found()
        values: dict[str, Any] = {
            "area": area,
            "code": code,
            "history": body,
            "notices": _notices(self._books.notices(area, physician=code)),
            "cases": self._books.cases_of(visit.account, area, physician=code)
            if visit.account.may(Right.CASES)
            else [],
        }
        shown = tuple(row.case_id for row in values["cases"])
        return Shown("person.html.j2", values, visit.entry("look", "person", (code, *shown)))

    def history(self, visit: Visit, area: str, code: str) -> Markup | None:
        """The account of a person, as the ledger gives it; None where the account may not see it or nothing is recorded."""
        found = self._books.person(visit.account, area, code, visit.today)
        if found is None:
            return None
        dossier, standing = found
        events = read_dossier(dossier)
        view = self._ledger.view(events, area, code)
        facts = PageFacts(
            region=area,
            physician_code=code,
            pack=self._packs.for_region(area, visit.today),
            law=self._packs.law(area),
            dossier=file_of(events),
            statement=view.statement,
            duties=view.duties,
            today=visit.today,
            revision=None if standing is None else msgspec.json.decode(standing, type=_Revision).revision,
        )
        return Markup(render_body(facts, visit.lang))

    def institution(self, visit: Visit) -> Shown:
        """`GET /institutions/{area}/{code}`."""
        area, code = visit.path["area"], normal_code(visit.path["code"])
        record = self._books.institution(visit.account, area, code, visit.today)
        if record is None:
            raise not_found()
        staff = self._books.staff(area, code, visit.today)
        values: dict[str, Any] = {
            "area": area,
            "code": code,
            "spans": InstitutionStandingMessage.model_validate_json(record).spans if record else (),
            "staff": staff,
            "notices": _notices(self._books.notices(area, institution=code)),
            "cases": self._books.cases_of(visit.account, area, institution=code)
            if visit.account.may(Right.CASES)
            else [],
        }
        shown = tuple(row.case_id for row in values["cases"])
        return Shown("institution.html.j2", values, visit.entry("look", "institution", (code, *staff[:100], *shown)))


def _notices(records: list[str]) -> list[Notice]:
    return [Notice.model_validate_json(record) for record in records]
