"""The page for people: what every scheme says, side by side, written from the packs in one language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rules.designation.pack import DesignationPack
from rules.longitudinal.pack import LongitudinalPack
from rules.packs.pack import Ground, Outcome, Pack, Step, SubjectPack
from rules.penalties.pack import PenaltyPack
from rules.schemes.sections import Deadline, Setting
from rules.text import Lang, joined, pick
from rules.wording import designation, longitudinal, penalty
from rules.wording.explanation import ground_name
from rules.wording.labels import BEARER, DISPOSITION, ENCOUNTER, TRIGGER, WITHOUT_NUMBER
from rules.wording.summary import TOPICS, VALIDITY, summary

SILENT = "—"

_TEXT = {
    "title": ("各地规则对照", "The schemes side by side"),
    "made": (
        "本页由规则包生成（`make docs`），请勿手改；改规则请改 YAML 文件。"
        "条款号取自各原文；带 * 的号在抓取的网页上缺失，系推定。",
        "Generated from the packs (`make docs`): edit the YAML files, never this page. Articles are those of each text; a number "
        "with * was lost on the published page and is inferred.",
    ),
    "other": (
        "[English](README.md) · [新增一地：十分钟指南](GUIDE.md)",
        "[中文](README.zh-CN.md) · [Add a jurisdiction in ten minutes](GUIDE.md)",
    ),
    "schemes": ("规则包", "Packs"),
    "rules": ("积分、期限、恢复", "Points, windows, return"),
    "grounds": ("事由、除外情形与承担者", "Grounds, exemptions, and who pays"),
    "grounds_note": (
        "各规则按自己的次序（前面的数字）判断，先成立者决定。箭头后为除外就诊类型的结果。空格表示该规则没有此事由。",
        "Each scheme's own order decides (number in front): the first ground that holds. After the arrow: what the exempted "
        "encounters get instead. An empty cell: the scheme has no such ground.",
    ),
    "exempt": ("除外就诊类型", "Exempted encounters"),
    "next": ("下一步", "What can be done next"),
    "deadlines": ("期限", "Deadlines"),
    "scores": ("扣分标准", "Scoring standards"),
    "bonus": ("加分", "Bonus"),
    "open": ("条文未定之处", "What the texts leave open"),
    "open_note": (
        "每一处都是规则包中的一个设置：采用的读法加粗，其余为备选。"
        "标 † 的备选因结算与事件数据不足而不能采用，原因见规则包。",
        "Each is a named setting of its pack: the reading in force is bold, its rivals follow. A rival marked † cannot be "
        "carried out with the data of claims and events; the pack says why.",
    ),
    "penalties": ("行政处罚裁量基准", "Discretion standards for penalties"),
    "penalties_note": (
        "供办案使用（`screening penalty`），不决定任何结算。“以上”不包括本数，“以下”包括本数；未列明的情形由人工决定。",
        "For people who work on cases (`screening penalty`); they decide no claim. A number with 以上 is excluded and one with "
        "以下 included. What no tier covers is decided by hand.",
    ),
    "designation": ("定点评估基本条件", "Basic conditions for designated status"),
    "designation_note": (
        "供受理和评估使用（`screening designation check`），不决定任何结算；综合指标评分由各统筹地区自定。",
        "For people who handle applications (`screening designation check`); they decide no claim. Scores are each "
        "pooling area's own.",
    ),
    "subjects": ("参保人员与科室", "Insured persons and departments"),
    "subjects_note": (
        "与医师规则并行（S1），从严处理；不予结算先于转人工。",
        "They stand beside the physicians' schemes (S1), and the stricter answer decides.",
    ),
    "longitudinal": ("结合既往结算的审查", "Checks over time"),
    "longitudinal_note": (
        "需结合此前结算才能判断（`screening longitudinal`），结果均转人工审核，不决定任何结算。",
        "What needs earlier claims (`screening longitudinal`): every finding is a review, and they decide no claim.",
    ),
}


def render(
    packs: Sequence[Pack],
    lang: Lang,
    penalties: Sequence[PenaltyPack] = (),
    designations: Sequence[DesignationPack] = (),
    subjects: Sequence[SubjectPack] = (),
    over_time: Sequence[LongitudinalPack] = (),
) -> str:
    """The whole page as Markdown, behind the packs those of other subjects, the discretion standards, the rules of evaluation and
    the checks over time.

    The same packs give the same text.
    """
    lines = [*_lines(packs, lang), *_beside(subjects, lang), *_tools(penalties, designations, over_time, lang)]
    return "\n".join(lines).rstrip() + "\n"


def _t(key: str, lang: Lang) -> str:
    return pick(_TEXT[key], lang)


def _lines(packs: Sequence[Pack], lang: Lang) -> Iterator[str]:
    yield from (f"# {_t('title', lang)}", "", _t("made", lang), "", _t("other", lang), "")
    yield from (f"## {_t('schemes', lang)}", "", *_schemes(packs, lang), "")
    yield from (f"## {_t('rules', lang)}", "", *_side_by_side(packs, lang), "")
    yield from (f"## {_t('grounds', lang)}", "", _t("grounds_note", lang), "", *_grounds(packs, lang), "")
    yield from (f"## {_t('next', lang)}", "", *_next(packs, lang), "")
    yield from (f"## {_t('deadlines', lang)}", "", *_deadlines(packs, lang), "")
    yield from (f"## {_t('scores', lang)}", "")
    for pack in packs:
        yield from _scores(pack, lang)
    yield from (f"## {_t('open', lang)}", "", _t("open_note", lang), "")
    for pack in packs:
        yield from _open_points(pack, lang)


def _beside(packs: Sequence[SubjectPack], lang: Lang) -> Iterator[str]:
    if packs:
        yield from (f"## {_t('subjects', lang)}", "", _t("subjects_note", lang), "")
        yield from (*_schemes(packs, lang, "../subjects/"), "")
        yield from (*_grounds(packs, lang), "", *_next(packs, lang), "")


def _tools(
    penalties: Sequence[PenaltyPack],
    designations: Sequence[DesignationPack],
    over_time: Sequence[LongitudinalPack],
    lang: Lang,
) -> Iterator[str]:
    if penalties:
        yield from (f"## {_t('penalties', lang)}", "", _t("penalties_note", lang), "", *penalty.page(penalties, lang))
    if designations:
        yield from (
            f"## {_t('designation', lang)}",
            "",
            _t("designation_note", lang),
            "",
            *designation.page(designations, lang),
        )
    if over_time:
        yield from (f"## {_t('longitudinal', lang)}", "", _t("longitudinal_note", lang), "")
        yield from longitudinal.page(over_time, lang)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _table(header: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[str]:
    yield _row(header)
    yield _row(["---"] * len(header))
    for row in rows:
        yield _row(row)


def _schemes(packs: Sequence[Pack], lang: Lang, folder: str = "") -> Iterator[str]:
    header = {
        "zh": ("规则包", "名称", "发布者", "地区", "有效期", "默认"),
        "en": ("pack", "title", "issuer", "regions", "in force", "by default"),
    }[lang]
    state = {"zh": ("关闭", "启用"), "en": ("off", "on")}[lang]
    return _table(
        header,
        (
            (
                f"[`{pack.name}`]({folder}{pack.pack}.yaml)",
                getattr(pack.title, lang),
                getattr(pack.source.name, lang),
                regions(pack, lang),
                getattr(summary(pack)[VALIDITY][0], lang),
                state[pack.enabled],
            )
            for pack in packs
        ),
    )


def regions(pack: Pack, lang: Lang) -> str:
    """The regions that a pack governs, in words."""
    others = {"zh": "其他各地", "en": "any other"}[lang]
    return joined([others if region == "*" else region for region in pack.regions], lang)


def _side_by_side(packs: Sequence[Pack], lang: Lang) -> Iterator[str]:
    said = [summary(pack) for pack in packs]

    def rows() -> Iterator[Sequence[str]]:
        for topic, name in TOPICS.items():
            cells = [
                "<br>".join(f"{getattr(fact, lang)} ({fact.citation})" for fact in facts.get(topic, ())) or SILENT
                for facts in said
            ]
            yield f"**{pick(name, lang)}**", *cells

    return _table(("", *(f"`{pack.pack}`" for pack in packs)), rows())


def _grounds(packs: Sequence[Pack], lang: Lang) -> Iterator[str]:
    names = list(dict.fromkeys(ground.ground for pack in packs for ground in pack.screening))

    def rows() -> Iterator[Sequence[str]]:
        for name in names:
            cells = []
            for pack in packs:
                found = [(place, ground) for place, ground in enumerate(pack.screening, 1) if ground.ground is name]
                cells.append(f"{found[0][0]}. {effect(found[0][1], pack, lang)}" if found else "")
            yield f"`{name}`<br>{ground_name(name, lang)}", *cells
        exempt = [
            joined([pick(ENCOUNTER[kind], lang) for kind in pack.exempt_encounters], lang) or SILENT for pack in packs
        ]
        yield f"**{_t('exempt', lang)}**", *exempt

    return _table(("", *(f"`{pack.pack}`" for pack in packs)), rows())


def outcome(result: Outcome, lang: Lang) -> str:
    """A disposition and, where money is refused, who carries it."""
    text = pick(DISPOSITION[result.disposition], lang)
    if result.disposition != "reject":
        return text
    bearer = pick(BEARER[result.cost_bearer], lang)
    return f"{text}，{bearer}" if lang == "zh" else f"{text}, {bearer}"


def effect(ground: Ground, pack: Pack, lang: Lang) -> str:
    """What follows from a ground, for ordinary and for exempted encounters, with its articles."""
    text = outcome(ground.ordinary, lang)
    if ground.exempted is not None:
        text += f" → {outcome(ground.exempted, lang)}"
        own = ground.exempt_encounters
        if own is not None and own != pack.exempt_encounters:
            text += f" [{joined([pick(ENCOUNTER[kind], lang) for kind in own], lang)}]"
    return f"{text} ({joined(list(ground.citations), lang)})"


_OPENS = {
    "after_window": ("期限届满次日起", "from the day after the window"),
    "after_ban": ("黑名单期满次日起", "from the day after the ban"),
    "after_bar": ("限制期满起", "from the end of the bar"),
}


def when(step: Step, pack: Pack, lang: Lang) -> str:
    """When a step can or has to be done."""
    if step.opens is not None:
        return pick(_OPENS[step.opens], lang)
    if step.limit is None or pack.ledger is None:
        return SILENT
    item = pack.ledger.deadline(step.limit)
    if item.working_days is None and item.months is None:
        return limit(item, lang)
    return (
        f"{trigger(item, lang)}起{limit(item, lang)}内"
        if lang == "zh"
        else f"{limit(item, lang)} of {trigger(item, lang)}"
    )


def _next(packs: Sequence[Pack], lang: Lang) -> Iterator[str]:
    header = {
        "zh": ("规则包", "事由", "谁", "做什么", "何时", "条款"),
        "en": ("pack", "ground", "who", "does what", "when", "article"),
    }[lang]
    return _table(
        header,
        (
            (
                f"`{pack.pack}`",
                f"`{ground.ground}`",
                getattr(step.actor, lang),
                getattr(step.act, lang),
                when(step, pack, lang),
                step.citation,
            )
            for pack in packs
            for ground in pack.screening
            for step in ground.next
        ),
    )


def limit(item: Deadline, lang: Lang) -> str:
    """A deadline's length in words."""
    if item.working_days is not None:
        unit = "day" if item.working_days == 1 else "days"
        return f"{item.working_days}个工作日" if lang == "zh" else f"{item.working_days} working {unit}"
    if item.months is not None:
        unit = "month" if item.months == 1 else "months"
        if item.opens:
            return f"满{item.months}个月后" if lang == "zh" else f"after {item.months} {unit}"
        return f"{item.months}个月" if lang == "zh" else f"{item.months} {unit}"
    return pick(WITHOUT_NUMBER[item.promptly, item.opens], lang)


def trigger(item: Deadline, lang: Lang) -> str:
    """What a deadline runs from."""
    return pick(TRIGGER[item.trigger], lang)


def _deadlines(packs: Sequence[Pack], lang: Lang) -> Iterator[str]:
    header = {
        "zh": ("规则包", "谁", "做什么", "期限", "起算", "条款"),
        "en": ("pack", "who", "does what", "within", "of", "article"),
    }[lang]
    return _table(
        header,
        (
            (
                f"`{pack.pack}`",
                getattr(item.actor, lang),
                getattr(item.act, lang),
                limit(item, lang),
                trigger(item, lang),
                item.citation,
            )
            for pack in packs
            for item in (pack.ledger.deadlines if pack.ledger else ())
        ),
    )


def price(points: int | tuple[int, int]) -> str:
    """The price of a case in points."""
    return str(points) if isinstance(points, int) else f"{points[0]}-{points[1]}"


def _scores(pack: Pack, lang: Lang) -> Iterator[str]:
    if pack.ledger is None or not pack.ledger.violations:
        return
    header = {
        "zh": ("分", "项", "行为", "要件", "条款"),
        "en": ("points", "item", "act", "only if", "article"),
    }[lang]
    yield from (f"### {getattr(pack.title, lang)} (`{pack.name}`)", "")
    yield from _table(
        header,
        (
            (
                price(item.points),
                f"`{item.id}`",
                getattr(item, lang),
                getattr(item.harm, lang) if item.harm else "",
                item.citation,
            )
            for item in pack.ledger.violations
        ),
    )
    yield ""
    if pack.ledger.bonus_grounds:
        yield from (f"{_t('bonus', lang)}:", "")
        for ground in pack.ledger.bonus_grounds:
            yield f"- +{ground.points} `{ground.id}` {getattr(ground, lang)} ({ground.citation})"
        yield ""


def _open_points(pack: Pack, lang: Lang) -> Iterator[str]:
    if pack.ledger is None or not (pack.ledger.settings or pack.ledger.unlisted):
        return
    header = {
        "zh": ("设置", "问题", "读法", "出处"),
        "en": ("setting", "question", "readings", "list"),
    }[lang]
    yield from (f"### {getattr(pack.title, lang)} (`{pack.name}`)", "")
    yield from _table(
        header,
        (
            (f"`{setting.id}`", getattr(setting.question, lang), readings(setting, lang), setting.source)
            for setting in pack.ledger.settings
        ),
    )
    yield ""


def readings(setting: Setting, lang: Lang) -> str:
    """The readings of a setting: the one in force first and bold, then its rivals; † cannot be carried out."""
    first = f"**{getattr(setting.options[setting.reading], lang)}**"
    mark = " †" if setting.evaluated_by == "none" else ""
    rivals = [f"{getattr(option, lang)}{mark}" for name, option in setting.options.items() if name != setting.reading]
    return "<br>".join([first, *rivals])
