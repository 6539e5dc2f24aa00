"""Who is given which partitions of the control plane's input: all of it, or nobody anything."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError
from aiokafka.structs import TopicPartition
from faust.types import TP

from pipeline.control.faust.app import ControlApp
from pipeline.control.faust.assignor import Assignor, TopicNotShown
from pipeline.control.faust.consumer import ConsumerThread as Thread

SUBSCRIBED = {"one": ["physician-events", "claim-cases"], "two": ["physician-events", "claim-cases"]}


class Shown:
    """A cluster as a client sees it: partitions by topic."""

    def __init__(self, **partitions: int) -> None:
        self._partitions = {name.replace("_", "-"): set(range(count)) for name, count in partitions.items()}

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return self._partitions.get(topic)


def test_a_leader_that_does_not_see_a_topic_gives_nobody_anything_instead_of_leaving_the_topic_out() -> None:
    with pytest.raises(TopicNotShown, match="do not show physician-events at this moment"):
        Assignor._get_copartitioned_groups({"physician-events", "claim-cases"}, Shown(claim_cases=12), SUBSCRIBED)


def test_a_leader_that_sees_every_topic_assigns_them_all() -> None:
    groups = Assignor._get_copartitioned_groups(
        {"physician-events", "claim-cases"}, Shown(physician_events=6, claim_cases=12), SUBSCRIBED
    )
    assert {count: {topic for group in groups[count] for topic in group} for count in groups} == {
        6: {"physician-events"},
        12: {"claim-cases"},
    }


class Client:
    """A Kafka client that counts how often it is told to ask for the topics anew."""

    asked = 0

    def force_metadata_update(self) -> None:
        self.asked += 1


def refused_thread() -> tuple[Thread, GroupCoordinator, Client]:
    """The reader's thread of a member that has no partition yet, so that nothing is fetched."""
    coordinator = GroupCoordinator.__new__(GroupCoordinator)
    coordinator._subscription = SubscriptionState()
    coordinator._subscription.register_fetch_waiters(set())
    coordinator._coordination_task = asyncio.get_running_loop().create_future()
    coordinator._error_consumed_fut, coordinator._pending_exception, coordinator._closing = (
        None,
        None,
        asyncio.get_running_loop().create_future(),
    )
    client = Client()
    thread = Thread.__new__(Thread)
    thread._consumer = SimpleNamespace(_coordinator=coordinator, _client=client)
    thread.thread_loop = asyncio.get_running_loop()
    return thread, coordinator, client


def test_a_refused_assignment_is_taken_note_of_also_where_nothing_is_fetched_and_the_topics_are_asked_for_anew() -> (
    None
):
    async def joins() -> None:
        thread, coordinator, client = refused_thread()
        waits = asyncio.ensure_future(coordinator._push_error_to_user(KafkaError("TopicNotShown('not yet')")))
        await asyncio.sleep(0)
        assert not waits.done()

        told = await thread.refusal()
        await asyncio.wait_for(waits, 10)

        assert "not yet" in str(told)
        assert client.asked == 1
        assert await thread.refusal() is None

    asyncio.run(joins())


def test_a_group_that_cannot_be_joined_for_another_reason_ends_the_run_with_it() -> None:
    async def joins() -> list[str]:
        thread, coordinator, _ = refused_thread()
        app = SimpleNamespace(consumer=SimpleNamespace(_thread=thread))
        told: list[str] = []
        refused = asyncio.ensure_future(coordinator._push_error_to_user(GroupAuthorizationFailedError("control")))
        with pytest.raises(GroupAuthorizationFailedError):
            await ControlApp.keep_joining(cast(ControlApp, app), told.append)
        await asyncio.wait_for(refused, 10)
        return told

    assert asyncio.run(joins()) == []


class Group:
    """A consumer in a group: it takes commits down, and owns one partition."""

    def __init__(self, *, beats: bool, generation: int) -> None:
        self._coordinator = SimpleNamespace(_heartbeat_task=object() if beats else None, generation=generation)
        self.committed: list[dict[object, object]] = []

    def assignment(self) -> set[TopicPartition]:
        return {TopicPartition("physician-events", 0)}

    async def commit(self, offsets: dict[object, object]) -> None:
        self.committed.append(offsets)


@pytest.mark.parametrize(
    ("beats", "generation", "commits"), [(True, 7, True), (False, 7, False), (True, -1, False), (False, -1, False)]
)
def test_nothing_is_committed_while_the_group_is_being_joined_since_the_refusal_would_begin_the_join_anew(
    beats: bool, generation: int, commits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = Group(beats=beats, generation=generation)
    thread = Thread.__new__(Thread)
    monkeypatch.setattr(thread, "_ensure_consumer", lambda: group)
    assert asyncio.run(thread._commit({TP("physician-events", 0): 12})) is commits
    assert bool(group.committed) is commits
