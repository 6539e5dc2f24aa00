"""What the archive shows at `/`."""

from __future__ import annotations

from pipeline.telemetry.archive_metrics import ArchiveMetrics
from pipeline.web.app import Check
from pipeline.web.status_page import Listing, StatusPage, Tile, count, duration, per_second

_TABLES = {"claims": ("理赔", "claims"), "verdicts": ("裁定", "verdicts")}
_WHY = {
    "not_a_claim": ("非理赔（见死信）", "not a claim (see the dead letters)"),
    "unreadable": ("无法读取", "not a verdict"),
}

_TILES = (
    Tile(("行/秒（近1分钟）", "rows a second (last minute)"), per_second("screening_archive_rows_total")),
    Tile(("已归档行", "rows since the start"), count("screening_archive_rows_total")),
    Tile(("待归档记录", "records that wait"), count("screening_archive_lag_records")),
    Tile(("文件数", "files"), count("screening_archive_files")),
    Tile(("写入失败", "failed commits"), count("screening_archive_commits_failed_total")),
    Tile(("写入用时中位", "median time of a commit"), duration("screening_archive_commit_seconds", 0.5)),
)

_LISTINGS = (
    Listing(("已归档", "Archived"), "screening_archive_rows_total", "table", _TABLES),
    Listing(("未归档", "Without a row"), "screening_archive_excluded_total", "why", _WHY),
    Listing(("文件", "Files"), "screening_archive_files", "table", _TABLES),
)


def status_page(metrics: ArchiveMetrics, ready: Check, version: str) -> StatusPage:
    """The page of a process of the archive."""
    return StatusPage(
        metrics.registry,
        ready,
        title=("历史档案", "Archive"),
        version=version,
        packs=None,
        tiles=_TILES,
        listings=_LISTINGS,
    )
