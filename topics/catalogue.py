"""Every topic of the product as one typed value. A topic is named here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from topics.messages.base import Message
from topics.messages.cases import Case, CaseAction, CaseFile, CaseState
from topics.messages.claims import Claim
from topics.messages.desk import JournalEntry
from topics.messages.events import PhysicianEvent
from topics.messages.intake import IntakeState
from topics.messages.ledger import (
    DepartmentStanding,
    DossierFile,
    InstitutionStandingMessage,
    InsuredStanding,
    LedgerProgress,
    Notice,
    PhysicianStanding,
)
from topics.messages.precheck import PrecheckFeedback
from topics.messages.redriven import Redriven
from topics.messages.revisions import ClaimRevision
from topics.messages.verdicts import Verdict
from topics.objects import MAX_VALUE_BYTES

DAY_MS = 24 * 60 * 60 * 1000
YEAR_MS = 365 * DAY_MS

MAX_CLAIM_BYTES = MAX_VALUE_BYTES
"""A claim value above this is a dead letter, whatever it says."""

MAX_RECORD_BYTES = 12 * 1024 * 1024
"""Largest record that the topic of claims takes. It is far above MAX_CLAIM_BYTES so that a careless sender gets a dead letter
with a reason, not a broker error that stops its queue."""

MAX_DEAD_LETTER_BYTES = MAX_RECORD_BYTES + 1024 * 1024
"""A dead letter keeps the received bytes and adds headers. Were it not larger than what comes in, one record could be
neither judged nor set aside, and would stop its partition for ever."""


EVENT_PARTITIONS = 6
"""Partitions of the events and of everything that is kept and published by their partition. The control plane reads and
writes partition n of each of these topics together, so the counts must be the same and can only be raised together."""

CASE_PARTITIONS = 12
"""The same for cases, what people do about them, and where each stands."""

MESSAGE_PARTITIONS = 12
"""Partitions of the interface messages and of what the intake keeps of them, by the same partition."""

DOSSIER_MAX_BYTES = 8 * 1024 * 1024
"""Largest dossier that is kept; an event that would make it larger is a dead letter."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """One topic: its contract and the settings it is created with.

    `retention_ms` -1 keeps for ever. `model` is None where values are passed on as received.
    """

    name: str
    key: str
    model: type[Message] | None
    partitions: int
    cleanup: Literal["delete", "compact"]
    retention_ms: int
    owner: str
    readers: str
    purpose: str
    max_record_bytes: int = 1024 * 1024
    brokers_time: bool = False
    """Records bear the brokers' time. For what others write: by a timestamp of the sender's choice, such as the day of
    settlement, retention would delete a record before it was read."""
    lost: str = ""
    """What is gone when a record's time has passed; empty where that is never."""
    segment_bytes: int | None = None
    """Size of the log's pieces, where it is to be compacted soon because a key is written many times a second."""

    def prefixed(self, prefix: str) -> TopicSpec:
        """The same contract under another name, for shadow runs beside the real outputs."""
        return replace(self, name=f"{prefix}{self.name}") if prefix else self

    def config(self) -> dict[str, str]:
        """Topic settings in Kafka's own names."""
        settings = {"cleanup.policy": self.cleanup, "max.message.bytes": str(self.max_record_bytes)}
        if self.cleanup == "delete":
            settings["retention.ms"] = str(self.retention_ms)
        if self.brokers_time:
            settings["message.timestamp.type"] = "LogAppendTime"
        if self.segment_bytes is not None:
            settings["segment.bytes"] = str(self.segment_bytes)
        return settings


CLAIMS = TopicSpec(
    name="claims",
    key="claim_id",
    model=Claim,
    partitions=12,
    cleanup="delete",
    retention_ms=30 * DAY_MS,
    lost=(
        "A claim that nobody has judged is never judged (`ScreeningClaimsExpired`; "
        "`ScreeningClaimsNearRetention` comes before); one that the archive has not read is missing there "
        "(`ScreeningArchiveGap`). Of judged claims the verdict stays, and neither audit nor replay from the "
        "topic can hold it against the claim any more."
    ),
    owner="settlement interface",
    readers="worker, archive",
    purpose=f"Settled claims on their way to payment (结算记录). A value over {MAX_CLAIM_BYTES:,} bytes becomes a dead letter.",
    max_record_bytes=MAX_RECORD_BYTES,
    brokers_time=True,
)
CLAIM_VERDICTS = TopicSpec(
    name="claim-verdicts",
    key="claim_id",
    model=Verdict,
    partitions=12,
    cleanup="delete",
    retention_ms=5 * YEAR_MS,
    lost="What was decided cannot be looked up in the topic; the archive keeps it.",
    owner="worker",
    readers="settlement interface, archive, replay, audit",
    purpose="The decision on each accepted claim record, exactly one for each (裁定).",
)
CLAIM_CASES = TopicSpec(
    name="claim-cases",
    key="case_id",
    model=Case,
    partitions=CASE_PARTITIONS,
    cleanup="delete",
    retention_ms=5 * YEAR_MS,
    lost="The explanation and evidence of a case. Its state stays.",
    owner="worker",
    readers="control, audit",
    purpose="Every rejected or doubtful claim with its explanation and evidence (疑点案件).",
)
CLAIM_REVISIONS = TopicSpec(
    name="claim-revisions",
    key="claim_id",
    model=ClaimRevision,
    partitions=12,
    cleanup="delete",
    retention_ms=-1,
    owner="screening reconcile",
    readers="settlement interface, reconcile",
    purpose="Answers that replace earlier ones because a standing or the law has changed (复核更正). The last one holds.",
)
CLAIMS_DEAD_LETTER = TopicSpec(
    name="claims-dead-letter",
    key="as received",
    model=None,
    partitions=3,
    cleanup="delete",
    retention_ms=YEAR_MS,
    lost="A claim that could not be read cannot be sent again from here.",
    owner="worker",
    readers="operators",
    purpose="Claim records that cannot be read, byte for byte, with the reason in the headers (死信).",
    max_record_bytes=MAX_DEAD_LETTER_BYTES,
)
CLAIMS_REDRIVEN = TopicSpec(
    name="claims-redriven",
    key="partition|offset of the dead letter, with its topic before them unless it is a claim",
    model=Redriven,
    partitions=1,
    cleanup="compact",
    retention_ms=-1,
    owner="screening dlq redrive",
    readers="screening dlq",
    purpose="Which dead letters were sent again, so that none is ever sent twice.",
)
PHYSICIAN_EVENTS = TopicSpec(
    name="physician-events",
    key="code of the physician, institution or insured person, or institution|department",
    model=PhysicianEvent,
    partitions=EVENT_PARTITIONS,
    cleanup="delete",
    retention_ms=-1,
    owner="agencies",
    readers="control, audit",
    purpose="Registrations, deductions, bonuses, appeals, reinstatements: the source of truth from which dossiers are folded.",
    brokers_time=True,
)
PHYSICIAN_EVENTS_DEAD_LETTER = TopicSpec(
    name="physician-events-dead-letter",
    key="as received",
    model=None,
    partitions=1,
    cleanup="delete",
    retention_ms=YEAR_MS,
    lost="An event that was refused cannot be sent again from here.",
    owner="control",
    readers="operators",
    purpose="Events that cannot be accepted, byte for byte, with the reason in the headers.",
    max_record_bytes=MAX_RECORD_BYTES,
)
PHYSICIAN_STANDING = TopicSpec(
    name="physician-standing",
    key="area|physician_code",
    model=PhysicianStanding,
    partitions=EVENT_PARTITIONS,
    cleanup="compact",
    retention_ms=-1,
    owner="control",
    readers="worker, desk, audit",
    purpose="Each physician's standing on every day, as known now (一医一档).",
    max_record_bytes=MAX_RECORD_BYTES,
)
INSTITUTION_STANDING = TopicSpec(
    name="institution-standing",
    key="area|institution_code",
    model=InstitutionStandingMessage,
    partitions=EVENT_PARTITIONS,
    cleanup="compact",
    retention_ms=-1,
    owner="control",
    readers="worker, desk, audit",
    purpose="Each institution's service agreement on every day, as known now.",
    max_record_bytes=MAX_RECORD_BYTES,
)
INSURED_STANDING = TopicSpec(
    name="insured-standing",
    key="area|insured_id",
    model=InsuredStanding,
    partitions=EVENT_PARTITIONS,
    cleanup="compact",
    retention_ms=-1,
    owner="control",
    readers="worker, audit",
    purpose="The days on which an insured person's networked settlement is suspended, as known now (参保人员).",
    max_record_bytes=MAX_RECORD_BYTES,
)
DEPARTMENT_STANDING = TopicSpec(
    name="department-standing",
    key="area|institution_code|department",
    model=DepartmentStanding,
    partitions=EVENT_PARTITIONS,
    cleanup="compact",
    retention_ms=-1,
    owner="control",
    readers="worker, audit",
    purpose="The days on which an institution's department is suspended, as known now (科室).",
    max_record_bytes=MAX_RECORD_BYTES,
)
STANDING_TOPICS = (PHYSICIAN_STANDING, INSTITUTION_STANDING, INSURED_STANDING, DEPARTMENT_STANDING)
"""The register as it is published: a topic for each kind of owner."""

DOSSIERS = TopicSpec(
    name="dossiers",
    key="kind|area|code",
    model=DossierFile,
    partitions=EVENT_PARTITIONS,
    cleanup="compact",
    retention_ms=-1,
    owner="control",
    readers="control, desk",
    purpose="Each owner's accepted events in one value, so that a restart need not read every event.",
    max_record_bytes=DOSSIER_MAX_BYTES + 1024 * 1024,
)
CASE_ACTIONS = TopicSpec(
    name="case-actions",
    key="case_id",
    model=CaseAction,
    partitions=CASE_PARTITIONS,
    cleanup="delete",
    retention_ms=-1,
    owner="case workers, desk",
    readers="control, audit",
    purpose="What people did about cases.",
    brokers_time=True,
)
CASE_ACTIONS_DEAD_LETTER = TopicSpec(
    name="case-actions-dead-letter",
    key="as received",
    model=None,
    partitions=1,
    cleanup="delete",
    retention_ms=YEAR_MS,
    lost="An action that was refused cannot be sent again from here.",
    owner="control",
    readers="operators",
    purpose="Actions and cases that cannot be applied, byte for byte, with the reason in the headers.",
    max_record_bytes=MAX_RECORD_BYTES,
)
CASE_STATE = TopicSpec(
    name="case-state",
    key="case_id",
    model=CaseState,
    partitions=CASE_PARTITIONS,
    cleanup="compact",
    retention_ms=-1,
    owner="control",
    readers="case tools, audit",
    purpose="Where each case stands.",
)
CASE_FILES = TopicSpec(
    name="case-files",
    key="case_id",
    model=CaseFile,
    partitions=CASE_PARTITIONS,
    cleanup="compact",
    retention_ms=-1,
    owner="control",
    readers="control, desk",
    purpose="Each case with the actions that it has taken: what its state is counted from.",
    max_record_bytes=MAX_RECORD_BYTES,
)
NOTICES = TopicSpec(
    name="notices",
    key="notice_id",
    model=Notice,
    partitions=EVENT_PARTITIONS,
    cleanup="compact",
    retention_ms=-1,
    owner="control",
    readers="agencies, institutions, desk",
    purpose="Statutory steps that fall due, with their last day in working days.",
)
LEDGER_PROGRESS = TopicSpec(
    name="ledger-progress",
    key="topic-partition",
    model=LedgerProgress,
    partitions=EVENT_PARTITIONS + CASE_PARTITIONS,
    cleanup="compact",
    retention_ms=-1,
    owner="control",
    readers="worker, control, audit",
    purpose="How far the ledger has come in each partition of its input, in one transaction with what follows (台账进度).",
    segment_bytes=4 * 1024 * 1024,
)

INTERFACE_MESSAGES = TopicSpec(
    name="interface-messages",
    key="institution code (fixmedins_code)",
    model=None,
    partitions=MESSAGE_PARTITIONS,
    cleanup="delete",
    retention_ms=30 * DAY_MS,
    lost="A message that the intake has not read makes no claim (`ScreeningMessagesExpired`).",
    owner="integrators, screening load messages",
    readers="intake",
    purpose="Messages of the national interface as they were sent, requests and responses (接口报文). What stands in another "
    "partition than that of its institution is sent on to it.",
    max_record_bytes=MAX_RECORD_BYTES,
    brokers_time=True,
)
INTERFACE_MESSAGES_DEAD_LETTER = TopicSpec(
    name="interface-messages-dead-letter",
    key="as received",
    model=None,
    partitions=1,
    cleanup="delete",
    retention_ms=YEAR_MS,
    lost="A message that could not be read cannot be sent again from here.",
    owner="intake",
    readers="operators",
    purpose="Messages that cannot be used, or rows of them: the whole message, byte for byte, with the reason in the headers.",
    max_record_bytes=MAX_DEAD_LETTER_BYTES,
)
INTAKE_VISITS = TopicSpec(
    name="intake-visits",
    key="kind|institution_code|mdtrt_id or msgid",
    model=IntakeState,
    partitions=MESSAGE_PARTITIONS,
    cleanup="compact",
    retention_ms=-1,
    owner="intake",
    readers="intake",
    purpose="What was said of each visit (就诊) and which claims were written of it, so that a restart goes on where it was.",
    max_record_bytes=MAX_RECORD_BYTES,
    segment_bytes=64 * 1024 * 1024,
)

PRECHECK_FEEDBACK = TopicSpec(
    name="precheck-feedback",
    key="finding (case_id)",
    model=PrecheckFeedback,
    partitions=1,
    cleanup="delete",
    retention_ms=3 * YEAR_MS,
    lost="What a doctor answered to a warning before the settlement.",
    owner="precheck",
    readers="supervision, case workers",
    purpose="What doctors did about findings of the pre-check, with their reasons (事前事中反馈).",
)

DESK_JOURNAL = TopicSpec(
    name="desk-journal",
    key="account",
    model=JournalEntry,
    partitions=1,
    cleanup="delete",
    retention_ms=-1,
    owner="desk",
    readers="audit",
    purpose="Every look at personal data and every act at the desk, as a chain of hashes (工作台日志). One partition: a "
    "chain has one order.",
    brokers_time=True,
)

CATALOGUE: tuple[TopicSpec, ...] = (
    INTERFACE_MESSAGES,
    INTERFACE_MESSAGES_DEAD_LETTER,
    INTAKE_VISITS,
    CLAIMS,
    CLAIM_VERDICTS,
    CLAIM_CASES,
    CLAIM_REVISIONS,
    CLAIMS_DEAD_LETTER,
    CLAIMS_REDRIVEN,
    PHYSICIAN_EVENTS,
    PHYSICIAN_EVENTS_DEAD_LETTER,
    *STANDING_TOPICS,
    DOSSIERS,
    CASE_ACTIONS,
    CASE_ACTIONS_DEAD_LETTER,
    CASE_FILES,
    CASE_STATE,
    NOTICES,
    LEDGER_PROGRESS,
    PRECHECK_FEEDBACK,
    DESK_JOURNAL,
)
"""All topics, in the order in which a claim and an event meet them."""

REPLAY_SOURCE = "replay"
"""The source's topic in the cases of a replay. No topic has this name."""


def topic(name: str) -> TopicSpec:
    """The topic of this name. Raises KeyError, naming the topics that exist."""
    for spec in CATALOGUE:
        if spec.name == name:
            return spec
    raise KeyError(f"no topic is called {name!r}; there are: {', '.join(spec.name for spec in CATALOGUE)}")
