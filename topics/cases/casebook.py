"""The case book (疑点案件): where each case stands, who did what and when, and which action is legal in which state.

Pure: a state and an action in, a state out. An answer to a review that an action carries becomes a physician event; its id
follows from the action's, so that sending it again changes nothing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from types import MappingProxyType
from typing import Any, Literal

from rules import events
from rules.areas import pooling_area
from rules.packs.pack_set import PackSet
from rules.vocabulary import Reason
from topics.catalogue import MAX_RECORD_BYTES
from topics.claims.content import same
from topics.dead_letters import Code
from topics.messages.cases import AppealDecision, Case, CaseAction, CaseFile, CaseState
from topics.messages.claims import Claim

State = Literal["open", "assigned", "awaiting_evidence", "upheld", "overturned", "closed", "reopened"]

LEGAL: dict[State, dict[str, State]] = {
    "open": {"assign": "assigned"},
    "assigned": {
        "assign": "assigned",
        "request_evidence": "awaiting_evidence",
        "uphold": "upheld",
        "overturn": "overturned",
    },
    "awaiting_evidence": {"assign": "assigned", "uphold": "upheld", "overturn": "overturned"},
    "upheld": {"close": "closed", "reopen": "reopened"},
    "overturned": {"close": "closed", "reopen": "reopened"},
    "closed": {"reopen": "reopened"},
    "reopened": {"assign": "assigned"},
}
"""What an action makes of a state. `note` is legal in every state and leaves it. Nothing is decided before it is assigned, and
nothing closed before it is decided; but a case whose claim has another answer now is closed in whatever state it is."""

_DECIDED: frozenset[State] = frozenset({"upheld", "overturned", "closed"})

BY_THE_LEDGER = "screening-control"
"""Who opens a case again when its claim was judged again."""

_MOST_NEW_EVIDENCE_BYTES = 8_192
"""Of more events than that the newest are named: the action has to fit."""

MOST_ACTIONS = 500
MOST_ACTION_BYTES = 16_384
MOST_FILE_BYTES = MAX_RECORD_BYTES - 1024 * 1024
"""Bounds of a case's file, in bytes of what is written: a sender gone wild must not make one that its topic does not take."""

_FULL = (
    f"a case takes at most {MOST_ACTIONS} actions of {MOST_ACTION_BYTES:,} bytes, its file {MOST_FILE_BYTES:,} bytes"
)
_OF_THE_CLAIM = tuple(name for name in Claim.model_fields if name in Case.model_fields)
"""What a case says of its claim: two records of one name are of one claim where all of it agrees. Judged again, a claim may
have another standing and other evidence."""

REVIEWABLE = frozenset(
    {
        Reason.IN_PENALTY_PERIOD,
        Reason.PENDING_REINSTATEMENT,
        Reason.BLACKLISTED,
        Reason.BLACKLISTED_EMERGENCY,
        Reason.BLACKLIST_CONFLICT,
        Reason.STRADDLES_PENALTY,
        Reason.DATA_CONFLICT,
    }
)
"""Grounds that rest on deductions, which alone can be reviewed (`000 三(二)4`)."""


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What an action needs to know of its case. `evidence` are the ids of the events behind the standing."""

    case_id: str
    region: str
    physician_code: str | None
    institution_code: str
    reason: Reason
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Applied:
    """What an action did: the new state, the physician event that it makes, or the problem for which it was refused.

    An action seen before gives no state, and its event once more: whether that had been sent is not known after a crash.
    """

    state: CaseState | None = None
    event: bytes | None = None
    problem: str | None = None
    code: Code | None = None
    """The code of the problem."""


def events_of_law(case: Case, packs: PackSet) -> Container[str]:
    """The types of events that the law of a case's claim knows (P1: that of its pooling area on the service day)."""
    ledger = packs.for_region(pooling_area(case.region, case.service_date), case.service_date).ledger
    return () if ledger is None else ledger.events


def facts_of(case: Case) -> CaseFacts:
    """The facts of a case, from its message."""
    return CaseFacts(case.case_id, case.region, case.physician_code, case.institution_code, case.reason, case.evidence)


def facts_with(facts: CaseFacts, action: CaseAction) -> CaseFacts:
    """The facts of a case after an action that was taken."""
    if not action.evidence:
        return facts
    return replace(facts, evidence=tuple(dict.fromkeys((*facts.evidence, *action.evidence))))


def open_case(case: Case) -> CaseState:
    """The first state of a case."""
    return open_state(case.case_id, case.opened_at)


def open_state(case_id: str, opened_at: str) -> CaseState:
    """The state of a case that was opened at a time (RFC 3339) and that nobody has acted on."""
    return CaseState(case_id=case_id, state="open", revision=0, updated_at=opened_at)


def apply(
    state: CaseState | None,
    action: CaseAction,
    case: CaseFacts | None,
    *,
    seen: Mapping[str, CaseAction] = MappingProxyType({}),
    scheme_events: Container[str] | None = None,
) -> Applied:
    """Applies an action to a case.

    `seen` are the actions that the case has taken, by id: the same once more changes nothing, another one under a used id
    is refused. `scheme_events` are the event types of the region's pack (None: not checked). A refused action comes back
    with its problem and changes nothing either.
    """
    if state is None or case is None:
        return unknown_case(action)
    taken = seen.get(action.action_id)
    refusal = _refusal(state, action, case, taken, scheme_events)
    if refusal is not None:
        return refusal
    event = None if action.appeal is None else _decision(action, action.appeal, case)
    if taken is not None:
        return Applied(event=event)
    following = _following(state, action)
    if following is None:
        known = ", ".join([*LEGAL[state.state], "note"])
        text = f"action: {action.action} is not possible while the case is {state.state}; possible are {known}"
        return Applied(problem=text, code=Code.NOT_POSSIBLE)
    return Applied(_moved(state, action, following), event)


def _refusal(
    state: CaseState,
    action: CaseAction,
    case: CaseFacts,
    taken: CaseAction | None,
    scheme_events: Container[str] | None,
) -> Applied | None:
    """Why an action is refused whatever state its case is in."""
    if taken is not None and taken != action:
        text = f"action_id: {action.action_id!r} was used before, for {taken.action} by {taken.by} at {taken.at}"
        return Applied(problem=text, code=Code.ID_CONFLICT)
    problem = _problem(state, action, case)
    if problem is not None:
        return Applied(problem=problem, code=Code.NOT_POSSIBLE)
    known = scheme_events is None or action.appeal is None or f"appeal_{action.appeal.outcome}" in scheme_events
    if not known:
        text = f"appeal: the rules of region {case.region} know no review of a deduction"
        return Applied(problem=text, code=Code.OUTSIDE_SCHEME)
    return None


def unknown_case(action: CaseAction) -> Applied:
    """The answer to an action whose case has not been opened."""
    text = f"case_id: no case is called {action.case_id!r}; the gate opens cases, actions do not"
    return Applied(problem=text, code=Code.NO_CASE)


# -- the file of a case -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filed:
    """A case's file after a case or an action came. `file` is None where nothing of it changes. `action` is what the control
    plane itself does about the case that came."""

    file: CaseFile | None
    applied: Applied
    action: CaseAction | None = None


def take_case(file: CaseFile | None, case: Case) -> Filed:
    """Files a case. One that comes again is opened again if new events are behind it, and else changes nothing; another claim
    under the same name is a conflict for people."""
    if file is None:
        opened = CaseFile(case=case)
        if _bytes(opened) > MOST_FILE_BYTES:
            return Filed(None, Applied(problem=_FULL, code=Code.CASE_FULL))
        return Filed(opened, Applied())
    other = [name for name in _OF_THE_CLAIM if not same(name, getattr(file.case, name), getattr(case, name))]
    if not other:
        return Filed(None, Applied(), judged_again(file, case))
    text = f"case_id: {case.case_id!r} was opened for another claim: {', '.join(other)} differ"
    return Filed(None, Applied(problem=text, code=Code.ID_CONFLICT))


def judged_again(file: CaseFile, case: Case) -> CaseAction | None:
    """The action that opens a case again because its claim was judged again by events that the case did not know, if it was.

    It goes into the log of actions, so that the state of a case follows from the case and its actions alone.
    """
    known = set(_folded(file)[1].evidence)
    new = [name for name in case.evidence if name not in known]
    sizes = accumulate(len(name.encode()) + 3 for name in reversed(new))
    kept = new[len(new) - sum(size <= _MOST_NEW_EVIDENCE_BYTES for size in sizes) :]
    if not kept:
        return None
    source = case.source
    where = f"{case.case_id}|{source.topic}|{source.topic_id or ''}|{source.partition}|{source.offset}"
    return CaseAction(
        action_id="again-" + hashlib.sha256(where.encode()).hexdigest()[:24],
        case_id=case.case_id,
        action="reopen",
        by=BY_THE_LEDGER,
        at=case.opened_at,
        evidence=tuple(kept),
    )


def take_action(file: CaseFile, action: CaseAction, scheme_events: Container[str] | None) -> Filed:
    """Files an action, or its id where it is refused for good. `scheme_events` as in `apply`."""
    if action.action_id in file.refused:
        text = "action_id: this action was refused before; send what is possible now under a new id"
        return Filed(None, Applied(problem=text, code=Code.NOT_POSSIBLE))
    seen = {taken.action_id: taken for taken in file.actions}
    if action.action_id not in seen and (
        len(file.actions) + len(file.refused) >= MOST_ACTIONS or _bytes(action) > MOST_ACTION_BYTES
    ):
        return Filed(None, Applied(problem=_FULL, code=Code.CASE_FULL))
    state, facts = _folded(file)
    applied = apply(state, action, facts, seen=seen, scheme_events=scheme_events)
    if applied.problem is not None:
        # An id that is taken stays that of the action that took it.
        kept = applied.code is not Code.ID_CONFLICT
        following = file.model_copy(update={"refused": (*file.refused, action.action_id)}) if kept else None
    elif applied.state is not None:
        following = file.model_copy(update={"actions": (*file.actions, action)})
    else:
        following = None
    if following is not None and _bytes(following) > MOST_FILE_BYTES:
        return Filed(None, Applied(problem=_FULL, code=Code.CASE_FULL))
    return Filed(following, applied)


def state_of(file: CaseFile) -> CaseState:
    """Where the case stands after the actions of its file."""
    return _folded(file)[0]


def _folded(file: CaseFile) -> tuple[CaseState, CaseFacts]:
    """State and facts of the case after the actions of its file."""
    state, facts = open_case(file.case), facts_of(file.case)
    for action in file.actions:
        state = apply(state, action, facts).state or state
        facts = facts_with(facts, action)
    return state, facts


def _bytes(message: CaseFile | CaseAction) -> int:
    """The size of what is written, in bytes: a character of Chinese is three."""
    return len(
        message.__pydantic_serializer__.to_json(message)
    )  # model_dump_json makes a text of it, which costs twice


def _problem(state: CaseState, action: CaseAction, case: CaseFacts) -> str | None:
    """What is wrong with an action, whatever state its case is in."""
    if action.case_id != state.case_id:
        return f"case_id: the action concerns {action.case_id!r}, the case is {state.case_id!r}"
    if action.assignee is not None and action.action != "assign":
        return f"assignee: only assign names one, not {action.action}"
    if action.evidence is not None and action.action != "reopen":
        return f"evidence: only reopen brings some, not {action.action}"
    if action.revision is not None and action.action not in ("close", "reopen"):
        return f"revision: only close and reopen name one, not {action.action}"
    return None if action.appeal is None else _appeal_problem(action, action.appeal, case)


def _following(state: CaseState, action: CaseAction) -> State | None:
    if action.revision is not None and action.action == "close":
        return "closed"
    if action.evidence or action.revision is not None:
        return "reopened" if state.state in _DECIDED else state.state
    return state.state if action.action == "note" else LEGAL[state.state].get(action.action)


def _moved(state: CaseState, action: CaseAction, following: State) -> CaseState:
    assignee = state.assignee
    if action.action == "assign":
        assignee = action.assignee or action.by
    elif following == "reopened" and state.state != following:
        assignee = None
    return CaseState(
        case_id=state.case_id,
        state=following,
        revision=state.revision + 1,
        assignee=assignee,
        updated_at=action.at,
        updated_by=action.by,
    )


# -- reviews decided on a case ------------------------------------------------------------------------------------


def event_id(action_id: str) -> str:
    """The id of the physician event that an action makes."""
    return "appeal-" + hashlib.sha256(action_id.encode()).hexdigest()[:24]


def _appeal_problem(action: CaseAction, appeal: AppealDecision, case: CaseFacts) -> str | None:
    rejected = appeal.outcome == "rejected"
    try:
        acted_on = _day(action.at)
    except OverflowError:
        return f"at: {action.at} lies outside the calendar"
    checks = (
        (
            action.action not in ("uphold", "overturn"),
            f"appeal: only uphold and overturn decide a review, not {action.action}",
        ),
        (
            action.action == "overturn" and rejected,
            "appeal.outcome: a rejected review leaves the deduction as it was and overturns nothing; use uphold",
        ),
        (
            action.action == "uphold" and not rejected and not appeal.revised_points,
            "appeal.outcome: a review that voids the deduction overturns the case; use overturn, or give revised_points",
        ),
        (
            rejected and appeal.revised_points is not None,
            "appeal.revised_points: a rejected review revises nothing",
        ),
        (
            case.reason not in REVIEWABLE,
            f"appeal: the ground {case.reason} rests on no deduction, so that there is nothing to review",
        ),
        (not case.physician_code, "appeal: the case names no physician"),
        (
            appeal.ref not in case.evidence,
            f"appeal.ref: {appeal.ref!r} is not behind this case; its evidence is {', '.join(case.evidence) or 'empty'}",
        ),
        (
            appeal.date is not None and appeal.date > acted_on,
            f"appeal.date: {appeal.date} lies after the action of {acted_on}",
        ),
    )
    return next((text for wrong, text in checks if wrong), None)


def _decision(action: CaseAction, appeal: AppealDecision, case: CaseFacts) -> bytes:
    common: dict[str, Any] = {
        "event_id": event_id(action.action_id),
        "region": case.region,
        "date": appeal.date or _day(action.at),
        "recorded_at": _instant(action.at),
        "physician_code": case.physician_code,
        "institution": case.institution_code,
        "ref": appeal.ref,
    }
    if appeal.outcome == "rejected":
        return events.encode(events.AppealRejected(**common))
    return events.encode(events.AppealUpheld(**common, revised_points=appeal.revised_points or 0))


def _instant(at: str) -> dt.datetime:
    return dt.datetime.fromisoformat(at.upper())


def _day(at: str) -> dt.date:
    return _instant(at).astimezone(events.CHINA).date()
