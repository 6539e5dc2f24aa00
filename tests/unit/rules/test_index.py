"""The standing index: names looked up by columns, counts, gaps, overlapping sites, evidence, reclaimed rows."""

from __future__ import annotations

import datetime as dt
import random

import numpy as np
import polars as pl
import pytest

from pipeline.settings.packs import load_pack_set
from rules.screens import names as names_module
from rules.screens import ragged
from rules.screens.facts import CLAIM_FACTS
from rules.screens.index import StandingIndex
from rules.screens.names import Names
from rules.screens.rows import day_number
from rules.screens.verdict import Screen
from rules.timeline import InstitutionSpan, InstitutionTimeline, PhysicianTimeline, Site, Span
from rules.vocabulary import InstitutionStanding, SiteStatus, Standing

REGION = "522700"
SCREEN = Screen(load_pack_set())


def at(day: str) -> dt.date:
    return dt.date.fromisoformat(day)


def column(chance: random.Random, known: int, length: int) -> list[str | None]:
    return [None if chance.random() < 0.05 else f"n{chance.randint(0, known * 5 // 4)}" for _ in range(length)]


def expected(names: Names, asked: list[str | None]) -> list[int]:
    return [-1 if name is None or names.get(name) is None else names.get(name) for name in asked]


@pytest.mark.parametrize("hashing", ["as it is", "all alike", "two by two"])
def test_a_column_of_names_is_looked_up_as_one_by_one(hashing, monkeypatch):
    """Also while names are added, and also when different names have one hash."""
    plain = names_module._hashes
    if hashing == "all alike":
        monkeypatch.setattr(names_module, "_hashes", lambda column: np.full(len(column), 7, np.uint64))
    elif hashing == "two by two":
        monkeypatch.setattr(names_module, "_hashes", lambda column: plain(column.str.replace(r"[02468]$", "e")))
    chance, names = random.Random(5), Names()
    for known in (0, 10, 1_500, 1_600, 4_000):
        for number in range(len(names), known):
            assert names.number(f"n{number}") == number
        for length in (1, 300, 2_000):
            asked = column(chance, known, length)
            found = names.find(pl.Series(asked, dtype=pl.String))
            assert found.tolist() == expected(names, asked)
            assert found.dtype == np.int32
    assert len(names) == 4_000
    assert "n3999" in names
    assert "n4000" not in names


def physician(number: int, revision: int = 1, spans=None, sites=("H1",)) -> PhysicianTimeline:
    spans = (Span(at("2023-01-01"), None, Standing.NORMAL),) if spans is None else spans
    return PhysicianTimeline(REGION, f"P{number}", revision, spans, sites)


def facts(index: StandingIndex, day: str, *codes: str | None, institution: str = "H1", **more) -> pl.DataFrame:
    """Decided claims of one day, a claim a code; `span` and the like for `causes`."""
    rows = [
        {
            "region": REGION,
            "physician_code": code,
            "institution_code": institution,
            "encounter_type": "outpatient",
            "day": day_number(at(day)),
            "start_day": None,
        }
        for code in codes
    ]
    schema = {name: CLAIM_FACTS[name] for name in rows[0]}
    decided = SCREEN.decide(pl.DataFrame(rows, schema=schema), index, **more)
    reasons = [str(SCREEN.rulings[ruling].reason) for ruling in decided["ruling"].to_list()]
    return decided.with_columns(pl.Series("reason", reasons))


def test_physicians_are_counted_once_whatever_their_revision():
    index = StandingIndex()
    index.put(physician(1, revision=2))
    index.put(physician(1, revision=2))
    index.put(physician(2, revision=0))
    assert (len(index), index.revision(f"{REGION}|P1"), index.revision(f"{REGION}|P2")) == (2, 2, 0)
    index.drop(f"{REGION}|P1")
    index.drop(f"{REGION}|P1")
    index.drop(f"{REGION}|unknown")
    assert (len(index), index.revision(f"{REGION}|P1")) == (1, None)
    index.put_unreadable(f"{REGION}|P3")
    assert (len(index), index.revision(f"{REGION}|P3")) == (2, None)
    index.put(physician(1, revision=3))
    assert (len(index), index.revision(f"{REGION}|P1")) == (3, 3)


def test_a_dropped_institution_is_forgotten_and_an_unknown_one_is_no_error():
    index = StandingIndex()
    ended = InstitutionSpan(at("2023-02-01"), None, InstitutionStanding.TERMINATED, (), ("o1",))
    index.put(physician(1))
    index.put_institution(InstitutionTimeline(REGION, "H1", 1, (ended,)))
    assert index.institutions == 1
    assert facts(index, "2023-03-01", "P1")["reason"].to_list() == ["institution_agreement_terminated"]
    index.drop_institution(f"{REGION}|H1")
    index.drop_institution(f"{REGION}|nowhere")
    assert index.institutions == 0
    assert facts(index, "2023-03-01", "P1")["reason"].to_list() == ["ok"]


def test_days_that_no_span_covers_are_unregistered_and_have_no_evidence():
    index = StandingIndex()
    first = Span(at("2023-01-01"), at("2023-01-31"), Standing.NORMAL, causes=("a", "b"))
    second = Span(at("2023-03-01"), at("2023-03-31"), Standing.NORMAL, causes=("c",))
    index.put(physician(1, spans=(first, second)))
    told = {}
    for day in ("2022-12-31", "2023-01-31", "2023-02-01", "2023-03-31", "2023-04-01"):
        decided = facts(index, day, "P1").row(0, named=True)
        told[day] = decided["reason"], index.causes(decided["span"], decided["institution_span"])
    gap = ("physician_unregistered", ())
    assert told == {
        "2022-12-31": gap,
        "2023-01-31": ("ok", ("a", "b")),
        "2023-02-01": gap,
        "2023-03-31": ("ok", ("c",)),
        "2023-04-01": gap,
    }


def test_evidence_is_the_physicians_and_the_institutions():
    index = StandingIndex()
    index.put(physician(1, spans=(Span(None, None, Standing.NORMAL, causes=("a",)),)))
    ended = InstitutionSpan(at("2023-02-01"), None, InstitutionStanding.TERMINATED, (), ("o1", "o2"))
    index.put_institution(InstitutionTimeline(REGION, "H1", 1, (ended,)))
    decided = facts(index, "2023-02-01", "P1").row(0, named=True)
    assert index.causes(decided["span"], decided["institution_span"]) == ("a", "o1", "o2")
    assert index.causes(-1, -1) == ()


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_declarations_that_cover_a_day_the_one_that_began_last_holds(turned):
    sites = [Site("H1", at("2023-01-01"), None, SiteStatus.OPTED_OUT), Site("H1", at("2023-06-01"))]
    index = StandingIndex()
    index.put(physician(1, sites=tuple(reversed(sites) if turned else sites)))
    assert facts(index, "2023-05-31", "P1")["reason"].to_list() == ["opted_out"]
    assert facts(index, "2023-06-01", "P1")["reason"].to_list() == ["ok"]


def test_a_stale_register_still_lets_the_claim_alone_decide():
    index = StandingIndex()
    index.put(physician(1))
    assert facts(index, "2023-02-01", "P1", None, stale=True)["reason"].to_list() == [
        "standing_stale",
        "physician_missing",
    ]
    assert facts(index, "2022-12-25", "P1", stale=True)["reason"].to_list() == ["rule_not_in_force"]
    index.put_unreadable(f"{REGION}|P1")
    assert facts(index, "2023-02-01", "P1", stale=True)["reason"].to_list() == ["standing_unreadable"]
    assert facts(index, "2022-12-25", "P1")["reason"].to_list() == ["rule_not_in_force"]


def test_replaced_rows_are_reclaimed_and_the_live_ones_stay(monkeypatch):
    monkeypatch.setattr(ragged, "_RECLAIM_ABOVE", 20)
    chance, index, latest = random.Random(3), StandingIndex(), {}
    for step in range(400):
        number = chance.randint(1, 9)
        days = sorted(chance.sample(range(365), chance.randint(1, 4)))
        starts = [at("2023-01-01") + dt.timedelta(days=day) for day in days]
        ends = [start - dt.timedelta(days=1) for start in starts[1:]] + [None]
        spans = tuple(
            Span(start, end, Standing.NORMAL, causes=(f"{step}-{place}",))
            for place, (start, end) in enumerate(zip(starts, ends, strict=True))
        )
        index.put(physician(number, spans=spans))
        latest[f"P{number}"] = spans
        day = at("2023-01-01") + dt.timedelta(days=chance.randint(0, 364))
        decided = facts(index, day.isoformat(), *latest)
        for spans, line in zip(latest.values(), decided.iter_rows(named=True), strict=True):
            wanted = next((span.causes for span in spans if span.start <= day <= (span.end or dt.date.max)), ())
            assert index.causes(line["span"], line["institution_span"]) == wanted
