"""Archived claims judged again: what differs is what the gate says by the register now, and nothing differs from the last answer."""

from __future__ import annotations

import datetime as dt
import functools
import json
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from pipeline.archive.layout import CLAIM_TABLE, VERDICT_TABLE
from pipeline.archive.rows import Records, claim_rows, verdict_rows
from pipeline.archive.table import ArchiveTable
from pipeline.reconcile.chain import chain_of
from pipeline.reconcile.judging import Reconciler, Scope
from pipeline.reconcile.proof import broken
from pipeline.reconcile.register import Revisions
from pipeline.reconcile.totals import Totals
from pipeline.screening.gate import Gate
from pipeline.screening.keeping import kept_in
from pipeline.settings.packs import load_pack_set
from pipeline.telemetry.reconcile_metrics import ReconcileMetrics
from tests.support.judging import SHANTOU, judge, make_gate, verdicts
from tests.support.register import ELSEWHERE, Register
from tests.support.runs import sample
from topics.messages.revisions import ClaimRevision

NOW = dt.datetime(2026, 11, 28, tzinfo=dt.UTC)
ANSWER = ("disposition", "reason", "exempted_ground", "cost_bearer")
NONE = chain_of(())


def _archived(place: Path, register: Register, values: list[bytes]) -> None:
    """An archive of claims and of what the gate says of them."""
    judged = judge(make_gate(register), list(values))
    answers = [str(record["value"]).encode() for record in judged.verdicts]
    for spec, make, records in ((CLAIM_TABLE, claim_rows, values), (VERDICT_TABLE, verdict_rows, answers)):
        count = len(records)
        rows = make(Records(None, [0] * count, range(count), [0] * count, records))
        ArchiveTable(str(place), spec).append(rows.frame, None, {0: count})


@functools.cache
def _screen() -> Gate:
    return Gate(load_pack_set(None, SHANTOU, with_subjects=True))


def _published(*registers: Register) -> tuple[Gate, Revisions]:
    """What is known after the registers were published one after the other."""
    gate, known = _screen().beside(), Revisions()
    places = kept_in(gate.index)
    for register in registers:
        for topic in ("physician-standing", "institution-standing"):
            for record in register.records(topic):
                timeline = places[topic].apply(record["key"], record["value"].encode())
                known.heard(places[topic].kind, record["key"], timeline)
    return gate, known


def _revisions(place: Path, published: tuple[Gate, Revisions], chain: pl.DataFrame) -> list[ClaimRevision]:
    return [one for one, _ in Reconciler(str(place), *published, chain, every=True).revisions(NOW)]


def test_what_differs_is_what_the_gate_says_by_the_register_now(tmp_path: Path) -> None:
    register, values = sample(23, 150)
    later, _ = sample(29, 150)
    _archived(tmp_path, register, values)
    assert not _revisions(tmp_path, _published(register), NONE), "what was answered follows from the register"

    merged = Register({**register.physicians, **later.physicians}, {**register.institutions, **later.institutions})
    now = {told["claim_id"]: tuple(told[name] for name in ANSWER) for told in verdicts(make_gate(merged), values)}
    before = {told["claim_id"]: tuple(told[name] for name in ANSWER) for told in verdicts(make_gate(register), values)}
    found = _revisions(tmp_path, _published(register, later), NONE)
    assert {one.claim_id: _answer(one) for one in found} == {
        name: answer for name, answer in now.items() if answer != before[name]
    }
    assert all(one.explanation.zh and one.explanation.en for one in found)

    assert not _revisions(tmp_path, _published(register, later), chain_of(found)), "a revision is written once"
    back = _revisions(tmp_path, _published(register, later, register), chain_of(found))
    assert {one.claim_id for one in back} == {one.claim_id for one in found}
    assert {one.number for one in back} == {2}


def test_only_claims_of_people_whose_standing_has_another_revision_are_judged(tmp_path: Path) -> None:
    register, values = sample(23, 150)
    _archived(tmp_path, register, values)
    gate, known = _published(register)
    named = next(iter(known.by_kind["physician"]))
    known.by_kind["physician"][named] += 1
    run = Reconciler(str(tmp_path), gate, known, NONE, every=False)
    assert not list(run.revisions(NOW))
    assert run.counts.answered == len(values)
    assert 0 < run.counts.judged < len(values)


def test_a_claim_is_judged_again_when_its_physician_is_recorded_elsewhere_too(tmp_path: Path) -> None:
    register, values = sample(23, 300, regions=(ELSEWHERE,))
    _archived(tmp_path, register, values)
    gate, known = _published(register)
    before = Reconciler(str(tmp_path), gate, known, NONE, every=False)
    assert not list(before.revisions(NOW))
    for name in list(known.by_kind["physician"]):
        known.by_kind["physician"][f"310000|{name.partition('|')[2]}"] = known.by_kind["physician"][name]
    after = Reconciler(str(tmp_path), gate, known, NONE, every=False)
    assert not list(after.revisions(NOW))
    assert after.counts.judged > before.counts.judged, "a status recorded in another area may bind here"


def test_a_look_at_whose_standing_changed_finds_what_a_look_at_everything_finds(tmp_path: Path) -> None:
    register, values = sample(23, 150)
    later, _ = sample(29, 150)
    _archived(tmp_path, register, values)
    gate, known = _published(register, later)
    everything = list(Reconciler(str(tmp_path), gate, known, NONE, every=False).revisions(NOW))
    touched = Reconciler(str(tmp_path), gate, known, NONE, every=False).revisions(NOW, Scope(owners=known.touched))
    assert {one.claim_id for one, _ in touched} == {one.claim_id for one, _ in everything} != set()
    files = frozenset(DeltaTable(str(tmp_path / VERDICT_TABLE.folder)).file_uris())
    new = Reconciler(str(tmp_path), gate, known, NONE, every=False).revisions(NOW, Scope(files=files))
    assert {one.claim_id for one, _ in new} == {one.claim_id for one, _ in everything}
    nobody = Reconciler(str(tmp_path), gate, known, NONE, every=True)
    assert not list(nobody.revisions(NOW, Scope(owners={"physician": {"522700|nobody"}})))


def test_a_claim_is_looked_at_when_somebody_whom_only_its_lines_name_has_another_standing(tmp_path: Path) -> None:
    register, values = sample(23, 40)
    line = {"person": "D522701000009", "role": "nurse", "day": "2023-05-10", "amount": "1.00"}
    named = json.dumps(json.loads(values[0]) | {"lines": [line]}).encode()
    _archived(tmp_path, register, [named, *values[1:]])
    run = Reconciler(str(tmp_path), *_published(register), NONE, every=True)
    assert not list(run.revisions(NOW, Scope(owners={"physician": {"522700|D522701000009"}})))
    assert run.counts.judged == 1


def test_a_chain_that_lacks_a_link_or_replaces_another_answer_is_named(tmp_path: Path) -> None:
    register, values = sample(23, 150)
    later, _ = sample(29, 150)
    _archived(tmp_path, register, values)
    one = _revisions(tmp_path, _published(register, later), NONE)
    two = _revisions(tmp_path, _published(register, later, register), chain_of(one))
    assert not list(broken([*two, *one])), "in whatever order they are read"
    assert len(list(broken([*one[1:], *two]))) == 1
    assert "numbered [1, 1, 2]" in next(broken([*one, *two, one[0]]))[1]
    other = two[0].model_copy(update={"earlier": two[0].new})
    assert [told for _, told in broken([*one, other, *two[1:]]) if "replaces" in told]


def test_the_sums_follow_from_the_revisions_by_area_and_month(tmp_path: Path) -> None:
    register, values = sample(23, 150)
    later, _ = sample(29, 150)
    _archived(tmp_path, register, values)
    found = _revisions(tmp_path, _published(register, later), NONE)
    totals, metrics = Totals(), ReconcileMetrics()
    for one in found:
        totals.add(one)
    totals.show(metrics)
    samples = {family.name: family.samples for family in metrics.registry.collect()}
    assert sum(one.value for one in samples["screening_reconcile_revisions"]) == len(found)
    moved = sum(one.value for one in samples["screening_reconcile_to_fund_yuan"])
    assert moved == pytest.approx(float(sum(Decimal(one.to_fund) for one in found)))
    areas = {one.labels["area"] for one in samples["screening_reconcile_to_fund_yuan"]}
    assert areas <= {one.area for one in found}


def _answer(revision: ClaimRevision) -> tuple[str | None, ...]:
    new = revision.new
    ground = None if new.exempted_ground is None else new.exempted_ground.value
    return new.disposition.value, new.reason.value, ground, new.cost_bearer.value
