"""P1 and P2 through gate, ledger, replay and worked cases: one dossier an area, whatever place of it is named."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import msgspec
import polars as pl
import pytest

from pipeline.control.dossiers import dossier_key, read_dossier, standing_key, write_dossier
from pipeline.control.faust.state_store import MemoryStateStore, StateStore
from pipeline.control.ledger import Ledger
from pipeline.control.notices import due_notices
from pipeline.control.regrouping import Whose, regroup, under_places
from pipeline.control.write_batch import Received, WriteBatch
from pipeline.explain.explaining import explain_claim
from pipeline.kafka.partitioner import partition_of
from pipeline.replay.report.figures import _cube
from pipeline.screening.gate import Gate
from rules.areas import province_of
from rules.dossier import fold
from rules.duties import duties
from rules.events import Event, encode
from rules.standing import institution_timeline, statement, timeline
from rules.timeline import PhysicianTimeline
from tests.support.control import PACKS
from tests.support.histories import make
from tests.support.judging import judge
from topics.catalogue import DOSSIERS, NOTICES, PHYSICIAN_EVENTS, PHYSICIAN_STANDING
from topics.events.acceptance import Accepted, accept
from topics.messages.cases import Case
from topics.messages.verdicts import Verdict

AREA, FIRST, SECOND = "522700", "522701", "522702"
CODE, SITE = "D522701000001", "H52270100001"
TODAY = dt.date(2023, 6, 1)


def event(kind: str, day: str, number: int, region: str = FIRST, **fields: Any) -> Event:
    made: dict[str, Any] = {"region": region, "physician_code": CODE, "institution": SITE, "event_id": f"e{number}"}
    return make(kind, day, number, **{**made, **fields})


def registered(region: str = FIRST, number: int = 1, **fields: Any) -> Event:
    return event("registration", "2023-01-03", number, region, **fields)


def six(region: str, number: int, day: str = "2023-05-10") -> Event:
    return event("deduction", day, number, region, points=6, violation_id="QN-T6-01")


def claim(region: str, day: str = "2023-05-20", **fields: Any) -> bytes:
    made = {
        "claim_id": f"C-{region}-{day}", "region": region, "institution_code": SITE, "physician_code": CODE,
        "encounter_type": "outpatient", "service_date": day, "settlement_time": f"{day}T18:00:00+08:00",
        "insured_id": "P1", "insurance_type": "resident", "total_amount": "100.00", "fund_amount": "70.00",
    }  # fmt: skip
    return json.dumps({**made, **fields}).encode()


def old_standing(region: str, events: list[Event], law: str | None = None) -> PhysicianTimeline:
    """What a ledger of before the areas published: under the region as sent, by the law that listed that very code."""
    own = [one for one in events if one.region == region]
    governed = PACKS.law(region if law is None else law)
    return timeline(fold(own), governed, region=region, physician_code=CODE, revision=len(own))


def answers(gate: Gate, values: list[bytes], few: int = 200) -> list[dict[str, Any]]:
    gate._few = few
    judged = judge(gate, values)
    assert not judged.dead_letters
    return [json.loads(record["value"]) for record in judged.verdicts]


def by_area(*events: Event) -> Gate:
    gate = Gate(PACKS)
    gate.index.put(timeline(fold(events), PACKS.law(AREA), region=AREA, physician_code=CODE, revision=len(events)))
    return gate


class Tables:
    """The tables of one partition in memory."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], StateStore] = {}
        self.ledger = Ledger(PACKS, 1)

    def of(self, table: str, partition: int) -> StateStore:
        return self._kept.setdefault((table, partition), MemoryStateStore())

    def write(self, batch: WriteBatch) -> WriteBatch:
        for where, changes in batch.changes.items():
            self.of(*where).write(changes, 0)
        return batch

    def take(self, *events: Event) -> WriteBatch:
        batch = WriteBatch(self.of)
        received = [Received(PHYSICIAN_EVENTS.name, 0, 0, CODE.encode(), encode(one), []) for one in events]
        self.ledger.take(received, batch, TODAY)
        assert not batch.loose, batch.loose
        return self.write(batch)

    def written_before(self, *events: Event, law: str | None = None) -> None:
        """What a ledger of before the areas kept and published of these events."""
        batch = WriteBatch(self.of)
        for region in {one.region for one in events}:
            own = tuple(one for one in events if one.region == region)
            batch.put(DOSSIERS, 0, dossier_key("physician", region, CODE), write_dossier(own))
            told = msgspec.json.encode(old_standing(region, list(events), law))
            batch.put(PHYSICIAN_STANDING, 0, standing_key(region, CODE), told)
            governed, file = PACKS.law(region if law is None else law), fold(own)
            owed = duties(file, statement(file, governed, region=region, physician_code=CODE), governed)
            for name, value in due_notices(region, CODE, owed, TODAY, ()):
                batch.put(NOTICES, 0, name.encode(), value)
        self.write(batch)

    def regroup(self) -> list[WriteBatch]:
        batches = []
        for whose, keys in under_places(self.of(DOSSIERS.name, 0)).items():
            batch = WriteBatch(self.of)
            assert regroup(self.ledger, PACKS, 0, whose, keys, batch, TODAY)
            batches.append(self.write(batch))
        return batches

    def standings(self) -> dict[str, PhysicianTimeline]:
        kept = self.of(PHYSICIAN_STANDING.name, 0).items_from(b"")
        return {key.decode(): msgspec.json.decode(value, type=PhysicianTimeline) for key, value in kept}

    def dossiers(self) -> dict[str, set[str]]:
        kept = self.of(DOSSIERS.name, 0).items_from(b"")
        return {key.decode(): {one.event_id for one in read_dossier(value)} for key, value in kept}

    def told(self) -> list[tuple[Any, ...]]:
        kept = [json.loads(value) for _, value in self.of(NOTICES.name, 0).items_from(b"")]
        return sorted((one["kind"], one.get("phase"), one["trigger"], one["due_on"] or "") for one in kept)


# -- the gate -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("few", [0, 200])
def test_a_physician_registered_under_the_prefecture_is_known_to_a_claim_of_its_county(few: int) -> None:
    gate = by_area(registered(AREA))
    told = answers(gate, [claim(FIRST), claim(AREA), claim("520100")], few)
    assert [(one["disposition"], one["rule_pack"].partition("@")[0]) for one in told[:2]] == [
        ("pay", "qiannan-2022")
    ] * 2
    assert [one["region"] for one in told] == [FIRST, AREA, "520100"], "as it was sent"
    assert [one.get("area", "(absent)") for one in told] == [AREA, "(absent)", "(absent)"]


@pytest.mark.parametrize("few", [0, 200])
def test_a_verdict_carries_the_area_where_the_region_is_none_and_a_case_always_does(few: int) -> None:
    gate = by_area(registered(), six(FIRST, 2), six(SECOND, 3, "2023-05-11"))
    gate._few = few
    judged = judge(gate, [claim(SECOND), claim(AREA)])
    verdicts = [Verdict.model_validate_json(record["value"]) for record in judged.verdicts]
    cases = [Case.model_validate_json(record["value"]) for record in judged.cases]
    assert [one.reason for one in verdicts] == ["in_penalty_period", "in_penalty_period"], "six and six are twelve"
    assert [one.area for one in verdicts] == [AREA, None]
    assert [one.area for one in cases] == [AREA, AREA]
    assert [one.model_dump_json(by_alias=True) for one in verdicts] == [record["value"] for record in judged.verdicts]


def test_both_ways_of_a_batch_write_the_same_bytes() -> None:
    values = [
        claim(region, day)
        for region in (FIRST, SECOND, AREA, "110105", "371202")
        for day in ("2017-05-20", "2023-05-20")
    ]
    gate = by_area(registered(), six(FIRST, 2), six(SECOND, 3))
    gate._few = 0
    wide = judge(gate, values)
    gate._few = 200
    few = judge(gate, values)
    assert (wide.verdicts, wide.cases) == (few.verdicts, few.cases)


@pytest.mark.parametrize("region", [FIRST, SECOND, AREA])
def test_what_a_ledger_wrote_under_a_county_counts_for_every_claim_of_the_area(region: str) -> None:
    gate = Gate(PACKS)
    gate.index.put(old_standing(FIRST, [registered()]))
    told = answers(gate, [claim(region)])[0]
    assert (told["disposition"], told["rule_pack"].partition("@")[0]) == ("pay", "qiannan-2022")
    assert told["standing_revision"] == 1


def test_of_several_records_in_one_area_the_strictest_of_the_day_holds_until_they_are_folded_together() -> None:
    twelve = [registered(SECOND, 1), event("deduction", "2023-05-10", 2, SECOND, points=12, violation_id="QN-T12-01")]
    gate = Gate(PACKS)
    gate.index.put(old_standing(FIRST, [registered()]))
    gate.index.put(old_standing(SECOND, twelve, law=AREA))
    assert {one["reason"] for one in answers(gate, [claim(FIRST), claim(SECOND), claim(AREA)])} == {"in_penalty_period"}
    gate.index.put(timeline(fold([registered()]), PACKS.law(AREA), region=AREA, physician_code=CODE, revision=1))
    assert {one["reason"] for one in answers(gate, [claim(FIRST), claim(AREA)])} == {"in_penalty_period"}
    gate.index.drop(f"{SECOND}|{CODE}")
    assert {one["reason"] for one in answers(gate, [claim(FIRST), claim(AREA)])} == {"ok"}


def test_sites_of_all_records_in_an_area_count() -> None:
    gate = by_area(registered(AREA, institution="H52270000009"))
    assert answers(gate, [claim(FIRST)])[0]["reason"] == "site_not_declared"
    gate.index.put(old_standing(FIRST, [registered()]))
    assert answers(gate, [claim(FIRST)])[0]["reason"] == "ok"


def test_an_institution_is_barred_by_what_is_recorded_under_its_county() -> None:
    ended = make(
        "institution_ended", "2023-04-01", 1, region=FIRST, institution=SITE, event_id="i1", **{"from": "2023-04-01"}
    )
    gate = by_area(registered(AREA))
    told = institution_timeline(fold([ended]), PACKS.law(FIRST), institution_code=SITE, region=FIRST, revision=1)
    gate.index.put_institution(told)
    assert {one["reason"] for one in answers(gate, [claim(FIRST), claim(AREA)])} == {"institution_agreement_terminated"}
    gate.index.drop_institution(f"{FIRST}|{SITE}")
    assert {one["reason"] for one in answers(gate, [claim(FIRST), claim(AREA)])} == {"ok"}


def test_a_national_status_recorded_for_a_county_binds_beside_the_law_of_its_area() -> None:
    status = event("status", "2025-02-01", 2, status="terminated")
    found = accept(encode(status), PACKS)
    assert isinstance(found, Accepted)
    assert found.area == FIRST, "the law of the area knows no such event"
    of_the_area = accept(encode(msgspec.structs.replace(status, region=AREA)), PACKS)
    assert isinstance(of_the_area, Accepted)
    assert of_the_area.area == province_of(AREA), "it is filed with the province, and binds"
    gate = by_area(registered(AREA))
    gate.index.put(old_standing(FIRST, [registered(FIRST, 1), status]))
    before, after = answers(gate, [claim(FIRST, "2025-01-20"), claim(SECOND, "2025-03-20")])
    assert (before["disposition"], after["disposition"]) == ("pay", "reject")
    assert after["reason"] == "status_abnormal"


# -- one law ------------------------------------------------------------------------------------------------------


def test_explain_folds_the_area_as_the_ledger_does() -> None:
    lines = [encode(one) for one in (registered(AREA), six(FIRST, 2), six(SECOND, 3))]
    told = explain_claim(claim(SECOND), lines, PACKS, as_of=None, today=TODAY)
    assert (told.verdict["reason"], told.pack.pack, told.used) == ("in_penalty_period", "qiannan-2022", 3)


# -- the ledger ---------------------------------------------------------------------------------------------------


def test_the_ledger_keeps_one_dossier_an_area() -> None:
    tables = Tables()
    tables.take(registered(), six(FIRST, 2))
    tables.take(six(SECOND, 3))
    assert tables.dossiers() == {f"physician|{AREA}|{CODE}": {"e1", "e2", "e3"}}
    standing = tables.standings()[f"{AREA}|{CODE}"]
    assert (standing.region, standing.revision, len(tables.standings())) == (AREA, 3, 1)
    assert {str(span.standing) for span in standing.spans} >= {"penalty"}


def test_what_was_kept_by_region_is_folded_again_by_area_in_one_batch() -> None:
    tables, anew = Tables(), Tables()
    events = [registered(), six(FIRST, 2), registered(SECOND, 4), six(SECOND, 3)]
    tables.written_before(*events, law=AREA)
    told = tables.told()
    assert told, "the deductions owed something already"
    before = {name: one.revision for name, one in tables.standings().items()}
    (batch,) = tables.regroup()
    written = list(batch.changes[PHYSICIAN_STANDING.name, 0])
    assert written[0] == f"{AREA}|{CODE}".encode(), "the new one first, so that a reader never sees neither"
    assert {key: value for key, value in batch.changes[PHYSICIAN_STANDING.name, 0].items() if value is None}.keys() == {
        name.encode() for name in before
    }
    anew.take(*events)
    assert tables.dossiers() == anew.dossiers()
    assert tables.of(DOSSIERS.name, 0).get(dossier_key("physician", AREA, CODE)) == anew.of(DOSSIERS.name, 0).get(
        dossier_key("physician", AREA, CODE)
    )
    assert tables.standings() == anew.standings()
    assert tables.standings()[f"{AREA}|{CODE}"].revision > max(before.values())
    assert tables.told() == told, "nobody is told while the dossiers are put together"
    assert tables.regroup() == [], "it is done once"


def test_notices_that_were_given_are_not_given_again_when_the_area_is_looked_at() -> None:
    tables = Tables()
    tables.written_before(registered(), six(FIRST, 2), law=AREA)
    told = tables.told()
    tables.regroup()
    batch = WriteBatch(tables.of)
    tables.ledger.remind(0, [dossier_key("physician", AREA, CODE)], batch, TODAY)
    tables.write(batch)
    assert tables.told() == told
    tables.take(six(SECOND, 3))
    assert len(set(tables.told())) == len(tables.told()) > len(told), "what is new is told, and once"


def test_a_status_that_the_area_does_not_know_stays_with_the_county_and_the_registration_goes_to_the_area() -> None:
    tables = Tables()
    status = event("status", "2025-02-01", 2, status="suspended", until="2025-05-01")
    tables.written_before(registered(), status)
    tables.regroup()
    assert tables.dossiers() == {f"physician|{AREA}|{CODE}": {"e1"}, f"physician|{FIRST}|{CODE}": {"e2"}}
    gate = Gate(PACKS)
    for standing in tables.standings().values():
        gate.index.put(standing)
    told = answers(gate, [claim(SECOND, "2025-03-20"), claim(SECOND, "2025-06-20")])
    assert [one["reason"] for one in told] == ["status_abnormal", "ok"]
    assert all(not batch.changes for batch in tables.regroup()), "and so it stays"


def test_a_dossier_of_before_the_areas_gets_further_events_in_the_area() -> None:
    tables = Tables()
    tables.written_before(registered())
    tables.regroup()
    tables.take(six(SECOND, 2), six(FIRST, 3))
    assert tables.dossiers() == {f"physician|{AREA}|{CODE}": {"e1", "e2", "e3"}}
    assert partition_of(CODE.encode(), 1) == 0


# -- figures ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("few", [0, 200])
def test_the_gates_figures_add_up_the_places_of_an_area(few: int) -> None:
    gate = by_area(registered(AREA))
    gate._few = few
    judged = judge(gate, [claim(FIRST), claim(SECOND), claim(AREA), claim("110105"), claim("110229")])
    assert sorted((one.region, one.claims) for one in judged.tally.sums) == [("110000", 2), (AREA, 3)]


def test_a_reports_figures_add_up_the_places_of_an_area() -> None:
    day = dt.date(2023, 5, 1)
    rows = [
        (1, "pay", "ok", region, day, "outpatient", Decimal("70.00"), CODE)
        for region in (FIRST, SECOND, AREA, "520100")
    ]
    names = [
        "ruling",
        "disposition",
        "reason",
        "region",
        "settlement_month",
        "encounter_type",
        "fund_amount",
        "physician_code",
    ]
    cube = _cube(pl.LazyFrame(rows, schema=names, orient="row"))
    assert cube.select("region", "claims", "amount").rows() == [
        ("520100", 1, Decimal("70.00")), (AREA, 3, Decimal("210.00")),
    ]  # fmt: skip


def test_a_halt_between_two_owners_leaves_each_whole_and_the_next_start_goes_on() -> None:
    tables, other = Tables(), "D522701000009"
    tables.written_before(registered(), six(FIRST, 2), law=AREA)
    theirs = registered(number=7, physician_code=other)
    batch = WriteBatch(tables.of)
    batch.put(DOSSIERS, 0, dossier_key("physician", FIRST, other), write_dossier((theirs,)))
    tables.write(batch)
    found = under_places(tables.of(DOSSIERS.name, 0))
    first: Whose = ("physician", CODE)
    batch = WriteBatch(tables.of)
    assert regroup(tables.ledger, PACKS, 0, first, found[first], batch, TODAY)
    tables.write(batch)
    assert tables.dossiers().keys() == {f"physician|{AREA}|{CODE}", f"physician|{FIRST}|{other}"}
    assert len(tables.regroup()) == 1
    assert tables.dossiers().keys() == {f"physician|{AREA}|{CODE}", f"physician|{AREA}|{other}"}
