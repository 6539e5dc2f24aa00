"""What a batch costs by its size: decoding, deciding and encoding 1, 20, 50, 200 and 5,000 claims, without Kafka.

`python -m benchmarks.batch` measures the gate as it chooses itself and with a frame made of every batch, however small;
`--before COMMIT` measures an earlier commit beside them, in turns within the same run, so that a busy machine is busy for all.
Each figure is the least CPU time of one thread's worth of rounds, in milliseconds, beside that of a plain loop and a plain copy.
`--deep` first holds both ways equal, byte for byte, on 100,000 generated claims of every pack. Writes results/batch.json and .md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.sample.claims import claims
from pipeline.sample.roster import institutions, roster
from pipeline.screening.gate import Gate
from pipeline.settings.packs import load_pack_set

RESULTS = Path(__file__).parent / "results"
SEED = 11
PHYSICIANS = 2_000
SIZES = (1, 20, 50, 200, 5_000)
_ROUNDS = {1: 200, 20: 60, 50: 40, 200: 20, 5_000: 4}
_TURNS = 5
_AT = "2026-01-01T00:00:00.000Z"


def _gates() -> dict[str, Gate]:
    packs = load_pack_set()
    made = {"chosen": Gate(packs)}
    if "few" in Gate.__init__.__annotations__:
        made["wide"] = Gate(packs, made["chosen"].index, few=0)
    index = made["chosen"].index
    for physician in roster(SEED, PHYSICIANS):
        index.put(physician)
    for institution in institutions(SEED):
        index.put_institution(institution)
    return made


def _least(work: Callable[[], object], rounds: int) -> float:
    """The least CPU time of a round, all threads of the process, in milliseconds."""
    best = None
    for _ in range(rounds):
        started = time.process_time_ns()
        work()
        taken = time.process_time_ns() - started
        best = taken if best is None else min(best, taken)
    return (best or 0) / 1e6


def _loop() -> int:
    total = 0
    for number in range(100_000):
        total += number
    return total


def serve() -> None:
    """Measures a size whenever a line names one, and answers a line; so that two checkouts can be measured in turns."""
    gates = _gates()
    made = claims(SEED, max(SIZES), roster(SEED, PHYSICIANS))
    values = [value for _, value in made]
    print(json.dumps({"ways": list(gates)}), flush=True)
    for line in sys.stdin:
        size = int(line)
        batch, offsets = values[:size], list(range(size))
        told = {}
        for way, gate in gates.items():
            judge = partial(gate.judge, batch, topic="claims", partitions=[0] * size, offsets=offsets, screened_at=_AT)
            judge()
            told[way] = _least(judge, _ROUNDS[size])
        print(json.dumps(told), flush=True)


class _Served:
    """A process that measures in one checkout."""

    def __init__(self, checkout: Path) -> None:
        script = f"import sys; sys.path.insert(0, {str(checkout)!r}); exec(open({__file__!r}).read())"
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"__file__ = {__file__!r}; __name__ = 'served'; {script}; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=checkout,
        )
        self.ways = self._answer()["ways"]

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def measure(self, size: int) -> dict[str, float]:
        """Milliseconds of a batch, by way."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{size}\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def measure(before: str | None) -> dict[str, Any]:
    """All figures, every size in turns of all checkouts."""
    root = Path(__file__).resolve().parent.parent
    with tempfile.TemporaryDirectory() as folder:
        earlier = Path(folder) / "before"
        if before is not None:
            subprocess.run(["git", "worktree", "add", "--detach", str(earlier), before], cwd=root, check=True)
        try:
            served = {"now": _Served(root)}
            if before is not None:
                served["before"] = _Served(earlier)
            least: dict[str, dict[str, float]] = {}
            for _ in range(_TURNS):
                for size in SIZES:
                    for checkout, process in served.items():
                        for way, taken in process.measure(size).items():
                            name = "before" if checkout == "before" else way
                            sizes = least.setdefault(name, {})
                            sizes[str(size)] = min(taken, sizes.get(str(size), taken))
            for process in served.values():
                process.close()
        finally:
            if before is not None:
                subprocess.run(["git", "worktree", "remove", "--force", str(earlier)], cwd=root, check=True)
    block = bytes(100_000_000)
    return {
        "milliseconds": least,
        "before": before,
        "machine": {
            "python": platform.python_version(),
            "cpus": os.cpu_count(),
            "loop_of_100000_ms": _least(_loop, 20),
            "copy_of_100_mb_ms": _least(lambda: bytearray(block), 10),
        },
    }


def page(figures: dict[str, Any]) -> str:
    """The figures as Markdown."""
    least, machine = figures["milliseconds"], figures["machine"]
    ways = [way for way in ("before", "wide", "chosen") if way in least]
    head = {
        "before": f"before ({figures['before']})",
        "wide": "now, a frame of every batch",
        "chosen": "now, as the gate chooses",
    }
    lines = [
        "# What a batch costs",
        "",
        "Decoding, deciding and encoding a batch, by the number of its claims: the least CPU time of all threads in",
        "milliseconds, measured in turns within one run (`python -m benchmarks.batch --before COMMIT`).",
        "",
        "| claims | " + " | ".join(head[way] for way in ways) + (" | times less |" if "before" in least else " |"),
        "|---:|" + "---:|" * (len(ways) + ("before" in least)),
    ]
    for size in map(str, SIZES):
        cells = [f"{least[way][size]:.2f}" for way in ways]
        if "before" in least:
            cells.append(f"{least['before'][size] / least['chosen'][size]:.1f}")
        lines.append(f"| {int(size):,} | " + " | ".join(cells) + " |")
    lines += [
        "",
        f"The machine in the same run: {machine['cpus']} CPUs, Python {machine['python']}; a plain loop of 100,000"
        f" additions takes {machine['loop_of_100000_ms']:.2f} ms, a copy of 100 MB {machine['copy_of_100_mb_ms']:.1f} ms.",
    ]
    if "equal" in figures:
        equal = ", ".join(f"{count:,} of {pack}" for pack, count in figures["equal"].items())
        lines += ["", f"Both ways gave the same bytes for {equal}."]
    return "\n".join(lines) + "\n"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", metavar="COMMIT", help="a commit to measure beside this checkout")
    parser.add_argument(
        "--deep", action="store_true", help="hold both ways equal on 100,000 claims of every pack first"
    )
    options = parser.parse_args()
    equal = None
    if options.deep:
        from tests.support.both_ways import hold_equal  # noqa: PLC0415  # only the deep profile needs the tests

        equal = hold_equal(100_000)
    figures = measure(options.before)
    if equal is not None:
        figures["equal"] = equal
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "batch.json").write_text(json.dumps(figures, indent=1) + "\n")
    (RESULTS / "batch.md").write_text(page(figures))
    print(page(figures))


if __name__ == "__main__":
    main()
