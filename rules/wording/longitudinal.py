"""What the checks over time say on the page of all schemes, in Chinese and English."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rules.longitudinal.pack import DualChannelPack, LongitudinalPack, RecognitionPack, StudentPack
from rules.text import Lang, pick

_ARTICLE = {
    "cover": ("参保缴费与待遇期", "contribution and year of cover"),
    "withdrawn": ("退学", "withdrawal from the university"),
    "referral": ("校外就医转诊", "referral to care outside"),
    "unreferred": ("未转诊到非定点机构", "not referred, at an institution that is not designated"),
    "approval": ("慢性、重大疾病审批", "approval of chronic and major diseases"),
    "ordinary_outpatient": ("普通门诊", "ordinary outpatient care"),
    "chronic_outpatient": ("慢性病门诊", "chronic diseases, outpatient"),
    "major_outpatient": ("重大疾病门诊", "major diseases, outpatient"),
    "accident_outpatient": ("意外伤害门诊", "accidents, outpatient"),
    "inpatient": ("住院", "stays"),
    "major_inpatient": ("重大疾病住院", "stays for major diseases"),
    "major": ("重大疾病（门诊与住院合计）", "major diseases, outpatient and stays together"),
    "overall": ("累计限额", "all together"),
    "hardship": ("困难学生普通门诊", "ordinary outpatient care in hardship"),
    "years": ("有效期", "how long they last"),
    "selection": ("药店遴选与对接", "pharmacies selected and connected"),
    "price": ("支付标准", "payment standard"),
    "stay": ("住院期间外购", "purchases during a stay"),
    "prescriber": ("指定医师", "appointed prescribers"),
    "cross_off": ("处方核销、限定支付范围与剂量", "prescriptions crossed off, scope and dosage"),
}
_LEVELS = ("一级/二级/三级", "level 1 / 2 / 3")


def page(packs: Sequence[LongitudinalPack], lang: Lang) -> Iterator[str]:
    """The tables of the checks over time, as lines of Markdown."""
    for pack in packs:
        state = pick(("启用", "on") if pack.enabled else ("默认关闭", "off by default"), lang)
        yield from (f"### {pick(pack.title, lang)} (`{pack.name}`, {state})", "")
        if isinstance(pack, StudentPack):
            yield from _students(pack, lang)
        elif isinstance(pack, DualChannelPack):
            yield from _articles(pack, lang)
            pharmacies = ", ".join(f"{name} {most}" for name, most in pack.pharmacies.items())
            yield f"- {pick(('年', 'years'), lang)}: {pack.years}"
            yield f"- {pick(('首次遴选', 'first selection'), lang)}: {pharmacies}"
            yield f"- {pick(('同一连锁或控股人', 'of one chain or owner'), lang)}: {pack.per_chain}"
        else:
            yield from _recognised(pack, lang)
        yield ""


def _students(pack: StudentPack, lang: Lang) -> Iterator[str]:
    header = {"zh": ("事项", *(f"{n}档" for n in pack.tiers)), "en": ("what", *(f"tier {n}" for n in pack.tiers))}[lang]
    tiers = list(pack.tiers.values())
    yield from (f"| {' | '.join(header)} |", f"| {' | '.join(['---'] * len(header))} |")
    rates = [" / ".join(f"{rate:.0%}" for rate in tier.rates) for tier in tiers]
    yield f"| {pick(('报销比例', 'rates'), lang)} ({pick(_LEVELS, lang)}) | {' | '.join(rates)} |"
    for name in type(tiers[0]).model_fields:
        if name != "rates":
            caps = " | ".join(f"{getattr(tier, name):,}" for tier in tiers)
            yield f"| {pick(_ARTICLE[name], lang)} | {caps} |"
    deductibles = " / ".join(map(str, pack.deductibles))
    yield f"| {pick(('起付线', 'deductibles'), lang)} ({pick(_LEVELS, lang)}) |{f' {deductibles} |' * len(tiers)}"
    yield ""
    yield from _articles(pack, lang)
    for one in pack.exclusions:
        yield f"- `{one.id}` {pick(one.text, lang)} ({one.citation})"


def _articles(pack: StudentPack | DualChannelPack, lang: Lang) -> Iterator[str]:
    for name, citation in pack.articles.items():
        yield f"- {pick(_ARTICLE[name], lang)} ({citation})"


def _recognised(pack: RecognitionPack, lang: Lang) -> Iterator[str]:
    if not pack.table:
        yield pick(("互认项目表为空", "The table of items is empty"), lang) + f" ({pack.in_force.citation})"
    for row in pack.table:
        days = f"{row.days}日内" if lang == "zh" else f"within {row.days} days"
        yield f"- `{row.item}` {days} ({row.citation})"
