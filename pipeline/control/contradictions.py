"""Contradictory events: accepted, flagged, and told to people as a notice of kind `contradiction`, once for each event and flag.

`claim-cases` carries cases about claims; a contradiction in the register concerns no claim, so it goes to `notices`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Mapping

from rules.dossier import AS_ITS_OWNER, Issue
from rules.events import Agreement, Event, PrescriberListed, Registration, SiteDeclaration, StatusRecorded
from rules.packs.pack import Pack
from rules.standing import Statement
from rules.vocabulary import IssueCode
from topics.messages.cases import Explanation
from topics.messages.ledger import Notice

_ENTERS = (Registration, SiteDeclaration, Agreement, StatusRecorded, PrescriberListed)
"""Events that enter a physician into a register."""


def flags(events: tuple[Event, ...], statement: Statement, pack: Pack) -> tuple[Issue, ...]:
    """Every contradiction of a dossier, also that its physician was never entered into the register."""
    if not events or not pack.registration_required or any(isinstance(event, _ENTERS) for event in events):
        return statement.issues
    unknown = Issue(
        IssueCode.UNKNOWN_PHYSICIAN,
        events[0].event_id,
        "该医师未登记，先有其他事项",
        "the physician was never registered, yet something else is recorded",
    )
    return (*statement.issues, unknown)


def contradictions(
    region: str,
    physician_code: str,
    issues: Iterable[Issue],
    pack: Pack,
    already: Container[str],
    sent: Mapping[str, str] = AS_ITS_OWNER,
) -> list[tuple[str, bytes]]:
    """A notice for each flag that has none yet: (notice_id, value on the wire). `sent` as for `due_notices`."""
    found: dict[str, bytes] = {}
    for issue in issues:
        name = contradiction_id(sent.get(issue.event_id, region), physician_code, issue)
        if name not in already and name not in found:
            found[name] = _notice(name, region, physician_code, issue, pack)
    return list(found.items())


def contradiction_id(region: str, physician_code: str, issue: Issue) -> str:
    """The notice's name; it follows from the physician, the event and the flag alone."""
    parts = "\x1f".join((region, physician_code, issue.event_id, issue.code))
    return "contradiction-" + hashlib.sha256(parts.encode()).hexdigest()[:24]


def _notice(name: str, region: str, physician_code: str, issue: Issue, pack: Pack) -> bytes:
    notice = Notice(
        notice_id=name,
        kind="contradiction",
        region=region,
        physician_code=physician_code,
        due_on=None,
        citation=pack.name,
        explanation=Explanation(
            zh=f"事项{issue.event_id}与档案不符：{issue.zh}；请核实。",
            en=f"{issue.event_id} contradicts the file: {issue.en}; please verify.",
        ),
        trigger=issue.event_id,
        flag=issue.code,
    )
    return notice.model_dump_json().encode()
