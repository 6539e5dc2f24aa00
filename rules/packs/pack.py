"""Rule packs: one jurisdiction's law as typed, dated, cited data.

A pack file is YAML. `parse_pack` turns its text into a `Pack` or raises `PackError`, which names the file, the line, the
key and what was expected. Reading files is the shell's work (`pipeline.settings.packs`).
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from rules.packs.errors import PackError, Problem, mapping, problems_of
from rules.packs.errors import Source as SourceText
from rules.schemes.registry import LedgerField, ledger_model
from rules.text import Text
from rules.vocabulary import CostBearer, Disposition, EncounterType, Flag, Reason, Standing, Subject

EXEMPT_PREFIX = "exempt_"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Model):
    """The policy text that a pack states."""

    file: str
    name: Text
    issued: dt.date | None = None


class InForce(_Model):
    """Days on which the text binds, both inclusive; None is open. `citation` names the clause that says so."""

    start: Annotated[dt.date | None, Field(alias="from")] = None
    end: Annotated[dt.date | None, Field(alias="to")] = None
    citation: str | None = None

    @model_validator(mode="after")
    def _in_order(self) -> InForce:
        if self.start is not None and self.end is not None and self.end < self.start:
            raise ValueError(f"to: {self.end} lies before from: {self.start}; no day would be in force")
        return self

    def holds(self, day: dt.date) -> bool:
        """Whether the text binds on a day."""
        return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)


class When(_Model):
    """The condition of a ground. Every key that is given must hold; the keys are the kinds of rule that exist.

    rule: not_in_force            the service date lies outside the pack's validity
    staff: settlement_audit       the claim says that its responsible person audits settlements (医保结算审核人员)
    physician: missing|named      no physician on the claim (null, empty or blank code), or one
    standing: [..]                the physician's standing on the service date is one of these; `unregistered` includes a
                                  physician of whom nothing is known
    flag: name                    the span carries this contradiction
    in_penalty: true              a penalty window covers the service date
    straddles: penalty            the stay has days inside and days outside penalty windows
    straddles: abnormal           the stay has days inside and days outside an abnormal status; days without law are not judged,
                                  so a stay that begins before the pack's validity is not asked
    site: undeclared|opted_out|not_listed    what the claiming institution declared about the physician
    institution: terminated       the institution's service agreement is suspended or has ended on the service date
    institution: unknown          its written last day is over and no other agreement is recorded
    subject: not_named            the claim does not name the law's subject, and one that it may be of is suspended
    drug: {field: bool}           the claim's drug object says so (a claim without the object never matches)
    service_date: {from, to}      only for services on these days
    """

    rule: Literal["not_in_force"] | None = None
    staff: Literal["settlement_audit"] | None = None
    physician: Literal["missing", "named"] | None = None
    standing: tuple[Standing, ...] | None = None
    flag: Flag | None = None
    in_penalty: Literal[True] | None = None
    straddles: Literal["penalty", "abnormal"] | None = None
    site: Literal["undeclared", "opted_out", "not_listed"] | None = None
    institution: Literal["terminated", "unknown"] | None = None
    subject: Literal["not_named"] | None = None
    drug: (
        dict[Literal["dual_channel", "external", "separate", "within_scope", "within_dosage", "price_ok"], bool] | None
    ) = None
    service_date: InForce | None = None

    @model_validator(mode="after")
    def _some_condition(self) -> When:
        if not any(value is not None for value in self.__dict__.values()):
            raise ValueError("a ground needs at least one condition; without any it would hold for every claim")
        return self


class Outcome(_Model):
    """What follows from a ground. `reason: exempt` stands for exempt_emergency, exempt_rescue, ... by encounter."""

    disposition: Disposition
    reason: Reason | Literal["exempt"]
    cost_bearer: CostBearer

    @model_validator(mode="after")
    def _bearer_agrees(self) -> Outcome:
        expected = {
            Disposition.PAY: {CostBearer.FUND},
            Disposition.REVIEW: {CostBearer.UNDETERMINED},
            Disposition.REJECT: {CostBearer.INSTITUTION, CostBearer.PATIENT, CostBearer.UNSPECIFIED},
        }[self.disposition]
        if self.cost_bearer not in expected:
            names = ", ".join(sorted(expected))
            raise ValueError(f"disposition {self.disposition} goes with cost_bearer {names}, not {self.cost_bearer}")
        return self


class Step(_Model):
    """What somebody can or must do next about a ground.

    `opens` is the first day on which it can be done: the day after the reported window, after the ban, or the end of the
    bar on return. `limit` names the ledger's deadline by which it has to be done.
    """

    actor: Text
    act: Text
    opens: Literal["after_window", "after_ban", "after_bar"] | None = None
    limit: str | None = None
    citation: Annotated[str, StringConstraints(min_length=1)]


class Ground(_Model):
    """One ground of the decision table: when it holds, what follows, and what the exempted encounters get instead.

    `not_for` names encounters that the ground says nothing of, such as pharmacies where the text does not cover them (P6).
    """

    ground: Reason
    when: When
    ordinary: Outcome
    exempted: Outcome | None = None
    exempt_encounters: tuple[EncounterType, ...] | None = None
    not_for: tuple[EncounterType, ...] = ()
    citations: Annotated[tuple[str, ...], Field(min_length=1)]
    next: tuple[Step, ...] = ()
    note: Text | None = None


class Contested(_Model):
    """Determination Q2: what follows when honouring late upholdings would change the disposition."""

    outcome: Outcome
    keeps: tuple[Reason, ...]
    citations: Annotated[tuple[str, ...], Field(min_length=1)]


class Pack(_Model):
    """One jurisdiction and version. `regions` are administrative division codes, `["*"]` is every other region.

    How the ledger lives through a change of law (S3): `carries: points` takes over the points of the law before, which else are
    left behind; `ends: bars` ends what was decided under it, which else runs to its own end.
    """

    REGION: ClassVar[tuple[str, str]] = (r"\d{6}", "a division code of six digits")
    """What a region looks like, and how it is called."""

    pack: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
    version: Annotated[int, Field(ge=1)]
    title: Text
    source: Source
    regions: Annotated[tuple[str, ...], Field(min_length=1)]
    enabled: bool = True
    in_force: InForce
    registration_required: bool = True
    carries: Literal["points"] | None = None
    ends: Literal["bars"] | None = None
    exempt_encounters: tuple[EncounterType, ...]
    screening: Annotated[tuple[Ground, ...], Field(min_length=1)]
    contested: Contested | None = None
    ledger: LedgerField | None = None

    @property
    def name(self) -> str:
        """Name on the wire, such as qiannan-2022@1."""
        return f"{self.pack}@{self.version}"

    @property
    def grounds(self) -> tuple[Ground, ...]:
        """The decision table in its order. A service outside the validity is paid first, also without an author's row."""
        own = [ground for ground in self.screening if ground.ground is Reason.RULE_NOT_IN_FORCE]
        rest = tuple(ground for ground in self.screening if ground.ground is not Reason.RULE_NOT_IN_FORCE)
        return (*(own or [self._outside()]), *rest)

    def _outside(self) -> Ground:
        pays = Outcome(disposition=Disposition.PAY, reason=Reason.RULE_NOT_IN_FORCE, cost_bearer=CostBearer.FUND)
        return Ground(
            ground=Reason.RULE_NOT_IN_FORCE,
            when=When(rule="not_in_force"),
            ordinary=pays,
            citations=(self.in_force.citation or self.source.file,),
        )

    @model_validator(mode="after")
    def _grounds_are_unique(self) -> Pack:
        seen: set[Reason] = set()
        for ground in self.screening:
            if ground.ground in seen:
                raise ValueError(f"ground {ground.ground} stands twice in the screening table")
            seen.add(ground.ground)
        for region in self.regions:
            if region != "*" and not re.fullmatch(self.REGION[0], region):
                raise ValueError(f'region {region!r} is neither {self.REGION[1]} nor "*"')
        known = {item.id for item in self.ledger.deadlines} if self.ledger is not None else set()
        for ground in self.screening:
            for step in ground.next:
                if step.limit is not None and step.limit not in known:
                    raise ValueError(
                        f"ground {ground.ground}: a next step names the limit {step.limit!r}, which is no deadline of the "
                        f"ledger; expected one of {', '.join(sorted(known)) or '(it has none)'}"
                    )
        return self


class SubjectPack(Pack):
    """The law of another subject than physicians (S1), which applies beside theirs.

    `regions` are its territory: areas, or the first digits of their codes, such as `36`; of two the narrower governs.
    """

    REGION: ClassVar[tuple[str, str]] = (r"\d{2,6}", "a division code, nor the first two to five digits of one,")

    subject: Subject

    def reach(self, area: str) -> int:
        """How narrowly the territory takes in an area: more is narrower, -1 not at all."""
        if area in self.regions:
            return len(area)
        return max(
            (0 if region == "*" else len(region) for region in self.regions if _within(area, region)), default=-1
        )


def _within(area: str, region: str) -> bool:
    return region == "*" or (len(region) < len(area) and area.startswith(region))


PackT = TypeVar("PackT", bound=Pack)


def parse_pack(text: str, name: str) -> Pack:
    """Reads a pack from YAML text; `name` (a file name) is used in errors.

    Raises PackError with every problem: file, line and key, the value found and what was expected.
    """
    return _parsed(text, name, Pack)


def parse_subject(text: str, name: str) -> SubjectPack:
    """The same of a pack of another subject. Raises PackError."""
    return _parsed(text, name, SubjectPack)


def parse_any(text: str, name: str) -> Pack:
    """A pack of either kind: one with the key `subject` is a SubjectPack. Raises PackError."""
    return _parsed(text, name, SubjectPack if "subject" in mapping(SourceText(text, name)) else Pack)


def _parsed(text: str, name: str, model: type[PackT]) -> PackT:
    source = SourceText(text, name)
    data = mapping(source)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise PackError(problems_of(error, source, model, {"ledger": ledger_model(data.get("ledger"))})) from error


__all__ = [
    "EXEMPT_PREFIX",
    "Contested",
    "Ground",
    "InForce",
    "Outcome",
    "Pack",
    "PackError",
    "Problem",
    "Source",
    "Step",
    "SubjectPack",
    "Text",
    "When",
    "parse_any",
    "parse_pack",
    "parse_subject",
]
