"""The desk in this process, without Kafka: a database of a file, records put into it as the feed would, a journal and acts that are kept."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec
from sqlalchemy import Engine

from pipeline.desk.accounts import Accounts
from pipeline.desk.journal import Entry, JournalClosed
from pipeline.desk.rights import Role
from pipeline.desk.service import pages_of
from pipeline.desk.store.database import open_database, write
from pipeline.desk.store.rows import Reader
from pipeline.settings.model import Settings
from pipeline.telemetry.desk_metrics import DeskMetrics
from pipeline.telemetry.events import Teller
from pipeline.telemetry.logs import logger
from pipeline.web.server import Server
from rules.dossier import fold
from rules.events import Event, encode
from rules.standing import timeline
from tests.support.control import PACKS
from tests.support.histories import make
from tests.support.workers import Crew, WorkerProcess
from topics.catalogue import CASE_FILES, DOSSIERS, PHYSICIAN_STANDING
from topics.messages.cases import CaseAction

GOLDEN = Path(__file__).parent.parent / "unit" / "topics" / "golden"
PASSWORD = "a long enough password"
AREA, OTHER_AREA = "522700", "620100"
INSTITUTION, OTHER_INSTITUTION = "H52270100001", "H52270100002"
PHYSICIAN, OTHER_PHYSICIAN = "D522701000001", "D522701000002"

ROLES: Mapping[Role, dict[str, Any]] = {
    Role.REVIEWER: {},
    Role.SUPERVISOR: {},
    Role.CLERK: {},
    Role.INSTITUTION: {"institution": INSTITUTION},
    Role.PHYSICIAN: {"physician": PHYSICIAN},
    Role.AUDITOR: {},
}


def case_file(name: str, *actions: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The file of a case as the control plane writes it."""
    case = {**json.loads((GOLDEN / "claim-cases.json").read_bytes()), "case_id": name, **changes}
    return {"case": case, "actions": [{"case_id": name, "note": None, **one} for one in actions], "refused": []}


def taken(number: int, action: str, by: str = "reviewer", **more: Any) -> dict[str, Any]:
    """An action that a case has taken."""
    return {"action_id": f"a{number}", "action": action, "by": by, "at": f"2026-11-2{number}T10:00:00+08:00", **more}


class KeptJournal:
    """A journal that keeps its entries here; with `closed` none can be written."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.closed = False

    def record(self, entry: Entry) -> None:
        if self.closed:
            raise JournalClosed("no broker answers")
        self.entries.append(entry)


class KeptActions:
    """A place for acts that keeps them here."""

    def __init__(self) -> None:
        self.sent: list[CaseAction] = []

    def send(self, action: CaseAction) -> None:
        self.sent.append(action)


class Office:
    """A desk with accounts of every role of one area and a reviewer of another."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.settings = Settings(data_dir=folder, **settings)
        self.engine: Engine = open_database(self.settings)
        self.accounts = Accounts(self.engine)
        self.journal, self.actions, self.metrics = KeptJournal(), KeptActions(), DeskMetrics()
        self.ready = True
        self._inside: dict[str | None, Visitor] = {}
        self.app = pages_of(
            self.settings, self.engine, PACKS, journal=self.journal, actions=self.actions,
            teller=Teller(logger(component="desk"), self.metrics), ready=lambda: self.ready, secure=False,
        )  # fmt: skip
        self._server = Server(self.app, "127.0.0.1", 0)
        self.address = self._server.address
        self._reader = Reader(PACKS.holidays, self.settings.desk_review_days)

    def staffed(self) -> Office:
        """Makes an account of each role, and one of another area."""
        for role, more in ROLES.items():
            self.accounts.add(str(role), PASSWORD, role, [AREA], **more)
        self.accounts.add("elsewhere", PASSWORD, Role.SUPERVISOR, [OTHER_AREA])
        self.accounts.add("colleague", PASSWORD, Role.REVIEWER, [AREA])
        return self

    def put(self, topic: str, key: str, value: dict[str, Any] | bytes | None) -> None:
        """Takes a record as the feed does."""
        raw = json.dumps(value).encode() if isinstance(value, dict) else value
        with self.engine.begin() as connection:
            write(connection, self._reader.changes(topic, key.encode(), raw))

    def put_case(self, name: str, *actions: dict[str, Any], **changes: Any) -> None:
        """A case and what was done about it."""
        self.put(CASE_FILES.name, name, case_file(name, *actions, **changes))

    def put_physician(self, area: str, code: str, institution: str, *more: Event) -> None:
        """A physician with a registration at an institution, a deduction, and what else is given."""
        common = {"region": area, "physician_code": code, "institution": institution}
        events = (
            make("registration", "2023-01-01", 1, event_id=f"{code}-1", **common),
            make("deduction", "2023-04-30", 2, event_id=f"{code}-2", points=9, violation_id="v", **common),
            *more,
        )
        dossier = b'{"events":[' + b",".join(map(encode, events)) + b"]}"
        self.put(DOSSIERS.name, f"physician|{area}|{code}", dossier)
        told = timeline(fold(events), PACKS.law(area), region=area, physician_code=code)
        self.put(PHYSICIAN_STANDING.name, f"{area}|{code}", msgspec.json.encode(told))

    def close(self) -> None:
        """Ends it."""
        self._server.close()
        self.engine.dispose()

    def visitor(self, name: str | None = None) -> Visitor:
        """A new browser; with a name the one in which that name has logged in."""
        if name in self._inside:
            return self._inside[name]
        made = Visitor(self)
        if name is not None:
            made.log_in(name)
            self._inside[name] = made
        return made


class Visitor:
    """A browser of the test."""

    def __init__(self, office: Office) -> None:
        self.http = httpx.Client(
            base_url=office.address, headers={"accept-language": "en"}, trust_env=False, timeout=60
        )

    def log_in(self, name: str, password: str = PASSWORD) -> None:
        """Logs in."""
        told = self.http.post("/login", data={"name": name, "password": password})
        assert told.status_code == 303, told.text

    def form(self, path: str) -> dict[str, str]:
        """The hidden fields of the form for acts on a page, and its CSRF token."""
        text = self.http.get(path).text
        found = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', text))
        return {name: html.unescape(value) for name, value in found.items()}

    def act(self, case: str, action: str, note: str = "seen", **more: str) -> Any:
        """Sends the form of a case."""
        path = f"/cases/{case}"
        return self.http.post(path, data={**self.form(path), "action": action, "note": note, **more})


class DeskProcess(WorkerProcess):
    """One `screening desk serve`."""

    command = "desk serve"


class Desks(Crew):
    """The processes of one test."""

    def start(self, **settings: object) -> DeskProcess:
        """Starts a process."""
        given = {"data_dir": self._folder / "desk", **settings}
        made = DeskProcess(self._cluster, self._folder / f"desk-{len(self.all)}.log", **given)
        self.all.append(made)
        return made
