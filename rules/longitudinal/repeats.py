"""The same examination again although another institution's result is to be recognised (检查检验结果互认, 001 篇6)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

from rules.longitudinal.claims import Finding, Ground, Key, PastClaim
from rules.longitudinal.pack import Recognition, RecognitionPack
from rules.longitudinal.wording import repeated


class RepeatCheck:
    """Examines one person's claims, in any order: what is earlier, the days of the lines tell."""

    def __init__(self, pack: RecognitionPack, table: Sequence[Recognition]) -> None:
        self._pack = pack
        self._table: dict[str, list[Recognition]] = {}
        for row in (*pack.table, *table):
            self._table.setdefault(row.item, []).append(row)

    def examine(self, claims: Sequence[PastClaim]) -> Iterator[Finding]:
        """A finding for each claim that repeats an item of an earlier one at another institution within the days of a row."""
        if not self._table:
            return
        done: dict[str, list[tuple[dt.date, PastClaim]]] = {}
        for claim in claims:
            for item, day in _given(claim):
                if item in self._table:
                    done.setdefault(item, []).append((day, claim))
        for claim in claims:
            found: dict[str, tuple[Recognition, dt.date, PastClaim, dt.date]] = {}
            for item, day in _given(claim):
                earlier = self._earlier(claim, day, self._table.get(item, ()), done.get(item, ()))
                if earlier is not None:
                    found.setdefault(item, (*earlier, day))
            if found:
                others: dict[Key, None] = {one.key: None for _, _, one, _ in found.values()}
                figures = {f"days.{item}": str((day - first).days) for item, (_, first, _, day) in found.items()}
                text = repeated([(item, first, one.institution) for item, (_, first, one, _) in found.items()])
                citations = tuple(dict.fromkeys(row.citation for row, _, _, _ in found.values()))
                yield Finding(
                    claim, Ground.REPEAT_EXAMINATION, self._pack.name, citations, text, figures, tuple(others)
                )

    @staticmethod
    def _earlier(
        claim: PastClaim,
        day: dt.date,
        rows: Sequence[Recognition],
        done: Sequence[tuple[dt.date, PastClaim]],
    ) -> tuple[Recognition, dt.date, PastClaim] | None:
        """The latest earlier one that a row recognises on this day."""
        for row in rows:
            if not row.holds(day):
                continue
            known = [
                (first, one)
                for first, one in done
                if one.institution != claim.institution
                and (not row.institutions or {one.institution, claim.institution} <= set(row.institutions))
                and (first, one.order) < (day, claim.order)
                and (day - first).days <= row.days
            ]
            if known:
                first, one = max(known, key=lambda found: (found[0], found[1].order))
                return row, first, one
        return None


def _given(claim: PastClaim) -> Iterator[tuple[str, dt.date]]:
    """The items that were given, each with its first day."""
    first: dict[str, dt.date] = {}
    for line in claim.lines:
        if line.item is not None:
            first[line.item] = min(first.get(line.item, line.day), line.day)
    yield from first.items()
