"""Notices (法定期限通知): what has to be published about a dossier's duties by a day, each exactly once.

A duty gives up to three notices: `raised` when it begins, `due` on its last day as a reminder, and `missed` on the first day
on which the act would be too late; a right that was not used is `lapsed` then, and not missed (D1). Of a step that opens
(re-application) the second says that the day has come, and there is no third. Where the text gives no number there is the first
alone. Pure: the day is an argument.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Container, Iterable, Mapping

from rules.dossier import AS_ITS_OWNER
from rules.duties import Duty, Phase
from rules.schemes.scheme import Measure
from topics.messages.cases import Explanation
from topics.messages.ledger import Notice


def due_notices(
    region: str,
    physician_code: str,
    duties: Iterable[Duty],
    today: dt.date,
    already: Container[str],
    sent: Mapping[str, str] = AS_ITS_OWNER,
) -> list[tuple[str, bytes]]:
    """Every notice that must exist by `today` and is not in `already`: (notice_id, value on the wire), in the duties' order.

    `region` is the dossier's. A notice's name follows from the region that its trigger was `sent` with (by event id): so nothing
    is told anew that was told while each place of an area had a dossier of its own.

    A duty that was met, also too late, gives no more than its first notice, and one whose decision was voided gives none.
    """
    found: list[tuple[str, bytes]] = []
    given: set[str] = set()
    for duty in duties:
        for phase, day in duty.phases():
            name = duty.notice_id(sent.get(duty.trigger_id, region), physician_code, phase)
            if day <= today and name not in already and name not in given:
                given.add(name)
                found.append((name, _notice(name, region, physician_code, duty, phase)))
    return found


def measure_notices(
    region: str,
    institution: str,
    found: Iterable[Measure],
    today: dt.date,
    already: Container[str],
    sent: Mapping[str, str] = AS_ITS_OWNER,
) -> list[tuple[str, bytes]]:
    """Every notice about an institution's figures that must exist by `today` and is not in `already` (P8, D6)."""
    told: dict[str, bytes] = {}
    for measure in found:
        name = measure.notice_id(sent.get(measure.event_id, region), institution)
        if measure.day <= today and name not in already:
            told[name] = _measured(name, region, institution, measure)
    return list(told.items())


def _measured(name: str, region: str, institution: str, measure: Measure) -> bytes:
    notice = Notice(
        notice_id=name,
        kind=measure.kind,
        region=region,
        institution=institution,
        due_on=None,
        citation=measure.citation,
        explanation=Explanation(
            zh=f"{institution}，{measure.day}：{measure.text.zh}（{measure.citation}）；起因{measure.event_id}，供人工处理。",
            en=f"{institution}, {measure.day}: {measure.text.en} ({measure.citation}); because of {measure.event_id}, "
            "for people to act on.",
        ),
        phase="raised",
        trigger=measure.event_id,
    )
    return notice.model_dump_json().encode()


def next_look(duties: Iterable[Duty], today: dt.date) -> dt.date | None:
    """The next day after `today` on which `due_notices` says more; None: never, as far as is known."""
    return min((day for duty in duties for _, day in duty.phases() if day > today), default=None)


def _notice(name: str, region: str, physician_code: str, duty: Duty, phase: Phase) -> bytes:
    notice = Notice(
        notice_id=name,
        kind=duty.kind,
        region=region,
        physician_code=physician_code,
        institution=duty.institution,
        due_on=duty.due_on,
        citation=duty.citation,
        explanation=Explanation(zh=_zh(duty, phase), en=_en(duty, phase)),
        phase=phase,
        trigger=duty.trigger_id,
    )
    return notice.model_dump_json().encode()


def _zh(duty: Duty, phase: Phase) -> str:
    act = f"{duty.act.zh}（{duty.citation}）；起因{duty.trigger_id}，{duty.raised_on}起算"
    known = "系统未见办理记录" if duty.recordable else "系统没有可记录办理的事件，请核实"
    limit = "条文未定天数" if duty.due_on is None else f"至{duty.due_on}止"
    if duty.provisional:
        limit += "（当年节假日安排尚未公布，暂计）"
    if duty.opens:
        return f"{duty.actor.zh}，{'今日，' if phase == 'due' else ''}{duty.due_on}起：{act}。"
    return {
        "raised": f"{duty.actor.zh}：{act}；{limit}。",
        "due": f"今日（{duty.due_on}）为最后一日。{duty.actor.zh}：{act}。",
        "missed": f"期限已过（{duty.due_on}）。{duty.actor.zh}：{act}；{known}。",
        "lapsed": f"期限已过（{duty.due_on}），该权利未行使。{duty.actor.zh}：{act}。",
    }[phase]


def _en(duty: Duty, phase: Phase) -> str:
    who = duty.actor.en[:1].upper() + duty.actor.en[1:]
    act = f"{duty.act.en} ({duty.citation}); because of {duty.trigger_id}, counted from {duty.raised_on}"
    known = "nothing is recorded" if duty.recordable else "no event could record it: please verify"
    limit = "no number of days is stated" if duty.due_on is None else f"until {duty.due_on}"
    if duty.provisional:
        limit += " (provisional: the year's public holidays are not known yet)"
    if duty.opens:
        return f"{who}, from {'today, ' if phase == 'due' else ''}{duty.due_on}: {act}."
    return {
        "raised": f"{who}: {act}; {limit}.",
        "due": f"Today, {duty.due_on}, is the last day. {who}: {act}.",
        "missed": f"The limit has passed ({duty.due_on}). {who}: {act}; {known}.",
        "lapsed": f"The time for it has passed ({duty.due_on}) and the right was not used. {who}: {act}.",
    }[phase]
