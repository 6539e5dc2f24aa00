"""When the register may be said to hold everything that was recorded until a moment."""

from __future__ import annotations

from topics.messages.ledger import LedgerProgress
from topics.progress import behind, progress_key, progress_partition, reached

NOW = "2026-11-23T04:12:02.345Z"


def at(partition: int, next_offset: int, **sent_on: int) -> LedgerProgress:
    return LedgerProgress(
        topic="physician-events",
        partition=partition,
        next_offset=next_offset,
        last_event_at=None,
        revisions=0,
        instance="ledger-1",
        written_at=NOW,
        sent_on={name.removeprefix("p"): offset for name, offset in sent_on.items()},
    )


def test_every_partition_must_have_reached_the_end_asked_for() -> None:
    assert reached({0: at(0, 7), 1: at(1, 3)}, {0: 7, 1: 3})
    assert behind({0: at(0, 7), 1: at(1, 1)}, {0: 7, 1: 3}) == {1: 2}


def test_an_empty_partition_is_reached_when_its_owner_has_said_so_and_not_before() -> None:
    assert reached({0: at(0, 0)}, {0: 0})
    assert behind({}, {0: 0, 1: 5}) == {0: 1, 1: 5}


def test_an_event_sent_on_behind_the_end_asked_for_must_be_reached_too() -> None:
    progress = {0: at(0, 7, p1=5), 1: at(1, 3)}
    assert behind(progress, {0: 7, 1: 3}) == {1: 2}
    assert reached({**progress, 1: at(1, 5)}, {0: 7, 1: 3})


def test_the_progress_of_events_and_of_cases_lies_in_partitions_of_its_own() -> None:
    assert progress_key("physician-events", 3) == b"physician-events-3"
    events = {progress_partition("physician-events", number, 18) for number in range(6)}
    cases = {progress_partition("claim-cases", number, 18) for number in range(12)}
    assert not events & cases
    assert {progress_partition("claim-cases", number, 3) for number in range(12)} == {0, 1, 2}
