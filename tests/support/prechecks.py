"""The pre-check in this process, without Kafka: a register whose time the test says, a judging thread, and a caller over HTTP."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from pipeline.intake.classes import load_classes
from pipeline.precheck.api import Api
from pipeline.precheck.app import interface
from pipeline.precheck.asking import Waiting
from pipeline.precheck.encounters import Encounters
from pipeline.precheck.guard import Tokens, new_token
from pipeline.precheck.judging import Judge
from pipeline.precheck.national import National
from pipeline.screening.freshness import WaitCause
from pipeline.screening.gate import Gate
from pipeline.settings.model import LogFormat, Settings
from pipeline.telemetry.events import Teller
from pipeline.telemetry.logs import configure_logs, logger
from pipeline.telemetry.precheck_metrics import PrecheckMetrics
from pipeline.web.server import Server
from rules.timeline import PhysicianTimeline
from tests.support.judging import make_gate, physician_timeline
from tests.support.register import QIANNAN
from tests.support.waiting import PATIENCE_S
from tests.support.workers import Crew, WorkerProcess
from topics.messages.precheck import PrecheckFeedback
from topics.messages.verdicts import VerdictRegister

AS_OF = "2026-01-02T03:04:05.678Z"


PHYSICIAN, INSTITUTION, OTHER = "D522701000001", "H52270100001", "H52270100002"
NORMAL = {"from": "2022-01-01", "to": "2023-05-10", "standing": "normal", "causes": ["ev-1"]}
PENALTY = {
    "from": "2023-05-11", "to": "2023-08-10", "standing": "penalty", "penalty_period": ["2023-05-11", "2023-08-10"],
    "causes": ["ev-2", "ev-3"],
}  # fmt: skip
AFTER = {"from": "2023-08-11", "to": None, "standing": "normal", "causes": ["ev-4"]}


def registered(*spans: dict, code: str = PHYSICIAN, sites: tuple[str, ...] = (INSTITUTION,)) -> PhysicianTimeline:
    """A physician of Qiannan with these spans, who practises at these institutions."""
    return physician_timeline(
        {"region": QIANNAN, "physician_code": code, "revision": 7, "spans": list(spans), "sites": list(sites)}
    )


def gate_of_one() -> Gate:
    """A gate that knows one physician, who was in a penalty period for three months."""
    made = make_gate()
    made.index.put(registered(NORMAL, PENALTY, AFTER))
    return made


class SaidView:
    """A view of the register that is as new as the test says: `age_s` seconds, or as new as any moment (None)."""

    oriented = True

    def __init__(self) -> None:
        self.age_s: float | None = None
        self.why = (WaitCause.LEDGER_BEHIND, "the ledger is behind by 3 events")
        self.register = VerdictRegister(as_of=AS_OF, progress={"0": 7})
        self.refreshed = 0

    def refresh(self) -> None:
        self.refreshed += 1

    def staleness(self) -> float:
        return self.age_s or 0.0

    def covers(self, moment: float) -> bool:
        return self.age_s is None or time.monotonic() - self.age_s >= moment

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def cause(self) -> tuple[WaitCause, str]:
        return (WaitCause.NONE, "") if self.age_s is None else self.why


class Desk:
    """A pre-check that answers `http`; `view` says how new its register is."""

    def __init__(self, gate: Gate, log: io.StringIO, **settings: Any) -> None:
        self.settings = Settings(**settings)
        self.view, self.metrics, self.log = SaidView(), PrecheckMetrics(), log
        teller = Teller(logger(component="precheck"), self.metrics)
        self.waiting = Waiting(self.settings.precheck_queue_claims)
        self.api = Api(self.settings, self.waiting, Tokens(self.settings.precheck_tokens_file, teller), teller)
        self.api.refusing = None
        self.judge = Judge(self.settings, gate, self.view, self.waiting, self.metrics)  # type: ignore[arg-type]
        self.kept: list[PrecheckFeedback] = []
        national = National(self.api, Encounters(load_classes()), self)
        self.app = interface(self.api, national, "0")
        self._server = Server(
            self.app, "127.0.0.1", 0, tls=self.settings.http_tls(), client_ca=self.settings.precheck_client_ca_file
        )
        self.address = self._server.address
        self.http = httpx.Client(base_url=self.address, timeout=60, trust_env=False)
        self.paused, self.still = threading.Event(), threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            if self.paused.is_set():
                self.still.set()
                self._stop.wait(0.01)
            else:
                self.judge.turn()

    def record(self, feedback: Sequence[PrecheckFeedback]) -> None:
        """Keeps feedback, in place of the topic."""
        self.kept += feedback

    def close(self) -> None:
        self._stop.set()
        self._thread.join(10)
        self.http.close()
        self._server.close()

    def metric(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


@contextmanager
def desk(gate: Gate, **settings: Any) -> Iterator[Desk]:
    """A pre-check for one test. Its log is `desk.log`."""
    log = io.StringIO()
    configure_logs(LogFormat.JSON, "info", log)
    made = Desk(gate, log, **settings)
    try:
        yield made
    finally:
        made.close()


def tokens_file(path: Path, *institutions: str) -> list[dict[str, str]]:
    """Writes a file with a token for each of the institutions; returns the headers that carry them."""
    made = [new_token(one) for one in institutions]
    path.write_text("# who may ask\n" + "".join(f"{line}  # a hospital\n" for _, line in made), "utf-8")
    return [{"Authorization": f"Bearer {token}"} for token, _ in made]


class PrecheckProcess(WorkerProcess):
    """One `screening precheck`."""

    command = "precheck"

    def wait_ready(self, within: float = PATIENCE_S) -> PrecheckProcess:
        """Waits until /readyz says yes."""
        super().wait_ready(within)
        return self

    @property
    def address(self) -> str:
        """Where it answers."""
        return str(self.wait_event("precheck_started")["metrics"]).removesuffix("/metrics")


class Prechecks(Crew):
    """The processes of one test."""

    def start(self, **settings: object) -> PrecheckProcess:
        """Starts a process."""
        made = PrecheckProcess(self._cluster, self._folder / f"precheck-{len(self.all)}.log", **settings)
        self.all.append(made)
        return made


def ask(counter: Desk, body: bytes | list[bytes], **more: Any) -> Any:
    """The answer about one claim, or about a list of them."""
    content = body if isinstance(body, bytes) else b"[" + b",".join(body) + b"]"
    return counter.http.post("/v1/precheck", content=content, **more)


def standing(counter: Desk, code: str = PHYSICIAN, headers: Any = None, **query: str) -> Any:
    """The answer about a physician's day."""
    return counter.http.get(f"/v1/physicians/{QIANNAN}/{code}", params=query, headers=headers)
