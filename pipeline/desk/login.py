"""Logging in and out. Tries are few: by the account's name and by the address that they come from."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pipeline.desk import events
from pipeline.desk.accounts import Accounts
from pipeline.desk.door import Door, check_origin
from pipeline.desk.journal import Entry
from pipeline.desk.pages import rendered
from pipeline.desk.rights import WORK
from pipeline.desk.visit import Moved, Refused, Visit
from pipeline.telemetry.desk_metrics import DeskMetrics
from pipeline.telemetry.events import Teller
from pipeline.web.rates import Rates
from rules.text import Lang, Pair, pick

_TRIES_A_SECOND = 1 / 30
_TRIES_AT_ONCE = 5
_FROM_ONE_ADDRESS = 20

WRONG: Pair = ("用户名或密码不对。", "The name or the password is wrong.")
LIMITED: Pair = ("尝试次数过多，请稍候再试。", "Too many tries; wait a little before the next.")


class LogIn:
    """The page of the log-in."""

    def __init__(self, door: Door, accounts: Accounts, teller: Teller[DeskMetrics]) -> None:
        self._door, self._accounts, self._teller = door, accounts, teller
        self._by_name = Rates(_TRIES_A_SECOND, _TRIES_AT_ONCE)
        self._by_address = Rates(_TRIES_A_SECOND * 4, _FROM_ONE_ADDRESS)

    async def page(self, request: Request) -> Response:
        """`GET /login`."""
        return await self._door.answered(request, "login", lambda _form, lang: self._form(request, lang, None, 200))

    async def enter(self, request: Request) -> Response:
        """`POST /login`."""
        return await self._door.answered(request, "login", lambda form, lang: self._entered(request, form, lang))

    def leave(self, visit: Visit) -> Moved:
        """`POST /logout`."""
        self._door.keep(visit.entry("log_out", "desk"))
        self._accounts.log_out(visit.session)
        return Moved("/login", {self._door.cookies.session: None})

    def _entered(self, request: Request, form: dict[str, str], lang: Lang) -> Response:
        check_origin(request)
        name, password = form.get("name", "").strip().lower(), form.get("password", "")
        known = self._accounts.known(name)
        address = "" if request.client is None else request.client.host
        # Names that nobody has share one allowance: they would fill the memory.
        if self._by_name.wait_s("" if known is None else name, 1) or self._by_address.wait_s(address, 1):
            self._teller.tell(events.LogInTried("limited"))
            return self._form(request, lang, LIMITED, 429)
        entered = self._accounts.log_in(name, password)
        if entered is None:
            # What was typed as a name may be a password: it is not written down.
            who = (
                ("unknown", "unknown", "unknown") if known is None else (known.name, str(known.role), WORK[known.role])
            )
            self._door.keep(Entry(who[0], who[1], "log_in_refused", "desk", who[2]))
            self._teller.tell(events.LogInTried("refused"))
            return self._form(request, lang, WRONG, 401)
        token, session = entered
        account = session.account
        try:
            self._door.keep(Entry(account.name, str(account.role), "log_in", "desk", WORK[account.role]))
        except Refused:
            self._accounts.log_out(session)
            raise
        self._teller.tell(events.LogInTried("done"))
        response = RedirectResponse(_inside(form.get("next", "")), 303)
        self._door.cookies.set(response, self._door.cookies.session, token)
        return response

    def _form(self, request: Request, lang: Lang, problem: Pair | None, status: int) -> Response:
        values = {
            "problem": None if problem is None else pick(problem, lang),
            "next": _inside(request.query_params.get("next", "")),
            "account": None,
            "csrf": "",
        }
        text = rendered("login.html.j2", lang, "/login", request.query_params, values)
        return Response(text, status, media_type="text/html; charset=utf-8")


def _inside(path: str) -> str:
    """A page of the desk to go on to; nobody is sent elsewhere."""
    safe = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if safe else "/"
