"""What can be done next about a ground, by whom and by when: the pack's steps with the days that apply to this file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rules.calendar import WorkingCalendar
from rules.dossier import Dossier
from rules.duties import Duty, duties
from rules.events import NoticeReceived
from rules.packs.pack import Ground, Pack, Step
from rules.schemes.ledger import Ledger
from rules.schemes.sections import Deadline
from rules.screens.table import Ruling
from rules.standing import Statement
from rules.text import Text
from rules.timeline import Span, Window
from rules.vocabulary import CostBearer, Disposition
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
    statement: Statement,
    causes: set[str],
    calendar: WorkingCalendar,
    today: dt.date,
) -> Iterator[NextStep]:
    """The steps of the ruling's ground, in the pack's order; a limit that runs several times gives several."""
    if ruling.beside is not None:
        yield _by_both_laws(ruling, ruling.beside)
        return
    text = ruling.text
    ground = next((item for item in text.grounds if item.ground is ruling.ground), None)
    if ground is None:
        # Not a ground of the table: a register that is too old or unreadable, or a contested account (Q2).
        return
    ledger = text.ledger
    owed = () if ledger is None else _with_limits(duties(dossier, statement, text, calendar), ledger)
    for step in ground.next:
        opens = _opens(step, span, window)
        running = [pair for pair in owed if pair[0].kind == step.limit and _concerns(pair[0], dossier, causes, window)]
        for duty, item in running:
            yield _said(step, _due(duty, item, dossier, calendar, today), opens, duty.due_on)
        if not running:
            yield _said(step, _when(step, ruling, opens, span), opens, None)
    if ruling.cost_bearer is CostBearer.UNDETERMINED and not ground.next:
        yield _by_hand(ground)


def first_steps(ruling: Ruling, window: Window | None) -> Iterator[NextStep]:
    """The steps of the ruling's ground where nothing is known but the reported window: without the limits that events set
    running, and nothing where the claim is paid. `when` is empty where no day follows from the window."""
    if ruling.disposition is Disposition.PAY:
        return
    if ruling.beside is not None:
        yield _by_both_laws(ruling, ruling.beside)
        return
    ground = next((item for item in ruling.text.grounds if item.ground is ruling.ground), None)
    if ground is None:
        return
    for step in ground.next:
        opens = _opens(step, None, window)
        yield _said(step, Text("", "") if opens is None else Text(f"自{opens}起", f"from {opens}"), opens, None)
    if ruling.cost_bearer is CostBearer.UNDETERMINED and not ground.next:
        yield _by_hand(ground)


def _by_both_laws(ruling: Ruling, other: Pack) -> NextStep:
    """A stay over a change of law (S2)."""
    return NextStep(
        Text("经办机构", "agency"),
        Text(
            f"有逐日费用的，按日分别依{other.title.zh}与{ruling.pack.title.zh}决定",
            f"where lines carry dates, decides them by {other.title.en} and by {ruling.pack.title.en}, each for its own days",
        ),
        Text("条文未定期限", "no limit stated"),
        None,
        None,
        "、".join(ruling.citations),
    )


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
    if step.limit is None or ruling.text.ledger is None:
        return Text("条文未定期限", "no limit stated")
    return _limit(ruling.text.ledger.deadline(step.limit))


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


def _with_limits(owed: Sequence[Duty], ledger: Ledger) -> tuple[tuple[Duty, Deadline], ...]:
    """The duties that have a last day, each with what its pack says of it; those owed at several sites once."""
    found = {
        (duty.kind, duty.trigger_id): (duty, ledger.deadline(duty.kind))
        for duty in owed
        if duty.due_on is not None and not duty.void
    }
    return tuple(found.values())


def _concerns(duty: Duty, dossier: Dossier, causes: set[str], window: Window | None) -> bool:
    """Whether a limit belongs to this decision: a notice of one of its causes, an application about its window."""
    trigger = next(event for event in dossier.events if event.event_id == duty.trigger_id)
    if isinstance(trigger, NoticeReceived):
        return trigger.ref in causes
    return window is None or window[0] is None or duty.raised_on >= window[0]


def _due(duty: Duty, item: Deadline, dossier: Dossier, calendar: WorkingCalendar, today: dt.date) -> Text:
    days = item.working_days
    zh = f"{duty.raised_on}（{duty.trigger_id}）起" + (f"{days}个工作日" if days else "") + f"，至{duty.due_on}"
    en = f"{days} working days from " if days else "from "
    en += f"{duty.raised_on} ({duty.trigger_id}), until {duty.due_on}"
    state = duty.state(today)
    if duty.met_by is not None:
        met = next(event for event in dossier.events if event.event_id == duty.met_by)
        late = state == "met_late"
        zh += f"；已于{met.date}办理（{duty.met_by}）" + ("，逾期" if late else "")
        en += f"; done on {met.date} ({duty.met_by})" + (", too late" if late else "")
    elif state == "lapsed":
        zh, en = f"{zh}；期限已过，未行使", f"{en}; the time for it has passed"
    elif state == "missed":
        zh, en = f"{zh}；期限已过，未见办理", f"{en}; the limit has passed and nothing is recorded"
    if days and duty.due_on and calendar.provisional(duty.raised_on, duty.due_on):
        zh += f"（{duty.due_on.year}年节假日安排尚未公布，暂按周一至周五及法定节假日计）"
        en += f" (the notice of {duty.due_on.year} is not known yet: counted by weekends and statutory holidays alone)"
    return Text(zh, en)
