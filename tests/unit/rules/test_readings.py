"""Every open point of the spec is a named setting, and its rival really gives another outcome.

The file is long because its table has a row for every reading of every scheme, and a test asks that none is missing.
"""

from __future__ import annotations

from importlib import resources

import pytest

from pipeline.conformance.cases import read_case
from pipeline.settings.packs import read_packs
from rules.packs.pack import PackError, parse_pack
from rules.packs.readings import settings, with_readings
from rules.schemes.lanzhou.institutions import assess
from rules.schemes.lanzhou.parameters import LanzhouLedger
from rules.schemes.national.parameters import NationalLedger
from rules.schemes.sections import Param
from rules.standing import statement
from tests.support.law import agreement, bonus, deduction, event, judge, ledger, pack, registration, reinstatement

REG = registration("2023-01-03")
TWELVE = [REG, deduction("2023-05-04", 6, id="d1"), deduction("2023-05-10", 6, id="d2")]
NOTICE = event("notice_received", "2023-05-15", ref="d2")
LZ = [registration("2014-07-05"), agreement("2014-07-05", "2016-07-04")]
NA = [registration("2025-01-02"), event("status", "2025-03-01", status="suspended", until="2025-05-31", id="s1")]


def twice_six(date, **fields):
    return deduction(date, 12, "QN-T6-02", cases=2, **fields)


DISPOSITION = ("disposition",)
Q, L, N, X = "qiannan", "lanzhou", "national", "xiamen"

# locality, setting, option, history, service date, how to ask, fields, by default, by the rival
LEDGER = [
    (Q, "penalty_counting", "from_decision_day", TWELVE, "2023-05-10", {}, DISPOSITION, ["pay"], ["reject"]),
    (Q, "penalty_counting", "full_calendar_months", TWELVE, "2023-05-20", {}, DISPOSITION, ["reject"], ["pay"]),
    (
        Q,
        "penalty_counting",
        "full_calendar_months",
        TWELVE,
        "2023-08-31",
        {},
        ("standing",),
        ["pending_reinstatement"],
        ["penalty"],
    ),
    (
        Q,
        "penalty_counting",
        "from_notice_receipt",
        [*TWELVE, NOTICE],
        "2023-05-15",
        {},
        ("standing",),
        ["penalty"],
        ["penalty_pending"],
    ),
    (Q, "after_expiry", "valid_on_expiry", TWELVE, "2023-08-11", {}, DISPOSITION, ["reject"], ["pay"]),
    (
        Q,
        "year_tests_counter",
        "cycle",
        [*TWELVE, deduction("2023-05-12", 6)],
        "2023-05-13",
        {},
        ("standing",),
        ["blacklisted"],
        ["penalty"],
    ),
    (
        Q,
        "points_above_full",
        "carried",
        [REG, deduction("2023-02-01", 9, "QN-T3-02", cases=3), deduction("2023-03-01", 6), reinstatement("2023-06-02")],
        "2023-06-02",
        {},
        ("points_remaining",),
        [12],
        [9],
    ),
    (
        Q,
        "year_of_deduction",
        "violation_date",
        [REG, deduction("2023-12-01", 6), deduction("2024-01-10", 6, violation_date="2023-12-20")],
        "2024-01-11",
        {},
        DISPOSITION,
        ["pay"],
        ["reject"],
    ),
    (
        Q,
        "bonus_effect",
        "may_cut_running_penalty",
        [REG, deduction("2023-05-10", 12, "QN-T3-02", cases=4), bonus("2023-05-20", 5)],
        "2023-05-21",
        {},
        ("standing",),
        ["penalty"],
        ["pending_reinstatement"],
    ),
    (
        Q,
        "year_tests_bonus",
        "gross",
        [REG, bonus("2023-02-01", 2), deduction("2023-03-01", 12, "QN-T3-02", cases=4), deduction("2023-04-01", 6)],
        "2023-04-02",
        {},
        ("standing",),
        ["penalty"],
        ["blacklisted"],
    ),
    (
        Q,
        "ban_length_unit",
        "months",
        [REG, deduction("2023-05-10", 12)],
        "2023-12-01",
        {},
        ("reason",),
        ["blacklisted"],
        ["physician_unregistered"],
    ),
    (
        Q,
        "twelve_at_once",
        "decision_total",
        [REG, twice_six("2023-05-10")],
        "2023-05-11",
        {},
        ("standing",),
        ["penalty"],
        ["blacklisted"],
    ),
    (
        Q,
        "ban_without_running_penalty",
        "from_last_penalty_end",
        [*TWELVE, reinstatement("2023-08-11"), deduction("2023-12-01", 6)],
        "2023-12-02",
        {},
        ("ban_period",),
        [["2023-12-02", "2026-12-01"]],
        [["2023-08-11", "2026-08-10"]],
    ),
    (
        Q,
        "relisting",
        "latest_decision",
        [*TWELVE, deduction("2023-09-01", 6), deduction("2023-10-09", 1)],
        "2023-10-10",
        {},
        ("ban_period",),
        [["2023-09-02", "2026-09-01"]],
        [["2023-10-10", "2026-10-09"]],
    ),
    (
        Q,
        "overlapping_windows",
        "consecutive",
        [REG, twice_six("2023-12-20"), twice_six("2024-01-10")],
        "2025-01-20",
        {},
        ("standing",),
        ["pending_reinstatement"],
        ["penalty"],
    ),
    (
        Q,
        "long_window",
        "added",
        [REG, twice_six("2023-02-01"), reinstatement("2023-05-02"), twice_six("2024-02-01")],
        "2025-02-02",
        {},
        ("standing",),
        ["pending_reinstatement"],
        ["penalty"],
    ),
    (
        Q,
        "review_request_suspends",
        "until_answered",
        [*TWELVE, event("appeal_filed", "2023-05-12", ref="d2"), event("appeal_rejected", "2023-05-30", ref="d2")],
        "2023-05-20",
        {},
        DISPOSITION,
        ["reject"],
        ["pay"],
    ),
    (
        Q,
        "reinstatement_sites",
        "every_site",
        [*TWELVE, event("site_declaration", "2023-06-01", institution="H2"), reinstatement("2023-08-11")],
        "2023-08-12",
        {},
        DISPOSITION,
        ["pay"],
        ["reject"],
    ),
    (
        Q,
        "full_again_same_year",
        "repeat_period",
        [
            REG,
            twice_six("2023-02-01"),
            reinstatement("2023-05-02"),
            deduction("2024-02-01", 12, "QN-T3-02", cases=4),
            deduction("2024-03-01", 12, "QN-T3-02", cases=4),
        ],
        "2024-06-01",
        {},
        ("penalty_period",),
        [["2024-02-02", "2025-02-01"]],
        [["2024-03-02", "2025-03-01"]],
    ),
    (
        L,
        "suspension_counting",
        "from_decision_day",
        [*LZ, deduction("2015-02-01", 6, "LZ-T13-01")],
        "2015-02-01",
        {},
        DISPOSITION,
        ["pay"],
        ["reject"],
    ),
    (
        L,
        "suspension_counting",
        "full_calendar_months",
        [*LZ, deduction("2015-02-01", 6, "LZ-T13-01")],
        "2015-05-20",
        {},
        DISPOSITION,
        ["pay"],
        ["reject"],
    ),
    (
        L,
        "second_suspension",
        "credited",
        [*LZ, deduction("2015-02-01", 6, "LZ-T13-01"), deduction("2015-02-10", 2, "LZ-T13-01")],
        "2015-08-05",
        {},
        DISPOSITION,
        ["reject"],
        ["pay"],
    ),
    (
        L,
        "suspension_past_term",
        "ends_with_agreement",
        [*LZ, deduction("2016-06-01", 6, "LZ-T13-01"), agreement("2016-07-05", "2018-07-04")],
        "2016-07-05",
        {},
        DISPOSITION,
        ["reject"],
        ["pay"],
    ),
    (
        X,
        "two_full_events",
        "different_periods",
        [event("full_12", "2018-03-05", period="p1"), event("full_12", "2018-09-03", period="p1")],
        "2018-09-04",
        {},
        ("standing",),
        ["blacklisted"],
        ["points_full_once"],
    ),
    (
        X,
        "two_full_events",
        "same_period",
        [event("full_12", "2018-03-05", period="p1"), event("full_12", "2018-09-03", period="p2")],
        "2018-09-04",
        {},
        ("standing",),
        ["blacklisted"],
        ["points_full_once"],
    ),
    (
        X,
        "twelve_months",
        "calendar_year",
        [event("rectification_order", date, institution="H1") for date in ("2018-06-01", "2018-12-01", "2019-01-09")],
        "2019-01-10",
        {},
        DISPOSITION,
        ["reject"],
        ["pay"],
    ),
    (
        X,
        "termination",
        "explicit_event",
        [event("institution_violation_ratio", "2018-12-31", institution="H1", ratio=0.5)],
        "2019-01-01",
        {},
        DISPOSITION,
        ["reject"],
        ["pay"],
    ),
]

TABLE = [
    (
        Q,
        "unregistered_emergency",
        "reject",
        [],
        "2023-05-01",
        {"encounter": "emergency"},
        ("disposition", "reason"),
        ["review", "unregistered_emergency"],
        ["reject", "physician_unregistered"],
    ),
    (
        Q,
        "unregistered_emergency",
        "pay",
        [],
        "2023-05-01",
        {"encounter": "rescue"},
        ("disposition", "reason"),
        ["review", "unregistered_emergency"],
        ["pay", "exempt_rescue"],
    ),
    (Q, "missing_physician", "review", [], "2023-05-01", {"code": None}, DISPOSITION, ["reject"], ["review"]),
    (
        Q,
        "straddling_stay",
        "discharge_date",
        TWELVE,
        "2023-05-20",
        {"start": "2023-05-05"},
        ("reason",),
        ["straddles_penalty"],
        ["in_penalty_period"],
    ),
    (Q, "undeclared_site", "reject", [REG], "2023-05-01", {"institution": "H2"}, DISPOSITION, ["review"], ["reject"]),
    (Q, "undeclared_site", "pay", [REG], "2023-05-01", {"institution": "H2"}, DISPOSITION, ["review"], ["pay"]),
    (
        Q,
        "bearer_missing_unregistered",
        "unspecified",
        [],
        "2023-05-01",
        {},
        ("cost_bearer",),
        ["institution"],
        ["unspecified"],
    ),
    (
        Q,
        "bearer_missing_unregistered",
        "unspecified",
        [],
        "2023-05-01",
        {"code": ""},
        ("cost_bearer",),
        ["institution"],
        ["unspecified"],
    ),
    (
        Q,
        "bearer_opted_out",
        "institution",
        [REG, event("opt_out", "2023-02-01", institution="H1")],
        "2023-05-01",
        {},
        ("cost_bearer",),
        ["patient"],
        ["institution"],
    ),
    (
        Q,
        "exemption_while_pending",
        "not_available",
        TWELVE,
        "2023-08-20",
        {"encounter": "emergency"},
        DISPOSITION,
        ["pay"],
        ["reject"],
    ),
    (
        Q,
        "blacklisted_emergency",
        "reject",
        [REG, deduction("2023-05-10", 12)],
        "2023-12-01",
        {"encounter": "emergency"},
        DISPOSITION,
        ["review"],
        ["reject"],
    ),
    (
        Q,
        "first_day",
        "web_publication",
        [],
        "2023-01-10",
        {},
        ("reason",),
        ["physician_unregistered"],
        ["rule_not_in_force"],
    ),
    (
        L,
        "emergency",
        "review",
        [],
        "2015-05-01",
        {"encounter": "emergency"},
        ("disposition", "reason"),
        ["reject", "physician_unregistered"],
        ["review", "unregistered_emergency"],
    ),
    (
        L,
        "emergency",
        "pay",
        [*LZ, deduction("2015-02-01", 6, "LZ-T13-01")],
        "2015-03-01",
        {"encounter": "emergency"},
        ("disposition", "reason"),
        ["reject", "suspended"],
        ["pay", "exempt_emergency"],
    ),
    (L, "missing_physician", "review", [], "2015-05-01", {"code": None}, DISPOSITION, ["reject"], ["review"]),
    (L, "first_round", "reject", [], "2014-06-01", {}, DISPOSITION, ["review"], ["reject"]),
    (L, "first_round", "pay", [], "2014-06-01", {}, DISPOSITION, ["review"], ["pay"]),
    (L, "agreement_over", "reject", LZ, "2016-07-05", {}, DISPOSITION, ["review"], ["reject"]),
    (L, "cost_bearer", "institution", [], "2015-05-01", {}, ("cost_bearer",), ["unspecified"], ["institution"]),
    (
        N,
        "abnormal_emergency",
        "reject",
        NA,
        "2025-04-01",
        {"encounter": "emergency"},
        DISPOSITION,
        ["review"],
        ["reject"],
    ),
    (N, "cost_bearer", "institution", NA, "2025-04-01", {}, ("cost_bearer",), ["unspecified"], ["institution"]),
    (N, "unknown_code", "review", [], "2025-04-01", {}, DISPOSITION, ["reject"], ["review"]),
    (
        X,
        "first_day",
        "report_date",
        [event("criminal_liability", "2017-05-07")],
        "2017-08-01",
        {},
        ("reason",),
        ["blacklisted"],
        ["rule_not_in_force"],
    ),
]
ROWS = LEDGER + TABLE


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[0]}-{row[1]}-{row[2]}" for row in ROWS])
def test_default_and_rival_give_what_each_says(row):
    locality, setting, option, history, service, ask, fields, default, rival = row
    usual = judge(locality, history, service, **ask)
    other = judge(locality, history, service, readings={setting: option}, **ask)
    assert [usual.get(name) for name in fields] == default
    assert [other.get(name) for name in fields] == rival


def _spelled(locality, setting):
    return {row[2] for row in ROWS if row[:2] == (locality, setting)}


ELSEWHERE = {(Q, "cautions_after_reset"), (L, "institution_marks"), (N, "points_year")}
"""Settings that no claim shows; they have tests of their own below."""


@pytest.mark.parametrize("locality", [Q, L, N, X])
def test_every_rival_that_can_be_evaluated_has_a_row(locality):
    for setting in settings(pack(locality)):
        if setting.evaluated_by != "none" and (locality, setting.id) not in ELSEWHERE:
            assert _spelled(locality, setting.id) == set(setting.options) - {setting.default}, setting.id


def test_cautions_start_again_in_the_new_cycle_or_come_once_a_year():
    """Six in a second cycle makes eighteen in the year, so a claim shows the blacklist; the steps stand in the account."""
    history = [*TWELVE, reinstatement("2023-08-11"), deduction("2023-09-01", 6, id="d3")]
    for option, effects in (("every_cycle", True), ("once_a_year", False)):
        readings = {"cautions_after_reset": option}
        entry = _entries(Q, history, readings)[-1]
        assert ("caution_6" in entry.effects) is effects
        shown = judge(Q, history, "2023-09-02", readings={**readings, "year_tests_counter": "cycle"})["standing"]
        assert shown == ("cautioned_6" if effects else "normal")


def _entries(locality, history, readings):
    case = read_case({"locality": locality, "history": history, "claim": {"service_date": "2030-01-01"}})
    return statement(case.events, with_readings(pack(locality), readings)).entries


def test_the_two_institution_marks_replace_each_other_or_add_up():
    usual, rival = (
        ledger(with_readings(pack(L), {"institution_marks": option}), LanzhouLedger).headcounts
        for option in ("larger_replaces", "add_up")
    )
    assert (assess(20, 1, usual).minus, assess(20, 1, rival).minus) == (10, 15)
    assert (assess(50, 1, usual).minus, assess(50, 1, rival).minus) == (5, 5)
    assert assess(50, 1, usual).bars_rating


def test_national_points_run_by_calendar_year_or_over_twelve_months():
    history = [event("points_recorded", "2025-12-01", points=3), event("points_recorded", "2026-01-10", points=2)]
    assert _entries(N, history, {})[-1].year_total == 2
    assert _entries(N, history, {"points_year": "rolling"})[-1].year_total == 5


@pytest.mark.parametrize("locality", [Q, L, N, X])
def test_what_cannot_be_evaluated_says_why_and_is_refused(locality):
    for setting in settings(pack(locality)):
        if setting.evaluated_by != "none":
            continue
        assert setting.why is not None
        for option in set(setting.options) - {setting.default}:
            with pytest.raises(PackError, match=f"setting {setting.id} cannot be read as {option}"):
                with_readings(pack(locality), {setting.id: option})


def test_the_lists_of_the_spec_are_complete():
    """Sections 12, 9, 9 (with 8) and 5; Lanzhou's nos. 13 and 14 have no rival."""

    def numbers(locality):
        found = [setting.source.partition("no. ")[2] for setting in settings(pack(locality))]
        return [int(number) for number in found if number]

    assert numbers(Q) == list(range(1, 30))
    assert numbers(L) == list(range(1, 13))
    assert numbers(N) == list(range(1, 8))
    assert numbers(X) == list(range(1, 6))
    assert sum(setting.source == "national 8" for setting in settings(pack(N))) == 3


def test_unknown_settings_and_options_are_named():
    with pytest.raises(PackError, match="no setting is called 'moon'"):
        with_readings(pack(Q), {"moon": "full"})
    with pytest.raises(
        PackError, match="setting after_expiry has no option 'never'; expected one of reinstatement_needed"
    ):
        with_readings(pack(Q), {"after_expiry": "never"})


def test_a_reading_chosen_in_the_pack_file_is_carried_out_when_it_is_read(tmp_path):
    """A file that says `reading:` must not be ignored, or the table and the setting would tell different laws."""
    for item in read_packs():
        (tmp_path / f"{item.pack}.yaml").write_text(_source(item.pack), "utf-8")
    text = _source("qiannan-2022")
    place = text.index("id: unregistered_emergency\n")
    text = text[:place] + text[place:].replace("default: review\n", "default: review\n      reading: reject\n", 1)
    assert "reading: reject" in text
    (tmp_path / "qiannan-2022.yaml").write_text(text, "utf-8")
    changed = next(item for item in read_packs(tmp_path) if item.pack == "qiannan-2022")
    ground = next(ground for ground in changed.screening if ground.ground == "physician_unregistered")
    assert ground.exempted is None
    with pytest.raises(PackError, match="already read as reject"):
        with_readings(changed, {"unregistered_emergency": "pay"})


def _source(name):
    return (resources.files("rules") / "packs" / f"{name}.yaml").read_text("utf-8")


def test_a_wrong_ledger_names_file_key_and_what_was_expected():
    text = _source("qiannan-2022").replace("full: {value: 12,", "full: {value: twelve,")
    with pytest.raises(PackError, match=r"q\.yaml:\d+: ledger\.full\.value: .*integer.*twelve"):
        parse_pack(text, "q.yaml")
    text = _source("qiannan-2022").replace("QN-T1-02, points: 1", "QN-T1-01, points: 1")
    with pytest.raises(PackError, match="QN-T1-01 stands there twice"):
        parse_pack(text, "q.yaml")
    text = _source("qiannan-2022").replace("      default: year\n", "      default: moon\n")
    with pytest.raises(PackError, match="default 'moon' is not one of the options year, cycle"):
        parse_pack(text, "q.yaml")


@pytest.mark.parametrize(("locality", "tiers"), [(Q, {1: 6, 2: 3, 3: 4, 6: 3, 12: 3}), (L, {10: 6, 5: 8, (1, 3): 9})])
def test_the_scoring_standard_is_complete(locality, tiers):
    """19 items in Qiannan (`000 三(一)`), 23 in Lanzhou (`002 第十二条`-`第十四条`), each with both names and its article."""
    found: dict[object, int] = {}
    for item in pack(locality).ledger.violations:
        found[item.points] = found.get(item.points, 0) + 1
        assert item.zh
        assert item.en
        assert item.citation
        assert item.start is not None
    assert found == tiers


def test_the_two_sections_of_a_pack_do_not_contradict_each_other():
    """The ledger names the abnormal statuses of `003 三¶2`; the decision table acts on them."""
    abnormal = next(ground for ground in pack(N).screening if ground.ground == "status_abnormal")
    assert abnormal.when.standing == ledger(pack(N), NationalLedger).abnormal_statuses.value


@pytest.mark.parametrize("locality", [Q, L, N, X, "shantou", "national_points"])
def test_every_parameter_says_what_it_is_from_when_and_where_it_stands(locality):
    law = pack(locality)
    for name in type(law.ledger).model_fields:
        value = getattr(law.ledger, name)
        if isinstance(value, Param):
            assert value.citation, name
            assert "start" in value.model_fields_set, name
            if law.in_force.start and value.start:
                assert value.start <= law.in_force.start, name
