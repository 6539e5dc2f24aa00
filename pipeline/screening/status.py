"""What the gate shows at `/`."""

from __future__ import annotations

from pipeline.telemetry.gate_metrics import GateMetrics
from pipeline.web.app import Check
from pipeline.web.status_page import Listing, StatusPage, Tile, count, duration, per_second
from rules.packs.pack_set import PackSet
from rules.text import Pair
from rules.vocabulary import Disposition, Reason
from rules.wording.explanation import reason_name
from rules.wording.labels import DISPOSITION
from topics.claims.codec import ClaimError

_REASONS = {str(reason): reason_name(reason) for reason in Reason}
_ERRORS: dict[str, Pair] = dict(
    zip(
        ClaimError.KINDS,
        (
            ("空值（墓碑）", "null value"),
            ("内容为空", "empty value"),
            ("过大", "too large"),
            ("非 UTF-8", "not UTF-8"),
            ("非 JSON", "not JSON"),
            ("嵌套过深", "nested too deeply"),
            ("非对象", "not an object"),
            ("字段重复", "a field stands twice"),
            ("缺字段", "a field is missing"),
            ("类型错误", "wrong type"),
            ("取值无效", "invalid value"),
        ),
        strict=True,
    )
)

_TILES = (
    Tile(("笔/秒（近1分钟）", "claims a second (last minute)"), per_second("screening_claims_total")),
    Tile(("已裁定", "judged since the start"), count("screening_claims_total")),
    Tile(("待裁定", "claims that wait"), count("screening_consumer_lag_records")),
    Tile(("时延中位（近1分钟）", "median latency (last minute)"), duration("screening_latency_seconds", 0.5)),
    Tile(("时延 p99（近1分钟）", "p99 latency (last minute)"), duration("screening_latency_seconds", 0.99)),
    Tile(("登记数据时龄", "age of the register"), duration("screening_standing_staleness_seconds")),
    Tile(("医师", "physicians known"), count("screening_standing_physicians")),
    Tile(("已开案", "cases opened"), count("screening_cases_total")),
    Tile(("死信", "dead letters"), count("screening_dead_letters_total")),
    Tile(("回滚事务", "transactions rolled back"), count("screening_transactions_aborted_total")),
)

_LISTINGS = (
    Listing(
        ("裁定", "Dispositions"), "screening_claims_total", "disposition", {str(d): DISPOSITION[d] for d in Disposition}
    ),
    Listing(("理由", "Reasons"), "screening_claims_total", "reason", _REASONS),
    Listing(("地区", "Regions"), "screening_claims_total", "region", {}),
    Listing(("死信", "Dead letters"), "screening_dead_letters_total", "error", _ERRORS),
    Listing(
        ("豁免所解除的情形", "Grounds lifted by an exemption"), "screening_exempted_claims_total", "ground", _REASONS
    ),
)


def status_page(metrics: GateMetrics, ready: Check, packs: PackSet, version: str) -> StatusPage:
    """The page of a worker."""
    return StatusPage(
        metrics.registry,
        ready,
        title=("理赔闸口", "Claims gate"),
        version=version,
        packs=packs,
        tiles=_TILES,
        listings=_LISTINGS,
    )
