"""The sample: made from a seed, shaped like a fund's claims, with everything in it that the gate has to deal with."""

from __future__ import annotations

import gzip
import json
import time
from collections import Counter
from random import Random

import msgspec
import pytest
from click.testing import CliRunner

from pipeline.cli.main import main
from pipeline.inputs.records import read_records
from pipeline.sample import BROKEN, claims, institutions, roster, write_sample
from pipeline.screening.gate import Gate
from pipeline.settings.packs import load_pack_set
from rules.calendar import sanction_window
from rules.dossier import fold
from rules.events import Event
from rules.standing import timeline
from rules.timeline import PhysicianTimeline
from rules.vocabulary import Disposition, Reason, Standing
from tests.support.thorough import share
from topics.claims.codec import ClaimError, decode_claims
from topics.events.acceptance import Accepted, accept
from topics.messages.ledger import InstitutionStandingMessage, PhysicianStanding

COUNT = 20_000


@pytest.fixture(scope="module")
def register():
    return roster(7)


@pytest.fixture(scope="module")
def records(register):
    return list(claims(7, COUNT, register))


@pytest.fixture(scope="module")
def decoded(records):
    return decode_claims([value for _, value in records])


@pytest.fixture(scope="module")
def judged(register, records):
    gate = Gate(load_pack_set())
    for physician in register:
        gate.index.put(physician)
    for institution in institutions(7):
        gate.index.put_institution(institution)
    values = [value for _, value in records]
    return gate.judge(
        values,
        topic="claims",
        partitions=[0] * COUNT,
        offsets=range(COUNT),
        screened_at="2026-01-05T08:00:00Z",
    )


# -- the claims ---------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bytes_and_another_seed_gives_others(register, records):
    assert list(claims(7, COUNT, roster(7))) == records
    assert list(claims(8, 500, register)) != list(claims(7, 500, register))


def test_a_sample_has_as_many_records_as_asked_and_every_key_once(records):
    assert len(records) == COUNT
    assert len({key for key, _ in records}) == COUNT


def test_every_kind_of_dead_letter_occurs_and_they_are_few(decoded):
    kinds = Counter(error.kind for _, error in decoded.errors)
    assert set(kinds) == set(ClaimError.KINDS)
    assert 0.002 < kinds.total() / COUNT < 0.004


@pytest.mark.parametrize("way", BROKEN, ids=lambda way: way.name)
def test_a_broken_record_is_refused_for_the_reason_it_was_broken_for(way, register):
    ((_, good),) = claims(3, 1, register, broken_share=0)
    for attempt in range(20):
        decoded = decode_claims([good, way.spoil(Random(attempt), good), good])
        assert [(row, error.kind) for row, error in decoded.errors] == [(1, way.kind)]


def test_a_small_sample_too_has_every_way_of_being_broken(register):
    spoilt = [value for _, value in claims(7, 600, register)]
    assert {error.kind for _, error in decode_claims(spoilt).errors} == set(ClaimError.KINDS)


def test_without_broken_records_the_other_claims_are_the_same(register, records):
    whole = dict(claims(7, COUNT, register, broken_share=0))
    assert not decode_claims(list(whole.values())).errors
    assert sum(whole[key] != value for key, value in records) == len(decode_claims([v for _, v in records]).errors)


def test_the_claims_are_shaped_like_those_of_a_chinese_fund(decoded):
    frame = decoded.claims
    share = Counter(frame["encounter_type"].to_list())
    assert share["outpatient"] / len(frame) > 0.7
    assert all(share[kind] > 50 for kind in ("emergency", "rescue", "public_health_emergency", "maternity"))
    assert 0.006 < frame["physician_code"].null_count() / len(frame) < 0.011
    amounts = frame["fund_amount"]
    assert 5 < amounts.str.starts_with("-").sum() < 60
    assert amounts.eq("0.00").sum() > 300
    assert frame["start_day"].drop_nulls().len() > 2_000
    busiest = Counter(frame["physician_code"].drop_nulls().to_list()).most_common(100)
    assert 0.15 < sum(count for _, count in busiest) / len(frame) < 0.5


def test_twenty_thousand_claims_take_well_under_a_second(register):
    started = time.process_time()
    assert sum(1 for _ in claims(7, COUNT, register)) == COUNT
    assert time.process_time() - started < 1


# -- the register -------------------------------------------------------------------------------------------------


def test_the_register_is_made_from_its_seed_alone(register):
    assert roster(7) == register
    assert roster(8) != register
    assert institutions(7) == institutions(7)


def test_a_larger_register_holds_the_smaller_one_unchanged(register):
    larger = {(physician.region, physician.physician_code): physician for physician in roster(7, physicians=5_000)}
    assert len(larger) > 4_900
    assert all(larger[physician.region, physician.physician_code] == physician for physician in register)


def test_every_standing_on_the_wire_obeys_its_contract(register):
    for physician in register:
        document = msgspec.json.encode(physician)
        PhysicianStanding.model_validate_json(document)
        assert msgspec.json.decode(document, type=PhysicianTimeline) == physician
    for institution in institutions(7):
        InstitutionStandingMessage.model_validate_json(msgspec.json.encode(institution))


@pytest.mark.long
def test_whatever_the_seed_every_timeline_can_be_indexed_and_every_kind_of_record_occurs():
    compiled = Gate(load_pack_set())
    for seed in range(share(40, least=10)):
        register, gate = roster(seed, physicians=400), compiled.beside()
        for physician in register:
            gate.index.put(physician)
        for institution in institutions(seed):
            gate.index.put_institution(institution)
        assert len(gate.index) == len(register)
        errors = decode_claims([value for _, value in claims(seed, 600, register)]).errors
        assert {error.kind for _, error in errors} == set(ClaimError.KINDS)


@pytest.mark.parametrize("count", [1, 19, 20, 100, 599])
def test_a_tiny_sample_is_as_long_as_asked(register, count):
    assert len(list(claims(1, count, register))) == count


def test_even_a_small_register_has_every_kind_of_standing():
    small = roster(1, physicians=60)
    standings = {span.standing for physician in small for span in physician.spans}
    claim_only = {Standing.NOT_APPLICABLE, Standing.UNREGISTERED, Standing.OPTED_OUT}
    assert standings | {Standing.CAUTIONED_10} >= set(Standing) - claim_only
    assert any(physician.contested for physician in small)


def test_penalty_windows_follow_the_month_counting_of_the_law(register):
    seen = 0
    for physician in register:
        for before, span in zip(physician.spans, physician.spans[1:], strict=False):
            if before.standing is Standing.PENALTY_PENDING:
                assert span.penalty_period in (sanction_window(before.start, 3), sanction_window(before.start, 12))
                seen += 1
    assert seen > 40


def test_most_physicians_are_in_order(register):
    quiet = sum(all(span.standing is Standing.NORMAL for span in physician.spans) for physician in register)
    assert 0.75 < quiet / len(register) < 0.95


# -- together -----------------------------------------------------------------------------------------------------


def test_every_rule_pack_speaks_and_most_claims_are_paid(judged):
    verdicts = [json.loads(record["value"]) for record in judged.verdicts]
    assert {verdict["rule_pack"] for verdict in verdicts} == {
        "qiannan-2022@1",
        "lanzhou-2014@1",
        "xiamen-2017@1",
        "national-2024@1",
    }
    dispositions = Counter(verdict["disposition"] for verdict in verdicts)
    assert dispositions[Disposition.PAY] / len(verdicts) > 0.9
    assert dispositions[Disposition.REJECT] > 500
    assert dispositions[Disposition.REVIEW] > 200


@pytest.mark.parametrize(
    "reason",
    [
        Reason.IN_PENALTY_PERIOD,
        Reason.PENDING_REINSTATEMENT,
        Reason.BLACKLISTED,
        Reason.PHYSICIAN_MISSING,
        Reason.PHYSICIAN_UNREGISTERED,
        Reason.OPTED_OUT,
        Reason.STRADDLES_PENALTY,
        Reason.DATA_CONFLICT,
        Reason.BLACKLIST_CONFLICT,
        Reason.SITE_NOT_DECLARED,
        Reason.QUALIFICATION_INCOMPLETE,
        Reason.INSTITUTION_AGREEMENT_TERMINATED,
        Reason.EXEMPT_EMERGENCY,
        Reason.EXEMPT_RESCUE,
        Reason.RULE_NOT_IN_FORCE,
        Reason.SUSPENDED,
        Reason.STATUS_ABNORMAL,
        Reason.POINTS_FULL_NO_STATED_EFFECT,
    ],
)
def test_the_sample_shows_this_reason(judged, reason):
    assert reason in {item.reason for item in judged.tally.sums}


# -- files --------------------------------------------------------------------------------------------------------


def test_a_sample_file_is_the_same_every_time_packed_or_not(tmp_path):
    plain, packed, again = (tmp_path / name for name in ("c.ndjson", "c.ndjson.gz", "other.ndjson.gz"))
    assert write_sample("claims", plain, seed=7, count=400) == 400
    write_sample("claims", packed, seed=7, count=400)
    write_sample("claims", again, seed=7, count=400)
    assert packed.read_bytes() == again.read_bytes()
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    assert not decode_claims(plain.read_bytes().splitlines()).errors


def test_an_events_file_holds_nothing_that_the_registers_would_refuse_and_gives_the_standings_of_its_seed(tmp_path):
    path, packs = tmp_path / "events.ndjson.gz", load_pack_set()
    written = write_sample("events", path, seed=7, count=300)
    files: dict[tuple[str, str], list[Event]] = {}
    for line in gzip.decompress(path.read_bytes()).splitlines():
        found = accept(line, packs)
        assert isinstance(found, Accepted), found
        files.setdefault((found.event.region, found.code), []).append(found.event)
    assert sum(map(len, files.values())) == written
    for physician in roster(7, physicians=300):
        events = files.pop((physician.region, physician.physician_code))
        assert timeline(fold(events), packs.law(physician.region), revision=len(events)) == physician
    assert len(files) == len(institutions(7))


def test_a_standing_file_can_be_loaded_and_holds_physicians_and_institutions(tmp_path):
    path = tmp_path / "standing.ndjson.gz"
    written = write_sample("standing", path, seed=7, count=200)
    lines = [line for _, line in read_records(path)]
    assert len(lines) == written
    assert sum("institution_code" in json.loads(line) for line in lines) == len(institutions(7))


@pytest.mark.parametrize("what", ["claims", "events", "standing"])
def test_a_name_that_promises_another_format_than_json_lines_is_refused(tmp_path, what):
    file = tmp_path / "sample.parquet"
    done = CliRunner().invoke(main, ["sample", what, str(file)])
    assert done.exit_code == 2
    assert "sample.parquet: what is written is JSON lines" in done.output
    assert not file.exists()
