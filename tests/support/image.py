"""The image, built and run without a container engine: Debian's buildah in a chroot, on a base that Debian's archive provides.

The base of the Dockerfile is not to be had on every machine. In its place stands one of the same Python from the same
distribution, made of Debian's packages by mmdebstrap. What is built upon it is the Dockerfile as it is.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster import Cluster
from tests.support.missing import program
from tests.support.workers import WorkerProcess

ROOT = Path(__file__).parents[2]
BASE = "docker.io/library/python:3.11-slim-bookworm"
"""The base as the Dockerfile names it."""
USER = 10001
PACKAGES = "python3,python3-venv,ca-certificates,binutils,coreutils,dash,bash,libc-bin,tzdata"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


def run(*command: str | Path, within: float = 900) -> str:
    """Runs a command to its end; returns what it printed."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=within
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


class Image:
    """One target of the Dockerfile, built, and a container of it in which commands run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._buildah = [
            program("buildah", "buildah"), "--root", str(folder / "store"), "--runroot", str(folder / "run"),
            "--storage-driver", "vfs",
        ]  # fmt: skip
        self._container = ""

    def _tell(self, *command: str | Path) -> str:
        return run(*self._buildah, *command).strip()

    def build(self, target: str) -> None:
        """Builds a target of the Dockerfile and makes a container of it."""
        if os.geteuid():
            pytest.fail("the image can be built by root alone: buildah isolates by chroot, which needs no engine")
        self._lay_base()
        cache = run("python3", "-m", "pip", "cache", "dir").strip()
        Path(cache).mkdir(parents=True, exist_ok=True)
        self._tell(
            "bud", "--format", "docker", "--pull-never", "--isolation", "chroot", "--network", "host", "--target", target,
            "--volume", f"{cache}:/root/.cache/pip", "--tag", f"screening:{target}", "--file", ROOT / "docker" / "Dockerfile", ROOT,
        )  # fmt: skip
        self._container = self._tell("from", "--pull-never", f"localhost/screening:{target}")

    def _lay_base(self) -> None:
        base = self.folder / "base"
        maker = program("mmdebstrap", "mmdebstrap")
        run(maker, "--quiet", "--variant=extract", f"--include={PACKAGES}", "bookworm", base)
        (base / "usr/bin/python").symlink_to("python3.11")
        for name in ("proc", "sys", "dev", "etc/ssl/certs"):
            (base / name).mkdir(parents=True, exist_ok=True)
        # What packages do when they are installed was not done: the certificates are this machine's.
        (base / CERTIFICATES.relative_to("/")).write_bytes(CERTIFICATES.read_bytes())
        (base / "etc/pip.conf").write_text(f"[global]\ncert = {CERTIFICATES}\n", "ascii")
        made = self._tell("from", "scratch")
        self._tell("add", "--quiet", made, base, "/")
        self._tell("commit", "--quiet", "--rm", made, BASE)

    @property
    def configuration(self) -> dict[str, Any]:
        """What the image says of itself: user, environment, health check, entry point."""
        told = json.loads(self._tell("inspect", self._container))
        found: dict[str, Any] = told["Docker"]["config"]
        return found

    @property
    def root(self) -> Path:
        """Where the container's files are to be seen."""
        return Path(self._tell("mount", self._container))

    @property
    def bytes(self) -> int:
        """How large the image is when it is unpacked."""
        files = (path for path in self.root.rglob("*") if not path.is_symlink() and path.is_file())
        return sum(path.stat().st_size for path in files)

    def command(
        self, command: Sequence[str], settings: Mapping[str, object] | None = None, files: Path | None = None
    ) -> list[str]:
        """How a command runs in the container: no privileges, the user of the image; `files` is seen at /files."""
        given = [f"--env=SCREENING_{name.upper()}={value}" for name, value in (settings or {}).items()]
        shown = [] if files is None else ["--volume", f"{files}:/files"]
        return [
            *self._buildah, "run", "--isolation", "chroot", "--network", "host", "--cap-drop", "all", *given, *shown,
            self._container, "--", *command,
        ]  # fmt: skip

    def screening(
        self, *arguments: str, files: Path | None = None, **settings: object
    ) -> subprocess.CompletedProcess[str]:
        """Runs `screening ARGUMENTS` in the container to its end."""
        entry = self.configuration["Entrypoint"]
        return subprocess.run(
            self.command([*entry, *arguments], settings, files), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False, timeout=300,
        )  # fmt: skip

    def process(self, name: str, cluster: Cluster, **settings: object) -> ImageProcess:
        """Starts a process of the product in the container."""
        return ImageProcess(self, name, cluster, self.folder / f"{name}.log", settings)

    def remove(self) -> None:
        """Removes containers and images, which are plain folders, and a gigabyte."""
        shutil.rmtree(self.folder / "store")
        shutil.rmtree(self.folder / "base")


def _started_by(task: Path) -> list[str]:
    """The processes that a thread started; none when it has just ended."""
    try:
        return (task / "children").read_text("ascii").split()
    except FileNotFoundError:
        return []


class ImageProcess(WorkerProcess):
    """A process that runs from the image, watched as one of the checkout is."""

    def __init__(self, image: Image, command: str, cluster: Cluster, log: Path, settings: Mapping[str, object]) -> None:
        self.command = command
        self.log = log
        self._events: list[dict[str, Any]] = []
        self._read = 0
        self.settings = {
            "bootstrap_servers": cluster.bootstrap, "metrics_port": 0, "metrics_host": "127.0.0.1", **settings,
        }  # fmt: skip
        words = [*image.configuration["Entrypoint"], *command.split()]
        with log.open("wb") as out:
            self._outer = subprocess.Popen(
                image.command(words, self.settings), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
            )
        self._process = self._outer  # type: ignore[assignment]  # both are asked in the same words

    @property
    def pid(self) -> int:
        """Process id of the product's process: the innermost of those that buildah started."""
        found = self._outer.pid
        while children := [one for task in Path(f"/proc/{found}/task").iterdir() for one in _started_by(task)]:
            found = int(children[0])
        return found

    def terminate(self, within: float = 60.0) -> int:
        """SIGTERM, as an orchestrator stops a container. Returns its exit code."""
        if self.exit_code is None:
            os.kill(self.pid, signal.SIGTERM)
        return self.wait(within)
