"""The messages of a generated centre's day, in any order, become exactly the claims that an oracle derives from what happened."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pipeline.intake.batch import Taken, take_files
from pipeline.intake.classes import load_classes
from tests.oracle.centre import claims_of
from tests.support.centre_day import Message, a_day, messages_of
from tests.support.interface_messages import accounted

Named = dict[tuple[str, str, int], dict[str, Any]]


def named(claims: list[dict[str, Any]]) -> Named:
    """Claims by their names, their lines in an order that does not matter."""
    made = {}
    for claim in claims:
        lines = sorted(claim.get("lines", ()), key=lambda line: json.dumps(line, sort_keys=True))
        key = (claim["institution_code"], claim["claim_id"], claim["claim_version"])
        assert key not in made
        made[key] = {**claim, **({"lines": lines} if lines else {})}
    return made


def taken_in(folder: Path, messages: list[Message], files: int = 1) -> tuple[Named, Taken]:
    """What the batch form makes of messages, dealt out to so many files, and how it accounts for them."""
    given = folder / "messages"
    given.mkdir()
    for number in range(files):
        lines = [json.dumps(message, ensure_ascii=False) for message in messages[number::files]]
        (given / f"{number}.ndjson").write_text("\n".join(lines) + "\n", "utf-8")
    taken = take_files([str(given)], folder / "claims.ndjson", load_classes())
    claims = [json.loads(line) for line in (folder / "claims.ndjson").read_bytes().splitlines()]
    return named(claims), taken


@pytest.mark.parametrize("seed", [1, 2])
def test_a_centres_day_becomes_exactly_the_claims_that_the_oracle_derives(seed: int, tmp_path: Path) -> None:
    plan = a_day(seed, 150)
    messages = messages_of(plan, seed + 100)
    found, taken = taken_in(tmp_path, messages, files=3)
    assert found == named(claims_of(plan))
    assert taken.set_aside == {}
    assert taken.lines == len(messages)
    assert taken.lines + taken.further == accounted(taken)
    assert taken.claims == len(found)


def test_neither_the_order_of_messages_nor_their_repetition_changes_a_byte(tmp_path: Path) -> None:
    messages = messages_of(a_day(9, 50), 1)
    written = []
    for run in range(3):
        Random(run).shuffle(messages)
        folder = tmp_path / str(run)
        folder.mkdir()
        taken_in(folder, messages + messages[: 40 * run])
        written.append((folder / "claims.ndjson").read_bytes())
    assert written[0] == written[1] == written[2]
    assert written[0]
