"""P3: under the national opinion the person is one everywhere; a status recorded in one area binds in every other."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from pipeline.conformance.cases import read_case
from pipeline.conformance.run import run_cases
from pipeline.explain.explaining import explain_claim
from pipeline.screening.gate import Gate
from pipeline.settings.packs import load_pack_set
from rules.dossier import fold
from rules.events import decode
from rules.standing import statement
from tests.support.explaining import claim, event
from topics.events.acceptance import Accepted, Refused, accept

PACKS = load_pack_set(switched_on=("shantou-2022-draft",))
BEIJING, TIANJIN, QIANNAN = "110000", "120000", "522700"


def _told(lines: list[bytes], service: str = "2025-06-01", region: str = TIANJIN, **fields: Any) -> Any:
    wanted = claim(service, region=region, **fields)
    return explain_claim(wanted, lines, PACKS, as_of=None, today=dt.date(2026, 1, 5))


REGISTERED = {
    region: event(f"r-{region}", "registration", "2025-01-06", region) for region in (BEIJING, TIANJIN, QIANNAN)
}
TERMINATED = event("s1", "status", "2025-05-01", BEIJING, status="terminated", until=None)
SUSPENDED = event("s2", "status", "2025-05-01", BEIJING, status="suspended", until="2025-07-31")


@pytest.mark.parametrize("home", [REGISTERED[BEIJING], REGISTERED[TIANJIN]])
def test_who_is_terminated_in_one_area_is_so_in_every_other(home):
    done = _told([home, TERMINATED])
    assert (done.verdict["disposition"], done.verdict["reason"]) == ("reject", "status_abnormal")
    assert (done.verdict["standing"], done.verdict["penalty_period"]) == ("terminated", ["2025-05-01", None])
    assert _told([home, TERMINATED], "2025-04-30").verdict["disposition"] != "reject"
    assert _told([home, TERMINATED], encounter_type="rescue").verdict["reason"] == "status_abnormal_emergency"


def test_a_suspension_elsewhere_ends_with_its_days_and_a_stay_over_its_edge_is_a_review():
    lines = [REGISTERED[TIANJIN], SUSPENDED]
    assert _told(lines, "2025-07-31").verdict["reason"] == "status_abnormal"
    assert _told(lines, "2025-08-01").verdict["reason"] == "ok"
    over = _told(lines, "2025-08-02", encounter_type="inpatient", service_start="2025-07-30")
    assert over.verdict["reason"] == "straddles_abnormal"


def test_a_person_with_filing_anywhere_is_not_unregistered_and_the_claiming_institution_has_to_declare():
    assert _told([REGISTERED[BEIJING]], institution_code="H9").verdict["reason"] == "site_not_declared"
    assert _told([], institution_code="H9").verdict["reason"] == "physician_unregistered"
    assert _told([REGISTERED[BEIJING]]).verdict["reason"] == "ok", (
        "the institution declared the person, under another division"
    )


def test_it_binds_beside_a_local_standing_and_the_stricter_disposition_decides_with_both_grounds_named():
    home = event("r1", "registration", "2023-01-04", QIANNAN)
    plain = _told([home, TERMINATED], region=QIANNAN)
    assert (plain.verdict["disposition"], plain.verdict["reason"]) == ("reject", "status_abnormal")
    assert (plain.verdict["rule_pack"], plain.verdict["citations"]) == ("qiannan-2022@1", ["003 三¶2"])
    review = _told([home, TERMINATED], region=QIANNAN, institution_code="H9")
    assert review.verdict["reason"] == "status_abnormal", "a rejection goes before the review of an undeclared site"
    assert "Besides: the code is valid, but this institution had not declared" in review.chain.summary.en
    twelve = event("d1", "deduction", "2025-05-10", QIANNAN, points=12, violation_id="QN-T12-01")
    both = _told([home, twelve, TERMINATED], region=QIANNAN)
    assert (both.verdict["reason"], both.verdict["cost_bearer"]) == ("in_penalty_period", "institution")
    assert "Besides: the person's filing status was abnormal" in both.chain.summary.en
    assert "另有：服务日期当日该人员登记备案状态异常" in both.chain.summary.zh
    urgent = _told([home, twelve, TERMINATED], region=QIANNAN, encounter_type="emergency")
    assert urgent.verdict["reason"] == "status_abnormal_emergency", (
        "the local exemption does not lift the national status"
    )


@pytest.mark.parametrize("region", [QIANNAN, "350200", "522701"])
def test_a_status_sent_for_the_code_of_the_area_itself_binds_beside_its_law(region):
    """P1, P3: 522700 is the prefecture's own code; its status is the person's, whatever scheme counts points there."""
    area = f"{region[:4]}00"
    sent = event("s1", "status", "2025-05-01", region, status="suspended", until=None)
    found = accept(sent, PACKS)
    assert isinstance(found, Accepted)
    assert found.area == (f"{area[:2]}0000" if region == area else region)
    home = event("r1", "registration", "2023-01-04", area)
    for place in (area, TIANJIN):
        told = _told([home, REGISTERED[TIANJIN], sent], region=place).verdict
        assert (told["disposition"], told["reason"]) == ("reject", "status_abnormal"), place
    lifted = event("c1", "status_corrected", "2025-05-20", region, ref="s1")
    assert _told([home, sent, lifted], region=area).verdict["reason"] == "ok"


def test_what_only_the_national_law_knows_of_an_institution_is_refused_for_an_area_whose_law_does_not():
    counted = event("n1", "institution_snapshot", "2025-05-01", QIANNAN, physician_code=None, approved_physicians=20,
                    cancelled_in_term=0)  # fmt: skip
    assert isinstance(accept(counted, PACKS), Refused)


def test_windows_and_registrations_of_local_laws_bind_in_their_own_area_alone():
    """000 一: 州内."""
    home = event("r1", "registration", "2023-01-04", QIANNAN)
    twelve = event("d1", "deduction", "2025-05-10", QIANNAN, points=12, violation_id="QN-T12-01")
    assert _told([home, twelve, REGISTERED[TIANJIN]]).verdict["reason"] == "ok"
    assert _told([home]).verdict["reason"] == "physician_unregistered"
    assert _told([REGISTERED[BEIJING]], region=QIANNAN).verdict["reason"] == "physician_unregistered"


def test_nothing_binds_elsewhere_before_the_opinion_does():
    lines = [REGISTERED[TIANJIN], event("s3", "status", "2024-12-01", BEIJING, status="terminated", until=None)]
    assert _told(lines, "2024-12-31").verdict["reason"] == "rule_not_in_force"
    home = event("r1", "registration", "2023-01-04", QIANNAN)
    assert _told([home, *lines[1:]], "2024-12-31", region=QIANNAN).verdict["reason"] == "ok"


@pytest.mark.parametrize("few", [0, 200])
def test_the_gate_judges_alike_in_small_and_large_batches_and_forgets_what_is_removed(few):
    gate = Gate(PACKS, few=few)
    for region, lines in ((TIANJIN, [REGISTERED[TIANJIN]]), (BEIJING, [REGISTERED[BEIJING], TERMINATED])):
        file = fold([decode(line) for line in lines])
        gate.index.put(statement(file, PACKS.law(region), region=region).timeline)
    code = decode(TERMINATED).physician_code
    wanted = [claim("2025-06-01", region=region) for region in (TIANJIN, BEIJING, "130100", QIANNAN)]

    def reasons() -> list[str]:
        ruled = gate.rule(wanted)
        return [str(gate.screen.rulings[number].reason) for number in ruled.decided.ruling.tolist()]

    assert reasons() == ["status_abnormal", "status_abnormal", "status_abnormal", "physician_unregistered"]
    gate.index.drop(f"{BEIJING}|{code}")
    assert reasons() == ["ok", "ok", "ok", "physician_unregistered"]


def test_a_worked_case_may_place_an_event_in_another_region():
    case = {
        "id": "P3-1",
        "locality": "national",
        "as_of": "2025-12-31",
        "history": [
            {"type": "registration", "date": "2025-01-06", "institution": "H1"},
            {"type": "status", "date": "2025-05-01", "status": "suspended", "until": None, "region": BEIJING},
        ],
        "claim": {
            "service_date": "2025-06-01",
            "physician_code": "P",
            "institution": "H1",
            "encounter_type": "outpatient",
        },
    }
    (answer,) = run_cases([read_case(case)], PACKS)
    assert (answer["disposition"], answer["reason"]) == ("reject", "status_abnormal")
