"""The inbox (待办): the cases of one's areas, what is due first before the others, filtered, and as a file."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import re
from collections.abc import Mapping
from decimal import Decimal

from pipeline.desk.pages import STATES, moment, named, yuan
from pipeline.desk.rights import Right
from pipeline.desk.store.reading import AT_ONCE, MOST_COUNTED, MOST_EXPORTED, Books, Place, Wanted
from pipeline.desk.store.tables import NO_DAY
from pipeline.desk.visit import Download, Refused, Shown, Visit
from rules.text import Text, pick
from topics.fields import MONEY_PATTERN
from topics.normalisation import normal_code

SHOW: dict[str, Text] = {
    "open": Text("未决", "undecided"),
    "mine": Text("我的", "mine"),
    "decided": Text("已决未结", "decided, not closed"),
    "closed": Text("已结案", "closed"),
    "all": Text("全部", "all"),
}
_COLUMNS = (
    Text("案件", "case"), Text("统筹区", "area"), Text("机构", "institution"), Text("医师", "physician"),
    Text("结算记录", "claim"), Text("服务日期", "service date"), Text("事由", "ground"), Text("裁定", "decision"),
    Text("基金支付（元）", "fund share (yuan)"),
    Text("状态", "state"), Text("承办人", "assignee"), Text("立案时间", "opened"), Text("办理期限", "to be decided by"),
)  # fmt: skip
_FORMULA = re.compile(r"[=+\-@\t\r]")


def wanted_of(query: Mapping[str, str], now: dt.datetime) -> Wanted:
    """The filter that a query asks for. Raises Refused for one that cannot be read."""
    show = query.get("show") or "open"
    days, least = query.get("older", "").strip(), query.get("least", "").strip()
    if show not in SHOW:
        raise Refused(400, ("没有这种筛选。", "There is no such filter."))
    try:
        older = None if not days else now - dt.timedelta(days=_whole(days))
        if least and not re.fullmatch(MONEY_PATTERN, least, re.ASCII):
            raise ValueError
        fen = None if not least else int(Decimal(least) * 100)
    except (ValueError, OverflowError):
        told = (
            "天数应为整数，金额应为数字，如 1000 或 98.70。",
            "Days are a whole number, and money a number such as 1000 or 98.70.",
        )
        raise Refused(400, told) from None
    return Wanted(
        show, query.get("area", "").strip(), query.get("ground", "").strip(), normal_code(query.get("institution", "")),
        query.get("overdue") == "1", fen, older,
    )  # fmt: skip


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise ValueError
    return int(text)


def _after(query: Mapping[str, str]) -> Place | None:
    given = query.get("after", "")
    if not given:
        return None
    day, _, case_id = given.partition("~")
    try:
        return Place(dt.date.fromisoformat(day), case_id)
    except ValueError:
        raise Refused(400, ("没有这一页。", "There is no such page.")) from None


class Inbox:
    """The pages of the inbox."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def page(self, visit: Visit) -> Shown:
        """`GET /inbox`."""
        wanted = wanted_of(visit.query, visit.at)
        rows = self._books.inbox(visit.account, wanted, visit.today, _after(visit.query))
        shown, more = rows[:AT_ONCE], len(rows) > AT_ONCE
        number, fen = self._books.counted(visit.account, wanted, visit.today)
        following = {**visit.query, "after": f"{shown[-1].work_by}~{shown[-1].case_id}"} if more else None
        values = {
            "rows": shown,
            "number": f"{number:,}" if number <= MOST_COUNTED else f"{MOST_COUNTED:,}+",
            "fen": fen,
            "counted_all": number <= MOST_COUNTED,
            "wanted": wanted,
            "query": dict(visit.query),
            "next_page": following,
            "show": SHOW,
            "grounds": self._books.reasons(visit.account),
        }
        return Shown("inbox.html.j2", values, visit.entry("look", "inbox", tuple(row.case_id for row in shown)))

    def export(self, visit: Visit) -> Download:
        """`GET /inbox.csv`: every case of the filter."""
        wanted = wanted_of(visit.query, visit.at)
        text = io.StringIO()
        write = csv.writer(text).writerow
        write([pick(column, visit.lang) for column in _COLUMNS])
        number, digest = 0, hashlib.sha256()
        for row in self._books.exported(visit.account, wanted, visit.today):
            number += 1
            if number > MOST_EXPORTED:
                told = (
                    f"超过{MOST_EXPORTED:,}件，请缩小筛选范围后导出。",
                    f"These are more than {MOST_EXPORTED:,} cases; narrow the filter before you export.",
                )
                raise Refused(400, told)
            digest.update(f"{row.case_id}\n".encode())
            whose = (row.assignee or "") if visit.account.may(Right.NOTES) else ""
            cells = (
                row.case_id, row.area, row.institution, row.physician or "", row.claim_id, row.service_date.isoformat(),
                named("reason", row.reason, visit.lang), named("disposition", row.disposition, visit.lang),
                yuan(row.fund_fen).replace(",", ""), pick(STATES[row.state], visit.lang), whose, moment(row.opened_at),
                "" if row.work_by == NO_DAY else row.work_by.isoformat(),
            )  # fmt: skip
            write([cells[8] if place == 8 else _safe(cell) for place, cell in enumerate(cells)])
        entry = visit.entry("export", "inbox", count=number, ids_sha256=digest.hexdigest())
        return Download(f"cases-{visit.today}.csv", text.getvalue(), entry)


def _safe(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if _FORMULA.match(cell) else cell
