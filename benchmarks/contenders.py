"""Who takes part: how each contender is prepared, started, asked whether it is ready, and stopped.

Each is a separate process that reads the topic `claims` with its own consumer group and writes to its own output topics.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pipeline.devtools.kafka_jars import find_java, last_lines, run_to_end

ROOT = Path(__file__).resolve().parent.parent
PEERS = Path(__file__).resolve().parent / "peers"
CACHE = ROOT / ".cache" / "benchmarks"

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LOG_TAIL_LINES = 25


class ContenderError(RuntimeError):
    """A contender could not be prepared, died, or did not get ready; the message holds the end of its log."""


@dataclass(frozen=True)
class Job:
    """What a contender is told."""

    bootstrap_servers: str
    group_id: str
    output_prefix: str
    work_dir: Path


class Running:
    """A contender's process, watched from outside."""

    def __init__(self, name: str, command: list[str], environment: Mapping[str, str], work_dir: Path) -> None:
        work_dir.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.log_path = work_dir / "contender.log"
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("SCREENING_", "PEER_"))}
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=inherited | dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.started = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def check(self) -> None:
        """Raises ContenderError when the process has died."""
        code = self._process.poll()
        if code is not None:
            raise ContenderError(f"{self.name} died (exit {code}):\n{self.log_tail()}")

    def log(self) -> str:
        """Everything that the process has said."""
        return self.log_path.read_text(errors="replace")

    def log_tail(self) -> str:
        """The last lines that the process has said."""
        return last_lines(self.log(), _LOG_TAIL_LINES)

    def resident_bytes(self) -> int:
        """Resident memory of the process and its children."""
        return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE for pid in self._tree())

    def cpu_seconds(self) -> float:
        """Processor time that the process and its children have used."""
        total = 0
        for pid in self._tree():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / _TICKS

    def _tree(self) -> list[int]:
        found, waiting = [], [self._process.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                waiting += [int(child) for child in children.read_text().split()]
        return found

    def stop(self, grace: float = 30.0) -> None:
        """Stop in good order; kill after `grace` seconds."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(grace)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


class Contender(ABC):
    """One way of doing the job."""

    name: str
    judges = True
    """Whether it writes verdicts that can be compared; the pass-through does not."""
    share = 1.0
    """The share of the claims that it is given: slow contenders would take too long over all of them."""
    remark = ""
    """What the table has to say of it."""

    def prepare(self) -> None:  # noqa: B027  most contenders need no preparation
        """Build what has to be built; done before anything is measured."""

    @abstractmethod
    def start(self, job: Job) -> Running:
        """Start the process."""

    def ready(self, running: Running) -> bool:
        """Whether the process says that it is ready."""
        return "READY" in running.log()

    def await_ready(self, running: Running, timeout: float = 180.0) -> float:
        """Wait until the process is ready; return the seconds since its start.

        Raises:
            ContenderError: when it dies or takes too long.
        """
        deadline = time.monotonic() + timeout
        while not self.ready(running):
            running.check()
            if time.monotonic() > deadline:
                raise ContenderError(f"{self.name} was not ready within {timeout:.0f} s:\n{running.log_tail()}")
            time.sleep(0.05)
        return time.monotonic() - running.started


class Gate(Contender):
    """The product: `screening worker`, one process or several that share the partitions."""

    def __init__(self, workers: int = 1) -> None:
        self.name = "gate" if workers == 1 else f"gate ({workers} workers)"
        self._workers = workers
        self._ports: list[int] = []

    def start(self, job: Job) -> Running:
        """Start the workers on free HTTP ports."""
        self._ports = [_free_port() for _ in range(self._workers)]
        script = Path(sys.executable).parent / "screening"
        if not script.exists():
            raise ContenderError("the console script 'screening' is not installed beside this Python")
        environment = {
            "SCREENING_BOOTSTRAP_SERVERS": job.bootstrap_servers,
            "SCREENING_GROUP_ID": job.group_id,
            "SCREENING_INSTANCE_ID": "benchmark",
            "SCREENING_METRICS_PORT": str(self._ports[0]),
            "SCREENING_OUTPUT_PREFIX": job.output_prefix,
            "SCREENING_DATA_DIR": str(job.work_dir / "data"),
        }
        command = [str(script), "worker"]
        if self._workers > 1:
            command = [sys.executable, "-m", "benchmarks.crew", str(script), *map(str, self._ports)]
        return Running(self.name, command, environment, job.work_dir)

    def ready(self, running: Running) -> bool:
        """Ask each worker's own page."""
        del running
        return all(_answers(port) for port in self._ports)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1.0) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _peer_environment(job: Job, tuning: Mapping[str, str]) -> dict[str, str]:
    state = job.work_dir / "state"
    state.mkdir(parents=True, exist_ok=True)
    return {
        "PEER_BOOTSTRAP_SERVERS": job.bootstrap_servers,
        "PEER_GROUP_ID": job.group_id,
        "PEER_OUTPUT_PREFIX": job.output_prefix,
        "PEER_STATE_DIR": str(state),
        **{f"PEER_{name}": value for name, value in tuning.items()},
    }


class PythonPeer(Contender):
    """A module of `benchmarks.peers`, run with the product's own environment."""

    def __init__(
        self,
        name: str,
        module: str,
        *,
        share: float = 1.0,
        judges: bool = True,
        remark: str = "",
        tuning: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.share = share
        self.judges = judges
        self.remark = remark
        self._module = module
        self._tuning = tuning or {}

    @property
    def _python(self) -> Path:
        return Path(sys.executable)

    def start(self, job: Job) -> Running:
        """Start the module."""
        command = [str(self._python), "-m", f"benchmarks.peers.{self._module}"]
        return Running(self.name, command, _peer_environment(job, self._tuning), job.work_dir)


class LockedPeer(PythonPeer):
    """A Python peer with an environment of its own, made from `peers/requirements.lock`."""

    @property
    def _home(self) -> Path:
        digest = hashlib.sha256((PEERS / "requirements.lock").read_bytes()).hexdigest()[:12]
        return CACHE / f"python-{digest}"

    @property
    def _python(self) -> Path:
        return self._home / "bin" / "python"

    def prepare(self) -> None:
        """Make the environment, unless one of the same lock file is there."""
        complete = self._home / "complete"
        if complete.exists():
            return
        shutil.rmtree(self._home, ignore_errors=True)
        venv.create(self._home, with_pip=True)
        requirements = str(PEERS / "requirements.lock")
        _run([str(self._python), "-m", "pip", "install", "-q", "--require-hashes", "-r", requirements], "pip install")
        complete.touch()


# What made this peer some 20 % faster than its defaults when it was tried; the gate is tuned too.
_STREAMS_TUNING = {"BATCH_BYTES": "262144", "POLL_RECORDS": "5000"}


class KafkaStreams(Contender):
    """The Java peer."""

    def __init__(self, threads: int, commit_ms: int = 100, tuning: Mapping[str, str] | None = None) -> None:
        self.name = f"kafka-streams ({threads} thread{'s' if threads > 1 else ''})"
        if commit_ms != 100:
            self.name = f"kafka-streams ({threads} threads, commit {commit_ms} ms)"
        self._threads = threads
        self._commit_ms = commit_ms
        self._tuning = _STREAMS_TUNING if tuning is None else tuning

    @property
    def _home(self) -> Path:
        source = PEERS / "kafka-streams"
        files = [source / "pom.xml", *sorted((source / "src").rglob("*.java"))]
        return CACHE / f"kafka-streams-{hashlib.sha256(b''.join(file.read_bytes() for file in files)).hexdigest()[:12]}"

    def prepare(self) -> None:
        """Compile, unless the same sources have been compiled."""
        find_java()
        if self._home.exists():
            return
        maven = shutil.which("mvn")
        if maven is None or shutil.which("javac") is None:
            raise ContenderError(
                "Kafka Streams needs Maven and a Java compiler (Debian: apt-get install maven default-jdk)"
            )
        building = self._home.with_name(self._home.name + ".building")
        shutil.rmtree(building, ignore_errors=True)
        building.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(PEERS / "kafka-streams", building)
        goals = ["compile", "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=target/libs"]
        _run([maven, "-q", "-B", *goals], "the build of the Kafka Streams peer", cwd=building)
        building.rename(self._home)

    def start(self, job: Job) -> Running:
        """Start the Java process."""
        target = self._home / "target"
        command = [find_java(), "-Xmx2g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
        command += ["-cp", f"{target / 'classes'}:{target / 'libs'}/*", "screening.peer.Gate"]
        settings = {"THREADS": str(self._threads), "COMMIT_MS": str(self._commit_ms), **self._tuning}
        environment = _peer_environment(job, settings)
        return Running(self.name, command, environment, job.work_dir)


def _run(command: list[str], what: str, cwd: Path | None = None) -> None:
    done = run_to_end(command, cwd)
    if done.returncode != 0:
        raise ContenderError(f"{what} failed (exit {done.returncode}):\n{last_lines(done.stdout, _LOG_TAIL_LINES)}")
