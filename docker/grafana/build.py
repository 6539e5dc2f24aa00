"""The dashboards, as code: `make docs` writes them to the folder that Grafana is given.

A panel is a title, a question in words, and expressions. What it shows is told in the module of its dashboard; how it looks is
decided once, in `panels`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from archive import ARCHIVE
from desk import DESK
from gate import GATE
from intake import INTAKE
from ledger import LEDGER
from looking_back import LOOKING_BACK
from panels import render
from precheck import PRECHECK
from replay_and_audit import REPLAY_AND_AUDIT
from supervision import SUPERVISION

FOLDER = Path(__file__).parent / "dashboards"
BOARDS = (GATE, LEDGER, INTAKE, PRECHECK, ARCHIVE, LOOKING_BACK, DESK, REPLAY_AND_AUDIT, SUPERVISION)


def main() -> None:
    """Writes every dashboard."""
    FOLDER.mkdir(exist_ok=True)
    for board in BOARDS:
        path = FOLDER / f"{board.uid.removeprefix('screening-')}.json"
        path.write_text(render(board), "utf-8")
        panels = json.loads(path.read_text("utf-8"))["panels"]
        sys.stdout.write(f"{path.name}: {len(panels)} panels and rows\n")


if __name__ == "__main__":
    main()
