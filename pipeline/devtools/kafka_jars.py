"""What the local Kafka runs on: Apache Kafka's own jars, which Maven fetches once into a cache folder, and Java 17."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

KAFKA_VERSION = "4.3.1"
JARS_VARIABLE = "SCREENING_KAFKA_JARS"
MINIMUM_JAVA = 17

_HERE = Path(__file__).resolve().parent
_POM = "pom.xml"
_MAVEN_SECONDS = 600.0
_LOG_TAIL_LINES = 40


class LocalKafkaError(RuntimeError):
    """The local Kafka could not be fetched, started or reached; the message says what to do about it."""


def default_jars_dir() -> Path:
    """Where the jars are kept: the environment's choice, else the checkout's cache, else the user's."""
    chosen = os.environ.get(JARS_VARIABLE)
    if chosen:
        return Path(chosen)
    checkout = _HERE.parent.parent
    if (checkout / "pyproject.toml").is_file():
        return checkout / ".cache" / f"kafka-{KAFKA_VERSION}"
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "claims-screening" / f"kafka-{KAFKA_VERSION}"


def ensure_jars(cache_dir: Path | None = None) -> Path:
    """Return the folder that holds Kafka's jars, fetching them with Maven when they are not there yet.

    The folder appears whole or not at all: the jars are fetched into a folder beside it which is then renamed, under a
    lock, so that processes that start together fetch once.

    Raises:
        LocalKafkaError: when Maven is missing or could not fetch the jars.
    """
    jars = (cache_dir or default_jars_dir()).absolute()
    if _complete(jars):
        return jars
    jars.parent.mkdir(parents=True, exist_ok=True)
    with locked(jars.with_name(jars.name + ".lock")):
        if not _complete(jars):
            _fetch(jars)
    return jars


def class_archive(jars: Path) -> Path:
    """Where Java keeps the classes that a broker loads, for this very Java and these jars; the file may be missing."""
    return jars / f"classes-{hashlib.sha256(_java_version().encode()).hexdigest()[:12]}.jsa"


FEATURES = "bootstrap.checkpoint"
"""The file in a formatted folder that says which features its cluster begins with."""


def formatted(jars: Path) -> Path:
    """Where the features that Kafka writes into a new folder are kept, the same for every folder; the file may be missing."""
    return jars / "formatted.checkpoint"


def _complete(jars: Path) -> bool:
    return (jars / f"kafka_2.13-{KAFKA_VERSION}.jar").is_file()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock between processes; the system drops it when the holder dies."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _fetch(jars: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise LocalKafkaError(
            "Maven is needed to fetch Apache Kafka and 'mvn' was not found: "
            "install Maven (Debian: apt-get install maven), "
            f"or point {JARS_VARIABLE} at a folder that holds the jars of Kafka {KAFKA_VERSION}."
        )
    work = Path(tempfile.mkdtemp(prefix=f".{jars.name}-", dir=jars.parent))
    try:
        shutil.copyfile(_HERE / _POM, work / _POM)
        command = [maven, "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={work / 'jars'}"]
        try:
            done = run_to_end(command, work, _MAVEN_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise LocalKafkaError(f"Maven did not fetch Apache Kafka within {_MAVEN_SECONDS:.0f} s.") from error
        if done.returncode != 0 or not _complete(work / "jars"):
            raise LocalKafkaError(
                f"Maven could not fetch Apache Kafka {KAFKA_VERSION} (exit {done.returncode}):\n"
                f"{last_lines(done.stdout)}"
            )
        if jars.exists():  # an incomplete folder that somebody made: out of the way, then gone with the work folder
            jars.rename(work / "incomplete")
        (work / "jars").rename(jars)
    finally:
        shutil.rmtree(work, ignore_errors=True)


@functools.cache
def _java_version() -> str:
    """What Java says of itself, empty when it is not there."""
    java = _java()
    if java is None:
        return ""
    return subprocess.run([java, "-version"], capture_output=True, text=True, errors="replace", check=False).stderr


def _java() -> str | None:
    home = os.environ.get("JAVA_HOME")
    candidates = [str(Path(home) / "bin" / "java")] if home else []
    return next((found for name in [*candidates, "java"] if (found := shutil.which(name))), None)


def find_java() -> str:
    """Return the Java to run Kafka with: JAVA_HOME's, else the PATH's.

    Raises:
        LocalKafkaError: when there is none, or it is older than Java 17.
    """
    advice = f"install Java {MINIMUM_JAVA} or newer (Debian: apt-get install openjdk-{MINIMUM_JAVA}-jre-headless)"
    java = _java()
    if java is None:
        raise LocalKafkaError(f"Java is needed to run Apache Kafka and 'java' was not found: {advice}.")
    shown = _java_version()
    match = re.search(r'version "(?:1\.)?(\d+)', shown)
    if match is None or int(match.group(1)) < MINIMUM_JAVA:
        first = shown.splitlines()[0] if shown else "an unknown version"
        raise LocalKafkaError(
            f"Apache Kafka {KAFKA_VERSION} needs Java {MINIMUM_JAVA}, but {java} is {first}: {advice}."
        )
    return java


def run_to_end(
    command: Sequence[str], folder: Path | None = None, seconds: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a program, in a folder where one is given; `stdout` has all that it said, errors too.

    Raises subprocess.TimeoutExpired when it takes longer than the seconds given.
    """
    return subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=seconds,
        check=False,
    )


def last_lines(text: str, count: int = _LOG_TAIL_LINES) -> str:
    """The end of a log, in which the cause of a failure usually stands."""
    return "\n".join(text.rstrip().splitlines()[-count:])
