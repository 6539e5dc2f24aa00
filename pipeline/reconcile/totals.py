"""The sums of all revisions, as metrics and pages show them. They follow from the topic, so a restart does not change them."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from pipeline.telemetry.gate_metrics import MOST_REGIONS
from pipeline.telemetry.reconcile_metrics import ReconcileMetrics
from topics.messages.revisions import ClaimRevision

_MOST_MONTHS = 36
"""Months of service counted by name, the newest; what lies before counts as `earlier`."""


@dataclass(slots=True)
class Totals:
    """Revisions by kind and cause, and by area, month of service and kind the money that they move to the fund (yuan)."""

    revisions: Counter[tuple[str, str]] = field(default_factory=Counter)
    to_fund: dict[tuple[str, str, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def add(self, revision: ClaimRevision) -> ClaimRevision:
        """Counts a revision, and gives it back."""
        # A release has no ground of its own: what caused it is that the earlier one fell away.
        cause = revision.earlier.reason if revision.kind == "release" else revision.new.reason
        self.revisions[revision.kind, cause.value] += 1
        if Decimal(revision.to_fund):
            self.to_fund[revision.area, f"{revision.service_date:%Y-%m}", revision.kind] += Decimal(revision.to_fund)
        return revision

    def show(self, metrics: ReconcileMetrics) -> None:
        """Sets the metrics to these sums."""
        for (kind, cause), number in self.revisions.items():
            metrics.revisions.labels(kind, cause).set(number)
        newest = set(sorted({month for _, month, _ in self.to_fund})[-_MOST_MONTHS:])
        known = set(sorted({area for area, _, _ in self.to_fund})[:MOST_REGIONS])
        shown: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
        for (area, month, kind), amount in self.to_fund.items():
            shown[area if area in known else "other", month if month in newest else "earlier", kind] += amount
        metrics.to_fund.clear()
        for labels, amount in shown.items():
            metrics.to_fund.labels(*labels).set(float(amount))
