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

README = ROOT / "pipeline" / "replay" / "README.md"
CLAIMS = "../shared/data/claims.parquet"
FENCE = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def steps() -> list[tuple[str, list[str]]]:
    """Every block of commands with the lines that the document shows as their outcome."""
    found: list[tuple[str, list[str]]] = []
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


@pytest.mark.shared
def test_every_command_of_the_walk_through_does_what_the_document_says(shared: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (tmp_path / "shared").symlink_to(shared, target_is_directory=True)
    shutil.copytree(ROOT / "rules" / "packs", checkout / "rules" / "packs")
    (checkout / ".venv").symlink_to(Path(os.environ.get("VIRTUAL_ENV") or ROOT / ".venv"), target_is_directory=True)
    blocks = steps()
    assert len(blocks) == 6
    # Steps 3 and 4 ask the same question in two ways. Step 4 answers it for every claim, with the figures that step 3 shows as well.
    tenth = tmp_path / "tenth.parquet"
    pl.read_parquet(shared / "data" / "claims.parquet").gather_every(10).write_parquet(tenth)
    blocks[2] = (blocks[2][0].replace(CLAIMS, str(tenth)), [])
    blocks[3][1].extend(steps()[2][1])
    assert " --set " in blocks[2][0]
    assert " --compare " in blocks[3][0]
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
