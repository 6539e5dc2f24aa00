"""What a process that looks back shows at `/`."""

from __future__ import annotations

from pipeline.telemetry.reconcile_metrics import ReconcileMetrics
from pipeline.web.app import Check
from pipeline.web.status_page import Listing, StatusPage, Tile, count, duration
from rules.packs.pack_set import PackSet
from rules.vocabulary import Reason
from rules.wording.explanation import reason_name

_KINDS = {
    "claw_back": ("追回", "claw back"),
    "release": ("补付", "release"),
    "to_review": ("转人工复核", "to review"),
    "ground_changed": ("理由变更", "another ground"),
}
_REASONS = {str(reason): reason_name(reason) for reason in Reason}

_TILES = (
    Tile(("更正", "revisions"), count("screening_reconcile_revisions")),
    Tile(("重新判定", "claims judged again"), count("screening_reconcile_judged_total")),
    Tile(("超限待确认", "held: more than allowed"), count("screening_reconcile_held_revisions")),
    Tile(("失败后重试", "failed and tried again"), count("screening_reconcile_failures_total")),
    Tile(("回看用时中位", "median time of a look back"), duration("screening_reconcile_pass_seconds", 0.5)),
)
_LISTINGS = (
    Listing(("更正类别", "Revisions by kind"), "screening_reconcile_revisions", "kind", _KINDS),
    Listing(("更正原因", "Revisions by cause"), "screening_reconcile_revisions", "cause", _REASONS),
)


def status_page(metrics: ReconcileMetrics, ready: Check, version: str, packs: PackSet) -> StatusPage:
    """The page of a process that looks back."""
    return StatusPage(
        metrics.registry,
        ready,
        title=("回看复核", "Looking back"),
        version=version,
        packs=packs,
        tiles=_TILES,
        listings=_LISTINGS,
    )
