"""Workers as operators run them: processes of the console script, watched from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.support.cluster import Cluster
from tests.support.commands import environment
from tests.support.fork_server import fork_server
from tests.support.waiting import PATIENCE_S, wait_for

QUICK = {"session_timeout_ms": 3000, "transaction_timeout_ms": 3000, "batch_max_claims": 500, "metrics_port": 0}
"""Settings under which a death is noticed soon and a batch is small enough for kills to fall inside transactions."""

_GRACE_S = 8.0


class WorkerProcess:
    """One `screening worker`. Its log events go to a file."""

    command = "worker"

    def __init__(self, cluster: Cluster, log: Path, **settings: object) -> None:
        self.log = log
        self._events: list[dict[str, Any]] = []
        self._read = 0
        self.settings = {"bootstrap_servers": cluster.bootstrap, "metrics_port": 0, **settings}
        self._process = fork_server().start(self.command.split(), environment(self.settings), log)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    @property
    def output(self) -> str:
        """Everything that it has logged or printed."""
        return self.log.read_text("utf-8", "replace")

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """Log events so far, in order; with `name` only those of that name."""
        # A log grows to thousands of lines, and whoever waits asks many times: each line is read once.
        with self.log.open("rb") as log:
            log.seek(self._read)
            more, found, _ = log.read().rpartition(b"\n")
        self._read += len(more + found)
        self._events += [
            json.loads(line) for line in more.splitlines() if line.startswith(b"{") and line.endswith(b"}")
        ]
        return [event for event in self._events if name is None or event["event"] == name]

    def wait_event(self, name: str, *, count: int = 1, within: float = PATIENCE_S) -> dict[str, Any]:
        """Waits until an event was logged `count` times; returns the last of them."""
        wait_for(
            f"worker {self.pid} logs {name}",
            lambda: self.exit_code is not None or len(self.events(name)) >= count,
            within=within,
            detail=lambda: self.output[-3000:],
        )
        found = self.events(name)
        assert len(found) >= count, f"the worker ended ({self.exit_code}) without {name}:\n{self.output[-3000:]}"
        return found[-1]

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of one of its pages; status 0 while nobody answers."""
        page = self.wait_event(f"{self.command.split()[0]}_started")["metrics"].replace("/metrics", path)
        try:
            with urllib.request.urlopen(page, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def wait_ready(self, within: float = PATIENCE_S) -> WorkerProcess:
        """Waits until /readyz says yes."""
        wait_for(
            f"worker {self.pid} is ready",
            lambda: self.exit_code is not None or self.get("/readyz")[0] == 200,
            within=within,
            detail=lambda: self.output[-3000:],
        )
        assert self.exit_code is None, self.output[-3000:]
        return self

    def metrics(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """Every sample of /metrics by name and labels."""
        status, text = self.get("/metrics")
        assert status == 200, text
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def metric(self, name: str, **labels: str) -> float:
        """One sample; 0 when it has not been seen yet."""
        return self.metrics().get((name, frozenset(labels.items())), 0.0)

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal."""
        os.kill(self.pid, number)

    def terminate(self, within: float = PATIENCE_S) -> int:
        """SIGTERM, as an orchestrator stops a process. Returns its exit code."""
        if self.exit_code is None:
            self._process.terminate()
        return self.wait(within)

    def tell_to_stop(self) -> None:
        """SIGTERM, and no waiting."""
        self._process.terminate()

    def end_by(self, moment: float) -> None:
        """Waits for its end until a moment of the monotonic clock, and kills it then."""
        try:
            self._process.wait(max(0.0, moment - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL: no chance to say goodbye."""
        self._process.kill()
        self._process.wait()

    def wait(self, within: float = PATIENCE_S) -> int:
        """Waits for its end and returns the exit code."""
        try:
            return self._process.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"worker {self.pid} did not end within {within:.0f} s:\n{self.output[-3000:]}"
            ) from None


class Crew:
    """The workers of one test: started by name, and none left behind."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._cluster = cluster
        self._folder = folder
        self._started = 0
        self.all: list[WorkerProcess] = []

    def start(self, **settings: object) -> WorkerProcess:
        """Starts a worker."""
        worker = WorkerProcess(self._cluster, self._folder / f"worker-{self._started}.log", **settings)
        self._started += 1
        self.all.append(worker)
        return worker

    @property
    def running(self) -> list[WorkerProcess]:
        """Those that have not ended."""
        return [worker for worker in self.all if worker.exit_code is None]

    def events(self, name: str) -> list[dict[str, Any]]:
        """Events of this name of all workers."""
        return [event for worker in self.all for event in worker.events(name)]

    def stop(self) -> list[int]:
        """Stops all that run, in good order; returns their exit codes."""
        running = self.running
        for worker in running:
            worker.signal(signal.SIGTERM)
        return [worker.wait() for worker in running]

    def dismiss(self) -> None:
        """Ends whatever is left. Who is told to stop leaves its group; the next test would wait for the session of one that is killed."""
        left = self.running
        for worker in left:
            worker.tell_to_stop()
        until = time.monotonic() + _GRACE_S
        for worker in left:
            worker.end_by(until)
