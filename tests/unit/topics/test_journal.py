"""The chain of the desk's journal: whatever is done to it afterwards is found."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest

from topics.journal import START, Chain, Head, head_of, linked, read_heads


def journal(number: int = 6) -> tuple[list[bytes], list[Head]]:
    head, values, heads = START, [], []
    for seq in range(1, number + 1):
        fields = {"at": f"2026-11-23T04:12:{seq:02}.000Z", "by": "li.na", "role": "reviewer", "act": "look", "what": "case",
                  "why": "case_review", "ids": [f"case-{seq}"]}  # fmt: skip
        entry, head = linked(head, fields)
        values.append(entry.model_dump_json(by_alias=True).encode())
        heads.append(head)
    return values, heads


def breaks(values: list[bytes], heads: Sequence[Head] = ()) -> list[str]:
    chain = Chain(heads)
    found: list[str] = [
        one.kind for number, value in enumerate(values) for one in chain.follow(f"offset {number}", value)
    ]
    return found + [one.kind for one in chain.end()]


def altered(value: bytes) -> bytes:
    return value.replace(b"li.na", b"wu.li")


def reforged(value: bytes) -> bytes:
    """The entry says something else, and its hash fits that."""
    told = json.loads(value)
    before = Head(told["seq"] - 1, told["previous"])
    rest = {name: told[name] for name in ("at", "role", "act", "what", "why", "ids")}
    return linked(before, {**rest, "by": "wu.li"})[0].model_dump_json(by_alias=True).encode()


def test_a_journal_that_nobody_has_touched_is_whole() -> None:
    values, heads = journal()
    assert breaks(values, heads) == []
    assert head_of(values[-1]) == heads[-1]
    assert breaks([]) == []


@pytest.mark.parametrize(
    ("harm", "kinds"),
    [
        (lambda v: [*v[:2], altered(v[2]), *v[3:]], {"altered"}),
        (lambda v: [*v[:2], reforged(v[2]), *v[3:]], {"altered"}),
        (lambda v: [*v[:2], *v[3:]], {"missing"}),
        (lambda v: v[1:], {"missing"}),
        (lambda v: [*v[:3], v[1], *v[3:]], {"doubled", "missing"}),
        (lambda v: [*v[:2], b"not json", *v[3:]], {"unreadable", "missing"}),
        (lambda v: [*v[:2], b"[]", *v[3:]], {"unreadable", "missing"}),
        (lambda v: v[:4], {"cut"}),
        (lambda v: [], {"cut"}),
        (lambda v: [*v[:5], reforged(v[5])], {"altered"}),
    ],
)
def test_an_entry_that_is_altered_removed_repeated_or_cut_off_is_found(
    harm: Callable[[list[bytes]], list[bytes]], kinds: set[str]
) -> None:
    values, heads = journal()
    assert set(breaks(harm(values), heads[-1:])) == kinds


def test_a_cut_tail_alone_is_found_only_by_a_head_that_was_kept_elsewhere() -> None:
    values, heads = journal()
    assert breaks(values[:4]) == []
    assert breaks(values[:4], [heads[4]]) == ["cut"]


def test_a_file_of_heads_that_cannot_be_read_is_told_by_its_line() -> None:
    assert read_heads('{"at":"x","seq":3,"hash":"ab"}\n') == (Head(3, "ab"),)
    for text in ("{}", "3", "not json"):
        with pytest.raises(ValueError, match="line 2"):
            read_heads(f'{{"seq":1,"hash":"a"}}\n{text}')
