"""Compares cases with verdicts: each reject and review has a case that says the same, and each case has its verdict.

A case is the bytes of its verdict with more behind them, so hashes are compared; only what differs is read as JSON.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

import msgspec
import polars as pl
from confluent_kafka import Message

from pipeline.audit.case_actions import CaseBook
from pipeline.audit.case_revisions import Revised, compare_revised, read_demanded
from pipeline.audit.case_states import compare_states, read_states
from pipeline.audit.findings import EVERY, Fault, Findings, Progress
from pipeline.audit.rows import MOST_NAMED, OFFSETS, Found, Kept, Rows, again, beyond, timestamp
from pipeline.kafka.offsets import PartitionOffsets, group_offsets
from pipeline.kafka.partitioner import partition_of
from pipeline.kafka.reading import read_to_end
from pipeline.kafka.records import key, place
from pipeline.settings.model import Settings
from rules.packs.pack_set import PackSet
from rules.vocabulary import Disposition, Reason
from topics.catalogue import CLAIM_CASES, CLAIM_VERDICTS, CLAIMS, REPLAY_SOURCE
from topics.verdicts.codec import case_id, first_case_id

PART = "cases"
_TAIL = b',"case_id":"'
"""Where the verdict ends in a case. Within a JSON string its quotes would be escaped."""


class _Source(msgspec.Struct, gc=False):
    topic: str
    partition: Annotated[int, msgspec.Meta(ge=0, lt=1 << 15)]
    offset: Annotated[int, msgspec.Meta(ge=0, lt=OFFSETS)]

    @property
    def number(self) -> int:
        """Partition and offset as one number."""
        return self.partition * OFFSETS + self.offset


class _Verdict(msgspec.Struct, gc=False):
    disposition: Disposition
    source: _Source


class NamedCase(msgspec.Struct, gc=False):
    """What the audit reads of a case first."""

    claim_id: str
    claim_version: int
    region: str
    institution_code: str
    reason: Reason
    source: _Source
    screened_at: str
    case_id: str
    opened_at: str
    area: str | None = None
    revision: int | None = None


_verdict = msgspec.json.Decoder(_Verdict).decode
_case = msgspec.json.Decoder(NamedCase).decode


class CaseNames:
    """Whether a case bears the name that its claim and ground give it; the ground is not always the reason.

    A case without `area` was named by the first formula. So were cases that tell an area beside another region, until the id
    followed from it.
    """

    def __init__(self) -> None:
        self._grounds = {reason: [reason, *(ground for ground in Reason if ground is not reason)] for reason in Reason}

    def right(self, case: NamedCase) -> bool:
        """Tries the ground first that the reason had last."""
        grounds = self._grounds[case.reason]
        for number, ground in enumerate(grounds):
            if case.case_id in self._of(case, ground):
                grounds.insert(0, grounds.pop(number))
                return True
        return False

    @staticmethod
    def _of(case: NamedCase, ground: Reason) -> Iterator[str]:
        if case.area is not None:
            yield case_id(case.area, case.institution_code, case.claim_id, case.claim_version, ground)
        if case.area != case.region:
            yield first_case_id(case.claim_id, case.claim_version, ground)


class _Both(NamedTuple):
    """The two logs as they were read."""

    verdicts: pl.DataFrame
    cases: pl.DataFrame
    verdicts_kept: Kept
    cases_kept: Kept


def audit_cases(settings: Settings, packs: PackSet, findings: Findings, progress: Progress) -> None:
    """Compares verdicts with cases, and cases and actions with case states. Raises ClusterError.

    The order makes processes at work no difference. Each group is asked first how far it has come; states are read before
    what they are counted from, and cases before verdicts, so that what a case or a state stands on is always found.
    """
    judged = group_offsets(settings, CLAIMS.name, settings.group_id)
    book = states = None
    if settings.output_prefix:
        findings.notes.append(
            f"states are those of {CLAIM_CASES.name}, not of {settings.output_prefix}*, and are not compared"
        )
    else:
        book = CaseBook(settings, packs)
        states = read_states(settings, findings, progress)
        book.read(states, findings, progress)
    cases_kept, verdicts_kept = Kept(), Kept()
    revised = Counter() if settings.output_prefix else read_demanded(settings, findings, progress)
    by_revision: Counter[Revised] = Counter()
    cases = _cases(settings, book, by_revision, cases_kept, findings, progress)
    verdicts = _verdicts(settings, verdicts_kept, findings, progress)
    if not settings.output_prefix:
        compare_revised(revised, by_revision, settings, findings, progress)
    published = cases.filter(pl.col("source").is_null()).height - by_revision.total()
    if published:
        findings.notes.append(
            f"{CLAIM_CASES.name}: {published:,} cases of replays, which have no verdict, are not compared"
        )
    own = cases.drop_nulls("source")
    _compare(settings, judged, _Both(verdicts, own, verdicts_kept, cases_kept), findings, progress)
    if book is not None and states is not None:
        book.close(cases_kept.begun, findings, progress)
        opened = cases.select("case_id", "partition", "offset", "state", "waits").unique(
            "case_id", keep="first", maintain_order=True
        )
        compare_states(settings, book, states, opened, cases_kept.begun, findings, progress)


# -- reading ------------------------------------------------------------------------------------------------------


def _cases(
    settings: Settings,
    book: CaseBook | None,
    by_revision: Counter[Revised],
    kept: Kept,
    findings: Findings,
    progress: Progress,
) -> pl.DataFrame:
    """A row a case: its place, its verdict's source and hash, its name, and the hash of the state that it must have."""
    name = CLAIM_CASES.prefixed(settings.output_prefix).name
    rows = Rows(
        partition=pl.Int32, offset=pl.Int64, at=pl.Int64, source=pl.Int64, digest=pl.Int64, odd=pl.Boolean,
        case_id=pl.String, state=pl.Int64, waits=pl.Boolean,
    )  # fmt: skip
    names = CaseNames()
    set_aside: dict[int, tuple[int, int]] = {}
    for number, message in enumerate(read_to_end(settings, name), 1):
        _, partition, offset = place(message)
        value, at = message.value() or b"", timestamp(message)
        kept.saw(partition, at)
        try:
            case = _case(value)
        except Exception as error:  # a decoder may raise anything
            findings.differ(PART, Fault.UNREADABLE_CASE, f"{name}/{partition}/{offset}", str(error))
            if book is not None:
                book.set_aside(partition, offset)
            continue
        if hash(value) in set_aside:
            # A case that could not be taken, sent again from its letter: it stands for the first, whose letter was right.
            if book is not None:
                book.set_aside(*set_aside[hash(value)])
            continue
        if book is not None and book.has_letter(partition, offset):
            set_aside[hash(value)] = partition, offset
        state, waits = (None, False) if book is None else book.opened(partition, offset, case, value)
        if case.revision is not None:
            # It stands beside a revision, and not beside a verdict.
            by_revision[case.source.number, case.revision, case.claim_id, str(case.reason)] += 1
            rows.add(partition, offset, at, None, None, False, case.case_id, state, waits)
            continue
        if case.source.topic != CLAIMS.name:
            if case.source.topic != REPLAY_SOURCE:
                told = f"names {case.source.topic}, which is no topic of claims"
                findings.differ(PART, Fault.INVENTED, f"{name}/{partition}/{offset}", told)
            # A replay's case has no verdict in the log; its state follows from it all the same.
            rows.add(partition, offset, at, None, None, False, case.case_id, state, waits)
            continue
        odd = case.opened_at != case.screened_at or key(message) != case.case_id.encode() or not names.right(case)
        said = value[: value.find(_TAIL)]
        if case.area == case.region:
            said = said.removesuffix(b',"area":"%b"' % case.area.encode())  # which the verdict does not tell
        digest = hash(said)
        rows.add(partition, offset, at, case.source.number, digest, odd, case.case_id, state, waits)
        if number % EVERY == 0:
            progress(name, number)
    kept.close(settings, name)
    return rows.frame()


def _verdicts(settings: Settings, kept: Kept, findings: Findings, progress: Progress) -> pl.DataFrame:
    """A row a verdict that demands a case: its source and hash."""
    name = CLAIM_VERDICTS.prefixed(settings.output_prefix).name
    rows = Rows(at=pl.Int64, source=pl.Int64, digest=pl.Int64)
    for number, message in enumerate(read_to_end(settings, name), 1):
        _, partition, offset = place(message)
        value, at = message.value() or b"", timestamp(message)
        kept.saw(partition, at)
        try:
            verdict = _verdict(value)
        except Exception as error:  # a decoder may raise anything
            findings.differ(PART, Fault.UNREADABLE_VERDICT, f"{name}/{partition}/{offset}", str(error))
            continue
        if verdict.disposition.opens_case:
            rows.add(at, verdict.source.number, hash(value[:-1]))
        if number % EVERY == 0:
            progress(name, number)
    kept.close(settings, name)
    return rows.frame()


# -- comparing ----------------------------------------------------------------------------------------------------


def _compare(
    settings: Settings, judged: dict[int, PartitionOffsets], both: _Both, findings: Findings, progress: Progress
) -> None:
    sources, wrong = _wrong(both)
    expired = wrong.filter(
        ((pl.col("kind") == Fault.MISSING) & (pl.col("at") < both.cases_kept.since))
        | ((pl.col("kind") == Fault.INVENTED) & (pl.col("opened") < both.verdicts_kept.since))
    )
    wrong = wrong.join(expired.select("source"), on="source", how="anti")
    waiting = _waiting(settings, wrong, judged)
    wrong = wrong.join(waiting.select("source"), on="source", how="anti").sort("source")
    named = set(wrong["source"].head(MOST_NAMED).to_list())
    said = again(settings, CLAIM_VERDICTS.prefixed(settings.output_prefix).name, _source_of(_verdict), named, progress)
    made = again(settings, CLAIM_CASES.prefixed(settings.output_prefix).name, _source_of(_case), named, progress)
    gone = fine = 0
    for source in sorted(named):
        verdicts, cases = said.get(source, []), made.get(source, [])
        if _emptied(verdicts, cases, both):
            gone += 1
        else:
            problems = list(_judged(settings, source, verdicts, cases))
            fine += not problems
            for problem in problems:
                findings.differ(PART, *problem)
    beyond(PART, wrong, CLAIM_CASES.name, findings)
    findings.count(
        PART, CLAIM_CASES.prefixed(settings.output_prefix).name,
        demanded=both.verdicts.height, cases=both.cases.height,
        same=sources - wrong.height - waiting.height - expired.height + fine,
        waiting=waiting.height, expired=expired.height + gone,
    )  # fmt: skip
    if both.cases_kept.begun or both.verdicts_kept.begun:
        findings.notes.append(f"{CLAIM_CASES.name}: older verdicts or cases have expired; what is left is compared")


def _wrong(both: _Both) -> tuple[int, pl.DataFrame]:
    """How many sources there are, and those that are not as they must be: source, kind, at, opened."""
    said = both.verdicts.group_by("source").agg(pl.len().alias("verdicts"), pl.col("digest").sum(), pl.col("at").max())
    made = both.cases.group_by("source").agg(
        pl.len().alias("cases"),
        pl.col("digest").sum().alias("made"),
        pl.col("odd").any(),
        pl.col("at").max().alias("opened"),
    )
    joined = said.join(made, on="source", how="full", coalesce=True)
    kind = (
        pl.when(pl.col("verdicts").is_null())
        .then(pl.lit(Fault.INVENTED))
        .when(pl.col("cases").is_null() | (pl.col("cases") < pl.col("verdicts")))
        .then(pl.lit(Fault.MISSING))
        .when(pl.col("cases") > pl.col("verdicts"))
        .then(pl.lit(Fault.DOUBLED))
        .when((pl.col("digest") != pl.col("made")) | pl.col("odd"))
        .then(pl.lit(Fault.DIFFERS))
    )
    found = joined.select("source", kind.alias("kind"), "at", "opened").drop_nulls("kind")
    return joined.height, found


def _waiting(settings: Settings, wrong: pl.DataFrame, judged: dict[int, PartitionOffsets]) -> pl.DataFrame:
    """Verdicts without a case that came while the cases were being read.

    A group that has never committed, and does not meanwhile, is the wrong one or gone: then nothing waits.
    """
    limits = {number: offsets.committed for number, offsets in judged.items()}
    if any(limit is None for limit in limits.values()):
        now = group_offsets(settings, CLAIMS.name, settings.group_id)
        limits = {
            number: OFFSETS if limit is None and now[number].committed is None else limit or 0
            for number, limit in limits.items()
        }
    known = pl.DataFrame(
        {"number": list(limits), "limit": list(limits.values())}, schema={"number": pl.Int64, "limit": pl.Int64}
    )
    placed = wrong.with_columns((pl.col("source") // OFFSETS).alias("number"))
    return placed.join(known, on="number").filter(
        (pl.col("kind") == Fault.MISSING) & (pl.col("source") % OFFSETS >= pl.col("limit"))
    )


# -- naming -------------------------------------------------------------------------------------------------------


def _source_of(decode: Any) -> Any:
    def source(message: Message) -> int | None:
        try:
            found = decode(message.value() or b"").source
            return int(found.number) if found.topic == CLAIMS.name else None
        except Exception:  # a decoder may raise anything
            return None

    return source


def _emptied(verdicts: list[Found], cases: list[Found], both: _Both) -> bool:
    """Whether the counterpart would lie in a partition of which everything has expired."""
    if cases and not verdicts:
        return partition_of(_case(cases[0].value or b"").claim_id.encode(), both.verdicts_kept.partitions) in (
            both.verdicts_kept.emptied
        )
    if verdicts and not cases and both.cases_kept.emptied:
        told = msgspec.json.decode(verdicts[0].value or b"")
        area = told.get("area", told.get("region"))
        claim = (told.get("institution_code"), told.get("claim_id"), told.get("claim_version"))
        name = case_id(area, *claim, told.get("reason"))
        return partition_of(name.encode(), both.cases_kept.partitions) in both.cases_kept.emptied
    return False


def _judged(
    settings: Settings, source: int, verdicts: list[Found], cases: list[Found]
) -> Iterator[tuple[Fault, str, str]]:
    """What is wrong with one source's verdicts and cases: (kind, where, detail)."""
    claim = f"{CLAIMS.name}/{source // OFFSETS}/{source % OFFSETS}"
    topic = CLAIM_CASES.prefixed(settings.output_prefix).name
    said = [json for json in map(_json, verdicts) if json.get("disposition") != Disposition.PAY]
    made = [(found, _json(found)) for found in cases]
    if not said:
        why = "whose verdict pays" if verdicts else "where no verdict stands"
        for _, case in made:
            yield Fault.INVENTED, f"{topic} {case['case_id']}", f"names {claim}, {why}"
    elif len(made) < len(said):
        told = f"{said[0].get('claim_id')} version {said[0].get('claim_version')}: {said[0].get('disposition')}"
        yield Fault.MISSING, claim, f"{told} ({said[0].get('reason')}), {len(said)} verdicts and {len(made)} cases"
    elif len(made) > len(said):
        places = ", ".join(f"{found.partition}/{found.offset}" for found, _ in made)
        yield Fault.DOUBLED, f"{topic} {made[0][1]['case_id']}", f"of {claim}, {len(said)} verdicts, stands at {places}"
    else:
        yield from _fields(topic, said, made)


def _json(found: Found) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.json.decode(found.value or b"{}")
    return told


def _fields(
    topic: str, said: list[dict[str, Any]], made: list[tuple[Found, dict[str, Any]]]
) -> Iterator[tuple[Fault, str, str]]:
    """The fields in which cases differ from their verdicts, in as many of both."""
    for verdict, (found, case) in zip(said, made, strict=True):
        wrong = [
            f"{name} is {case.get(name)!r}, its verdict says {value!r}"
            for name, value in verdict.items()
            if name not in case or case[name] != value
        ]
        if case["opened_at"] != case["screened_at"]:
            wrong.append(f"opened_at is {case['opened_at']!r}, it was screened at {case['screened_at']!r}")
        if not CaseNames().right(msgspec.convert(case, NamedCase)):
            wrong.append(f"case_id {case['case_id']} does not follow from its claim and any ground")
        if found.key != case["case_id"].encode():
            wrong.append(f"its key is {found.key.decode('utf-8', 'backslashreplace')!r}")
        if wrong:
            yield Fault.DIFFERS, f"{topic} {case['case_id']}", "; ".join(wrong)
