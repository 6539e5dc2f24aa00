"""The process `screening precheck`: the register is read by the thread that runs it, requests come on the thread of the pages.

It joins no consumer group, commits nothing, and writes nothing but the feedback of doctors. Several processes may run behind any
balancer.
"""

from __future__ import annotations

import gc
import time
from importlib.metadata import version
from typing import Any

from pipeline.garbage import collect_seldom
from pipeline.intake.classes import VisitClasses
from pipeline.precheck.api import Api
from pipeline.precheck.app import interface
from pipeline.precheck.asking import Waiting
from pipeline.precheck.encounters import Encounters
from pipeline.precheck.events import PrecheckReady, PrecheckStarted, PrecheckStopped
from pipeline.precheck.feedback import TopicRecorder
from pipeline.precheck.guard import Tokens
from pipeline.precheck.judging import Judge
from pipeline.precheck.national import National
from pipeline.screening.events import RegisterFoundEmpty, StandingViewLoaded
from pipeline.screening.gate import Gate
from pipeline.screening.view import StandingView
from pipeline.settings.model import Settings, SettingsError
from pipeline.settings.security import is_local
from pipeline.telemetry.events import Teller
from pipeline.telemetry.logs import logger
from pipeline.telemetry.precheck_metrics import PrecheckMetrics
from pipeline.web.app import beside, status_app
from pipeline.web.server import Server
from rules.packs.pack_set import PackSet

_MOST_CONNECTIONS = 1_000
_DRAIN_S = 10.0
_COLLECT_EVERY = 50_000


class Precheck:
    """One process of the pre-check. `run` returns when `stop` was called and everything accepted is answered."""

    def __init__(self, settings: Settings, packs: PackSet, classes: VisitClasses) -> None:
        """Raises SettingsError where others could ask unasked, OSError where the port cannot be had."""
        self.settings = settings
        self.instance = settings.unique_instance()
        self.metrics = PrecheckMetrics()
        self.gate = Gate(packs)
        self._teller: Teller[PrecheckMetrics] = Teller(
            logger(component="precheck", instance=self.instance), self.metrics
        )
        self._stopping = False
        self._read = 0
        self.view = StandingView(settings, self.gate.index, self.metrics)
        waiting = Waiting(settings.precheck_queue_claims)
        self._judge = Judge(settings, self.gate, self.view, waiting, self.metrics)
        self._api = Api(settings, waiting, Tokens(settings.precheck_tokens_file, self._teller), self._teller)
        place = _pages(settings)
        pages = status_app(self.metrics.registry, self._healthy, self._ready, token=place.pop("token"))
        national = National(self._api, Encounters(classes), TopicRecorder(settings))
        app = beside(pages, interface(self._api, national, version("claims-screening")))
        self.pages = Server(app, **place, client_ca=settings.precheck_client_ca_file, most=_MOST_CONNECTIONS)

    def stop(self) -> None:
        """Asks the process to answer what it has accepted and leave. Safe to call from a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Loads the register, then answers until stopped. Raises ViewError."""
        try:
            self._teller.tell(
                PrecheckStarted(f"{self.pages.address}/metrics", self.settings.precheck_tokens_file is not None)
            )
            collect_seldom(_COLLECT_EVERY)
            if not self._load_view():
                return
            self._api.refusing = None
            self._teller.tell(PrecheckReady())
            while not self._stopping:
                self._judge.turn()
            self._drain()
        finally:
            self._api.refusing = "stopping"
            self.pages.close()
            self.view.close()
            self._teller.tell(PrecheckStopped())

    def _load_view(self) -> bool:
        started = time.monotonic()

        def loading(read: int) -> None:
            self._read = read

        if not self.view.load(lambda: self._stopping, loading):
            return False
        while len(self.gate.index) < self.settings.min_standings or not self.view.oriented:
            if self._stopping:
                return False
            self.view.refresh()
            time.sleep(0.02)
        index = self.gate.index
        self._teller.tell(StandingViewLoaded(len(index), index.institutions, round(time.monotonic() - started, 3)))
        if not len(index):
            self._teller.tell(RegisterFoundEmpty())
        gc.collect()
        gc.freeze()
        return True

    def _drain(self) -> None:
        """Answers what was accepted before the process was told to stop."""
        self._api.refusing = "stopping"
        until = time.monotonic() + _DRAIN_S
        while not self._judge.idle and time.monotonic() < until:
            self._judge.turn()

    def _healthy(self) -> tuple[bool, dict[str, Any]]:
        return True, {"instance": self.instance, "stopping": self._stopping}

    def _ready(self) -> tuple[bool, dict[str, Any]]:
        staleness = self.view.staleness()
        cause, detail = self.view.cause()
        return self._api.refusing is None and self._judge.ready(), {
            "instance": self.instance,
            "refusing": self._api.refusing,
            "physicians": len(self.gate.index),
            "institutions": self.gate.index.institutions,
            "standing_records_read": self._read,
            "standing_staleness_seconds": None if staleness == float("inf") else round(staleness, 3),
            "register": {"cause": cause.value, "detail": detail},
        }


def _pages(settings: Settings) -> dict[str, Any]:
    """Where the interface is served. Raises SettingsError."""
    place = settings.pages()
    if settings.precheck_tokens_file is None and not (is_local(settings.metrics_host) or settings.http_open):
        raise SettingsError(
            f"other machines can reach {settings.metrics_host}: set SCREENING_PRECHECK_TOKENS_FILE, or "
            "SCREENING_HTTP_OPEN=true if the network around it is guarded"
        )
    if settings.precheck_client_ca_file is not None and (place["tls"] is None or settings.precheck_tokens_file is None):
        raise SettingsError(
            "SCREENING_PRECHECK_CLIENT_CA_FILE needs SCREENING_HTTP_CERT_FILE and SCREENING_HTTP_KEY_FILE, because certificates "
            "are shown over TLS, and SCREENING_PRECHECK_TOKENS_FILE, which names the institutions that they are of"
        )
    return place
