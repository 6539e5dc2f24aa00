"""The claims of the sample, as they come on the wire: good ones of every sort, and a few that are not claims at all."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from random import Random

from pipeline.sample.broken import BROKEN, Broken, broken_records
from pipeline.sample.roster import PLACE_OF, Place
from rules.timeline import PhysicianTimeline, Site
from rules.vocabulary import EncounterType, SiteStatus, Standing

FIRST_SERVICE, LAST_SERVICE = dt.date(2023, 1, 3), dt.date(2025, 12, 31)
"""First and last service day of the sample's claims, the late ones of Lanzhou apart."""

_LANZHOU = "620100"
_LATE = dt.date(2018, 1, 3), dt.date(2019, 4, 30)
_LATE_SHARE = 0.7
"""Lanzhou's measures ended in 2019; most of its claims are late ones, for services given while the measures bound."""

BROKEN_SHARE = 0.003
MISSING_PHYSICIAN = 0.0085
REVERSALS = 0.0011
_UNKNOWN_PHYSICIAN = 0.004
_FOREIGN_CODE = 0.001
_UNDECLARED_SITE = 0.004
_OPTED_OUT_SITE = 0.25
_NOTHING_TO_PAY = 0.03
_UNKNOWN_FIELD = 0.01
_NEAR_AN_EVENT = 0.55
_BUSIEST = 40

# Kind, share, median of the total in yuan, spread of its logarithm: mostly outpatient, as with a Chinese fund.
_ENCOUNTERS = (
    (EncounterType.OUTPATIENT, 0.765, 118.0, 0.9),
    (EncounterType.INPATIENT, 0.135, 5_600.0, 0.8),
    (EncounterType.EMERGENCY, 0.062, 460.0, 0.9),
    (EncounterType.RESCUE, 0.010, 3_900.0, 0.8),
    (EncounterType.PUBLIC_HEALTH_EMERGENCY, 0.006, 720.0, 0.7),
    (EncounterType.MATERNITY, 0.022, 4_300.0, 0.4),
)
_KINDS = tuple(kind for kind, _, _, _ in _ENCOUNTERS)
_SHARES = tuple(accumulate(share for _, share, _, _ in _ENCOUNTERS))
_AMOUNTS = {kind: (math.log(median), spread) for kind, _, median, spread in _ENCOUNTERS}

_iso = lru_cache(maxsize=8192)(lambda day: dt.date.fromordinal(day).isoformat())


def claims(
    seed: int, count: int, roster: Sequence[PhysicianTimeline], *, broken_share: float = BROKEN_SHARE
) -> Iterator[tuple[bytes, bytes | None]]:
    """Key and value of `count` records: claims against the physicians of a roster, some of them broken.

    From 600 records on every way of being broken occurs; with `broken_share` 0 none does, and the rest are the same.
    """
    rng = Random(f"claims {seed}")
    spoiler = Random(f"broken {seed}")
    broken = _broken(spoiler, count, broken_share)
    physicians = _by_activity(rng, roster)
    # Few physicians have many claims and most have few: rank r has a weight of (r + 12)^-0.8.
    weights = list(accumulate((rank + 12) ** -0.8 for rank in range(len(physicians))))
    for number, physician in enumerate(rng.choices(physicians, cum_weights=weights, k=count)):
        claim_id = f"C{seed}-{number + 1:07d}"
        value = _claim(rng, claim_id, physician).encode()
        way = broken.get(number)
        yield claim_id.encode(), value if way is None else way.spoil(spoiler, value)


def _broken(rng: Random, count: int, share: float) -> dict[int, Broken]:
    if not share:
        return {}
    ways = broken_records(rng, min(count // 20, max(len(BROKEN), round(share * count))))
    return dict(zip(rng.sample(range(count), len(ways)), ways, strict=True))


class _Physician:
    """What the generator needs to know of a physician: where, and around which days something happens."""

    __slots__ = ("code", "days", "late_days", "opted_out", "place", "sites")

    def __init__(self, timeline: PhysicianTimeline) -> None:
        self.place: Place = PLACE_OF[timeline.region]
        self.code = timeline.physician_code
        sites = [site if isinstance(site, Site) else Site(site) for site in timeline.sites]
        self.sites = [site.institution_code for site in sites if site.status is SiteStatus.DECLARED]
        self.opted_out = [site.institution_code for site in sites if site.status is SiteStatus.OPTED_OUT]
        edges = {day for span in timeline.spans for day in (span.start, span.end) if day is not None}
        self.days = sorted(day.toordinal() for day in edges if FIRST_SERVICE <= day <= LAST_SERVICE)
        self.late_days = sorted(day.toordinal() for day in edges if _LATE[0] <= day <= _LATE[1])


def _by_activity(rng: Random, roster: Sequence[PhysicianTimeline]) -> list[_Physician]:
    """The busiest first. The very busiest are in order: one suspended giant would make every sample about itself."""
    ordinary = [timeline for timeline in roster if all(span.standing is Standing.NORMAL for span in timeline.spans)]
    busiest = rng.sample(ordinary, min(_BUSIEST, len(ordinary)))
    taken = {(timeline.region, timeline.physician_code) for timeline in busiest}
    others = [timeline for timeline in roster if (timeline.region, timeline.physician_code) not in taken]
    rng.shuffle(others)
    return [_Physician(timeline) for timeline in (*busiest, *others)]


def _service_day(rng: Random, physician: _Physician, kind: EncounterType) -> int:
    """A day of service. Much happens near the days on which a standing changes, which is where screening is hard."""
    first, last, days = FIRST_SERVICE.toordinal(), LAST_SERVICE.toordinal(), physician.days
    if physician.place.region == _LANZHOU and rng.random() < _LATE_SHARE:
        first, last, days = _LATE[0].toordinal(), _LATE[1].toordinal(), physician.late_days
    if days and rng.random() < _NEAR_AN_EVENT:
        spread = 6 if kind is EncounterType.INPATIENT else 25
        near = rng.choice(days) + (rng.randrange(-1, 2) if rng.random() < 0.15 else round(rng.gauss(0, spread)))
        if first <= near <= last:
            return near
    day = first + int(rng.random() * (last - first + 1))
    # On weekends half as many come: the others are seen the Friday before.
    return day - 2 if day % 7 == 0 and day - 2 >= first and rng.random() < 0.5 else day


def _claim(rng: Random, claim_id: str, physician: _Physician) -> str:
    random = rng.random
    kind = rng.choices(_KINDS, cum_weights=_SHARES)[0]
    day = _service_day(rng, physician, kind)
    start = _stay_start(rng, kind, day)
    settled = day + (0 if random() < 0.6 else 1 + int(rng.expovariate(0.4)))
    clock = int(28_800 + random() * 36_000)
    insurance, low, high = ("resident", 0.5, 0.8) if random() < 0.8 else ("employee", 0.7, 0.92)
    total, fund = _amounts(rng, kind, low + random() * (high - low))
    tail = ',"ward":"内科"' if random() < _UNKNOWN_FIELD else ""
    if physician.place.region == "330100" and random() < 0.2:
        tail += f',"staff_category":"{rng.choice(("medical", "pharmacy", "nursing"))}"'
    return (
        f'{{"claim_id":"{claim_id}","claim_version":{2 if total < 0 else 1},"region":"{physician.place.region}",'
        f'"institution_code":"{_institution(rng, physician)}",{_physician_code(rng, physician)}'
        f'"encounter_type":"{kind}","service_date":"{_iso(day)}","service_start":{start},'
        f'"settlement_time":"{_iso(settled)}T{clock // 3600:02d}:{clock // 60 % 60:02d}:{clock % 60:02d}+08:00",'
        f'"insured_id":"P{int(random() * 40_000_000) + 52_000_000:08d}","insurance_type":"{insurance}",'
        f'"total_amount":"{_yuan(total)}","fund_amount":"{_yuan(fund)}"{tail}}}'
    )


def _stay_start(rng: Random, kind: EncounterType, day: int) -> str:
    if kind is EncounterType.INPATIENT:
        return f'"{_iso(day - min(35, 1 + int(rng.expovariate(0.2))))}"'
    if kind is EncounterType.MATERNITY and rng.random() < 0.6:
        return f'"{_iso(day - rng.randrange(2, 6))}"'
    return "null"


def _institution(rng: Random, physician: _Physician) -> str:
    chance = rng.random()
    if chance < _UNDECLARED_SITE:
        return physician.place.institution(1 + int(rng.random() * physician.place.institutions))
    if physician.opted_out and chance < _OPTED_OUT_SITE:
        return physician.opted_out[0]
    sites = physician.sites
    return sites[0] if len(sites) == 1 or chance < 0.6 else rng.choice(sites)


def _physician_code(rng: Random, physician: _Physician) -> str:
    """The member of the claim, with its comma; a physician can be missing in several ways."""
    chance = rng.random()
    if chance > MISSING_PHYSICIAN + _UNKNOWN_PHYSICIAN + _FOREIGN_CODE:
        return f'"physician_code":"{physician.code}",'
    if chance < MISSING_PHYSICIAN:
        return rng.choice(('"physician_code":null,', '"physician_code":null,', '"physician_code":"",', ""))
    if chance < MISSING_PHYSICIAN + _FOREIGN_CODE:
        return f'"physician_code":"YS-{int(rng.random() * 90_000) + 10_000}",'
    return f'"physician_code":"{physician.place.physician(900_000 + int(rng.random() * 400))}",'


def _amounts(rng: Random, kind: EncounterType, share: float) -> tuple[int, int]:
    """Total and fund share in fen (0.01 yuan). Some claims cost the fund nothing, a few take money back (冲正)."""
    middle, spread = _AMOUNTS[kind]
    total = max(100, round(100 * rng.lognormvariate(middle, spread)))
    chance = rng.random()
    if chance < REVERSALS:
        return -total, -round(total * share)
    return total, 0 if chance < REVERSALS + _NOTHING_TO_PAY else round(total * share)


def _yuan(fen: int) -> str:
    sign, whole = ("-", -fen) if fen < 0 else ("", fen)
    return f"{sign}{whole // 100}.{whole % 100:02d}"
