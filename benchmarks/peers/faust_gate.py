"""The screening job on Faust: one agent that sends a verdict for each claim, at least once."""

from __future__ import annotations

import os
import sys

import faust
import msgspec
from faust.types.enums import ProcessingGuarantee

from .job import Settings, read_register, screen

# With `exactly_once`, Faust 0.15.3 commits the input offsets in a transaction but sends to a topic that it does not itself
# consume outside of it: its transaction manager does not know that topic and falls back to the plain producer, silently.
# (The output then holds no transaction marker.) So the weaker guarantee, which is what one gets, is also what is asked for.
_GUARANTEE = os.environ.get("PEER_GUARANTEE", "at_least_once")


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
        producer_linger=0.005,
        producer_max_batch_size=262_144,
    )
    raw = {"key_serializer": "raw", "value_serializer": "raw"}
    claims = app.topic("claims", **raw)
    verdicts = app.topic(f"{settings.output_prefix}claim-verdicts", **raw)
    cases = app.topic(f"{settings.output_prefix}claim-cases", **raw)
    decode, encode = msgspec.json.decode, msgspec.json.encode

    @app.agent(claims)
    async def gate(stream: faust.Stream) -> None:
        async for event in stream.events():
            message = event.message
            verdict, case = screen(decode(event.value), register, message.topic, message.partition, message.offset)
            await verdicts.send(key=event.key, value=encode(verdict))
            if case is not None:
                await cases.send(key=case["case_id"].encode(), value=encode(case))

    @app.on_after_configured.connect
    def configured(_app: faust.App, **_: object) -> None:
        print("READY", flush=True)

    return app


def main() -> None:
    """Run until SIGTERM, which Faust handles."""
    app = make_app()
    sys.argv = [sys.argv[0], "worker", "--loglevel=warn", "--without-web"]
    app.main()


if __name__ == "__main__":
    main()
