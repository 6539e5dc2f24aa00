"""Who may do and see what: the rights of each role, and the rows that an account may see. Pure.

Every row belongs to a pooling area (统筹区), and an account sees its own areas only. An institution sees its own cases, staff
and notices, a physician the own file (the national opinion grants it, `003 三¶2`). An auditor sees all of its areas and changes
nothing.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from rules.text import Text


class Role(enum.StrEnum):
    """What somebody is at the desk."""

    REVIEWER = "reviewer"
    SUPERVISOR = "supervisor"
    CLERK = "clerk"
    INSTITUTION = "institution"
    PHYSICIAN = "physician"
    AUDITOR = "auditor"


class Right(enum.StrEnum):
    """What a page or an act needs."""

    CASES = "cases"
    """See cases."""
    NOTES = "notes"
    """Read what those who work on a case have written, and who they are."""
    EXPORT = "export"
    ACT = "act"
    """Take a case, decide what is one's own, hand it over."""
    ANY_CASE = "any_case"
    """Do so with cases of others, too."""
    PEOPLE = "people"
    INSTITUTIONS = "institutions"


_STAFF = {Right.CASES, Right.NOTES, Right.EXPORT, Right.PEOPLE, Right.INSTITUTIONS}

RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.REVIEWER: frozenset({*_STAFF, Right.ACT}),
    Role.SUPERVISOR: frozenset({*_STAFF, Right.ACT, Right.ANY_CASE}),
    Role.CLERK: frozenset({Right.PEOPLE, Right.INSTITUTIONS}),
    Role.INSTITUTION: frozenset({Right.CASES, Right.EXPORT, Right.PEOPLE, Right.INSTITUTIONS}),
    Role.PHYSICIAN: frozenset({Right.PEOPLE}),
    Role.AUDITOR: frozenset(_STAFF),
}

ROLE_NAMES: Mapping[Role, Text] = {
    Role.REVIEWER: Text("审核员", "reviewer"),
    Role.SUPERVISOR: Text("审核主管", "supervisor"),
    Role.CLERK: Text("经办人员", "agency clerk"),
    Role.INSTITUTION: Text("定点医药机构", "institution"),
    Role.PHYSICIAN: Text("医师", "physician"),
    Role.AUDITOR: Text("审计员", "auditor"),
}

WORK: Mapping[Role, str] = {
    Role.REVIEWER: "case_review",
    Role.SUPERVISOR: "case_review",
    Role.CLERK: "agency_work",
    Role.INSTITUTION: "own_cases",
    Role.PHYSICIAN: "own_file",
    Role.AUDITOR: "audit",
}
"""Why a role looks at what it may see, as the journal says it."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who has logged in. `institution` and `physician` are there for these two roles, and bound what they see."""

    name: str
    role: Role
    areas: frozenset[str]
    institution: str | None = None
    physician: str | None = None

    def may(self, right: Right) -> bool:
        """Whether the role has a right."""
        return right in RIGHTS[self.role]
