"""Rule packs: one jurisdiction's law as typed, dated, cited data.

A pack file is YAML. `parse_pack` turns its text into a `Pack` or raises `PackError`, which names the file, the line, the
key and what was expected. Reading files is the shell's work (`pipeline.settings.packs`).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Annotated, ClassVar, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from rules.areas import pooling_area
from rules.calendar import WorkingCalendar, official_calendar
from rules.holidays import Holidays, shipped_holidays
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


def _parsed(text: str, name: str, model: type[PackT]) -> PackT:
    source = SourceText(text, name)
    data = mapping(source)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise PackError(problems_of(error, source, model, {"ledger": ledger_model(data.get("ledger"))})) from error


class Segment(NamedTuple):
    """Days on which one pack answers for a region, both ends inclusive, None open. Of days without law the pack says so."""

    start: dt.date | None
    end: dt.date | None
    pack: Pack

    def holds(self, day: dt.date) -> bool:
        """Whether a day is one of these."""
        return (self.start is None or self.start <= day) and (self.end is None or day <= self.end)


@dataclass(frozen=True, eq=False)
class Law:
    """What governs one region, day by day (determination S1): packs one after the other, without a gap from the first day on."""

    segments: tuple[Segment, ...]
    holidays: Holidays

    @property
    def packs(self) -> tuple[Pack, ...]:
        """The packs in the order in which they govern, each once."""
        return tuple({segment.pack.name: segment.pack for segment in self.segments}.values())

    def on(self, day: dt.date) -> Pack:
        """The pack that answers for a day."""
        return next(segment.pack for segment in self.segments if segment.holds(day))

    def calendar(self, pack: Pack) -> WorkingCalendar:
        """The working days by which a pack's limits run. Raises PackError for a pack without a ledger section."""
        if pack.ledger is None:
            raise PackError(f"{pack.name}: has no ledger section; expected one, because limits are to be counted")
        return official_calendar(pack.ledger.working_calendar.value, self.holidays)


class PackSet:
    """The packs in force in a process, and which of them governs a region on a day."""

    def __init__(
        self,
        packs: Iterable[Pack],
        *,
        switched_on: Iterable[str] = (),
        holidays: Holidays | None = None,
        subjects: Iterable[SubjectPack] = (),
    ) -> None:
        """`switched_on` names packs (without version) that are disabled in their file but wanted here; `holidays` are those
        shipped unless others are given; `subjects` are the laws of others than physicians: without any, nothing is known of them.

        Raises PackError when two packs claim one region on the same days, when one lists a place inside a pooling area and not
        the area, when none takes "every other region", or when `switched_on` names an unknown pack.
        """
        self.holidays = shipped_holidays() if holidays is None else holidays
        wanted = set(switched_on)
        every, beside = tuple(packs), tuple(subjects)
        self.subjects = tuple(pack for pack in beside if pack.enabled or pack.pack in wanted)
        _check_apart(self.subjects)
        unknown = wanted - {pack.pack for pack in (*every, *beside)}
        if unknown:
            known = ", ".join(sorted(pack.pack for pack in (*every, *beside)))
            raise PackError(f"no pack is called {', '.join(sorted(unknown))}; there are: {known}")
        self.packs = tuple(pack for pack in every if pack.enabled or pack.pack in wanted)
        claimed: dict[str, list[Pack]] = {}
        for pack in self.packs:
            _check_areas(pack)
            for region in pack.regions:
                claimed.setdefault(region, []).append(pack)
        for region, several in claimed.items():
            several.sort(key=lambda pack: pack.in_force.start or dt.date.min)
            for one, following in pairwise(several):
                if one.in_force.end is None or following.in_force.start is None:
                    overlap = True
                else:
                    overlap = following.in_force.start <= one.in_force.end
                if overlap:
                    raise PackError(
                        f"region {region} is claimed by two packs on the same days: {one.name} {_days(one.in_force)} and "
                        f"{following.name} {_days(following.in_force)}; give the earlier one its last day"
                    )
        if "*" not in claimed:
            raise PackError('no pack governs "every other region": one pack must list the region "*"')
        others = claimed.pop("*")
        self._elsewhere = Law(_segments([], others), self.holidays)
        self._laws = {region: Law(_segments(several, others), self.holidays) for region, several in claimed.items()}
        self.laws = (self._elsewhere, *self._laws.values())
        self._law_numbers = {region: number for number, region in enumerate(self._laws, 1)}
        self._numbers = {pack.name: number for number, pack in enumerate(self.packs)}

    def law(self, region: str) -> Law:
        """What governs an area, day by day: its own packs, and where none of them is in force the national one (S1).

        Of a place inside an area (P1) it is what such a place is filed under beside its area: the national law, unless a pack
        lists the place itself.
        """
        return self._laws.get(region, self._elsewhere)

    def law_beside(self, subject: Subject, area: str) -> Law | None:
        """What governs another subject than physicians in an area, day by day; of two territories the narrower (S1)."""
        reached = [(pack.reach(area), pack) for pack in self.subjects if pack.subject is subject]
        found = sorted((item for item in reached if item[0] >= 0), key=lambda item: -item[0])
        if not found:
            return None
        own = [pack for reach, pack in found if reach == found[0][0]]
        return Law(_segments(own, [pack for reach, pack in found if reach < found[0][0]]), self.holidays)

    def beside(self, subject: Subject, area: str, day: dt.date) -> Pack | None:
        """The law of another subject that governs an area on a day; None where there is none."""
        law = self.law_beside(subject, area)
        pack = None if law is None else law.on(day)
        return pack if pack is not None and pack.in_force.holds(day) else None

    def law_number(self, region: str) -> int:
        """Position in `laws` of what governs an area."""
        return self._law_numbers.get(region, 0)

    def number_of(self, pack: Pack) -> int:
        """Position of a pack in `packs`."""
        return self._numbers[pack.name]

    def for_region(self, region: str, day: dt.date | None = None) -> Pack:
        """The pack that answers for an area on a day; without a day the area's own newest one."""
        law = self.law(region)
        if day is not None:
            return law.on(day)
        own = [pack for pack in law.packs if region in pack.regions]
        return own[-1] if own else law.packs[-1]


def _check_areas(pack: Pack) -> None:
    """Law is one in an area (P1): a place inside it may be listed beside the area, never without it. Raises PackError."""
    for region in pack.regions:
        area = pooling_area(region)
        if area not in pack.regions:
            raise PackError(
                f"{pack.name}: region {region} lies in the pooling area {area}, and a pack governs whole areas; list {area}"
            )


def _check_apart(subjects: Sequence[SubjectPack]) -> None:
    """Raises PackError where two laws of one subject claim one territory on the same days."""
    for one, other in combinations(subjects, 2):
        first = max(one.in_force.start or dt.date.min, other.in_force.start or dt.date.min)
        last = min(one.in_force.end or dt.date.max, other.in_force.end or dt.date.max)
        shared = sorted({*one.regions} & {*other.regions})
        if one.subject is other.subject and shared and first <= last:
            raise PackError(
                f"territory {shared[0]} is claimed by two packs of {one.subject} on the same days: {one.name} "
                f"{_days(one.in_force)} and {other.name} {_days(other.in_force)}; give the earlier one its last day"
            )


def _days(in_force: InForce) -> str:
    return f"({in_force.start or '...'} to {in_force.end or '...'})"


def _segments(own: Sequence[Pack], others: Sequence[Pack]) -> tuple[Segment, ...]:
    """S1: a region's own pack where one is in force, else the national one; a day without law goes to the pack nearest to it."""
    edges: set[dt.date] = set()
    for pack in (*own, *others):
        if pack.in_force.start is not None:
            edges.add(pack.in_force.start)
        if pack.in_force.end is not None and pack.in_force.end < dt.date.max:
            edges.add(pack.in_force.end + _ONE)
    found: list[Segment] = []
    for start in [None, *sorted(edges)]:
        day = start or dt.date.min
        pack = _in_force(own, day) or _in_force(others, day) or _nearest(own or others, day)
        if found and found[-1].pack is pack:
            continue
        if found and start is not None:
            found[-1] = found[-1]._replace(end=start - _ONE)
        found.append(Segment(start, None, pack))
    return tuple(found)


def _in_force(packs: Sequence[Pack], day: dt.date) -> Pack | None:
    return next((pack for pack in packs if pack.in_force.holds(day)), None)


def _nearest(packs: Sequence[Pack], day: dt.date) -> Pack:
    """The pack that ended last before a day, or else the first to come."""
    ended = [pack for pack in packs if pack.in_force.end is not None and pack.in_force.end < day]
    return ended[-1] if ended else packs[0]


_ONE = dt.timedelta(days=1)

__all__ = [
    "EXEMPT_PREFIX",
    "Contested",
    "Ground",
    "InForce",
    "Law",
    "Outcome",
    "Pack",
    "PackError",
    "PackSet",
    "Problem",
    "Segment",
    "Source",
    "Step",
    "SubjectPack",
    "Text",
    "When",
    "parse_pack",
    "parse_subject",
]
