"""Acts on cases: what somebody may do now, and the record in `case-actions` that does it.

The desk decides nothing: it refuses what cannot succeed, and the control plane takes the action or refuses it. The page shows an
act when the control plane has taken it.
"""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any, Protocol, cast

from confluent_kafka import KafkaException
from sqlalchemy.engine import Row

from pipeline.desk.rights import Account, Right
from pipeline.kafka.diagnostics import ClusterError
from pipeline.kafka.producing import Sender
from pipeline.settings.model import Settings
from rules.text import Text
from topics.cases.casebook import LEGAL
from topics.catalogue import CASE_ACTIONS
from topics.fields import utc_text
from topics.messages.cases import CaseAction

MOST_NOTE = 2_000
"""Longest note, in characters."""

ACTS: dict[str, Text] = {
    "assign": Text("指派", "assign"),
    "request_evidence": Text("要求补充材料", "ask for evidence"),
    "uphold": Text("维持", "uphold"),
    "overturn": Text("撤销", "overturn"),
    "close": Text("结案", "close"),
    "reopen": Text("重新打开", "reopen"),
    "note": Text("备注", "add a note"),
}
_NEEDS_NOTE = frozenset({"request_evidence", "uphold", "overturn", "reopen", "note"})


class NotSent(Exception):
    """The brokers did not take an action; the message says why."""


class Refusal(Exception):
    """An act is not possible; `told` says why, in both languages."""

    def __init__(self, zh: str, en: str) -> None:
        self.told = Text(zh, en)
        super().__init__(en)


class Actions(Protocol):
    """Where acts go."""

    def send(self, action: CaseAction) -> None:
        """Returns when it is there. Raises NotSent."""


class TopicActions:
    """Writes acts to the topic `case-actions`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sender: Sender | None = None
        self._lock = threading.Lock()

    def send(self, action: CaseAction) -> None:
        """Returns when the brokers have taken it. Raises NotSent. Safe from any thread."""
        with self._lock:
            try:
                if self._sender is None:
                    self._sender = Sender(self._settings, CASE_ACTIONS.name, CASE_ACTIONS.max_record_bytes)
                refused = len(self._sender.failed)
                self._sender.send([{"key": action.case_id, "value": action.model_dump_json(by_alias=True).encode()}])
                self._sender.finish()
                failed = self._sender.failed[refused:]
            except (ClusterError, KafkaException) as error:
                self._sender = None
                raise NotSent(str(error)) from None
        if failed:
            raise NotSent(failed[0])


def possible(account: Account, case: Row[tuple[object, ...]]) -> tuple[str, ...]:
    """The acts that this account may do now, in the order in which they are offered."""
    if not account.may(Right.ACT):
        return ()
    legal = [*LEGAL[case.state], "note"]
    if account.may(Right.ANY_CASE) or case.assignee == account.name:
        return tuple(legal)
    # What is nobody's may be taken, and what was decided may be opened again; the rest is its assignee's.
    free = {"assign"} if case.assignee is None else set()
    return tuple(name for name in legal if name in free | {"note", "reopen"})


def action_of(
    account: Account, case: Row[tuple[object, ...]], form: dict[str, str], reviewers: list[str], at: dt.datetime
) -> CaseAction:
    """The action that a form asks for. Raises Refusal.

    Its id is the one that the form was given: a form that is sent twice is one action.
    """
    name, note, number = form.get("action", ""), form.get("note", "").strip(), form.get("action_id", "")
    if name not in ACTS or not number.startswith("desk-") or len(number) > 64:
        raise Refusal("表单不完整，请重新打开案件页面。", "The form is not complete; open the page of the case again.")
    if form.get("revision") != str(case.revision):
        raise Refusal(
            "案件已有变化，请查看后重试。", "The case has changed since this page was made; look at it and try again."
        )
    if name not in possible(account, case):
        raise Refusal("您此时不能对该案件作此操作。", "You cannot do this with this case now.")
    if name in _NEEDS_NOTE and not note:
        raise Refusal("请写明理由。", "Say why: this needs a note.")
    if len(note) > MOST_NOTE:
        raise Refusal(f"备注最多{MOST_NOTE}字。", f"A note has at most {MOST_NOTE:,} characters.")
    assignee = None
    if name == "assign":
        assignee = form.get("assignee", "")
        if assignee not in reviewers:
            raise Refusal("该账号不能办理本统筹区的案件。", "This account cannot work on cases of this area.")
        if account.name not in (assignee, case.assignee) and not account.may(Right.ANY_CASE):
            raise Refusal("请先领取案件，再移交他人。", "Take the case before you hand it over.")
    return CaseAction(
        action_id=number,
        case_id=case.case_id,
        action=cast("Any", name),
        by=account.name,
        at=utc_text(at),
        note=note or None,
        assignee=assignee,
    )
