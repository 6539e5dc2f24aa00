"""One batch of a partition: messages become facts of visits, halves of messages wait for each other, and visits become claims."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from pipeline.inputs.documents import read_document
from pipeline.intake.facts import Fact, needs_response
from pipeline.intake.messages import Envelope, Refused, read_envelope
from pipeline.intake.saying import said_by, tells_more, without_response
from pipeline.intake.settling import settle_all
from pipeline.intake.state import Record, State, fact_id, message_key, visit_key
from pipeline.intake.unit_of_work import UnitOfWork
from pipeline.intake.visits import Changes, Visits
from pipeline.kafka.partitioner import partition_of
from topics.catalogue import MAX_RECORD_BYTES
from topics.claims.errors import ClaimError
from topics.dead_letters import Code

MOST_FACTS = 20_000
"""Most facts of one visit. A year in hospital has some thousands of fee lines."""
_partition_of = lru_cache(maxsize=100_000)(partition_of)


def take(visits: Visits, records: Iterable[Record], now: int) -> Changes:
    """What follows from records of a partition and from what has waited until `now` (milliseconds since 1970 UTC)."""
    taking = Taking(visits, now)
    for record in records:
        taking.take(record)
    looked_at = visits.due_until(now)
    for _, key in looked_at:
        taking.look_at(key)
    changes = taking.end()
    changes.looked_at = looked_at
    return changes


class Taking:
    """Takes the records of one batch; `end` says what follows. Nothing that is known of the visits is changed."""

    def __init__(self, visits: Visits, now: int) -> None:
        self._work = UnitOfWork(visits, now)
        self._ids: dict[str, set[Any]] = {}
        self._numbers: dict[str, dict[str, None]] = {}

    # -- what is known ------------------------------------------------------------------------------------------

    def _visits_of(self, number: str) -> list[str]:
        return list({**dict.fromkeys(self._work.visits.visits_of(number)), **self._numbers.get(number, {})})

    def _knows(self, number: str) -> bool:
        return any(
            fact.told.number == number
            for key in self._visits_of(number)
            for fact in (self._work.known(key) or State()).facts
        )

    # -- records ------------------------------------------------------------------------------------------------

    def take(self, record: Record) -> None:
        """Takes one record; whatever is wrong with it, it costs only itself."""
        with self._work.costing_itself(record):
            if record.value is None or not record.value.strip():
                code = Code.NULL_VALUE if record.value is None else Code.EMPTY_VALUE
                raise Refused(code, "the record says nothing")
            self._work.count(self._sort(self._envelope(record), record))

    def _envelope(self, record: Record) -> Envelope:
        try:
            document = read_document(record.value or b"")
        except ClaimError as error:
            raise Refused(Code(error.kind), error.reason) from None
        return read_envelope(document, self._work.visits.place(record.offset), record.offset)

    def _sort(self, envelope: Envelope, record: Record) -> str:
        """What becomes of a message, in a word. Raises Refused."""
        failed = envelope.failed is not None
        answers = envelope.is_response_alone and envelope.infno is None
        if not (failed or answers or needs_response(envelope)):
            return self._whole(envelope, record)
        if answers and not failed and not tells_more(envelope):
            return "answer"
        number, institution = envelope.told.number, envelope.institution
        if number is None:
            return self._without_number(envelope, record)
        if institution is None:
            raise Refused(
                Code.MISSING_FIELD, "fixmedins_code: missing, and the number of the message names no institution"
            )
        if self._send_on(institution, record):
            return "sent_on"
        key = message_key(institution, number)
        if failed:
            return self._failed(key, number, record)
        return self._answered(key, number, record) if answers else self._asked(key, number, envelope, record)

    def _without_number(self, envelope: Envelope, record: Record) -> str:
        """A half that can be joined with no other."""
        if envelope.failed is not None:
            return "failed"
        if envelope.is_response_alone:
            return self._use(envelope, record)
        raise without_response(envelope)

    def _failed(self, key: str, number: str, record: Record) -> str:
        """The other side refused a transaction: what its request said does not count."""
        state = self._work.open(key)
        state.failed, state.since = True, None
        state.requests.clear()
        state.responses.clear()
        self._without(number)
        return "failed"

    def _answered(self, key: str, number: str, record: Record) -> str:
        state = self._work.known(key) or State()
        digest = _digest(record)
        if state.failed:
            return "failed"
        if state.requests:
            state = self._work.open(key)
            requests, state.requests, state.since = state.requests, [], None
            for request in requests:
                state.done.add(_digest(request))
                self._joined(request, record)
            return "joined"
        if any(_digest(one) == digest for one in state.responses):
            return "repeated"
        if state.understood or state.done or self._knows(number):
            return "answer"
        state = self._work.open(key)
        state.responses.append(record)
        state.since = self._work.now if state.since is None else state.since
        return "waiting"

    def _asked(self, key: str, number: str, envelope: Envelope, record: Record) -> str:
        known = self._work.known(key) or State()
        digest = _digest(record)
        if known.failed:
            return "failed"
        if digest in known.done or any(_digest(one) == digest for one in known.requests):
            return "repeated"
        state = self._work.open(key)
        if not state.responses:
            state.requests.append(record)
            state.since = self._work.now if state.since is None else state.since
            return "waiting"
        if state.alone:
            self._without(number)
        response = state.responses[0]
        state.responses, state.alone, state.since = [], False, None
        state.done.add(digest)
        return self._use(envelope.with_response(self._envelope(response)), record, response)

    def _joined(self, request: Record, response: Record) -> None:
        """Uses a request with its response; what is wrong with it costs the request."""
        with self._work.costing_itself(request, counted=True):
            whole = self._envelope(request).with_response(self._envelope(response))
            self._use(whole, request, response)

    def _whole(self, envelope: Envelope, record: Record) -> str:
        number, institution = envelope.told.number, envelope.institution
        here = institution is not None and self._partition(institution) == self._work.visits.partition
        key = message_key(institution or "", number) if here and number is not None else None
        known = None if key is None else self._work.known(key)
        if known is not None and known.failed:
            return "failed"
        if known is not None and known.responses and key is not None and number is not None:
            # Its response says no more than that all went well; if it was used alone, that does not count any more.
            state = self._work.open(key)
            if state.alone:
                self._without(number)
            state.responses, state.alone, state.since = [], False, None
        try:
            outcome = self._use(envelope, record)
        finally:
            open_yet = envelope.asked is not None and envelope.answered is None
            if key is not None and open_yet and number is not None and not self._knows(number):
                self._work.open(key).understood = True
        return outcome

    def _use(self, envelope: Envelope, record: Record, response: Record | None = None) -> str:
        """Takes what a whole message says. Raises Refused."""
        said = said_by(envelope)
        if said.passed is not None:
            self._work.out.tally.passed[said.passed] += 1
            return "passed"
        if said.nothing:
            return "answer"
        facts = list(said.facts)
        institution = next((fact.key[0] for fact in facts if not isinstance(fact, Refused)), None)
        if institution is not None and self._send_on(institution, record, response):
            return "sent_on"
        news = 0
        for fact in facts:
            if isinstance(fact, Refused):
                self._work.refuse(record, fact.code, fact.reason)
            elif fact.key[0] != institution:
                told = f"fixmedins_code: {fact.key[0]} in a message that begins with {institution}; send one for each"
                self._work.refuse(record, Code.INVALID_VALUE, told)
            else:
                news += self._add(fact, record)
        if record.offset in self._work.refused:
            return "set_aside"
        return "used" if news else "repeated"

    def _add(self, fact: Fact, record: Record) -> bool:
        """Adds a fact to its visit, unless it is there; whether it does, or could not."""
        key = visit_key(*fact.key)
        known = self._work.known(key) or State()
        ids = self._ids.get(key)
        if ids is None:
            ids = self._ids[key] = {fact_id(one) for one in known.facts}
        name = fact_id(fact)
        if name in ids:
            return False
        if len(ids) >= MOST_FACTS:
            self._work.refuse(record, Code.VISIT_FULL, f"visit {fact.key[1]} has {MOST_FACTS:,} rows already")
            return True
        ids.add(name)
        self._work.open(key).facts.append(fact)
        if fact.told.number is not None:
            self._numbers.setdefault(fact.told.number, {})[key] = None
        self._work.dirty.setdefault(key, []).append(record)
        return True

    def _without(self, number: str) -> None:
        """Takes out what messages of a number said."""
        for key in self._visits_of(number):
            state = self._work.open(key)
            state.facts = [fact for fact in state.facts if fact.told.number != number]
            self._ids.pop(key, None)
            self._work.dirty.setdefault(key, [])

    # -- where a message belongs ----------------------------------------------------------------------------------

    def _partition(self, institution: str) -> int:
        return _partition_of(institution.encode(), self._work.visits.partitions)

    def _send_on(self, institution: str, record: Record, response: Record | None = None) -> bool:
        """Sends a record on if its institution belongs to another partition; with its response, if there is one, as a pair."""
        target = self._partition(institution)
        if target == self._work.visits.partition:
            return False
        value = record.value
        if response is not None:
            value = b"".join((b'{"request":', record.value or b"", b',"response":', response.value or b"", b"}"))
        if value is not None and len(value) > MAX_RECORD_BYTES:
            raise Refused(Code.TOO_LARGE, f"request and response together have {len(value):,} bytes")
        sent = Record(record.offset, value, institution.encode(), record.headers)
        self._work.out.sent_on.setdefault(target, []).append(sent)
        return True

    # -- what has waited ------------------------------------------------------------------------------------------

    def look_at(self, key: str) -> None:
        """Looks at a state whose time may have come."""
        state = self._work.known(key)
        if state is None or self._work.visits.due(state) > self._work.now:
            if state is not None:
                self._work.out.dues[key] = self._work.visits.due(state)
            return
        if state.since is None or key in self._work.dirty:
            if state.since is None and not self._work.is_changed(key):
                self._work.forget(key)
        elif key.startswith("visit|"):
            self._work.dirty.setdefault(key, [])
        else:
            self._no_longer_waits(key)

    def _no_longer_waits(self, key: str) -> None:
        """The other half did not come in time. A response may be complete by itself; a request is not."""
        state = self._work.changing(key)
        state.since = None
        requests, state.requests = state.requests, []
        for request in requests:
            with self._work.costing_itself(request, counted=True):
                raise without_response(self._envelope(request))
        for response in state.responses if not state.alone else []:
            with self._work.costing_itself(response, counted=True):
                self._use(self._envelope(response), response)
        state.alone = bool(state.responses)

    def end(self) -> Changes:
        """What follows from all that was taken."""
        work = self._work
        settle_all(work)
        work.keep_the_rest()
        work.write_letters()
        return work.out


def _digest(record: Record) -> str:
    return blake2b(record.value or b"", digest_size=12).hexdigest()
