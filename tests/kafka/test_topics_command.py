"""`screening topics`: creates what is missing, repeats without effect, and tells differences without changing them."""

from __future__ import annotations

import json

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, ResourceType

from pipeline.kafka.admin import TopicAdmin
from pipeline.kafka.diagnostics import ClusterError
from pipeline.settings.model import Settings
from tests.support.cluster import Cluster
from tests.support.waiting import wait_for
from topics.catalogue import CATALOGUE

pytestmark = pytest.mark.kafka


def states(cluster: Cluster, *arguments: str) -> tuple[int, dict[str, dict]]:
    """Exit code and the state of each topic by name."""
    done = cluster.screening("topics", *arguments, "--json")
    return done.returncode, {state["name"]: state for state in json.loads(done.stdout)}


def settings_of(cluster: Cluster, topic: str) -> dict[str, str]:
    """A topic's settings as the broker has them, once it has heard of the topic from the controller."""
    resource = ConfigResource(ResourceType.TOPIC, topic)

    def told() -> dict[str, str]:
        try:
            entries = cluster.admin.describe_configs([resource])[resource].result(30)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
            return {}
        return {name: entry.value for name, entry in entries.items()}

    return wait_for(f"the broker knows {topic}", told)


def test_apply_creates_the_catalogue_and_repeating_it_changes_nothing(kafka: Cluster) -> None:
    kafka.clear()
    code, missing = states(kafka, "list")
    assert (code, {state["state"] for state in missing.values()}) == (1, {"missing"})

    code, created = states(kafka, "apply", "--partitions", "claims=5")
    assert (code, {state["state"] for state in created.values()}) == (0, {"created"})
    wait_for("the broker shows them", lambda: kafka.topics() == {spec.name for spec in CATALOGUE})
    for spec in CATALOGUE:
        found = settings_of(kafka, spec.name)
        assert {name: found[name] for name in spec.config()} == spec.config()

    code, again = states(kafka, "apply", "--partitions", "claims=5")
    assert (code, {state["state"] for state in again.values()}) == (0, {"present"})
    assert again["claims"]["partitions"] == 5


def test_a_difference_is_told_and_left_alone(kafka: Cluster) -> None:
    kafka.clear()
    states(kafka, "apply")
    resource = ConfigResource(
        ResourceType.TOPIC,
        "claim-verdicts",
        incremental_configs=[
            ConfigEntry("retention.ms", "1000", incremental_operation=AlterConfigOpType.SET),
            ConfigEntry("cleanup.policy", "compact", incremental_operation=AlterConfigOpType.SET),
        ],
    )
    kafka.admin.incremental_alter_configs([resource])[resource].result(30)
    kafka.admin.create_partitions([NewPartitions("claims", 13)])["claims"].result(30)
    wait_for("the broker tells what the controller has changed", lambda: (
        settings_of(kafka, "claim-verdicts")["retention.ms"] == "1000"
        and len(kafka.admin.list_topics("claims", timeout=20).topics["claims"].partitions) == 13
    ))  # fmt: skip

    for command in ("list", "apply"):
        code, found = states(kafka, command)
        assert code == 1
        assert {name for name, state in found.items() if state["state"] == "drifted"} == {"claims", "claim-verdicts"}
        assert found["claims"]["drift"] == ["partitions: is 13, catalogue says 12"]
        assert any(line.startswith("retention.ms: is 1000") for line in found["claim-verdicts"]["drift"])
        assert any(line.startswith("cleanup.policy: is compact") for line in found["claim-verdicts"]["drift"])
    assert settings_of(kafka, "claim-verdicts")["retention.ms"] == "1000"

    shown = kafka.screening("topics", "apply")
    assert shown.returncode == 1
    assert "not altered" in shown.stderr


def test_a_wrong_choice_is_told_in_words(kafka: Cluster) -> None:
    wrong = kafka.screening("topics", "apply", "--partitions", "claims=none")

    assert wrong.returncode == 2
    assert "TOPIC=NUMBER" in wrong.stderr


def test_a_broker_that_is_not_there_is_told_with_the_setting_to_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.kafka.admin._TIMEOUT_S", 1.0)

    with pytest.raises(ClusterError, match=r"cannot reach Kafka at 127\.0\.0\.1:9: .*SCREENING_BOOTSTRAP_SERVERS"):
        TopicAdmin(Settings(bootstrap_servers="127.0.0.1:9")).inspect(CATALOGUE)
