"""Messages as they come, gathered by visit: which of them belong together, which are passed over, and what is wrong with others.

Nothing is left out without being counted. Of messages that say what a claim needs, each row ends as a visit, a fee line, a
settlement or a refusal; the others are passed over by name. A request and a response that came apart are joined by the number of
the message, in whichever order they come. A refused transaction (infcode not 0) says nothing, nor does its request.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pipeline.intake.classes import VisitClasses
from pipeline.intake.facts import Fact, Key, LineFact, VisitFact, needs_response
from pipeline.intake.fold import claims_of
from pipeline.intake.history import Outcome, Refusal
from pipeline.intake.messages import Document, Envelope, Refused, Told, read_envelope
from pipeline.intake.saying import said_by, tells_more, without_response
from topics.dead_letters import Code


@dataclass(slots=True)
class Gathered:
    """What was taken, and what was not. `passed` are documents of transactions that claims do not need, by their number,
    `failed` those of refused ones, `answers` responses that say no more than that all went well, `joined` responses that became a
    part of their request, `further` rows beyond the first of a document."""

    facts: dict[Key, list[Fact]] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)
    passed: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    answers: int = 0
    joined: int = 0
    further: int = 0

    def outcomes(self, classes: VisitClasses) -> Iterator[Outcome]:
        """The claims of each visit, in the order of institutions and visits."""
        for key in sorted(self.facts):
            yield claims_of(self.facts[key], classes)


class Gathering:
    """Takes documents one after the other; `end` says what they came to."""

    def __init__(self) -> None:
        self._out = Gathered()
        self._waiting: dict[str, list[Envelope]] = {}
        """Requests whose response says what they are about, by the number of the message."""
        self._early: dict[str, list[Envelope]] = {}
        """Responses whose request has not come, or that are complete by themselves."""
        self._refused_numbers: set[str] = set()
        self._understood: set[str] = set()
        """Numbers of requests that need no response; one that comes all the same says no more than that all went well."""

    def take(self, document: Document, place: str, position: int) -> None:
        """Takes one document; whatever is wrong with it, it costs only itself."""
        with self._costing_itself(Told("", position, place)):
            envelope = read_envelope(document, place, position)
            with self._costing_itself(envelope.told):
                self._sort(envelope)

    def refuse(self, place: str, position: int, code: Code, reason: str) -> None:
        """A line that is no document."""
        self._out.refused.append(Refusal(Told("", position, place), code, reason))

    def _sort(self, envelope: Envelope) -> None:
        number = envelope.told.number
        if envelope.failed is not None:
            self._out.failed += 1
            if number is not None:
                self._refused_numbers.add(number)
        elif envelope.is_response_alone and envelope.infno is None:
            self._answered(envelope)
        elif needs_response(envelope):
            if number is None:
                raise without_response(envelope)
            self._waiting.setdefault(number, []).append(envelope)
        else:
            self._use(envelope)

    def _answered(self, envelope: Envelope) -> None:
        if not tells_more(envelope):
            self._out.answers += 1
            return
        self._early.setdefault(envelope.told.number or "", []).append(envelope)

    def _use(self, envelope: Envelope) -> None:
        if envelope.asked is not None and envelope.told.number is not None:
            self._understood.add(envelope.told.number)
        said = said_by(envelope)
        if said.passed is not None:
            self._out.passed[said.passed] += 1
            return
        if said.nothing:
            self._out.answers += 1
            return
        rows = 0
        for fact in said.facts:
            rows += 1
            if isinstance(fact, Refused):
                self._out.refused.append(Refusal(envelope.told, fact.code, fact.reason))
            else:
                self._out.facts.setdefault(fact.key, []).append(fact)
        self._out.further += rows - 1

    def end(self) -> Gathered:
        """Joins what came apart, and says what became of everything."""
        for number, requests in self._waiting.items():
            responses = self._early.pop(number, []) if number not in self._refused_numbers else []
            for place, request in enumerate(requests):
                if number in self._refused_numbers:
                    self._out.failed += 1
                elif not responses:
                    refused = without_response(request)
                    self._out.refused.append(Refusal(request.told, refused.code, refused.reason))
                else:
                    # A message that came twice has its response twice, or once for both.
                    joined = request.with_response(responses[min(place, len(responses) - 1)])
                    with self._costing_itself(joined.told):
                        self._use(joined)
            self._out.joined += len(responses)
        for number, responses in self._early.items():
            if number in self._understood:
                self._out.answers += len(responses)
                continue
            for response in responses:
                with self._costing_itself(response.told):
                    self._use(response)
        self._without_refused()
        return self._out

    @contextmanager
    def _costing_itself(self, told: Told) -> Iterator[None]:
        """Refuses a message of which nothing can be used; whatever nobody foresaw in a message of others costs it alone."""
        try:
            yield
        except Refused as refused:
            self._out.refused.append(Refusal(told, refused.code, refused.reason))
        except Exception as error:
            self._out.refused.append(Refusal(told, Code.UNREADABLE, f"{type(error).__name__}: {error}"))

    def _without_refused(self) -> None:
        """Takes out what requests said that the other side refused; of each such message one row was counted as failed."""
        if not self._refused_numbers:
            return
        for key, facts in list(self._out.facts.items()):
            kept = [fact for fact in facts if fact.told.number not in self._refused_numbers]
            self._out.failed += len(facts) - len(kept)
            if kept:
                self._out.facts[key] = kept
            else:
                del self._out.facts[key]


def counted(facts: dict[Key, list[Fact]]) -> Counter[str]:
    """How many rows say something of a visit, a line, a settlement."""
    return Counter(
        "visit" if isinstance(fact, VisitFact) else "line" if isinstance(fact, LineFact) else "settlement"
        for told in facts.values()
        for fact in told
    )
