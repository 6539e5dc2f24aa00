"""Messages that come one by one become the claims that the files of the same messages become, whatever their order and batches."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pipeline.intake import unit_of_work
from pipeline.intake.classes import load_classes
from pipeline.intake.messages import read_envelope
from pipeline.intake.state import Record
from pipeline.intake.taking import take
from pipeline.intake.visits import Changes, Letter, Visits
from tests.oracle.centre import claims_of
from tests.property.test_intake_oracle import named, taken_in
from tests.support.centre_day import Message, a_day, messages_of
from topics.dead_letters import Code
from topics.messages.intake import IntakeState

WAIT_MS, KEEP_MS = 600_000, 40 * 24 * 3_600_000
CLASSES = load_classes()


class Stream:
    """The partitions of a stream, and all that they have written."""

    def __init__(self, partitions: int = 3) -> None:
        self.now = 1_710_000_000_000
        self.parts = [self.fresh(number, partitions) for number in range(partitions)]
        self.logs: list[list[Record]] = [[] for _ in self.parts]
        self.claims: list[dict[str, Any]] = []
        self.letters: list[Letter] = []
        self.kept: list[dict[str, bytes]] = [{} for _ in self.parts]

    @staticmethod
    def fresh(number: int, partitions: int) -> Visits:
        return Visits("interface-messages", number, partitions, CLASSES, wait_ms=WAIT_MS, keep_ms=KEEP_MS)

    def send(self, messages: Iterable[Message], random: Random) -> None:
        """Takes messages from partitions at random, in batches of any size, and what is sent on until nothing is left."""
        fresh: list[list[Record]] = [[] for _ in self.parts]
        for message in messages:
            number = random.randrange(len(self.parts))
            fresh[number].append(self._log(number, json.dumps(message, ensure_ascii=False).encode()))
        while any(fresh):
            number = random.choice([number for number, records in enumerate(fresh) if records])
            most = random.choice([1, 2, 7, 100])
            batch, fresh[number] = fresh[number][:most], fresh[number][most:]
            self.now += random.randrange(2_000)
            for target, values in self.take(number, batch).sent_on.items():
                fresh[target] += [self._log(target, record.value or b"") for record in values]

    def _log(self, number: int, value: bytes) -> Record:
        record = Record(len(self.logs[number]), value, at=self.now)
        self.logs[number].append(record)
        return record

    def take(self, number: int, batch: list[Record]) -> Changes:
        changes = take(self.parts[number], batch, self.now)
        assert sum(changes.tally.records.values()) == len(batch), "each record ends as one thing"
        self.parts[number].apply(changes)
        self.claims += [json.loads(value) for _, value in changes.claims]
        self.letters += changes.letters
        for key, value in changes.states.items():
            self.kept[number].pop(key, None)
            if value is not None:
                assert IntakeState.model_validate_json(value).model_dump_json().encode() == value, (
                    "as the contract has it"
                )
                self.kept[number][key] = value
        return changes

    def wait(self) -> None:
        """So long that whatever waits goes on."""
        self.now += 2 * WAIT_MS
        for number in range(len(self.parts)):
            self.take(number, [])

    def redrive(self, random: Random) -> None:
        """Sends what was set aside once more, as an operator does."""
        again, self.letters = self.letters, []
        self.send((json.loads(letter.record.value or b"") for letter in again), random)
        self.wait()

    def restart(self) -> None:
        """Another process takes over from what is kept."""
        for number in range(len(self.parts)):
            self.parts[number] = self.fresh(number, len(self.parts))
            self.parts[number].restore(self.kept[number].items())

    def newest(self) -> dict[tuple[str, str], dict[str, Any]]:
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for claim in self.claims:
            name = (claim["institution_code"], claim["claim_id"])
            assert claim["claim_version"] == found.get(name, {"claim_version": 0})["claim_version"] + 1
            found[name] = claim
        return found


def said(claims: Iterable[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """The newest claim of each settlement without its version, which in a stream counts what was written."""
    made = {}
    for claim in sorted(claims, key=lambda claim: claim["claim_version"]):
        bare = {name: value for name, value in claim.items() if name != "claim_version"}
        if "reverses" in bare:
            bare["reverses"] = {**bare["reverses"], "claim_version": 0}
        if "lines" in bare:
            bare["lines"] = sorted(bare["lines"], key=lambda line: json.dumps(line, sort_keys=True))
        made[claim["institution_code"], claim["claim_id"]] = bare
    return made


@pytest.mark.parametrize("seed", range(3))
def test_in_any_order_and_any_batches_the_newest_claims_are_those_of_the_files(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    plan = a_day(seed, 60)
    messages = messages_of(plan, seed + 1)
    stream = Stream()
    for start in range(0, len(messages), 100):
        stream.send(messages[start : start + 100], random)
        if random.random() < 0.4:
            stream.wait()
        if random.random() < 0.4:
            stream.restart()
    stream.wait()
    # A request and its response that missed each other are whole as soon as either of them comes again.
    assert {told.reason.split(" in the response")[0].split(", and")[0] for told in stream.letters} <= {
        "mdtrt_id: stands",
        "setlinfo: stands",
        "infno: missing",
    }
    stream.redrive(random)
    assert stream.letters == []
    of_files, _ = taken_in(tmp_path, messages)
    assert said(stream.claims) == said(of_files.values()) == said(claims_of(plan))
    newest = stream.newest()
    written = {(*name, claim["claim_version"]) for name, claim in newest.items()}
    versions = {
        (claim["institution_code"], claim["claim_id"], claim["claim_version"]): claim for claim in stream.claims
    }
    for (institution, _), claim in newest.items():
        if "reverses" in claim:
            back = claim["reverses"]
            taken = versions[institution, back["claim_id"], back["claim_version"]]
            assert claim["total_amount"] == f"-{taken['total_amount']}", (
                "what is taken back was written before, and as much"
            )
            assert (
                back["claim_id"] == claim["claim_id"]
                or (institution, back["claim_id"], back["claim_version"]) in written
            )


def test_messages_that_come_before_anything_is_written_become_the_claims_of_the_files_with_their_versions(
    tmp_path: Path,
) -> None:
    messages = messages_of(a_day(3, 60), 4)
    stream = Stream(1)
    stream.take(0, [Record(at, json.dumps(message).encode(), at=stream.now) for at, message in enumerate(messages)])
    stream.wait()
    of_files, _ = taken_in(tmp_path, messages)
    assert named(stream.claims) == of_files


def test_a_message_that_is_read_twice_after_a_crash_changes_nothing() -> None:
    messages = messages_of(a_day(5, 30), 6)
    stream = Stream(1)
    records = [Record(at, json.dumps(message).encode(), at=stream.now) for at, message in enumerate(messages)]
    stream.take(0, records)
    stream.wait()
    before = list(stream.claims)
    stream.restart()
    stream.take(0, records)
    stream.wait()
    assert stream.claims == before


def test_a_half_of_a_message_for_which_there_is_no_room_is_set_aside_and_costs_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unit_of_work, "MOST_BYTES", 2_000)
    halves = [
        {"infno": "2207", "msgid": f"H52270100001202403140900000{number:03}", "input": {"data": {"memo": "x" * size}}}
        for number, size in enumerate((100, 5_000, 100))
    ]
    stream = Stream(1)
    changes = stream.take(0, [Record(at, json.dumps(half).encode(), at=stream.now) for at, half in enumerate(halves)])
    assert [(letter.record.offset, letter.code) for letter in changes.letters] == [(1, Code.VISIT_FULL)]
    assert len(changes.states) == 2


def test_a_response_names_the_institution_of_its_request_so_that_both_meet() -> None:
    for message in messages_of(a_day(7, 20), 8):
        if "request" not in message:
            assert read_envelope(message, "", 0).institution is not None
