"""The control plane in the demo: the process that production runs, on the embedded broker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import deque
from pathlib import Path

from pipeline.demo.embedded import CLIENT_CONFIG, DemoSettings

LOG = "control.log"
"""Its log, in the demo's folder."""
_STOP_S = 15.0
_LAST_LINES = 5


def last_lines(log: Path, most: int) -> list[str]:
    """The end of a log, without its line feeds; nothing if it was never begun."""
    if not log.exists():
        return []
    with log.open(encoding="utf-8", errors="replace") as stream:
        return [line.rstrip() for line in deque(stream, most)]


class ControlProcess:
    """`screening control` in a process of its own, until `stop`."""

    def __init__(self, settings: DemoSettings) -> None:
        self._log = Path(settings.data_dir) / LOG
        # The environment has no say here either.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SCREENING_")}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pipeline.cli", "control"],
                env={
                    **inherited,
                    "SCREENING_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
                    "SCREENING_KAFKA_CONFIG": json.dumps(CLIENT_CONFIG),
                    "SCREENING_METRICS_PORT": "0",
                    "SCREENING_DATA_DIR": str(settings.data_dir),
                    "SCREENING_CONTROL_STORE": "memory",
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def failure(self) -> str | None:
        """The end of its log if it has ended by itself."""
        if self._process.poll() in (None, 0):
            return None
        return "\n".join(last_lines(self._log, _LAST_LINES)).strip() or f"exit code {self._process.returncode}"

    def stop(self) -> None:
        """Asks it to leave; kills it when it does not."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
