"""`python -m tests.oracle FILE.jsonl`: judges worked cases and prints each that differs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .law import judge_case

ABSENT = "absent"


def differences(expected: dict, got: dict) -> list[str]:
    """One line a field that differs; a field that is not there differs from null."""
    lines = []
    for name in sorted(expected.keys() | got.keys()):
        want, have = expected.get(name, ABSENT), got.get(name, ABSENT)
        if want != have:
            lines.append(f"  {name}: expected {json.dumps(want)}, got {json.dumps(have)}")
    return lines


def main(arguments: list[str]) -> int:
    """Runs every file named; 1 if any case differs."""
    if not arguments:
        sys.stderr.write("usage: python -m tests.oracle FILE.jsonl ...\n")
        return 2
    passed = failed = 0
    for name in arguments:
        for line in Path(name).read_text(encoding="utf-8").splitlines():
            if not line.strip():
                continue
            case = json.loads(line)
            lines = differences(case["expect"], judge_case(case))
            if lines:
                failed += 1
                sys.stdout.write("\n".join([case["id"], *lines]) + "\n")
            else:
                passed += 1
    sys.stdout.write(f"{passed} passed, {failed} failed\n")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
