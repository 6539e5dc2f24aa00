"""A browser gets the first page of a process in its own language."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from pipeline.settings.packs import load_pack_set
from pipeline.web.server import StatusServer
from pipeline.web.status_page import StatusPage
from tests.support.pages import browse


@pytest.mark.parametrize(("accepts", "title"), [("zh-CN", "闸口"), ("en-GB", "Gate")])
def test_a_browser_shows_the_first_page_in_its_own_language(accepts: str, title: str) -> None:
    def well() -> tuple[bool, dict[str, object]]:
        return True, {"instance": "gate-1"}

    registry = CollectorRegistry()
    home = StatusPage(registry, well, title=("闸口", "Gate"), version="1", packs=load_pack_set(), tiles=(), listings=())
    server = StatusServer("127.0.0.1", 0, registry, well, well, home=home)
    try:
        page = browse(f"http://127.0.0.1:{server.port}", "--dump-dom", f"--accept-lang={accepts}")
    finally:
        server.close()
        home.close()
    assert f'<html lang="{"en" if title == "Gate" else "zh-CN"}">' in page
    assert title in page
