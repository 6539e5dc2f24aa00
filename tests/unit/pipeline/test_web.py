"""The HTTP side of a process: its port, its probes, who may see its pages, in which language, and what an error becomes."""

from __future__ import annotations

import base64
import io
import json
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
import trustme
from prometheus_client import CollectorRegistry, Counter

from pipeline.settings.model import LogFormat
from pipeline.telemetry.logs import configure_logs
from pipeline.web.app import Page
from pipeline.web.server import StatusServer

Serve = Callable[..., StatusServer]


def well() -> tuple[bool, dict[str, object]]:
    return True, {"instance": "gate-1"}


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts pages of a process; none outlives the test."""
    made: list[StatusServer] = []

    def start(
        port: int = 0, ready: Callable[[], tuple[bool, dict[str, object]]] = well, **given: object
    ) -> StatusServer:
        registry = CollectorRegistry()
        Counter("claims", "Claims judged", registry=registry).inc(3)
        made.append(StatusServer("127.0.0.1", port, registry, well, ready, **given))  # type: ignore[arg-type]
        return made[-1]

    yield start
    for server in made:
        server.close()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the process logs."""
    stream = io.StringIO()
    configure_logs(LogFormat.JSON, "info", stream)
    yield stream
    structlog.reset_defaults()


def events(log: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def ask(server: StatusServer, path: str, **headers: str) -> tuple[int, str, str]:
    """Status, content type and body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", headers=named)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read().decode()


def echo(_path: str, query: dict[str, str]) -> tuple[int, str, bytes]:
    return 200, "text/plain; charset=utf-8", query["lang"].encode()


def broken(_path: str, _query: dict[str, str]) -> tuple[int, str, bytes]:
    raise LookupError("no such column")


# -- pages --------------------------------------------------------------------------------------------------------


def test_a_process_shows_its_metrics_its_probes_and_its_pages(serve: Serve) -> None:
    server = serve(pages={"/physicians/": lambda path, _query: (200, "text/plain; charset=utf-8", path.encode())})
    status, kind, text = ask(server, "/metrics")
    assert (status, kind.partition(";")[0]) == (200, "text/plain")
    assert "claims_total 3.0" in text
    assert ask(server, "/healthz") == (200, "application/json; charset=utf-8", '{"ok": true, "instance": "gate-1"}\n')
    sent_as_it_was = "/physicians/522700/D%2F1%20x"
    assert ask(server, f"{sent_as_it_was}?lang=en")[2] == sent_as_it_was
    status, _, told = ask(server, "/nowhere")
    assert status == 404
    assert told == "not found; there are /metrics, /healthz, /readyz, /physicians/\n"


def test_a_process_that_is_not_ready_answers_503_with_the_reason(serve: Serve) -> None:
    status, _, told = ask(serve(ready=lambda: (False, {"waits_for": "登记簿"})), "/readyz")
    assert (status, json.loads(told)) == (503, {"ok": False, "waits_for": "登记簿"})


@pytest.mark.parametrize("place", ["/page", "/", "/readyz"])
def test_an_error_in_a_page_is_answered_with_500_and_logged_and_the_pages_go_on(
    serve: Serve, log: io.StringIO, place: str
) -> None:
    def fails() -> tuple[bool, dict[str, object]]:
        raise LookupError("no such column")

    page: Page = broken
    server = serve(pages={"/page": page}, home=page, ready=fails)
    status, _, told = ask(server, place)
    assert status == 500
    assert "no such column" not in told, "the reader of a page is told where to look, not what the process is made of"
    (failed,) = events(log)
    assert (failed["event"], failed["path"], failed["error"]) == ("page_failed", place, "LookupError: no such column")
    assert "Traceback" in str(failed["exception"])
    assert ask(server, "/healthz")[0] == 200


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
    serve: Serve, query: str, accepted: str | None, language: str
) -> None:
    headers = {} if accepted is None else {"Accept_Language": accepted}
    assert ask(serve(pages={"/echo": echo}), f"/echo{query}", **headers)[2] == language


# -- who may see them ---------------------------------------------------------------------------------------------


def test_guarded_pages_ask_for_the_token_and_probes_do_not(serve: Serve) -> None:
    server = serve(home=echo, token="open-sesame")
    basic = base64.b64encode(b"anyone:open-sesame").decode()
    for path in ("/", "/metrics", "/nowhere"):
        found = 404 if path == "/nowhere" else 200
        assert ask(server, path)[0] == 401
        assert ask(server, path, Authorization="Bearer wrong")[0] == 401
        assert ask(server, path, Authorization="Basic !!!")[0] == 401
        assert ask(server, path, Authorization="Bearer open-sesame")[0] == found
        assert ask(server, path, Authorization=f"Basic {basic}")[0] == found
    assert (ask(server, "/healthz")[0], ask(server, "/readyz")[0]) == (200, 200)


# -- ports --------------------------------------------------------------------------------------------------------


def test_a_second_process_on_a_machine_takes_the_next_free_port_and_says_so(serve: Serve, log: io.StringIO) -> None:
    first = serve(token="open-sesame")
    second = serve(first.port)
    assert first.port < second.port <= first.port + 100
    (moved,) = events(log)
    assert (moved["event"], moved["level"]) == ("metrics_port_moved", "warning")
    assert (moved["asked"], moved["taken"]) == (first.port, second.port)
    assert ask(second, "/healthz")[0] == 200


def test_the_port_of_another_program_is_left_to_it_and_told(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.web.server._ASK_S", 0.2)  # the other program never answers
    with socket.create_server(("127.0.0.1", 0)) as stranger, pytest.raises(OSError, match="in use"):
        serve(stranger.getsockname()[1])


def test_pages_are_served_over_tls_where_a_certificate_is_set(serve: Serve, log: io.StringIO, tmp_path: Path) -> None:
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1")
    made.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    made.private_key_pem.write_to_path(tmp_path / "key.pem")
    server = serve(tls=(tmp_path / "cert.pem", tmp_path / "key.pem"))
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    assert server.address.startswith("https://")
    with urllib.request.urlopen(f"{server.address}/healthz", context=trusting, timeout=10) as answer:
        assert answer.status == 200
    with pytest.raises(OSError, match="closed"):
        ask(server, "/healthz")
    assert serve(server.port, tls=(tmp_path / "cert.pem", tmp_path / "key.pem")).port > server.port, (
        "it knows its neighbour"
    )


def test_a_certificate_that_cannot_be_used_is_told_and_nothing_is_served(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("no certificate")
    with pytest.raises(OSError, match="PEM"):
        serve(tls=(tmp_path / "cert.pem", tmp_path / "cert.pem"))
