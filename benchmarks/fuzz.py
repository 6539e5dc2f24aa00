"""Two million damaged files and messages through every reader:
`python -m benchmarks.fuzz [--seed N] [--messages N] [--files N] [--live N]`.

The suite runs the same harness at a small size (`tests/property/test_fuzzing.py`). Nothing may crash, and every line, row and
record must be accounted for, counted apart from the readers. What the live intake does with batches of messages is tried by
itself, and good messages behind the damaged ones must give the claims that they give alone. Writes results/fuzz and fuzz-live
(.json, .md); a finding ends it with 1 and names its seed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.support.fuzzing import Findings, NotAccounted, every
from tests.support.fuzzing_live import fuzz_live

_LIVE_AT_ONCE = 20_000
RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Runs it; 1 when something was not accounted for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--messages", type=int, default=970_000)
    parser.add_argument("--files", type=int, default=30_000)
    parser.add_argument(
        "--live", type=int, default=1_000_000, help="messages for the live intake (default: %(default)s)"
    )
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        runs = {
            "fuzz": every(wanted.seed, wanted.messages, wanted.files, Path(folder))
            if wanted.messages + wanted.files
            else (),
            "fuzz-live": _live(wanted.seed, wanted.live),
        }
        for name, run in runs.items():
            began, findings = time.monotonic(), Findings()
            try:
                for findings in run:
                    print(f"{findings.inputs:,} inputs, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
            except NotAccounted as error:
                print(f"not accounted for: {error}", file=sys.stderr)
                return 1
            if findings.inputs:
                _write(name, findings, wanted.seed, time.monotonic() - began)
    return 0


def _live(seed: int, count: int) -> Iterator[Findings]:
    findings = Findings()
    for turn in range(0, count, _LIVE_AT_ONCE):
        fuzz_live(seed * 1_000_003 + turn, min(_LIVE_AT_ONCE, count - turn), findings)
        yield findings


def _write(name: str, findings: Findings, seed: int, seconds: float) -> None:
    kinds: dict[str, dict[str, int]] = defaultdict(dict)
    for (kind, outcome), count in sorted(findings.counts.items()):
        kinds[kind][outcome] = count
    told = {"seed": seed, "inputs": findings.inputs, "seconds": round(seconds), "kinds": kinds}
    (RESULTS / f"{name}.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    outcomes = sorted({outcome for _, outcome in findings.counts})
    lines = [
        "# Damaged inputs",
        "",
        f"{findings.inputs:,} damaged files and messages of seed {seed}: none crashed a reader, and every line, row and",
        "record was accounted for, counted apart from the readers (`python -m benchmarks.fuzz`).",
        "",
        f"| kind | {' | '.join(outcomes)} |",
        f"|---|{'---:|' * len(outcomes)}",
        *(f"| {kind} | {' | '.join(f'{kinds[kind].get(name, 0):,}' for name in outcomes)} |" for kind in kinds),
    ]
    (RESULTS / f"{name}.md").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
