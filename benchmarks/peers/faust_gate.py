"""The screening job on Faust: one agent that sends a verdict for each claim, at least once.

It comes in two styles. `guide` is how Faust's own guide writes an agent: a typed Record, the JSON serializer, the library's
settings. `tuned` takes the work off Faust where it can: raw values, a compiled JSON library, large producer batches.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import faust
import msgspec
from faust.types.enums import ProcessingGuarantee

from .job import Settings, read_register, screen

# With `exactly_once`, Faust 0.15.3 commits the input offsets in a transaction but sends to a topic that it does not itself
# consume outside of it: its transaction manager does not know that topic and falls back to the plain producer, silently.
# (The output then holds no transaction marker.) So the weaker guarantee, which is what one gets, is also what is asked for.
_GUARANTEE = os.environ.get("PEER_GUARANTEE", "at_least_once")


_TUNED = os.environ.get("PEER_STYLE", "tuned") == "tuned"
_TUNING = {"producer_linger": 0.005, "producer_max_batch_size": 262_144} if _TUNED else {}


class ClaimRecord(faust.Record, serializer="json"):
    """A claim, as the guide would declare it."""

    claim_id: str
    region: str
    institution_code: str
    encounter_type: str
    service_date: str
    settlement_time: str
    insured_id: str
    insurance_type: str
    total_amount: str
    fund_amount: str
    claim_version: int = 1
    physician_code: str | None = None
    service_start: str | None = None


def make_app() -> faust.App:
    """Read the register and build the application around it."""
    settings = Settings.from_environment()
    register = read_register(settings.bootstrap_servers, msgspec.json.decode)
    app = faust.App(
        settings.group_id,
        broker=f"kafka://{settings.bootstrap_servers}",
        datadir=settings.state_dir,
        processing_guarantee=ProcessingGuarantee(_GUARANTEE),
        store="memory://",
        topic_disable_leader=True,
        topic_allow_declare=False,
        topic_partitions=4,
        web_enabled=False,
        consumer_auto_offset_reset="earliest",
        stream_wait_empty=False,
        broker_commit_interval=1.0,
        **_TUNING,
    )
    if _TUNED:
        _tuned(app, settings.output_prefix, register)
    else:
        _guide(app, settings.output_prefix, register)

    @app.on_after_configured.connect
    def configured(_app: faust.App, **_: object) -> None:
        print("READY", flush=True)

    return app


def _guide(app: faust.App, prefix: str, register: dict[str, Any]) -> None:
    claims = app.topic("claims", key_type=bytes, value_type=ClaimRecord)
    verdicts = app.topic(f"{prefix}claim-verdicts", key_type=bytes, value_serializer="json")
    cases = app.topic(f"{prefix}claim-cases", key_type=bytes, value_serializer="json")

    @app.agent(claims)
    async def gate(stream: faust.Stream) -> None:
        async for event in stream.events():
            message = event.message
            verdict, case = screen(event.value.asdict(), register, message.topic, message.partition, message.offset)
            await verdicts.send(key=event.key, value=verdict)
            if case is not None:
                await cases.send(key=case["case_id"].encode(), value=case)


def _tuned(app: faust.App, prefix: str, register: dict[str, Any]) -> None:
    raw = {"key_serializer": "raw", "value_serializer": "raw"}
    claims = app.topic("claims", **raw)
    verdicts = app.topic(f"{prefix}claim-verdicts", **raw)
    cases = app.topic(f"{prefix}claim-cases", **raw)
    decode, encode = msgspec.json.decode, msgspec.json.encode

    @app.agent(claims)
    async def gate(stream: faust.Stream) -> None:
        async for event in stream.events():
            message = event.message
            verdict, case = screen(decode(event.value), register, message.topic, message.partition, message.offset)
            await verdicts.send(key=event.key, value=encode(verdict))
            if case is not None:
                await cases.send(key=case["case_id"].encode(), value=encode(case))


def main() -> None:
    """Run until SIGTERM, which Faust handles."""
    app = make_app()
    sys.argv = [sys.argv[0], "worker", "--loglevel=warn", "--without-web"]
    app.main()


if __name__ == "__main__":
    main()
