"""A real, single-node Apache Kafka on this machine, for tests, benchmarks and trying things out.

The broker is Apache Kafka itself (KRaft, broker and controller in one process), run on Java 17 from jars that Maven
fetches once into a cache folder. It listens on the loopback address alone and keeps everything that it writes in the
data folder that it is given. It is not a production set-up: one node, one replica, no authentication.

``python -m pipeline.devtools.kafka`` keeps one running in the foreground.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import click
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from pipeline.devtools.kafka_jars import (
    FEATURES,
    KAFKA_VERSION,
    LocalKafkaError,
    class_archive,
    ensure_jars,
    find_java,
    formatted,
    last_lines,
    run_to_end,
)
from pipeline.devtools.kafka_places import HOST, LOGS, check_free, free_ports
from pipeline.devtools.kafka_properties import PROPERTIES
from pipeline.devtools.watchdog import Watchdog

_HERE = Path(__file__).resolve().parent
_LOGGING = "log4j2.properties"
_META = "meta.properties"

_FORMAT_SECONDS = 60.0
START_SECONDS = 180.0
"""A broker is up in five seconds; on a machine with ten busy processes a core it took more than a minute."""
_POLL_SECONDS = 0.05
_COMPILE_QUICKLY = "-XX:TieredStopAtLevel=1"


def new_cluster_id() -> str:
    """Make a cluster id in Kafka's own form; one that starts with a dash would read as a flag on the command line."""
    while (made := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return made


@dataclass(frozen=True, slots=True)
class Member:
    """What makes a broker one of several: its number, its cluster, everybody's controllers, and its own two ports."""

    node: int
    cluster_id: str
    voters: str
    ports: tuple[int, int]


class LocalKafka:
    """One Apache Kafka process: start, stop, kill, and start again on the same ports and data.

    Args:
        data_dir: everything that the broker writes: its configuration, its log (``broker.log``) and its data. Made when
            missing.
        heap_mb: the heap of the Java process.
        properties: broker settings that replace or add to the defaults.
        port: the broker's port; a free one when not given.
        listeners: further ways to reach the broker, such as ``SASL_SSL://127.0.0.1:9093``; `properties` says how they work.
        member: which broker of a cluster it is (see `kafka_cluster`); by default it is a cluster of its own.
        jars_dir: where Kafka's jars are or go; see `ensure_jars`.
        steady: let Java compile for a long run, as a benchmark needs it. Otherwise it compiles quickly, which takes half the CPU
            in a run of minutes.
        archive_to: a file that Java writes its loaded classes to when the broker stops; see `pipeline.devtools.kafka_prepared`.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        heap_mb: int = 512,
        properties: Mapping[str, str] | None = None,
        port: int | None = None,
        jars_dir: Path | None = None,
        listeners: Sequence[str] = (),
        member: Member | None = None,
        steady: bool = False,
        archive_to: Path | None = None,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self._heap_mb = heap_mb
        self._properties = dict(properties or {})
        self._fixed_port = port
        self._member = member
        self._ports: tuple[int, int] | None = member.ports if member else None
        self._jars_dir = jars_dir
        self._steady = steady
        self._archive_to = archive_to
        self._listeners = tuple(listeners)
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: Watchdog | None = None
        self._owner = 0
        self._lock = threading.RLock()

    @property
    def bootstrap_servers(self) -> str:
        """The broker's address for clients; it stays the same when the broker is started again."""
        if self._ports is None:
            raise LocalKafkaError("Apache Kafka has not been started: it has no address yet.")
        return f"{HOST}:{self._ports[0]}"

    @property
    def pid(self) -> int | None:
        """The process id of the running broker."""
        return self._process.pid if self._process is not None else None

    @property
    def running(self) -> bool:
        """Whether the broker's process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def log_path(self) -> Path:
        """The file that the broker's log and whatever Java says go to."""
        return self.data_dir / "broker.log"

    @property
    def logs_dir(self) -> Path:
        """The folder of the topics' data."""
        return self.data_dir / LOGS

    def log_tail(self) -> str:
        """The last lines of the broker's log."""
        try:
            return last_lines(self.log_path.read_text(errors="replace"))
        except FileNotFoundError:
            return ""

    def start(self, timeout: float = START_SECONDS) -> Self:
        """Start the broker and return when it answers clients.

        Raises:
            LocalKafkaError: when Java or the jars are missing, when the broker dies (with the end of its log), or when
                it does not answer within `timeout` seconds.
        """
        with self._lock:
            if self.running:
                return self
            self._release()
            deadline = time.monotonic() + timeout
            java = find_java()
            jars = ensure_jars(self._jars_dir)
            first_start = self._ports is None
            while True:
                self._configure()
                offset = self.log_path.stat().st_size if self.log_path.exists() else 0
                self._format(java, jars)
                self._spawn(java, jars)
                try:
                    self._wait_until_answering(deadline)
                except LocalKafkaError:
                    self.kill()
                    # Somebody took a port between the choice and the start. Only a first start is free to choose again.
                    taken = "Address already in use" in self._log_since(offset)
                    if not (taken and first_start and self._fixed_port is None):
                        raise
                    self._ports = None
                    continue
                except BaseException:
                    self.kill()
                    raise
                return self

    def stop(self, grace: float = 20.0) -> None:
        """Stop the broker in good order; kill it if it has not gone after `grace` seconds."""
        with self._lock:
            if self._process is not None:
                if self._process.poll() is None:
                    self._process.terminate()
                    try:
                        self._process.wait(grace)
                    except subprocess.TimeoutExpired:
                        self._process.kill()
                        self._process.wait()
                self._release()

    def kill(self) -> None:
        """Kill the broker at once (SIGKILL), as a crash would."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process.wait()
                self._release()

    def restart(self, *, grace: float = 20.0, timeout: float = START_SECONDS) -> Self:
        """Stop the broker in good order and start it again on the same ports and data."""
        self.stop(grace)
        return self.start(timeout)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def _configure(self) -> None:
        """Write the broker's configuration, choosing its ports the first time."""
        if self._ports is None:
            if self._fixed_port is None:
                broker, controller = free_ports(2)
            else:
                broker, controller = self._fixed_port, free_ports(1)[0]
            self._ports = broker, controller
        broker, controller = self._ports
        node = self._member.node if self._member else 1
        settings = PROPERTIES | {
            "node.id": str(node),
            "listeners": ",".join(
                (f"PLAINTEXT://{HOST}:{broker}", f"CONTROLLER://{HOST}:{controller}", *self._listeners)
            ),
            "advertised.listeners": ",".join((f"PLAINTEXT://{HOST}:{broker}", *self._listeners)),
            "controller.quorum.voters": self._member.voters if self._member else f"{node}@{HOST}:{controller}",
            "log.dirs": str(self.logs_dir),
        }
        self.data_dir.mkdir(parents=True, exist_ok=True)
        lines = [f"{name}={value}\n" for name, value in (settings | self._properties).items()]
        self._settings_path.write_text("".join(lines))

    @property
    def _settings_path(self) -> Path:
        return self.data_dir / "server.properties"

    def _java_command(self, java: str, jars: Path, *options: str) -> list[str]:
        archive = class_archive(jars)
        kept = [f"-XX:SharedArchiveFile={archive}"] if archive.is_file() and self._archive_to is None else []
        return [java, *kept, *options, f"-Dlog4j2.configurationFile={_HERE / _LOGGING}", "-cp", f"{jars}/*"]

    def _format(self, java: str, jars: Path) -> None:
        """Make the data folder a Kafka log folder, unless it is one already."""
        if (self.logs_dir / _META).is_file():
            return
        cluster_id = self._member.cluster_id if self._member else new_cluster_id()
        if (known := formatted(jars)).is_file():
            self.logs_dir.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(known, self.logs_dir / FEATURES)
            node = self._member.node if self._member else 1
            meta = {"version": 1, "node.id": node, "cluster.id": cluster_id, "directory.id": new_cluster_id()}
            (self.logs_dir / _META).write_text("".join(f"{name}={value}\n" for name, value in meta.items()))
            return
        # A short-lived process: the quick compiler alone and a plain collector start it sooner.
        command = [
            *self._java_command(java, jars, "-Xmx256m", _COMPILE_QUICKLY, "-XX:+UseSerialGC"),
            *[
                "kafka.tools.StorageTool",
                "format",
                "-t",
                cluster_id,
                "-c",
                str(self._settings_path),
            ],
        ]
        try:
            done = run_to_end(command, self.data_dir, _FORMAT_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise LocalKafkaError(f"Apache Kafka did not format its folder within {_FORMAT_SECONDS:.0f} s.") from error
        if done.returncode != 0:
            raise LocalKafkaError(f"Apache Kafka could not format its folder:\n{last_lines(done.stdout)}")

    def _spawn(self, java: str, jars: Path) -> None:
        options = [f"-Xms{min(self._heap_mb, 256)}m", f"-Xmx{self._heap_mb}m", "-Djava.awt.headless=true"]
        if not self._steady:
            options.append(_COMPILE_QUICKLY)
        if self._archive_to is not None:
            options.append(f"-XX:ArchiveClassesAtExit={self._archive_to}")
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._java_command(java, jars, *options), "kafka.Kafka", str(self._settings_path)],
                cwd=self.data_dir,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._watchdog = Watchdog(self._process.pid)
        self._owner = os.getpid()
        atexit.register(self._kill_at_exit)

    def _wait_until_answering(self, deadline: float) -> None:
        """Wait until the broker takes connections, then until its metadata names it as a live broker."""
        assert self._ports is not None
        address = (HOST, self._ports[0])
        while True:
            self._check_progress(deadline)
            try:
                socket.create_connection(address, timeout=1.0).close()
            except OSError:
                time.sleep(_POLL_SECONDS)
            else:
                break
        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})
        while True:
            self._check_progress(deadline)
            with contextlib.suppress(KafkaException):
                if admin.list_topics(timeout=1.0).brokers:
                    return
            time.sleep(_POLL_SECONDS)

    def _check_progress(self, deadline: float) -> None:
        assert self._process is not None
        code = self._process.poll()
        if code is not None:
            raise LocalKafkaError(f"Apache Kafka died while starting (exit {code}):\n{self.log_tail()}")
        if time.monotonic() > deadline:
            raise LocalKafkaError(f"Apache Kafka did not answer in time:\n{self.log_tail()}")

    def _log_since(self, offset: int) -> str:
        with self.log_path.open("rb") as log:
            log.seek(offset)
            return log.read().decode(errors="replace")

    def _release(self) -> None:
        """Forget a broker that has gone. The watchdog goes too, lest it kill another process that got the same id."""
        if self._watchdog is not None:
            self._watchdog.dismiss()
            self._watchdog = None
        self._process = None
        atexit.unregister(self._kill_at_exit)

    def _kill_at_exit(self) -> None:
        if os.getpid() == self._owner:  # a forked child inherits the hook, but not the broker
            self.kill()


@click.command()
@click.option("--data-dir", type=click.Path(path_type=Path), help="Keep the data here, not in a temporary folder.")
@click.option("--port", type=click.IntRange(1, 65_535), default=9092, show_default=True, help="The broker's port.")
@click.option("--heap-mb", type=click.IntRange(min=128), default=512, show_default=True, help="Java's heap.")
def main(data_dir: Path | None, port: int, heap_mb: int) -> None:
    """Keep a single-node Apache Kafka running in the foreground, until Ctrl-C.

    Example: python -m pipeline.devtools.kafka --data-dir ./kafka-data --port 9092
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.ExitStack() as stack:
        folder = data_dir or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kafka-")))
        check_free(folder, port)
        broker = LocalKafka(folder, heap_mb=heap_mb, port=port, steady=True)
        try:
            stack.enter_context(broker)
        except LocalKafkaError as error:
            raise click.ClickException(str(error)) from error
        click.echo(
            f"Apache Kafka {KAFKA_VERSION} answers at {broker.bootstrap_servers}, data in {folder}; Ctrl-C stops it."
        )
        with contextlib.suppress(KeyboardInterrupt):
            while broker.running:
                time.sleep(0.5)
            raise click.ClickException(f"Apache Kafka has stopped by itself:\n{broker.log_tail()}")
    click.echo("Apache Kafka has stopped.")


if __name__ == "__main__":
    main()
