"""What was known when: the standing index with every timeline in all the versions that it once had.

A live gate judges a claim by the register of that moment. Replay reproduces it: each owner has a run of versions, ordered by
the instant from which they were known, and a claim is looked up in the version of its own instant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from rules.screens.facts import ClaimColumns, Keys, Longs
from rules.screens.index import StandingIndex
from rules.screens.names import Names
from rules.screens.ragged import Ints, Ragged
from rules.timeline import InstitutionTimeline, PhysicianTimeline
from rules.vocabulary import Subject

_SEPARATOR = "\x1f"
"""Stands between a code and the number of a version; codes of the wire that hold it are no code of a version."""

_ALWAYS = -(2**63)
_NEWEST = 2**62


class VersionedIndex(StandingIndex):
    """Timelines with the instants (microseconds since 1970-01-01 UTC) from which they were known.

    `look_up` reads one more column of the claims, `instant` (Int64): what was known at that instant counts, that which became
    known at the very instant included. Before an owner's first version nothing was known.
    """

    def __init__(self) -> None:
        super().__init__()
        self._physicians = Names()
        self._physician_versions = Ragged(instant="q", owner="i")
        self._institutions = Names()
        self._institution_versions = Ragged(instant="q", owner="i")

    def put_versions(self, versions: Sequence[tuple[int, PhysicianTimeline]]) -> None:
        """Sets all versions of one physician's timeline, in the order of their instants. Raises TimelineError."""
        first = versions[0][1]
        self.persons.meet(first.region, first.physician_code)
        rows = []
        for number, (instant, timeline) in enumerate(versions):
            code = f"{timeline.physician_code}{_SEPARATOR}{number}"
            self.put(msgspec.structs.replace(timeline, physician_code=code))
            rows.append((instant, self._owners.number(f"{timeline.region}|{code}")))
        self._physician_versions.replace(self._physicians.number(f"{first.region}|{first.physician_code}"), rows)

    def put_versions_beside(self, subject: Subject, versions: Sequence[tuple[int, PhysicianTimeline]]) -> None:
        """The same of an insured person or a department. Raises TimelineError."""
        held = self.of(subject)
        code = versions[0][1].physician_code.upper()
        held.put_versions([(at, msgspec.structs.replace(known, physician_code=code)) for at, known in versions])
        held.note_department(subject, f"{versions[0][1].region}|{code}")

    def of(self, subject: Subject) -> VersionedIndex:
        """The index of another subject, with the versions of what is known of it."""
        held = super().of(subject)
        assert isinstance(held, VersionedIndex)  # it is of this index's own type
        return held

    def _meet(self, timeline: PhysicianTimeline) -> None:
        """The code of a version is nobody's; `put_versions` knows whose it is."""

    def put_institution_versions(self, versions: Sequence[tuple[int, InstitutionTimeline]]) -> None:
        """Sets all versions of one institution's timeline, in the order of their instants. Raises TimelineError."""
        first = versions[0][1]
        rows = []
        for number, (instant, timeline) in enumerate(versions):
            code = f"{timeline.institution_code}{_SEPARATOR}{number}"
            self.put_institution(msgspec.structs.replace(timeline, institution_code=code))
            rows.append((instant, self._institution_owners.number(f"{timeline.region}|{code}")))
        owner = self._institutions.number(f"{first.region}|{first.institution_code}")
        self._institution_versions.replace(owner, rows)
        super()._note_place(f"{first.region}|{first.institution_code}", recorded=True)

    def _note_place(self, key: str, *, recorded: bool) -> None:
        """The code of a version is nobody's; `put_institution_versions` knows whose it is."""

    def put_unreadable(self, key: str) -> None:
        """Marks a physician (`region|code`) of whom no version can be read, at any instant."""
        super().put_unreadable(key)
        self._physician_versions.replace(self._physicians.number(key), [(_ALWAYS, self._owners.number(key))])

    def put_institution_unreadable(self, key: str) -> None:
        """Marks an institution (`region|code`) of which no version can be read, at any instant."""
        super().put_institution_unreadable(key)
        owner = self._institution_owners.number(key)
        self._institution_versions.replace(self._institutions.number(key), [(_ALWAYS, owner)])

    def _physicians_of(self, claims: ClaimColumns) -> Ints:
        return _version(self._physicians, self._physician_versions, claims.physician_key, claims.known["instant"])

    def _institutions_of(self, claims: ClaimColumns) -> Ints:
        return _version(self._institutions, self._institution_versions, claims.institution_key, claims.known["instant"])


class RevisedIndex(VersionedIndex):
    """Timelines by the knowledge that a verdict rests on, counted in events: by revision.

    `look_up` reads `known_revision` and `known_institution` (Int64, 0: nothing was known) in place of `instant`: revisions of
    the physician and of the institution. All versions are put under their revisions.
    """

    def put_versions(self, versions: Sequence[tuple[int, PhysicianTimeline]]) -> None:
        """The same. A verdict names the revision of its own region's standing alone, so nobody is looked up elsewhere (P3)."""
        super().put_versions(versions)
        self.persons.leave(f"{versions[0][1].region}|{versions[0][1].physician_code}")

    @staticmethod
    def latest(known: Mapping[str, Longs]) -> Mapping[str, Longs]:
        """A verdict does not name the revisions of the other people on its claim, so the newest of each is asked."""
        return {**known, "known_revision": np.full_like(known["known_revision"], _NEWEST)}

    @staticmethod
    def known_beside(known: Mapping[str, Longs], subject: Subject, keys: Sequence[str]) -> Mapping[str, Longs]:
        """A verdict names the revisions of its insured person's and its department's standings."""
        if subject is Subject.INSURED:
            return {**known, "known_revision": known["known_insured"]}
        pairs = zip(known["known_departments"].tolist(), keys, strict=True)
        told = [_NEWEST if said is None else _named(said, key) for said, key in pairs]
        return {**known, "known_revision": np.array(told, np.int64)}

    def _physicians_of(self, claims: ClaimColumns) -> Ints:
        return _version(
            self._physicians, self._physician_versions, claims.physician_key, claims.known["known_revision"]
        )

    def _institutions_of(self, claims: ClaimColumns) -> Ints:
        return _version(
            self._institutions, self._institution_versions, claims.institution_key, claims.known["known_institution"]
        )


def _named(said: str, key: str) -> int:
    """The revision of a department (`area|institution|department`); 0 where none is told."""
    return int(msgspec.json.decode(said, type=dict[str, int]).get(key.rpartition("|")[2], 0))


def _version(names: Names, versions: Ragged, keys: Keys, instants: Longs) -> Ints:
    """Owner of the version that was known at each claim's instant; -1 where nothing was."""
    rows = versions.find(names.find(keys), instants)
    owners: Ints = versions.take("owner", rows, -1)
    return owners
