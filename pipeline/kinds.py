"""The kinds of owners of whom the register keeps a standing: what each publishes, where, and how it follows from its events.

The control plane, the audit, the gate and what loads standings choose by this table, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from rules.dossier import Dossier
from rules.packs.pack_set import Law, PackSet
from rules.standing import institution_timeline, statement
from rules.timeline import (
    AnyTimeline,
    DepartmentTimeline,
    InstitutionTimeline,
    InsuredTimeline,
    PhysicianTimeline,
    SubjectTimeline,
)
from rules.vocabulary import Subject
from topics.catalogue import (
    DEPARTMENT_STANDING,
    INSTITUTION_STANDING,
    INSURED_STANDING,
    PHYSICIAN_STANDING,
    TopicSpec,
)
from topics.events.acceptance import OwnerKind


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of owner: the topic of its standings, their form, and the fields that name the owner within its area.

    `subject` is given where the law is not the physicians' (determination S1).
    """

    name: OwnerKind
    topic: TopicSpec
    timeline: type[Any]
    names: tuple[str, ...]
    subject: Subject | None = None

    def key(self, timeline: AnyTimeline) -> str:
        """The key under which a standing is published: its area and the owner's code."""
        return "|".join((timeline.region, *(getattr(timeline, name) for name in self.names)))

    def law(self, packs: PackSet, region: str) -> Law:
        """The law by which such owners of an area are judged. Raises LookupError where the packs hold none."""
        if self.subject is None:
            return packs.law(region)
        law = packs.law_beside(self.subject, region)
        if law is None:
            raise LookupError(f"no pack speaks of {self.topic.name} in {region}")
        return law

    def follows(self, file: Dossier, packs: PackSet, region: str, code: str, revision: int = 0) -> AnyTimeline:
        """The standing that follows from a dossier. Raises what the law cannot count, and LookupError where there is no law."""
        law = self.law(packs, region)
        if self.name == "institution":
            return institution_timeline(file, law, institution_code=code, region=region, revision=revision)
        told = statement(file, law, region=region, physician_code=code, revision=revision).timeline
        return told if self.subject is None else self._own_form(told, code)

    def _own_form(self, told: PhysicianTimeline, code: str) -> SubjectTimeline:
        if self.subject is Subject.INSURED:
            return InsuredTimeline(told.region, code, told.revision, told.spans)
        institution, _, department = code.partition("|")
        return DepartmentTimeline(told.region, institution, department, told.revision, told.spans)


KINDS: Mapping[OwnerKind, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Kind("physician", PHYSICIAN_STANDING, PhysicianTimeline, ("physician_code",)),
            Kind("institution", INSTITUTION_STANDING, InstitutionTimeline, ("institution_code",)),
            Kind("insured", INSURED_STANDING, InsuredTimeline, ("insured_id",), Subject.INSURED),
            Kind(
                "department",
                DEPARTMENT_STANDING,
                DepartmentTimeline,
                ("institution_code", "department"),
                Subject.DEPARTMENT,
            ),
        )
    }
)
"""By the name with which the keys of its dossiers begin."""

OF_TOPIC: Mapping[str, Kind] = MappingProxyType({kind.topic.name: kind for kind in KINDS.values()})
"""By the name of the topic."""


_BY_NAMES = sorted(KINDS.values(), key=lambda kind: -len(kind.names))


def kind_of_fields(fields: Mapping[str, Any]) -> Kind:
    """Whose standing a record is, by the fields that it has: the kind that more of them name goes first."""
    return next((kind for kind in _BY_NAMES if all(name in fields for name in kind.names)), KINDS["institution"])


def says_nothing(timeline: AnyTimeline) -> bool:
    """Whether a standing is that of somebody of whom nothing is recorded, so that none need be published."""
    if isinstance(timeline, PhysicianTimeline):
        return not timeline.spans and not timeline.sites
    if isinstance(timeline, InstitutionTimeline):
        return not timeline.spans and not timeline.headed
    return not timeline.spans
