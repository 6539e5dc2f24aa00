"""Says what a release is made of and what is known against it. Exit code 1: a dependency is known to be unsafe."""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(folder: Path, code: int) -> int:
    """Reads what the tools left in `folder`; `code` is the exit code of pip-audit."""
    parts = json.loads((folder / "sbom.cdx.json").read_text("utf-8"))["components"]
    for wheel in folder.glob("*.whl"):
        print(f"{wheel}: {wheel.stat().st_size / 1024:,.0f} KiB")
    print(f"{folder / 'sbom.cdx.json'}: {len(parts)} components")
    audit = folder / "audit.json"
    found = json.loads(audit.read_text("utf-8"))["dependencies"] if audit.is_file() else []
    asked = [one for one in found if "skip_reason" not in one]
    unsafe = [(one["name"], weak["id"]) for one in asked for weak in one["vulns"]]
    if not asked:
        print(
            "no advisory service could be asked: the dependencies are NOT audited; run this again with network access"
        )
        return 0
    print(f"{len(asked)} of {len(found)} dependencies audited, {len(unsafe)} known to be unsafe")
    for name, advisory in unsafe:
        print(f"  {name}: {advisory}")
    return 1 if unsafe or code not in (0, 1) else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
