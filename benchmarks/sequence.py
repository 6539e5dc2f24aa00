"""README's sequence without a pause while a roster is loaded: no claim is judged by a register that is behind its own log.

`python -m benchmarks.sequence` starts the control plane and a worker with default settings, sends the registrations of 200,000
physicians, loads the sample's events behind them and its 20,000 claims behind these, and compares every verdict with a replay of
the same files. Writes results/sequence.json; exit code 1 when somebody was called unregistered wrongly.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
import time
from pathlib import Path

from pipeline.devtools.kafka import LocalKafka
from tests.kafka.test_first_sequence import CLAIMS, files, judged, load, roster
from tests.support.cluster import Cluster
from tests.support.control import Controls
from tests.support.runs import wait_judged
from tests.support.workers import Crew

RESULTS = Path(__file__).parent / "results" / "sequence.json"
ROSTER = 200_000
_AT_ONCE = 20_000
_WITHIN_S = 1_200


def run(registrations: int) -> dict[str, float]:
    """The sequence once, on a broker of its own."""
    with tempfile.TemporaryDirectory(prefix="screening-sequence-") as name, LocalKafka(Path(name) / "kafka") as broker:
        cluster, folder = Cluster(broker), Path(name)
        cluster.reset()
        events, claims, replayed = files(cluster, folder, CLAIMS)
        crew, controls = Crew(cluster, folder), Controls(cluster, folder)
        try:
            controls.start().wait_ready()
            crew.start().wait_ready()
            began = time.monotonic()
            waiting = map(roster, range(registrations))
            while some := list(itertools.islice(waiting, _AT_ONCE)):
                cluster.send("physician-events", some)
            sent = time.monotonic() - began
            load(cluster, "events", events)
            load(cluster, "claims", claims)
            loaded = time.monotonic() - began
            wait_judged(cluster, crew, within=_WITHIN_S)
            seconds = time.monotonic() - began
            verdicts = judged(cluster)
        finally:
            crew.dismiss()
            controls.dismiss()
    differing = [name for name, told in replayed.items() if verdicts.get(name) != told]
    unregistered = [name for name in differing if verdicts.get(name, {}).get("reason") == "physician_unregistered"]
    return {
        "registrations": registrations,
        "claims": len(replayed),
        "registrations_sent_s": round(sent, 1),
        "claims_loaded_s": round(loaded, 1),
        "every_claim_judged_s": round(seconds, 1),
        "verdicts_that_differ": len(differing),
        "wrongly_unregistered": len(unregistered),
    }


def main() -> int:
    """Runs the sequence, prints what it came to, and writes it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--registrations", type=int, default=ROSTER, help="of physicians whom no claim names")
    asked = parser.parse_args().registrations
    told = run(asked)
    print(json.dumps(told, indent=1))
    if asked == ROSTER:
        RESULTS.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    return 1 if told["wrongly_unregistered"] else 0


if __name__ == "__main__":
    sys.exit(main())
