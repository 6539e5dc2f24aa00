"""The balance of claims and outcomes on a real Kafka: every claim that was judged has one verdict or one dead letter."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from tests.support.auditing import audit, figures, named
from tests.support.cluster import Cluster
from tests.support.published import commit, letter_record
from tests.support.runs import publish, sample, screen
from tests.support.spoiled import claim
from tests.support.workers import Crew

pytestmark = pytest.mark.kafka


def verdict(number: int, offset: int, topic: str = "claims") -> dict[str, Any]:
    value = {"claim_id": "C1", "source": {"topic": topic, "partition": number, "offset": offset}}
    return {"value": json.dumps(value).encode()}


def send_balanced(
    cluster: Cluster, without: Iterable[tuple[int, int]] = (), twice: Iterable[tuple[int, int]] = ()
) -> None:
    """Twenty claims in each of two partitions, all judged but the last five; every seventh a dead letter."""
    cluster.send("claims", [{"value": b"{}", "partition": number} for number in (0, 1) for _ in range(20)])
    for number in (0, 1):
        for offset in range(15):
            copies = ((number, offset) not in set(without)) + ((number, offset) in set(twice))
            for _ in range(copies):
                if offset % 7 == 0:
                    cluster.send("claims-dead-letter", [letter_record(("claims", number, offset), b"{}")])
                else:
                    cluster.send("claim-verdicts", [verdict(number, offset)])
    commit(cluster, "claims-screening", "claims", {0: 15, 1: 15})


def test_claims_in_and_outcomes_out_balance_by_partition(cluster: Cluster) -> None:
    send_balanced(cluster)
    told = audit(cluster, "claims")
    assert told["differences"] == []
    assert told["figures"][:2] == [
        {
            "part": "claims",
            "what": f"partition {number}",
            "claims": 15,
            "verdicts": 12,
            "dead_letters": 3,
            "waiting": 5,
            "behind_open_transaction": 0,
            "expired_unread": 0,
            "of_another_topic": 0,
            "outcomes_of_another_topic": 0,
        }
        for number in (0, 1)
    ]
    assert {row["part"] for row in told["figures"]} == {"claims", "claim_identities"}


def test_two_claims_of_one_name_with_other_content_are_named_until_a_later_version_settles_them(
    cluster: Cluster,
) -> None:
    cluster.send("claims", [{"value": claim(), "partition": 0}, {"value": claim(), "partition": 1}])
    cluster.send("claims", [{"value": claim(fund_amount="9.87"), "partition": 1}])
    told = audit(cluster, "claims")
    [difference] = [item for item in told["differences"] if item["part"] == "claim_identities"]
    assert (difference["kind"], difference["where"]) == ("conflict", "claims/0/0, claims/1/1")
    assert difference["detail"] == "C0001 version 1 of H52270100001 in 522700: fund_amount differ"
    counted = {"claims": 3, "repeated": 1, "replaced": 0, "settled": 0, "conflicts": 1}
    assert {name: figures(told, "claim_identities")[name] for name in counted} == counted
    assert cluster.screening("audit", "--claims").returncode == 1
    cluster.send("claims", [{"value": claim(claim_version=2), "partition": 0}])
    told = audit(cluster, "claims")
    assert [item for item in told["differences"] if item["part"] == "claim_identities"] == []
    assert (figures(told, "claim_identities")["settled"], figures(told, "claim_identities")["conflicts"]) == (1, 0)


def test_lost_and_doubled_outcomes_are_named_as_ranges_of_offsets(cluster: Cluster) -> None:
    send_balanced(cluster, without=[(0, 3), (0, 4), (0, 5), (0, 14), (1, 7)], twice=[(1, 1), (1, 14)])
    told = audit(cluster, "claims")
    assert named(told).splitlines() == [
        "missing: claims/0 offsets 3-5, 14: 4 judged, and neither verdict nor dead letter",
        "missing: claims/1 offsets 7: 1 judged, and neither verdict nor dead letter",
        "doubled: claims/1 offsets 1, 14: 2 more than one verdict or dead letter",
    ]


def test_a_verdict_and_a_dead_letter_of_one_claim_are_one_too_many(cluster: Cluster) -> None:
    send_balanced(cluster)
    cluster.send("claim-verdicts", [verdict(0, 7)])
    told = audit(cluster, "claims")
    assert named(told) == "doubled: claims/0 offsets 7: 1 more than one verdict or dead letter"


def test_outcomes_of_claims_that_never_came_are_named(cluster: Cluster) -> None:
    send_balanced(cluster)
    cluster.send("claim-verdicts", [verdict(0, 900), verdict(77, 0), verdict(0, 0, topic="other"), {"value": b"{"}])
    cluster.send("claims-dead-letter", [{"value": b"", "headers": [("error", b"lost")]}])
    told = audit(cluster, "claims")
    kinds = sorted(item["kind"] for item in told["differences"])
    assert kinds == ["foreign_outcome", "foreign_outcome", "invented", "unreadable_dead_letter", "unreadable_verdict"]


def test_expired_claims_are_left_out_and_it_is_said(cluster: Cluster) -> None:
    send_balanced(cluster, without=[(0, 1), (0, 9)])
    for future in cluster.admin.delete_records([TopicPartition("claims", 0, 5)]).values():
        future.result(30)
    told = audit(cluster, "claims")
    assert named(told) == "missing: claims/0 offsets 9: 1 judged, and neither verdict nor dead letter"
    assert told["notes"] == ["claims/0: compared from offset 5 on; older claims have expired"]


def test_a_log_that_was_made_anew_is_noticed(cluster: Cluster) -> None:
    send_balanced(cluster)
    commit(cluster, "claims-screening", "claims", {0: 30})
    told = audit(cluster, "claims")
    assert "beyond_end: claims/0: judged up to offset 30, the log ends at 20" in named(told)


def test_verdicts_of_a_group_that_has_committed_nothing_are_not_taken_as_balanced(cluster: Cluster) -> None:
    """Under a wrong SCREENING_GROUP_ID nothing would be judged, and nothing would be missing."""
    send_balanced(cluster, without=[(0, 3)])
    told = audit(cluster, "claims", group_id="misspelt")
    assert {(item["kind"], item["where"]) for item in told["differences"]} == {
        ("uncommitted", "claims/0"), ("uncommitted", "claims/1"),
    }  # fmt: skip
    assert "check SCREENING_GROUP_ID" in named(told)


def test_a_run_of_real_workers_balances(cluster: Cluster, crew: Crew) -> None:
    register, claims = sample(seed=11, claims=1500)
    publish(cluster, register)
    screen(cluster, crew, [*claims, b"not a claim"], register)
    told = audit(cluster, "claims")
    assert told["differences"] == []
    counted = figures(told, "claims")
    assert (counted["verdicts"], counted["dead_letters"], counted["waiting"]) == (1500, 1, 0)
    assert counted["claims"] == 1501
