"""Who is given which partitions of the control plane's input: all of it, or nobody anything."""

from __future__ import annotations

import pytest

from pipeline.control.faust.app import Assignor, TopicNotShown

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
