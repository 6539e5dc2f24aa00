"""P7: the agreement of an institution as it is recorded, in every scheme; only a suspension, an end or a written last day says something."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from pipeline.explain.explaining import explain_claim
from pipeline.settings.packs import load_pack_set
from rules.events import decode
from rules.standing import institution_timeline
from tests.support.explaining import claim, event

PACKS = load_pack_set()
HOME = {"qiannan": "522700", "national": "120000", "xiamen": "350200"}
D = dt.date.fromisoformat


def _verdict(locality: str, service: str, *lines: bytes, **fields: Any) -> dict[str, Any]:
    region = HOME[locality]
    known = [event("r1", "registration", "2025-01-06", region), *lines]
    return explain_claim(
        claim(service, region=region, **fields), known, PACKS, as_of=None, today=D("2026-01-05")
    ).verdict


def _of(locality: str, kind: str, date: str, number: int = 1, **fields: Any) -> bytes:
    return event(f"i{number}", kind, date, HOME[locality], **fields)


@pytest.mark.parametrize(
    ("locality", "ordinary", "emergency"),
    [("qiannan", "review", "review"), ("national", "reject", "review"), ("xiamen", "reject", "reject")],
)
@pytest.mark.parametrize("kind", ["institution_suspended", "institution_ended"])
def test_a_suspended_or_ended_agreement_is_a_ground_in_every_scheme(locality, ordinary, emergency, kind):
    line = _of(locality, kind, "2025-05-01", 1, **{"from": "2025-05-10"})
    assert _verdict(locality, "2025-05-09", line)["reason"] == "ok"
    found = _verdict(locality, "2025-05-10", line)
    assert (found["disposition"], found["reason"]) == (ordinary, "institution_agreement_terminated")
    urgent = _verdict(locality, "2025-05-10", line, encounter_type="emergency")
    assert (urgent["disposition"], urgent["reason"]) == (emergency, "institution_agreement_terminated")


@pytest.mark.parametrize("locality", HOME)
def test_after_a_written_last_day_without_a_successor_nobody_knows(locality):
    first = _of(locality, "institution_signed", "2025-02-01", to="2025-06-30")
    assert _verdict(locality, "2025-01-20", first)["reason"] == "ok", (
        "days before the first recorded agreement are covered"
    )
    assert _verdict(locality, "2025-06-30", first)["reason"] == "ok"
    found = _verdict(locality, "2025-07-01", first)
    assert (found["disposition"], found["reason"]) == ("review", "institution_agreement_unknown")
    assert found["cost_bearer"] == "undetermined"
    then = _of(locality, "institution_signed", "2025-07-10", 2)
    assert _verdict(locality, "2025-07-09", first, then)["reason"] == "institution_agreement_unknown"
    assert _verdict(locality, "2025-07-10", first, then)["reason"] == "ok"


def test_a_national_status_goes_before_the_agreement_and_the_agreement_before_an_undeclared_site():
    ended = _of("national", "institution_ended", "2025-05-01")
    status = event("s1", "status", "2025-04-01", HOME["national"], status="suspended", until=None)
    assert _verdict("national", "2025-06-01", ended, status)["reason"] == "status_abnormal"
    elsewhere = {"institution_code": "H9"}
    other = event("i9", "institution_ended", "2025-05-01", HOME["national"], institution="H9")
    assert _verdict("national", "2025-06-01", other, **elsewhere)["reason"] == "institution_agreement_terminated"
    assert _verdict("national", "2025-06-01", ended, **elsewhere)["reason"] == "site_not_declared"


def _told(*lines: bytes, region: str = "120000") -> list[tuple[str, str, str]]:
    told = institution_timeline([decode(line) for line in lines], PACKS.law(region), institution_code="H1")
    return [(str(span.start), str(span.end), str(span.standing)) for span in told.spans]


def test_a_suspension_ends_with_its_days_or_with_a_new_agreement_and_a_backdated_one_is_not_known_before():
    n = "national"
    assert _told(_of(n, "institution_suspended", "2025-03-01", to="2025-03-31")) == [
        ("2025-03-01", "2025-03-31", "suspended")
    ]
    assert _told(_of(n, "institution_suspended", "2025-03-01"), _of(n, "institution_resigned", "2025-04-10", 2)) == [
        ("2025-03-01", "2025-04-09", "suspended")
    ]
    assert _told(_of(n, "institution_suspended", "2025-03-10", 1, **{"from": "2025-03-01"})) == [
        ("2025-03-10", "None", "suspended")
    ]
    ended = [_of(n, "institution_ended", "2025-03-01"), _of(n, "institution_signed", "2025-05-01", 2, to="2025-05-31")]
    assert _told(*ended) == [("2025-03-01", "2025-04-30", "terminated"), ("2025-06-01", "None", "unknown")]


def test_what_lanzhous_own_marks_ended_stays_so_beside_the_recorded_agreement():
    """002 第二十二条: one cancelled of twenty ends the agreement; the suspension before it shows on its own days."""
    lines = [
        event("i1", "institution_suspended", "2018-02-01", "620100", to="2018-04-30"),
        event("i2", "institution_snapshot", "2018-03-01", "620100", approved_physicians=20, cancelled_in_term=1),
    ]
    assert _told(*lines, region="620100") == [
        ("2018-02-01", "2018-03-01", "suspended"), ("2018-03-02", "None", "terminated"),
    ]  # fmt: skip


def test_days_backwards_are_refused():
    line = _of("national", "institution_signed", "2025-02-01", to="2025-01-31")
    done = explain_claim(claim("2025-06-01", region="120000"), [line], PACKS, as_of=None, today=D("2026-01-05"))
    assert done.unusable[0].problems == ("to: 2025-01-31 lies before the first day 2025-02-01",)
