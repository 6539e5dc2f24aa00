"""The product installed as a user has it: from a wheel, in an environment of its own, outside any checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
_OFFLINE = ["--no-deps", "--no-build-isolation", "--no-index"]


def wheel(home: Path) -> Path:
    """Builds a wheel of the product in a folder, as `make release` does."""
    # From a copy: a build leaves a folder behind, whose stale files the next wheel would carry.
    source = home / "source"
    for folder in ("rules", "topics", "pipeline"):
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    dated = {**os.environ, "SOURCE_DATE_EPOCH": "1764288000"}
    subprocess.run([*_PIP, "wheel", *_OFFLINE, "--wheel-dir", home / "wheels", source], check=True, env=dated)
    (made,) = (home / "wheels").glob("*.whl")
    return made


def install(home: Path) -> Path:
    """Installs the product in a fresh environment; returns its console script."""
    venv.create(home / "venv", with_pip=False)
    python = home / "venv" / "bin" / "python"
    subprocess.run([*_PIP, "--python", python, "install", *_OFFLINE, wheel(home)], check=True)
    # The dependencies are those that the lock file names, which this environment already has.
    dependencies = next(Path(entry) for entry in sys.path if entry.endswith("site-packages"))
    site = next((home / "venv").glob("lib/python*/site-packages"))
    (site / "dependencies.pth").write_text(f"{dependencies}\n", "utf-8")
    return home / "venv" / "bin" / "screening"


def run(script: Path, *arguments: str, within: float = 60) -> subprocess.CompletedProcess[str]:
    """Runs an installed program in its own folder, without any setting of the surroundings."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SCREENING_", "PYTHON"))}
    return subprocess.run(
        [script, *arguments], cwd=script.parent, env=clean, capture_output=True, text=True, check=False, timeout=within
    )
