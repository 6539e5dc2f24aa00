"""A wrong pack file is told by file, line and key, with what was found and what was expected; every problem at once."""

from __future__ import annotations

from importlib import resources

import pytest

from rules.packs.pack import PackError, parse_pack
from rules.schemes.qiannan.parameters import QiannanLedger
from tests.support.law import ledger

FOLDER = resources.files("rules") / "packs"


def problems(name: str, *changes: tuple[str, str]) -> list[str]:
    text = (FOLDER / f"{name}.yaml").read_text("utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    with pytest.raises(PackError) as error:
        parse_pack(text, "x.yaml")
    return str(error.value).splitlines()


def line_of(name: str, part: str) -> int:
    text = (FOLDER / f"{name}.yaml").read_text("utf-8")
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.parametrize(
    ("pack", "old", "new", "message"),
    [
        (
            "qiannan-2022",
            "full: {value: 12",
            "full: {value: twelve",
            "ledger.full.value: Input should be a valid integer, unable to parse string as an integer (found 'twelve')",
        ),
        (
            "qiannan-2022",
            "cost_bearer: patient",
            "cost_bearer: fund",
            "screening[opted_out].ordinary: disposition reject goes with cost_bearer institution, patient, "
            "unspecified, not fund",
        ),
        (
            "lanzhou-2014",
            "flag: reapplication_conflict",
            "flags: reapplication_conflict",
            "screening[reapplication_conflict].when.flags: no such key; expected one of rule, staff, physician, "
            "standing, flag, in_penalty, straddles, site, institution, subject, drug, service_date",
        ),
        (
            "lanzhou-2014",
            "cancel_at: {value: 10, from: 2014-05-01,",
            "cancel_at: {value: 10,",
            "ledger.cancel_at.from: missing; expected the day from which it holds, YYYY-MM-DD, or null when "
            "the text names none",
        ),
        (
            "qiannan-2022",
            "ordinary: {disposition: reject, reason: opted_out,",
            "ordinary: {disposition: refuse, reason: opted_out,",
            "screening[opted_out].ordinary.disposition: Input should be 'pay', 'reject' or 'review' (found 'refuse')",
        ),
        (
            "national-2024",
            "from: 2025-01-01, to: null",
            "from: 2025-13-01, to: null",
            "in_force.from: Input should be a valid date or datetime, month value is outside expected range "
            "of 1-12 (found '2025-13-01')",
        ),
    ],
)
def test_a_problem_names_file_line_key_and_expectation(pack, old, new, message):
    assert problems(pack, (old, new)) == [f"x.yaml:{line_of(pack, old)}: {message}"]


@pytest.mark.parametrize(
    ("pack", "old", "new", "message"),
    [
        ("qiannan-2022", "penalty_months: {value: 3", "penalty_months: {value: 0",
         "ledger.penalty_months.value: Input should be greater than or equal to 1 (found 0)"),
        ("qiannan-2022", "full: {value: 12", "full: {value: -12",
         "ledger.full.value: Input should be greater than or equal to 1 (found -12)"),
        ("qiannan-2022", "caution_low: {value: 6", "caution_low: {value: 0",
         "ledger.caution_low.value: Input should be greater than or equal to 1 (found 0)"),
        ("qiannan-2022", "bonus_cap_per_year: {value: 6", "bonus_cap_per_year: {value: -1",
         "ledger.bonus_cap_per_year.value: Input should be greater than or equal to 0 (found -1)"),
        ("qiannan-2022", "id: review_request, working_days: 7", "id: review_request, working_days: 0",
         "ledger.deadlines[review_request].working_days: Input should be greater than or equal to 1 (found 0)"),
        ("qiannan-2022", "bonus_offsets_tiers: {value: [1, 2, 3]", "bonus_offsets_tiers: {value: [0, 2, 3]",
         "ledger.bonus_offsets_tiers.value[0]: Input should be greater than or equal to 1 (found 0)"),
        ("lanzhou-2014", "id: LZ-T10-01, points: 10", "id: LZ-T10-01, points: 0",
         "ledger.violations[LZ-T10-01]: points: expected 1 or more, or the lowest and the highest price of a case (found 0)"),
        ("lanzhou-2014", "id: LZ-T13-01, points: [1, 3]", "id: LZ-T13-01, points: [3, 1]",
         "ledger.violations[LZ-T13-01]: points: expected 1 or more, or the lowest and the highest price of a case (found [3, 1])"),
        ("lanzhou-2014", "term_years: {value: 2", "term_years: {value: -2",
         "ledger.term_years.value: Input should be greater than or equal to 1 (found -2)"),
        ("lanzhou-2014", "institution_end_percent: {value: 5", "institution_end_percent: {value: 500",
         "ledger.institution_end_percent.value: Input should be less than or equal to 100 (found 500)"),
        ("xiamen-2017", "violation_ratio: {value: 0.40", "violation_ratio: {value: 40",
         "ledger.violation_ratio.value: Input should be less than or equal to 1 (found 40)"),
        ("national-2024", "from: 2025-01-01, to: null", "from: 2025-01-01, to: 2024-01-01",
         "in_force: to: 2024-01-01 lies before from: 2025-01-01; no day would be in force"),
    ],
)  # fmt: skip
def test_a_number_that_no_law_can_mean_is_refused(pack, old, new, message):
    assert problems(pack, (old, new)) == [f"x.yaml:{line_of(pack, old)}: {message}"]


def test_a_mark_that_the_text_does_not_have_and_a_cap_of_nothing_are_laws():
    text = (FOLDER / "qiannan-2022.yaml").read_text("utf-8")
    for old, new in (("caution_low: {value: 6", "caution_low: {value: null"),
                     ("bonus_cap_per_year: {value: 6", "bonus_cap_per_year: {value: 0")):  # fmt: skip
        assert old in text
        text = text.replace(old, new, 1)
    assert ledger(parse_pack(text, "x.yaml"), QiannanLedger).bonus_cap_per_year.value == 0


def test_a_parameter_that_is_not_there_is_shown_how_to_write_it():
    line = '  ban_months:\n    value: 36\n    from: 2022-12-26\n    citation: "四(二)"\n'
    (told, *_rest) = problems(
        "qiannan-2022", (line, '  ban_month:\n    value: 36\n    from: 2022-12-26\n    citation: "四(二)"\n')
    )
    assert told.endswith(
        "ledger.ban_months: missing; expected ban_months: {value: ..., from: YYYY-MM-DD or null, citation: ...}"
    )


def test_all_problems_are_told_at_once():
    told = problems(
        "qiannan-2022",
        ("version: 1", "version: 0"),
        ("full: {value: 12", "full: {value: x"),
        ('regions: ["522700"]', "regions: []"),
    )
    assert [line.split(": ")[1] for line in told] == ["version", "regions", "ledger.full.value"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "id: penalty_counting",
            "id: penalty_counter",
            "settings: penalty_counter is no open point that this scheme's ledger evaluates; those are: "
            "penalty_counting",
        ),
        (
            "        valid_on_expiry:",
            "        never_again:",
            "settings: after_expiry has the options never_again, which the ledger cannot carry out; expected "
            "reinstatement_needed, valid_on_expiry",
        ),
        (
            "id: review_request, working_days: 7",
            "id: review, working_days: 7",
            "deadlines: expected one called review_request, in working_days",
        ),
        (
            "limit: review_request",
            "limit: review_requests",
            "a next step names the limit 'review_requests', which is no deadline of the ledger; expected one "
            "of blacklist_referral, caution_talk, lock_code",
        ),
        (
            "working_days: 15, trigger: appeal_filed",
            "working_days: 15, trigger: appeal_field",
            "trigger: 'appeal_field' sets nothing running; known are act_done, agreement, appeal_filed",
        ),
        (
            "met_by: [appeal_upheld, appeal_rejected]",
            "met_by: [appeal_upheld, appeal_answered]",
            "met_by: unknown event types appeal_answered; known are act_done, agreement",
        ),
        (
            "events: [registration,",
            "events: [registration, eclipse,",
            "events: unknown event types eclipse; known are act_done, agreement",
        ),
        (
            "scheme: qiannan",
            "scheme: guizhou",
            "ledger.scheme: no scheme is called that; expected one of 'lanzhou', 'national', 'national_points', 'qiannan', 'shantou', 'suspensions', 'xiamen'",
        ),
        (
            'regions: ["522700"]',
            'regions: ["5227"]',
            "region '5227' is neither a division code of six digits nor \"*\"",
        ),
    ],
)
def test_a_pack_that_its_scheme_cannot_carry_out_is_refused(old, new, message):
    assert message in "\n".join(problems("qiannan-2022", (old, new)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.yaml: (top): expected a mapping at the top, found nothing"),
        ("- a\n", "x.yaml: (top): expected a mapping at the top, found list"),
        ("a: [1\nb: 2\n", "x.yaml:2: not YAML:"),
        (
            "pack: a\nsource:\n  file: x\n  file: y\n",
            "x.yaml:4: source.file: stands here again, after line 3; keep one",
        ),
        (
            "screening:\n  - ground: ok\n    when: {rule: a, rule: b}\n",
            "x.yaml:3: screening.ok.when.rule: stands here again",
        ),
    ],
)
def test_a_file_that_is_no_mapping_or_says_a_thing_twice_is_refused(text, message):
    with pytest.raises(PackError) as error:
        parse_pack(text, "x.yaml")
    assert message in str(error.value)


def test_problems_are_data_as_well():
    with pytest.raises(PackError) as error:
        parse_pack("pack: a\npack: b\n", "x.yaml")
    (problem,) = error.value.problems
    assert (problem.file, problem.line, problem.key) == ("x.yaml", 2, "pack")
