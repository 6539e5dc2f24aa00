"""What sets duties running, against the oracle's own account of generated histories, events arriving in any order."""

from __future__ import annotations

from datetime import date

from rules.calendar import MONDAY_TO_FRIDAY
from rules.dossier import fold
from rules.duties import Duty, duties
from rules.standing import statement
from tests.oracle.days import ONE_DAY, corr, day, known, of
from tests.oracle.histories import generate
from tests.oracle.lanzhou import FIRST_DAY, LAST_DAY, keep_ledger
from tests.oracle.points import File, take, voided
from tests.oracle.qiannan import IN_FORCE, in_time, tell
from tests.support.against_oracle import arriving
from tests.support.law import pack

SEEDS = 1_500


def owed(locality: str, case: dict, seed: int) -> tuple[Duty, ...]:
    rules, file = pack(locality), fold(arriving(case, seed).events)
    return duties(file, statement(file, rules, calendar=MONDAY_TO_FRIDAY), rules, MONDAY_TO_FRIDAY)


def days(kind: str, found: tuple[Duty, ...]) -> set[date]:
    return {duty.raised_on for duty in found if duty.kind == kind}


def since_issue(found: set[date]) -> set[date]:
    return {on for on in found if on >= IN_FORCE}


def test_codes_are_locked_and_physicians_listed_on_the_days_on_which_the_oracle_decides_it():
    penalties = listings = 0
    for seed in range(SEEDS):
        case = generate("qiannan", seed)
        events = known(case)
        locked: set[date] = set()
        bans: dict[date, date] = {}
        for number in range(1, len(events) + 1):
            _, era = tell(events[:number], events, honour_late=False)
            locked |= {window.decided for window in era.windows}
            if era.listings:
                bans[era.listings[0]] = era.ban()[1] + ONE_DAY
        found = owed("qiannan", case, seed)
        assert days("lock_code", found) == since_issue(locked), seed
        assert days("blacklist_referral", found) == since_issue(set(bans)), seed
        opened = {(duty.raised_on, duty.due_on) for duty in found if duty.kind == "reapply_after_ban"}
        assert opened == {(on, end) for on, end in bans.items() if on >= IN_FORCE}, seed
        penalties, listings = penalties + len(locked), listings + len(bans)
    assert penalties > 1_000
    assert listings > 300


def test_a_notice_is_settled_or_void_as_the_oracle_reads_the_review():
    voids = 0
    for seed in range(SEEDS):
        case = generate("qiannan", seed)
        events = known(case)
        deductions = {e["id"] for e in of(events, "deduction")}
        upheld = {e["ref"]: e.get("revised_points") or 0 for e in of(events, "appeal_upheld") if e["ref"] in deductions}
        gone = {ref for ref, left in upheld.items() if not left and in_time(ref, events)}
        served = {e["ref"]: day(e["date"]) for e in reversed(of(events, "notice_received"))}
        expected = sorted((on, ref in gone) for ref, on in served.items() if on >= IN_FORCE)
        found = {
            (duty.trigger_id, duty.raised_on): duty.void
            for duty in owed("qiannan", case, seed)
            if duty.kind == "review_request"
        }
        assert sorted((on, void) for (_, on), void in found.items()) == expected, seed
        voids += len(gone)
    assert voids > 50


def test_the_cancelled_of_lanzhou_may_return_on_the_day_that_the_oracle_counts():
    cancelled = 0
    for seed in range(SEEDS):
        case = generate("lanzhou", seed)
        events = known(case)
        ledger = keep_ledger(events, of(events, "agreement"))
        expected = {
            (kind, on, corr(on, months) + ONE_DAY)
            for number, (on, _) in enumerate(ledger.cancellations)
            for kind, months in [("reapply_first", 12) if number == 0 else ("reapply_second", 60)]
            if FIRST_DAY <= on <= LAST_DAY
        }
        found = owed("lanzhou", case, seed)
        assert {(d.kind, d.raised_on, d.due_on) for d in found if d.kind.startswith("reapply")} == expected, seed
        cancelled += len(expected)
    assert cancelled > 200


def test_every_mark_that_a_decision_passes_owes_its_act_as_the_oracle_counts_the_cycle():
    """D3: the cycle before a decision and what the decision added to the year say which marks it passed."""
    talks = 0
    for seed in range(SEEDS):
        case = generate("qiannan", seed)
        events = known(case)
        passed: dict[str, set[date]] = {"caution_talk": set(), "warning_talk": set()}
        for number, event in enumerate(events):
            on = day(event["date"])
            if event["type"] != "deduction" or on < IN_FORCE:
                continue
            before = tell(events[:number], events, honour_late=False)[0].get(on.year)
            after = tell(events[: number + 1], events, honour_late=False)[0].get(on.year)
            if after is None:
                continue
            low = before.cycle if before else 0
            high = low + after.total - (before.total if before else 0)
            for kind, mark in (("caution_talk", 6), ("warning_talk", 10)):
                if low < mark <= high:
                    passed[kind].add(on)
        found = owed("qiannan", case, seed)
        for kind, days_passed in passed.items():
            assert days(kind, found) == days_passed, (seed, kind)
        talks += len(passed["warning_talk"])
    assert talks > 500


def test_a_provinces_points_owe_talks_marks_and_new_filings_as_the_oracle_counts_them():
    """The talk at its mark, the marking of every suspension and termination, and the day from which a new filing is possible."""
    talks = bars = 0
    for seed in range(SEEDS // 5):
        case = generate("national_points", seed)
        events = known(case)
        file = File(date.max)
        voids = voided(events)
        expected: dict[str, set[str | None]] = {"talk": set(), "mark_person": set()}
        ends: dict[str, date] = {}
        for event in events:
            on = day(event["date"])
            before, statuses, ended = file.totals.get(on.year, 0), len(file.statuses), len(file.terminations)
            take(file, event, *voids)
            if event["type"] != "points_recorded":
                continue
            if before < 6 <= file.totals.get(on.year, 0):
                expected["talk"].add(event["id"])
            if len(file.statuses) > statuses:
                expected["mark_person"].add(event["id"])
            if len(file.terminations) > ended:
                ends[event["id"]] = on
        found = owed("national_points", case, seed)
        for kind, decisions in expected.items():
            assert {
                duty.trigger_id for duty in found if duty.kind == kind and duty.trigger_id[0] != "s"
            } == decisions, (
                seed,
                kind,
            )
        assert {duty.trigger_id: duty.raised_on for duty in found if duty.kind == "file_anew"} == ends, seed
        talks, bars = talks + len(expected["talk"]), bars + len(ends)
    assert talks > 100
    assert bars > 50
