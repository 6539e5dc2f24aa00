"""What every request passes: who it is, what they may, whether a form is ours, and the journal before anything is shown."""

from __future__ import annotations

import asyncio
import datetime as dt
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pipeline.desk import events
from pipeline.desk.accounts import Accounts, Session
from pipeline.desk.journal import Entry, JournalClosed, Recorder
from pipeline.desk.pages import rendered
from pipeline.desk.rights import Right
from pipeline.desk.visit import Download, Moved, Refused, Shown, Visit, not_found
from pipeline.telemetry.desk_metrics import DeskMetrics
from pipeline.telemetry.events import Teller
from pipeline.web.language import language
from rules.events import CHINA
from rules.text import Lang, pick

LANGUAGE = "desk_lang"
_MOST_BODY = 64 * 1024
_MOST_FIELDS = 50
_BODY_WITHIN_S = 10.0
_READING = ("GET", "HEAD")
_FORM = "application/x-www-form-urlencoded"

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}

Page = Callable[[Visit], Shown | Download | Moved]


@dataclass(frozen=True, slots=True)
class Cookies:
    """How the browser keeps what it is given. Over TLS the name of the session binds it to this host."""

    secure: bool

    @property
    def session(self) -> str:
        """The name of the session's cookie."""
        return "__Host-desk" if self.secure else "desk"

    def set(self, response: Response, name: str, value: str | None) -> None:
        """Sets a cookie, or takes it away (None)."""
        age = 0 if value is None else None
        response.set_cookie(
            name, value or "", max_age=age, path="/", secure=self.secure, httponly=True, samesite="strict"
        )


class Door:
    """Lets requests in, or answers why not. `ready` says whether pages can be shown at present."""

    def __init__(
        self, accounts: Accounts, journal: Recorder, teller: Teller[DeskMetrics], cookies: Cookies,
        ready: Callable[[], bool], now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:  # fmt: skip
        self._accounts, self._journal, self._teller = accounts, journal, teller
        self.cookies, self._ready, self.now = cookies, ready, now

    def guarded(self, route: str, right: Right | None, page: Page) -> Callable[[Request], object]:
        """The endpoint of a page for those who are logged in and have a right (None: whoever is logged in)."""

        async def endpoint(request: Request) -> Response:
            return await self.answered(
                request, route, lambda form, lang: self._visited(request, right, page, form, lang)
            )

        return endpoint

    async def answered(
        self, request: Request, route: str, work: Callable[[dict[str, str], Lang], Response]
    ) -> Response:
        """Answers a request, whatever becomes of it, on a thread that may take its time."""
        started = time.monotonic()
        lang = language(
            request.query_params.get("lang") or request.cookies.get(LANGUAGE),
            request.headers.get("accept-language", ""),
        )
        outcome = "shown"
        try:
            form = await self._form(request) if request.method == "POST" else {}
            response = await run_in_threadpool(work, form, lang)
        except Refused as refused:
            outcome = "limited" if refused.status == 429 else "refused"
            response = self.refusal(request, refused, lang)
        except Exception as error:
            outcome = "failed"
            self._teller.tell(events.DeskPageFailed(route, f"{type(error).__name__}: {error}", error))
            told = ("此页未能生成，详情见进程日志。", "This page could not be made; the log of the process says why.")
            response = self.refusal(request, Refused(500, told), lang)
        response.headers.update(HEADERS)
        if self.cookies.secure:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        response.headers["Content-Language"] = lang
        if request.query_params.get("lang") == lang:
            self.cookies.set(response, LANGUAGE, lang)
        ms = round((time.monotonic() - started) * 1000, 2)
        self._teller.tell(events.PageAnswered(route, response.status_code, ms, outcome))
        return response

    def session(self, request: Request) -> Session | None:
        """Who asks."""
        return self._accounts.session(request.cookies.get(self.cookies.session, ""))

    def refusal(self, request: Request, refused: Refused, lang: Lang) -> Response:
        """The page that says why not."""
        values = {"status": refused.status, "told": pick(refused.told, lang), "account": None, "csrf": ""}
        return _html(rendered("refused.html.j2", lang, request.url.path, request.query_params, values), refused.status)

    def _visited(self, request: Request, right: Right | None, page: Page, form: dict[str, str], lang: Lang) -> Response:
        session = self.session(request)
        if session is None:
            if request.method not in _READING:
                raise Refused(
                    401, ("登录已过期，请重新登录后再操作。", "You are not logged in any more; log in and do it again.")
                )
            back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/login?next={quote(back, safe='')}", 303)
        if request.method not in _READING:
            check_origin(request)
            if not hmac.compare_digest(form.pop("csrf", "").encode(), session.csrf.encode()):
                raise Refused(
                    403, ("表单已失效，请重新打开页面。", "This form is not valid any more; open the page again.")
                )
        if right is not None and not session.account.may(right):
            raise not_found()
        if not self._ready():
            raise Refused(
                503, ("工作台正在准备数据，请稍后再试。", "The desk is still reading; try again in a moment.")
            )
        at = self.now()
        visit = Visit(
            session, lang, request.path_params, dict(request.query_params), form, at, at.astimezone(CHINA).date()
        )
        return self._shown(request, visit, page(visit))

    def _shown(self, request: Request, visit: Visit, answer: Shown | Download | Moved) -> Response:
        if isinstance(answer, Moved):
            response: Response = RedirectResponse(answer.to, 303)
            for name, value in answer.cookies.items():
                self.cookies.set(response, name, value)
            return response
        if isinstance(answer, Download):
            content = ("\ufeff" + answer.text).encode()  # spreadsheets know UTF-8 by its mark
            response = Response(content, media_type="text/csv; charset=utf-8")
            response.headers["Content-Disposition"] = f'attachment; filename="{answer.name}"'
        else:
            values = {**answer.values, "account": visit.account, "csrf": visit.session.csrf, "today": visit.today}
            response = _html(rendered(answer.template, visit.lang, request.url.path, request.query_params, values), 200)
            if answer.refresh_s is not None:
                response.headers["Refresh"] = str(answer.refresh_s)
        self.keep(answer.entry)
        return response

    def keep(self, entry: Entry) -> None:
        """Writes an entry of the journal. Raises Refused where that is not possible: what is not written is not shown."""
        try:
            self._journal.record(entry)
        except JournalClosed:
            told = (
                "操作日志暂时无法写入，因此不能显示此页，也未执行任何操作。",
                "The journal cannot be written at present, so this page is not shown and nothing was done.",
            )
            raise Refused(503, told) from None

    async def _form(self, request: Request) -> dict[str, str]:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
            raise Refused(415, ("只接受表单。", "Only forms are taken here."))
        body = b""
        try:
            async with asyncio.timeout(_BODY_WITHIN_S):
                async for part in request.stream():
                    body += part
                    if len(body) > _MOST_BODY:
                        raise Refused(413, ("表单过大。", "The form is too large."))
            return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
        except (ValueError, TimeoutError):
            raise Refused(400, ("表单无法读取。", "The form cannot be read.")) from None


def check_origin(request: Request) -> None:
    """Raises Refused for a form that a page of another site sends, where the browser tells."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    foreign = site is not None and site not in ("same-origin", "none")
    if origin is not None and origin != "null":
        foreign = foreign or origin.partition("://")[2] != request.headers.get("host", "")
    if foreign:
        raise Refused(403, ("请从本站页面提交表单。", "Send this form from a page of this site."))


def _html(text: str, status: int) -> Response:
    return Response(text, status, media_type="text/html; charset=utf-8")
