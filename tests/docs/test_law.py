"""Whoever reads the repository alone can look up every article, tag and event that it cites."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from pipeline.settings.packs import read_packs, read_subjects
from rules.events import NEEDS_INSTITUTION, TYPES

ROOT = Path(__file__).parents[2]
LAW = ROOT / "docs" / "law"
PAGES = {
    "000": "qiannan-2022",
    "001": "jiangxi-penalties sichuan-designation shantou-2022-draft chongqing-students-2009 county-supervision",
    "002": "lanzhou-2014",
    "003": "national-2024",
    "004": "xiamen-2017",
    "outside-2025": "national-points-model",
}
"""The pages of each source."""
INITIALS = {
    "qiannan": "Q",
    "lanzhou": "L",
    "national": "N",
    "national_points": "P",
    "xiamen": "X",
    "shantou": "S",
    "suspensions": "J",
}

PACKS = (*read_packs(), *read_subjects())

TEXTS = [
    path
    for folder in ("rules", "topics", "pipeline", "tests", "docs")
    for kind in ("*.py", "*.yaml", "*.md", "*.j2")
    for path in sorted((ROOT / folder).rglob(kind))
    if path != Path(__file__)
]


def entries(page: str) -> set[str]:
    """What the first column of the tables of a page names."""
    return set(re.findall(r"^\| `([^`]+)` ", (LAW / f"{page}.md").read_text("utf-8"), re.MULTILINE))


ARTICLES = {source: set().union(*map(entries, pages.split())) for source, pages in PAGES.items()}
TAGS = entries("determinations") | entries("conventions")


def found(source: str, citation: str) -> bool:
    """Whether a citation, or the article that it is an item of, is an entry of the source's page."""
    plain = re.sub(r"（.*）$", "", citation).strip()
    if not plain:
        return True  # a remark that the text has no such rule, and no article
    other, _, article = plain.partition(" ")
    if other in ARTICLES:
        return found(other, article)  # the article of another text
    if plain.rstrip("*") in ARTICLES[source] or f"{plain.rstrip('*')}*" in ARTICLES[source]:
        return True
    shorter = re.sub(r"( \d\)|\([一二三四五六七八九十]+\))$", "", plain)
    return shorter != plain and found(source, shorter)


def cited_by_packs() -> Iterator[tuple[str, str]]:
    def walk(value: Any, key: str = "") -> Iterator[str]:
        if isinstance(value, dict):
            for name, item in value.items():
                yield from walk(item, "citations" if key in ("standings", "articles") else str(name))
        elif isinstance(value, list):
            for item in value:
                yield from walk(item, "" if isinstance(item, dict) else key)
        elif isinstance(value, str) and key in {"citation", "citations"}:
            yield from value.split(", ")

    for path in sorted(
        path
        for folder in ("packs", "subjects", "penalties", "designation", "longitudinal")
        for path in (ROOT / "rules" / folder).glob("*.yaml")
    ):
        pack = yaml.safe_load(path.read_text("utf-8"))
        yield from ((pack["source"]["file"], citation) for citation in walk(pack))


def test_every_article_that_a_pack_cites_is_told_in_the_law_pages() -> None:
    cited = set(cited_by_packs())
    assert len(cited) > 80, "the packs cite some ninety articles"
    assert sorted(f"{source} {citation}" for source, citation in cited if not found(source, citation)) == []


def test_every_article_that_code_pages_and_tests_cite_with_its_source_is_told() -> None:
    article = r"00[0-4] (?:篇(?:1|3|4|5|6|8|10) )?(?:第[一二三四五六七八九十]+条|[一二三四五六七八九](?![级类]))(?:\([一二三四五六七]\))?(?:[*¶]?\d)?\*?"
    missing = []
    for path in TEXTS:
        for cited in re.findall(article, path.read_text("utf-8")):
            source, _, citation = cited.partition(" ")
            if not found(source, citation) and not found(source, citation.rstrip("*0123456789")):
                missing.append(f"{path.relative_to(ROOT)}: {cited}")
    assert missing == []


def prose(path: Path) -> str:
    """What people read in a file: comments and docstrings of code, text outside code blocks of a page."""
    text = path.read_text("utf-8")
    if path.suffix == ".md":
        return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    if path.suffix != ".py":
        return "\n".join(re.findall(r"#.*", text))
    comments = re.findall(r"#.*", text)
    strings = [
        node.value.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    return "\n".join([*comments, *strings])


def test_every_tag_that_is_cited_has_an_entry() -> None:
    assert len(TAGS) > 50
    missing = set()
    for path in TEXTS:
        for tag in re.findall(r"(?<![\w.{-])([GQLXNSPDT]\d{1,2})(?![\w-])", prose(path)):
            if tag not in TAGS:
                missing.add(f"{path.relative_to(ROOT)}: {tag}")
    assert sorted(missing) == []


def test_the_open_points_of_a_pack_lead_to_a_section_that_exists() -> None:
    for pack in PACKS:
        for setting in pack.ledger.settings if pack.ledger else ():
            name = setting.source.split()[0]
            assert (
                LAW / f"{next(page for pages in PAGES.values() for page in pages.split() if page.startswith(name))}.md"
            ).is_file(), setting.source


def rows() -> dict[str, list[str]]:
    lines = re.findall(r"^\| `\w+`.*\|$", (LAW / "events.md").read_text("utf-8"), re.MULTILINE)
    cells = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return {cell[0].split("`")[1]: cell for cell in cells}


def test_every_event_type_is_told_and_no_other() -> None:
    assert sorted(rows()) == sorted(TYPES)


@pytest.mark.parametrize("name", sorted(TYPES))
def test_an_event_is_told_with_its_fields_its_key_and_its_schemes(name: str) -> None:
    first, fields, _, schemes, article = rows()[name]
    kind = TYPES[name]
    common = {"event_id", "region", "date", "recorded_at", "physician_code", "institution"}
    own = [field for field in msgspec.structs.fields(kind) if field.encode_name not in common]
    needed = {field.encode_name for field in own if field.required} | (
        {"institution"} if name in NEEDS_INSTITUTION else set()
    )
    optional = {field.encode_name for field in own if not field.required}
    outside, _, inside = fields.partition("(")
    assert set(re.findall(r"`(\w+)`", outside)) == needed
    assert set(re.findall(r"`(\w+)`", inside)) == optional
    assert first.endswith("†") == kind.of_institution
    taking = {INITIALS[pack.ledger.scheme] for pack in PACKS if pack.ledger and name in pack.ledger.events}
    assert set(schemes.split(", ")) == taking
    for cited in article.split(", "):
        source, _, citation = cited.partition(" ")
        assert found(source, citation), cited
