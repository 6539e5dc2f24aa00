"""The events of the registers, as they stand on the wire (`physician-events`), and what makes one unusable.

The file is long because every type of event stands in it once, side by side with those of its kind.

An event is a fact that somebody recorded: it is decoded into one frozen type an event type, checked against the pack of
its region, and then never changed. The bounds of every field stand in its type. What arrives from outside is accepted or
refused in one place, `topics.events.acceptance`; here stand the types and what a scheme asks of them.
An event that is well formed but contradicts others (a repair without a status, a registration during a ban) is not
wrong here: it is kept, and the ledger flags it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, Protocol

import msgspec

from rules.vocabulary import EventType, Subject

CHINA = dt.timezone(dt.timedelta(hours=8))
"""The registers' days are days in China, whatever offset a time of recording is written in."""

Instant = Annotated[dt.datetime, msgspec.Meta(tz=True)]
MAX_NAME = 256
"""Longest id or code, in characters. Both are repeated in standings, verdicts and cases, so an unbounded one could make a
record that its topic does not take."""

MAX_COUNT = 1_000_000
"""Largest number of points, cases or heads: far above what any scheme counts, far below what a column of numbers holds."""

MAX_MONTHS = 1_200
"""Longest sanction that an event may state, in months: far above any in use, far below where days end."""

Name = Annotated[str, msgspec.Meta(max_length=MAX_NAME, pattern=r"\S")]
"""An id: not blank."""
OptionalCode = Annotated[str, msgspec.Meta(max_length=MAX_NAME)]
"""A code that may be blank, which then is a missing one."""
Region = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{6}\Z")]
"""Administrative division code (行政区划代码), six digits."""
Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_COUNT)]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """What every event carries. `date` is the legal date; `recorded_at` the time when the register learned of it."""

    event_id: Name
    region: Region
    date: dt.date
    recorded_at: Instant | None = None
    physician_code: OptionalCode | None = None
    institution: OptionalCode | None = None

    of_institution: ClassVar[bool] = False
    """Whether the event concerns the institution and no physician."""
    subject: ClassVar[Subject | None] = None
    """Of an event that concerns neither a physician nor an institution: whom."""

    @property
    def type_name(self) -> str:
        """The event's type on the wire."""
        return str(self.__struct_config__.tag)


class Registration(Event, frozen=True, kw_only=True, tag="registration"):
    """The physician is registered and declared at `institution`; `training` is evidenced (`000 二(一)`)."""

    training: bool = True


class SiteDeclaration(Event, frozen=True, kw_only=True, tag="site_declaration"):
    """A further institution declares the physician (多点执业)."""


class OptOut(Event, frozen=True, kw_only=True, tag="opt_out"):
    """On the physician's written request the institution does not declare him or her (`000 五(二)*`)."""


class SiteEnded(Event, frozen=True, kw_only=True, tag="site_ended"):
    """The person no longer practises at `institution`, from `date` on; its declaration ends with the day before."""


class PersonChanged(Event, frozen=True, kw_only=True, tag="person_changed"):
    """The institution reported a change of name, title or place of practice (`000 五(二)*`, `003 三¶2`).

    `value` is what holds from `date` on, `chg_rea` the reason (变更原因), as the national interface names it.
    """

    what: Literal["name", "title", "place"]
    value: OptionalCode | None = None
    chg_rea: OptionalCode | None = None


class TrainingResult(Event, frozen=True, kw_only=True, tag="training_result"):
    """The result of a training or an examination that the person took part in, `passed` or not."""

    passed: bool
    evidence: OptionalCode | None = None


class CommitmentSigned(Event, frozen=True, kw_only=True, tag="commitment_signed"):
    """The person signed the service commitment (服务承诺) of `institution` (`003 一`, `二¶6`)."""

    evidence: OptionalCode | None = None


class CrimeReferred(Event, frozen=True, kw_only=True, tag="crime_referred"):
    """Fraud that amounts to a crime was handed to the judiciary (移送司法机关, `000 三(二)3`), `by` whom, over decision `ref`."""

    by: Name
    ref: Name | None = None


class Deduction(Event, frozen=True, kw_only=True, tag="deduction"):
    """A decision to deduct points (扣分处理决定). `points` is the total of its `cases`.

    `penalty_start` and `penalty_end` are given when the agency's decision states the penalty period itself; they win
    over the counted one.
    """

    points: Count
    violation_id: Name
    cases: Annotated[int, msgspec.Meta(ge=1, le=MAX_COUNT)] = 1
    violation_date: dt.date | None = None
    penalty_start: dt.date | None = None
    penalty_end: dt.date | None = None


class Bonus(Event, frozen=True, kw_only=True, tag="bonus"):
    """Points granted (加分) on ground `bonus_id`."""

    points: Count
    bonus_id: Name


class NoticeReceived(Event, frozen=True, kw_only=True, tag="notice_received"):
    """The institution received the written notice of the decision `ref`."""

    ref: Name


class AppealFiled(Event, frozen=True, kw_only=True, tag="appeal_filed"):
    """The physician asked for review (复核) of the decision `ref`."""

    ref: Name


class AppealUpheld(Event, frozen=True, kw_only=True, tag="appeal_upheld"):
    """The review voided the decision `ref`, or lowered it to `revised_points` in all."""

    ref: Name
    revised_points: Count = 0


class AppealRejected(Event, frozen=True, kw_only=True, tag="appeal_rejected"):
    """The review left the decision `ref` as it is."""

    ref: Name


class ReinstatementApplication(Event, frozen=True, kw_only=True, tag="reinstatement_application"):
    """The institution applied for reinstatement (恢复)."""


class Reinstatement(Event, frozen=True, kw_only=True, tag="reinstatement"):
    """The agency decided to reinstate."""


class ReinstatementRefused(Event, frozen=True, kw_only=True, tag="reinstatement_refused"):
    """The agency refused to reinstate."""


class Agreement(Event, frozen=True, kw_only=True, tag="agreement"):
    """A service agreement of the physician (定岗医师服务协议), `start` and `end` inclusive."""

    start: dt.date
    end: dt.date


class RetrainingPassed(Event, frozen=True, kw_only=True, tag="retraining_passed"):
    """Unified training and assessment passed (`002 第十八条`)."""


class InstitutionSnapshot(Event, frozen=True, kw_only=True, tag="institution_snapshot"):
    """Headcounts of an institution in its agreement term: approved physicians, and those cancelled."""

    of_institution: ClassVar[bool] = True
    approved_physicians: Count
    cancelled_in_term: Count


class InstitutionResigned(Event, frozen=True, kw_only=True, tag="institution_resigned"):
    """The institution signed a new agreement after rectification."""

    of_institution: ClassVar[bool] = True


class _Period(Event, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """Days that an event about an institution's agreement names, both included; `from` is `date` where it is not given."""

    of_institution: ClassVar[bool] = True
    start: dt.date | None = None
    end: dt.date | None = None


class InstitutionSigned(_Period, frozen=True, kw_only=True, tag="institution_signed"):
    """The institution signed a service agreement (服务协议) for these days; without `to` it has no written last day (P7)."""


class InstitutionSuspended(_Period, frozen=True, kw_only=True, tag="institution_suspended"):
    """The institution's agreement is suspended on these days, or until a new one."""


class InstitutionEnded(Event, frozen=True, kw_only=True, tag="institution_ended", rename={"start": "from"}):
    """The institution's agreement has ended, from this day on."""

    of_institution: ClassVar[bool] = True
    start: dt.date | None = None


class PharmacyHead(_Period, frozen=True, kw_only=True, tag="pharmacy_head"):
    """The person `physician_code` heads the pharmacy (药店主要负责人) on these days; without `to` until another one does (P5)."""


class StatusRecorded(Event, frozen=True, kw_only=True, tag="status"):
    """The filing status from `date` until `until` (inclusive; None is open)."""

    status: Literal["normal", "suspended", "terminated"]
    until: dt.date | None = None


class Repair(Event, frozen=True, kw_only=True, tag="repair"):
    """The status that runs on `date` ends on `new_until` (inclusive) instead."""

    new_until: dt.date


class StatusCorrected(Event, frozen=True, kw_only=True, tag="status_corrected"):
    """An objection was accepted: the status `ref` is void from its start."""

    ref: Name


class PointsRecorded(Event, frozen=True, kw_only=True, tag="points_recorded"):
    """Points recorded under the national opinion, which states no threshold, or under a province's rules. Repair may give back.

    `decision_ref` is the institution's own penalty or handling that comes first, `degree` that of the person's responsibility
    (`003 二¶3`), `band` the province's (N5). `suspension_months` is the length that the agency set where the points reach a
    province's mark for a suspension.
    """

    points: Annotated[int, msgspec.Meta(ge=-MAX_COUNT, le=MAX_COUNT)]
    decision_ref: Name | None = None
    degree: Literal["main", "important", "general"] | None = None
    band: Name | None = None
    suspension_months: Annotated[int, msgspec.Meta(ge=1, le=MAX_MONTHS)] | None = None


class Full12(Event, frozen=True, kw_only=True, tag="full_12"):
    """Twelve points reached in the scoring period `period`."""

    period: Name


class CriminalLiability(Event, frozen=True, kw_only=True, tag="criminal_liability"):
    """Criminal liability for breaking medical-insurance law."""


class RectificationOrder(Event, frozen=True, kw_only=True, tag="rectification_order"):
    """The institution was ordered to rectify within a time limit (限期整改)."""

    of_institution: ClassVar[bool] = True


class InstitutionViolationRatio(Event, frozen=True, kw_only=True, tag="institution_violation_ratio"):
    """Amount in breach over card turnover in the 12 months that end on `date`, as a share (0.4 is 40 %)."""

    of_institution: ClassVar[bool] = True
    ratio: Annotated[float, msgspec.Meta(ge=0, le=MAX_COUNT)]


class PrescriberListed(Event, frozen=True, kw_only=True, tag="prescriber_listed"):
    """The institution filed the physician as prescriber for outside filling."""


class ActDone(Event, frozen=True, kw_only=True, tag="act_done"):
    """An act that a text asks for was done (D5): the duty `duty` that the event `ref` set running, by whom, on which day.

    `on` is `date` where it is not given; `institution` names the place of practice where every one of them owes the act.
    """

    duty: Name
    ref: Name
    by: Name
    on: dt.date | None = None
    evidence: OptionalCode | None = None

    @property
    def day(self) -> dt.date:
        """The day of the act."""
        return self.date if self.on is None else self.on


class ObjectionFiled(Event, frozen=True, kw_only=True, tag="objection_filed"):
    """The person or the institution states its case against the status or the points `ref` (`003 四`)."""

    ref: Name


class ObjectionAnswered(Event, frozen=True, kw_only=True, tag="objection_answered"):
    """The answer to the objection `ref`, or to the objection against the decision `ref` (`003 四`)."""

    ref: Name
    answer: Literal["upheld", "rejected", "to_experts"]


class _Suspension(Event, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """A penalty decision (行政处罚决定) that suspends, with its last day (`to`) or its length in `months`, and its `article`.

    `from` is its first day; by default the day after the decision (T4). `months` end on the corresponding day (T3).
    """

    article: Name
    start: dt.date | None = None
    end: dt.date | None = None
    months: Annotated[int, msgspec.Meta(ge=1, le=MAX_MONTHS)] | None = None


class _Restored(Event, frozen=True, kw_only=True, rename={"start": "from"}):
    """The suspension of the decision `ref` binds no more from this day on, by default from `date`.

    Restored from its first day on, it never bound.
    """

    ref: Name
    start: dt.date | None = None


class InsuredSuspended(_Suspension, frozen=True, kw_only=True, tag="insured_suspended"):
    """Networked settlement (联网结算) of the insured person is suspended (`001 篇1 第五条`, `第六条`)."""

    subject: ClassVar[Subject | None] = Subject.INSURED
    insured_id: Name


class InsuredRestored(_Restored, frozen=True, kw_only=True, tag="insured_restored"):
    """Networked settlement of the insured person is restored before its day, or was never to be suspended."""

    subject: ClassVar[Subject | None] = Subject.INSURED
    insured_id: Name


class DepartmentSuspended(_Suspension, frozen=True, kw_only=True, tag="department_suspended"):
    """The department of `institution` may give no services of the fund (`001 篇1 第二条`, `第四条`)."""

    subject: ClassVar[Subject | None] = Subject.DEPARTMENT
    department: Name


class DepartmentRestored(_Restored, frozen=True, kw_only=True, tag="department_restored"):
    """The department of `institution` gives services of the fund again before its day, or was never to be suspended."""

    subject: ClassVar[Subject | None] = Subject.DEPARTMENT
    department: Name


AnyEvent = (
    Registration
    | SiteDeclaration
    | OptOut
    | Deduction
    | Bonus
    | NoticeReceived
    | AppealFiled
    | AppealUpheld
    | AppealRejected
    | ReinstatementApplication
    | Reinstatement
    | ReinstatementRefused
    | Agreement
    | RetrainingPassed
    | InstitutionSnapshot
    | InstitutionResigned
    | StatusRecorded
    | Repair
    | StatusCorrected
    | PointsRecorded
    | Full12
    | CriminalLiability
    | RectificationOrder
    | InstitutionViolationRatio
    | PrescriberListed
    | InstitutionSigned
    | InstitutionSuspended
    | InstitutionEnded
    | PharmacyHead
    | ActDone
    | ObjectionFiled
    | ObjectionAnswered
    | SiteEnded
    | PersonChanged
    | TrainingResult
    | CommitmentSigned
    | CrimeReferred
    | InsuredSuspended
    | InsuredRestored
    | DepartmentSuspended
    | DepartmentRestored
)

TYPES: dict[str, type[Event]] = {str(kind.__struct_config__.tag): kind for kind in AnyEvent.__args__}
"""Every event type of the spec's table, by its name on the wire."""


class Item(Protocol):
    """What an event's check reads of an item of the scoring standard: the lowest and the highest price of a case."""

    @property
    def low(self) -> int:
        """Lowest price, in points."""

    @property
    def high(self) -> int:
        """Highest price, in points."""


class Standard(Protocol):
    """What an event is checked against: a pack's ledger section, as far as it concerns single events."""

    @property
    def events(self) -> Sequence[EventType]:
        """The event types that the scheme knows."""

    def violation(self, violation_id: str) -> Item | None:
        """The item of the scoring standard; None when there is no such item."""

    def bonus_points(self, bonus_id: str) -> int | None:
        """Points that a bonus ground grants; None when there is no such ground."""

    @property
    def duties(self) -> Sequence[str]:
        """The ids of what the text asks somebody to do."""

    @property
    def suspending(self) -> Sequence[str]:
        """The ids of the articles by which the text suspends an insured person or a department."""


NEEDS_INSTITUTION = frozenset(
    {
        EventType.REGISTRATION,
        EventType.SITE_DECLARATION,
        EventType.SITE_ENDED,
        EventType.COMMITMENT_SIGNED,
        EventType.OPT_OUT,
        EventType.DEDUCTION,
        EventType.REINSTATEMENT_APPLICATION,
        EventType.REINSTATEMENT,
        EventType.REINSTATEMENT_REFUSED,
        EventType.INSTITUTION_SNAPSHOT,
        EventType.INSTITUTION_RESIGNED,
        EventType.INSTITUTION_SIGNED,
        EventType.INSTITUTION_SUSPENDED,
        EventType.INSTITUTION_ENDED,
        EventType.PHARMACY_HEAD,
        EventType.RECTIFICATION_ORDER,
        EventType.INSTITUTION_VIOLATION_RATIO,
        EventType.PRESCRIBER_LISTED,
        EventType.DEPARTMENT_SUSPENDED,
        EventType.DEPARTMENT_RESTORED,
    }
)

_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(AnyEvent)
_encoder = msgspec.json.Encoder()


FormFault = Literal["unknown_type", "missing_field", "wrong_type", "invalid_value"]
"""What can be wrong with a field."""


def decode(raw: bytes) -> Event:
    """Decodes one event that was accepted before. Raises msgspec.MsgspecError and whatever else bytes can provoke."""
    event: Event = _decoder.decode(raw)
    return event


def encode(event: Event) -> bytes:
    """The event on the wire."""
    return _encoder.encode(event)


def faults_of_form(fields: dict[str, Any]) -> list[tuple[FormFault, str]]:
    """Everything that keeps an object from being an event, field by field: the kind of fault, and where and why."""
    name = fields.get("type")
    if name is None:
        return [("missing_field", "type: missing; every event has one")]
    kind = TYPES.get(name) if isinstance(name, str) else None
    if kind is None:
        return [("unknown_type", f"type: unknown event type {name!r:.60}; known are {', '.join(sorted(TYPES))}")]
    faults: list[tuple[FormFault, str]] = []
    for field in msgspec.structs.fields(kind):
        wire = field.encode_name
        if wire not in fields:
            if field.required:
                faults.append(("missing_field", f"{wire}: missing; a {name} needs it"))
            continue
        try:
            msgspec.json.decode(msgspec.json.encode(fields[wire]), type=field.type)
        except Exception as error:
            # Numbers beyond all bounds raise more than the decoder's own errors.
            of_type = isinstance(error, msgspec.ValidationError) and ", got `" in str(error)
            faults.append(
                ("wrong_type" if of_type else "invalid_value", f"{wire}: {error} (found {fields[wire]!r:.60})")
            )
    return faults


def check(event: Event, ledger: Standard) -> list[str]:
    """What keeps a decoded event from being used under a pack: empty when it is usable.

    References to other events cannot be judged from one event; the ledger flags those that lead nowhere.
    """
    name = event.type_name
    if name not in ledger.events:
        return [f"type: {name} does not exist in this scheme; it knows {', '.join(sorted(ledger.events))}"]
    problems = _owner_problems(event, name)
    if event.subject is not None:
        return [*problems, *_subject_problems(event, ledger)]
    if isinstance(event, Deduction | AppealUpheld) and recorded_day(event) < event.date:
        problems.append(f"recorded_at: {event.recorded_at} lies before the decision of {event.date}")
    if isinstance(event, Deduction):
        problems += _deduction_problems(event, ledger)
    elif isinstance(event, Bonus):
        problems += _bonus_problems(event, ledger)
    elif isinstance(event, Agreement) and event.end < event.start:
        problems.append(f"end: {event.end} lies before start {event.start}")
    elif isinstance(event, _Period):
        first = event.start or event.date
        if event.end is not None and event.end < first:
            problems.append(f"to: {event.end} lies before the first day {first}")
    elif isinstance(event, ActDone) and event.duty not in ledger.duties:
        known = ", ".join(ledger.duties) or "(none)"
        problems.append(f"duty: {event.duty!r} is no duty of this scheme; it has {known}")
    elif isinstance(event, StatusRecorded) and event.until is not None and event.until < event.date:
        problems.append(f"until: {event.until} lies before the first day {event.date}")
    return problems


def _owner_problems(event: Event, name: str) -> list[str]:
    """Whom the event concerns, where it does not say so."""
    problems = []
    if name in NEEDS_INSTITUTION and not (event.institution or "").strip():
        problems.append(f"institution: missing; a {name} needs it")
    if event.subject is not None or (event.physician_code or "").strip():
        return problems
    if not event.of_institution:
        problems.append(f"physician_code: missing; a {name} concerns a physician")
    if isinstance(event, PharmacyHead):
        problems.append(f"physician_code: missing; a {name} says who heads the pharmacy")
    return problems


SEPARATOR = "|"
"""Stands between the parts of a key, so no part of a subject's code may hold it."""


def subject_code(event: Event) -> str:
    """Whom an event concerns that concerns neither physician nor institution: the insured person, or institution|department."""
    if isinstance(event, InsuredSuspended | InsuredRestored):
        return event.insured_id
    if isinstance(event, DepartmentSuspended | DepartmentRestored):
        return f"{event.institution or ''}{SEPARATOR}{event.department}"
    return ""


def _subject_problems(event: Event, ledger: Standard) -> list[str]:
    names = ("insured_id",) if event.subject is Subject.INSURED else ("institution", "department")
    problems = [
        f"{name}: {code!r:.60} holds {SEPARATOR!r}, which parts the names of a key"
        for name, code in ((name, getattr(event, name) or "") for name in names)
        if SEPARATOR in code
    ]
    if isinstance(event, _Suspension):
        first = event.start or event.date + dt.timedelta(days=1)
        if event.article not in ledger.suspending:
            known = ", ".join(ledger.suspending) or "(none)"
            problems.append(f"article: {event.article!r} suspends nobody in this scheme; those that do are {known}")
        if (event.end is None) == (event.months is None):
            problems.append("to, months: give the last day or the length, one of them")
        if event.start is not None and event.months is not None:
            problems.append(
                "months: a length runs from the decision; of a suspension that begins on another day give to"
            )
        if first < event.date:
            problems.append(f"from: {first} lies before the decision of {event.date}")
        if event.end is not None and event.end < first:
            problems.append(f"to: {event.end} lies before the first day {first}")
    return problems


def _deduction_problems(event: Deduction, ledger: Standard) -> list[str]:
    violation = ledger.violation(event.violation_id)
    if violation is None:
        return [f"violation_id: {event.violation_id!r} is not an item of this scheme"]
    problems = []
    low, high = violation.low * event.cases, violation.high * event.cases
    if not low <= event.points <= high:
        expected = str(low) if low == high else f"{low} to {high}"
        cases = f"{event.cases} cases of " if event.cases > 1 else ""
        problems.append(f"points: {event.points} found; {cases}{event.violation_id} cost {expected}")
    if event.violation_date is not None and event.violation_date > event.date:
        problems.append(f"violation_date: {event.violation_date} lies after the decision of {event.date}")
    if (event.penalty_start is None) != (event.penalty_end is None):
        problems.append("penalty_start, penalty_end: give both or neither")
    elif event.penalty_start and event.penalty_end and event.penalty_end < event.penalty_start:
        problems.append(f"penalty_end: {event.penalty_end} lies before penalty_start {event.penalty_start}")
    return problems


def _bonus_problems(event: Bonus, ledger: Standard) -> list[str]:
    expected = ledger.bonus_points(event.bonus_id)
    if expected is None:
        return [f"bonus_id: {event.bonus_id!r} is not a ground of this scheme"]
    if event.points != expected:
        return [f"points: {event.points} found; {event.bonus_id} grants {expected}"]
    return []


def recorded_day(event: Event) -> dt.date:
    """The day on which the register learned of the event (README T2); without a time of recording, its own date."""
    return event.date if event.recorded_at is None else event.recorded_at.astimezone(CHINA).date()


def known_by(event: Event, as_of: dt.date | dt.datetime | None) -> bool:
    """Whether the event counts at the knowledge date `as_of`: an instant, a whole day in China, or None for all."""
    if as_of is None:
        return True
    if isinstance(as_of, dt.datetime):
        if event.recorded_at is not None:
            return event.recorded_at <= as_of
        return event.date <= as_of.astimezone(CHINA).date()
    return recorded_day(event) <= as_of
