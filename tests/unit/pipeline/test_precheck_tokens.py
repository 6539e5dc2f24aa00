"""Who may ask the pre-check: an institution by its token, about its own claims and physicians, and only so often."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.screening.gate import Gate
from tests.support.prechecks import (
    INSTITUTION,
    OTHER,
    PHYSICIAN,
    Desk,
    ask,
    desk,
    gate_of_one,
    standing,
    tokens_file,
)
from tests.support.spoiled import GOOD, claim


@pytest.fixture(scope="module")
def gate() -> Gate:
    return gate_of_one()


@pytest.fixture
def guarded(gate: Gate, tmp_path: Path) -> Iterator[tuple[Desk, dict[str, str], dict[str, str]]]:
    own, other = tokens_file(tmp_path / "tokens", INSTITUTION, OTHER)
    with desk(gate, precheck_tokens_file=tmp_path / "tokens", precheck_claims_per_s=1000) as made:
        yield made, own, other


def test_nobody_is_answered_without_a_token(guarded) -> None:
    counter, own, _ = guarded
    for headers in (
        {},
        {"Authorization": "Bearer guessed"},
        {"Authorization": own["Authorization"].replace("Bearer", "Basic")},
    ):
        told = ask(counter, claim(), headers=headers)
        assert (told.status_code, told.headers["www-authenticate"]) == (401, 'Bearer realm="screening"')
    assert ask(counter, claim(), headers=own).status_code == 200
    assert counter.http.get("/openapi.json").status_code == 200


def test_an_institution_sees_only_its_own_claims(guarded) -> None:
    counter, own, other = guarded
    sent = [claim(), claim(institution_code=OTHER), claim(institution_code=f" {INSTITUTION.lower()} ")]
    told = ask(counter, sent, headers=own)
    assert told.status_code == 403
    assert [error["pointer"] for error in told.json()["errors"]] == ["/1/institution_code"]
    assert "verdict" not in told.text
    assert ask(counter, claim(), headers=other).status_code == 403


def test_an_institution_sees_only_the_days_of_its_own_physicians(guarded) -> None:
    counter, own, other = guarded
    day = {"on": "2023-06-10"}
    assert standing(counter, headers=own, **day).json()["answer"]["standing"] == "penalty", (
        "its institution goes without saying"
    )
    refused = standing(counter, headers=other, **day)
    assert refused.status_code == 403
    assert "penalty" not in refused.text
    assert standing(counter, headers=other, institution=INSTITUTION, **day).status_code == 403


def test_an_institution_that_asks_too_much_waits_and_costs_nobody_else(guarded) -> None:
    counter, own, other = guarded
    many = [claim()] * 1000
    assert ask(counter, many, headers=own).status_code == 200
    told = ask(counter, many, headers=own)
    assert (told.status_code, told.json()["type"]) == (429, "urn:screening:problem:rate")
    assert int(told.headers["retry-after"]) >= 1
    assert ask(counter, claim(institution_code=OTHER), headers=other).status_code == 200


def test_tokens_change_without_a_restart_and_a_spoiled_file_changes_nothing(guarded, monkeypatch) -> None:
    counter, own, _ = guarded
    path = counter.settings.precheck_tokens_file
    monkeypatch.setattr(counter.api._tokens, "_clock", lambda: 1e9)
    path.write_text("nonsense\n")
    assert ask(counter, claim(), headers=own).status_code == 200
    assert "tokens_unreadable" in counter.log.getvalue()
    monkeypatch.setattr(counter.api._tokens, "_clock", lambda: 2e9)
    (new,) = tokens_file(path, INSTITUTION)
    assert ask(counter, claim(), headers=own).status_code == 401
    assert ask(counter, claim(), headers=new).status_code == 200


def test_the_log_tells_of_requests_and_of_nobody_in_them(guarded) -> None:
    counter, own, _ = guarded
    ask(counter, claim(), headers=own)
    ask(counter, claim(fund_amount="a secret"), headers=own)
    standing(counter, headers=own, on="2023-06-10")
    log = counter.log.getvalue()
    told = [json.loads(line) for line in log.splitlines() if '"request_answered"' in line]
    assert [(one["route"], one["caller"], one["status"]) for one in told] == [
        ("precheck", INSTITUTION, 200), ("precheck", INSTITUTION, 422), ("physicians", INSTITUTION, 200),
    ]  # fmt: skip
    for personal in (str(GOOD["insured_id"]), PHYSICIAN, str(GOOD["claim_id"]), "a secret", own["Authorization"][7:]):
        assert personal not in log
