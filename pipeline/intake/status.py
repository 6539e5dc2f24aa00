"""What the intake shows at `/`."""

from __future__ import annotations

from pipeline.telemetry.intake_metrics import IntakeMetrics
from pipeline.web.app import Check
from pipeline.web.status_page import Listing, StatusPage, Tile, count, duration, per_second

_OUTCOMES = {
    "used": ("已采用", "used"),
    "joined": ("与请求合并", "joined with its request"),
    "waiting": ("等待另一半", "waits for its other half"),
    "repeated": ("重复", "says nothing new"),
    "answer": ("仅应答", "says only that all went well"),
    "passed": ("无关交易", "of other transactions"),
    "failed": ("交易失败", "of refused transactions"),
    "sent_on": ("已转交其分区", "sent on to its partition"),
    "set_aside": ("死信", "set aside"),
}
_KINDS = {
    "first": ("首次", "first"),
    "version": ("更正版本", "later versions"),
    "refund": ("退费", "refunds"),
}

_TILES = (
    Tile(("报文/秒（近1分钟）", "messages a second (last minute)"), per_second("screening_intake_messages_total")),
    Tile(("已处理报文", "messages since the start"), count("screening_intake_messages_total")),
    Tile(("待处理报文", "messages that wait"), count("screening_intake_lag_records")),
    Tile(("已生成理赔", "claims written"), count("screening_intake_claims_total")),
    Tile(("未见就诊", "claims without their visit"), count("screening_intake_visit_not_seen_total")),
    Tile(("保存的就诊", "visits and messages known"), count("screening_intake_states")),
    Tile(("死信", "dead letters"), count("screening_intake_dead_letters_total")),
    Tile(("提交用时中位", "median time of a commit"), duration("screening_intake_commit_seconds", 0.5)),
)

_LISTINGS = (
    Listing(("报文", "Messages"), "screening_intake_messages_total", "outcome", _OUTCOMES),
    Listing(("理赔", "Claims"), "screening_intake_claims_total", "kind", _KINDS),
    Listing(("未知医疗类别", "Unknown visit classes"), "screening_intake_encounter_unknown_total", "code", {}),
    Listing(("无关交易", "Other transactions"), "screening_intake_passed_total", "infno", {}),
    Listing(("疑点", "Doubts"), "screening_intake_doubts_total", "doubt", {}),
    Listing(("死信", "Dead letters"), "screening_intake_dead_letters_total", "error", {}),
)


def status_page(metrics: IntakeMetrics, ready: Check, version: str) -> StatusPage:
    """The page of a process of the intake."""
    return StatusPage(
        metrics.registry,
        ready,
        title=("报文接入", "Intake"),
        version=version,
        packs=None,
        tiles=_TILES,
        listings=_LISTINGS,
    )
