"""The report's words in both languages: short names of grounds and reasons, numbers as people write them, the glossary."""

from __future__ import annotations

from decimal import Decimal

from rules.text import Lang, Pair, pick
from rules.vocabulary import Disposition, EncounterType, Reason, Standing
from rules.wording import labels

REASON: dict[Reason, Pair] = {
    Reason.OK: ("无不予结算情形", "no ground against payment"),
    Reason.RULE_NOT_IN_FORCE: ("规则未施行或已失效", "rules not in force"),
    Reason.EXEMPT_EMERGENCY: ("急诊除外", "exempted: emergency"),
    Reason.EXEMPT_RESCUE: ("抢救除外", "exempted: rescue"),
    Reason.EXEMPT_PUBLIC_HEALTH_EMERGENCY: ("公共卫生应急除外", "exempted: public-health emergency"),
    Reason.EMERGENCY_ORIGIN: ("急诊转住院", "stay that began as an emergency"),
    Reason.IMPLAUSIBLE: ("信息不合常理", "says what cannot be so"),
    Reason.ENCOUNTER_UNKNOWN: ("就诊类型不明", "unknown kind of encounter"),
    Reason.VISIT_NOT_SEEN: ("未见就诊信息", "visit not seen"),
    Reason.PHYSICIAN_MISSING: ("缺责任医师", "no physician named"),
    Reason.MISSING_EMERGENCY_NO_RULE: ("缺医师而属急诊，无规定", "no physician, emergency, no rule"),
    Reason.PHYSICIAN_UNREGISTERED: ("医师未登记", "physician not registered"),
    Reason.UNREGISTERED_EMERGENCY: ("未登记而属急诊", "not registered, emergency"),
    Reason.INITIAL_REGISTRATION_WINDOW: ("首次登记备案期内", "first registration round"),
    Reason.OPTED_OUT: ("医师申请不纳入", "physician opted out"),
    Reason.OPTED_OUT_EMERGENCY: ("申请不纳入而属急诊", "opted out, emergency"),
    Reason.BLACKLIST_CONFLICT: ("黑名单期间恢复或登记", "return during a ban"),
    Reason.DATA_CONFLICT: ("事件与条文矛盾", "events contradict the text"),
    Reason.REAPPLICATION_CONFLICT: ("再次登记不符条件", "return without meeting conditions"),
    Reason.CANCELLED: ("资格已取消", "qualification cancelled"),
    Reason.STRADDLES_PENALTY: ("住院跨越责罚期", "stay straddles a penalty period"),
    Reason.IN_PENALTY_PERIOD: ("责罚期内", "in a penalty period"),
    Reason.SUSPENDED: ("暂停服务期内", "suspended"),
    Reason.STRADDLES_LAW: ("住院跨越两部规则", "stay lies under two laws"),
    Reason.STRADDLES_ABNORMAL: ("住院跨越异常状态期间", "stay straddles an abnormal status"),
    Reason.STATUS_ABNORMAL: ("登记备案状态异常", "filing status abnormal"),
    Reason.STATUS_ABNORMAL_EMERGENCY: ("状态异常而属急诊", "status abnormal, emergency"),
    Reason.BLACKLISTED: ("黑名单", "blacklisted"),
    Reason.BLACKLISTED_EMERGENCY: ("黑名单而属急诊", "blacklisted, emergency"),
    Reason.PENDING_REINSTATEMENT: ("责罚期满未恢复", "penalty over, not reinstated"),
    Reason.AGREEMENT_EXPIRED: ("无有效协议", "no agreement in force"),
    Reason.INSTITUTION_AGREEMENT_UNKNOWN: ("机构协议到期未续", "institution's agreement over, no other recorded"),
    Reason.INSTITUTION_AGREEMENT_TERMINATED: ("机构协议终止", "institution's agreement ended"),
    Reason.SITE_NOT_DECLARED: ("机构未申报该医师", "not declared at this institution"),
    Reason.QUALIFICATION_INCOMPLETE: ("无培训记录", "no training on record"),
    Reason.POINTS_FULL_NO_STATED_EFFECT: ("计满12分，后果未载明", "12 points, no stated effect"),
    Reason.OVER_LIMITED_SCOPE: ("超限定支付范围", "over the limited scope"),
    Reason.OVER_DOSAGE: ("超剂量", "over the dosage"),
    Reason.PRESCRIBER_NOT_LISTED: ("开方医师未报备", "prescriber not listed"),
    Reason.PRICE_ABOVE_PAYMENT_STANDARD: ("价格高于支付标准", "price above the standard"),
    Reason.MIXED_EXTERNAL_PRESCRIPTION: ("外配处方未单独开具", "outside prescription not separate"),
    Reason.PRESCRIBER_BARRED: ("处方医师受限", "prescriber barred"),
    Reason.PHARMACY_HEAD_ABNORMAL: ("药店主要负责人状态异常", "pharmacy's head abnormal"),
    Reason.LINE_PERSON_BARRED: ("明细所载人员受限", "person of a line barred"),
    Reason.INSURED_SUSPENDED: ("参保人员暂停联网结算", "insured person suspended"),
    Reason.DEPARTMENT_SUSPENDED: ("科室暂停", "department suspended"),
    Reason.DEPARTMENT_NOT_NAMED: ("未载明科室，机构有科室暂停", "department not named, one suspended"),
    Reason.STANDING_STALE: ("登记库视图过旧", "register's view too old"),
    Reason.STANDING_UNREADABLE: ("登记库记录无法读取", "register's record unreadable"),
}
"""Short names for charts and tables; `rules.wording.explanation` says the same in sentences."""

CLOCK: dict[str, Pair] = {
    "everything": ("以全部已登记事件判定", "everything recorded is known"),
    "as_known_on": ("只用截至该日已登记的事件", "only what was recorded by the day"),
    "as_known_at_settlement": ("每笔按其结算时刻已登记的事件判定", "each claim by what was recorded at its settlement"),
    "as_recorded": (
        "每笔按原裁定所依据的登记库修订号判定",
        "each claim by the revision of the register that its recorded verdict names",
    ),
}

CAUSE: dict[str, Pair] = {
    "other_pack": ("规则包不同", "another pack"),
    "later_event": ("其后又有登记事件", "an event that came later"),
    "missing_event": ("原裁定所依据的事件现已缺失", "an event that is no longer there"),
    "other_code": ("规则包与所知相同而结果不同", "another outcome from the same pack and the same knowledge"),
    "operational": ("当时登记库不可读或过旧", "the gate's register was unreadable or too old"),
    "recorded_twice": ("重复记录", "recorded more than once"),
    "not_recorded": ("无记录", "not recorded"),
    "no_such_record": ("该位置并无结算记录", "no claim stands there"),
    "unreadable": ("所存并非裁定", "what is recorded is no verdict"),
}
"""Causes of `pipeline.replay.output.CAUSES`."""

NOT_A_CLAIM: dict[str, Pair] = {
    "null_value": ("空记录（无值）", "no value at all"),
    "empty_value": ("空记录", "empty"),
    "too_large": ("记录过大", "too large"),
    "invalid_utf8": ("编码不是UTF-8", "not UTF-8"),
    "invalid_json": ("不是JSON", "not JSON"),
    "too_deep": ("嵌套过深", "nested too deep"),
    "not_an_object": ("不是对象", "not an object"),
    "duplicate_key": ("字段重复", "a field stands twice"),
    "missing_field": ("缺字段", "a field is missing"),
    "wrong_type": ("字段类型不符", "a field has the wrong type"),
    "invalid_value": ("字段值无效", "a field's value is not valid"),
}
"""Kinds of `topics.claims.codec.ClaimError`."""

GLOSSARY: tuple[Pair, ...] = (
    ("医保医师", "insurance physician: bears the claim's responsibility"),
    ("结算记录", "claim: one settled encounter"),
    ("基金支付额", "fund share: what the insurance fund would pay of a claim, in yuan"),
    ("予以结算", "pay: the fund share is settled"),
    ("不予结算", "reject, withheld: the fund share is not settled"),
    ("转人工", "review: a person decides; no money moves until then"),
    ("责罚期", "penalty period: months during which the physician's services are not settled"),
    ("责罚期满未恢复", "penalty over, not reinstated: still not settled, until the agency reinstates"),
    ("黑名单", "blacklist: a ban of years, after which a new application is possible"),
    ("记分", "points: counted for each decision, by year and cycle"),
    ("除外情形", "exempted: emergency, rescue and public-health care stay payable"),
    ("复核", "review of a decision on request; it may void the decision"),
    ("冲正", "reversal: a negative claim that takes an earlier one back"),
    ("一医一档", "dossier: everything recorded about one physician"),
    ("规则包", "rule pack: one jurisdiction's law as dated, cited data"),
    ("依据", "legal basis: the articles on which a verdict rests"),
    ("翻转", "flip: a claim whose disposition is another under the second rule set"),
)


def disposition(name: str, lang: Lang) -> str:
    """A disposition in a word."""
    return pick(labels.DISPOSITION[Disposition(name)], lang)


def reason(name: str, lang: Lang) -> str:
    """A reason or ground in a few words."""
    return pick(REASON[Reason(name)], lang)


ground = reason


def standing(name: str, lang: Lang) -> str:
    """A standing in a few words."""
    return pick(labels.STANDING[Standing(name)], lang)


def encounter(name: str, lang: Lang) -> str:
    """An encounter type."""
    return pick(labels.ENCOUNTER[EncounterType(name)], lang)


def clock(mode: str, lang: Lang) -> str:
    """How much of the register the verdicts may know; a mode that has no name yet is shown as it is."""
    return pick(CLOCK[mode], lang) if mode in CLOCK else mode


def cause(name: str, lang: Lang) -> str:
    """Why an outcome is another than the one recorded."""
    return pick(CAUSE[name], lang)


def not_a_claim(kind: str, lang: Lang) -> str:
    """What keeps a record from being a claim; a kind that has no name yet is shown as it is."""
    return pick(NOT_A_CLAIM[kind], lang) if kind in NOT_A_CLAIM else kind


def count(number: int) -> str:
    """A whole number with thousands separators."""
    return f"{number:,}"


def yuan(amount: str | Decimal) -> str:
    """Yuan with thousands separators and both decimals."""
    return f"{Decimal(amount):,.2f}"


def signed(amount: str | Decimal) -> str:
    """A difference in yuan, with its sign; minus as it is printed."""
    return f"{Decimal(amount):+,.2f}".replace("-", "\u2212")


def share(part: int | str | Decimal, whole: int | str | Decimal) -> str:
    """A share in percent; a dash where there is no whole."""
    return f"{Decimal(part) / Decimal(whole) * 100:.2f} %" if Decimal(whole) else "–"


def change(value: object) -> str:
    """A pack's value in a table of differences: short, and never a page of JSON."""
    if value is None:
        return "–"
    text = str(value)
    return text if len(text) <= 120 else f"{text[:117]}…"
