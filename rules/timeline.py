"""A physician's or an institution's standing as a timeline: what holds on which day, as known now.

The types here are also the wire form of the standing topics: the ledger makes them, the control plane publishes them, the gate
looks them up.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Literal

import msgspec

from rules.vocabulary import Flag, InstitutionStanding, SiteStatus, Standing

Window = tuple[dt.date | None, dt.date | None]
"""First and last day, both inclusive; None is open."""


class TimelineError(ValueError):
    """A timeline that contradicts itself: spans out of order, overlapping or backwards."""


class Span(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=False, rename={"start": "from", "end": "to"}):
    """Days on which one standing holds, both ends inclusive, None open.

    `in_penalty` says that a penalty window (责罚期, Lanzhou: 暂停) covers these days; when absent it follows from the
    standing. `penalty_period` is the window to report: running, about to start, or just ended. `pack` names an earlier law's
    pack when these days are barred by what was decided under it (determination S3). `status` is the filing status that was
    recorded of somebody whom nobody has registered here: it binds where the person is registered (P3).
    """

    start: dt.date | None
    end: dt.date | None
    standing: Standing
    in_penalty: bool | None = None
    penalty_period: Window | None = None
    ban_period: Window | None = None
    reapply_not_before: dt.date | None = None
    flags: tuple[Flag, ...] = ()
    points_remaining: int | None = None
    points_accumulated: int | None = None
    citations: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    pack: str | msgspec.UnsetType | None = msgspec.UNSET
    status: Standing | msgspec.UnsetType | None = msgspec.UNSET

    @property
    def penalised(self) -> bool:
        """Whether a penalty window covers these days."""
        if self.in_penalty is None:
            return self.standing in (Standing.PENALTY, Standing.SUSPENDED, Standing.TERMINATED)
        return self.in_penalty


class Site(msgspec.Struct, frozen=True, gc=False, rename={"start": "from", "end": "to"}):
    """What one institution has declared about the physician (多点执业 `000 五(二)`), both ends inclusive, None open."""

    institution_code: str
    start: dt.date | None = None
    end: dt.date | None = None
    status: SiteStatus = SiteStatus.DECLARED


class PhysicianTimeline(msgspec.Struct, frozen=True, gc=False):
    """Value of `physician-standing`: everything the gate needs to know of one physician in one region.

    `contested` is the timeline that would hold if review requests upheld out of time were honoured
    (determination Q2); None when it is the same.
    """

    region: str
    physician_code: str
    revision: int
    spans: tuple[Span, ...]
    sites: tuple[Site | str, ...]
    contested: tuple[Span, ...] | None = None
    points: dict[str, int | None] = {}
    changed: tuple[tuple[dt.date | None, dt.date | None], ...] = ()

    @property
    def practised(self) -> tuple[Site, ...]:
        """The sites, each as one: the code of an institution alone says that it has declared the physician on all days."""
        return tuple(Site(item) if isinstance(item, str) else item for item in self.sites)


class InstitutionSpan(msgspec.Struct, frozen=True, gc=False, rename={"start": "from", "end": "to"}):
    """Days on which an institution's service agreement stands or has ended, both ends inclusive, None open."""

    start: dt.date | None
    end: dt.date | None
    standing: InstitutionStanding
    citations: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()


class Head(msgspec.Struct, frozen=True, gc=False, rename={"start": "from", "end": "to"}):
    """Who heads a pharmacy (药店主要负责人) on which days, both ends inclusive, None open (determination P5)."""

    physician_code: str
    start: dt.date | None = None
    end: dt.date | None = None


class InstitutionTimeline(msgspec.Struct, frozen=True, gc=False):
    """Value of `institution-standing`. A day that no span covers is active. `heads`, absent for most, are a pharmacy's."""

    region: str
    institution_code: str
    revision: int
    spans: tuple[InstitutionSpan, ...]
    changed: tuple[tuple[dt.date | None, dt.date | None], ...] = ()
    heads: tuple[Head, ...] | msgspec.UnsetType = msgspec.UNSET

    @property
    def headed(self) -> tuple[Head, ...]:
        """The heads, none where nothing is said of any."""
        return () if isinstance(self.heads, msgspec.UnsetType) else self.heads


class InsuredTimeline(msgspec.Struct, frozen=True, gc=False):
    """Value of `insured-standing`: when one insured person's settlement is suspended. A day without a span is free."""

    region: str
    insured_id: str
    revision: int
    spans: tuple[Span, ...]
    changed: tuple[Window, ...] = ()

    def plain(self) -> PhysicianTimeline:
        """The same in the form that the index takes of everybody."""
        return PhysicianTimeline(self.region, self.insured_id, self.revision, self.spans, ())


class DepartmentTimeline(msgspec.Struct, frozen=True, gc=False):
    """Value of `department-standing`: the days on which one department is suspended. A day without a span is free."""

    region: str
    institution_code: str
    department: str
    revision: int
    spans: tuple[Span, ...]
    changed: tuple[Window, ...] = ()

    def plain(self) -> PhysicianTimeline:
        """The same in the form that the index takes of everybody."""
        code = f"{self.institution_code}|{self.department}"
        return PhysicianTimeline(self.region, code, self.revision, self.spans, ())


SubjectTimeline = InsuredTimeline | DepartmentTimeline
"""Of others than physicians and institutions (S1)."""
AnyTimeline = PhysicianTimeline | InstitutionTimeline | InsuredTimeline | DepartmentTimeline


def check_order(spans: tuple[Span, ...] | tuple[InstitutionSpan, ...], what: Literal["spans", "contested"]) -> None:
    """Raises TimelineError unless the spans are ordered, do not overlap, and only the outer ends are open."""
    previous: dt.date | None = None
    every: Sequence[Span | InstitutionSpan] = spans
    for number, span in enumerate(every):
        if span.start is None and number > 0:
            raise TimelineError(f"{what}[{number}].from is open; only the first span may begin at an open day")
        if span.start is not None and span.end is not None and span.end < span.start:
            raise TimelineError(f"{what}[{number}] ends on {span.end}, before it starts on {span.start}")
        if number > 0 and (previous is None or (span.start is not None and span.start <= previous)):
            ended = "an open day" if previous is None else str(previous)
            raise TimelineError(f"{what}[{number}] starts on {span.start}, but the span before it ends on {ended}")
        previous = span.end
