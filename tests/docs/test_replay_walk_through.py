"""The walk-through of pipeline/replay/README.md, command by command: what a newcomer types and what the document says comes out."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import polars as pl
import pytest

from tests.conftest import ROOT
from tests.support.thorough import one_in

README = ROOT / "pipeline" / "replay" / "README.md"
CLAIMS, EVENTS = "../shared/data/claims.parquet", "walk/events.ndjson.gz"
Block = tuple[str, list[str]]
"""Commands, and the lines of what they print."""
FENCE = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def steps() -> list[Block]:
    """Every block of commands with the lines that the document shows as their outcome."""
    found: list[Block] = []
    for kind, block in FENCE.findall(README.read_text("utf-8")):
        if kind == "sh":
            found.append((block, []))
        else:
            found[-1][1].extend(block.splitlines())
    return found


def typed(command: str, checkout: Path) -> str:
    """What a command prints. `packs diff` exits 1 to say that two packs differ; every other one must exit 0."""
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=checkout,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
        env=os.environ | {"COLUMNS": "200"},
    )
    assert done.returncode == (" packs diff " in command), f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def shortened(blocks: list[Block], sample: Path, every: int, claims: Path) -> list[Block]:
    """Steps 2 and 3 over one claim in so many; what they show is then held against step 4, which asks both over every claim."""
    pl.read_parquet(claims).gather_every(every).write_parquet(sample)
    events = f"{sample}.events.ndjson.gz"
    first, today, six_months, compared, *others = blocks
    assert " --cases" in today[0]
    assert " --set " in six_months[0]
    assert compared[0].endswith(" --compare walk/packs\n")
    made = f".venv/bin/screening sample events-for {sample} {events} --seed 7\n"
    shown = [line.replace("walk/today/", "walk/compared/") for line in [*today[1], *six_months[1]]]
    return [
        (first[0] + made, first[1]),
        *((step.replace(CLAIMS, str(sample)).replace(EVENTS, events), []) for step, _ in (today, six_months)),
        (compared[0].rstrip("\n") + " --cases --no-report\n", compared[1] + shown),
        *others,
    ]


@pytest.mark.shared
def test_every_command_of_the_walk_through_does_what_the_document_says(shared: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (tmp_path / "shared").symlink_to(shared, target_is_directory=True)
    shutil.copytree(ROOT / "rules" / "packs", checkout / "rules" / "packs")
    (checkout / ".venv").symlink_to(Path(os.environ.get("VIRTUAL_ENV") or ROOT / ".venv"), target_is_directory=True)
    blocks = steps()
    assert len(blocks) == 6
    if (every := one_in(50)) > 1:
        blocks = shortened(blocks, tmp_path / "few.parquet", every, shared / "data" / "claims.parquet")
    for commands, expected in blocks:
        printed = "".join(typed(command, checkout) for command in commands.splitlines())
        shown = {" ".join(line.split()) for line in printed.splitlines()}
        for line in expected:
            wanted = " ".join(line.split())
            assert any(each.startswith(wanted) for each in shown), f"not printed: {line}\n{printed}"
    for name in ("walk/today/report.html", "walk/six-months/report.html", "walk/live/report.json"):
        assert (checkout / name).stat().st_size > 10_000


def test_the_readme_of_the_product_leads_to_the_walk_through() -> None:
    assert "pipeline/replay/README.md" in (ROOT / "README.md").read_text("utf-8")
