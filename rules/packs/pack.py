"""Rule packs: one jurisdiction's law as typed, dated, cited data.

A pack file is YAML. `parse_pack` turns its text into a `Pack` or raises `PackError`, which names the file, the line, the
key and what was expected. Reading files is the shell's work (`pipeline.settings.packs`).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from rules.calendar import WorkingCalendar, official_calendar
from rules.holidays import Holidays, shipped_holidays
from rules.packs.errors import PackError, Problem, mapping, problems_of
from rules.packs.errors import Source as SourceText
from rules.schemes.registry import LedgerField, ledger_model
from rules.text import Text
from rules.vocabulary import CostBearer, Disposition, EncounterType, Flag, Reason, Standing

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


class When(_Model):
    """The condition of a ground. Every key that is given must hold; the keys are the kinds of rule that exist.

    rule: not_in_force            the service date lies outside the pack's validity
    physician: missing            no physician on the claim (null, empty or blank code)
    standing: [..]                the physician's standing on the service date is one of these; `unregistered` includes a
                                  physician of whom nothing is known
    flag: name                    the span carries this contradiction
    in_penalty: true              a penalty window covers the service date
    straddles: penalty            the stay has days inside and days outside penalty windows
    straddles: abnormal           the stay has days inside and days outside an abnormal status; days without law are not judged,
                                  so a stay that begins before the pack's validity is not asked
    site: undeclared|opted_out|not_listed    what the claiming institution declared about the physician
    institution: terminated       the institution has no service agreement on the service date
    drug: {field: bool}           the claim's drug object says so (a claim without the object never matches)
    service_date: {from, to}      only for services on these days
    """

    rule: Literal["not_in_force"] | None = None
    physician: Literal["missing"] | None = None
    standing: tuple[Standing, ...] | None = None
    flag: Flag | None = None
    in_penalty: Literal[True] | None = None
    straddles: Literal["penalty", "abnormal"] | None = None
    site: Literal["undeclared", "opted_out", "not_listed"] | None = None
    institution: Literal["terminated"] | None = None
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
    """One ground of the decision table: when it holds, what follows, and what the exempted encounters get instead."""

    ground: Reason
    when: When
    ordinary: Outcome
    exempted: Outcome | None = None
    exempt_encounters: tuple[EncounterType, ...] | None = None
    citations: Annotated[tuple[str, ...], Field(min_length=1)]
    next: tuple[Step, ...] = ()
    note: Text | None = None


class Contested(_Model):
    """Determination Q2: what follows when honouring late upholdings would change the disposition."""

    outcome: Outcome
    keeps: tuple[Reason, ...]
    citations: Annotated[tuple[str, ...], Field(min_length=1)]


class Pack(_Model):
    """One jurisdiction and version. `regions` are administrative division codes, `["*"]` is every other region."""

    pack: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
    version: Annotated[int, Field(ge=1)]
    title: Text
    source: Source
    regions: Annotated[tuple[str, ...], Field(min_length=1)]
    enabled: bool = True
    in_force: InForce
    registration_required: bool = True
    exempt_encounters: tuple[EncounterType, ...]
    screening: Annotated[tuple[Ground, ...], Field(min_length=1)]
    contested: Contested | None = None
    ledger: LedgerField | None = None

    @property
    def name(self) -> str:
        """Name on the wire, such as qiannan-2022@1."""
        return f"{self.pack}@{self.version}"

    @model_validator(mode="after")
    def _grounds_are_unique(self) -> Pack:
        seen: set[Reason] = set()
        for ground in self.screening:
            if ground.ground in seen:
                raise ValueError(f"ground {ground.ground} stands twice in the screening table")
            seen.add(ground.ground)
        for region in self.regions:
            if region != "*" and not re.fullmatch(r"\d{6}", region):
                raise ValueError(f'region {region!r} is neither a division code of six digits nor "*"')
        known = {item.id for item in self.ledger.deadlines} if self.ledger is not None else set()
        for ground in self.screening:
            for step in ground.next:
                if step.limit is not None and step.limit not in known:
                    raise ValueError(
                        f"ground {ground.ground}: a next step names the limit {step.limit!r}, which is no deadline of the "
                        f"ledger; expected one of {', '.join(sorted(known)) or '(it has none)'}"
                    )
        return self


def parse_pack(text: str, name: str) -> Pack:
    """Reads a pack from YAML text; `name` (a file name) is used in errors.

    Raises PackError with every problem: file, line and key, the value found and what was expected.
    """
    source = SourceText(text, name)
    data = mapping(source)
    try:
        return Pack.model_validate(data)
    except ValidationError as error:
        raise PackError(problems_of(error, source, Pack, {"ledger": ledger_model(data.get("ledger"))})) from error


class PackSet:
    """The packs in force in a process, and which of them governs a region."""

    def __init__(
        self, packs: Iterable[Pack], *, switched_on: Iterable[str] = (), holidays: Holidays | None = None
    ) -> None:
        """`switched_on` names packs (without version) that are disabled in their file but wanted here; `holidays` are those
        shipped unless others are given.

        Raises PackError when two packs claim one region, when none takes "every other region", or when
        `switched_on` names an unknown pack.
        """
        self.holidays = shipped_holidays() if holidays is None else holidays
        wanted = set(switched_on)
        every = tuple(packs)
        unknown = wanted - {pack.pack for pack in every}
        if unknown:
            known = ", ".join(sorted(pack.pack for pack in every))
            raise PackError(f"no pack is called {', '.join(sorted(unknown))}; there are: {known}")
        self.packs = tuple(pack for pack in every if pack.enabled or pack.pack in wanted)
        self._by_region: dict[str, int] = {}
        for number, pack in enumerate(self.packs):
            for region in pack.regions:
                if region in self._by_region:
                    other = self.packs[self._by_region[region]].name
                    raise PackError(f"region {region} is claimed by two packs: {other} and {pack.name}")
                self._by_region[region] = number
        if "*" not in self._by_region:
            raise PackError('no pack governs "every other region": one pack must list the region "*"')

    def calendar(self, pack: Pack) -> WorkingCalendar:
        """The working days by which a pack's limits run. Raises PackError for a pack without a ledger section."""
        if pack.ledger is None:
            raise PackError(f"{pack.name}: has no ledger section; expected one, because limits are to be counted")
        return official_calendar(pack.ledger.working_calendar.value, self.holidays)

    def number_for(self, region: str) -> int:
        """Position in `packs` of the pack that governs the region."""
        return self._by_region.get(region, self._by_region["*"])

    def for_region(self, region: str) -> Pack:
        """The pack that governs the region."""
        return self.packs[self.number_for(region)]


__all__ = [
    "EXEMPT_PREFIX",
    "Contested",
    "Ground",
    "InForce",
    "Outcome",
    "Pack",
    "PackError",
    "PackSet",
    "Problem",
    "Source",
    "Step",
    "Text",
    "When",
    "parse_pack",
]
