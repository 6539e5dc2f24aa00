"""The ledger's side by hand: events recorded, progress told, standings published; for tests of how the gate waits for it."""

from __future__ import annotations

import datetime as dt
import json

from confluent_kafka import Producer

from tests.support.cluster import Cluster
from topics.progress import progress_key, progress_partition

EVENTS, PROGRESS = "physician-events", "ledger-progress"


def now() -> str:
    """This moment, as the wire has it."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def tell_progress(cluster: Cluster, *partitions: int, at: dict[int, int] | None = None) -> None:
    """Says that the ledger has taken everything of these partitions (all, when none is named), or up to `at`."""
    ends = cluster.ends(EVENTS, "read_committed")
    count = len(cluster.ends(PROGRESS, "read_committed"))
    cluster.send(
        PROGRESS,
        [
            {
                "key": progress_key(EVENTS, number),
                "value": json.dumps(
                    {
                        "topic": EVENTS,
                        "partition": number,
                        "next_offset": (at or {}).get(number, end),
                        "last_event_at": None,
                        "revisions": 0,
                        "instance": "by-hand",
                        "written_at": now(),
                    }
                ),
                "partition": progress_partition(EVENTS, number, count),
            }
            for number, end in enumerate(ends)
            if not partitions or number in partitions
        ],
    )


def transaction(cluster: Cluster, name: str = "an-agency", timeout_ms: int = 60_000) -> Producer:
    """A transactional sender with an open transaction."""
    sender = Producer(
        {
            "bootstrap.servers": cluster.bootstrap,
            "transactional.id": name,
            "transaction.timeout.ms": timeout_ms,
            "log_level": 0,
        }
    )
    sender.init_transactions(30)
    sender.begin_transaction()
    return sender
