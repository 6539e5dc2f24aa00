"""Runs the demo: broker, register, worker, claims, and the proof that nothing was lost."""

from __future__ import annotations

import gc
import json
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from confluent_kafka import KafkaException
from rich.console import Console

from pipeline.demo.control import LOG, ControlProcess, last_lines
from pipeline.demo.embedded import CLIENT_CONFIG, DemoSettings, EmbeddedBroker, EmbeddedBrokerError
from pipeline.demo.outcome import Outcome
from pipeline.demo.progress import Progress, plain_or_live
from pipeline.demo.report import show
from pipeline.demo.story import Chapter, Story, StoryError, hero
from pipeline.demo.stream import ClaimStream, StreamError
from pipeline.demo.summary import Summary, summarise
from pipeline.demo.words import Language, words
from pipeline.sample import PHYSICIANS, register_events
from pipeline.sample import claims as sample_claims
from pipeline.sample import institutions as sample_institutions
from pipeline.sample import roster as sample_roster
from pipeline.screening.events import WorkerFailed
from pipeline.screening.worker import Worker
from pipeline.settings.model import LogFormat
from pipeline.settings.packs import load_pack_set
from pipeline.telemetry.events import Teller
from pipeline.telemetry.logs import configure_logs, logger
from topics.catalogue import CATALOGUE, CLAIMS

DEADLINE_S = 180.0
"""Thirty seconds are usual; a machine that is busy with other things needs several times as long and has failed at nothing."""

_CLAIMS_PER_SECOND_AT_LEAST = 500
"""A sample so large that it cannot be done within DEADLINE_S at this rate gets more time."""

_STOP_S = 20.0
_ASK_EVERY_S = 0.2
"""A page that is asked for more often takes the time in which it would become ready."""
_LOG_LINES = 12


class DemoError(RuntimeError):
    """The demo cannot go on; the message says why."""


def run_demo(
    *,
    claims: int = 20_000,
    seed: int = 7,
    workers: int = 1,
    as_json: bool = False,
    lang: str = "en",
    console: Console | None = None,
) -> int:
    """Streams a generated sample through the gate on an embedded broker and shows what became of it.

    The worker is the one that production runs. Nothing is kept, and nothing is written outside a temporary folder, which
    goes with the demo. `lang` is en or zh.

    Returns 0 if every record in gave exactly one verdict or dead letter, 1 otherwise, 130 when interrupted.
    """
    out = console or Console()
    language: Language = "zh" if lang == "zh" else "en"
    with tempfile.TemporaryDirectory(prefix="screening-demo-") as folder, _logs_in(Path(folder) / "log") as log:
        try:
            summary = _Demo(
                claims, seed, workers, Path(folder), plain_or_live(out, words(language), quiet=as_json)
            ).run()
        except (DemoError, StoryError, StreamError, EmbeddedBrokerError, KafkaException) as error:
            last = [*last_lines(log, _LOG_LINES), *last_lines(Path(folder) / LOG, _LOG_LINES)]
            _show_failure(out, str(error), last, as_json=as_json)
            return 1
        except KeyboardInterrupt:
            _show_failure(out, "interrupted; nothing was kept", [], as_json=as_json)
            return 130
    if as_json:
        out.print(
            json.dumps(summary.as_json(), ensure_ascii=False),
            markup=False,
            emoji=False,
            highlight=False,
            soft_wrap=True,
        )
    else:
        show(summary, out, language)
    return 0 if summary.conservation.holds else 1


class _Demo:
    """One run. Its parts are started in order and stopped in the opposite one."""

    def __init__(self, claims: int, seed: int, workers: int, folder: Path, progress: Progress) -> None:
        self._claims, self._seed, self._wanted_workers = claims, seed, workers
        self._folder, self._progress = folder, progress
        self._deadline = time.monotonic() + max(DEADLINE_S, claims / _CLAIMS_PER_SECOND_AT_LEAST)
        self._workers: list[_WorkerThread] = []
        self._outcome: Outcome | None = None
        self._stream: ClaimStream | None = None
        self._control: ControlProcess | None = None

    def run(self) -> Summary:
        """Raises DemoError, StreamError or EmbeddedBrokerError."""
        started = time.monotonic()
        with EmbeddedBroker() as broker, self._progress:
            partitions = broker.make_topics(CATALOGUE)
            self._progress.step("broker", address=broker.bootstrap_servers, topics=len(partitions))
            settings = DemoSettings(
                bootstrap_servers=broker.bootstrap_servers,
                kafka_config=CLIENT_CONFIG,
                metrics_port=0,
                data_dir=self._folder,
            )
            try:
                return self._stream_through(settings, partitions, started)
            finally:
                self._close()

    def _stream_through(self, settings: DemoSettings, partitions: dict[str, int], started: float) -> Summary:
        outcome = self._outcome = Outcome(settings, partitions)
        stream = self._stream = ClaimStream(settings, self._check, lambda: outcome.answered)
        self._control = ControlProcess(settings)
        physicians, closed = sample_roster(self._seed, PHYSICIANS), sample_institutions(self._seed)
        events = stream.publish_events(register_events(self._seed, PHYSICIANS))
        self._progress.step("register", events=events, physicians=len(physicians), institutions=len(closed))
        packs = load_pack_set()
        # The gate waits until the control plane has published every physician's standing.
        waiting = settings.model_copy(update={"min_standings": len(physicians)})
        self._workers = [_WorkerThread(Worker(waiting, packs)) for _ in range(self._wanted_workers)]
        records = list(sample_claims(self._seed, self._claims, physicians))
        self._wait_for_workers(partitions[CLAIMS.name])
        self._progress.step(
            "worker", workers=len(self._workers), packs=len(packs.packs), address=self._workers[0].address
        )
        outcome.start()
        self._progress.begin(self._claims)
        stream.send(records, self._claims)
        stream.wait_until_answered()
        self._wait_for_cases(outcome)
        # What follows is no part of the sample's account.
        outcome.close()
        self._outcome = None
        chapters = self._tell(Story(settings, partitions, hero(physicians), self._check))
        self._stop_workers()
        self._progress.end()
        return summarise(
            seed=self._seed,
            physicians=len(physicians),
            institutions=len(closed),
            workers=len(self._workers),
            transactions={
                "committed": sum(thread.count("screening_transactions_committed_total") for thread in self._workers),
                "aborted": sum(thread.count("screening_transactions_aborted_total") for thread in self._workers),
            },
            stream=stream,
            outcome=outcome,
            seconds=time.monotonic() - started,
            story=chapters,
        )

    def _tell(self, story: Story) -> list[Chapter]:
        try:
            return story.tell()
        finally:
            story.close()

    def _wait_for_workers(self, partitions: int) -> None:
        """Until the group has shared out every partition of claims, which the broker delays by three seconds."""
        while sum(thread.partitions() for thread in self._workers) < partitions:
            self._check()
            self._progress.waiting()
            time.sleep(_ASK_EVERY_S)

    def _wait_for_cases(self, outcome: Outcome) -> None:
        """Every record is answered, so its transaction is committed; whatever is still to be read is there now."""
        quiet_since, seen = time.monotonic(), -1
        while time.monotonic() - quiet_since < 0.2:
            self._check()
            if (now := outcome.answered + outcome.cases) != seen:
                quiet_since, seen = time.monotonic(), now
            time.sleep(0.02)

    def _check(self) -> None:
        """Shows how far it is, and ends the demo when something has failed or time is up."""
        for thread in self._workers:
            if thread.failure is not None:
                raise DemoError(f"the worker stopped: {_named(thread.failure)}") from thread.failure
        if self._control is not None and (failure := self._control.failure) is not None:
            raise DemoError(f"the control plane stopped: {failure}")
        outcome, stream = self._outcome, self._stream
        if outcome is None or stream is None:
            return
        if outcome.failure is not None:
            raise DemoError(f"the reader of the verdicts stopped: {_named(outcome.failure)}") from outcome.failure
        self._progress.update(stream.offered, outcome.verdicts, len(outcome.dead_letters), outcome.fen_by_disposition)
        if time.monotonic() > self._deadline:
            raise DemoError(
                f"not done in time: {stream.offered} records in, {outcome.verdicts} verdicts and "
                f"{len(outcome.dead_letters)} dead letters out"
            )

    def _stop_workers(self) -> None:
        for thread in self._workers:
            thread.stop()
        for thread in self._workers:
            thread.join()
        self._check()

    def _close(self) -> None:
        for thread in self._workers:
            thread.stop()
        for thread in self._workers:
            thread.join()
        if self._control is not None:
            self._control.stop()
        if self._outcome is not None:
            self._outcome.close()
        # Producers have no close: they say goodbye when they are forgotten, which must happen while the broker is there.
        self._stream = None
        for thread in self._workers:
            thread.forget()
        gc.collect()


class _WorkerThread:
    """A worker as production runs it, in a thread."""

    def __init__(self, worker: Worker) -> None:
        self._worker: Worker | None = worker
        self.failure: Exception | None = None
        self.address = worker.pages.address
        self._registry = worker.metrics.registry
        self._thread = threading.Thread(target=self._run, args=(worker,), name="demo-worker", daemon=True)
        self._thread.start()

    def _run(self, worker: Worker) -> None:
        try:
            worker.run()
        except Exception as error:  # whatever it is, the demo must end with it and not wait for its deadline
            self.failure = error
            Teller(logger(component="demo"), worker.metrics).tell(WorkerFailed(_named(error), error))

    def partitions(self) -> int:
        """Partitions of claims that the worker owns, as its /readyz page tells any operator; 0 while it is not ready."""
        try:
            with urllib.request.urlopen(f"{self.address}/readyz", timeout=5) as answer:
                return len(json.load(answer)["partitions"])
        except (urllib.error.URLError, OSError):
            return 0

    def count(self, metric: str) -> int:
        """Sum of a counter of the worker over its labels."""
        return int(
            sum(
                sample.value
                for family in self._registry.collect()
                for sample in family.samples
                if sample.name == metric
            )
        )

    def stop(self) -> None:
        """Asks the worker to finish."""
        if self._worker is not None:
            self._worker.stop()

    def join(self) -> None:
        """Waits for the worker to finish."""
        self._thread.join(_STOP_S)

    def forget(self) -> None:
        """Lets go of the worker and its clients."""
        self._worker = None


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


@contextmanager
def _logs_in(path: Path) -> Iterator[Path]:
    """Sends log events to a file for the time being: they would tear the progress display apart."""
    before = structlog.get_config()
    with path.open("w", encoding="utf-8") as stream:
        configure_logs(LogFormat.JSON, "info", stream)
        try:
            yield path
        finally:
            structlog.configure(**before)


def _show_failure(out: Console, reason: str, last: list[str], *, as_json: bool) -> None:
    if as_json:
        answer = {"ok": False, "error": reason, "log": last}
        out.print(json.dumps(answer, ensure_ascii=False), markup=False, emoji=False, highlight=False, soft_wrap=True)
        return
    out.print(f"The demo stopped: {reason}", style="bold red", markup=False, highlight=False)
    if last:
        out.print("The last log events:")
        for line in last:
            out.print(f"  {line}", markup=False, emoji=False, highlight=False, soft_wrap=True)
