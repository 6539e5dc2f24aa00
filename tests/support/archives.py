"""Processes of the archive as operators run them, and what their tables hold."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from deltalake import DeltaTable

from tests.support.waiting import wait_for
from tests.support.workers import Crew, WorkerProcess

QUICK = {"archive_batch_records": 100, "archive_flush_s": 0.2, "archive_tidy_s": 1.0, "archive_keep_hours": 0}
"""Settings by which a batch is soon full, and upkeep falls into the middle of the work."""


class ArchiveProcess(WorkerProcess):
    """One `screening archive`."""

    command = "archive"


class Archives(Crew):
    """The processes of one test; they share one archive."""

    @property
    def place(self) -> Path:
        """The archive's folder."""
        return self._folder / "archive"

    def start(self, **settings: object) -> ArchiveProcess:
        """Starts a process."""
        log = self._folder / f"archive-{len(self.all)}.log"
        made = ArchiveProcess(self._cluster, log, archive_url=self.place, **settings)
        self.all.append(made)
        return made

    def rows(self, table: str) -> pl.DataFrame:
        """All rows of a table; none where it is not there yet."""
        folder = self.place / table
        if not DeltaTable.is_deltatable(str(folder)):
            return pl.DataFrame()

        def read() -> list[pl.DataFrame]:
            try:
                return [pl.read_delta(str(folder))]
            except FileNotFoundError:
                return []  # joined and removed since the table was opened: `archive_keep_hours` is 0 here

        return wait_for("the table is read while its files stay", read)[0]
