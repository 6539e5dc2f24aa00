"""The documentation site is whole: every page is on it, every link leads somewhere, and it needs nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.devtools import docs_site
from pipeline.devtools.docs_site import NAVIGATION, ROOT, build, decisions


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("docs")
    assert build(place) == []
    return place / "site"


def test_every_page_of_the_documentation_is_on_the_site(site: Path) -> None:
    named = {page for section in NAVIGATION.values() for page in section.values()}
    named |= {str(page.relative_to(ROOT)) for page in decisions()}
    assert {str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md")} <= named
    built = {str(page.relative_to(site)) for page in site.rglob("*.html")}
    wanted = {re.sub(r"README\.md$", "index.md", page).removesuffix(".md") + ".html" for page in named}
    assert wanted <= built


def test_a_reader_without_a_network_sees_the_whole_site(site: Path) -> None:
    loaded = re.compile(r"<(?:script|img|link|iframe)\b[^>]*(?:src|href)=\"?(https?://[^\"\s>]+)")
    outside = {url for page in site.rglob("*.html") for url in loaded.findall(page.read_text("utf-8"))}
    assert outside == set()


def test_a_link_that_leads_nowhere_ends_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "README.md"
    page.write_text("# A page\n\n[gone](nowhere.md)\n", "utf-8")
    monkeypatch.setattr(docs_site, "ROOT", tmp_path)
    monkeypatch.setattr(docs_site, "NAVIGATION", {})
    monkeypatch.setattr(docs_site, "decisions", lambda: [page])
    (found,) = [line for line in build(tmp_path / "made") if "nowhere.md" in line]
    assert "README.md" in found
