"""Claims and standings for the benchmark: seeded, so that every contender and every machine gets the same bytes.

The shape follows what a Chinese prefecture would send more than any particular data set: mostly outpatient claims, few physicians
with very many claims, a few claims without a physician or with an unknown one, every encounter type that the law exempts.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from confluent_kafka import Producer

REGION = "522700"
SEED = 20221226

_EPOCH = dt.date(2018, 1, 1)
_DAYS = [(_EPOCH + dt.timedelta(days=number)).isoformat() for number in range(366 * 10)]
_BLOCK = 10_000
_CHUNK = 20_000
_INSTITUTIONS = 2_000

# Share of claims by encounter type; the law exempts the last three.
_ENCOUNTERS = {
    "outpatient": 0.70,
    "inpatient": 0.20,
    "maternity": 0.025,
    "emergency": 0.06,
    "rescue": 0.01,
    "public_health_emergency": 0.005,
}
_INSURANCES = ("resident", "employee")

_PENALISED = 0.03
_BLACKLISTED = 0.003
_SECOND_SITE = 0.30
_NO_PHYSICIAN = 0.0085
_UNKNOWN_PHYSICIAN = 0.005
_ELSEWHERE = 0.01
_ZIPF_EXPONENT = 0.85

Ints = npt.NDArray[np.int64]
Message = dict[str, Any]
"""One record in the form that `Producer.produce_batch` takes."""


def _number(day: dt.date) -> int:
    return (day - _EPOCH).days


_FIRST_SERVICE = _number(dt.date(2022, 11, 20))
_LAST_SERVICE = _number(dt.date(2024, 12, 31))


def _months_later(day: int, months: int) -> int:
    """The same day number some months later, or the last day of that month when there is none."""
    date = _EPOCH + dt.timedelta(days=day)
    years, month = divmod(date.month - 1 + months, 12)
    year, month = date.year + years, month + 1
    return _number(dt.date(year, month, min(date.day, calendar.monthrange(year, month)[1])))


def _institution(number: int) -> str:
    return f"H5227{number:07d}"


def _physician(number: int) -> str:
    return f"D5227{number:08d}"


@dataclass(frozen=True)
class Roster:
    """Every physician: when registered, where, and when a decision took the qualification away (0: never)."""

    registered: Ints
    first_site: Ints
    second_site: Ints
    decided: Ints
    back: Ints
    blacklisted: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.registered)

    @classmethod
    def make(cls, count: int, seed: int = SEED) -> Roster:
        """Make `count` physicians. The first ones are the same whatever the count."""
        blocks = [cls._block(np.random.default_rng([seed, 1, start])) for start in range(0, count, _BLOCK)]
        names = ("registered", "first_site", "second_site", "decided", "back", "blacklisted")
        return cls(*(np.concatenate([block[name] for block in blocks])[:count] for name in names))

    @staticmethod
    def _block(rng: np.random.Generator) -> dict[str, npt.NDArray[Any]]:
        # One physician in twenty registers while claims already come in: the earlier ones meet an unregistered physician.
        late = rng.random(_BLOCK) < 0.05
        registered = np.where(
            late,
            rng.integers(_FIRST_SERVICE, _number(dt.date(2023, 12, 31)), _BLOCK),
            rng.integers(_number(dt.date(2019, 1, 1)), _number(dt.date(2022, 6, 30)), _BLOCK),
        )
        draw = rng.random(_BLOCK)
        decided = rng.integers(_number(dt.date(2023, 1, 15)), _number(dt.date(2024, 8, 31)), _BLOCK)
        decided = np.where((draw < _PENALISED) & (decided > registered), decided, 0)
        first_site = rng.integers(1, _INSTITUTIONS + 1, _BLOCK)
        second_site = np.where(rng.random(_BLOCK) < _SECOND_SITE, rng.integers(1, _INSTITUTIONS + 1, _BLOCK), 0)
        return {
            "registered": registered,
            "first_site": first_site,
            "second_site": np.where(second_site == first_site, 0, second_site),
            "decided": decided,
            "back": rng.integers(10, 90, _BLOCK),
            "blacklisted": draw < _BLACKLISTED,
        }

    def messages(self, start: int = 0) -> Iterator[list[Message]]:
        """The records of `physician-standing`, in lists of at most some thousands, from physician number `start` on."""
        for first in range(start, len(self), _CHUNK):
            yield [self._message(index) for index in range(first, min(first + _CHUNK, len(self)))]

    def _message(self, index: int) -> Message:
        code = _physician(index + 1)
        since = _DAYS[self.registered[index]]
        declared = [int(number) for number in (self.first_site[index], self.second_site[index]) if number]
        sites = ",".join(
            f'{{"institution_code":"{_institution(number)}","from":"{since}","to":null,"status":"declared"}}'
            for number in declared
        )
        decided = int(self.decided[index])
        if decided:
            revision, spans = 3, self._penalised_spans(index, since, decided)
        else:
            revision = 1
            spans = (
                f'{{"from":"{since}","to":null,"standing":"normal","points_remaining":12,"points_accumulated":0,'
                f'"citations":["二(一)"],"causes":["ev-{index + 1}-1"]}}'
            )
        value = (
            f'{{"region":"{REGION}","physician_code":"{code}","revision":{revision},"spans":[{spans}],"sites":[{sites}],'
            f'"points":{{"remaining":12,"accumulated":0}},"changed":[["{since}",null]]}}'
        )
        return {"key": f"{REGION}|{code}".encode(), "value": value.encode()}

    def _penalised_spans(self, index: int, since: str, decided: int) -> str:
        """Normal, the day of the decision, the penalty, the wait for reinstatement or the ban, and perhaps normal again."""
        event = f"ev-{index + 1}"
        last = _months_later(decided, 3)
        window = f'"penalty_period":["{_DAYS[decided + 1]}","{_DAYS[last]}"]'
        ban = f'"ban_period":["{_DAYS[last + 1]}","{_DAYS[_months_later(last, 36)]}"]'
        banned = bool(self.blacklisted[index])
        parts = [
            f'{{"from":"{since}","to":"{_DAYS[decided - 1]}","standing":"normal","causes":["{event}-1"]}}',
            f'{{"from":"{_DAYS[decided]}","to":"{_DAYS[decided]}",'
            f'"standing":"{"blacklist_pending" if banned else "penalty_pending"}",{window},'
            f'"citations":["三(二)1"],"causes":["{event}-2"]}}',
        ]
        if banned:
            parts += [
                f'{{"from":"{_DAYS[decided + 1]}","to":"{_DAYS[last]}","standing":"blacklisted","in_penalty":true,{window},{ban},'
                f'"citations":["四(二)"],"causes":["{event}-2"]}}',
                f'{{"from":"{_DAYS[last + 1]}","to":"{_DAYS[_months_later(last, 36)]}","standing":"blacklisted",{ban},'
                f'"citations":["四(二)"],"causes":["{event}-2"]}}',
            ]
        else:
            again = last + int(self.back[index])
            parts += [
                f'{{"from":"{_DAYS[decided + 1]}","to":"{_DAYS[last]}","standing":"penalty",{window},'
                f'"citations":["三(二)1"],"causes":["{event}-2"]}}',
                f'{{"from":"{_DAYS[last + 1]}","to":"{_DAYS[again - 1]}","standing":"pending_reinstatement",{window},'
                f'"citations":["三(二)5"],"causes":["{event}-2"]}}',
                f'{{"from":"{_DAYS[again]}","to":null,"standing":"normal","causes":["{event}-3"]}}',
            ]
        return ",".join(parts)


def claims(roster: Roster, count: int, *, name: str = "B", seed: int = SEED) -> Iterator[list[Message]]:
    """`count` records of `claims` about the physicians of a roster, in lists of at most some thousands.

    `name` begins every claim id, so that two calls can give claims that do not collide.
    """
    shuffled = np.random.default_rng([seed, 2]).permutation(len(roster))
    weights = np.arange(1, len(roster) + 1, dtype=np.float64) ** -_ZIPF_EXPONENT
    cumulative = np.cumsum(weights) / weights.sum()
    rng = np.random.default_rng([seed, 3, *name.encode()])
    for first in range(0, count, _CHUNK):
        size = min(_CHUNK, count - first)
        physicians = shuffled[np.searchsorted(cumulative, rng.random(size)).clip(max=len(roster) - 1)]
        yield _claims(roster, physicians, rng, name, first)


def _claims(roster: Roster, physicians: Ints, rng: np.random.Generator, name: str, first: int) -> list[Message]:
    size = len(physicians)
    encounters = rng.choice(np.array(list(_ENCOUNTERS)), size, p=list(_ENCOUNTERS.values())).tolist()
    services = rng.integers(_FIRST_SERVICE, _LAST_SERVICE + 1, size).tolist()
    stays = rng.integers(1, 15, size).tolist()
    seconds = rng.integers(8 * 3600, 18 * 3600, size).tolist()
    insured = rng.integers(0, 500_000, size).tolist()
    insurances = rng.integers(0, len(_INSURANCES), size).tolist()
    totals = (rng.lognormal(6.0, 1.2, size) * 100).astype(np.int64) + 100
    funds = (totals * rng.uniform(0.4, 0.9, size)).astype(np.int64)
    second = roster.second_site[physicians]
    where = np.where((second > 0) & (rng.random(size) < 0.25), second, roster.first_site[physicians])
    where = np.where(rng.random(size) < _ELSEWHERE, rng.integers(1, _INSTITUTIONS + 1, size), where).tolist()
    known = rng.random(size)
    codes = [
        "null"
        if draw < _NO_PHYSICIAN
        else f'"{_physician(90_000_000 if draw > 1 - _UNKNOWN_PHYSICIAN else number + 1)}"'
        for draw, number in zip(known.tolist(), physicians.tolist(), strict=True)
    ]
    made: list[Message] = []
    for index, (encounter, day, moment, total, fund) in enumerate(
        zip(encounters, services, seconds, totals.tolist(), funds.tolist(), strict=True)
    ):
        claim_id = f"{name}{first + index:010d}"
        start = f'"{_DAYS[day - stays[index]]}"' if encounter == "inpatient" else "null"
        value = (
            f'{{"claim_id":"{claim_id}","claim_version":1,"region":"{REGION}","institution_code":"{_institution(where[index])}",'
            f'"physician_code":{codes[index]},"encounter_type":"{encounter}","service_date":"{_DAYS[day]}","service_start":{start},'
            f'"settlement_time":"{_DAYS[day + 1]}T{moment // 3600:02d}:{moment // 60 % 60:02d}:{moment % 60:02d}+08:00",'
            f'"insured_id":"P{insured[index]:06d}","insurance_type":"{_INSURANCES[insurances[index]]}",'
            f'"total_amount":"{total // 100}.{total % 100:02d}","fund_amount":"{fund // 100}.{fund % 100:02d}"}}'
        )
        made.append({"key": claim_id.encode(), "value": value.encode()})
    return made


def load(bootstrap_servers: str, topic: str, messages: Iterator[list[Message]]) -> int:
    """Write the messages to a topic as fast as it goes; return how many there were.

    Raises:
        RuntimeError: when the broker did not take all of them.
    """
    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "linger.ms": 20,
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": 10 * _CHUNK,
            "queue.buffering.max.kbytes": 1_000_000,
            "acks": "all",
        }
    )
    count = 0
    for batch in messages:
        while len(producer) > 5 * _CHUNK:
            producer.poll(0.01)
        if producer.produce_batch(topic, batch) != len(batch):
            raise RuntimeError(f"the producer's queue did not take a batch for {topic}")
        producer.poll(0)
        count += len(batch)
    if producer.flush(120):
        raise RuntimeError(f"the broker did not take everything for {topic} within 120 s")
    return count
