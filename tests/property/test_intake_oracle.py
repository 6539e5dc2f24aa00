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
from tests.support.fuzzing import mutated

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


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_centres_day_becomes_exactly_the_claims_that_the_oracle_derives(seed: int, tmp_path: Path) -> None:
    plan = a_day(seed, 250)
    messages = messages_of(plan, seed + 100)
    found, taken = taken_in(tmp_path, messages, files=3)
    assert found == named(claims_of(plan))
    assert taken.set_aside == {}
    assert taken.lines == len(messages)
    assert taken.lines + taken.further == taken.accounted
    assert taken.claims == len(found)


def test_neither_the_order_of_messages_nor_their_repetition_changes_a_byte(tmp_path: Path) -> None:
    messages = messages_of(a_day(9, 80), 1)
    written = []
    for run in range(3):
        Random(run).shuffle(messages)
        folder = tmp_path / str(run)
        folder.mkdir()
        taken_in(folder, messages + messages[: 40 * run])
        written.append((folder / "claims.ndjson").read_bytes())
    assert written[0] == written[1] == written[2]
    assert written[0]


def test_whatever_is_broken_in_messages_every_row_of_them_is_accounted_for(tmp_path: Path) -> None:
    """Fields that are lost, of another type, or hold what nobody expects cost their own row, and the sums go on balancing."""
    random = Random(4)
    messages = messages_of(a_day(4, 120), 4)
    for message in messages:
        if random.random() < 0.4:
            spoil(message, random)
    _, taken = taken_in(tmp_path, messages)
    assert taken.set_aside_rows > 50
    assert taken.lines + taken.further == taken.accounted


@pytest.mark.parametrize("seed", range(6))
def test_damaged_bytes_cost_their_own_lines_which_are_counted_apart_from_the_reader(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    lines = [json.dumps(message, ensure_ascii=False) for message in messages_of(a_day(seed, 10), seed)]
    data = ("\n".join(lines) + "\n").encode()
    for _ in range(random.randint(5, 30)):
        data = mutated(random, data)
    (tmp_path / "given.ndjson").write_bytes(data)
    taken = take_files([str(tmp_path / "given.ndjson")], tmp_path / "claims.ndjson", load_classes())
    assert not taken.damaged
    assert taken.lines == data.count(b"\n") + (not data.endswith(b"\n"))
    assert taken.lines + taken.further == taken.accounted


def spoil(message: dict[str, Any], random: Random) -> None:
    """Changes one member of a message, somewhere in it."""
    holder: Any = message
    while True:
        name = random.choice(list(holder))
        inner = holder[name]
        if isinstance(inner, list) and inner and isinstance(inner[0], dict):
            inner = random.choice(inner)
        if not isinstance(inner, dict) or not inner or random.random() < 0.1:
            break
        holder = inner
    wrong = [None, "", "x", [], {}, [1], {"a": 1}, -1, 1e300, True, "0001-01-01", "9" * 300, "\u200b", "{", '{"a": 1']
    if random.random() < 0.3:
        del holder[name]
    else:
        holder[name] = random.choice(wrong)
