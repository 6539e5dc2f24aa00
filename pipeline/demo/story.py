"""The history of one physician, live: events are sent, the standing changes, and the next claim is decided differently."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from pipeline.settings.model import Settings
from rules.events import CHINA, AppealFiled, AppealUpheld, Deduction, Event, encode
from rules.timeline import PhysicianTimeline, Site
from rules.vocabulary import Standing
from topics.catalogue import CLAIM_VERDICTS, CLAIMS, PHYSICIAN_EVENTS

FIRST_DECISION, SECOND_DECISION, SERVICE = dt.date(2025, 7, 1), dt.date(2025, 7, 10), dt.date(2025, 7, 15)
_REGION = "522700"
_WITHIN_S = 60.0
_AGAIN_S = 0.05


class StoryError(RuntimeError):
    """The story did not come to its end; the message says what was waited for."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """What had been recorded (a name among the demo's words), the claim that came next, and how it was answered."""

    recorded: str
    encounter_type: str
    disposition: str
    reason: str
    standing: str
    penalty_period: tuple[str, str] | None
    standing_revision: int
    citations: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self)


def hero(physicians: Sequence[PhysicianTimeline]) -> PhysicianTimeline:
    """A physician of Qiannan of whom nothing but the registration is known."""
    return next(
        one
        for one in physicians
        if one.region == _REGION
        and one.revision == 1
        and [span.standing for span in one.spans] == [Standing.NORMAL]
        and one.spans[0].start is not None
        and one.spans[0].start < FIRST_DECISION
        and not one.spans[0].flags
    )


class Story:
    """Sends the events and claims of one physician and reads the answers."""

    def __init__(
        self, settings: Settings, partitions: dict[str, int], physician: PhysicianTimeline, check: Callable[[], None]
    ) -> None:
        self._physician = physician
        self._check = check
        self._claims = 0
        self._revision = physician.revision
        self._producer = Producer(settings.client(partitioner="murmur2_random", linger__ms=0))
        self._consumer = Consumer(
            settings.client(
                group__id="screening-demo-story", enable__auto__commit=False, isolation__level="read_committed"
            )
        )
        places = [TopicPartition(CLAIM_VERDICTS.name, number) for number in range(partitions[CLAIM_VERDICTS.name])]
        for place in places:
            place.offset = self._consumer.get_watermark_offsets(place, timeout=10)[1]
        self._consumer.assign(places)

    def tell(self) -> list[Chapter]:
        """The whole story. Raises StoryError when an answer does not come."""
        chapters = [self._claim("nothing", "outpatient")]
        self._record(Deduction, FIRST_DECISION, points=6, violation_id="QN-T6-02")
        second = self._record(Deduction, SECOND_DECISION, points=6, violation_id="QN-T6-03")
        chapters += [self._claim("twelve_points", "outpatient"), self._claim("twelve_points", "emergency")]
        self._record(AppealFiled, SERVICE, ref=second)
        self._record(AppealUpheld, SERVICE, ref=second)
        return [*chapters, self._claim("appeal_upheld", "outpatient")]

    def close(self) -> None:
        """Lets go of the broker."""
        self._consumer.close()

    def _site(self) -> str:
        first = self._physician.sites[0]
        return first.institution_code if isinstance(first, Site) else first

    def _record(self, kind: type[Event], day: dt.date, **fields: Any) -> str:
        self._revision += 1
        event_id = f"story-{self._revision}"
        code = self._physician.physician_code
        event = kind(
            event_id=event_id,
            region=_REGION,
            date=day,
            recorded_at=dt.datetime.combine(day, dt.time(16, 30), CHINA),
            physician_code=code,
            institution=self._site(),
            **fields,
        )
        self._producer.produce(PHYSICIAN_EVENTS.name, encode(event), code)
        self._producer.flush(5)
        return event_id

    def _claim(self, recorded: str, encounter_type: str) -> Chapter:
        """Sends a claim, again while the gate still judges by an older standing, and takes the answer."""
        give_up_at = time.monotonic() + _WITHIN_S
        verdict: dict[str, Any] = {"standing_revision": None}
        while time.monotonic() < give_up_at:
            self._claims += 1
            claim_id = f"story-{self._claims}"
            self._send(claim_id, encounter_type)
            verdict = self._answer(claim_id, give_up_at)
            if verdict["standing_revision"] >= self._revision:
                period = verdict["penalty_period"]
                return Chapter(
                    recorded,
                    encounter_type,
                    verdict["disposition"],
                    verdict["reason"],
                    verdict["standing"],
                    None if period is None else (period[0], period[1]),
                    verdict["standing_revision"],
                    tuple(verdict["citations"]),
                )
            time.sleep(_AGAIN_S)
        raise StoryError(
            f"the gate judges by revision {verdict['standing_revision']} and has not heard of {self._revision} within "
            f"{_WITHIN_S:.0f} s"
        )

    def _send(self, claim_id: str, encounter_type: str) -> None:
        claim = {
            "claim_id": claim_id,
            "claim_version": 1,
            "region": _REGION,
            "institution_code": self._site(),
            "physician_code": self._physician.physician_code,
            "encounter_type": encounter_type,
            "service_date": SERVICE.isoformat(),
            "service_start": None,
            "settlement_time": f"{SERVICE.isoformat()}T18:00:00+08:00",
            "insured_id": "P00000000",
            "insurance_type": "resident",
            "total_amount": "120.00",
            "fund_amount": "84.00",
        }
        self._producer.produce(CLAIMS.name, json.dumps(claim).encode(), claim_id)
        self._producer.flush(5)

    def _answer(self, claim_id: str, give_up_at: float) -> dict[str, Any]:
        while time.monotonic() < give_up_at:
            self._check()
            for message in self._consumer.consume(500, 0.02):
                if message.error() is None and message.key() == claim_id.encode():
                    verdict: dict[str, Any] = json.loads(message.value() or b"")
                    return verdict
        raise StoryError(f"no verdict on {claim_id} within {_WITHIN_S:.0f} s")
