"""The audit, asked as the tests ask it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pipeline.audit.findings import KINDS, Part
from pipeline.audit.run import run_audit
from tests.support.cluster import Cluster

TODAY = dt.date(2023, 9, 1)
"""The day of every audit that is not about days."""


def audit(cluster: Cluster, part: Part, *, on: dt.date = TODAY, **settings: Any) -> dict[str, Any]:
    """What the audit of one part says."""
    told = run_audit(cluster.settings(**settings), part, on, lambda _what, _number: None).as_json()
    assert {item["kind"] for item in told["differences"]} <= {kind for kinds in KINDS.values() for kind in kinds}
    return told


def named(told: dict[str, Any]) -> str:
    """Its differences, a line each."""
    return "\n".join(f"{item['kind']}: {item['where']}: {item['detail']}" for item in told["differences"])


def figures(told: dict[str, Any], part: str) -> dict[str, int]:
    """The figures of a part, over all partitions."""
    rows = [row for row in told["figures"] if row["part"] == part]
    return {name: sum(row[name] for row in rows) for name in rows[0] if name not in ("part", "what")}
