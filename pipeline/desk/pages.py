"""How pages are written: templates, the names of things in both languages, and links."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from pipeline.desk.acting import ACTS
from pipeline.desk.rights import ROLE_NAMES, Right
from pipeline.desk.store.tables import NO_DAY
from pipeline.web.templates import template
from rules.events import CHINA
from rules.text import Lang, Pair, Text, pick
from rules.vocabulary import Reason
from rules.wording.explanation import reason_name
from rules.wording.labels import BEARER, DISPOSITION, ENCOUNTER, INSTITUTION, STANDING

STATES: dict[str, Text] = {
    "open": Text("待领取", "open"),
    "assigned": Text("办理中", "assigned"),
    "awaiting_evidence": Text("待补充材料", "awaiting evidence"),
    "upheld": Text("已维持", "upheld"),
    "overturned": Text("已撤销", "overturned"),
    "closed": Text("已结案", "closed"),
    "reopened": Text("已重新打开", "reopened"),
}
TONES = {
    "open": "warn",
    "reopened": "warn",
    "assigned": "",
    "awaiting_evidence": "",
    "upheld": "bad",
    "overturned": "good",
    "closed": "dim",
}


def rendered(name: str, lang: Lang, path: str, query: Mapping[str, str], values: dict[str, Any]) -> str:
    """A page of the desk. Whatever is put in is escaped."""
    other: Lang = "en" if lang == "zh" else "zh"
    same = f"{path}?{urlencode({**query, 'lang': other})}"
    return template("pipeline.desk", name).render(
        lang=lang, other_page=same, path=path, right=Right, role_names=ROLE_NAMES, pick=pick, named=named, yuan=yuan,
        moment=moment, link=link, states=STATES, tones=TONES, acts=ACTS, no_day=NO_DAY, **values,
    )  # fmt: skip


def named(table: str, name: object, lang: Lang) -> str:
    """A word of the law's vocabulary; one that only a later version knows stays as it is."""
    tables: dict[str, Mapping[Any, Pair]] = {
        "disposition": DISPOSITION, "encounter": ENCOUNTER, "standing": STANDING, "bearer": BEARER, "institution": INSTITUTION,
    }  # fmt: skip
    if table == "reason":
        try:
            return pick(reason_name(Reason(str(name))), lang)
        except ValueError:
            return str(name)
    found = next((text for word, text in tables[table].items() if str(word) == str(name)), None)
    return str(name) if found is None else pick(found, lang)


def yuan(fen: int) -> str:
    """Money for people, from fen."""
    sign, fen = ("-" if fen < 0 else ""), abs(fen)
    return f"{sign}{fen // 100:,}.{fen % 100:02}"


def moment(text: str) -> str:
    """A time of a message as a clock in China shows it."""
    return dt.datetime.fromisoformat(text.upper()).astimezone(CHINA).strftime("%Y-%m-%d %H:%M")


def link(*parts: str, **query: str) -> str:
    """The path of a page, whatever the parts are made of."""
    path = "/" + "/".join(quote(part, safe="") for part in parts)
    return f"{path}?{urlencode(query)}" if query else path
