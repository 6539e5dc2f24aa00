"""Pages as people see them: opened in a real, headless Chromium."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from tests.support.missing import program

_QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


def chromium() -> str:
    """The browser. Without one a test stands aside; where CI=true it fails."""
    return program("chromium", "chromium", "chromium-browser", "google-chrome")


def browse(url: str, *arguments: str) -> str:
    """Opens a page and answers what Chromium prints, its own log on standard error aside."""
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run(
            [chromium(), *_QUIET, f"--user-data-dir={profile}", *arguments, url],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
    return done.stdout


def dom(url: str) -> str:
    """The page's elements after its scripts ran."""
    return browse(url, "--dump-dom")


def screenshot(url: str, target: Path, width: int = 1280, height: int = 1000) -> Path:
    """The page as a PNG."""
    browse(url, f"--screenshot={target}", f"--window-size={width},{height}")
    assert target.stat().st_size > 5_000, "the page is empty"
    return target
