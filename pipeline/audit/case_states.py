"""Compares published case states with those that follow from cases and actions: missing, unexpected or different ones."""

from __future__ import annotations

from typing import Any

import msgspec
import polars as pl
from confluent_kafka import Message
from pydantic import ValidationError

from pipeline.audit.case_actions import CaseBook
from pipeline.audit.findings import EVERY, Fault, Findings, Progress
from pipeline.audit.rows import MOST_NAMED, Found, Rows, again, beyond
from pipeline.kafka.reading import read_to_end
from pipeline.kafka.records import key, place
from pipeline.settings.model import Settings
from topics.catalogue import CASE_STATE, CLAIM_CASES
from topics.messages.cases import Case, CaseState

PART = "case_states"


def read_states(settings: Settings, findings: Findings, progress: Progress) -> pl.DataFrame:
    """The newest record of every case: case_id, partition, and the hash of its bytes (null: a tombstone).

    Raises ClusterError.
    """
    rows = Rows(case_id=pl.String, partition=pl.Int32, digest=pl.Int64)
    for number, message in enumerate(read_to_end(settings, CASE_STATE.name), 1):
        value = message.value()
        rows.add(_text(key(message)), place(message)[1], None if value is None else hash(value))
        if number % EVERY == 0:
            progress(CASE_STATE.name, number)
    every = rows.frame()
    spread = (
        every.group_by("case_id").agg(pl.col("partition").unique().sort()).filter(pl.col("partition").list.len() > 1)
    )
    for name, numbers in spread.sort("case_id").iter_rows():
        text = f"stands in partitions {', '.join(map(str, numbers))}, so that nobody can tell which is the newest"
        findings.differ(PART, Fault.TWO_PARTITIONS, f"{CASE_STATE.name} {name}", text)
    return every.unique("case_id", keep="last", maintain_order=True)


def compare_states(
    settings: Settings,
    book: CaseBook,
    states: pl.DataFrame,
    cases: pl.DataFrame,
    begun: set[int],
    findings: Findings,
    progress: Progress,
) -> None:
    """Compares the states with the cases (case_id, partition, offset, state, waits; each once). Raises ClusterError.

    `begun` are the partitions of the cases of which the oldest have expired: a state outlives its case.
    """
    both = cases.join(states, on="case_id", how="full", coalesce=True, suffix="_published")
    kind = (
        pl.when(pl.col("state").is_null() & pl.col("digest").is_not_null())
        .then(pl.lit(Fault.INVENTED))
        .when(pl.col("digest").is_null() & pl.col("state").is_not_null())
        .then(pl.lit(Fault.MISSING))
        .when(pl.col("partition") != pl.col("partition_published"))
        .then(pl.lit(Fault.WRONG_PARTITION))
        .when(pl.col("state") != pl.col("digest"))
        .then(pl.lit(Fault.DIFFERS))
    )
    wrong = both.with_columns(kind.alias("kind")).drop_nulls("kind")
    waiting = wrong.filter(pl.col("waits").fill_null(value=False))
    expired = wrong.filter((pl.col("kind") == Fault.INVENTED) & pl.col("partition_published").is_in(list(begun)))
    wrong = wrong.join(pl.concat([waiting, expired]).select("case_id"), on="case_id", how="anti").sort("case_id")
    same = both.height - wrong.height - waiting.height - expired.height
    fine = _name(settings, book, wrong, begun, findings, progress)
    beyond(PART, wrong, CASE_STATE.name, findings)
    findings.count(
        PART, CASE_STATE.name,
        cases=cases.height, states=states.height, same=same + fine, waiting=waiting.height, expired=expired.height,
    )  # fmt: skip


def _name(
    settings: Settings, book: CaseBook, wrong: pl.DataFrame, begun: set[int], findings: Findings, progress: Progress
) -> int:
    """Names what is wrong, field by field; how many differ in bytes and not in what they say."""
    kinds = {name: Fault(kind) for name, kind in wrong.head(MOST_NAMED).select("case_id", "kind").iter_rows()}
    published = again(settings, CASE_STATE.name, lambda message: _text(key(message)), set(kinds), progress)
    opened = again(settings, CLAIM_CASES.name, _case_id, set(kinds), progress)
    fine = 0
    for name, kind in kinds.items():
        last = published.get(name, [None])[-1]
        first = opened.get(name, [None])[0]
        problem = _problem(kind, book, first, last, begun)
        if problem is None:
            fine += 1
        else:
            findings.differ(PART, problem[0], f"{CASE_STATE.name} {name}", problem[1])
    return fine


def _problem(
    kind: Fault, book: CaseBook, case: Found | None, state: Found | None, begun: set[int]
) -> tuple[Fault, str] | None:
    """Kind and detail of one wrong state. None when it says the right thing after all.

    A case that was opened twice keeps the time of the first, which may have expired.
    """
    if case is None or case.value is None:
        return kind, f"{CLAIM_CASES.name} holds no case of this name"
    if state is None or state.value is None:
        return kind, f"opened at {case.partition}/{case.offset}, and no state is published"
    if state.partition != case.partition:
        return kind, f"in partition {state.partition}, its case is in {case.partition}"
    try:
        told = CaseState.model_validate_json(state.value).model_dump()
    except ValidationError as error:
        return Fault.UNREADABLE, "; ".join(item["msg"] for item in error.errors(include_url=False))
    follows = book.settled(Case.model_validate_json(case.value)).state.model_dump()
    wrong = [name for name in follows if told[name] != follows[name]]
    first_expired = wrong == ["updated_at"] and not told["revision"] and case.partition in begun
    text = "; ".join(f"{name} is {told[name]!r}, what follows is {follows[name]!r}" for name in wrong)
    return (kind, text) if wrong and not first_expired else None


class _Named(msgspec.Struct, gc=False):
    case_id: str


_named = msgspec.json.Decoder(_Named).decode


def _case_id(message: Message) -> Any:
    try:
        return _named(message.value() or b"").case_id
    except Exception:  # a decoder may raise anything
        return None


def _text(name: bytes | None) -> str:
    return (name or b"").decode("utf-8", "backslashreplace")
