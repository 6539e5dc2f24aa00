"""Events and what they set off, in words: the lines of a physician's account as an adjudicator would read them out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rules import events as ev
from rules.schemes.ledger import Ledger
from rules.schemes.registry import scheme_of
from rules.text import Text
from rules.vocabulary import Effect


def _at(event: ev.Event) -> str:
    return event.institution or "…"


def _deduction(event: ev.Deduction, ledger: Ledger, counted: int | None) -> Text:
    item = ledger.violation(event.violation_id)
    zh = f"扣{event.points}分：{event.violation_id}" + (f" {item.zh}（{item.citation}）" if item else "")
    en = f"{event.points} points deducted: {event.violation_id}" + (f" {item.en} ({item.citation})" if item else "")
    if event.cases > 1:
        zh, en = f"{zh}，{event.cases}例", f"{en}, {event.cases} cases"
    if counted is not None and counted != event.points:
        zh, en = f"{zh}；复核后按{counted}分计", f"{en}; after review {counted} count"
    return Text(zh, en)


def _bonus(event: ev.Bonus, ledger: Ledger) -> Text:
    ground = next((item for item in ledger.bonus_grounds if item.id == event.bonus_id), None)
    zh = f"加{event.points}分：{event.bonus_id}" + (f" {ground.zh}（{ground.citation}）" if ground else "")
    en = f"bonus of {event.points}: {event.bonus_id}" + (f" {ground.en} ({ground.citation})" if ground else "")
    return Text(zh, en)


def _registration(event: ev.Registration) -> Text:
    if event.training:
        return Text(f"在{_at(event)}登记", f"registered at {_at(event)}")
    return Text(f"在{_at(event)}登记，未见培训记录", f"registered at {_at(event)}, no training on record")


def _upheld(event: ev.AppealUpheld) -> Text:
    if event.revised_points:
        return Text(
            f"复核：{event.ref}改为{event.revised_points}分",
            f"review upheld: {event.ref} lowered to {event.revised_points}",
        )
    return Text(f"复核：撤销{event.ref}", f"review upheld: {event.ref} is void")


def _status(event: ev.StatusRecorded) -> Text:
    zh = {"normal": "正常", "suspended": "暂停", "terminated": "终止"}[event.status]
    until_zh, until_en = (
        (f"至{event.until}", f"until {event.until}") if event.until else ("无止日", "without an end date")
    )
    return Text(f"登记状态：{zh}，{until_zh}", f"filing status {event.status}, {until_en}")


def _snapshot(event: ev.InstitutionSnapshot) -> Text:
    approved, cancelled = event.approved_physicians, event.cancelled_in_term
    share = f"{100 * cancelled / approved:.1f}%" if approved else "-"
    return Text(
        f"{_at(event)}：核定医师{approved}人，协议期内取消{cancelled}人（{share}）",
        f"{_at(event)}: {cancelled} of {approved} approved physicians cancelled in the term ({share})",
    )


def _agreement(event: ev.InstitutionSigned | ev.InstitutionSuspended, zh: str, en: str) -> Text:
    first = event.start or event.date
    last_zh, last_en = (f"至{event.end}", f" to {event.end}") if event.end else ("起", " on")
    return Text(f"{_at(event)}：{zh}，{first}{last_zh}", f"{_at(event)}: {en}, from {first}{last_en}")


_ANSWER = {
    "upheld": ("成立，自始无效", "accepted; the decision is void from its start"),
    "rejected": ("不成立", "rejected"),
    "to_experts": ("提交第三方或专家组", "sent to a third party or experts"),
}
_DEGREE = {
    "main": ("主要责任", "main responsibility"),
    "important": ("重要责任", "important responsibility"),
    "general": ("一般责任", "general responsibility"),
}


def _national_points(event: ev.PointsRecorded) -> Text:
    zh, en = f"记{event.points}分", f"{event.points} points recorded"
    if event.points < 0:
        zh, en = f"修复：减{-event.points}分", f"repair: {-event.points} points given back"
    if event.degree is not None:
        zh, en = f"{zh}，{_DEGREE[event.degree][0]}", f"{en}, {_DEGREE[event.degree][1]}"
    if event.band is not None:
        zh, en = f"{zh}，档次{event.band}", f"{en}, band {event.band}"
    if event.suspension_months is not None:
        zh, en = f"{zh}，暂停{event.suspension_months}个月", f"{en}, suspension of {event.suspension_months} months"
    if event.decision_ref is not None:
        zh, en = f"{zh}（依{event.decision_ref}）", f"{en} (after {event.decision_ref})"
    return Text(zh, en)


_WHAT = {
    "name": ("姓名", "name"),
    "title": ("职称", "title"),
    "place": ("执业地点", "place of practice"),
}


def _changed(event: ev.PersonChanged) -> Text:
    zh, en = _WHAT[event.what]
    zh, en = f"变更{zh}", f"change of {en}"
    if event.value:
        zh, en = f"{zh}为{event.value}", f"{en}: {event.value}"
    return Text(f"{zh}（{event.chg_rea}）", f"{en} ({event.chg_rea})") if event.chg_rea else Text(zh, en)


def _referred(event: ev.CrimeReferred) -> Text:
    about_zh, about_en = (f"（{event.ref}）", f" over {event.ref}") if event.ref else ("", "")
    return Text(f"{event.by}移送司法机关{about_zh}", f"handed to the judiciary by {event.by}{about_en}")


def _suspension(event: ev.InsuredSuspended | ev.DepartmentSuspended, zh: str, en: str) -> Text:
    last_zh, last_en = f"至{event.end}", f"until {event.end}"
    if event.months is not None:
        last_zh, last_en = f"{event.months}个月", f"for {event.months} months"
    first_zh, first_en = (f"自{event.start}起", f"from {event.start} ") if event.start else ("", "")
    return Text(f"{zh}，{first_zh}{last_zh}", f"{en}, {first_en}{last_en}")


_SIMPLE: dict[type[ev.Event], Callable[[Any], Text]] = {
    ev.Registration: _registration,
    ev.SiteDeclaration: lambda e: Text(f"{_at(e)}申报其在该处执业", f"declared by {_at(e)}"),
    ev.SiteEnded: lambda e: Text(f"不再在{_at(e)}执业", f"no longer practises at {_at(e)}"),
    ev.PersonChanged: _changed,
    ev.TrainingResult: lambda e: Text(
        "培训考核合格" if e.passed else "培训考核不合格", f"training {'passed' if e.passed else 'not passed'}"
    ),
    ev.CommitmentSigned: lambda e: Text(f"签署{_at(e)}的服务承诺", f"signed the service commitment of {_at(e)}"),
    ev.CrimeReferred: _referred,
    ev.OptOut: lambda e: Text(f"书面申请在{_at(e)}的服务不纳入", f"asked in writing not to be covered at {_at(e)}"),
    ev.NoticeReceived: lambda e: Text(f"机构收到{e.ref}的书面通知", f"the institution received the notice of {e.ref}"),
    ev.AppealFiled: lambda e: Text(f"对{e.ref}申请复核", f"review of {e.ref} asked for"),
    ev.AppealUpheld: _upheld,
    ev.AppealRejected: lambda e: Text(f"复核：维持{e.ref}", f"review rejected: {e.ref} stands"),
    ev.ReinstatementApplication: lambda e: Text(f"{_at(e)}申请恢复", f"{_at(e)} applied for reinstatement"),
    ev.Reinstatement: lambda e: Text(f"恢复资格（{_at(e)}）", f"reinstated ({_at(e)})"),
    ev.ReinstatementRefused: lambda e: Text(f"不予恢复（{_at(e)}）", f"reinstatement refused ({_at(e)})"),
    ev.Agreement: lambda e: Text(f"服务协议{e.start}至{e.end}", f"service agreement {e.start} to {e.end}"),
    ev.RetrainingPassed: lambda _: Text("统一培训并考核合格", "unified training and assessment passed"),
    ev.InstitutionSnapshot: _snapshot,
    ev.InstitutionResigned: lambda e: Text(f"{_at(e)}重新签订服务协议", f"{_at(e)} signed a new agreement"),
    ev.InstitutionSigned: lambda e: _agreement(e, "签订服务协议", "signed a service agreement"),
    ev.InstitutionSuspended: lambda e: _agreement(e, "服务协议暂停", "agreement suspended"),
    ev.InstitutionEnded: lambda e: Text(
        f"{_at(e)}：服务协议自{e.start or e.date}终止", f"{_at(e)}: agreement ended from {e.start or e.date} on"
    ),
    ev.PharmacyHead: lambda e: Text(
        f"{_at(e)}：主要负责人{e.physician_code}，自{e.start or e.date}{f'至{e.end}' if e.end else ''}",
        f"{_at(e)}: headed by {e.physician_code} from {e.start or e.date}{f' to {e.end}' if e.end else ' on'}",
    ),
    ev.StatusRecorded: _status,
    ev.Repair: lambda e: Text(f"修复：期限改至{e.new_until}", f"repair: the status ends on {e.new_until} instead"),
    ev.StatusCorrected: lambda e: Text(
        f"异议成立：{e.ref}自始无效", f"objection accepted: {e.ref} is void from its start"
    ),
    ev.PointsRecorded: _national_points,
    ev.ActDone: lambda e: Text(
        f"{e.by}于{e.day}办理{e.duty}（起因{e.ref}）", f"{e.by} did on {e.day} what {e.ref} asks for: {e.duty}"
    ),
    ev.ObjectionFiled: lambda e: Text(f"对{e.ref}陈述申辩", f"objection against {e.ref}"),
    ev.ObjectionAnswered: lambda e: Text(
        f"对{e.ref}的申辩：{_ANSWER[e.answer][0]}", f"objection {e.ref}: {_ANSWER[e.answer][1]}"
    ),
    ev.Full12: lambda e: Text(f"记分周期{e.period}计满", f"scoring period {e.period} filled"),
    ev.CriminalLiability: lambda _: Text(
        "因违反医保法律被追究刑事责任", "criminal liability for breaking insurance law"
    ),
    ev.RectificationOrder: lambda e: Text(
        f"{_at(e)}被责令限期整改", f"{_at(e)} ordered to rectify within a time limit"
    ),
    ev.InstitutionViolationRatio: lambda e: Text(
        f"{_at(e)}：12个月违规金额占刷卡额{e.ratio:.1%}",
        f"{_at(e)}: amount in breach {e.ratio:.1%} of the card turnover of 12 months",
    ),
    ev.InsuredSuspended: lambda e: _suspension(e, "决定暂停联网结算", "networked settlement suspended"),
    ev.InsuredRestored: lambda e: Text(
        f"自{e.start or e.date}恢复联网结算（{e.ref}）",
        f"networked settlement restored from {e.start or e.date} ({e.ref})",
    ),
    ev.DepartmentSuspended: lambda e: _suspension(
        e, f"{_at(e)}：决定暂停科室{e.department}", f"{_at(e)}: department {e.department} suspended"
    ),
    ev.DepartmentRestored: lambda e: Text(
        f"{_at(e)}：科室{e.department}自{e.start or e.date}恢复（{e.ref}）",
        f"{_at(e)}: department {e.department} restored from {e.start or e.date} ({e.ref})",
    ),
    ev.PrescriberListed: lambda e: Text(f"{_at(e)}报备为外配处方医师", f"filed by {_at(e)} as prescriber"),
}


def describe(event: ev.Event, ledger: Ledger, counted: int | None = None) -> Text:
    """One event in words. `counted` is what a deduction counts after its review."""
    if isinstance(event, ev.Deduction):
        return _deduction(event, ledger, counted)
    if isinstance(event, ev.Bonus):
        return _bonus(event, ledger)
    return _SIMPLE[type(event)](event)


def effect(name: Effect, ledger: Ledger, window: tuple[Any, Any] | None) -> Text:
    """What an entry of the account set off, with the article; `window` is the penalty or suspension it opened."""
    return scheme_of(ledger).effect(name, ledger, window)
