"""A client of the pre-check for programs in Python: typed answers, bounded waiting, and another try where one may help.

with PrecheckClient("https://screening.example:9464", token=TOKEN) as precheck:
    told = precheck.ask(claim)
    print(told.register.current, told.answers[0].explanation)
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
import msgspec

from pipeline.precheck.shapes import DayAnswer, ProblemBody, RegisterTold, Step
from rules.text import Lang

_TRY_AGAIN = frozenset({429, 502, 503, 504})
_FIRST_PAUSE_S = 0.2
_MOST_PAUSE_S = 5.0


class Answer(msgspec.Struct, frozen=True):
    """The answer about one claim: a `verdict` as on the topic `claim-verdicts`, or a `problem` where it was none."""

    verdict: dict[str, Any] | None = None
    explanation: str = ""
    next: tuple[Step, ...] = ()
    case_id: str | None = None
    evidence: tuple[str, ...] = ()
    evidence_omitted: int = 0
    problem: ProblemBody | None = None


class Answers(msgspec.Struct, frozen=True):
    """Answers about claims, in their order."""

    register: RegisterTold
    answers: tuple[Answer, ...]


class Standing(msgspec.Struct, frozen=True):
    """The standing of a day, and by what it was answered."""

    register: RegisterTold
    answer: DayAnswer


class PrecheckRefused(Exception):
    """The pre-check does not answer this request, and another try would not help; `problem` says what is wrong."""

    def __init__(self, problem: ProblemBody) -> None:
        self.problem = problem
        errors = "; ".join(f"{one.pointer or one.parameter or ''}: {one.detail}" for one in problem.errors)
        super().__init__(": ".join(part for part in (problem.title, problem.detail, errors) if part))


class PrecheckUnavailable(Exception):
    """No answer within the tries and the time; the message says what came last. The claim is to be settled without it."""


class PrecheckClient:
    """One connection pool to the pre-check. Asking changes nothing, so every question may be asked again."""

    def __init__(
        self,
        address: str,
        *,
        token: str | None = None,
        lang: Lang = "zh",
        timeout_s: float = 5.0,
        tries: int = 3,
        transport: httpx.BaseTransport | None = None,
        verify: Any = True,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`timeout_s` bounds each try, `tries` how many there are; `verify` is httpx's: whom to trust for TLS."""
        headers = {"Accept-Language": lang, **({"Authorization": f"Bearer {token}"} if token else {})}
        self._http = httpx.Client(
            base_url=address, headers=headers, timeout=timeout_s, transport=transport, verify=verify
        )
        self._tries, self._pause = max(1, tries), pause

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def ask(self, claims: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Answers:
        """Asks about one claim, or up to 1,000. Raises PrecheckRefused, PrecheckUnavailable."""
        answer = self._send("POST", "/v1/precheck", content=msgspec.json.encode(claims))
        return msgspec.json.decode(answer.content, type=Answers)

    def standing(
        self, region: str, physician_code: str, *, on: dt.date | None = None, institution: str | None = None
    ) -> Standing:
        """Asks about a physician's standing of a day, by default today's. Raises PrecheckRefused, PrecheckUnavailable."""
        asked = {"on": None if on is None else on.isoformat(), "institution": institution}
        params = {name: value for name, value in asked.items() if value is not None}
        path = f"/v1/physicians/{quote(region, safe='')}/{quote(physician_code, safe='')}"
        return msgspec.json.decode(self._send("GET", path, params=params).content, type=Standing)

    def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        last = ""
        for number in range(self._tries):
            wait_s = min(_MOST_PAUSE_S, _FIRST_PAUSE_S * 2**number)
            try:
                answer = self._http.request(method, path, **request)
            except httpx.TransportError as error:
                last = f"{type(error).__name__}: {error}"
            else:
                if answer.is_success:
                    return answer
                if answer.status_code not in _TRY_AGAIN:
                    raise PrecheckRefused(_problem(answer))
                last = str(PrecheckRefused(_problem(answer)))
                asked = answer.headers.get("retry-after", "")
                wait_s = min(_MOST_PAUSE_S, float(asked)) if asked.isdecimal() else wait_s
            if number + 1 < self._tries:
                self._pause(wait_s)
        raise PrecheckUnavailable(f"no answer in {self._tries} tries; the last: {last}")


def _problem(answer: httpx.Response) -> ProblemBody:
    """The problem of an answer; a balancer's own answer has no details."""
    try:
        return msgspec.json.decode(answer.content, type=ProblemBody)
    except (msgspec.MsgspecError, ValueError):
        return ProblemBody("about:blank", answer.reason_phrase or str(answer.status_code), answer.status_code)
