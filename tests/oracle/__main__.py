"""Runs the oracle: over files of worked cases, or over generated ones against the product.

`python -m tests.oracle FILE.jsonl ...` judges worked cases and prints each that differs.
`python -m tests.oracle --against-rules LOCALITY SEED ...` shows generated cases with both answers, side by side.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .histories import LOCALITIES, generate
from .law import judge_case

ABSENT = "absent"
USAGE = "usage: python -m tests.oracle FILE.jsonl ... | --against-rules LOCALITY SEED ...\n"


def differences(expected: dict, got: dict) -> list[str]:
    """One line a field that differs; a field that is not there differs from null."""
    lines = []
    for name in sorted(expected.keys() | got.keys()):
        want, have = expected.get(name, ABSENT), got.get(name, ABSENT)
        if want != have:
            lines.append(f"  {name}: expected {json.dumps(want)}, got {json.dumps(have)}")
    return lines


def command(locality: str, seed: int) -> str:
    """What to type to see a generated case with both answers."""
    return f"python -m tests.oracle --against-rules {locality} {seed}"


def files(names: list[str]) -> int:
    """Judges every file named; 1 if any case differs."""
    passed = failed = 0
    for name in names:
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


def against_rules(locality: str, seeds: list[int]) -> int:
    """Prints each generated case with the oracle's answer and the product's; 1 if any two differ."""
    # Here, not above: the oracle itself must not know the product.
    from tests.support.against_oracle import answer  # noqa: PLC0415

    failed = 0
    for seed in seeds:
        case = generate(locality, seed)
        mine, theirs = judge_case(case), answer(locality, seed)
        sys.stdout.write(f"{case['id']}  as of {case['as_of']}\n")
        for event in case["history"]:
            sys.stdout.write(f"  {json.dumps(event)}\n")
        sys.stdout.write(f"  claim: {json.dumps(case['claim'])}\n")
        for name in sorted(mine.keys() | theirs.keys()):
            one, other = mine.get(name, ABSENT), theirs.get(name, ABSENT)
            mark = " " if one == other else "*"
            sys.stdout.write(f"{mark} {name:20} oracle {json.dumps(one):32} rules {json.dumps(other)}\n")
        failed += mine != theirs
    sys.stdout.write(f"{len(seeds) - failed} agree, {failed} differ\n")
    return 1 if failed else 0


def main(arguments: list[str]) -> int:
    """0: no difference, 1: some, 2: not understood."""
    if arguments[:1] == ["--against-rules"]:
        locality, *seeds = arguments[1:] or [""]
        if locality in LOCALITIES and seeds and all(seed.isdecimal() for seed in seeds):
            return against_rules(locality, [int(seed) for seed in seeds])
    elif arguments and not arguments[0].startswith("-"):
        return files(arguments)
    sys.stderr.write(USAGE)
    return 2


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
