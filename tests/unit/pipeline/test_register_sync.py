"""A roster against the log: only what it says beyond it becomes events, and what was sent once makes no difference any more."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from pathlib import Path

import msgspec
import polars as pl
import pytest

from pipeline.cli.telling import tell_bad_lines
from pipeline.inputs.errors import MappingError
from pipeline.inputs.registers import load_event_mapping, parse_event_mapping
from pipeline.register.difference import Change, Difference, Owner, difference
from pipeline.register.sync import ends_of, read_roster, too_many_ends
from pipeline.settings.packs import load_pack_set
from rules.dossier import fold
from rules.events import Event, encode
from rules.standing import span_on, timeline
from rules.timeline import Site
from rules.vocabulary import SiteStatus, Standing
from tests.support.histories import history, make
from topics.events.acceptance import Accepted, accept, owner_code

PACKS = load_pack_set(None, ())
DAY = dt.date(2026, 3, 2)
NATIONAL, HOSPITAL, OTHER = "110000", "H11010100001", "H11010100002"
Row = tuple[str, str, str]
"""Physician, institution, first day; a fourth would be the end."""


class Log:
    """What is recorded, and files that are synchronised with it."""

    def __init__(self, folder: Path, *events: Event) -> None:
        self.folder = folder
        self.events: list[Event] = list(events)

    def add(self, kind: str, day: str, code: str = "D1", **fields: object) -> None:
        """An event that came from elsewhere."""
        told = {"region": NATIONAL, "physician_code": code, "institution": HOSPITAL, **fields}
        self.events.append(make(kind, day, 1_000 + len(self.events), **told))

    def compare(
        self, rows: Sequence[Sequence[str]], day: dt.date = DAY, name: str = "national-registry", region: str = NATIONAL
    ) -> Difference:
        """The difference of a roster of physician, institution, first day, and perhaps a last one."""
        path = self.folder / "roster.csv"
        columns = ["prac_psn_code", "fixmedins_code", "begntime", "endtime"]
        filled = [[*row, *[""] * (4 - len(row))] for row in rows]
        frame = pl.DataFrame(filled, schema=columns, orient="row").with_columns(
            hi_dr_flag=pl.when(pl.col("endtime") == "").then(pl.lit("1")).otherwise(pl.lit("0"))
        )
        frame.write_csv(path)
        mapping = load_event_mapping(name).given({"region": region})
        roster = read_roster(str(path), mapping, None, PACKS)
        log: dict[Owner, list[Event]] = {}
        for event in self.events:
            log.setdefault(("physician", event.region, owner_code(event)), []).append(event)
        return difference(log, roster.events, PACKS, day, ends_of(mapping, roster))

    def sync(
        self, rows: Sequence[Sequence[str]], day: dt.date = DAY, name: str = "national-registry", region: str = NATIONAL
    ) -> list[tuple[str, str, str]]:
        """Applies the difference, sees that nothing is left of it, and tells it: kind, type of the event and physician."""
        found = self.compare(rows, day, name, region)
        for change in found.changes:
            assert isinstance(accept(wire(change), PACKS), Accepted)
        self.events += [change.event for change in found.changes]
        again = self.compare(rows, day, name, region)
        assert again.changes == []
        return [(item.kind, item.event.type_name, item.event.physician_code or "") for item in found.changes]

    def paid(self, code: str, institution: str = HOSPITAL, day: dt.date = DAY, region: str = NATIONAL) -> bool:
        """Whether the person may be paid there on the day, by the ledger's fold."""
        own = fold(event for event in self.events if event.physician_code == code and event.region == region)
        now = timeline(own, PACKS.law(region), region=region, physician_code=code)
        span = span_on(now.spans, day)
        return (
            span is not None
            and span.standing is Standing.NORMAL
            and any(
                isinstance(site, Site)
                and site.institution_code == institution
                and site.status is SiteStatus.DECLARED
                and (site.start is None or site.start <= day)
                and (site.end is None or day <= site.end)
                for site in now.sites
            )
        )


def wire(change: Change) -> bytes:
    """The event as it is sent."""
    return encode(change.event)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """An empty log."""
    return Log(tmp_path)


FULL = [(f"D{number}", HOSPITAL, "2025-02-01") for number in range(1, 5)]


def test_a_first_roster_is_added_and_the_same_once_more_says_nothing(log: Log) -> None:
    assert log.sync(FULL) == [("added", "registration", f"D{number}") for number in range(1, 5)]
    assert log.compare(FULL).same == 4


def test_what_stands_in_the_log_under_another_id_is_not_sent_again(log: Log) -> None:
    for code, _, _ in FULL:
        log.add("registration", "2025-02-01", code)
    assert log.sync(FULL) == []


def test_an_id_that_the_log_has_for_something_else_is_not_used_again(tmp_path: Path) -> None:
    """A registration without training stood under the id that the roster's would have."""
    log = Log(tmp_path)
    told = {"region": "522700", "institution": "H52270100001"}
    taken = "national-registry:registration:522700:D1:H52270100001:2023-02-01"
    log.add("registration", "2023-02-01", event_id=taken, training=False, **told)
    [change] = log.compare([("D1", "H52270100001", "2023-02-01")], region="522700").changes
    assert change.event.event_id.startswith(f"{taken}:")
    assert log.sync([("D1", "H52270100001", "2023-02-01")], region="522700") == [("changed", "registration", "D1")]


def test_an_earlier_first_day_is_a_change_and_a_later_one_is_kept_as_recorded_and_told(log: Log) -> None:
    log.add("registration", "2025-06-01", "D1")
    log.add("registration", "2025-01-05", "D2")
    found = log.compare([("D1", HOSPITAL, "2025-02-01"), ("D2", HOSPITAL, "2025-02-01")])
    assert [(item.kind, item.event.physician_code, item.was) for item in found.changes] == [
        ("changed", "D1", "normal, declared since 2025-06-01")
    ]
    [kept] = found.kept
    assert (kept.code, "since 2025-01-05 and keeps it" in kept.why) == ("D2", True)


def test_who_is_named_no_more_is_ended_and_who_is_named_again_has_never_been(log: Log) -> None:
    log.sync(FULL)
    later = DAY + dt.timedelta(days=30)
    assert log.sync(FULL[1:]) == [("ended", "status", "D1")]
    assert (log.paid("D1"), log.paid("D2"), log.paid("D1", day=DAY - dt.timedelta(days=1))) == (False, True, True)
    assert log.sync(FULL, later) == [("changed", "status_corrected", "D1")]
    assert log.paid("D1"), "a gap in one export is no end"
    for _ in range(2):
        assert log.sync(FULL[1:], later) == [("ended", "status", "D1")], "and it can be ended anew, also on one day"
        assert not log.paid("D1", day=later)
        assert log.sync(FULL, later) == [("changed", "status_corrected", "D1")]


def test_who_comes_back_with_a_new_first_day_was_away_until_then(log: Log) -> None:
    log.sync(FULL)
    log.sync(FULL[1:])
    back = DAY + dt.timedelta(days=60)
    assert ("changed", "status", "D1") in log.sync([("D1", HOSPITAL, str(back)), *FULL[1:]], back)
    assert [log.paid("D1", day=back + dt.timedelta(days=away)) for away in (-1, 0)] == [False, True]


def test_an_end_that_the_file_states_itself_counts_from_its_day(log: Log) -> None:
    log.sync(FULL)
    ended = [("D1", HOSPITAL, "2025-02-01", "2026-01-15"), *FULL[1:]]
    assert log.sync(ended) == [("ended", "status", "D1")]
    assert [log.paid("D1", day=dt.date(2026, 1, day)) for day in (14, 15)] == [True, False]


def test_a_file_speaks_for_its_institutions_alone(log: Log) -> None:
    log.sync(FULL)
    assert log.sync([("D9", OTHER, "2025-02-01")]) == [("added", "registration", "D9")]


def test_who_is_declared_elsewhere_too_is_not_ended_as_a_person_and_it_is_said(log: Log) -> None:
    log.sync([*FULL, ("D1", OTHER, "2025-03-01")])
    found = log.compare(FULL[1:])
    assert (found.changes, found.unsaid[0].code) == ([], "D1")
    assert f"declared at {OTHER} as well" in found.unsaid[0].why
    both = log.compare([*FULL[1:], ("D1", OTHER, "2025-03-01")])
    assert (both.changes, len(both.unsaid)) == ([], 1)


def test_an_agencys_decision_is_not_for_a_roster_to_lift_or_to_end(log: Log) -> None:
    log.sync(FULL)
    log.add("status", "2026-02-01", "D1", status="terminated")
    assert log.sync(FULL) == []
    assert log.sync(FULL[1:]) == []
    assert not log.paid("D1")


def test_where_the_scheme_knows_no_end_it_is_said_and_nothing_is_sent(tmp_path: Path) -> None:
    log = Log(tmp_path)
    rows = [(f"D{number}", "H52270100001", "2023-02-01") for number in range(1, 4)]
    assert len(log.sync(rows, region="522700")) == 3
    found = log.compare(rows[1:], region="522700")
    assert (found.changes, len(found.unsaid)) == ([], 1)
    assert "status does not exist in the law of 522700 and would bind in every area" in found.unsaid[0].why


def test_a_mapping_may_end_a_site_with_an_event_of_its_scheme(log: Log, tmp_path: Path) -> None:
    text = (Path("pipeline/inputs/mappings/registers/national-registry.yaml")).read_text("utf-8")
    own = text.replace("type: status, fields: {status: {constant: terminated}}", "type: opt_out").partition(
        "  - type: status"
    )
    (tmp_path / "own.yaml").write_text(own[0], "utf-8")
    name, rows = (
        str(tmp_path / "own.yaml"),
        [("D1", "H52270100001", "2023-02-01"), ("D2", "H52270100001", "2023-02-01")],
    )
    log.sync(rows, name=name, region="522700")
    assert log.sync(rows[1:], name=name, region="522700") == [("ended", "opt_out", "D1")]


def test_a_mapping_may_end_one_site_of_a_person_who_practises_elsewhere_as_well(log: Log, tmp_path: Path) -> None:
    text = Path("pipeline/inputs/mappings/registers/national-registry.yaml").read_text("utf-8")
    own = text.replace("type: status, fields: {status: {constant: terminated}}", "type: site_ended")
    (tmp_path / "own.yaml").write_text(own, "utf-8")
    name = str(tmp_path / "own.yaml")
    log.sync([*FULL, ("D1", OTHER, "2025-02-01")], name=name)
    assert log.sync(FULL[1:], name=name) == [("ended", "site_ended", "D1")]
    assert (log.paid("D1"), log.paid("D1", OTHER)) == (False, True)


def test_lines_that_cannot_be_read_end_nobody_for_being_absent(log: Log) -> None:
    log.sync(FULL)
    found = log.compare([("D2", HOSPITAL, "soon"), *FULL[2:]])
    assert found.changes == []


def test_a_line_of_which_one_event_is_wrong_says_nothing_at_all_and_no_value_is_told_as_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line that registers and declares: where the second cannot be read, the first is not sent either."""
    mapping = tmp_path / "m.yaml"
    fields = "physician_code: code, institution: hospital, region: {constant: '110000'}"
    mapping.write_text(f"""name: m
about: m
kind: events
events:
- {{type: registration, fields: {{{fields}, date: {{column: first, date: [yyyy-MM-dd]}}}}}}
- {{type: site_declaration, when: {{column: flag, values: ["1"], others: ["0"]}},
    fields: {{{fields}, date: {{column: second, date: [yyyy-MM-dd]}}}}}}
""", "utf-8")  # fmt: skip
    file = tmp_path / "roster.csv"
    file.write_text("code,hospital,first,second,flag\nD1,H1,2025-02-01,2025-02-02,1\nD2,H1,2025-02-01,soon,1\n"
                    "D3,H1,2025-02-01,2025-02-02,\nD4,H1,2025-02-01,,0\nD5,H1,2025-02-01,2025-02-02,\n", "utf-8")  # fmt: skip

    roster = read_roster(str(file), load_event_mapping(str(mapping)), None, PACKS)

    assert [(event.type_name, event.physician_code) for event in roster.events] == [
        ("registration", "D1"), ("site_declaration", "D1"), ("registration", "D4"),
    ]  # fmt: skip
    assert [bad.number for bad in roster.bad] == [3, 4, 6]
    assert roster.bad[1].reason == "site_declaration: flag is empty; the mapping knows 1, 0"
    counts = roster.counts
    assert counts.lines + counts.further == len(roster.events) + len(roster.bad) + counts.blank
    tell_bad_lines(roster.bad, 20)
    told = capsys.readouterr().err
    assert "2 lines (4, 6): site_declaration: flag is empty" in told
    assert len(told.splitlines()) == 2, "each cause once"


def test_a_list_of_exclusions_ends_whom_it_names_and_gives_back_whom_it_names_no_more(log: Log) -> None:
    log.sync(FULL)
    name = "exclusion-list"
    listed = [("D1", "", "2026-01-10"), ("D2", "", "2026-01-11")]
    assert log.sync(listed, name=name) == [("ended", "status", "D1"), ("ended", "status", "D2")]
    assert log.sync(FULL) == [], "a roster that names them does not lift the exclusion"
    assert log.sync(listed[1:], name=name) == [("changed", "status", "D1")]
    assert (log.paid("D1"), log.paid("D2")) == (True, False)
    assert log.sync(listed, name=name) == [("ended", "status_corrected", "D1")]
    assert not log.paid("D1", day=dt.date(2026, 1, 10))


def test_a_list_does_not_give_back_whom_somebody_else_has_barred(log: Log) -> None:
    log.sync(FULL)
    log.sync([("D1", "", "2026-01-10"), ("D2", "", "2026-01-10")], name="exclusion-list")
    log.add("status", "2026-02-01", "D1", status="terminated")
    assert log.sync([("D2", "", "2026-01-10")], name="exclusion-list") == []


# -- how many may be ended ----------------------------------------------------------------------------------------


def test_an_accidental_mass_end_is_refused_with_the_number_that_would_allow_it(log: Log) -> None:
    many = [(f"D{number}", HOSPITAL, "2025-02-01") for number in range(200)]
    log.sync(many)
    few = log.compare(many[10:])
    assert (len(few.of_kind("ended")), too_many_ends(few, None)) == (10, None)
    half = log.compare(many[11:])
    why = too_many_ends(half, None)
    assert why is not None
    assert why.startswith("11 would be ended, of 200 whom the log knows there; without being asked for 10 may be")
    assert "--allow-ends 11" in why
    assert (too_many_ends(half, 11), too_many_ends(half, 10)) == (None, "11 would be ended, and --allow-ends allows 10")
    assert too_many_ends(few, 0) is not None


def test_in_a_small_practice_three_may_be_ended_and_in_a_large_one_fifty(log: Log) -> None:
    log.sync(FULL)
    assert too_many_ends(log.compare(FULL[3:]), None) is None
    one = log.compare(FULL[3:]).of_kind("ended")[0]
    assert too_many_ends(Difference([one] * 50, known=100_000), None) is None
    assert too_many_ends(Difference([one] * 51, known=100_000), None) is not None


# -- any history, any sequence of files ---------------------------------------------------------------------------


@pytest.mark.parametrize("locality", ["national", "qiannan", "lanzhou"])
def test_whatever_the_log_holds_and_whatever_files_follow_each_applied_once_leaves_no_difference(
    tmp_path: Path, locality: str
) -> None:
    region = {"national": NATIONAL, "qiannan": "522700", "lanzhou": "620100"}[locality]
    first = {"national": 2025, "qiannan": 2023, "lanzhou": 2014}[locality]
    for seed in range(6):
        chance = random.Random(f"{locality}-{seed}")
        log, codes = Log(tmp_path), [f"P{number}" for number in range(8)]
        for number, code in enumerate(codes[:5]):
            log.events += [make_of(event, region, code, f"{code}-") for event in history(locality, seed * 10 + number)]
        day = dt.date(first + 3, 1, 1)
        for _ in range(4):
            rows = [
                (
                    code,
                    chance.choice(["H1", "H2"]),
                    str(dt.date(first, 1, 3) + dt.timedelta(days=chance.randint(0, 900))),
                )
                for code in codes
                if chance.random() < 0.7
            ]
            log.sync(rows or [(codes[0], "H1", f"{first}-02-01")], day, region=region)
            day += dt.timedelta(days=chance.choice([0, 1, 40]))


def make_of(event: Event, region: str, code: str, prefix: str) -> Event:
    """The event of a generated history as that of another person."""
    changes = {"region": region, "physician_code": code, "event_id": prefix + event.event_id}
    if hasattr(event, "ref"):
        changes["ref"] = prefix + event.ref
    return msgspec.structs.replace(event, **changes)


# -- the mapping --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ended", "told"),
    [
        ("{who: declared, type: nothing}", "no event of a person is called 'nothing'"),
        ("{who: declared, type: institution_ended}", "no event of a person"),
        ("{who: declared, type: status}", "a status needs status"),
        ("{who: declared, type: status, fields: {status: column}}", "give a constant"),
        ("{who: declared, type: opt_out, fields: {colour: {constant: x}}}", "has no field colour"),
        ("{who: somebody, type: opt_out}", "declared"),
    ],
)
def test_an_end_that_is_no_event_is_told_when_the_mapping_is_loaded(ended: str, told: str) -> None:
    text = f"""name: m
about: m
kind: events
ended: {ended}
events: [{{type: registration, fields: {{physician_code: a, institution: b, region: c, date: {{column: d, date: yyyy-MM-dd}}}}}}]
"""
    with pytest.raises(MappingError) as problem:
        parse_event_mapping(text, "m.yaml")
    assert told in str(problem.value)
