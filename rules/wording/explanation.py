"""Why a verdict is what it is, in Chinese and English: the decision, the ground, the article, who pays, what can be done."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from rules.plausibility import Implausible
from rules.screens.people import Mention
from rules.screens.table import Ruling
from rules.text import Text
from rules.vocabulary import CostBearer, Disposition, Reason

_DISPOSITION = {
    Disposition.PAY: ("予以结算", "The fund share is settled"),
    Disposition.REJECT: ("医保基金应支付部分不予结算", "The fund share is not settled"),
    Disposition.REVIEW: ("转人工审核", "The claim goes to a person for review"),
}

_BEARER = {
    CostBearer.FUND: ("", ""),
    CostBearer.INSTITUTION: (
        "该部分由医疗机构自行承担，不得转嫁给参保人员",
        "the institution bears it and may not shift it to the patient",
    ),
    CostBearer.PATIENT: ("该部分由参保人员承担", "the patient bears it"),
    CostBearer.UNSPECIFIED: ("条文未规定由谁承担", "the text does not say who bears it"),
    CostBearer.UNDETERMINED: ("由谁承担待审核后确定", "who bears it is settled by the review"),
}

_GROUND = {
    Reason.OK: ("未发现不予结算的情形", "no ground against payment was found"),
    Reason.RULE_NOT_IN_FORCE: ("服务日期不在本规则有效期内", "the service date lies outside the validity of the rules"),
    Reason.IMPLAUSIBLE: (
        "结算信息不合常理，须人工核实",
        "the claim says what cannot be so and must be checked by a person",
    ),
    Reason.ENCOUNTER_UNKNOWN: (
        "医疗类别代码不在本地区代码表内，须人工确定就诊类型",
        "no table of the area knows the code of the encounter, so a person must say what it was",
    ),
    Reason.EMERGENCY_ORIGIN: (
        "住院由急诊转入，按急诊则结论不同",
        "the stay began as an emergency, of which the answer would be another",
    ),
    Reason.VISIT_NOT_SEEN: (
        "结算所对应的就诊信息未见，无法确定主要负责医师",
        "the visit behind the settlement was not seen, so nobody knows who was responsible",
    ),
    Reason.PHYSICIAN_MISSING: ("结算信息缺少主要负责医师", "the claim names no responsible physician"),
    Reason.PHYSICIAN_UNREGISTERED: (
        "服务日期当日该医师未取得医保医师编码或未登记备案",
        "the physician was not registered on the service date",
    ),
    Reason.INITIAL_REGISTRATION_WINDOW: (
        "服务发生在首次登记备案期内，且未见登记",
        "the service falls in the first registration round and no registration is known",
    ),
    Reason.OPTED_OUT: (
        "该医师书面申请其服务不纳入医保支付",
        "the physician asked in writing that the services not be covered at this institution",
    ),
    Reason.BLACKLIST_CONFLICT: (
        "该医师处于黑名单期间，登记库却显示恢复或重新登记",
        "the register shows a return while the blacklist ban still runs",
    ),
    Reason.DATA_CONFLICT: (
        "登记库中的事件与条文相矛盾，须人工核实",
        "events in the register contradict the text and must be checked by a person",
    ),
    Reason.REAPPLICATION_CONFLICT: (
        "取消资格后的再次登记不符合重新申请条件",
        "the registration after a cancellation does not meet the conditions for return",
    ),
    Reason.CANCELLED: ("该医师的定岗医师资格已被取消", "the physician's qualification was cancelled"),
    Reason.STRADDLES_PENALTY: (
        "住院期间部分日期处于责罚期（或暂停期）内、部分在外",
        "the stay has days inside and days outside a penalty period",
    ),
    Reason.IN_PENALTY_PERIOD: ("服务日期处于该医师责罚期内", "the service date lies in the physician's penalty period"),
    Reason.SUSPENDED: ("服务日期处于该医师暂停医保服务期内", "the physician was suspended on the service date"),
    Reason.STRADDLES_ABNORMAL: (
        "住院期间部分日期登记备案状态异常、部分日期正常",
        "the stay has days inside and days outside an abnormal filing status",
    ),
    Reason.STRADDLES_LAW: (
        "住院期间先后适用两部规则，各段按各自规则的结论不同",
        "the stay lies under two laws, one after the other, which judge their parts differently",
    ),
    Reason.STATUS_ABNORMAL: (
        "服务日期当日该人员登记备案状态异常",
        "the person's filing status was abnormal on the service date",
    ),
    Reason.BLACKLISTED: ("该医师已列入黑名单", "the physician was blacklisted on the service date"),
    Reason.PENDING_REINSTATEMENT: (
        "责罚期已满，但尚未恢复医保医师资格",
        "the penalty period is over, but the qualification had not been restored",
    ),
    Reason.AGREEMENT_EXPIRED: (
        "服务日期不在任何服务协议期内",
        "no service agreement of the physician covers the service date",
    ),
    Reason.INSTITUTION_AGREEMENT_TERMINATED: (
        "服务日期当日该机构的服务协议已终止",
        "the institution's service agreement had ended on the service date",
    ),
    Reason.INSTITUTION_AGREEMENT_UNKNOWN: (
        "该机构服务协议已到书面止日，未见新的协议",
        "the institution's agreement ran to its written last day and no other is recorded",
    ),
    Reason.SITE_NOT_DECLARED: (
        "该医师编码有效，但未由本机构申报执业",
        "the code is valid, but this institution had not declared the physician",
    ),
    Reason.QUALIFICATION_INCOMPLETE: (
        "已登记编码，但未见医保政策培训记录",
        "the code exists, but the required training is not evidenced",
    ),
    Reason.POINTS_FULL_NO_STATED_EFFECT: (
        "记分周期内计满12分一次，依据材料未载明后果",
        "the physician once reached 12 points in a period; the source states no effect",
    ),
    Reason.PRESCRIBER_BARRED: (
        "开具处方的医师在处方当日不得提供医保服务",
        "whoever wrote the prescription was barred on its day",
    ),
    Reason.PHARMACY_HEAD_ABNORMAL: (
        "该药店主要负责人登记备案状态异常",
        "the filing status of the pharmacy's head was abnormal",
    ),
    Reason.LINE_PERSON_BARRED: (
        "费用明细载明的其他人员在当日不得提供医保服务",
        "a line names another person who was barred on its day",
    ),
    Reason.OVER_LIMITED_SCOPE: ("超医保限定支付范围", "the drug was used beyond the insurance-limited scope"),
    Reason.OVER_DOSAGE: ("超剂量", "the dosage was exceeded"),
    Reason.PRESCRIBER_NOT_LISTED: (
        "开方医师不在机构报备的外配处方医师名单内",
        "the prescriber is not on the institution's filed list for outside prescriptions",
    ),
    Reason.PRICE_ABOVE_PAYMENT_STANDARD: (
        "价格高于国家医保谈判支付标准",
        "the price is above the negotiated payment standard",
    ),
    Reason.MIXED_EXTERNAL_PRESCRIPTION: (
        "双通道药品外配处方未单独开具",
        "the outside prescription was not written separately",
    ),
    Reason.INSURED_SUSPENDED: (
        "服务日期处于该参保人员暂停联网结算期内，费用事后按规定手工结算",
        "the insured person's networked settlement was suspended on the service date; the costs are settled by hand afterwards",
    ),
    Reason.DEPARTMENT_SUSPENDED: (
        "服务日期处于该科室暂停医保基金服务期内",
        "the department might give no services of the fund on the service date",
    ),
    Reason.DEPARTMENT_NOT_NAMED: (
        "该机构有科室处于暂停期内，结算信息未载明科室",
        "a department of the institution was suspended, and the claim does not say of which department it is",
    ),
    Reason.STANDING_STALE: (
        "登记库视图过旧，按设置转人工（非法律事由）",
        "the gate's view of the register was too old to judge by (an operational ground, not one of the law)",
    ),
    Reason.STANDING_UNREADABLE: (
        "登记库最新记录无法读取，转人工（非法律事由）",
        "the register's newest record could not be read (an operational ground, not one of the law)",
    ),
}

_IMPLAUSIBLE = {
    Implausible.SERVICE_DATE: ("service_date早于1990年", "service_date lies before 1990"),
    Implausible.SERVICE_START: ("service_start早于1990年", "service_start lies before 1990"),
    Implausible.SIGN: (
        "fund_amount与total_amount正负相反",
        "fund_amount and total_amount have opposite signs",
    ),
    Implausible.SHARE: ("fund_amount大于total_amount", "fund_amount is larger than total_amount"),
    Implausible.SETTLEMENT: ("settlement_time早于就诊开始", "settlement_time lies before the service began"),
}

_ENCOUNTER = {
    "outpatient": ("门诊", "outpatient"),
    "inpatient": ("住院", "inpatient"),
    "emergency": ("急诊", "emergency"),
    "rescue": ("抢救", "rescue"),
    "public_health_emergency": ("公共卫生事件应急处置", "public-health emergency"),
    "maternity": ("生育", "maternity"),
    "pharmacy": ("药店购药", "pharmacy"),
    "unknown": ("类别不明的", "unclassified"),
}


def ground_name(ground: Reason, lang: Literal["zh", "en"]) -> str:
    """A ground in words."""
    zh, en = _GROUND[ground]
    return zh if lang == "zh" else en


_EMERGENCY_OF = {
    Reason.MISSING_EMERGENCY_NO_RULE: Reason.PHYSICIAN_MISSING,
    Reason.UNREGISTERED_EMERGENCY: Reason.PHYSICIAN_UNREGISTERED,
    Reason.OPTED_OUT_EMERGENCY: Reason.OPTED_OUT,
    Reason.BLACKLISTED_EMERGENCY: Reason.BLACKLISTED,
    Reason.STATUS_ABNORMAL_EMERGENCY: Reason.STATUS_ABNORMAL,
}
"""Reasons that are a ground met in an emergency, which the text does not decide."""


def reason_name(reason: Reason) -> tuple[str, str]:
    """Any reason of the closed list in words, (zh, en)."""
    if reason.value.startswith("exempt_"):
        zh, en = _ENCOUNTER[reason.value.removeprefix("exempt_")]
        return f"{zh}豁免", f"exempted: {en}"
    zh, en = _GROUND[_EMERGENCY_OF.get(reason, reason)]
    return (f"{zh}（急诊等情形）", f"{en} (emergency)") if reason in _EMERGENCY_OF else (zh, en)


def law_title(ruling: Ruling) -> Text:
    """The text that a ruling rests on by its title; both texts where two govern days of one stay (S2)."""
    title = ruling.text.title
    if ruling.basis is not None:
        return Text(
            f"{title.zh}（施行期间的决定执行至期满，现行{ruling.pack.title.zh}）",
            f"{title.en} (decided under it, runs to its end under {ruling.pack.title.en})",
        )
    if ruling.beside is not None:
        return Text(f"{ruling.beside.title.zh}；{title.zh}", f"{ruling.beside.title.en}; {title.en}")
    return title


def outcome_words(ruling: Ruling, fund_amount: str, *, amounts: bool) -> tuple[str, str]:
    """What happens to the fund share and who bears it, (zh, en); with `amounts` it names the sum in yuan.

    A negative sum is a refund (退费): it takes back what the fund paid, and shares the fate of the claim that it takes back.
    """
    sum_zh, sum_en = (f"{fund_amount.lstrip('-')}元", f" of {fund_amount.lstrip('-')} yuan") if amounts else ("", "")
    if fund_amount.startswith("-"):
        zh, en = _REFUND[ruling.disposition]
        return f"退费{sum_zh}：{zh}", f"Refund{sum_en}: {en}"
    (zh, en), (zh_bearer, en_bearer) = _DISPOSITION[ruling.disposition], _BEARER[ruling.cost_bearer]
    if amounts:
        zh, en = f"{zh}（基金支付部分{fund_amount}元）", f"{en} ({fund_amount} yuan)"
    return (
        zh + ((f"；{zh_bearer}" if amounts else f"，{zh_bearer}") if zh_bearer else ""),
        en + (f"; {en_bearer}" if en_bearer else ""),
    )


_REFUND = {
    Disposition.PAY: ("予以冲回基金支付部分", "the fund share is taken back"),
    Disposition.REJECT: (
        "所冲正的基金支付部分本不予结算，与其一并不予结算，无人承担",
        "the fund share that it takes back is not settled, so neither is the refund, and nobody bears anything",
    ),
    Disposition.REVIEW: (
        "与所冲正的结算一并转人工审核",
        "it goes to a person for review with the claim that it takes back",
    ),
}


def named_people(people: Sequence[Mention]) -> Text:
    """The barred people whom a claim names, with their lines, days and amounts, and the sum of the amounts in yuan (P4)."""
    zh = "、".join(
        f"第{one.line}行{one.person}（{one.day}，{one.amount}元）" if one.line else f"{one.person}（{one.day}）"
        for one in people
    )
    en = ", ".join(
        f"line {one.line} {one.person} ({one.day}, {one.amount} yuan)" if one.line else f"{one.person} ({one.day})"
        for one in people
    )
    amounts = [Decimal(one.amount) for one in people if one.amount is not None]
    if not amounts:
        return Text(f"所涉人员：{zh}", f"Named: {en}")
    return Text(f"所涉明细：{zh}，合计{sum(amounts)}元", f"Lines: {en}; {sum(amounts)} yuan in all")


def explain(
    ruling: Ruling,
    physician_code: str | None,
    institution_code: str,
    encounter_type: str,
    service_date: str,
    standing: str,
    penalty_period: Sequence[str | None] | None,
    fund_amount: str,
    people: Sequence[Mention] = (),
) -> dict[str, str]:
    """The explanation of one verdict, {"zh": ..., "en": ...}: fit for a decision letter, without personal data of the patient."""
    zh_encounter, en_encounter = _ENCOUNTER[encounter_type]
    zh_ground, en_ground = _GROUND[ruling.ground]
    if ruling.implausible:
        zh_field, en_field = _IMPLAUSIBLE[ruling.implausible]
        zh_ground, en_ground = f"{zh_ground}（{zh_field}）", f"{en_ground} ({en_field})"
    zh_result, en_result = outcome_words(ruling, fund_amount, amounts=False)
    articles = "、".join(ruling.citations)
    zh = f"{service_date}{zh_encounter}服务，医师{physician_code or '（缺）'}，机构{institution_code}：{zh_ground}"
    en = (
        f"{en_encounter.capitalize()} service of {service_date}, physician {physician_code or '(none)'}, "
        f"institution {institution_code}: {en_ground}"
    )
    if penalty_period is not None:
        start, end = (day or "…" for day in penalty_period)
        zh += f"（{start}至{end}）"
        en += f" ({start} to {end})"
    if ruling.exempted_ground is not None:
        zh += f"；{zh_encounter}属除外情形"
        en += f"; {en_encounter} care is exempted"
    zh += f"。{zh_result}。"
    en += f". {en_result}."
    if ruling.reason is Reason.EMERGENCY_ORIGIN:
        origin_zh, origin_en = _GROUND[Reason.EMERGENCY_ORIGIN]
        zh += f"{origin_zh}。"
        en += f" {origin_en[0].upper()}{origin_en[1:]}."
    if people:
        who = named_people(people)
        zh += f"{who.zh}。"
        en += f" {who.en}."
    if ruling.second is not None:
        other_zh, other_en = _GROUND[ruling.second.ground]
        law = law_title(ruling.second)
        zh += f"另有：{other_zh}（{law.zh} {'、'.join(ruling.second.citations)}）。"
        en += f" Besides: {other_en} ({law.en}, {', '.join(ruling.second.citations)})."
    if articles:
        title = law_title(ruling)
        zh += f"依据：{title.zh} {articles}。"
        en += f" Legal basis: {title.en}, {articles.replace('、', ', ')}."
    return {"zh": zh, "en": en}
