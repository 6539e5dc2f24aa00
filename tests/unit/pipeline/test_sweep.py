"""At the first look at a partition the notices that stand become those that the dossiers ask for, whatever was given before.

A process is a `Timekeeper` with its ledger on tables that outlive it; it dies at any step, with the batch in hand.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.control import timekeeper as timekeeping
from pipeline.control.clock import Clock
from pipeline.control.contradictions import contradiction_id
from pipeline.control.faust.state_store import MemoryStateStore, StateStore
from pipeline.control.ledger import Ledger
from pipeline.control.timekeeper import Timekeeper
from pipeline.control.write_batch import WriteBatch
from pipeline.settings.packs import load_pack_set
from pipeline.telemetry.control_metrics import ControlMetrics
from rules.dossier import fold
from rules.events import Event
from rules.packs.pack_set import PackSet
from tests.support.control import Physicians, expected_notices, physicians
from tests.support.histories import make
from tests.unit.pipeline.test_control_parts import received
from topics.catalogue import DOSSIERS, NOTICES

PACKS = load_pack_set()
TODAY = dt.date(2024, 6, 30)


def fewer_duties() -> PackSet:
    """The shipped law without every second of its limits."""
    packs = []
    for pack in PACKS.packs:
        assert pack.ledger is not None
        ledger = pack.ledger.model_copy(update={"deadlines": pack.ledger.deadlines[::2]})
        packs.append(pack.model_copy(update={"ledger": ledger}))
    return PackSet(packs)


class Killed(Exception):
    """The process died before its transaction was committed."""


class Register:
    """The tables of one partition, and the processes that own it one after the other."""

    def __init__(self, folder: Path, packs: PackSet = PACKS, dies: random.Random | None = None) -> None:
        self.kept: dict[tuple[str, int], StateStore] = {}
        self.turn = asyncio.Lock()
        self.dies = dies
        self.written = 0
        self._clock = folder / "clock"
        self._clock.write_text(f"{TODAY}T09:00:00+08:00")
        self.begin(packs)

    def begin(self, packs: PackSet) -> None:
        """Another process takes the partition over."""
        self.ledger = Ledger(packs, 1)
        self.timekeeper = Timekeeper(self.ledger, self, self.of, Clock(self._clock), ControlMetrics(), "test")  # type: ignore[arg-type]
        self.timekeeper.own({0}, set())

    def of(self, table: str, partition: int) -> StateStore:
        return self.kept.setdefault((table, partition), MemoryStateStore())

    def events(self, _partition: int) -> Register:
        """The one task that there is."""
        return self

    async def publish(self, batch: WriteBatch, _offsets: object) -> None:
        """Commits a batch, or dies before it."""
        if self.dies is not None and batch.changes and self.dies.random() < 0.4:
            raise Killed
        for (table, partition), changes in batch.changes.items():
            self.of(table, partition).write(changes, 0)
            self.written += len(changes)

    def record(self, *events: Event) -> None:
        """Takes events while the process is at its first look, or after it."""
        batch = WriteBatch(self.of)
        _, looks = self.ledger.take([replace(received(event), partition=0) for event in events], batch, TODAY)
        asyncio.run(self.publish(batch, {}))
        self.timekeeper.note(looks)

    def step(self) -> None:
        """One step of the look."""
        asyncio.run(self.timekeeper.step())

    def settle(self) -> None:
        """Goes on until nothing is left to do."""
        self.step()
        while self.timekeeper.busy:
            self.step()
        self.step()

    def standing(self) -> set[str]:
        """Names of the notices that are given and not withdrawn."""
        return {key.decode() for key, value in self.of(NOTICES.name, 0).items_from(b"") if b'"withdrawn"' not in value}


def asked(made: Physicians, ledger: Ledger) -> tuple[set[str], set[str]]:
    """What the dossiers demand by today and what they allow, by the law of a ledger."""
    demanded, allowed = set[str](), set[str]()
    for (region, code), events in made.files.items():
        view = ledger.view(fold(events).events, region, code)
        issues = {contradiction_id(region, code, issue) for issue in view.issues}
        demanded |= issues
        allowed |= issues
        for duty in view.duties:
            demanded |= {duty.notice_id(region, code, phase) for phase, day in duty.phases() if day <= TODAY}
            allowed |= {
                duty.notice_id(region, code, phase) for phase, day in duty.occasions() if duty.stands(phase, day, TODAY)
            }
    return demanded, allowed


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a process may die inside a look."""
    for name, value in (("_AT_ONCE", 3), ("_NOTICES_AT_ONCE", 7), ("_UNASKED_AT_ONCE", 5), ("_FILL_S", 60.0)):
        monkeypatch.setattr(timekeeping, name, value)


def test_what_a_changed_pack_no_longer_asks_for_is_withdrawn_at_the_next_start_once(tmp_path: Path) -> None:
    made = physicians(3, 4)
    register = Register(tmp_path)
    register.record(*made.events)
    register.settle()
    before = register.standing()
    register.begin(fewer_duties())
    register.settle()
    demanded, allowed = asked(made, register.ledger)
    assert demanded <= register.standing() <= allowed
    assert before - allowed, "the law asked for more before"
    gone = [json.loads(register.of(NOTICES.name, 0).get(name.encode()) or b"") for name in before - allowed]
    assert {one["withdrawn"] for one in gone} == {TODAY.isoformat()}
    count = register.written
    register.begin(fewer_duties())
    register.settle()
    assert register.written == count, "a second start finds nothing to withdraw"
    register.begin(PACKS)
    register.settle()
    assert register.standing() == before, "and under the first law all of it is given again"


@pytest.mark.parametrize("seed", range(4))
def test_whatever_moment_a_process_dies_the_next_one_leaves_no_notice_that_must_not_stand(
    tmp_path: Path, seed: int
) -> None:
    made, rng = physicians(seed, 3), random.Random(seed)
    register, packs, left = Register(tmp_path), [PACKS, fewer_duties()], made.events[:]
    rng.shuffle(left)
    for _ in range(6):
        register.dies = rng
        register.begin(rng.choice(packs))
        try:
            for _ in range(rng.randrange(20)):
                register.step()
                if left and rng.random() < 0.5:
                    register.record(*left[:4])
                    del left[:4]
        except Killed:
            continue
    register.dies = None
    register.begin(packs[seed % 2])
    register.record(*left)
    register.settle()
    demanded, allowed = asked(made, register.ledger)
    assert demanded <= register.standing() <= allowed


def test_a_notice_whose_owner_has_no_dossier_or_one_of_a_later_version_stays(tmp_path: Path) -> None:
    made = physicians(5, 3)
    register = Register(tmp_path)
    register.record(*made.events)
    register.settle()
    before = register.standing()
    dossiers = register.of(DOSSIERS.name, 0)
    [(first, value), (second, _), *_] = list(dossiers.items_from(b""))
    later = value[:-2] + b',{"type":"invented_later","event_id":"x"}]}'
    dossiers.write({first: later, second: None}, 0)
    register.begin(fewer_duties())
    register.settle()
    for key in (first, second):
        _, region, code = key.decode().split("|")
        assert expected_notices(region, code, made.files[region, code], TODAY) <= register.standing()
    assert register.standing() < before


def test_a_notice_of_a_place_follows_from_the_dossier_of_its_area(tmp_path: Path) -> None:
    """Before there were areas each place had a dossier: the notice tells the place's code, and its name follows from that."""
    fields: dict[str, Any] = {"physician_code": "D522701000001"}
    events = [
        make("registration", "2024-01-03", 0, region="522701", **fields),
        make("deduction", "2024-06-03", 1, region="522701", points=12, violation_id="QN-T12-01", **fields),
    ]
    register = Register(tmp_path)
    register.record(*events)
    register.settle()
    notices = register.of(NOTICES.name, 0)
    before = register.standing()
    assert before
    told = dict(notices.items_from(b""))
    notices.write({key: value.replace(b'"region":"522700"', b'"region":"522701"') for key, value in told.items()}, 0)
    assert dict(notices.items_from(b"")) != told
    register.begin(PACKS)
    register.settle()
    assert register.standing() == before
