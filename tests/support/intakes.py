"""Processes of the intake as operators run them."""

from __future__ import annotations

from tests.support.workers import Crew, WorkerProcess


class IntakeProcess(WorkerProcess):
    """One `screening intake --live`."""

    command = "intake --live"


class Intakes(Crew):
    """The processes of one test."""

    def start(self, **settings: object) -> IntakeProcess:
        """Starts a process."""
        log = self._folder / f"intake-{len(self.all)}.log"
        made = IntakeProcess(self._cluster, log, **settings)
        self.all.append(made)
        return made
