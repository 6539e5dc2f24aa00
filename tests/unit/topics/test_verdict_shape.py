"""One table says what a verdict is made of; the contract, the codec and all that stores or compares verdicts agree with it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from pipeline.replay.output import DIFFERENCES_SCHEMA, RECORDED_SCHEMA, VERDICT_SCHEMA
from pipeline.replay.proof.spooling import _Verdict
from rules.vocabulary import Disposition
from tests.support.judging import AT, OF_THE_RUN, bare, make_gate
from tests.unit.topics.test_golden_verdicts import golden, register
from topics.catalogue import CLAIM_CASES
from topics.messages.cases import Case
from topics.messages.verdicts import Verdict, VerdictRegister
from topics.verdicts.shape import AT_THE_END, VERDICT, VERDICT_NAMES, WIRE_COLUMNS

AS_OF = VerdictRegister(as_of="2026-11-27T03:00:00.000Z", progress={"0": 17, "1": 4})


def test_the_table_has_the_fields_of_the_contract_in_its_order_and_with_its_nulls() -> None:
    fields = {field.alias or name: field for name, field in Verdict.model_fields.items()}
    assert (*VERDICT_NAMES, *OF_THE_RUN, *AT_THE_END) == tuple(fields)
    null = {field.name for field in VERDICT if type(None) in getattr(field.wire, "__args__", ())}
    model_null = {name for name in VERDICT_NAMES if type(None) in getattr(fields[name].annotation, "__args__", ())}
    assert null == model_null


def test_what_stores_verdicts_and_reads_them_back_has_the_fields_of_the_table() -> None:
    names = list(VERDICT_NAMES)
    assert [name for name in VERDICT_SCHEMA if name in names] == names
    assert [name for name in RECORDED_SCHEMA if name in names] == names
    assert [name for name in _Verdict.__struct_fields__ if name in names] == names
    assert {name.removeprefix("recorded_") for name in DIFFERENCES_SCHEMA} & set(names) <= set(names)


def test_the_columns_of_the_wire_read_golden_verdicts_as_they_are() -> None:
    lines = golden("claim-verdicts")
    read = pl.read_ndjson(b"\n".join(lines), schema=WIRE_COLUMNS)
    assert read.to_dicts() == [
        {name: value for name, value in json.loads(line).items() if name in WIRE_COLUMNS} for line in lines
    ]


def test_every_reject_and_every_review_opens_a_case_and_no_payment_does() -> None:
    assert [item for item in Disposition if item.opens_case] == [Disposition.REJECT, Disposition.REVIEW]


def judged(told: VerdictRegister | None) -> tuple[list[str], list[bytes]]:
    values = golden("claims")
    made = make_gate(register()).judge(
        values,
        topic="claims",
        partitions=[0] * len(values),
        offsets=range(len(values)),
        screened_at=AT,
        register=told,
    )
    return [record["value"] for record in made.verdicts], [record["value"] for record in made.cases]


def test_a_verdict_says_by_what_state_of_the_register_it_was_judged_and_is_otherwise_the_same() -> None:
    plain, cases_plain = judged(None)
    told, cases_told = judged(AS_OF)
    said = {"as_of": "2026-11-27T03:00:00.000Z", "progress": {"0": 17, "1": 4}}
    revisions = set()
    for before, after in zip(plain, told, strict=True):
        register = json.loads(after)["register"]
        revisions.add(register.pop("institution_revision", None))
        assert register == said
        assert Verdict.model_validate_json(after).register_ is not None
        assert "register" not in json.loads(before)
        assert list(bare(json.loads(after)).items()) == list(bare(json.loads(before)).items())
    assert revisions == {None, 0, 2}, "its own of each institution, and none where nothing is published"
    for case_before, case_after in zip(cases_plain, cases_told, strict=True):
        assert json.loads(case_after).pop("register").items() >= said.items()
        assert Case.model_validate_json(case_after).case_id == Case.model_validate_json(case_before).case_id


@pytest.mark.parametrize("few", [0, 1_000])
def test_a_source_names_the_id_of_its_topic_where_the_brokers_tell_it(few: int) -> None:
    gate = make_gate(register())
    gate._few = few
    values = golden("claims")
    place: Any = {"topic": "claims", "partitions": [0] * len(values), "offsets": range(len(values)), "screened_at": AT}
    ruled = gate.rule(values)
    plain, told = gate.write(ruled, **place), gate.write(ruled, **place, topic_id="nKBZ-b0r")
    for before, after in zip((*plain.verdicts, *plain.cases), (*told.verdicts, *told.cases), strict=True):
        was, says = json.loads(before["value"]), json.loads(after["value"])
        assert says["source"] == was["source"] | {"topic_id": "nKBZ-b0r"}
        assert {**says, "source": was["source"]} == was
    assert Verdict.model_validate_json(told.verdicts[0]["value"]).source.topic_id == "nKBZ-b0r"


def test_a_model_writes_the_register_where_there_is_one_and_nothing_where_there_is_none() -> None:
    lines = judged(AS_OF)[0] + judged(None)[0]
    assert [Verdict.model_validate_json(line).model_dump_json(by_alias=True) for line in lines] == lines


def test_a_case_fits_into_its_record_however_many_events_are_behind_it_and_says_what_it_leaves_out() -> None:
    gate = make_gate(register())
    values = golden("claims")
    ruled = gate.rule(values)
    many = tuple(f"event-{number:05}-{'事' * 80}" for number in range(5_000))
    ruled = replace(ruled, evidence=[many, *ruled.evidence[1:]])
    first, *others = gate.write(ruled, topic="claims", partitions=[0] * len(values), offsets=range(len(values)),
                                screened_at=AT).cases  # fmt: skip
    case = Case.model_validate_json(first["value"])
    assert len(first["value"]) < CLAIM_CASES.max_record_bytes - 64 * 1024
    assert case.evidence == many[-len(case.evidence) :], "the newest are named"
    assert len(case.evidence) + (case.evidence_omitted or 0) == len(many)
    assert not any(b"evidence_omitted" in other["value"] for other in others)
