"""The cases that a replay exports: the gate's own, opened when their claims were settled, the same bytes each time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.replay.report.cases import FILE, write_cases
from pipeline.replay.sums import FiguresError
from pipeline.screening.gate import Gate
from pipeline.settings.packs import load_pack_set
from rules.standing import institution_timeline, statement
from tests.support.judging import judge
from tests.support.replaying import (
    replayed_sample,
    sample_claims,
    sample_events,
    two_decimals,
    verdicts,
    written_cases,
)
from topics.messages.cases import Case

PACKS = load_pack_set()

_OF_THE_RUN = ("source", "screened_at", "opened_at")


@pytest.fixture(scope="module")
def values() -> list[bytes]:
    return sample_claims(5_000, broken_share=0.03)


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory, values: list[bytes]) -> Path:
    return replayed_sample(tmp_path_factory.mktemp("cases"), values)


def gate_of_the_events() -> Gate:
    gate = Gate(PACKS)
    files: dict[tuple[str, str, bool], list] = {}
    for event in sample_events():
        code = event.institution if event.of_institution else event.physician_code
        files.setdefault((event.region, code or "", event.of_institution), []).append(event)
    for (region, code, of_institution), known in files.items():
        law = PACKS.law(region)
        if of_institution:
            made = institution_timeline(known, law, institution_code=code, region=region, revision=len(known))
            gate.index.put_institution(made)
        else:
            gate.index.put(statement(known, law, region=region, physician_code=code, revision=len(known)).timeline)
    return gate


def test_a_case_of_a_replay_is_the_gates_own_case_but_for_its_place_and_time(
    replayed: Path, values: list[bytes]
) -> None:
    assert write_cases(replayed, PACKS) == len(written_cases(replayed))
    judged = judge(gate_of_the_events(), values)
    expected = [two_decimals(json.loads(record["value"])) for record in judged.cases]
    assert len(expected) > 200
    for mine, theirs in zip(written_cases(replayed), expected, strict=True):
        assert [*mine] == [*theirs], "the fields stand in the contract's order"
        assert {key: value for key, value in mine.items() if key not in _OF_THE_RUN} == {
            key: value for key, value in theirs.items() if key not in _OF_THE_RUN
        }


def test_every_reject_and_review_is_a_case_in_the_contract_opened_when_its_claim_was_settled(replayed: Path) -> None:
    write_cases(replayed, PACKS)
    flagged = verdicts(replayed).filter(~(verdicts(replayed)["disposition"] == "pay"))
    made = written_cases(replayed)
    assert len(made) == flagged.height
    assert len({case["case_id"] for case in made}) == len(made)
    for case, row in zip(made, flagged.iter_rows(named=True), strict=True):
        read = Case.model_validate_json(json.dumps(case))
        assert read.claim_id == row["claim_id"]
        assert (read.source.topic, read.source.partition, read.source.offset) == ("replay", 0, row["source_row"])
        assert read.opened_at == read.screened_at == row["settlement_time"].isoformat()
        assert read.explanation.zh
        assert read.explanation.en
        assert read.evidence == tuple(row["evidence"])


def test_the_same_replay_gives_the_same_cases_byte_by_byte(replayed: Path) -> None:
    write_cases(replayed, PACKS)
    first = (replayed / FILE).read_bytes()
    (replayed / FILE).unlink()
    write_cases(replayed, PACKS)
    assert (replayed / FILE).read_bytes() == first
    assert not list(replayed.glob("*.part")), "nothing half-written is left"


def test_a_folder_without_a_replay_has_no_cases(tmp_path: Path) -> None:
    with pytest.raises(FiguresError, match="no complete replay"):
        write_cases(tmp_path, PACKS)
    assert not list(tmp_path.iterdir())
