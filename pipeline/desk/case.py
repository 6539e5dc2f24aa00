"""A case (疑点案件): the claim, the decision and why, where it stands, who did what, and what can be done now."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from sqlalchemy.engine import Row

from pipeline.desk.accounts import Accounts
from pipeline.desk.acting import Actions, NotSent, Refusal, action_of, possible
from pipeline.desk.events import ActionSent
from pipeline.desk.journal import Entry
from pipeline.desk.pages import link
from pipeline.desk.people import People
from pipeline.desk.rights import Right
from pipeline.desk.store.reading import Books
from pipeline.desk.visit import Moved, Refused, Shown, Visit, not_found
from pipeline.telemetry.desk_metrics import DeskMetrics
from pipeline.telemetry.events import Teller
from rules.packs.pack_set import PackSet
from topics.messages.cases import CaseFile

_AGAIN_S = 2


class Cases:
    """The pages of cases."""

    def __init__(
        self, books: Books, accounts: Accounts, actions: Actions, keep: Callable[[Entry], None], people: People, packs: PackSet,
        teller: Teller[DeskMetrics],
    ) -> None:  # fmt: skip
        """`keep` writes an entry of the journal, and raises Refused where that is not possible."""
        self._books, self._accounts, self._actions, self._keep = books, accounts, actions, keep
        self._people, self._packs, self._teller = people, packs, teller

    def page(self, visit: Visit) -> Shown:
        """`GET /cases/{case_id}`; with `?sent=ID` it says what became of an action that was just sent."""
        row = self._row(visit)
        file = CaseFile.model_validate_json(row.file)
        sent = visit.query.get("sent", "")
        outcome = self._outcome(file, sent)
        may_read = visit.account.may(Right.NOTES)
        told = visit.account.may(Right.PEOPLE) and row.physician is not None
        values: dict[str, Any] = {
            "row": row,
            "case": file.case,
            "law": self._law(file.case.rule_pack, visit),
            "actions": file.actions if may_read else (),
            "sent": outcome,
            "possible": possible(visit.account, row),
            "reviewers": self._accounts.reviewers(row.area) if visit.account.may(Right.ACT) else [],
            "action_id": f"desk-{secrets.token_hex(12)}",
            "history": self._people.history(visit, row.area, row.physician) if told else None,
        }
        entry = visit.entry("look", "case", (row.case_id, *([row.physician] if values["history"] else [])))
        return Shown("case.html.j2", values, entry, refresh_s=_AGAIN_S if outcome == "waiting" else None)

    def act(self, visit: Visit) -> Moved:
        """`POST /cases/{case_id}`: the journal first, then the record; the page that follows waits for the control plane."""
        row = self._row(visit)
        try:
            action = action_of(visit.account, row, visit.form, self._accounts.reviewers(row.area), visit.at)
        except Refusal as refusal:
            raise Refused(409, refusal.told) from None
        self._keep(visit.entry("act", f"case_{action.action}", (row.case_id, action.action_id)))
        try:
            self._actions.send(action)
        except NotSent as error:
            told = ("操作未能发送，请稍后重试。", f"The act could not be sent, try again: {error}")
            raise Refused(503, told) from None
        self._teller.tell(ActionSent(action.action, action.case_id, action.action_id))
        return Moved(link("cases", row.case_id, sent=action.action_id))

    def _row(self, visit: Visit) -> Row[Any]:
        row = self._books.case(visit.account, visit.path["case_id"])
        if row is None:
            raise not_found()
        return row

    @staticmethod
    def _outcome(file: CaseFile, sent: str) -> str | None:
        if not sent:
            return None
        if any(one.action_id == sent for one in file.actions):
            return "taken"
        return "refused" if sent in file.refused else "waiting"

    def _law(self, name: str, visit: Visit) -> str:
        """The title of the law that decided, where this process has it."""
        pack = next((one for one in self._packs.packs if one.name == name), None)
        return name if pack is None else str(getattr(pack.title, visit.lang))
