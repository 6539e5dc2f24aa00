"""The screening job for the peers that are written in Python: settings, the register, the decision, the messages.

It is written for a dict a claim, as a user of those libraries would write it, and apart from the product's own code. It runs in
the peers' environments, so that it needs nothing but confluent-kafka and a JSON library that the caller brings.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

RULE_PACK = "qiannan-2022@1"
IN_FORCE_FROM = "2022-12-26"
EXEMPT_ENCOUNTERS = frozenset({"emergency", "rescue", "public_health_emergency"})

_FIRST_DAY, _LAST_DAY = "0001-01-01", "9999-12-31"
_READ_SECONDS = 120.0


@dataclass(frozen=True)
class Settings:
    """What the harness tells a peer, through the environment."""

    bootstrap_servers: str
    group_id: str
    output_prefix: str
    state_dir: str

    @classmethod
    def from_environment(cls) -> Settings:
        """Read the variables whose names start with PEER_."""
        return cls(
            os.environ["PEER_BOOTSTRAP_SERVERS"],
            os.environ["PEER_GROUP_ID"],
            os.environ.get("PEER_OUTPUT_PREFIX", ""),
            os.environ["PEER_STATE_DIR"],
        )


@dataclass(frozen=True, slots=True)
class Span:
    """Days, both ends included, on which one standing holds. ISO dates order as text."""

    start: str
    end: str
    standing: str
    in_penalty: bool
    window: list[str | None] | None
    causes: list[str]


@dataclass(frozen=True, slots=True)
class Standing:
    """A physician's standing, as the decision needs it."""

    revision: int
    spans: list[Span]
    sites: list[tuple[str, str, str, str]]

    @classmethod
    def of(cls, message: dict[str, Any]) -> Standing:
        """Make it from the message of the topic."""
        spans = [
            Span(
                span["from"] or _FIRST_DAY,
                span["to"] or _LAST_DAY,
                span["standing"],
                span.get("in_penalty", span["standing"] == "penalty"),
                span.get("penalty_period"),
                span.get("causes") or [],
            )
            for span in message["spans"]
        ]
        sites = [
            (site, _FIRST_DAY, _LAST_DAY, "declared")
            if isinstance(site, str)
            else (site["institution_code"], site["from"] or _FIRST_DAY, site["to"] or _LAST_DAY, site["status"])
            for site in message["sites"]
        ]
        return cls(message["revision"], spans, sites)

    def on(self, day: str) -> Span | None:
        """The span of a day, or None: the physician is not registered on it."""
        for span in self.spans:
            if span.start <= day <= span.end:
                return span
        return None

    def declared_at(self, institution: str, day: str) -> bool:
        """Whether the institution has declared the physician on a day: the newest of its declarations decides."""
        newest, status = "", ""
        for code, start, end, state in self.sites:
            if code == institution and start <= day <= end and start >= newest:
                newest, status = start, state
        return status == "declared"

    def straddled(self, start: str, end: str) -> Span | None:
        """The penalty that a stay touches while some of its days lie outside every penalty, else None."""
        inside, touched = 0, None
        for span in self.spans:
            if span.in_penalty and span.start <= end and start <= span.end:
                inside += _days(max(start, span.start), min(end, span.end))
                if touched is None or _later(span) > _later(touched):
                    touched = span
        return touched if inside < _days(start, end) else None


def _days(start: str, end: str) -> int:
    return (dt.date.fromisoformat(end) - dt.date.fromisoformat(start)).days + 1


def _later(span: Span) -> tuple[str, int]:
    """Orders windows by their end, then the one that starts first."""
    start, end = span.window or (None, None)
    return end or _LAST_DAY, -dt.date.fromisoformat(start or _FIRST_DAY).toordinal()


@dataclass(frozen=True, slots=True)
class Ground:
    """What the law says of a ground: in an ordinary encounter, and in one that the law exempts (None: the same)."""

    name: str
    disposition: str
    cost_bearer: str
    when_exempt: str | None
    citations: list[str]


_NOT_IN_FORCE = Ground("rule_not_in_force", "pay", "fund", None, ["八"])
_MISSING = Ground("physician_missing", "reject", "institution", "exempt", ["五(三)*", "三(二)2"])
_UNREGISTERED = Ground(
    "physician_unregistered", "reject", "institution", "unregistered_emergency", ["二(二)", "三(二)2"]
)
_STRADDLES = Ground("straddles_penalty", "review", "undetermined", None, ["三(二)2"])
_PENALTY = Ground("in_penalty_period", "reject", "institution", "exempt", ["三(二)2"])
_BLACKLISTED = Ground("blacklisted", "reject", "institution", "blacklisted_emergency", ["四(二)", "二(二)"])
_PENDING = Ground("pending_reinstatement", "reject", "institution", "exempt", ["三(二)5", "三(二)2"])
_UNDECLARED = Ground("site_not_declared", "review", "undetermined", None, ["五(二)*"])
_OK = Ground("ok", "pay", "fund", None, [])


def _find_ground(
    claim: dict[str, Any], physician: str | None, standing: Standing | None
) -> tuple[Ground, str, Span | None]:
    """The first ground that holds, the standing to show, and the span whose window and causes to report."""
    day = claim["service_date"]
    if day < IN_FORCE_FROM:
        return _NOT_IN_FORCE, "not_applicable", None
    if physician is None:
        return _MISSING, "not_applicable", None
    span = standing.on(day) if standing is not None else None
    if standing is None or span is None:
        return _UNREGISTERED, "unregistered", None
    start = claim.get("service_start")
    if start is not None and (touched := standing.straddled(start, day)) is not None:
        return _STRADDLES, span.standing, touched
    if span.in_penalty:
        ground = _PENALTY
    elif span.standing == "blacklisted":
        ground = _BLACKLISTED
    elif span.standing == "pending_reinstatement":
        ground = _PENDING
    elif not standing.declared_at(claim["institution_code"], day):
        ground = _UNDECLARED
    else:
        ground = _OK
    return ground, span.standing, span


Outcome = tuple[dict[str, Any], dict[str, Any] | None]
"""A verdict, and a case when a person has to look."""


def screen(claim: dict[str, Any], register: dict[str, Standing], topic: str, partition: int, offset: int) -> Outcome:
    """Decide one claim and make its messages."""
    physician = (claim["physician_code"] or "").strip() or None
    standing = register.get(f"{claim['region']}|{physician}") if physician is not None else None
    ground, shown, span = _find_ground(claim, physician, standing)
    encounter = claim["encounter_type"]
    disposition, reason, cost_bearer, exempted = ground.disposition, ground.name, ground.cost_bearer, None
    if ground.when_exempt is not None and encounter in EXEMPT_ENCOUNTERS:
        if ground.when_exempt == "exempt":
            disposition, reason, cost_bearer, exempted = "pay", f"exempt_{encounter}", "fund", ground.name
        else:
            disposition, reason, cost_bearer = "review", ground.when_exempt, "undetermined"
    now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    verdict = {
        "claim_id": claim["claim_id"],
        "claim_version": claim.get("claim_version", 1),
        "region": claim["region"],
        "institution_code": claim["institution_code"],
        "physician_code": physician,
        "encounter_type": encounter,
        "service_date": claim["service_date"],
        "fund_amount": claim["fund_amount"],
        "disposition": disposition,
        "reason": reason,
        "exempted_ground": exempted,
        "cost_bearer": cost_bearer,
        "standing": shown,
        "penalty_period": span.window if span is not None else None,
        "rule_pack": RULE_PACK,
        "citations": ground.citations,
        "standing_revision": standing.revision if standing is not None else None,
        "source": {"topic": topic, "partition": partition, "offset": offset},
        "screened_at": now,
    }
    return verdict, None if disposition == "pay" else _case(verdict, ground, span)


def _case(verdict: dict[str, Any], ground: Ground, span: Span | None) -> dict[str, Any]:
    """The verdict and why a person has to look at it. The same claim, version and ground always give the same case."""
    identity = f"{verdict['claim_id']}|{verdict['claim_version']}|{ground.name}"
    articles, who = "、".join(ground.citations), verdict["physician_code"] or "-"
    day, shown, reason = verdict["service_date"], verdict["standing"], verdict["reason"]
    return {
        **verdict,
        "case_id": f"case-{hashlib.sha256(identity.encode()).hexdigest()[:32]}",
        "opened_at": verdict["screened_at"],
        "explanation": {
            "zh": f"就诊日期 {day}，医师 {who}，状态 {shown}，依据 {articles}：{reason}。",
            "en": f"Service on {day} by {who}, standing {shown}, under {articles}: {reason}.",
        },
        "evidence": span.causes if span is not None else [],
    }


def read_register(bootstrap_servers: str, loads: Callable[[bytes], Any]) -> dict[str, Standing]:
    """Read the topic `physician-standing` to its present end.

    Raises:
        RuntimeError: when the end was not reached in time.
    """
    topic = "physician-standing"
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "unused",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
        }
    )
    partitions = list(consumer.list_topics(topic, timeout=30).topics[topic].partitions)
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    register: dict[str, Standing] = {}
    unfinished = set(partitions)
    deadline = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=_READ_SECONDS)
    while unfinished:
        if dt.datetime.now(dt.UTC) > deadline:
            raise RuntimeError(f"{topic} was not read to its end within {_READ_SECONDS:.0f} s")
        for message in consumer.consume(10_000, timeout=0.2):
            if message.error():
                unfinished.discard(message.partition())
                continue
            key, value = (message.key() or b"").decode(), message.value()
            if value is None:
                register.pop(key, None)
            else:
                register[key] = Standing.of(loads(value))
    consumer.close()
    return register
