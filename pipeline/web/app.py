"""The pages of a process as an ASGI application: /metrics, /healthz, /readyz, and what else it has to show."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.telemetry.events import Teller
from pipeline.telemetry.logs import logger
from pipeline.web.events import PageFailed
from pipeline.web.language import language

Check = Callable[[], tuple[bool, dict[str, Any]]]
"""Answers whether all is well, and details for people."""

Page = Callable[[str, dict[str, str]], tuple[int, str, bytes]]
"""Answers a path and its query with status, content type and body. The query's `lang` is always zh or en."""

_UNGUARDED = frozenset({"/healthz", "/readyz"})
_PAGES = _UNGUARDED | {"/metrics"}


def status_app(
    registry: CollectorRegistry,
    healthy: Check,
    ready: Check,
    *,
    pages: Mapping[str, Page] | None = None,
    home: Page | None = None,
    token: str | None = None,
) -> Starlette:
    """The application of a process.

    `pages` are further ones, by the beginning of their paths; `home` is the one at `/`. With a `token`, all but the two probes
    ask for it: as a bearer token, or as the password of any name, which a browser can ask its user for. Pages and checks run on
    threads of their own: they may take their time. One that raises is answered with 500 and logged.
    """

    def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"Content-Type": content_type})

    routes = [
        Route("/metrics", _answering(metrics)),
        Route("/healthz", _answering(_checked(healthy))),
        Route("/readyz", _answering(_checked(ready))),
        *([Route("/", _answering(_shown(home)))] if home else []),
        *(Route(f"{start}{{rest:path}}", _answering(_shown(page))) for start, page in (pages or {}).items()),
    ]
    known = [*(["/"] if home else []), "/metrics", "/healthz", "/readyz", *(pages or {})]

    async def not_found(_request: Request, _error: Exception) -> Response:
        return PlainTextResponse(f"not found; there are {', '.join(known)}\n", 404)

    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, token=token, unguarded=_UNGUARDED)] if token is not None else [],
        exception_handlers={404: not_found},
    )


def _answering(answer: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """The endpoint, whose errors are answered with 500 and logged; never with a dropped connection."""
    teller = Teller(logger(component="pages"), None)

    def endpoint(request: Request) -> Response:
        try:
            return answer(request)
        except Exception as error:
            teller.tell(PageFailed(request.url.path, f"{type(error).__name__}: {error}", error))
            return PlainTextResponse("this page could not be made; the log of the process says why\n", 500)

    return endpoint


def _checked(check: Check) -> Callable[[Request], Response]:
    def answer(_request: Request) -> Response:
        good, details = check()
        told = json.dumps({"ok": good, **details}, ensure_ascii=False) + "\n"
        return Response(told, 200 if good else 503, headers={"Content-Type": "application/json; charset=utf-8"})

    return answer


def _shown(page: Page) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        asked = dict(request.query_params)
        lang = language(asked.get("lang"), request.headers.get("accept-language", ""))
        path = request.scope["raw_path"].decode("ascii")  # as it was sent: what a name in it means is the page's affair
        status, content_type, body = page(path, {**asked, "lang": lang})
        return Response(body, status, headers={"Content-Type": content_type})

    return answer


def beside(pages: ASGIApp, others: ASGIApp) -> ASGIApp:
    """The pages of a process (those of `status_app`) and, at all other paths, what else it answers."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await (pages if scope.get("path") in _PAGES else others)(scope, receive, send)

    return app


class Guard:
    """Lets nobody through without the token, save to the paths that are unguarded."""

    def __init__(self, app: ASGIApp, token: str, unguarded: frozenset[str]) -> None:
        self._app, self._token, self._unguarded = app, token, unguarded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 401 or hands the request on."""
        if scope["type"] == "http" and scope["path"] not in self._unguarded:
            request = Request(scope)
            if not allowed(request.headers.get("authorization", ""), self._token):
                refusal = PlainTextResponse(
                    "a token is needed: Authorization: Bearer TOKEN\n",
                    401,
                    headers={"WWW-Authenticate": 'Basic realm="screening"'},
                )
                return await refusal(scope, receive, send)
        return await self._app(scope, receive, send)


def allowed(authorization: str, token: str) -> bool:
    """Whether a request's `Authorization` carries the token: as a bearer token, or as the password of any name."""
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode().partition(":")[2]
        except ValueError:
            return False
    return hmac.compare_digest(given.strip().encode(), token.encode())
