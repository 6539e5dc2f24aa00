"""Answers questions by the view of the register, in turns: what waits together is judged together.

The policy is the gate's. A question is judged once the view is as new as its arrival less the lag allowed, and where the answer
rests on the absence of an entry, as new as its arrival itself. A caller at a counter cannot wait for long: what is not reached
within `precheck_wait_ms`, or at once where the view is older than `staleness_limit_s`, is answered as the policy says.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.precheck.answers import Answers, Told, counted
from pipeline.precheck.asking import Question, RegisterHeld, Waiting
from pipeline.precheck.days import AskedDay, DayTold, day_of
from pipeline.precheck.events import ClaimsAnswered
from pipeline.precheck.shapes import RegisterTold
from pipeline.screening.gate import DeadLetter, Gate
from pipeline.screening.view import StandingView
from pipeline.settings.model import Settings, StalenessPolicy
from pipeline.telemetry.events import Teller
from pipeline.telemetry.logs import logger
from pipeline.telemetry.precheck_metrics import PrecheckMetrics
from topics.fields import utc_text

_AT_ONCE = 2_000
"""Claims that are judged together at most; who asks about one is not kept waiting behind more."""
_IDLE_S = 0.05
_LOOK_AGAIN_S = 0.005


@dataclass(frozen=True, slots=True)
class ClaimsAnswer:
    """Claims answered, by their place in the request, and what is no claim."""

    told: dict[int, Told]
    refused: tuple[DeadLetter, ...]
    register: RegisterTold


@dataclass(frozen=True, slots=True)
class StandingAnswer:
    """The standing of a day answered."""

    told: DayTold
    register: RegisterTold


@dataclass(slots=True, eq=False)
class AskedClaims(Question[ClaimsAnswer]):
    """Claims as they were sent, one value a claim."""

    values: Sequence[bytes] = ()


@dataclass(slots=True, eq=False)
class AskedStanding(Question[StandingAnswer]):
    """The standing of a day."""

    asked: AskedDay | None = None


class Judge:
    """The one thread that reads the register and asks it."""

    def __init__(
        self,
        settings: Settings,
        gate: Gate,
        view: StandingView,
        waiting: Waiting,
        metrics: PrecheckMetrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gate, self._view, self._waiting, self._metrics, self._clock = gate, view, waiting, metrics, clock
        self._teller = Teller(logger(component="precheck-judge"), metrics)
        self._policy, self._limit_s = settings.staleness_policy, settings.staleness_limit_s
        self._lag_s = settings.lag_allowed_s()
        self._wait_s = settings.precheck_wait_ms / 1000
        self._answers = Answers(gate)
        self._open: list[Question[Any]] = []

    @property
    def idle(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting.size

    def turn(self) -> None:
        """Refreshes the view, takes what has come, and answers what can be answered."""
        self._view.refresh()
        if self._open:
            self._view.wait(_LOOK_AGAIN_S)
            self._view.refresh()
        self._open += self._waiting.take(_AT_ONCE, 0.0 if self._open else _IDLE_S)
        asked = self._open
        self._open = []
        claims = [one for one in asked if isinstance(one, AskedClaims)]
        try:
            self._judge([one for one in claims if self._how(one) is False], review=False)
            self._judge([one for one in claims if self._how(one) is True], review=True)
            for one in asked:
                if isinstance(one, AskedStanding):
                    self._tell_standing(one)
        except Exception as error:
            # Whatever nobody foresaw costs the requests of this turn, which are told, and not the process.
            for one in asked:
                if not one.future.done():
                    one.refuse(error)
        for one in asked:
            if not one.future.done():
                self._hold_or_wait(one)
        left = set(map(id, self._open))
        self._waiting.done([one for one in asked if id(one) not in left])
        self._metrics.waiting.set(self._waiting.size)

    def ready(self) -> bool:
        """Whether questions are answered at present. Safe from any thread."""
        held = self._policy is StalenessPolicy.HOLD and self._view.staleness() > self._limit_s
        return self._view.oriented and not held

    # -- the policy -----------------------------------------------------------------------------------------------

    def _late(self, question: Question[Any]) -> bool:
        return self._view.staleness() > self._limit_s or self._clock() > question.arrived + self._wait_s

    def _how(self, question: Question[Any], *, absent: bool = False) -> bool | None:
        """How a question is judged at present: as usual (False), as by a register that is too old (True), not (None)."""
        if question.future.done():
            return None
        if self._current(question, absent=absent):
            return False
        if not self._late(question) or self._policy is StalenessPolicy.HOLD:
            return None
        return self._policy is StalenessPolicy.REVIEW

    def _current(self, question: Question[Any], *, absent: bool) -> bool:
        fresh = self._view.staleness() <= self._limit_s
        return fresh and self._view.covers(question.arrived - (0.0 if absent else self._lag_s))

    def _hold_or_wait(self, question: Question[Any]) -> None:
        if question.dropped:
            return
        # Under the other policies what is late by now is answered in the next turn.
        if self._policy is StalenessPolicy.HOLD and self._late(question):
            cause, detail = self._view.cause()
            question.refuse(RegisterHeld(cause.value, detail))
            return
        self._open.append(question)

    def _register(self, *, current: bool) -> RegisterTold:
        known = self._view.register
        cause, detail = (None, None) if current else self._view.cause()
        return RegisterTold(
            as_of=None if known is None else known.as_of,
            progress={} if known is None else known.progress,
            current=current,
            cause=None if cause is None else cause.value,
            detail=detail or None,
        )

    # -- answering ------------------------------------------------------------------------------------------------

    def _judge(self, asked: Sequence[AskedClaims], *, review: bool) -> None:
        """Judges claims together; whose answer rests on absence and is too early for that waits, or is left to the policy."""
        if not asked:
            return
        values = [value for one in asked for value in one.values]
        langs = [one.lang for one in asked for _ in one.values]
        places = [place for one in asked for place in range(len(one.values))]
        ruled = self._gate.rule(values, stale=review)
        told = self._answers.of(ruled, langs, places, utc_text(dt.datetime.now(dt.UTC)))
        refused = {letter.row: letter for letter in ruled.dead_letters}
        again: list[AskedClaims] = []
        first = 0
        for one in asked:
            rows = range(first, first + len(one.values))
            own = {row - rows.start: told[row] for row in rows if row in told}
            first = rows.stop
            absent = any(item.absent for item in own.values())
            how = review or self._how(one, absent=absent)
            if how is None:
                continue
            if how and not review:
                again.append(one)
                continue
            letters = tuple(replace(refused[row], row=row - rows.start) for row in rows if row in refused)
            current = not review and self._current(one, absent=absent)
            one.answer(ClaimsAnswer(own, letters, self._register(current=current)))
            self._teller.tell(ClaimsAnswered(len(own), counted(own.values())))
        if not review:
            self._judge(again, review=True)

    def _tell_standing(self, one: AskedStanding) -> None:
        assert one.asked is not None
        how = self._how(one)
        if how is None:
            return
        told = day_of(self._gate, one.asked, one.lang, stale=how)
        settled = self._how(one, absent=told.absent)
        if settled is None:
            return
        if settled is not how:
            told = day_of(self._gate, one.asked, one.lang, stale=settled)
        current = not settled and self._current(one, absent=told.absent)
        one.answer(StandingAnswer(told, self._register(current=current)))
