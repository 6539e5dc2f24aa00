"""What rules of evaluation for designated status, and an answer about an application, say to people, in Chinese and English."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rules.designation.checking import RETRY, Barred, Check, Result
from rules.designation.pack import DesignationPack, Kind
from rules.text import Lang, Text, pick

RESULT = {
    Result.MET: Text("具备基本条件，无不予受理情形", "the basic conditions are met and nothing bars the application"),
    Result.NOT_MET: Text(
        "不具备基本条件或有不予受理情形", "a basic condition is missing, or a ground bars the application"
    ),
    Result.NOT_TOLD: Text("尚有未提供的事项", "something has not been told"),
}
KIND = {Kind.MEDICAL: Text("医疗机构", "medical institution"), Kind.PHARMACY: Text("零售药店", "pharmacy")}
BEDS = Text("床位数", "the number of beds")
FAILED = Text("评估不合格后再次申请过早", "applies again too early after a failed evaluation")


def texts(pack: DesignationPack) -> dict[str, tuple[Text, str]]:
    """What every condition and ground says, with its article, by its id."""
    conditions = {one.id: (one.text, one.citation) for one in pack.conditions}
    return {
        **conditions,
        **{bar.id: (bar.text, bar.citation) for bar in pack.bars},
        "beds": (BEDS, pack.source.file),
        RETRY: (FAILED, pack.limits.retry_months.citation),
    }


def answer(pack: DesignationPack, found: Check, lang: Lang) -> Iterator[str]:
    """The answer about an application, a line for each thing that is said."""
    said = texts(pack)
    yield pick(RESULT[found.result], lang)
    for name in found.missing:
        yield _line(("不具备", "missing"), name, said, lang)
    for barred in found.barred:
        yield _line(("不予受理", "barred"), barred.id, said, lang) + _until(barred, lang)
    for name in found.not_told:
        yield _line(("未提供", "not told"), name, said, lang)
    if found.earliest is not None:
        yield f"最早可申请：{found.earliest}" if lang == "zh" else f"the earliest day to apply: {found.earliest}"
    limits, days = pack.limits, found.days
    if found.visit:
        people = limits.on_site.value
        yield (
            f"必须现场评估，评估人员不少于{people}人 ({limits.visit_citation}、{limits.on_site.citation})" if lang == "zh"
            else f"a visit on site is compulsory, by {people} people or more ({limits.visit_citation}, {limits.on_site.citation})"
        )  # fmt: skip
    for day, words, limit in (
        (
            days.supplement_by,
            ("一次性告知补充材料，至迟", "what is missing is asked for once, by"),
            limits.supplement_days,
        ),
        (days.evaluate_by, ("完成评估，至迟", "evaluated by"), limits.evaluation_days),
        (days.publish_until, ("公示至少至", "published at least until"), limits.publication_days),
    ):
        if day is not None:
            yield f"{pick(words, lang)}{'' if lang == 'zh' else ' '}{day} ({limit.citation})"


def _line(words: tuple[str, str], name: str, said: dict[str, tuple[Text, str]], lang: Lang) -> str:
    text, citation = said[name]
    return f"{pick(words, lang)}{'：' if lang == 'zh' else ': '}{pick(text, lang)} `{name}` ({citation})"


def _until(barred: Barred, lang: Lang) -> str:
    if barred.free_on is None:
        return "，至消除为止" if lang == "zh" else ", until it is mended"
    return f"，{barred.free_on}起可申请" if lang == "zh" else f", free from {barred.free_on}"


def page(packs: Sequence[DesignationPack], lang: Lang) -> Iterator[str]:
    """The tables of the rules of evaluation for the page of all schemes, as lines of Markdown."""
    header = {"zh": ("事项", "对象", "要求", "条款"), "en": ("what", "of whom", "asks", "article")}[lang]
    for pack in packs:
        yield from (f"### {pick(pack.title, lang)} (`{pack.name}`, {pack.territory}…)", "")
        yield from (f"| {' | '.join(header)} |", f"| {' | '.join(['---'] * 4)} |")
        for one in pack.conditions:
            least = "" if one.at_least is None else f"≥ {one.at_least}"
            yield _row(one.id, one.kinds, f"{pick(one.text, lang)} {least}".rstrip(), one.citation, lang)
        for bar in pack.bars:
            yield _row(
                bar.id,
                bar.kinds,
                f"{'不予受理' if lang == 'zh' else 'barred'}: {pick(bar.text, lang)}",
                bar.citation,
                lang,
            )
        yield ""
        for name, limit in pack.limits:
            if name != "visit_citation":
                yield f"- `{name}` {limit.value} ({limit.citation})"
        yield ""


def _row(name: str, kinds: Sequence[Kind], text: str, citation: str, lang: Lang) -> str:
    whom = ", ".join(pick(KIND[kind], lang) for kind in kinds)
    return f"| `{name}` | {whom} | {text} | {citation} |"
