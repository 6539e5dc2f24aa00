"""Physicians whose standing a second rule set changes: how many days, and which suspensions are new."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import polars as pl

from pipeline.replay.sums import Row, existing
from rules.changes import diff
from rules.packs.pack_set import PackSet
from rules.screens.facts import ENCOUNTER
from rules.screens.index import StandingIndex
from rules.screens.rows import day_number
from rules.screens.verdict import Screen
from rules.standing import span_on
from rules.timeline import PhysicianTimeline, Site, Span
from rules.vocabulary import Disposition, EncounterType, Flag, SiteStatus, Standing

Days = tuple[int, int]
"""First and last day as ordinals, both inclusive."""

Ruled = dict[Disposition, list[Days]]
"""Unbroken runs of days by what becomes of an ordinary claim on them."""

KEY = ("region", "physician_code")
_COMPARED = ("spans", "sites", "contested")
_ANYWHERE = "-"
_NAMES = {
    Disposition.REJECT: ("newly_barred", "barred_days"),
    Disposition.REVIEW: ("newly_in_review", "in_review_days"),
    Disposition.PAY: ("newly_payable", "payable_days"),
}


def standing_changes(
    folder: Path, packs: PackSet, other: PackSet, service: tuple[str | None, str | None], top: int
) -> Row:
    """Physicians whose standing differs on any day, and on the days of service that the claims cover (`service`).

    Days are told by what the decision itself says of an ordinary claim by the standing alone: barred (rejected), in review or
    payable; counted are those that are so under the second rule set only. A new suspension is an unbroken run of days that were
    payable and no longer are, rejected or in review; it goes on when the last day of service cuts it off.
    """
    if service[0] is None or service[1] is None:
        return _nothing()
    period = (dt.date.fromisoformat(service[0]).toordinal(), dt.date.fromisoformat(service[1]).toordinal())
    last_day = dt.date.fromordinal(period[1])
    pairs = list(_changed(folder))
    count: Counter[str] = Counter(physicians=len(pairs))
    moves: Counter[tuple[str, str]] = Counter()
    new: list[tuple[int, Row]] = []
    ruled = [days_ruled([pair[side] for pair in pairs], rules, period) for side, rules in enumerate((packs, other))]
    for (before, after), mine, theirs in zip(pairs, *ruled, strict=True):
        days = sum(_length(_clipped(_ordinals(item), period)) for item in diff(before, after))
        count["physicians_in_period"] += days > 0
        count["days"] += days
        count.update(_gained(mine, theirs))
        for run in _without(mine[Disposition.PAY], theirs[Disposition.PAY]):
            new.append((_length(run), _suspension(run, period, (before, after), theirs)))
        moves[_standing(before, last_day), _standing(after, last_day)] += 1
    new.sort(key=lambda item: (-item[0], item[1]["region"], item[1]["physician_code"], item[1]["from"]))
    return {
        **_nothing(),
        **count,
        "on_last_day": [
            {"from": pair[0], "to": pair[1], "physicians": number}
            for pair, number in sorted(moves.items(), key=lambda item: (-item[1], item[0]))
            if pair[0] != pair[1]
        ],
        "new_suspensions": len(new),
        "longest_new_suspensions": [row for _, row in new[:top]],
    }


def _nothing() -> Row:
    names = ("physicians", "physicians_in_period", "days", *(name for pair in _NAMES.values() for name in pair))
    return {**dict.fromkeys(names, 0), "on_last_day": [], "new_suspensions": 0, "longest_new_suspensions": []}


def _gained(mine: Ruled, theirs: Ruled) -> dict[str, int]:
    """One physician's days that are rejected, in review or payable under the second rule set only."""
    found: dict[str, int] = {}
    for disposition, (people, sum_of) in _NAMES.items():
        days = sum(_length(run) for run in _without(theirs[disposition], mine[disposition]))
        found |= {people: int(days > 0), sum_of: days}
    return found


# -- days ---------------------------------------------------------------------------------------------------------


def days_ruled(timelines: Sequence[PhysicianTimeline | None], packs: PackSet, period: Days) -> list[Ruled]:
    """What the decision says of an ordinary outpatient claim on every day of a period, physician by physician.

    The claim comes from an institution that has declared the physician, so that the standing alone speaks. The decision is asked
    once for every run of days on which nothing that it looks at changes.
    """
    index = StandingIndex()
    rows: list[tuple[str, str, int]] = []
    runs: list[tuple[int, Days]] = []
    unanswered: set[int] = set()
    for number, timeline in enumerate(timelines):
        if timeline is None:
            unanswered.add(number)
            continue
        index.put(msgspec.structs.replace(timeline, sites=(Site(_ANYWHERE),)))
        governed = [(segment.start, segment.end) for segment in packs.law(timeline.region).segments]
        in_force = [(pack.in_force.start, pack.in_force.end) for pack in packs.law(timeline.region).packs]
        edges = _edges([*governed, *in_force, *_ends(timeline)], period)
        for first, following in zip(edges, [*edges[1:], period[1] + 1], strict=True):
            rows.append((timeline.region, timeline.physician_code, day_number(dt.date.fromordinal(first))))
            runs.append((number, (first, following - 1)))
    claims = pl.DataFrame(
        rows, schema={"region": pl.String, "physician_code": pl.String, "day": pl.Int32}, orient="row"
    ).with_columns(
        pl.lit(_ANYWHERE).alias("institution_code"),
        pl.lit(EncounterType.OUTPATIENT.value, ENCOUNTER).alias("encounter_type"),
        pl.lit(None, pl.Int32).alias("start_day"),
    )
    screen = Screen(packs)
    found: list[Ruled] = [{disposition: [] for disposition in Disposition} for _ in timelines]
    for number in unanswered:  # no timeline could be computed: claims go to review
        found[number][Disposition.REVIEW].append(period)
    for (number, run), ruling in zip(runs, screen.decide(claims, index)["ruling"], strict=True):
        _add(found[number][screen.rulings[ruling].disposition], run)
    return found


def _ends(timeline: PhysicianTimeline) -> Iterator[tuple[dt.date | None, dt.date | None]]:
    for span in (*timeline.spans, *(timeline.contested or ())):
        yield span.start, span.end


def _edges(ranges: Sequence[tuple[dt.date | None, dt.date | None]], period: Days) -> list[int]:
    """The days of a period on which something may begin, its first day included."""
    edges = {period[0]}
    for start, end in ranges:
        if start is not None:
            edges.add(start.toordinal())
        if end is not None:
            edges.add(end.toordinal() + 1)
    return sorted(edge for edge in edges if period[0] <= edge <= period[1])


def _add(runs: list[Days], run: Days) -> None:
    if runs and runs[-1][1] + 1 == run[0]:
        runs[-1] = (runs[-1][0], run[1])
    else:
        runs.append(run)


def _ordinals(days: tuple[dt.date | None, dt.date | None]) -> Days:
    return (days[0] or dt.date.min).toordinal(), (days[1] or dt.date.max).toordinal()


def _length(run: Days) -> int:
    return max(0, run[1] - run[0] + 1)


def _clipped(run: Days, period: Days) -> Days:
    return max(run[0], period[0]), min(run[1], period[1])


def _without(runs: Sequence[Days], taken: Sequence[Days]) -> list[Days]:
    """The days of `runs` that are not in `taken`, both in order."""
    left = []
    for first, last in runs:
        start = first
        for other_first, other_last in taken:
            if other_last < start or other_first > last:
                continue
            if other_first > start:
                left.append((start, other_first - 1))
            start = other_last + 1
        if start <= last:
            left.append((start, last))
    return left


# -- timelines ----------------------------------------------------------------------------------------------------


def differing(folder: Path) -> pl.DataFrame:
    """Both rows, side by side, of every physician for whom the two are not the same, in the order of region and code."""
    columns = [*KEY, "revision", *_COMPARED]
    left, right = (
        pl.read_parquet(existing(place / "standings.parquet"), columns=columns) for place in (folder, folder / "other")
    )
    joined = left.join(right, on=list(KEY), how="full", suffix="_other", coalesce=True)
    differ = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_other")) for name in _COMPARED)
    return joined.filter(differ).sort(*KEY)


def _changed(folder: Path) -> Iterator[tuple[PhysicianTimeline | None, PhysicianTimeline | None]]:
    """Both timelines of every physician whose standing differs on some day."""
    for row in differing(folder).iter_rows(named=True):
        before, after = _timeline(row, ""), _timeline(row, "_other")
        if diff(before, after):
            yield before, after


def _timeline(row: Row, suffix: str) -> PhysicianTimeline | None:
    if row[f"spans{suffix}"] is None:
        return None
    contested = row[f"contested{suffix}"]
    return PhysicianTimeline(
        row["region"],
        row["physician_code"],
        row[f"revision{suffix}"],
        tuple(_span(item) for item in row[f"spans{suffix}"]),
        tuple(
            Site(item["institution_code"], item["from"], item["to"], SiteStatus(item["status"]))
            for item in row[f"sites{suffix}"] or ()
        ),
        None if contested is None else tuple(_span(item) for item in contested),
    )


def _span(item: Row) -> Span:
    return Span(
        item["from"],
        item["to"],
        Standing(item["standing"]),
        in_penalty=item["in_penalty"],
        penalty_period=_window(item["penalty_period"]),
        ban_period=_window(item["ban_period"]),
        reapply_not_before=item["reapply_not_before"],
        flags=tuple(Flag(flag) for flag in item["flags"] or ()),
        citations=tuple(item["citations"] or ()),
        causes=tuple(item["causes"] or ()),
    )


def _window(item: Row | None) -> tuple[dt.date | None, dt.date | None] | None:
    return None if item is None else (item["from"], item["to"])


def _standing(timeline: PhysicianTimeline | None, day: dt.date) -> str:
    span = span_on(timeline.spans, day) if timeline is not None else None
    return str(Standing.UNREGISTERED if span is None else span.standing)


def _suspension(
    run: Days, period: Days, pair: tuple[PhysicianTimeline | None, PhysicianTimeline | None], ruled: Ruled
) -> Row:
    after = pair[1]
    named = after or pair[0]
    first = dt.date.fromordinal(run[0])
    span = span_on(after.spans, first) if after is not None else None
    return {
        "region": "" if named is None else named.region,
        "physician_code": "" if named is None else named.physician_code,
        "from": first.isoformat(),
        "to": dt.date.fromordinal(run[1]).isoformat(),
        "goes_on": run[1] == period[1],
        "days": _length(run),
        "rejected_days": sum(_length(_clipped(run, other)) for other in ruled[Disposition.REJECT]),
        "in_review_days": sum(_length(_clipped(run, other)) for other in ruled[Disposition.REVIEW]),
        "standing": _standing(after, first),
        "citations": [] if span is None else list(span.citations),
        "causes": [] if span is None else list(span.causes),
    }
