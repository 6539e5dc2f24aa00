"""Rule packs in a terminal: tables that hold at 80 columns, in Chinese or English."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from pipeline.telemetry.console import Table
from rules.packs.compare import Change
from rules.packs.pack import Ground, Pack
from rules.schemes.ledger import Ledger
from rules.schemes.sections import Param
from rules.text import Lang, joined, pick
from rules.wording.explanation import ground_name
from rules.wording.labels import ENCOUNTER, STANDING
from rules.wording.page import limit, outcome, price, regions, trigger, when
from rules.wording.summary import TOPICS, parameter_name, parameters, summary

COLOUR = {"pay": "green", "reject": "red", "review": "yellow"}


def _table(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    narrow: Sequence[int] = (),
    most: Mapping[int, int] | None = None,
) -> Table:
    """A table whose columns wrap, but for the `narrow` ones; `most` keeps columns of prose from crowding out names."""
    table = Table(header_style="bold", expand=False, pad_edge=False, box=None, padding=(0, 2, 0, 0))
    widths = most or {}
    for place, name in enumerate(header):
        table.add_column(name, no_wrap=place in narrow, overflow="fold", vertical="top", max_width=widths.get(place))
    for row in rows:
        table.add_row(*row)
    return table


def _section(title: str, body: RenderableType) -> RenderableType:
    return Group(Text(""), Text(title, style="bold cyan"), Padding(body, (0, 0, 0, 2), expand=False))


def _w(zh: str, en: str, lang: Lang) -> str:
    return zh if lang == "zh" else en


def listing(packs: Sequence[Pack], on: set[str], lang: Lang) -> Table:
    """The packs, one a row."""
    header = ("规则包", "名称", "地区", "有效期", "") if lang == "zh" else ("pack", "title", "regions", "in force", "")

    def rows() -> Iterator[Sequence[str]]:
        for pack in packs:
            state = f"[green]{_w('启用', 'on', lang)}[/]" if pack.name in on else f"[dim]{_w('关闭', 'off', lang)}[/]"
            dates = getattr(summary(pack)["validity"][0], lang)
            yield escape(pack.name), escape(getattr(pack.title, lang)), regions(pack, lang), dates, state

    return _table(header, rows(), narrow=(0, 4))


def beside(names: Sequence[str], lang: Lang) -> str:
    """What those packs are for whose subjects are not physicians."""
    told = joined(list(names), lang)
    return _w(
        f"{told} 适用于参保人员或科室：与医师的规则并行适用，从严者定。",
        f"{told}: of insured persons or departments. They apply beside the physicians' law, and the stricter answer decides.",
        lang,
    )


def show(pack: Pack, lang: Lang) -> Iterator[RenderableType]:
    """Everything that a pack says, section by section."""
    head = Table.grid(padding=(0, 2, 0, 0))
    head.add_column(style="dim", max_width=22)
    head.add_column(overflow="fold")
    issued = f", {pack.source.issued}" if pack.source.issued else ""
    head.add_row(_w("来源", "source", lang), f"{escape(getattr(pack.source.name, lang))}, {pack.source.file}{issued}")
    head.add_row(_w("地区", "regions", lang), regions(pack, lang))
    for topic, facts in summary(pack).items():
        head.add_row(
            pick(TOPICS[topic], lang),
            "\n".join(f"{escape(getattr(fact, lang))} [dim]{escape(fact.citation)}[/]" for fact in facts),
        )
    yield Group(
        Text(f"{pack.name}  {getattr(pack.title, lang)}", style="bold"), Padding(head, (0, 0, 0, 2), expand=False)
    )
    yield _section(_w("事由（先成立者决定）", "Grounds (the first that holds decides)", lang), _grounds(pack, lang))
    if any(ground.next for ground in pack.screening):
        yield _section(_w("下一步", "What can be done next", lang), _next(pack, lang))
    if pack.ledger is None:
        return
    yield _section(_w("数值", "Numbers", lang), _numbers(pack, lang))
    yield from _items(pack.ledger, lang)
    if pack.ledger.settings or pack.ledger.unlisted:
        yield _section(_w("条文未定之处", "What the text leaves open", lang), _settings(pack.ledger, lang))


def _grounds(pack: Pack, lang: Lang) -> RenderableType:
    exempt = joined([pick(ENCOUNTER[kind], lang) for kind in pack.exempt_encounters], lang)
    header = (
        _w("", "", lang),
        _w("事由", "ground", lang),
        _w("结果", "outcome", lang),
        _w("除外类型", "exempted", lang),
        _w("条款", "article", lang),
    )
    rows = [
        (
            str(place),
            f"[bold]{ground.ground}[/]\n{escape(ground_name(ground.ground, lang))}",
            _coloured(ground, lang, exempted=False),
            _coloured(ground, lang, exempted=True),
            escape("\n".join(ground.citations)),
        )
        for place, ground in enumerate(pack.screening, 1)
    ]
    note = Text(_w(f"除外就诊类型：{exempt or '无'}", f"Exempted encounters: {exempt or 'none'}", lang), style="dim")
    return Group(_table(header, rows, narrow=(0, 4), most={1: 36, 2: 16, 3: 10}), note)


def _coloured(ground: Ground, lang: Lang, *, exempted: bool) -> str:
    result = ground.exempted if exempted else ground.ordinary
    if result is None:
        return f"[dim]{_w('相同', 'the same', lang)}[/]"
    return f"[{COLOUR[result.disposition]}]{outcome(result, lang)}[/]"


def _next(pack: Pack, lang: Lang) -> Table:
    header = (
        _w("事由", "ground", lang),
        _w("谁，做什么", "who does what", lang),
        _w("何时", "when", lang),
        _w("条款", "article", lang),
    )
    rows = []
    for ground in pack.screening:
        for place, step in enumerate(ground.next):
            who = f"[bold]{escape(getattr(step.actor, lang))}[/]: {escape(getattr(step.act, lang))}"
            rows.append((ground.ground if place == 0 else "", who, when(step, pack, lang), escape(step.citation)))
    return _table(header, rows, narrow=(3,), most={0: 32, 2: 18})


def _numbers(pack: Pack, lang: Lang) -> Table:
    header = (
        _w("数值", "number", lang),
        _w("值", "value", lang),
        _w("自", "from", lang),
        _w("条款", "article", lang),
    )
    rows = [
        (
            f"{pick(parameter_name(pack, name), lang)}\n[dim]{name}[/]"
            + (f"\n{escape(getattr(param.note, lang))}" if param.note else ""),
            f"[bold]{escape(value_text(param, lang))}[/]",
            str(param.start or "-"),
            escape(param.citation),
        )
        for name, param in parameters(pack)
    ]
    return _table(header, rows, narrow=(2,), most={1: 18, 3: 18})


def value_text(param: Param[Any], lang: Lang) -> str:
    """A parameter's value in words; null is a rule that the text does not have."""
    value = param.value
    if value is None:
        return _w("未规定", "not stated", lang)
    if isinstance(value, bool):
        return _w("是", "yes", lang) if value else _w("否", "no", lang)
    if isinstance(value, tuple):
        names: dict[Any, Any] = {**ENCOUNTER, **STANDING}
        return joined([pick(names[item], lang) if item in names else str(item) for item in value], lang)
    return str(value)


def _items(ledger: Ledger, lang: Lang) -> Iterator[RenderableType]:
    article = _w("条款", "article", lang)
    if ledger.violations:
        header = (_w("分", "points", lang), _w("项", "item", lang), _w("行为", "act", lang), article)
        only = _w("要件：", "only if: ", lang)
        rows = [
            (
                f"[bold]{price(item.points)}[/]",
                item.id,
                escape(getattr(item, lang))
                + (f"\n[dim]{only}{escape(getattr(item.harm, lang))}[/]" if item.harm else ""),
                escape(item.citation),
            )
            for item in ledger.violations
        ]
        title = _w("扣分标准", "Scoring standard", lang)
        yield _section(f"{title} ({len(ledger.violations)})", _table(header, rows, narrow=(0, 1, 3)))
    if ledger.bonus_grounds:
        header = (_w("加分", "bonus", lang), _w("项", "item", lang), _w("情形", "ground", lang), article)
        granted = [
            (f"[bold]+{item.points}[/]", item.id, escape(getattr(item, lang)), escape(item.citation))
            for item in ledger.bonus_grounds
        ]
        yield _section(_w("加分", "Bonus", lang), _table(header, granted, narrow=(0, 1, 3)))
    if ledger.deadlines:
        names = (
            _w("谁", "who", lang),
            _w("做什么", "does what", lang),
            _w("期限", "within", lang),
            _w("起算", "of", lang),
            article,
        )
        limits = [
            (
                escape(getattr(item.actor, lang)),
                escape(getattr(item.act, lang)),
                f"[bold]{limit(item, lang)}[/]",
                escape(trigger(item, lang)),
                escape(item.citation),
            )
            for item in ledger.deadlines
        ]
        yield _section(_w("期限", "Deadlines", lang), _table(names, limits))


def _settings(ledger: Ledger, lang: Lang) -> RenderableType:
    header = (_w("设置", "setting", lang), _w("读法（首行为采用）", "readings (the first is in force)", lang))
    rows = []
    for setting in ledger.settings:
        chosen = setting.options[setting.reading]
        changed = "" if setting.reading == setting.default else f" [yellow]{_w('非默认', 'not the default', lang)}[/]"
        lines = [f"[bold]{setting.reading}[/] {escape(getattr(chosen, lang))}{changed}"]
        mark = " †" if setting.evaluated_by == "none" else ""
        lines += [
            f"[dim]{name} {escape(getattr(option, lang))}{mark}[/]"
            for name, option in setting.options.items()
            if name != setting.reading
        ]
        rows.append((f"{setting.id}\n[dim]{escape(getattr(setting.question, lang))}[/]", "\n".join(lines)))
    for name, default in ledger.unlisted.items():
        told = _w("规则包未列，取本模式默认", "not listed by the pack: the scheme's default", lang)
        rows.append((name, f"[bold]{default}[/] [yellow]{told}[/]"))
    unable = any(setting.evaluated_by == "none" for setting in ledger.settings)
    note = _w("† 数据不足，不能采用", "† cannot be carried out with the data of claims and events", lang)
    return Group(_table(header, rows), Text(note if unable else "", style="dim"))


def changes(found: Sequence[Change], left: str, right: str) -> Iterator[str]:
    """Differences of two packs, key by key, as lines of markup."""
    yield f"[red]- {escape(left)}[/]"
    yield f"[green]+ {escape(right)}[/]"
    for change in found:
        yield f"[bold]{escape(change.key)}[/]"
        yield f"  [red]- {escape(_told(change.left))}[/]"
        yield f"  [green]+ {escape(_told(change.right))}[/]"


def _told(value: Any) -> str:
    if isinstance(value, dict):
        value = _without_nulls(value)
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return value
