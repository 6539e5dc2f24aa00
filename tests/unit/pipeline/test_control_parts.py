"""The parts of the control plane that decide: without Kafka, in the same way however often they are asked."""

from __future__ import annotations

import datetime as dt
import json
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.control.clock import Clock, ClockError
from pipeline.control.dossiers import dossier_key, read_dossier, standing_key, with_event, write_dossier
from pipeline.control.faust.app import TABLES, equal_partitions
from pipeline.control.faust.consumer import Reading
from pipeline.control.faust.state_store import MemoryStateStore, RocksStateStore, StateStore
from pipeline.control.foreign_writes import Watch
from pipeline.control.ledger import Ledger
from pipeline.control.progress import moved
from pipeline.control.publisher import Standing
from pipeline.control.stream_task import InputLost, StreamTask
from pipeline.control.timer_queue import TimerQueue
from pipeline.control.write_batch import Received, WriteBatch
from pipeline.kafka.partitioner import partition_of
from rules.events import Event, encode
from tests.support.control import PACKS, expected_standing, physicians
from tests.support.histories import history, make
from topics.catalogue import (
    CASE_ACTIONS,
    CLAIM_CASES,
    DOSSIERS,
    LEDGER_PROGRESS,
    NOTICES,
    PHYSICIAN_EVENTS,
    PHYSICIAN_STANDING,
)

TODAY = dt.date(2027, 6, 1)


class Tables:
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
    whole = Tables()
    whole.take(made.events)
    for lost in (DOSSIERS.name, PHYSICIAN_STANDING.name, NOTICES.name):
        broken = Tables()
        broken.take(made.events, lose=(lost,))
        again = broken.take(made.events)
        assert {table for table, _ in again.changes} == {lost}
        assert broken.everything() == whole.everything()
    assert whole.take(made.events).entries() == []


@pytest.mark.parametrize("seed", range(8))
def test_the_order_of_arrival_and_the_cut_into_batches_leave_no_trace_in_dossiers_and_standings(seed: int) -> None:
    made, rng = physicians(seed, 4), random.Random(seed)
    at_once, in_pieces = Tables(), Tables()
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
    stores = Tables()
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


def test_a_strangers_record_shows_as_a_gap_between_ones_own() -> None:
    where = ("physician-standing", 0)

    def watched(standing: Standing) -> dict[tuple[str, int], int]:
        watch = Watch()
        watch.begin(where, 4)
        watch.wrote(where, standing, 4)
        return watch.doubts

    assert watched(Standing(5, 7, 3)) == {}
    assert watched(Standing(6, 8, 3)) == {where: 5}, "somebody else has 5"
    assert watched(Standing(5, 8, 3)) == {where: 5}, "somebody else wrote in between"


def test_the_mark_that_ends_ones_own_transaction_is_no_strangers() -> None:
    where, watch = ("physician-standing", 0), Watch()
    watch.begin(where, 4)
    watch.wrote(where, Standing(5, 7, 3), 4)
    watch.wrote(where, Standing(9, 9, 1), 7)
    assert watch.doubts == {}
    watch.wrote(where, Standing(12, 12, 1), 9)
    assert watch.doubts == {where: 10}


def task() -> StreamTask:
    made = StreamTask(["physician-events"], 0, None, None, "ledger-1", 3)
    made.rewind()
    return made


def handed_out(offset: int) -> Any:
    message = SimpleNamespace(topic="physician-events", partition=0, offset=offset, key=b"k", value=b"v", headers=None,
                              timestamp=1.0)  # fmt: skip
    return SimpleNamespace(message=message)


def test_the_progress_follows_the_readers_position_only_when_every_record_before_it_was_taken() -> None:
    one = task()
    assert one.position_moved("physician-events", Reading(0, None, 0, 0)), "of an empty topic it is told, too"
    assert one.position_moved("physician-events", Reading(3, None, 3, 3)), "over marks and what was rolled back"
    one.accept(handed_out(3), 10)
    assert not one.position_moved("physician-events", Reading(5, 3, 5, 5)), "the record at 3 is still to be taken"
    records, at = one.next_records(10)
    assert ([record.offset for record in records], at) == ([3], 1.0)
    assert one.next_offsets(records, {"physician-events": Reading(5, 3, 5, 5)}) == {"physician-events": 5}
    assert one.next_offsets(records, {"physician-events": Reading(9, 7, 9, 9)}) == {"physician-events": 4}


def test_a_record_that_comes_twice_is_collected_once_and_again_only_after_a_rewind() -> None:
    one = task()
    for offset in (0, 1, 1, 0, 2):
        one.accept(handed_out(offset), 10)
    assert [record.offset for record in one.next_records(10)[0]] == [0, 1, 2]
    one.rewind()
    one.accept(handed_out(0), 10)
    assert [record.offset for record in one.next_records(10)[0]] == [0]


def test_a_log_that_ends_before_the_progress_is_not_read_as_if_it_were_the_same() -> None:
    with pytest.raises(InputLost, match="made again"):
        task().position_moved("physician-events", Reading(0, None, 0, 0, went_back=True))


def test_progress_adds_up_and_remembers_where_records_were_sent_on() -> None:
    where = ("physician-events", 2)
    first = moved(None, where, 7, instance="a", last_event_at=1_700_000_000.5, revisions=3, sent_on={1: 9})
    second = moved(first, where, 9, instance="b", revisions=1, sent_on={0: 4, 1: 8})
    assert (second.next_offset, second.revisions, second.instance) == (9, 4, "b")
    assert second.sent_on == {"1": 9, "0": 4}
    assert second.last_event_at == first.last_event_at == "2023-11-14T22:13:20.500Z"


def test_topics_that_are_read_and_written_by_one_partition_must_have_equally_many() -> None:
    counts = {spec.name: 6 for spec in (PHYSICIAN_EVENTS, LEDGER_PROGRESS, *TABLES)} | {
        CLAIM_CASES.name: 6,
        CASE_ACTIONS.name: 6,
    }
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


def test_an_institution_at_a_mark_is_told_to_people_once_and_asked_about_again_on_its_day() -> None:
    """P8: told when the headcount is recorded, never again by a repetition, a restart or another event."""
    tables = Tables()
    snapshot = make("institution_snapshot", "2016-03-01", 1, region="620100", institution="H1", physician_code=None,
                    approved_physicians=100, cancelled_in_term=2)  # fmt: skip
    [(partition, told)] = [
        (partition, changes)
        for (table, partition), changes in tables.take([snapshot]).changes.items()
        if table == NOTICES.name
    ]
    [(name, value)] = told.items()
    notice = json.loads(value)
    assert (notice["kind"], notice["phase"], notice["institution"]) == ("institution_share", "raised", "H1")
    assert (notice["due_on"], notice["trigger"], notice["citation"]) == (None, snapshot.event_id, "第二十二条")
    assert notice["notice_id"].encode() == name
    assert "2 of 100 approved physicians" in notice["explanation"]["en"]
    again = tables.take([snapshot])
    assert not [table for table, _ in again.changes if table == NOTICES.name]
    batch = WriteBatch(tables.of)
    tables.ledger.remind(partition, [dossier_key("institution", "620100", "H1")], batch, TODAY)
    assert not batch.changes


def test_an_event_that_only_a_later_version_knows_stays_in_its_dossier_and_keeps_the_standing_that_follows_from_it() -> (
    None
):
    """A rolling upgrade: the newer process has taken the event, and its partition goes back to the older one."""
    stores = Tables()
    partition, key = partition_of(b"P-0001", 3), dossier_key("physician", "522700", "P-0001")
    dossiers, standings = stores.of(DOSSIERS.name, partition), stores.of(PHYSICIAN_STANDING.name, partition)
    registered = make("registration", "2023-01-03", 0, region="522700")
    deducted = make("deduction", "2023-03-01", 1, region="522700", points=12, violation_id="QN-T12-01")
    later = b'{"type":"of_a_later_version","event_id":"L-1","region":"522700","date":"2023-02-01","physician_code":"P-0001"}'
    stores.take([registered])
    published = standings.get(standing_key("522700", "P-0001"))
    dossiers.write({key: write_dossier((registered,), (later,))}, 10)

    batch = stores.take([deducted])

    kept = dossiers.get(key)
    assert kept == write_dossier((registered, deducted), (later,))
    assert read_dossier(kept) == (registered, deducted)
    assert standings.get(standing_key("522700", "P-0001")) == published, (
        "whoever knows the event publishes what follows"
    )
    assert not batch.loose, "neither event is a dead letter"
    assert (
        stores.ledger.next_look(partition, key, kept or b"", dt.date(2023, 4, 1), WriteBatch(stores.of), set()) is None
    )
