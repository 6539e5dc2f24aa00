"""The pages of the desk as an ASGI application: which path needs which right."""

from __future__ import annotations

from functools import cache
from importlib import resources

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pipeline.desk.case import Cases
from pipeline.desk.door import HEADERS, LANGUAGE, Door
from pipeline.desk.inbox import Inbox
from pipeline.desk.login import LogIn
from pipeline.desk.pages import link
from pipeline.desk.people import People
from pipeline.desk.rights import Right
from pipeline.desk.visit import Moved, Refused, Shown, Visit, not_found
from pipeline.web.language import language
from rules.text import Pair

_WRONG_METHOD: Pair = ("此页不接受这种请求。", "This page does not take such a request.")


def desk_app(door: Door, login: LogIn, inbox: Inbox, cases: Cases, people: People) -> Starlette:
    """The application. A route without a right is open to whoever is logged in; /login and /desk.css are open to all."""
    guarded = door.guarded

    async def not_there(request: Request, error: Exception) -> Response:
        refused = not_found()
        if isinstance(error, HTTPException) and error.status_code == 405:
            refused = Refused(405, _WRONG_METHOD)
        lang = language(
            request.query_params.get("lang") or request.cookies.get(LANGUAGE),
            request.headers.get("accept-language", ""),
        )
        response = door.refusal(request, refused, lang)
        response.headers.update(HEADERS)
        return response

    return Starlette(
        routes=[
            Route("/login", login.page, methods=["GET"]),
            Route("/login", login.enter, methods=["POST"]),
            Route("/desk.css", _style, methods=["GET"]),
            Route("/", guarded("home", None, home), methods=["GET"]),
            Route("/logout", guarded("logout", None, login.leave), methods=["POST"]),
            Route("/look-up", guarded("look_up", None, look_up), methods=["GET"]),
            Route("/inbox", guarded("inbox", Right.CASES, inbox.page), methods=["GET"]),
            Route("/inbox.csv", guarded("export", Right.EXPORT, inbox.export), methods=["GET"]),
            Route("/cases/{case_id}", guarded("case", Right.CASES, cases.page), methods=["GET"]),
            Route("/cases/{case_id}", guarded("act", Right.ACT, cases.act), methods=["POST"]),
            Route("/people/{area}/{code}", guarded("person", Right.PEOPLE, people.person), methods=["GET"]),
            Route(
                "/institutions/{area}/{code}",
                guarded("institution", Right.INSTITUTIONS, people.institution),
                methods=["GET"],
            ),
        ],
        exception_handlers={HTTPException: not_there},
    )


def home(visit: Visit) -> Shown | Moved:
    """`GET /`: the page where somebody's work begins."""
    account = visit.account
    if account.may(Right.CASES):
        return Moved("/inbox")
    if account.physician is not None and len(account.areas) == 1:
        return Moved(link("people", *account.areas, account.physician))
    return Shown("home.html.j2", {}, visit.entry("look", "home"))


def look_up(visit: Visit) -> Moved:
    """`GET /look-up`: the page of a case, a person or an institution by its code."""
    kind, code, area = (visit.query.get(name, "").strip() for name in ("kind", "code", "area"))
    if kind == "case" and code:
        return Moved(link("cases", code))
    if kind in ("people", "institutions") and code and area:
        return Moved(link(kind, area, code))
    raise Refused(400, ("请填写统筹区和代码。", "Give the area and the code."))


@cache
def _sheet() -> str:
    return (resources.files("pipeline.desk") / "templates" / "desk.css").read_text("utf-8")


def _style(_request: Request) -> Response:
    cached = {"Cache-Control": "max-age=300", "X-Content-Type-Options": "nosniff"}
    return Response(_sheet(), media_type="text/css; charset=utf-8", headers=cached)
