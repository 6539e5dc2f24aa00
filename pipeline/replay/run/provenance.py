"""What a replay rests on: inputs, packs, settings and code, each with its digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline.inputs.files import InputFile, fingerprint
from pipeline.inputs.mapping import Mapping
from pipeline.replay.knowledge.register import Clock
from rules.packs.pack import Pack
from rules.packs.pack_set import PackSet

_CODE = ("rules", "topics", "pipeline")
_SUFFIXES = (".py", ".yaml", ".j2")


def code_files() -> Iterator[tuple[str, Path]]:
    """The product's own modules, rule packs and templates: everything that a replay and its report are made by."""
    for package in _CODE:
        root = Path(str(resources.files(package)))
        for path in sorted(root.rglob("*")):
            if path.suffix in _SUFFIXES and "__pycache__" not in path.parts:
                yield f"{package}/{path.relative_to(root).as_posix()}", path


@cache
def code_digest() -> str:
    """SHA-256 over `code_files`, so that a changed line of code is a different replay."""
    digest = hashlib.sha256()
    for name, path in code_files():
        digest.update(f"{name}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def pack_record(pack: Pack) -> dict[str, Any]:
    """A pack as provenance: its name on the wire and the digest of everything that it says, comments left out."""
    said = pack.model_dump_json(by_alias=True)
    return {"pack": pack.name, "sha256": hashlib.sha256(said.encode()).hexdigest()}


def describe(
    inputs: Sequence[InputFile],
    events: Path,
    mapping: Mapping,
    packs: PackSet,
    other: PackSet | None,
    changes: Sequence[str],
    clock: Clock,
) -> dict[str, Any]:
    """Everything that the outputs follow from. Two replays with equal descriptions write equal bytes."""
    said = mapping.model_dump_json()
    return {
        "inputs": [
            {"name": file.name, "bytes": file.size, "sha256": fingerprint(file.path), "encoding": file.encoding}
            for file in inputs
        ],
        "events": {"name": events.name, "bytes": events.stat().st_size, "sha256": fingerprint(events)},
        "mapping": {"name": mapping.name, "sha256": hashlib.sha256(said.encode()).hexdigest()},
        "packs": [pack_record(pack) for pack in (*packs.packs, *packs.subjects)],
        "other_packs": None if other is None else [pack_record(pack) for pack in (*other.packs, *other.subjects)],
        "holidays": {"sha256": packs.holidays.digest},
        "changes": list(changes),
        "clock": {"mode": clock.mode.value, "day": None if clock.day is None else clock.day.isoformat()},
        "code": {"version": version("claims-screening"), "sha256": code_digest()},
    }
