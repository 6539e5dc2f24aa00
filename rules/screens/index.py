"""The standing index: timelines as columns, looked up for a whole frame of claims at once.

Gathering comes before deciding. `StandingIndex.look_up` answers, for every claim of a batch, which span of which timeline
covers its service date, what the claiming institution has declared, and how a stay lies to the penalty windows.
The decision itself (`rules.screens.verdict`) sees only these facts.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from rules.screens.facts import Bytes, ClaimColumns, Facts, Keys, Longs, Mask
from rules.screens.names import Names
from rules.screens.persons import Persons
from rules.screens.places import Places
from rules.screens.ragged import Ints, Ragged
from rules.screens.rows import (
    FIRST_DAY,
    INSTITUTION_ACTIVE,
    INSTITUTION_CODE,
    INSTITUTION_UNREADABLE,
    LAST_DAY,
    NO_SPAN,
    NO_STANDING,
    NO_WINDOW,
    SITE_CODE,
    SITE_UNDECLARED,
    UNREADABLE,
    high_day,
    low_day,
    site_store,
    span_rows,
    span_store,
)
from rules.screens.stays import straddles
from rules.timeline import InstitutionTimeline, PhysicianTimeline, check_order
from rules.vocabulary import Subject

_INSTITUTION_STRICTNESS = np.array([0, 3, 2, 1])
"""Of each state by its code: an ended agreement first, then what cannot be read, then what is unknown."""


class StandingIndex:
    """Timelines of all physicians and institutions, by region and code, for lookup by whole batches."""

    def __init__(self) -> None:
        self._owners = Names()
        self._spans = span_store()
        self._contested = span_store()
        self._sites = site_store()
        self._revision = array("q")
        self._known = 0
        self._site_institutions = Names()
        self._earlier_packs: list[str] = []
        self.persons = Persons()
        self._institution_owners = Names()
        self._institution_spans = Ragged(start="i", state="B", cause="q", revision="q")
        self._institutions_known: set[int] = set()
        self._places = Places()
        self._heads: dict[int, tuple[tuple[str, int, int], ...]] = {}
        """Who heads a pharmacy from which day until which: few institutions have any."""
        self.beside: dict[Subject, StandingIndex] = {}
        """Of insured persons and departments, where anything is known of them: `of` makes it."""
        self.departments: dict[str, tuple[str, ...]] = {}
        """Of an index of departments: by area|institution the keys of those of which anything was recorded."""

    def __len__(self) -> int:
        """Number of physicians known."""
        return self._known

    @property
    def institutions(self) -> int:
        """Number of institutions known."""
        return len(self._institutions_known)

    def revision(self, key: str) -> int | None:
        """Revision held for a physician (`area|code`); None when nothing is known."""
        owner = self._owners.get(key)
        return None if owner is None or self._revision[owner] < 0 else self._revision[owner]

    def of(self, subject: Subject) -> StandingIndex:
        """The index of another subject than physicians, by area and code, of which nothing else than `put` is asked.

        The code of a department is institution|department; all codes are in capital letters, as claims are asked by.
        """
        return self.beside.setdefault(subject, type(self)())

    def put_beside(self, subject: Subject, timeline: PhysicianTimeline) -> None:
        """Sets or replaces the timeline of an insured person or a department. Raises TimelineError."""
        held = self.of(subject)
        held.put(msgspec.structs.replace(timeline, physician_code=timeline.physician_code.upper()))
        held.note_department(subject, f"{timeline.region}|{timeline.physician_code}")

    def put_beside_unreadable(self, subject: Subject, key: str) -> None:
        """Marks an insured person or a department (`area|code`) whose newest record cannot be read."""
        held = self.of(subject)
        held.put_unreadable(key.upper())
        held.note_department(subject, key)

    def drop_beside(self, subject: Subject, key: str) -> None:
        """Removes an insured person or a department (`area|code`); unknown keys are ignored."""
        held = self.beside.get(subject)
        if held is None:
            return
        name = key.upper()
        held.drop(name)
        institution = name.rpartition("|")[0]
        left = tuple(other for other in held.departments.get(institution, ()) if other != name)
        if left:
            held.departments[institution] = left
        else:
            held.departments.pop(institution, None)
        if not len(held):
            del self.beside[subject]

    def note_department(self, subject: Subject, key: str) -> None:
        """Something is recorded of a department (`area|institution|department`): claims of its institution may be of it."""
        if subject is Subject.DEPARTMENT:
            name = key.upper()
            institution = name.rpartition("|")[0]
            self.departments[institution] = tuple(sorted({*self.departments.get(institution, ()), name}))

    def practises(self, claims: ClaimColumns) -> Mask:
        """Of every claim, whether any institution has said anything of its physician on any day."""
        answer: Mask = self._sites.count(self._physicians_of(claims)) > 0
        return answer

    def known(self, claims: ClaimColumns) -> Mask:
        """Of every claim, whether anything is recorded of its person when it is judged."""
        return self._physicians_of(claims) >= 0

    # -- keeping ------------------------------------------------------------------------------------------------

    def put(self, timeline: PhysicianTimeline) -> None:
        """Sets or replaces a physician's timeline. Raises TimelineError, and changes nothing, if it contradicts itself."""
        check_order(timeline.spans, "spans")
        contested = timeline.contested
        if contested is not None:
            check_order(contested, "contested")
        self._meet(timeline)
        institutions = self._site_institutions
        sites = []
        for site in timeline.practised:
            number = institutions.number(site.institution_code)
            sites.append((number, low_day(site.start), high_day(site.end), SITE_CODE[site.status]))
        self._set(
            f"{timeline.region}|{timeline.physician_code}",
            span_rows(timeline.spans, self._spans, self._earlier_packs),
            () if contested is None else span_rows(contested, self._contested, self._earlier_packs),
            sites,
            timeline.revision,
        )

    def put_unreadable(self, key: str) -> None:
        """Marks a physician (`region|code`) whose newest record cannot be read: claims go to review, never to a guess."""
        row = (FIRST_DAY, NO_STANDING, UNREADABLE, 0, NO_WINDOW, NO_WINDOW, 0, 0, -1)
        self._set(key, (row,), (), (), _UNREADABLE_REVISION)

    def drop(self, key: str) -> None:
        """Removes a physician (a tombstone of the compacted topic); unknown keys are ignored."""
        if key in self._owners:
            self.persons.leave(key)
            self._set(key, (), (), (), _DROPPED_REVISION)

    def put_institution(self, timeline: InstitutionTimeline) -> None:
        """Sets or replaces an institution's timeline. Raises TimelineError, and changes nothing, if it contradicts itself."""
        check_order(timeline.spans, "spans")
        rows: list[tuple[int, ...]] = []
        expected = FIRST_DAY
        for span in timeline.spans:
            low = low_day(span.start)
            if low > expected:
                rows.append((expected, INSTITUTION_ACTIVE, -1, timeline.revision))
            rows.append(
                (
                    low,
                    INSTITUTION_CODE[span.standing],
                    self._institution_spans.texts.put(span.causes),
                    timeline.revision,
                )
            )
            expected = high_day(span.end) + 1
        if expected <= LAST_DAY:
            rows.append((expected, INSTITUTION_ACTIVE, -1, timeline.revision))
        heads = [(head.physician_code, low_day(head.start), high_day(head.end)) for head in timeline.headed]
        self._set_institution(f"{timeline.region}|{timeline.institution_code}", rows, heads)

    def put_institution_unreadable(self, key: str) -> None:
        """Marks an institution (`region|code`) whose newest record cannot be read."""
        self._set_institution(key, [(FIRST_DAY, INSTITUTION_UNREADABLE, -1, _UNREADABLE_REVISION)])

    def drop_institution(self, key: str) -> None:
        """Removes an institution; unknown keys are ignored."""
        if key in self._institution_owners:
            self._set_institution(key, [])

    def _meet(self, timeline: PhysicianTimeline) -> None:
        self.persons.meet(timeline.region, timeline.physician_code)

    def _set(
        self,
        key: str,
        spans: Sequence[tuple[int, ...]],
        contested: Sequence[tuple[int, ...]],
        sites: Sequence[tuple[int, ...]],
        revision: int,
    ) -> None:
        owner = self._owners.number(key)
        if owner == len(self._revision):
            self._revision.append(_DROPPED_REVISION)
        self._known += (revision != _DROPPED_REVISION) - (self._revision[owner] != _DROPPED_REVISION)
        self._spans.replace(owner, spans)
        self._contested.replace(owner, contested)
        self._sites.replace(owner, sites)
        self._revision[owner] = revision

    def _set_institution(
        self, key: str, rows: Sequence[tuple[int, ...]], heads: Sequence[tuple[str, int, int]] = ()
    ) -> None:
        owner = self._institution_owners.number(key)
        self._institution_spans.replace(owner, rows)
        if heads:
            self._heads[owner] = tuple(heads)
        else:
            self._heads.pop(owner, None)
        if rows:
            self._institutions_known.add(owner)
        else:
            self._institutions_known.discard(owner)
        self._note_place(key, recorded=bool(rows))

    def _note_place(self, key: str, *, recorded: bool) -> None:
        self._places.note(key, recorded=recorded)

    # -- looking up ---------------------------------------------------------------------------------------------

    def look_up(self, claims: ClaimColumns, *, contested: bool = False) -> Facts:
        """The facts of every claim of a batch, in its order; with `contested`, by physicians' second timelines where they have
        one."""
        owners = self._physicians_of(claims)
        days = claims.day
        store = self._contested if contested else self._spans
        span = store.find(owners, days)
        facts = store.rows(span, NO_SPAN)
        touched = np.where(span >= 0, store.first(owners) + facts["touched"], -1)
        touched_facts = store.rows(touched, NO_SPAN)
        institution_span = self._institution_span(claims)
        revision = np.frombuffer(self._revision, np.int64) if self._revision else _NO_REVISIONS
        straddling = straddles(store, owners, span, claims)
        return Facts(
            span=span,
            standing=facts["standing"],
            flags=facts["flags"],
            window_start=facts["window_start"],
            window_end=facts["window_end"],
            straddles=straddling,
            touched_start=touched_facts["window_start"],
            touched_end=touched_facts["window_end"],
            site=self._site(owners, claims.institution_code, days),
            institution=self._institution_spans.take("state", institution_span, INSTITUTION_ACTIVE),
            institution_span=institution_span,
            revision=np.where(owners >= 0, revision[owners], _DROPPED_REVISION),
            contested=self._contested.count(owners) > 0,
            carried=np.where(straddling, touched_facts["carried"], facts["carried"]),
        )

    def heads(self, claims: ClaimColumns, rows: npt.NDArray[np.intp]) -> list[tuple[int, str, int]]:
        """Whoever heads the claiming pharmacy on the service day, other than the claim's own person: place, code, day (P5)."""
        if not self._heads or not len(rows):
            return []
        taken = claims.take(rows)
        inside = list(self._places.inside(taken.institution_key))
        if inside:
            # What is recorded of an institution under a place inside its area counts, too.
            places = np.array([place for place, _ in inside], np.intp)
            other = replace(taken.take(places), institution_key=[key for _, key in inside])
            return [*self._heads_of(taken, rows), *self._heads_of(other, rows[places])]
        return self._heads_of(taken, rows)

    def _heads_of(self, taken: ClaimColumns, rows: npt.NDArray[np.intp]) -> list[tuple[int, str, int]]:
        owners = self._institutions_of(taken)
        headed = np.flatnonzero(np.isin(owners, list(self._heads)))
        asked = taken.take(headed)
        own = asked.physician_key if isinstance(asked.physician_key, list) else asked.physician_key.to_list()
        found = []
        for row, owner, key, day in zip(
            rows[headed].tolist(), owners[headed].tolist(), own, asked.day.tolist(), strict=True
        ):
            code = None if key is None else key.partition("|")[2]
            found += [
                (row, person, day)
                for person, first, last in self._heads.get(owner, ())
                if first <= day <= last and person != code
            ]
        return found

    @staticmethod
    def known_beside(known: Mapping[str, Longs], _subject: Subject, _keys: Sequence[str]) -> Mapping[str, Longs]:
        """What was known of other subjects, where their index is asked by these keys: the same."""
        return known

    @staticmethod
    def latest(known: Mapping[str, Longs]) -> Mapping[str, Longs]:
        """What is known of other people than the claim's own when the claim is judged: the same."""
        return known

    def earlier_pack(self, number: int) -> str:
        """Name of the pack that `Facts.carried` numbers."""
        return self._earlier_packs[number - 1]

    def causes(self, span: int, institution_span: int) -> tuple[str, ...]:
        """Event ids behind a span and an institution's span, as `look_up` numbered them; -1 for none.

        The numbers hold until the next change of the index.
        """
        return self._spans.causes(span) + self._institution_spans.causes(institution_span)

    def institution_revisions(self, institution_spans: Ints) -> npt.NDArray[np.int64]:
        """Revision of the institution's timeline behind each of its spans, as `look_up` numbered them; negative: nothing known.

        The numbers hold until the next change of the index.
        """
        revisions: npt.NDArray[np.int64] = self._institution_spans.take(
            "revision", institution_spans, _DROPPED_REVISION
        )
        return revisions

    def evidence(self) -> tuple[pl.Series, pl.Series]:
        """The event ids behind every span and behind every institution's span, as lists, for whole columns of the numbers
        that `look_up` answers. They hold until the next change of the index."""
        return self._spans.cause_lists(), self._institution_spans.cause_lists()

    def _physicians_of(self, claims: ClaimColumns) -> Ints:
        return self._owners.find(claims.physician_key)

    def _institution_span(self, claims: ClaimColumns) -> Ints:
        """The span of each claim's institution; where places inside its area have records, too, the strictest of the day."""
        store = self._institution_spans
        spans = store.find(self._institutions_of(claims), claims.day)
        for row, key in self._places.inside(claims.institution_key):
            one = replace(claims.take(np.array([row], np.intp)), institution_key=[key])
            found = np.array([spans[row], *store.find(self._institutions_of(one), one.day)], np.int32)
            strictness = _INSTITUTION_STRICTNESS[store.take("state", found, INSTITUTION_ACTIVE)]
            spans[row] = found[np.argmax(strictness * 2 + (found >= 0))]
        return spans

    def _institutions_of(self, claims: ClaimColumns) -> Ints:
        return self._institution_owners.find(claims.institution_key)

    def _site(self, owners: Ints, institution_codes: Keys, days: Ints) -> Bytes:
        """State of the claiming institution's declaration: of those that cover the day, the one that began last."""
        answer = np.full(len(owners), SITE_UNDECLARED, np.uint8)
        places, rows = self._sites.runs(owners)
        if not len(rows):
            return answer
        site = self._sites.rows(rows, _NO_SITE)
        wanted, day = self._site_institutions.find(institution_codes)[places], days[places]
        holds = (site["institution"] == wanted) & (site["start"] <= day) & (site["end"] >= day)
        held = np.flatnonzero(holds)
        # The last one written stays; of two that began on one day that is the later of the timeline.
        held = held[np.argsort(site["start"][held], kind="stable")]
        answer[places[held]] = site["status"][held]
        return answer


_NO_SITE = site_store().blank()

_DROPPED_REVISION = -2
_UNREADABLE_REVISION = -1
_NO_REVISIONS = np.array([_DROPPED_REVISION], np.int64)
"""Of an index without physicians: what owner -1 is given."""
