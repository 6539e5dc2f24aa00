"""In which language a page answers: as asked, then as the browser prefers, then Chinese."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from pipeline.settings.packs import load_pack_set
from pipeline.web.server import StatusServer
from pipeline.web.status_page import StatusPage
from tests.support.pages import browse


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A process with a status page, and another page that tells the language that it was asked in."""

    def well() -> tuple[bool, dict[str, object]]:
        return True, {"instance": "gate-1"}

    registry = CollectorRegistry()
    home = StatusPage(registry, well, title=("闸口", "Gate"), version="1", packs=load_pack_set(), tiles=(), listings=())
    server = StatusServer(
        "127.0.0.1", 0, registry, well, well, home=home,
        pages={"/echo": lambda _path, query: (200, "text/plain; charset=utf-8", query["lang"].encode())},
    )  # fmt: skip
    yield f"http://127.0.0.1:{server.port}"
    server.close()
    home.close()


@pytest.mark.parametrize(
    ("query", "accepted", "language"),
    [
        ("", None, "zh"),
        ("", "", "zh"),
        ("", "en-US,en;q=0.9", "en"),
        ("", "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("", "de-DE,de;q=0.9,en;q=0.7,zh;q=0.3", "en"),
        ("", "en;q=0.2, zh-TW;q=0.6", "zh"),
        ("", "fr,*;q=0.5", "zh"),
        ("", "en;q=0", "zh"),
        ("", "en;q=much, ;;,", "zh"),
        ("?lang=en", "zh-CN", "en"),
        ("?lang=zh", "en-US", "zh"),
        ("?lang=fr", "en-US", "en"),
        ("?lang=", None, "zh"),
    ],
)
def test_the_address_wins_then_the_browser_then_chinese(
    address: str, query: str, accepted: str | None, language: str
) -> None:
    asked = urllib.request.Request(
        f"{address}/echo{query}", headers={} if accepted is None else {"Accept-Language": accepted}
    )
    with urllib.request.urlopen(asked, timeout=10) as answer:
        assert answer.read().decode() == language


@pytest.mark.parametrize(("accepts", "title"), [("zh-CN", "闸口"), ("en-GB", "Gate")])
def test_a_browser_shows_the_first_page_in_its_own_language(address: str, accepts: str, title: str) -> None:
    page = browse(address, "--dump-dom", f"--accept-lang={accepts}")
    assert f'<html lang="{"en" if title == "Gate" else "zh-CN"}">' in page
    assert title in page
