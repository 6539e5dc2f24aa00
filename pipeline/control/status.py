"""What the control plane shows at `/`."""

from __future__ import annotations

from pipeline.telemetry.control_metrics import ControlMetrics
from pipeline.web.app import Check
from pipeline.web.status_page import Listing, StatusPage, Tile, count, duration, per_second
from rules.packs.pack_set import PackSet

_OUTCOMES = {
    "accepted": ("已接受", "accepted"),
    "repeated": ("重复", "repeated"),
    "forwarded": ("已转交其分区", "forwarded"),
}
_PHASES = {
    "raised": ("产生", "raised"),
    "due": ("今日到期", "due"),
    "missed": ("逾期", "missed"),
    "lapsed": ("权利未行使", "lapsed"),
    "withdrawn": ("撤回", "withdrawn"),
}

_TILES = (
    Tile(("事件/秒（近1分钟）", "events a second (last minute)"), per_second("screening_control_events_total")),
    Tile(("已处理事件", "events since the start"), count("screening_control_events_total")),
    Tile(("已发布资格状态", "standings published"), count("screening_control_standings_published_total")),
    Tile(("通知", "notices published"), count("screening_control_notices_total")),
    Tile(("待到期档案", "dossiers that wait for a day"), count("screening_control_timers")),
    Tile(("矛盾", "contradictions told"), count("screening_control_flags_total")),
    Tile(("死信", "dead letters"), count("screening_control_dead_letters_total")),
    Tile(("上次恢复用时", "last recovery took"), duration("screening_control_recovery_seconds")),
)

_LISTINGS = (
    Listing(("事件", "Events"), "screening_control_events_total", "type", {}),
    Listing(("结果", "Outcomes"), "screening_control_events_total", "outcome", _OUTCOMES),
    Listing(("通知阶段", "Notices by phase"), "screening_control_notices_total", "phase", _PHASES),
    Listing(("通知事项", "Notices by duty"), "screening_control_notices_total", "kind", {}),
    Listing(("案件操作", "Actions on cases"), "screening_control_case_actions_total", "action", {}),
    Listing(("死信", "Dead letters"), "screening_control_dead_letters_total", "error", {}),
)


def status_page(metrics: ControlMetrics, ready: Check, packs: PackSet, version: str) -> StatusPage:
    """The page of a process of the control plane."""
    return StatusPage(
        metrics.registry,
        ready,
        title=("医师台账", "Control plane"),
        version=version,
        packs=packs,
        tiles=_TILES,
        listings=_LISTINGS,
    )
