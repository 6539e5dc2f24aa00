"""The parts of the control plane that decide: without Kafka, in the same way however often they are asked."""

from __future__ import annotations

import datetime as dt
import json
import random
from pathlib import Path

import pytest

from pipeline.control.clock import Clock, ClockError
from pipeline.control.dossiers import dossier_key, read_dossier, standing_key, with_event, write_dossier
from pipeline.control.faust.app import TABLES, equal_partitions
from pipeline.control.faust.state_store import MemoryStateStore, RocksStateStore, StateStore
from pipeline.control.foreign_writes import gaps
from pipeline.control.ledger import Ledger
from pipeline.control.liveness import Halted, Pulse
from pipeline.control.publisher import Written
from pipeline.control.timer_queue import TimerQueue
from pipeline.control.write_batch import Received, WriteBatch
from pipeline.kafka.partitioner import partition_of
from rules.events import Event, encode
from tests.support.control import PACKS, expected_standing, physicians
from tests.support.histories import history, make
from topics.catalogue import CASE_ACTIONS, CLAIM_CASES, DOSSIERS, NOTICES, PHYSICIAN_EVENTS, PHYSICIAN_STANDING

TODAY = dt.date(2027, 6, 1)


class Shelves:
    """Tables in memory, and what batches do to them."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], StateStore] = {}
        self.ledger = Ledger(PACKS, 3)

    def of(self, table: str, partition: int) -> StateStore:
        return self._kept.setdefault((table, partition), MemoryStateStore())

    def take(self, events: list[Event], *, lose: tuple[str, ...] = ()) -> WriteBatch:
        """One batch; what is written to the tables in `lose` does not arrive, as when a process is killed."""
        batch = WriteBatch(self.of)
        self.ledger.take([received(event) for event in events], batch, TODAY)
        for (table, partition), changes in batch.changes.items():
            if table not in lose:
                self.of(table, partition).write(changes, 0)
        return batch

    def everything(self) -> dict[tuple[str, int], dict[bytes, bytes]]:
        return {where: dict(store.items_from(b"")) for where, store in self._kept.items()}


def received(event: Event) -> Received:
    key = (event.physician_code or event.institution or "").encode()
    return Received(PHYSICIAN_EVENTS.name, partition_of(key, 3), 0, key, encode(event), [])


def test_a_batch_taken_again_after_a_crash_writes_what_was_lost_and_nothing_else() -> None:
    made = physicians(11, 8)
    whole = Shelves()
    whole.take(made.events)
    for lost in (DOSSIERS.name, PHYSICIAN_STANDING.name, NOTICES.name):
        broken = Shelves()
        broken.take(made.events, lose=(lost,))
        again = broken.take(made.events)
        assert {table for table, _ in again.changes} == {lost}
        assert broken.everything() == whole.everything()
    assert whole.take(made.events).entries() == []


@pytest.mark.parametrize("seed", range(8))
def test_the_order_of_arrival_and_the_cut_into_batches_leave_no_trace_in_dossiers_and_standings(seed: int) -> None:
    made, rng = physicians(seed, 4), random.Random(seed)
    at_once, in_pieces = Shelves(), Shelves()
    at_once.take(made.events)
    events = [*made.events, *rng.sample(made.events, 20)]
    rng.shuffle(events)
    while events:
        cut = rng.randint(1, 9)
        in_pieces.take(events[:cut])
        events = events[cut:]
    for (region, code), history_of_one in made.files.items():
        partition = partition_of(code.encode(), 3)
        key = dossier_key("physician", region, code)
        assert in_pieces.of(DOSSIERS.name, partition).get(key) == at_once.of(DOSSIERS.name, partition).get(key)
        told = [
            json.loads(stores.of(PHYSICIAN_STANDING.name, partition).get(standing_key(region, code)) or b"{}")
            for stores in (at_once, in_pieces)
        ]
        assert told[0]["spans"] == told[1]["spans"]
        assert len(told[0]["spans"]) == len(expected_standing(region, code, history_of_one).spans)


def test_an_event_that_the_law_cannot_count_is_set_aside_and_the_others_of_its_dossier_stay() -> None:
    stores = Shelves()
    good = make("registration", "2023-01-03", 0, region="522700")
    late = make("deduction", "9999-12-31", 1, region="522700", points=12, violation_id="QN-T12-01")
    batch = stores.take([good, late])
    assert [entry.topic for entry in batch.loose] == ["physician-events-dead-letter"]
    assert dict(batch.loose[0].headers or [])["error"].startswith(b"uncountable: the dossier cannot be counted")
    kept = stores.of(DOSSIERS.name, partition_of(b"P-0001", 3)).get(dossier_key("physician", "522700", "P-0001"))
    assert read_dossier(kept) == (good,)


def test_a_dossier_is_kept_in_the_laws_order_whatever_the_order_of_arrival() -> None:
    events = history("qiannan", 5)
    forwards: tuple[Event, ...] = ()
    backwards: tuple[Event, ...] = ()
    for event in events:
        forwards = with_event(forwards, event)
    for event in reversed(events):
        backwards = with_event(backwards, event)
    assert write_dossier(forwards) == write_dossier(backwards)
    assert read_dossier(write_dossier(forwards)) == forwards
    assert with_event(forwards, events[2]) is forwards


def test_two_different_events_under_one_id_are_both_kept_so_that_the_revision_grows() -> None:
    one = make("registration", "2023-01-03", 0)
    other = make("registration", "2023-01-04", 0)
    assert len(with_event((one,), other)) == 2


def test_the_timer_queue_gives_each_dossier_out_on_its_last_noted_day_and_once() -> None:
    timers = TimerQueue()
    timers.note(0, b"a", dt.date(2023, 3, 6))
    timers.note(0, b"b", dt.date(2023, 3, 7))
    timers.note(0, b"a", dt.date(2023, 3, 9))
    timers.note(1, b"c", dt.date(2023, 3, 1))
    timers.note(1, b"c", None)
    assert timers.due(dt.date(2023, 3, 6), 10) == []
    assert timers.due(dt.date(2023, 3, 8), 10) == [(0, b"b", dt.date(2023, 3, 7))]
    assert timers.due(dt.date(2023, 3, 9), 10) == [(0, b"a", dt.date(2023, 3, 9))]
    assert timers.due(dt.date(2030, 1, 1), 10) == []


def test_the_clock_counts_days_in_china_and_refuses_a_time_without_its_offset(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    file.write_text("2023-05-10T20:00:00+00:00\n")
    assert Clock(file).today() == dt.date(2023, 5, 11)
    file.write_text("2023-05-10T20:00:00")
    with pytest.raises(ClockError, match="needs its offset"):
        Clock(file).today()
    with pytest.raises(ClockError, match="SCREENING_CONTROL_CLOCK_FILE"):
        Clock(tmp_path / "none").today()


def test_a_process_that_was_halted_for_most_of_its_session_writes_nothing_any_more() -> None:
    now = [0.0]
    pulse = Pulse(10.0, lambda: now[0])
    for now[0] in (0.1, 5.0, 10.9):
        pulse.check()
    now[0] = 17.0
    with pytest.raises(Halted, match=r"6\.1 s"):
        pulse.check()
    now[0] = 17.1
    with pytest.raises(Halted):
        pulse.check()


def test_a_strangers_record_shows_as_a_gap_between_ones_own() -> None:
    where = ("physician-standing", 0)
    assert gaps(Written({where: 5}, {where: 7}, {where: 3}), {where: 4}) == {}
    assert gaps(Written({where: 6}, {where: 8}, {where: 3}), {where: 4}) == {where: 5}
    assert gaps(Written({where: 5}, {where: 8}, {where: 3}), {where: 4}) == {where: 5}


def test_topics_that_are_read_and_written_by_one_partition_must_have_equally_many() -> None:
    counts = {spec.name: 6 for spec in (PHYSICIAN_EVENTS, *TABLES)} | {CLAIM_CASES.name: 6, CASE_ACTIONS.name: 6}
    assert equal_partitions(counts) == []
    assert "notices has 3" in equal_partitions({**counts, "notices": 3})[0]
    del counts["dossiers"]
    assert "topic dossiers does not exist" in equal_partitions(counts)[0]


@pytest.mark.parametrize("kind", ["memory", "rocksdb"])
def test_a_state_store_keeps_records_and_their_offset_together(kind: str, tmp_path: Path) -> None:
    def opened() -> StateStore:
        return MemoryStateStore() if kind == "memory" else RocksStateStore(tmp_path / "t-0.db")

    store = opened()
    assert store.offset == -1
    store.write({b"b": b"2", b"a": b"1", b"c": b"3"}, 7)
    store.write({b"c": None}, 8)
    if kind == "rocksdb":
        store.close()
        store = opened()
    assert (store.offset, list(store.items_from(b""))) == (8, [(b"a", b"1"), (b"b", b"2")])
    assert list(store.items_from(b"b")) == [(b"b", b"2")]
    store.clear()
    assert (store.offset, store.get(b"a")) == (-1, None)
    store.close()
