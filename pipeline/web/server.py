"""The HTTP pages of a process: /metrics, /healthz, /readyz, and what else it has to show."""

from __future__ import annotations

import base64
import hmac
import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from rules.wording.labels import Lang

Check = Callable[[], tuple[bool, dict[str, Any]]]
"""Answers whether all is well, and details for people."""

Page = Callable[[str, dict[str, str]], tuple[int, str, bytes]]
"""Answers a path and its query with status, content type and body. The query's `lang` is always zh or en."""


def language(asked: str | None, accepted: str) -> Lang:
    """The language of a page: what `?lang=` asks for, then what the browser prefers (`Accept-Language`), then Chinese."""
    known: dict[str, Lang] = {"zh": "zh", "en": "en"}
    if asked in known:
        return known[asked]
    best: tuple[float, Lang] = (0.0, "zh")
    for item in accepted.split(","):
        tag, _, weight = item.partition(";")
        found = known.get(tag.strip().partition("-")[0].lower())
        if found is not None and _weight(weight) > best[0]:
            best = (_weight(weight), found)
    return best[1]


def _weight(text: str) -> float:
    """The weight of a language (RFC 9110, 12.4.2): 1 without any; one that cannot be read counts for nothing."""
    name, _, value = text.strip().partition("=")
    try:
        return float(value) if name == "q" else float(not name)
    except ValueError:
        return 0.0


class StatusServer:
    """Serves the pages from threads of its own. `port` is the port taken, also when 0 was asked for.

    `pages` are further ones, by the beginning of their paths; `home` is the one at `/`. With a `token`, all but the two probes
    ask for it: as a bearer token, or as the password of any name, which a browser can ask its user for.
    """

    def __init__(
        self,
        host: str,
        port: int,
        registry: CollectorRegistry,
        healthy: Check,
        ready: Check,
        pages: Mapping[str, Page] | None = None,
        home: Page | None = None,
        token: str | None = None,
    ) -> None:
        handler = _handler(registry, {"/healthz": healthy, "/readyz": ready}, pages or {}, home, token)
        self._server = ThreadingHTTPServer((host, port), handler)
        self._server.daemon_threads = True
        self.host = host
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="status-pages", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)


def _allowed(authorization: str, token: str | None) -> bool:
    if token is None:
        return True
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode().partition(":")[2]
        except ValueError:
            return False
    return hmac.compare_digest(given.strip().encode(), token.encode())


def _handler(
    registry: CollectorRegistry,
    checks: dict[str, Check],
    pages: Mapping[str, Page],
    home: Page | None,
    token: str | None,
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the base class names it so
            path, _, query = self.path.partition("?")
            page = home if path == "/" else next((pages[start] for start in pages if path.startswith(start)), None)
            if path not in checks and not _allowed(self.headers.get("Authorization", ""), token):
                self._answer(401, "text/plain; charset=utf-8", b"a token is needed: Authorization: Bearer TOKEN\n")
            elif path == "/metrics":
                encode, content_type = choose_encoder(self.headers.get("Accept", ""))
                self._answer(200, content_type, encode(registry))
            elif path in checks:
                good, details = checks[path]()
                body = json.dumps({"ok": good, **details}, ensure_ascii=False).encode() + b"\n"
                self._answer(200 if good else 503, "application/json; charset=utf-8", body)
            elif page is not None:
                asked = dict(parse_qsl(query))
                lang = language(asked.get("lang"), self.headers.get("Accept-Language", ""))
                self._answer(*page(path, {**asked, "lang": lang}))
            else:
                known = ", ".join((*(["/"] if home else []), "/metrics", *checks, *pages))
                self._answer(404, "text/plain; charset=utf-8", f"not found; there are {known}\n".encode())

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="screening"')
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # the base class names it so
            """Page views are not logged: a scrape every few seconds would drown the events."""

    return Handler
