"""What a pack says, topic by topic, in sentences with their articles: the same topics for every scheme, side by side."""

from __future__ import annotations

from typing import NamedTuple

from rules.packs.pack import Pack
from rules.schemes.ledgers import LanzhouLedger, NationalLedger, Param, QiannanLedger, ShantouLedger, XiamenLedger
from rules.vocabulary import Standing
from rules.wording.labels import Pair


class Fact(NamedTuple):
    """One thing that a text says, in both languages, and where."""

    zh: str
    en: str
    citation: str


TOPICS: dict[str, Pair] = {
    "validity": ("有效期", "In force"),
    "points": ("分值与周期", "Points and period"),
    "cautions": ("提示", "Cautions"),
    "exclusion": ("停止结算的分值与期限", "Exclusion from payment: marks and lengths"),
    "counting": ("期限如何计算", "How a window is counted"),
    "blacklist": ("黑名单与取消", "Blacklist and cancellation"),
    "return": ("恢复", "Return after exclusion"),
    "relief": ("加分与修复", "Bonus and repair"),
    "institution": ("机构", "Institutions"),
}

_COUNTING: dict[str, Pair] = {
    "next_day_to_corresponding_day": (
        "决定次日起至对应日止，首尾均计",
        "from the day after the decision to the corresponding day, both included",
    ),
    "from_decision_day": (
        "决定当日起至对应日前一日止",
        "from the decision day to the day before the corresponding day",
    ),
    "full_calendar_months": ("次月1日起的完整自然月", "whole calendar months from the next 1st"),
    "from_notice_receipt": (
        "机构收到书面通知次日起至对应日止",
        "from the day after the institution received the notice, to the corresponding day",
    ),
}

Facts = dict[str, tuple[Fact, ...]]


def summary(pack: Pack) -> Facts:
    """The facts of a pack by topic; a topic on which its text is silent is left out."""
    found: dict[str, list[Fact]] = {"validity": [_validity(pack)]}
    ledger = pack.ledger
    if isinstance(ledger, QiannanLedger):
        found |= _qiannan(ledger)
    elif isinstance(ledger, LanzhouLedger):
        found |= _lanzhou(ledger)
    elif isinstance(ledger, NationalLedger):
        found |= _national(ledger)
    elif isinstance(ledger, XiamenLedger):
        found |= _xiamen(ledger)
    elif isinstance(ledger, ShantouLedger):
        found |= _shantou(ledger)
    return {topic: tuple(facts) for topic, facts in found.items() if facts}


def counting(reading: str) -> Pair:
    """How a window is counted, under a reading of the scheme's counting setting."""
    return _COUNTING[reading]


def _validity(pack: Pack) -> Fact:
    start, end = pack.in_force.start, pack.in_force.end
    where = pack.in_force.citation or ""
    if start is None and end is None:
        return Fact("未载明起止日期", "no dates stated", where)
    if end is None:
        return Fact(f"自{start}起", f"from {start}", where)
    return Fact(f"{start or '…'}至{end}", f"{start or '...'} to {end}", where)


def _qiannan(law: QiannanLedger) -> dict[str, list[Fact]]:
    full, months = law.full.value, law.penalty_months.value
    found: dict[str, list[Fact]] = {topic: [] for topic in TOPICS if topic != "validity"}
    found["points"] = [
        Fact(
            f"每一自然年度{law.allowance.value}分，跨机构合并，不跨年结转",
            f"{law.allowance.value} a calendar year, all sites together, nothing carried over",
            law.allowance.citation,
        ),
        Fact(f"满{full}分处理后重新累计", f"counting starts again after the handling at {full}", law.full.citation),
    ]
    for mark in (law.caution_low, law.caution_high):
        if mark.value is not None:
            zh, en = (mark.note.zh, mark.note.en) if mark.note else ("提示", "caution")
            found["cautions"].append(Fact(f"满{mark.value}分：{zh}", f"{mark.value} points: {en}", mark.citation))
    found["exclusion"].append(
        Fact(
            f"满{full}分：责罚期{months}个自然月",
            f"{full} points: penalty period of {months} months",
            law.penalty_months.citation,
        )
    )
    long = law.repeat_penalty_months.value
    for years, zh_years, mark in ((2, "两", law.two_consecutive_years_at), (3, "三", law.three_consecutive_years_at)):
        if mark.value is not None:
            found["exclusion"].append(
                Fact(
                    f"连续{zh_years}年每年满{mark.value}分：责罚期{long}个自然月",
                    f"{mark.value} points in each of {years} consecutive years: {long} months",
                    mark.citation,
                )
            )
    zh, en = counting(law.reading("penalty_counting"))
    found["counting"].append(Fact(f"责罚期{zh}", f"the penalty period runs {en}", law.penalty_months.citation))
    _blacklist(law, found["blacklist"])
    found["return"].append(_qiannan_return(law))
    tiers = law.bonus_offsets_tiers.value
    if law.bonus_cap_per_year.value:
        each = "、".join(str(tier) for tier in tiers)
        found["relief"].append(
            Fact(
                f"加分每年至多{law.bonus_cap_per_year.value}分，当年有效，仅可抵扣{each}分项",
                f"bonus of at most {law.bonus_cap_per_year.value} a year, valid in that year, offsets items of "
                f"{each.replace('、', ', ')} points only",
                law.bonus_cap_per_year.citation,
            )
        )
    return found


def _blacklist(law: QiannanLedger, found: list[Fact]) -> None:
    once, total = law.blacklist_at_once, law.blacklist_year_total
    if once.value is not None:
        found.append(Fact(f"一次性扣{once.value}分", f"{once.value} points at one time", once.citation))
    if total.value is not None:
        found.append(Fact(f"年度累计满{total.value}分", f"{total.value} points in the year", total.citation))
    if found:
        zh, en = _months(law.values.ban_months)
        found.append(
            Fact(
                f"责罚期满（无责罚期的自决定次日）后{zh}内不得重新申请",
                f"no new application for {en} after the penalty period (without one: after the decision)",
                law.ban_months.citation,
            )
        )


def _qiannan_return(law: QiannanLedger) -> Fact:
    where = law.standings.get(Standing.PENDING_REINSTATEMENT, (law.penalty_months.citation,))[0]
    if law.reading("after_expiry") == "valid_on_expiry":
        return Fact("期满即恢复", "valid again when the period ends", where)
    return Fact(
        "期满后须培训考核、机构书面申请、经办机构决定；恢复之日起可结算",
        "not by itself: training and examination, the institution's application, the agency's decision; payable from its day",
        where,
    )


def _lanzhou(law: LanzhouLedger) -> dict[str, list[Fact]]:
    found: dict[str, list[Fact]] = {topic: [] for topic in TOPICS if topic != "validity"}
    years = law.term_years.value
    found["points"].append(
        Fact(
            f"每一协议期（{years}年）{law.allowance.value}分",
            f"{law.allowance.value} an agreement term of {years} years",
            law.allowance.citation,
        )
    )
    for mark, length in (
        (law.suspend_short_at, law.suspend_short_months),
        (law.suspend_long_at, law.suspend_long_months),
    ):
        if mark.value is not None:
            found["exclusion"].append(
                Fact(
                    f"满{mark.value}分：暂停服务{length.value}个月",
                    f"{mark.value} points: suspended for {length.value} months",
                    mark.citation,
                )
            )
    zh, en = counting(law.reading("suspension_counting"))
    found["counting"].append(Fact(f"暂停期{zh}", f"the suspension runs {en}", law.suspend_short_months.citation))
    found["blacklist"].append(
        Fact(
            f"满{law.cancel_at.value}分：终止协议，取消资格",
            f"{law.cancel_at.value} points: agreement ended, qualification cancelled",
            law.cancel_at.citation,
        )
    )
    found["return"].append(
        Fact(
            "暂停期满自动恢复，剩余分值继续有效",
            "after a suspension by itself, with the points left",
            law.suspend_short_months.citation,
        )
    )
    (zh_one, en_one), (zh_two, en_two) = (
        _months(law.reapply_first_months.value),
        _months(law.reapply_second_months.value),
    )
    extra = ("，须经培训考核", ", with training and assessment") if law.retraining_after_first.value else ("", "")
    found["return"] += [
        Fact(
            f"首次取消：{zh_one}后{extra[0]}",
            f"after a first cancellation: {en_one}{extra[1]}",
            law.reapply_first_months.citation,
        ),
        Fact(f"再次取消：{zh_two}后", f"after a second: {en_two}", law.reapply_second_months.citation),
    ]
    _headcounts(law, found["institution"])
    return found


def _headcounts(law: LanzhouLedger, found: list[Fact]) -> None:
    low, high = law.institution_small_below.value, law.institution_percent_from.value
    where = law.institution_end_percent.citation
    percent, medium, small = (
        law.institution_end_percent.value,
        law.institution_medium_cancelled.value,
        law.institution_small_cancelled.value,
    )
    found += [
        Fact(
            f"取消人数达核定医师的{law.institution_rating_percent.value}%：不得评A级，考核扣{law.institution_rating_minus.value}分",
            f"cancelled physicians reach {law.institution_rating_percent.value} %: no A rating, "
            f"minus {law.institution_rating_minus.value}",
            law.institution_rating_percent.citation,
        ),
        Fact(
            f"达{percent}%（{low}至{high - 1}人的机构{medium}人，不足{low}人的{small}人）："
            f"终止协议，扣{law.institution_end_minus.value}分",
            f"{percent} % ({medium} physicians of {low} to {high - 1}, {small} of fewer than {low}): "
            f"agreement ended, minus {law.institution_end_minus.value}",
            where,
        ),
        Fact("整改认可并重新签订协议后恢复", "restored by a new agreement after accepted rectification", where),
    ]


def _national(law: NationalLedger) -> dict[str, list[Fact]]:
    names, share = law.abnormal_statuses, law.institution_ratio
    handling = law.standings.get(Standing.SUSPENDED, (names.citation,))[-1]
    return {
        "points": [
            Fact(
                "未载明分值与阈值；状态由作出决定的机构登记",
                "no scale or marks stated; whoever decides records the status",
                handling,
            )
        ],
        "exclusion": [
            Fact(
                "登记状态暂停或终止期间不予结算；期限未载明",
                "not settled while the filing status is suspended or terminated; no lengths stated",
                names.citation,
            )
        ],
        "counting": [
            Fact("自状态首日至止日，首尾均计", "from the status's first day to its last, both included", names.citation)
        ],
        "return": [
            Fact(
                "状态期满、修复缩短或异议成立后恢复",
                "when the status ends, is shortened by repair, or is corrected",
                handling,
            )
        ],
        "relief": [
            Fact(
                "主动改正的可减免记分、缩短期限",
                "for those who correct themselves points may be reduced and statuses shortened",
                handling,
            )
        ],
        "institution": [
            Fact(
                "异常人次超过一定比例的予以处理；比例未载明",
                "sanctions when the share of abnormal statuses is too high; the share is not stated",
                share.citation,
            )
        ],
    }


def _xiamen(law: XiamenLedger) -> dict[str, list[Fact]]:
    full, times = law.full_points, law.blacklist_full_events
    share = f"{law.violation_ratio.value:.0%}"
    orders, months = law.rectification_orders.value, law.rectification_months.value
    return {
        "points": [
            Fact(
                f"记分周期（长度未载明）满{full.value}分",
                f"{full.value} in a scoring period of unstated length",
                full.citation,
            )
        ],
        "exclusion": [
            Fact(
                f"计满{full.value}分一次的后果未载明",
                f"the effect of {full.value} points once is not stated",
                full.citation,
            )
        ],
        "blacklist": [
            Fact(
                f"累计{times.value}次计满{full.value}分，或因违法被追究刑事责任",
                f"{full.value} points {times.value} times, or criminal liability",
                times.citation,
            )
        ],
        "return": [Fact("不得再成为医保服务人员", "none: never again insurance service staff", times.citation)],
        "institution": [
            Fact(
                f"连续{months}个月内限期整改{orders}次：解除协议",
                f"{orders} rectification orders within {months} months: agreement ended",
                law.rectification_orders.citation,
            ),
            Fact(
                f"违规金额达刷卡额{share}：解除协议",
                f"amount in breach reaches {share} of card turnover: agreement ended",
                law.violation_ratio.citation,
            ),
        ],
    }


def _shantou(law: ShantouLedger) -> dict[str, list[Fact]]:
    first, chain = law.pharmacies_first_selection, law.pharmacies_per_chain
    return {
        "institution": [
            Fact(
                f"首批药店至多{first.value}家", f"at most {first.value} pharmacies at first selection", first.citation
            ),
            Fact(f"同一连锁至多{chain.value}家", f"at most {chain.value} of one chain", chain.citation),
        ]
    }


def _months(months: int) -> Pair:
    if months % 12 == 0:
        years = months // 12
        return f"{years}年", "1 year" if years == 1 else f"{years} years"
    return f"{months}个月", f"{months} months"


def parameters(pack: Pack) -> tuple[tuple[str, Param[object]], ...]:
    """Every dated number of a pack's ledger by name, in the order of the scheme."""
    if pack.ledger is None:
        return ()
    every = ((name, getattr(pack.ledger, name)) for name in type(pack.ledger).model_fields)
    return tuple((name, value) for name, value in every if isinstance(value, Param))
