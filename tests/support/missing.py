"""What a test needs and the machine may not have."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def stand_aside(message: str) -> NoReturn:
    """Skips the test and says why; where CI=true its need is no excuse, and it fails."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{message}; CI must have it")
    pytest.skip(message)


def program(name: str, package: str, *others: str) -> str:
    """Path of an installed program, which may have `others` for names; without one the test stands aside."""
    found = next((path for path in map(shutil.which, (name, *others)) if path is not None), None)
    return found or stand_aside(f"{name} is not installed (Debian: apt-get install {package})")
