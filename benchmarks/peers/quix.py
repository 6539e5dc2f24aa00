"""The screening job on Quix Streams, exactly once."""

from __future__ import annotations

import os
from typing import Any

import orjson
from quixstreams import Application, message_context

from .job import Settings, read_register, screen

_COMMIT_SECONDS = float(os.environ.get("PEER_COMMIT_SECONDS", "1.0"))


def main() -> None:
    """Run until SIGTERM, which Quix Streams handles."""
    settings = Settings.from_environment()
    register = read_register(settings.bootstrap_servers, orjson.loads)
    app = Application(
        broker_address=settings.bootstrap_servers,
        consumer_group=settings.group_id,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_interval=_COMMIT_SECONDS,
        auto_create_topics=False,
        state_dir=settings.state_dir,
        loglevel="WARNING",
        producer_extra_config={"linger.ms": 5, "batch.size": 1_000_000},
    )
    claims = app.topic("claims", value_deserializer="json", key_deserializer="bytes")
    verdicts = app.topic(f"{settings.output_prefix}claim-verdicts", value_serializer="json", key_serializer="bytes")
    cases = app.topic(f"{settings.output_prefix}claim-cases", value_serializer="json", key_serializer="bytes")

    def decide(claim: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
        at = message_context()
        return screen(claim, register, at.topic, at.partition, at.offset)

    outcomes = app.dataframe(claims).apply(decide)
    outcomes.apply(lambda outcome: outcome[0]).to_topic(verdicts)
    opened = outcomes.apply(lambda outcome: outcome[1]).filter(lambda case: case is not None)
    opened.to_topic(cases, key=lambda case: case["case_id"].encode())
    print("READY", flush=True)
    app.run()


if __name__ == "__main__":
    main()
