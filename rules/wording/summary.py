"""What a pack says, topic by topic, in sentences with their articles: the same topics for every scheme, side by side."""

from __future__ import annotations

from rules.packs.pack import Pack
from rules.schemes.registry import scheme_of
from rules.schemes.scheme import Fact, Topic
from rules.schemes.sections import Param
from rules.text import Text

VALIDITY = "validity"

TOPICS: dict[str, Text] = {
    VALIDITY: Text("有效期", "In force"),
    Topic.POINTS: Text("分值与周期", "Points and period"),
    Topic.CAUTIONS: Text("提示", "Cautions"),
    Topic.EXCLUSION: Text("停止结算的分值与期限", "Exclusion from payment: marks and lengths"),
    Topic.COUNTING: Text("期限如何计算", "How a window is counted"),
    Topic.BLACKLIST: Text("黑名单与取消", "Blacklist and cancellation"),
    Topic.RETURN: Text("恢复", "Return after exclusion"),
    Topic.RELIEF: Text("加分与修复", "Bonus and repair"),
    Topic.INSTITUTION: Text("机构", "Institutions"),
}


def summary(pack: Pack) -> dict[str, tuple[Fact, ...]]:
    """The facts of a pack by topic; a topic on which its text is silent is left out."""
    found: dict[str, tuple[Fact, ...]] = {VALIDITY: (_validity(pack),)}
    if pack.ledger is not None:
        said = scheme_of(pack.ledger).summary(pack.ledger)
        found |= {topic: tuple(facts) for topic, facts in said.items() if facts}
    return found


def _validity(pack: Pack) -> Fact:
    start, end = pack.in_force.start, pack.in_force.end
    where = pack.in_force.citation or ""
    if start is None and end is None:
        return Fact("未载明起止日期", "no dates stated", where)
    if end is None:
        return Fact(f"自{start}起", f"from {start}", where)
    return Fact(f"{start or '…'}至{end}", f"{start or '...'} to {end}", where)


def parameters(pack: Pack) -> tuple[tuple[str, Param[object]], ...]:
    """Every dated number of a pack's ledger by name, in the order of the scheme; one that changes once for each value."""
    if pack.ledger is None:
        return ()
    every = ((name, getattr(pack.ledger, name)) for name in type(pack.ledger).model_fields)
    return tuple(
        (name, form)
        for name, value in every
        if isinstance(value, Param)
        for form in (value, *(value.on(later.start) for later in value.then))
    )


def parameter_name(pack: Pack, name: str) -> Text:
    """What a parameter of a pack's ledger is called."""
    if name == "working_calendar":
        return Text("工作日历（缺公告年份的处理）", "working days in a year without a holiday notice")
    return Text(name, name) if pack.ledger is None else scheme_of(pack.ledger).parameters.get(name, Text(name, name))
