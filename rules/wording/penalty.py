"""What a discretion standard and an answer about a case say to people, in Chinese and English."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal

from rules.penalties.decided import Outside
from rules.penalties.pack import Article, Band, Fact, Fine, Grade, PenaltyPack, Suspension, Tier
from rules.penalties.weighing import Assessment, Gap
from rules.text import Lang, Text, joined, pick

GRADE = {
    Grade.NO_BREACH: Text("不属违规", "no breach"),
    Grade.NONE: Text("不予处罚", "no penalty"),
    Grade.REDUCED: Text("减轻处罚", "reduced"),
    Grade.LENIENT: Text("从轻处罚", "lenient"),
    Grade.ORDINARY: Text("一般处罚", "ordinary"),
    Grade.SEVERE: Text("从重处罚", "severe"),
}
GAP = {
    Gap.MIXED: Text(
        "同时符合从重与较轻情形，应根据违法行为的性质和主要情节权衡，由人工决定",
        "the facts fit the severe tier and a lighter one; the main circumstances are weighed, so this is decided by hand",
    ),
    Gap.NOT_FIRST_OR_NOT_CORRECTED: Text(
        "较轻各档以初次违法并及时改正为条件，其他各档均不涵盖，条文未定，由人工决定",
        "the lighter tiers need a first offence that was corrected in time, and no other tier covers the case: the text leaves "
        "it open, so it is decided by hand",
    ),
    Gap.PERSONAL_ACCOUNT_ABOVE_BANDS: Text(
        "均由个人账户支付的，条文列入各较轻档次而金额超出各档，无从择一，由人工决定",
        "money from the person's own account fits every lighter tier, and the amount lies above all their bands: none of them "
        "can be chosen, so it is decided by hand",
    ),
    Gap.NO_TIER: Text("条文没有相应档次，由人工决定", "no tier covers the case, so it is decided by hand"),
}
OUTSIDE = {
    Outside.FINE: Text("罚款超出本档幅度", "the fine lies outside the tier"),
    Outside.NO_FINE: Text("本档没有罚款", "the tier has no fine"),
    Outside.SUSPENSION: Text("暂停期限超出本档幅度", "the suspension lies outside the tier"),
    Outside.NO_SUSPENSION: Text("本案没有暂停", "the case has no suspension"),
}
FACT: dict[str, Text] = {
    Fact.FIRST: Text("初次违法", "first offence"),
    Fact.CORRECTED: Text("及时改正", "corrected in time"),
    Fact.REFUSES: Text("拒不改正", "refuses to correct"),
    Fact.OBSTRUCTS: Text("拒绝检查或提供虚假情况", "refuses inspection or gives false facts"),
    Fact.INTENT: Text("以骗取基金为目的", "done to defraud the fund"),
    Fact.PERSONAL_ACCOUNT: Text("均由个人账户支付", "all from the personal account"),
    Fact.SELF_FOUND: Text("主动自查发现", "found by the institution itself"),
    Fact.SINGLE: Text("个别人或个别部门行为", "act of single persons or departments"),
    Fact.SERIOUS: Text("情节严重", "serious circumstances"),
    Fact.EMERGENCY: Text("急诊、抢救等特殊情形", "emergency, rescue or the like"),
    "amount": Text("金额（元）", "the amount in yuan"),
    "share": Text("占上年度基金支付额的比例（%）", "the share of last year's payments, per cent"),
    "item": Text("违规行为的项次", "the number of the act"),
}
_NOT = {
    Fact.SELF_FOUND: Text("检查中发现", "found in an inspection"),
    Fact.INTENT: Text("无骗取目的", "not done to defraud"),
}
_OF = {
    "department": Text(
        "暂停责任部门涉及基金使用的医药服务", "services of the department at the fund's cost suspended for"
    ),
    "networked_settlement": Text("暂停医疗费用联网结算", "networked settlement suspended for"),
}


def fact_name(name: str, lang: Lang) -> str:
    """A fact in words."""
    return pick(FACT[name], lang)


def condition(tier: Tier, lang: Lang) -> str:
    """What a case must be for a tier."""
    parts = [
        pick(FACT[fact] if wanted else _NOT.get(fact, Text(f"非{FACT[fact].zh}", f"not: {FACT[fact].en}")), lang)
        for fact, wanted in tier.needs.items()
    ]
    if tier.items:
        numbers = "、".join(str(item) for item in tier.items) if lang == "zh" else ", ".join(map(str, tier.items))
        parts.insert(0, f"第{numbers}项" if lang == "zh" else f"item {numbers}")
    if tier.amount is not None:
        text = band(tier.amount, lang, "元", "yuan")
        if tier.instead_of_amount is not None:
            other = pick(FACT[tier.instead_of_amount], lang)
            text = f"{text}或{other}" if lang == "zh" else f"{text} or {other}"
        parts.append(text)
    if tier.share is not None:
        text = band(tier.share, lang, "%", "%")
        parts.append(f"占上年度基金支付额{text}" if lang == "zh" else f"{text} of last year's payments")
    if tier.grade is Grade.ORDINARY:
        parts.insert(0, "不具备其他情形" if lang == "zh" else "none of the others")
    return joined(parts, lang)


def number(value: Decimal) -> str:
    """A number without needless zeros, thousands apart."""
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def band(found: Band, lang: Lang, zh_unit: str, en_unit: str) -> str:
    """A band in words; what is excluded and what is included is said."""

    def said(value: Decimal) -> str:
        if lang == "zh" or en_unit == "%":
            return f"{number(value)}{zh_unit}"
        return f"{number(value)} {'month' if en_unit == 'months' and value == 1 else en_unit}"

    if found.exactly is not None:
        return said(found.exactly)
    above = None if found.over is None else said(found.over)
    most = None if found.up_to is None else said(found.up_to)
    if lang == "zh":
        return "".join(
            [f"超过{above}" if above else "", "、" if above and most else "", f"不超过{most}" if most else ""]
        )
    if above and most:
        return f"over {above}, up to {most}"
    return f"over {above}" if above else f"up to {most}"


def fine(found: Fine, lang: Lang) -> str:
    """A fine as the tier states it."""
    if found.unit == "yuan":
        return (
            f"罚款{band(found.band, lang, '元', 'yuan')}"
            if lang == "zh"
            else f"fine {band(found.band, lang, '元', 'yuan')}"
        )
    text = band(found.band, lang, "倍", "times")
    return f"罚款为金额的{text}" if lang == "zh" else f"fine {text} the amount"


def suspension(found: Suspension, lang: Lang) -> str:
    """What is suspended and for how long."""
    months = band(found.months, lang, "个月", "months")
    text = f"{pick(_OF[found.of], lang)}{'' if lang == 'zh' else ' '}{months}"
    if found.or_ended:
        text += "，直至解除服务协议" if lang == "zh" else ", or until the agreement is ended"
    if found.of == "networked_settlement":
        text += "（属于参保人员的）" if lang == "zh" else " (of an insured person)"
    return text


def acts(pack: PenaltyPack, article: Article, tier: Tier | None, lang: Lang) -> str:
    """What the authority does beside fine and suspension. Where nothing is punished, only what the tier itself says."""
    names = [] if tier is None else list(tier.acts)
    if tier is None or tier.grade not in (Grade.NONE, Grade.NO_BREACH):
        names = [*article.acts, *(name for name in names if name not in article.acts)]
    return joined([pick(pack.acts[name], lang) for name in names], lang)


def answer(pack: PenaltyPack, found: Assessment, lang: Lang) -> Iterator[str]:
    """The answer about a case, a line for each thing that is said."""
    yield f"{pick(found.article.title, lang)} ({found.article.citation}, {pick(found.article.regulation, lang)})"
    if found.intent_from is not None:
        before = pick(found.intent_from.title, lang)
        yield (
            f"以骗取基金为目的，不按“{before}”而按本条处理" if lang == "zh"
            else f"done to defraud the fund, so it is judged by this article and not as: {before}"
        )  # fmt: skip
    if found.needs:
        names = joined([fact_name(name, lang) for name in found.needs], lang)
        yield f"结果取决于：{names}" if lang == "zh" else f"the answer depends on: {names}"
    if found.gap is not None:
        yield f"{pick(GAP[found.gap], lang)} ({joined(list(found.citations), lang)})"
    if found.tier is not None:
        yield from _tier(pack, found, found.tier, lang)
    for reading in pack.readings_of(found.article):
        option = reading.options[reading.reading]
        text = option.zh if lang == "zh" else option.en
        yield f"{pick(reading.question, lang)} {reading.reading}: {text}"
    if found.not_asked:
        names = ", ".join(found.not_asked)
        yield f"本条不问：{names}" if lang == "zh" else f"told, but not asked by this article: {names}"


def decision(
    first: dt.date | None, last: dt.date | None, paid: Decimal | None, faults: Sequence[Outside], lang: Lang
) -> Iterator[str]:
    """What a decision says, and in what it leaves the tier: the days of a suspension, both included, and the fine in yuan."""
    if first is not None and last is not None:
        yield f"决定暂停：{first}至{last}" if lang == "zh" else f"decided: suspended from {first} to {last}"
    if paid is not None:
        yield f"决定罚款：{number(paid)}元" if lang == "zh" else f"decided: a fine of {number(paid)} yuan"
    for fault in faults:
        yield pick(OUTSIDE[fault], lang)
    if not faults:
        yield "在本档幅度之内" if lang == "zh" else "it lies within the tier"


def _tier(pack: PenaltyPack, found: Assessment, tier: Tier, lang: Lang) -> Iterator[str]:
    yield f"{pick(GRADE[tier.grade], lang)} `{tier.id}` ({joined(list(found.citations), lang)})"
    if tier.fine is not None:
        text = fine(tier.fine, lang)
        if tier.fine.unit == "times" and found.fine is not None:
            yuan = band(found.fine, lang, "元", "yuan")
            text = f"{text}，即{yuan}" if lang == "zh" else f"{text}, which is {yuan}"
        yield text
    if found.suspension is not None:
        yield suspension(found.suspension, lang)
    if told := acts(pack, found.article, tier, lang):
        yield told
    if found.remark is not None:
        yield f"{pick(found.remark.text, lang)} ({found.remark.citation})"


def page(packs: Sequence[PenaltyPack], lang: Lang) -> Iterator[str]:
    """The tables of the discretion standards for the page of all schemes, as lines of Markdown."""
    header = {
        "zh": ("档次", "条件", "罚款", "暂停", "另", "条款"),
        "en": ("tier", "condition", "fine", "suspension", "beside it", "article"),
    }[lang]
    for pack in packs:
        territory = f"{pack.territory}…" if len(pack.territory) < 6 else pack.territory
        yield from (f"### {pick(pack.title, lang)} (`{pack.name}`, {territory})", "")
        for article in pack.articles:
            yield from (
                f"**{pick(article.title, lang)}** `{article.id}` ({article.citation}, {pick(article.regulation, lang)})",
                "",
            )
            if article.items:
                yield from (*(f"{place}. {pick(item, lang)}" for place, item in enumerate(article.items, 1)), "")
            yield f"| {' | '.join(header)} |"
            yield f"| {' | '.join(['---'] * len(header))} |"
            for tier in article.tiers:
                cells = (
                    f"{pick(GRADE[tier.grade], lang)} `{tier.id}`",
                    condition(tier, lang),
                    fine(tier.fine, lang) if tier.fine else "",
                    suspension(tier.suspension, lang) + _if_refuses(tier.suspension, lang) if tier.suspension else "",
                    acts(pack, article, tier, lang),
                    tier.citation,
                )
                yield f"| {' | '.join(cells)} |"
            yield ""
        for reading in pack.readings:
            yield f"- `{reading.id}` {pick(reading.question, lang)} ({reading.citation})"
            for name, option in reading.options.items():
                text = option.zh if lang == "zh" else option.en
                yield f"  - `{name}`: **{text}**" if name == reading.reading else f"  - `{name}`: {text}"
        yield ""


def _if_refuses(found: Suspension, lang: Lang) -> str:
    if not found.if_refuses:
        return ""
    return "（拒不改正的）" if lang == "zh" else " (on refusal to correct)"
