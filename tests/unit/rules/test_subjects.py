"""Insured persons and departments beside the physicians' law: their events, what a claim meets, and how it is told (S1, 001 篇1)."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from pipeline.cli.main import main
from pipeline.screening.gate import Gate, Judged
from pipeline.settings.packs import load_pack_set, read_penalties, read_subjects
from rules.dossier import fold
from rules.events import SEPARATOR, decode
from rules.packs.pack import PackError, SubjectPack
from rules.packs.pack_set import PackSet
from rules.schemes.suspensions.parameters import SuspensionsLedger
from rules.standing import statement
from rules.vocabulary import IssueCode, Reason, Subject
from tests.support.explaining import PHYSICIAN, claim, event
from tests.support.judging import AT
from tests.support.law import ledger
from topics.dead_letters import Code
from topics.events.acceptance import Accepted, Refused, accept

PACKS = load_pack_set(with_subjects=True)
WITHOUT = load_pack_set()
CITY = "360100"
OWN = event("r1", "registration", "2023-01-04", region=CITY)


def insured(event_id: str = "x1", date: str = "2025-05-10", **fields: Any) -> bytes:
    told: dict[str, Any] = {
        "region": CITY,
        "insured_id": "P1",
        "article": "person_breach",
        "months": 3,
        "physician_code": None,
    } | fields
    return event(event_id, "insured_suspended", date, **{"institution": None, **told})


def department(event_id: str = "d1", date: str = "2025-05-10", **fields: Any) -> bytes:
    told: dict[str, Any] = {
        "region": CITY,
        "department": "骨科",
        "article": "institution_fraud",
        "months": 6,
        "physician_code": None,
    }
    return event(event_id, "department_suspended", date, **{**told, **fields})


def here(service: str = "2025-06-10", **fields: Any) -> bytes:
    return claim(service, **{"region": CITY, **fields})


def _filled(lines: list[bytes], few: int) -> Gate:
    gate, owners = Gate(PACKS, few=few), {}
    for line in lines:
        found = accept(line, PACKS)
        assert isinstance(found, Accepted), found
        owners.setdefault((found.event.subject, found.area, found.code), []).append(found.event)
    for (subject, area, code), events in owners.items():
        law = PACKS.law(area) if subject is None else PACKS.law_beside(subject, area)
        assert law is not None
        told = statement(fold(events), law, region=area, physician_code=code).timeline
        gate.index.put(told) if subject is None else gate.index.put_beside(subject, told)
    return gate


def _judged(lines: list[bytes], *claims: bytes, stale: bool = False, unreadable: str | None = None) -> Judged:
    """Judged one by one and as a frame, which must give the same bytes."""
    answers = []
    for few in (200, 0):
        gate = _filled(lines, few)
        if unreadable is not None:
            gate.index.put_beside_unreadable(Subject.INSURED, unreadable)
        answers.append(
            gate.judge(
                list(claims),
                topic="claims",
                partitions=[0] * len(claims),
                offsets=range(len(claims)),
                screened_at=AT,
                stale=stale,
            )
        )
    assert (answers[0].verdicts, answers[0].cases) == (answers[1].verdicts, answers[1].cases)
    return answers[0]


def _answer(lines: list[bytes], wanted: bytes, **more: Any) -> tuple[str, str]:
    verdict = json.loads(_judged(lines, wanted, **more).verdicts[0]["value"])
    return verdict["disposition"], verdict["reason"]


# -- events ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (insured(article="institution_fraud"), "article: 'institution_fraud' suspends nobody in this scheme"),
        (insured(to="2025-08-10"), "to, months: give the last day or the length, one of them"),
        (insured(months=None), "to, months: give the last day or the length, one of them"),
        (insured(**{"from": "2025-06-01"}), "months: a length runs from the decision"),
        (insured(months=None, to="2025-08-10", **{"from": "2025-05-09"}), "from: 2025-05-09 lies before the decision"),
        (insured(months=None, to="2025-05-10"), "to: 2025-05-10 lies before the first day 2025-05-11"),
        (insured(insured_id=f"P{SEPARATOR}1"), "insured_id: 'P|1' holds '|'"),
        (insured(insured_id=" "), "insured_id: "),
        (department(institution=None), "institution: missing; a department_suspended needs it"),
        (department(department="骨|科"), "department: '骨|科' holds '|'"),
        (insured(region="522700"), "region: no law of 522700 speaks on 2025-05-10 of an insured person"),
    ],
)
def test_a_decision_that_cannot_be_used_says_what_is_wrong(line, expected):
    found = accept(line, PACKS)
    assert isinstance(found, Refused)
    assert expected in found.reason


def test_whoever_keeps_no_standing_of_a_subject_refuses_its_events_by_name():
    for line, whose in ((insured(), "insured person"), (department(), "institution's department")):
        found = accept(line, WITHOUT)
        assert isinstance(found, Refused)
        assert found.code is Code.OUTSIDE_SCHEME
        assert f"of an {whose} is not kept here" in found.reason


def test_a_length_that_no_tier_allows_binds_and_is_told():
    law = PACKS.law_beside(Subject.INSURED, CITY)
    assert law is not None
    told = statement(fold([decode(insured(months=24))]), law, region=CITY, physician_code="P1")
    assert [(issue.code, issue.event_id) for issue in told.issues] == [(IssueCode.LENGTH_OUT_OF_BOUNDS, "x1")]
    assert [(span.start, span.end) for span in told.timeline.spans] == [(dt.date(2025, 5, 11), dt.date(2027, 5, 10))]
    exact = statement(fold([decode(insured(months=12))]), law, region=CITY, physician_code="P1")
    assert exact.issues == ()


def test_six_months_are_too_short_for_a_department_under_article_2_and_a_day_more_is_not():
    law = PACKS.law_beside(Subject.DEPARTMENT, CITY)
    assert law is not None

    def issues(line: bytes) -> list[str]:
        return [
            issue.code for issue in statement(fold([decode(line)]), law, region=CITY, physician_code="H1|骨科").issues
        ]

    breach = {"article": "institution_breach"}
    assert issues(department(**breach)) == [IssueCode.LENGTH_OUT_OF_BOUNDS]
    assert issues(department(**breach, months=None, to="2025-11-11")) == []
    assert issues(department(months=6)) == []


def test_the_lengths_are_those_of_the_tiers_of_the_discretion_standards():
    (standards,) = read_penalties()
    for pack in read_subjects():
        for article in ledger(pack, SuspensionsLedger).articles:
            tiers = next(one.tiers for one in standards.articles if one.id == article.id)
            bands = [tier.suspension.months for tier in tiers if tier.suspension is not None]
            longest = max(band.exactly or band.up_to for band in bands)
            shortest = min(band.exactly or band.over or Decimal(0) for band in bands)
            assert (Decimal(article.over), Decimal(article.up_to)) == (shortest, longest), article.id


def test_two_packs_of_one_subject_may_not_claim_one_territory_on_the_same_days():
    one = next(pack for pack in read_subjects() if pack.subject is Subject.INSURED)
    with pytest.raises(PackError, match="territory 36 is claimed by two packs of insured"):
        PackSet(WITHOUT.packs, subjects=(one, one.model_copy(update={"pack": "other"})))


def test_the_narrower_territory_governs():
    one = next(pack for pack in read_subjects() if pack.subject is Subject.INSURED)
    city = SubjectPack.model_validate({**one.model_dump(by_alias=True), "pack": "city", "regions": ["3601"]})
    both = PackSet(WITHOUT.packs, subjects=(one, city))
    day = dt.date(2025, 6, 1)
    told = {area: both.beside(Subject.INSURED, area, day) for area in (CITY, "360400", "420100")}
    assert {area: pack and pack.pack for area, pack in told.items()} == {
        CITY: "city",
        "360400": "jiangxi-insured-trial",
        "420100": None,
    }


# -- claims ---------------------------------------------------------------------------------------------------------


def test_a_verdict_tells_the_suspension_its_law_its_events_and_what_comes_next():
    judged = _judged([OWN, insured()], here())
    verdict, case = json.loads(judged.verdicts[0]["value"]), json.loads(judged.cases[0]["value"])
    told = {
        name: verdict[name]
        for name in ("disposition", "reason", "standing", "penalty_period", "rule_pack", "cost_bearer")
    }
    assert told == {
        "disposition": "reject",
        "reason": "insured_suspended",
        "standing": "normal",
        "penalty_period": ["2025-05-11", "2025-08-10"],
        "rule_pack": "jiangxi-insured-trial@1",
        "cost_bearer": "unspecified",
    }
    assert verdict["citations"] == ["篇1 第五条", "篇1 第六条"]
    assert "x1" in case["evidence"]
    assert "settled by hand afterwards" in case["explanation"]["en"]
    assert "2025-05-11 to 2025-08-10" in case["explanation"]["en"]


def test_the_other_ground_is_named_beside_the_one_that_decides():
    status = event("t1", "status", "2025-05-01", region=CITY, status="suspended", until="2025-06-30")
    case = json.loads(_judged([OWN, status, insured()], here()).cases[0]["value"])
    assert (case["reason"], case["rule_pack"]) == ("status_abnormal", "national-2024@1")
    assert "Besides: the insured person's networked settlement was suspended" in case["explanation"]["en"]
    assert {"t1", "x1"} <= set(case["evidence"])
    other = json.loads(_judged([OWN, insured()], here(institution_code="H2")).cases[0]["value"])
    assert (other["disposition"], other["reason"]) == ("reject", "insured_suspended")
    assert (
        "Besides: the code is valid, but this institution had not declared the physician" in other["explanation"]["en"]
    )


def test_a_stay_that_ends_after_the_suspension_names_the_decision_that_it_touched():
    stay = here("2025-08-12", encounter_type="inpatient", service_start="2025-08-09")
    case = json.loads(_judged([OWN, insured()], stay).cases[0]["value"])
    assert (case["disposition"], case["reason"]) == ("review", "insured_suspended")
    assert "x1" in case["evidence"]


@pytest.mark.parametrize("written", ["P1", "p1", " P1 ", "Ｐ1", "\u200bP1"])
def test_one_insured_person_is_one_however_the_number_is_written(written):
    assert _answer([OWN, insured(insured_id="p1")], here(insured_id=written)) == ("reject", "insured_suspended")


@pytest.mark.parametrize("written", ["骨科", " 骨科", "骨科\u200b"])
def test_one_department_is_one_however_it_is_written(written):
    assert _answer([OWN, department()], here(department=written)) == ("reject", "department_suspended")


def test_claims_of_other_places_and_people_are_judged_as_without_any_suspension():
    others = [
        here(insured_id="P2"),
        claim("2025-06-10"),
        here("2025-09-10"),
        here(institution_code="H2", insured_id="P3"),
    ]
    with_them = _judged([OWN, insured(), department(department="内科", institution="H9")], *others)
    assert with_them.verdicts == _judged([OWN], *others).verdicts


def test_a_register_that_is_too_old_or_unreadable_lets_nobody_be_paid():
    before = here("2024-06-10")  # no law on physicians holds yet, so nothing else asks the register
    assert _answer([OWN], before) == ("pay", "rule_not_in_force")
    assert _answer([OWN], before, stale=True) == ("review", "standing_stale")
    assert _answer([OWN], claim("2019-06-10", region="420100"), stale=True) == ("pay", "rule_not_in_force")
    assert _answer([OWN], before, unreadable=f"{CITY}|P1") == ("review", "standing_unreadable")
    assert _answer([OWN], here("2024-06-10", insured_id="P2"), unreadable=f"{CITY}|P1") == ("pay", "rule_not_in_force")


def test_insured_persons_are_gathered_only_where_some_are_suspended():
    claims = pl.DataFrame({"insured_id": ["P1"]}).with_columns(
        *(
            pl.lit(value).alias(name)
            for name, value in {"region": CITY, "physician_code": PHYSICIAN, "institution_code": "H1"}.items()
        ),
        pl.lit("outpatient").cast(pl.Enum(["outpatient"])).alias("encounter_type"),
        pl.lit(20_000, pl.Int32).alias("day"),
        pl.lit(None, pl.Int32).alias("start_day"),
    )
    without, with_some = _filled([OWN], 0), _filled([OWN, insured()], 0)
    assert without.screen.columns(claims, without.index).insured is None
    assert with_some.screen.columns(claims, with_some.index).insured is not None


def test_every_ruling_beside_the_physicians_law_has_a_reason_that_the_pack_gives():
    screen = Gate(PACKS).screen
    plain = len(Gate(WITHOUT).screen.rulings)
    assert [ruling.reason for ruling in screen.rulings[:plain]] == [
        ruling.reason for ruling in Gate(WITHOUT).screen.rulings
    ]
    reasons = {ruling.reason for ruling in screen.rulings[plain:]}
    assert {Reason.INSURED_SUSPENDED, Reason.DEPARTMENT_SUSPENDED, Reason.DEPARTMENT_NOT_NAMED} <= reasons


# -- files ----------------------------------------------------------------------------------------------------------


def _replayed(folder: Path, lines: list[bytes], claims: list[bytes], *options: str) -> pl.DataFrame:
    (folder / "events.ndjson").write_bytes(b"\n".join(lines))
    (folder / "claims.ndjson").write_bytes(b"\n".join(claims))
    out = folder / "out"
    given = ["replay", str(folder / "claims.ndjson"), "--events", str(folder / "events.ndjson"), "--out", str(out)]
    run = CliRunner().invoke(main, [*given, *options])
    assert run.exit_code == 0, run.output
    return pl.read_parquet(out / "verdicts" / "*.parquet").sort("claim_id")


CLAIMS = [
    here(claim_id="C1"),
    here(claim_id="C2", insured_id="P2", department="骨科"),
    here(claim_id="C3", insured_id="P2", department="内科"),
    here(claim_id="C4", insured_id="P2"),
]


def test_a_replay_of_files_gives_what_the_gate_gives(tmp_path):
    lines = [OWN, insured(), department()]
    made = _replayed(tmp_path, lines, CLAIMS)
    verdicts = [json.loads(record["value"]) for record in _judged(lines, *CLAIMS).verdicts]
    assert made["reason"].to_list() == [verdict["reason"] for verdict in verdicts]
    assert made["reason"].to_list() == ["insured_suspended", "department_suspended", "ok", "department_not_named"]
    assert made["rule_pack"].to_list() == [verdict["rule_pack"] for verdict in verdicts]
    assert [list(causes) if causes is not None else [] for causes in made["evidence"]] == [
        ["x1", "d1"],
        ["d1"],
        [],
        ["d1"],
    ]


def test_a_replay_knows_a_suspension_from_the_moment_that_it_was_recorded(tmp_path):
    late = insured(recorded_at="2026-02-01T09:00:00+08:00")
    claims = [
        here(claim_id="C1", settlement_time="2026-01-15T09:00:00+08:00"),
        here(claim_id="C2", settlement_time="2026-02-15T09:00:00+08:00"),
    ]
    made = _replayed(tmp_path, [OWN, late], claims, "--as-known-at-settlement")
    assert made["reason"].to_list() == ["ok", "insured_suspended"]


def _explained(folder: Path, wanted: bytes, *lines: bytes, lang: str) -> str:
    (folder / "claim.json").write_bytes(wanted)
    (folder / "events.ndjson").write_bytes(b"\n".join(lines))
    given = [
        "explain",
        "--claim",
        str(folder / "claim.json"),
        "--events",
        str(folder / "events.ndjson"),
        "--lang",
        lang,
    ]
    run = CliRunner().invoke(main, given, env={"COLUMNS": "200"})
    assert run.exit_code == 0, run.output
    return run.output


def test_explain_tells_the_decision_on_the_insured_person_and_what_comes_next(tmp_path):
    lines = (OWN, insured(), insured("x2", insured_id="P2"))
    en = " ".join(_explained(tmp_path, here(), *lines, lang="en").split())
    assert "REJECT insured_suspended" in en
    assert "networked settlement suspended, for 3 months x1" in en
    assert "x2" not in en
    assert "asks the agency for settlement by hand afterwards" in en
    assert "is day 31 of 92" in en
    zh = "".join(_explained(tmp_path, here(), *lines, lang="zh").split())
    assert "决定暂停联网结算，3个月" in zh
    assert "凭票据向经办机构申请事后手工结算" in zh


def test_explain_tells_the_departments_when_the_claim_names_none(tmp_path):
    en = " ".join(_explained(tmp_path, here(), OWN, department(), lang="en").split())
    assert "REVIEW department_not_named" in en
    assert "department 骨科 suspended" in en
    assert "sends the claim again with its department" in en
