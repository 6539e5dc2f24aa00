"""The output folder of a replay: begun, interrupted, taken up again, complete; never a mixture of two runs.

Each slice leaves its tables and then, last, a note of what it came to. A slice with a note is done; whatever else of it there is
is written again. The notes live below `.replay`, which is removed when the run is complete.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.inputs.identity import repeated
from pipeline.replay.errors import ReplayError
from pipeline.replay.files import write_json, write_table
from pipeline.replay.output import DIFFERENCES_SCHEMA, REJECTED_SCHEMA, REPEATED_SCHEMA
from pipeline.replay.run.writing import tally

_MADE = (
    ".replay",
    "verdicts",
    "other",
    "rejected-input.parquet",
    "repeated-claims.parquet",
    "standings.parquet",
    "institutions.parquet",
    "unusable-events.parquet",
    "run.json",
    "timing.json",
    "report.json",
    "report.html",
    "cases.ndjson.gz",
    "differences.parquet",
)
"""What a replay makes. Nothing else is ever removed."""

_COPIED = {"input", "recorded", "capture.json"}
"""What a copied range of a topic (`pipeline.replay.proof.capture`) has put there before the replay begins, and keeps itself."""

_KEYS = {"inputs", "events", "packs", "clock", "code"}
"""What tells the description of a replay from any other file of that name."""


class Folder:
    """One run's folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._state = root / ".replay"
        self._run = root / "run.json"
        self._manifest = self._state / "manifest.json"

    def open(self, description: dict[str, Any], *, resume: bool) -> bool:
        """Makes the folder ready for a run. Returns True when it holds this very run, complete.

        Raises ReplayError when it holds another run, or something that is no replay at all.
        """
        if not resume:
            self._clear()
        copied = [name for name in sorted(_COPIED) if (self.root / name).exists()]
        if copied and "capture" not in description:
            if resume:
                raise ReplayError(
                    f"{self.root}: holds a range of a topic; give another --out, or --no-resume to replace it"
                )
            self._remove(copied)
        found = self._described()
        if found is None:
            if self.root.exists() and any(path.name not in _COPIED for path in self.root.iterdir()):
                raise ReplayError(f"{self.root}: is not empty and holds no replay; give another --out")
            self._state.mkdir(parents=True)
            write_json(self._manifest, description)
            return False
        different = [name for name in description if found.get(name) != description[name]]
        if different:
            state = "a complete" if self._run.exists() else "an unfinished"
            raise ReplayError(
                f"{self.root}: holds {state} replay that differs in {', '.join(different)}; "
                "give another --out, or --no-resume to replace it"
            )
        return self._run.exists() and not self._state.exists()

    def _described(self) -> dict[str, Any] | None:
        for path in (self._manifest, self._run):
            if path.exists():
                try:
                    read = json.loads(path.read_text("utf-8"))
                except ValueError:
                    return None
                return read if isinstance(read, dict) and read.keys() >= _KEYS else None
        return None

    def _clear(self) -> None:
        if self._described() is None:
            return
        self._remove(_MADE)

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            path = self.root / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def part(self, number: int, *, other: bool = False) -> Path:
        """Where the verdicts of a slice go."""
        return (self.root / "other" if other else self.root) / "verdicts" / f"part-{number:05d}.parquet"

    def rejected(self, number: int) -> Path:
        """Where the refused rows of a slice wait."""
        return self._state / f"rejected-{number:05d}.parquet"

    def note(self, number: int) -> dict[str, Any] | None:
        """What a slice came to; None when it is not done."""
        path = self._state / f"note-{number:05d}.json"
        return json.loads(path.read_text("utf-8")) if path.exists() else None

    def finish_part(self, number: int, note: dict[str, Any]) -> None:
        """Notes that a slice is done; its tables must be there."""
        write_json(self._state / f"note-{number:05d}.json", note)

    def notes(self) -> Iterator[dict[str, Any]]:
        """The notes of all slices, in order."""
        for path in sorted(self._state.glob("note-*.json"), key=lambda path: int(path.stem.partition("-")[2])):
            yield json.loads(path.read_text("utf-8"))

    def differences(self, number: int) -> Path:
        """Where the differences of a slice wait."""
        return self._state / f"differences-{number:05d}.parquet"

    def identities(self, number: int) -> Path:
        """Where the identities of a slice's claims wait."""
        return self._state / f"identities-{number:05d}.parquet"

    def leave_out_repeated(self) -> None:
        """Takes claims that do not stand out of the verdicts and writes them to repeated-claims.parquet with their reason.

        May be begun anew at any time: what is out already is found and counted again.
        """
        whole = repeated(self._numbered("identities"))
        parts = []
        for number, note in enumerate(self.notes()):
            first, end = note["first_row"], note["first_row"] + note["rows"]
            own = whole.filter(pl.col("row").is_between(first, end - 1))
            aside = self._state / f"repeated-{number:05d}.parquet"
            if own.is_empty():
                continue
            for other in (False, True):
                part = self.part(number, other=other)
                if not part.exists():
                    continue
                verdicts = pl.read_parquet(part)
                out = verdicts.join(own, left_on="source_row", right_on="row", how="inner", maintain_order="left")
                if not other and not aside.exists():
                    write_table(out.with_columns(file=pl.lit(note["file"])).select(*REPEATED_SCHEMA), aside)
                kept = verdicts.filter(~pl.col("source_row").is_in(own["row"].implode()))
                note["tallies"][int(other)] = tally(kept)
                if not other:
                    note["accepted"] = kept.height
                    note["reversals"] = int((kept["fund_amount"] < 0).sum())
                if kept.height < verdicts.height:
                    write_table(kept, part)
            note["repeated"] = dict(Counter(own["kind"]))
            self.finish_part(number, note)
            parts.append(aside)
        self._put_together(parts, REPEATED_SCHEMA, "repeated-claims.parquet")

    def merge_rejected(self) -> None:
        """Puts the refused rows of all slices into one table."""
        self._merge("rejected", REJECTED_SCHEMA, "rejected-input.parquet")

    def merge_differences(self) -> None:
        """Puts the differences of all slices into one table."""
        self._merge("differences", DIFFERENCES_SCHEMA, "differences.parquet")

    def _merge(self, kind: str, schema: dict[str, Any], name: str) -> None:
        self._put_together(self._numbered(kind), schema, name)

    def _numbered(self, kind: str) -> list[Path]:
        return sorted(self._state.glob(f"{kind}-*.parquet"), key=lambda path: int(path.stem.partition("-")[2]))

    def _put_together(self, parts: list[Path], schema: dict[str, Any], name: str) -> None:
        whole = pl.concat([pl.scan_parquet(path) for path in parts]) if parts else pl.LazyFrame(schema=schema)
        whole.sink_parquet(self.root / name, compression="zstd", maintain_order=True)

    def finish(self, record: dict[str, Any]) -> None:
        """Writes run.json, and only then drops the state: from here on the run is complete."""
        write_json(self._run, record)
        shutil.rmtree(self._state)

    def read_run(self) -> dict[str, Any]:
        """The record of the complete run."""
        read: dict[str, Any] = json.loads(self._run.read_text("utf-8"))
        return read
