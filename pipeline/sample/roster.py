"""The register of the sample: physicians with their standing on every day, and a few institutions that lost theirs."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from random import Random

from pipeline.sample import histories
from pipeline.sample.histories import Maker
from rules.calendar import first_day_after
from rules.codes import InstitutionStanding, SiteStatus
from rules.timeline import InstitutionSpan, InstitutionTimeline, PhysicianTimeline, Site


@dataclass(frozen=True, slots=True)
class Place:
    """A region of the sample: its share of the physicians, its institutions, and the histories beside normal ones.

    `marked` gives the physicians of each history in a thousand; there is always at least one.
    """

    region: str
    county: str
    share: float
    institutions: int
    ordinary: Maker
    marked: tuple[tuple[Maker, int], ...]

    def institution(self, number: int) -> str:
        """Code of the institution of this number, counted from 1."""
        return f"H{self.county}{number:05d}"

    def physician(self, number: int) -> str:
        """Code of the physician of this number, counted from 1."""
        return f"D{self.county}{number:06d}"


PLACES = (
    Place(
        region="522700",
        county="522701",
        share=0.84,
        institutions=120,
        ordinary=histories.normal,
        marked=(
            (histories.cautioned, 50),
            (histories.penalised_and_back, 40),
            (histories.penalised_and_waiting, 12),
            (histories.penalised_for_a_year, 6),
            (histories.blacklisted, 8),
            (histories.blacklisted_and_returned, 3),
            (histories.reinstated_too_early, 4),
            (histories.upheld_late, 4),
            (histories.registered_later, 15),
            (histories.training_missing, 8),
        ),
    ),
    Place(
        region="350200",
        county="350203",
        share=0.06,
        institutions=14,
        ordinary=histories.plain,
        marked=((histories.xiamen_full_once, 25), (histories.xiamen_blacklisted, 15)),
    ),
    Place(
        region="620100",
        county="620102",
        share=0.05,
        institutions=10,
        ordinary=histories.lanzhou_normal,
        marked=(
            (histories.lanzhou_suspended, 40),
            (histories.lanzhou_cancelled, 20),
            (histories.lanzhou_expired, 20),
        ),
    ),
    Place(
        region="330100",
        county="330106",
        share=0.05,
        institutions=12,
        ordinary=histories.plain,
        marked=((histories.national_suspended, 30), (histories.national_terminated, 15)),
    ),
)

PLACE_OF = {place.region: place for place in PLACES}

PHYSICIANS = 2_000
"""Size of the register that the claims of a sample are against."""

_SECOND_SITE = 0.12
_OPTED_OUT = 0.015


def roster(seed: int, physicians: int = PHYSICIANS) -> list[PhysicianTimeline]:
    """The physicians of the sample, by region. At least one of every kind of history is among them, however few they are.

    A larger register holds every physician of a smaller one of the same seed, unchanged.
    """
    made = []
    for place in PLACES:
        makers = _makers(seed, place)
        wanted = max(len(place.marked) + 2, round(place.share * physicians))
        made += [_physician(seed, place, number, makers[number % len(makers)]) for number in range(1, wanted + 1)]
    return made


def _makers(seed: int, place: Place) -> list[Maker]:
    """Whose turn it is: one of each kind and two ordinary ones first, then all in their proportions."""
    rng = Random(f"histories {seed} {place.region}")
    first = [maker for maker, _ in place.marked] + [place.ordinary] * 2
    rest = [maker for maker, per_mille in place.marked for _ in range(per_mille)]
    rest += [place.ordinary] * (1000 - len(rest))
    rng.shuffle(first)
    rng.shuffle(rest)
    return [rest[-1], *first, *rest[:-1]]


def _physician(seed: int, place: Place, number: int, maker: Maker) -> PhysicianTimeline:
    code = place.physician(number)
    rng = Random(f"physician {seed} {code}")
    history = maker(rng, f"ev-{place.county}-{number:06d}")
    windows = sorted({span.penalty_period for span in history.spans if span.penalised and span.penalty_period}, key=str)
    return PhysicianTimeline(
        region=place.region,
        physician_code=code,
        revision=rng.randrange(1, 4) + len(history.spans),
        spans=history.spans,
        sites=_sites(rng, place, number),
        contested=history.contested,
        points={"remaining": history.remaining, "accumulated": history.accumulated},
        changed=tuple(windows[-1:]),
    )


def _sites(rng: Random, place: Place, number: int) -> tuple[Site, ...]:
    """Where a physician practises; the first two physicians of a region show a second site and an opting out."""
    numbers = rng.sample(range(1, place.institutions + 1), 4)
    sites = [Site(place.institution(numbers[0]))]
    chance = rng.random()
    since = dt.date(2023, 1, 1) + dt.timedelta(days=rng.randrange(700))
    if chance < _OPTED_OUT or number == 2:
        sites.append(Site(place.institution(numbers[1]), start=since, status=SiteStatus.OPTED_OUT))
    elif chance < _OPTED_OUT + _SECOND_SITE or number == 1:
        more = rng.choices((1, 2, 3), (8, 3, 1))[0]
        sites += [Site(place.institution(other), start=since) for other in numbers[1 : 1 + more]]
    return tuple(sites)


def institutions(seed: int) -> list[InstitutionTimeline]:
    """Institutions whose service agreement ended: two in Xiamen, one of which came back, one in Lanzhou, one in Qiannan."""
    rng = Random(f"institutions {seed}")

    def ended(
        region: str, number: int, decided: dt.date, citation: str, months: int | None = None
    ) -> InstitutionTimeline:
        place = PLACE_OF[region]
        event = f"ev-{place.county}-h{number:05d}"
        back = None if months is None else first_day_after(decided, months)
        one = dt.timedelta(days=1)
        spans = [
            InstitutionSpan(
                decided + one, back and back - one, InstitutionStanding.TERMINATED, (citation,), (f"{event}-1",)
            )
        ]
        if back:
            spans.append(InstitutionSpan(back, None, InstitutionStanding.ACTIVE, (citation,), (f"{event}-2",)))
        return InstitutionTimeline(region, place.institution(number), len(spans), tuple(spans))

    def day(first: dt.date) -> dt.date:
        return first + dt.timedelta(days=rng.randrange(120))

    return [
        ended("350200", 3, day(dt.date(2024, 2, 1)), "末句"),
        ended("350200", 7, day(dt.date(2023, 9, 1)), "末句", months=6),
        ended("620100", 4, day(dt.date(2018, 3, 1)), "第二十二条"),
        ended("522700", 57, day(dt.date(2024, 5, 1)), "一"),
    ]
