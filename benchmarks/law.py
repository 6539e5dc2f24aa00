"""How fast the law itself is, without Kafka: `python -m benchmarks.law` writes results/law.json and results/law.md.

Three figures. Folding: a dossier of 20 events read, ordered and told as a timeline, one core. A large dossier: how much dearer
one of 5,000 events is than one of 1,250, so that four is in proportion and sixteen the square. Deciding: `Screen.decide` over
frames in memory, with the standings of 200,000 physicians of three spans each, on as many threads as polars takes.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from benchmarks.report import Row
from pipeline.settings.packs import load_pack_set
from rules.events import CHINA, TYPES, Event
from rules.packs.pack import Pack
from rules.screens.facts import CLAIM_FACTS
from rules.screens.index import StandingIndex
from rules.screens.rows import day_number
from rules.screens.verdict import Screen
from rules.standing import timeline
from rules.timeline import PhysicianTimeline, Site, Span
from rules.vocabulary import Standing

RESULTS = Path(__file__).parent / "results"
REGION = "522700"
SEED = 20221226

DOSSIERS = 100_000
EVENTS = 20
LARGE = 5_000
"""The most events that a dossier may hold."""
FOLD_TARGET = 60.0
"""Seconds for DOSSIERS dossiers on one core."""

PHYSICIANS = 200_000
INSTITUTIONS = 2_000
CLAIMS = 1_000_000
KERNEL_TARGET = 1_500_000
"""Claims a second on two cores."""

_ITEMS = ((1, "QN-T1-01"), (1, "QN-T1-05"), (2, "QN-T2-02"), (3, "QN-T3-02"), (6, "QN-T6-03"), (12, "QN-T12-01"))
_DAYS = 1461


def dossier(number: int) -> list[Event]:
    """The events of one physician over four years, in the order of arrival, which is any order."""
    chance = random.Random(SEED + number)
    first = dt.date(2022, 12, 26)
    days = sorted(chance.randint(1, _DAYS) for _ in range(EVENTS - 1))
    events = [_event(number, 0, first, "registration", institution="H1")]
    refs: list[str] = []
    for place, day in enumerate(days, 1):
        date, roll = first + dt.timedelta(days=day), chance.random()
        if roll < 0.5 or not refs:
            points, item = chance.choices(_ITEMS, weights=(8, 8, 6, 4, 2, 1))[0]
            events.append(_event(number, place, date, "deduction", points=points, violation_id=item, institution="H1"))
            refs.append(events[-1].event_id)
        elif roll < 0.65:
            events.append(_event(number, place, date, "bonus", points=1, bonus_id="QN-B1"))
        elif roll < 0.8:
            events.append(_event(number, place, date, "reinstatement", institution="H1"))
        elif roll < 0.9:
            events.append(_event(number, place, date, "site_declaration", institution=chance.choice(("H2", "H3"))))
        else:
            kind = chance.choice(("notice_received", "appeal_filed", "appeal_upheld"))
            events.append(_event(number, place, date, kind, ref=chance.choice(refs)))
    chance.shuffle(events)
    return events


def _event(number: int, place: int, date: dt.date, kind: str, **fields: Any) -> Event:
    wire = {
        "event_id": f"{number}-{place}",
        "region": REGION,
        "date": date.isoformat(),
        "recorded_at": dt.datetime.combine(date, dt.time(9, 0, place), CHINA).isoformat(),
        "physician_code": f"D5227{number:08d}",
        **fields,
    }
    return msgspec.convert(wire, TYPES[kind])


def folding(pack: Pack, count: int) -> Row:
    """Seconds for 100,000 dossiers, from `count` measured; making the events does not count."""
    spent = 0.0
    for start in range(0, count, 1_000):
        batch = [dossier(number) for number in range(start, min(start + 1_000, count))]
        began = time.process_time()
        for events in batch:
            timeline(events, pack)
        spent += time.process_time() - began
    note = f"{EVENTS} events each, one core, CPU time"
    if count != DOSSIERS:
        note += f"; scaled from {count:,} measured"
    return Row("ledger", "fold and timeline of 100,000 dossiers", round(spent * DOSSIERS / count, 1), "s", note)


def large(pack: Pack) -> Row:
    """How many times as much CPU time the timeline of LARGE events takes as that of a quarter of them, in one run."""
    many = [event for number in range(LARGE // EVENTS) for event in dossier(number)]
    own = [msgspec.structs.replace(event, physician_code="D522700000000") for event in many]
    spent = []
    for size in (LARGE // 4, LARGE):
        best = float("inf")
        for _ in range(3):
            began = time.process_time()
            timeline(own[:size], pack)
            best = min(best, time.process_time() - began)
        spent.append(best)
    note = f"{spent[0] * 1000:.0f} and {spent[1] * 1000:.0f} ms of CPU time, the best of three; four would be in proportion"
    return Row(
        "large dossier",
        f"timeline of {LARGE:,} events over that of {LARGE // 4:,}",
        round(spent[1] / spent[0], 1),
        "x",
        note,
    )


def roster(physicians: int) -> StandingIndex:
    """Standings of three spans: before, in and after a penalty period, at a declared institution."""
    index = StandingIndex()
    chance = random.Random(SEED)
    for number in range(physicians):
        since = dt.date(2022, 1, 1) + dt.timedelta(days=chance.randint(0, 300))
        start = dt.date(2023, 1, 1) + dt.timedelta(days=chance.randint(0, 600))
        end = start + dt.timedelta(days=91)
        one = dt.timedelta(days=1)
        spans = (
            Span(since, start - one, Standing.NORMAL),
            Span(start, end, Standing.PENALTY, True, (start, end)),
            Span(end + one, None, Standing.NORMAL),
        )
        site = Site(_institution(chance.randint(1, INSTITUTIONS)), since)
        index.put(PhysicianTimeline(REGION, _physician(number), 1, spans, (site,)))
    return index


def _physician(number: int) -> str:
    return f"D5227{number:08d}"


def _institution(number: int) -> str:
    return f"H5227{number:07d}"


def claims(count: int, physicians: int) -> pl.DataFrame:
    """Claims of every encounter type, one in seven a stay, one in fifty without a physician."""
    rng = np.random.default_rng(SEED)
    # Few physicians have very many claims.
    who = (physicians * rng.random(count) ** 2).astype(np.int64)
    day = rng.integers(day_number(dt.date(2022, 11, 1)), day_number(dt.date(2024, 12, 31)), count)
    encounters = np.array(["outpatient", "inpatient", "maternity", "emergency", "rescue", "public_health_emergency"])
    encounter = rng.choice(encounters, count, p=(0.7, 0.2, 0.025, 0.06, 0.01, 0.005))
    stay = (encounter == "inpatient") & (rng.random(count) < 0.7)
    codes = pl.Series([_physician(number) for number in range(physicians)]).gather(who)
    places = pl.Series([_institution(number) for number in range(1, INSTITUTIONS + 1)])
    frame = pl.DataFrame(
        {
            "region": pl.repeat(REGION, count, eager=True),
            "physician_code": codes,
            "institution_code": places.gather(rng.integers(0, INSTITUTIONS, count)),
            "encounter_type": encounter,
            "day": day,
            "start_day": day - rng.integers(0, 20, count),
        }
    )
    return frame.select(
        "region",
        pl.when(pl.Series(rng.random(count) >= 0.02)).then("physician_code"),
        "institution_code",
        pl.col("encounter_type").cast(CLAIM_FACTS["encounter_type"]),
        pl.col("day").cast(pl.Int32),
        pl.when(pl.Series(stay)).then("start_day").cast(pl.Int32),
    )


def deciding(screen: Screen, index: StandingIndex, frame: pl.DataFrame, size: int, rounds: int) -> Row:
    """Claims a second in slices of `size`: the median of some rounds over the whole frame."""
    rates = []
    for _ in range(rounds):
        began = time.perf_counter()
        for at in range(0, len(frame), size):
            screen.decide(frame[at : at + size], index)
        rates.append(len(frame) / (time.perf_counter() - began))
    note = f"{len(frame):,} claims, {len(index):,} physicians of 3 spans, {pl.thread_pool_size()} threads"
    return Row("verdict kernel", f"slices of {size:,}", round(statistics.median(rates)), "claims/s", note)


def targets(rows: list[Row]) -> list[str]:
    """A line a target: what was wanted, what came out."""
    fold = next((row for row in rows if row.name == "ledger"), None)
    kernel = max((row for row in rows if row.name == "verdict kernel"), key=lambda row: row.value, default=None)
    lines = []
    if fold is not None:
        said = "met" if fold.value <= FOLD_TARGET else "MISSED"
        lines.append(f"100,000 dossiers of {EVENTS} events in at most {FOLD_TARGET:.0f} s: {fold.value} s, {said}")
    if kernel is not None:
        said = "met" if kernel.value >= KERNEL_TARGET else "MISSED"
        lines.append(f"at least {KERNEL_TARGET:,} claims/s: {kernel.value:,.0f} ({kernel.metric}), {said}")
    return lines


def page(rows: list[Row]) -> str:
    """The figures as a page."""
    lines = ["# The law, without Kafka", "", "| what | how | value | unit | note |", "|---|---|---:|---|---|"]
    lines += [f"| {row.name} | {row.metric} | {row.value:,} | {row.unit} | {row.note} |" for row in rows]
    lines += ["", *(f"* {line}" for line in targets(rows)), ""]
    lines.append(
        f"Python {platform.python_version()}, polars {pl.__version__}, {os.cpu_count()} cores, "
        f"load average of the last minute {os.getloadavg()[0]:.1f}; `python -m benchmarks.law`."
    )
    return "\n".join(lines) + "\n"


def measure(parts: set[str], dossiers: int, sizes: list[int], rounds: int, show: Callable[[str], Any]) -> list[Row]:
    """All figures asked for."""
    packs = load_pack_set()
    rows: list[Row] = []
    if "ledger" in parts:
        rows.append(folding(packs.for_region(REGION), dossiers))
        rows.append(large(packs.for_region(REGION)))
        for row in rows:
            show(f"{row.name}: {row.value} {row.unit} ({row.note})")
    if "kernel" in parts:
        screen, index, frame = Screen(packs), roster(PHYSICIANS), claims(CLAIMS, PHYSICIANS)
        for size in sizes:
            rows.append(deciding(screen, index, frame, size, rounds))
            show(f"{rows[-1].name}, {rows[-1].metric}: {rows[-1].value:,} {rows[-1].unit}")
    return rows


def main(arguments: list[str] | None = None) -> int:
    """0 when every target is met, 1 when one is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.law", description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=("ledger", "kernel"), action="append", help="only this part; writes nothing")
    parser.add_argument("--dossiers", type=int, default=DOSSIERS, help="how many to fold; fewer are scaled")
    parser.add_argument("--slices", type=int, nargs="+", default=[1_000, 5_000, 20_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args(arguments)
    rows = measure(set(asked.part or ("ledger", "kernel")), asked.dossiers, asked.slices, asked.rounds, print)
    if not asked.part:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "law.json").write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", "utf-8")
        (RESULTS / "law.md").write_text(page(rows), "utf-8")
    for line in targets(rows):
        print(line)
    return int(any("MISSED" in line for line in targets(rows)))


if __name__ == "__main__":
    raise SystemExit(main())
