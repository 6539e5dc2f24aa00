"""What can be done next about a ground, by whom and by when: the pack's steps with the days that apply to this file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import NamedTuple

from rules.calendar import WorkingCalendar
from rules.deadlines import Due, deadlines
from rules.dossier import Dossier
from rules.events import NoticeReceived
from rules.packs.pack import Ground, Step
from rules.schemes.sections import Deadline
from rules.screens.table import Ruling
from rules.text import Text
from rules.timeline import Span, Window
from rules.vocabulary import CostBearer
from rules.wording.explanation import ground_name
from rules.wording.labels import TRIGGER, WITHOUT_NUMBER

_ONE = dt.timedelta(days=1)


class NextStep(NamedTuple):
    """One thing to do. `opens` is its first day, `due_on` its last; None where there is none or nothing set it running."""

    actor: Text
    act: Text
    when: Text
    opens: dt.date | None
    due_on: dt.date | None
    citation: str


def next_steps(
    ruling: Ruling,
    span: Span | None,
    window: Window | None,
    dossier: Dossier,
    causes: set[str],
    calendar: WorkingCalendar,
    today: dt.date,
) -> Iterator[NextStep]:
    """The steps of the ruling's ground, in the pack's order; a limit that runs several times gives several."""
    ground = next((item for item in ruling.pack.screening if item.ground is ruling.ground), None)
    if ground is None:
        # Not a ground of the table: a register that is too old or unreadable, or a contested account (Q2).
        return
    running = deadlines(dossier, ruling.pack, calendar) if ruling.pack.ledger is not None else ()
    for step in ground.next:
        opens = _opens(step, span, window)
        dues = [due for due in running if due.deadline.id == step.limit and _concerns(due, dossier, causes, window)]
        for due in dues:
            yield _said(step, _due(due, dossier, calendar, today), opens, due.due_on)
        if not dues:
            yield _said(step, _when(step, ruling, opens, span), opens, None)
    if ruling.cost_bearer is CostBearer.UNDETERMINED and not ground.next:
        yield _by_hand(ground)


def _by_hand(ground: Ground) -> NextStep:
    return NextStep(
        Text("经办机构", "agency"),
        Text(
            f"人工审核后决定：{ground_name(ground.ground, 'zh')}",
            f"decides after review: {ground_name(ground.ground, 'en')}",
        ),
        Text("条文未定期限", "no limit stated"),
        None,
        None,
        "、".join(ground.citations),
    )


def _said(step: Step, when: Text, opens: dt.date | None, due_on: dt.date | None) -> NextStep:
    return NextStep(
        Text(step.actor.zh, step.actor.en), Text(step.act.zh, step.act.en), when, opens, due_on, step.citation
    )


def _opens(step: Step, span: Span | None, window: Window | None) -> dt.date | None:
    if step.opens == "after_window":
        return None if window is None or window[1] is None else window[1] + _ONE
    if span is None:
        return None
    if step.opens == "after_ban":
        return None if span.ban_period is None or span.ban_period[1] is None else span.ban_period[1] + _ONE
    return span.reapply_not_before if step.opens == "after_bar" else None


def _when(step: Step, ruling: Ruling, opens: dt.date | None, span: Span | None) -> Text:
    if opens is not None:
        return Text(f"自{opens}起", f"from {opens}")
    if step.opens is not None:
        return Text("未定止日", "no end is recorded") if span is not None else Text("", "")
    if step.limit is None or ruling.pack.ledger is None:
        return Text("条文未定期限", "no limit stated")
    return _limit(ruling.pack.ledger.deadline(step.limit))


def _limit(item: Deadline) -> Text:
    """A limit that nothing recorded has set running yet."""
    start = TRIGGER[item.trigger]
    if item.working_days is not None:
        return Text(
            f"自{start[0]}起{item.working_days}个工作日内（尚无记录）",
            f"within {item.working_days} working days of {start[1]} (none is recorded)",
        )
    if item.months is not None:
        return Text(f"自{start[0]}起{item.months}个月内", f"within {item.months} months of {start[1]}")
    return Text(*WITHOUT_NUMBER[item.promptly, item.opens])


def _concerns(due: Due, dossier: Dossier, causes: set[str], window: Window | None) -> bool:
    """Whether a running limit belongs to this decision: a notice of one of its causes, an application about its window."""
    trigger = next(event for event in dossier.events if event.event_id == due.trigger_id)
    if isinstance(trigger, NoticeReceived):
        return trigger.ref in causes
    return window is None or window[0] is None or due.trigger_date >= window[0]


def _due(due: Due, dossier: Dossier, calendar: WorkingCalendar, today: dt.date) -> Text:
    days = due.deadline.working_days
    zh = f"{due.trigger_date}（{due.trigger_id}）起" + (f"{days}个工作日" if days else "") + f"，至{due.due_on}"
    en = f"{days} working days from " if days else "from "
    en += f"{due.trigger_date} ({due.trigger_id}), until {due.due_on}"
    if due.met_by is not None:
        met = next(event for event in dossier.events if event.event_id == due.met_by)
        late = met.date > due.due_on and (days is None or not calendar.within(due.trigger_date, met.date, days))
        zh += f"；已于{met.date}办理（{due.met_by}）" + ("，逾期" if late else "")
        en += f"; done on {met.date} ({due.met_by})" + (", too late" if late else "")
    elif due.overdue(today) and (days is None or not calendar.within(due.trigger_date, today, days)):
        zh, en = f"{zh}；期限已过，未见办理", f"{en}; the limit has passed and nothing is recorded"
    if days and not (calendar.covers(due.due_on) and calendar.covers(due.trigger_date)):
        zh += f"（{due.due_on.year}年节假日尚未公布，按周一至周五计）"
        en += f" (holidays of {due.due_on.year} are not published yet: Monday to Friday counted)"
    return Text(zh, en)
