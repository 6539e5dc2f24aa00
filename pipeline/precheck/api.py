"""The HTTP interface: who asks is known and within bounds, the question waits for the judging thread, the answer is written."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from pipeline.precheck.answers import ClaimAnswer
from pipeline.precheck.asking import Question, QueueFull, RegisterHeld, Waiting
from pipeline.precheck.bodies import MOST_CLAIMS, claims_of, read_body
from pipeline.precheck.days import AskedDay
from pipeline.precheck.events import RequestAnswered, RequestFailed
from pipeline.precheck.guard import Caller, Tokens
from pipeline.precheck.judging import AskedClaims, AskedStanding, ClaimsAnswer
from pipeline.precheck.problems import Problem, field_errors, pointer
from pipeline.precheck.shapes import DayAnswer, FieldError, ProblemBody, RegisterTold
from pipeline.settings.model import Settings
from pipeline.telemetry.events import Teller
from pipeline.telemetry.precheck_metrics import PrecheckMetrics
from pipeline.web.language import language
from pipeline.web.rates import Rates
from pipeline.web.server import tls_certificate
from rules.events import CHINA
from rules.text import Lang
from topics.claims.codec import problems_of
from topics.fields import DATE_PATTERN, MAX_IDENTIFIER, REGION_PATTERN
from topics.normalisation import normal_code

AnswerT = TypeVar("AnswerT")

_GRACE_S = 5.0
"""So long beyond the wait for the register an answer may take."""
_RETRY_HELD_S = 2
_RETRY_BUSY_S = 1
_FIRST_DAY, _LAST_DAY = dt.date(1990, 1, 1), dt.date(2200, 1, 1)


Refuse = Callable[[Problem, Lang], Response]


class RefusedClaim(msgspec.Struct):
    """A claim of a list that is none; the others of the list are answered."""

    problem: ProblemBody


class ClaimsBody(msgspec.Struct):
    """Claims answered, in the order in which they were sent."""

    register: RegisterTold
    answers: list[ClaimAnswer | RefusedClaim]


class StandingBody(msgspec.Struct):
    """The standing of a day answered."""

    register: RegisterTold
    answer: DayAnswer


@dataclass(frozen=True, slots=True)
class Asked:
    """A request on its way: whose it is and in which language it is answered."""

    request: Request
    caller: Caller
    lang: Lang


@dataclass(frozen=True, slots=True)
class Done:
    """A request answered: how many claims it asked about, and whether the register was current."""

    content: bytes
    claims: int = 0
    current: bool | None = None


class Api:
    """The endpoints. `refusing` is why nothing is answered at present (`starting`, `stopping`), None otherwise."""

    def __init__(
        self, settings: Settings, waiting: Waiting, tokens: Tokens, teller: Teller[PrecheckMetrics],
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(CHINA),
    ) -> None:  # fmt: skip
        self._waiting, self._tokens, self._teller, self.now = waiting, tokens, teller, now
        self._rates = Rates(settings.precheck_claims_per_s, MOST_CLAIMS)
        self._most_bytes = settings.precheck_max_body_bytes
        self._within_s = settings.precheck_wait_ms / 1000 + _GRACE_S
        self.refusing: str | None = "starting"

    async def answered(
        self, request: Request, route: str, work: Callable[[Asked], Awaitable[Done]], refuse: Refuse | None = None
    ) -> Response:
        """Answers one request, whatever becomes of it, and tells of it without repeating what it said. `refuse` writes what is
        wrong in another form than problem details."""
        started = time.monotonic()
        lang = language(request.query_params.get("lang"), request.headers.get("accept-language", ""))
        caller = self._tokens.caller(request.headers.get("authorization", ""), tls_certificate(request.scope))
        done = Done(b"")
        outcome = "answered"
        try:
            if caller is None:
                raise Problem(
                    "token_needed",
                    "send Authorization: Bearer TOKEN, or connect with a certificate, that is known here",
                )
            if self.refusing is not None:
                raise Problem(self.refusing, retry_after=_RETRY_HELD_S)
            done = await work(Asked(request, caller, lang))
            response = Response(
                done.content,
                media_type="application/json",
                headers={"Content-Language": lang, "Cache-Control": "no-store"},
            )
        except Problem as problem:
            response, outcome = (refuse or Problem.response)(problem, lang), _outcome(problem.status)
        except ClientDisconnect:
            response, outcome = Response(status_code=400), "refused"  # nobody reads it
        except Exception as error:
            self._teller.tell(RequestFailed(route, f"{type(error).__name__}: {error}", error))
            response = (refuse or Problem.response)(Problem("failed", "the log of the process says more"), lang)
            outcome = "failed"
        self._teller.tell(
            RequestAnswered(
                route=route,
                caller="unknown" if caller is None else caller.name,
                status=response.status_code,
                claims=done.claims,
                current=done.current,
                ms=round((time.monotonic() - started) * 1000, 2),
                outcome=outcome,
            )
        )
        return response

    async def precheck(self, asked: Asked) -> Done:
        """`POST /v1/precheck`."""
        values, alone = claims_of(await self.body(asked))
        told = await self.judged(asked, values, alone=alone)
        refused = {letter.row: _refused(values[letter.row], asked.lang) for letter in told.refused}
        if len(refused) == len(values):
            raise Problem("not_valid", errors=_all_errors(values, alone=alone))
        answers: list[ClaimAnswer | RefusedClaim] = [
            refused[place] if place in refused else told.told[place].answer for place in range(len(values))
        ]
        body = ClaimsBody(told.register, answers)
        return Done(msgspec.json.encode(body), len(values), told.register.current)

    async def standing(self, asked: Asked) -> Done:
        """`GET /v1/physicians/{region}/{code}`."""
        question = AskedStanding(size=1, lang=asked.lang, asked=self._asked_day(asked))
        self._pace(asked.caller, 1)
        answer = await self._ask(question)
        if answer.told.foreign:
            raise Problem("not_yours", "your institution has not declared this physician")
        body = StandingBody(answer.register, answer.told.answer)
        return Done(msgspec.json.encode(body), 1, answer.register.current)

    async def body(self, asked: Asked) -> bytes:
        """The body of a request. Raises Problem."""
        return await read_body(asked.request, self._most_bytes)

    async def judged(self, asked: Asked, values: Sequence[bytes], *, alone: bool = False) -> ClaimsAnswer:
        """What is answered about claims. Raises Problem, also where one is another institution's."""
        self._pace(asked.caller, len(values))
        told = await self._ask(AskedClaims(size=len(values), lang=asked.lang, values=values))
        foreign = [place for place, one in sorted(told.told.items()) if not asked.caller.may_see(one.institution)]
        if foreign:
            errors = [
                FieldError(
                    "this institution is not one of your token",
                    pointer=pointer(["institution_code"] if alone else [place, "institution_code"]),
                )
                for place in foreign
            ]
            raise Problem("not_yours", errors=errors)
        return told

    def _pace(self, caller: Caller, claims: int) -> None:
        wait_s = self._rates.wait_s(caller.name, claims)
        if wait_s:
            raise Problem("rate", "wait before asking again", retry_after=max(1, round(wait_s + 0.5)))

    async def _ask(self, question: Question[AnswerT]) -> AnswerT:
        try:
            self._waiting.put(question)
        except QueueFull:
            raise Problem("queue_full", "wait before asking again", retry_after=_RETRY_BUSY_S) from None
        try:
            return await asyncio.wait_for(asyncio.wrap_future(question.future), self._within_s)
        except TimeoutError:
            raise Problem("too_busy", retry_after=_RETRY_BUSY_S) from None
        except RegisterHeld as held:
            raise Problem("register_held", str(held), retry_after=_RETRY_HELD_S) from None

    def _asked_day(self, asked: Asked) -> AskedDay:
        path, query = asked.request.path_params, asked.request.query_params
        errors: list[FieldError] = []

        def wrong(name: str, reason: str, code: str = "invalid_value") -> None:
            errors.append(FieldError(reason, code, parameter=name))

        region, code = normal_code(path["region"]), normal_code(path["code"])
        if not _matches(REGION_PATTERN, region):
            wrong("region", "expected an administrative division code of six digits")
        if not 0 < len(code) <= MAX_IDENTIFIER:
            wrong("code", f"expected the code of a physician, at most {MAX_IDENTIFIER} characters")
        given = normal_code(query.get("institution", ""))
        own = asked.caller.institutions
        if not given and own is not None and len(own) == 1:
            (given,) = own
        if not 0 < len(given) <= MAX_IDENTIFIER:
            wrong("institution", "the code of the institution is needed", "missing_field")
        on = self.now().date()
        if "on" in query:
            try:
                on = dt.date.fromisoformat(query["on"] if _matches(DATE_PATTERN, query["on"]) else "")
            except ValueError:
                wrong("on", "expected a calendar date as YYYY-MM-DD")
        if not _FIRST_DAY <= on <= _LAST_DAY:
            wrong("on", f"expected a day from {_FIRST_DAY} to {_LAST_DAY}")
        if errors:
            raise Problem("not_valid", errors=errors)
        if not asked.caller.may_see(given):
            raise Problem("not_yours", errors=[FieldError("not one of your token", parameter="institution")])
        return AskedDay(region, code, given, on, own=own is not None)


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern, text, re.ASCII) is not None


def _outcome(status: int) -> str:
    if status in (401, 403):
        return "forbidden"
    if status == 429:
        return "limited"
    if status == 503:
        return "held"
    return "refused" if status < 500 else "failed"


def _refused(value: bytes, lang: Lang) -> RefusedClaim:
    return RefusedClaim(Problem("not_valid", errors=field_errors(problems_of(value))).body(lang))


def _all_errors(values: Sequence[bytes], *, alone: bool) -> list[FieldError]:
    return [
        error
        for place, value in enumerate(values)
        for error in field_errors(problems_of(value), "" if alone else pointer([place]))
    ]
