"""The register of the sample: physicians and a few institutions, as events, and as the standings that the law makes of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from pipeline.sample import histories
from pipeline.sample.histories import History, Maker
from pipeline.settings.packs import load_pack_set
from rules.calendar import corresponding_day
from rules.events import (
    Event,
    InstitutionResigned,
    InstitutionSnapshot,
    InstitutionViolationRatio,
    OptOut,
    RectificationOrder,
    SiteDeclaration,
)
from rules.standing import institution_timeline, timeline
from rules.timeline import InstitutionTimeline, PhysicianTimeline


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
    has_sites: bool = False
    """Whether the place's text knows further sites (多点执业)."""
    has_opt_out: bool = False
    """Whether it lets a physician opt out; of the texts only Qiannan's does (`000 五(二)*`)."""

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
        has_sites=True,
        has_opt_out=True,
    ),
    Place(
        region="350200",
        county="350203",
        share=0.06,
        institutions=14,
        ordinary=histories.xiamen_normal,
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
        ordinary=histories.national_normal,
        marked=((histories.national_suspended, 30), (histories.national_terminated, 15)),
        has_sites=True,
    ),
)

_Fact = tuple[type[Event], dt.date, dict[str, Any]]
"""Kind, day and further fields of an event."""

PLACE_OF = {place.region: place for place in PLACES}

PHYSICIANS = 2_000
"""Size of the register that the claims of a sample are against."""

_SECOND_SITE = 0.12
_OPTED_OUT = 0.015


def register_events(seed: int, physicians: int = PHYSICIANS) -> Iterator[Event]:
    """The events of the registers: physician after physician, by region, and then the institutions'.

    At least one physician of every kind of history is among them, however few they are. A larger register holds every physician
    of a smaller one of the same seed, unchanged.
    """
    for history in _histories(seed, physicians):
        yield from history
    for institution in _institution_histories(seed).values():
        yield from institution


def roster(seed: int, physicians: int = PHYSICIANS) -> list[PhysicianTimeline]:
    """The standing of the sample's physicians, by region: what the law makes of their events."""
    packs = load_pack_set()
    made = []
    for history in _histories(seed, physicians):
        law = packs.law(history[0].region)
        made.append(timeline(history, law, revision=len(history)))
    return made


def institutions(seed: int) -> list[InstitutionTimeline]:
    """Institutions whose service agreement ended: two in Xiamen, two in Lanzhou, one of which signed a new one."""
    packs = load_pack_set()
    return [
        institution_timeline(history, packs.law(region), institution_code=code, revision=len(history))
        for (region, code), history in _institution_histories(seed).items()
    ]


def _histories(seed: int, physicians: int) -> Iterator[list[Event]]:
    for place in PLACES:
        makers = _makers(seed, place)
        wanted = max(len(place.marked) + 2, round(place.share * physicians))
        for number in range(1, wanted + 1):
            yield _physician(seed, place, number, makers[number % len(makers)])


def _makers(seed: int, place: Place) -> list[Maker]:
    """Whose turn it is: one of each kind and two ordinary ones first, then all in their proportions."""
    rng = Random(f"histories {seed} {place.region}")
    first = [maker for maker, _ in place.marked] + [place.ordinary] * 2
    rest = [maker for maker, per_mille in place.marked for _ in range(per_mille)]
    rest += [place.ordinary] * (1000 - len(rest))
    rng.shuffle(first)
    rng.shuffle(rest)
    return [rest[-1], *first, *rest[:-1]]


def _physician(seed: int, place: Place, number: int, maker: Maker) -> list[Event]:
    code = place.physician(number)
    rng = Random(f"physician {seed} {code}")
    sites = [place.institution(site) for site in rng.sample(range(1, place.institutions + 1), 4)]
    history = History(place.region, code, sites[0], f"ev-{place.county}-{number:06d}")
    maker(rng, history)
    if place.has_sites:
        _further_sites(rng, place, number, sites, history)
    return sorted(history.events, key=lambda event: event.date)


def _further_sites(rng: Random, place: Place, number: int, sites: list[str], history: History) -> None:
    """Where else a physician practises; the first two physicians of a region show a second site and an opting out."""
    chance = rng.random()
    since = dt.date(2025, 1, 1) if history.events[0].date.year > 2023 else dt.date(2023, 1, 1)
    since += dt.timedelta(days=rng.randrange(300))
    if place.has_opt_out and (chance < _OPTED_OUT or number == 2):
        history.add(OptOut, since, institution=sites[1])
    elif chance < _OPTED_OUT + _SECOND_SITE or number == 1:
        for site in sites[1 : 2 + rng.choices((0, 1, 2), (8, 3, 1))[0]]:
            history.add(SiteDeclaration, since, institution=site)


def _institution_histories(seed: int) -> dict[tuple[str, str], list[Event]]:
    rng = Random(f"institutions {seed}")

    def day(first: dt.date) -> dt.date:
        return first + dt.timedelta(days=rng.randrange(120))

    ordered, breach = day(dt.date(2024, 2, 1)), day(dt.date(2023, 9, 1))
    ended, renewed = day(dt.date(2018, 3, 1)), day(dt.date(2018, 2, 1))
    orders: list[_Fact] = [(RectificationOrder, ordered + dt.timedelta(days=60 * number), {}) for number in range(3)]
    headcount = {"approved_physicians": 40, "cancelled_in_term": 2}
    return dict(
        _institution(*each)
        for each in (
            ("350200", 3, orders),
            ("350200", 7, [(InstitutionViolationRatio, breach, {"ratio": 0.43})]),
            ("620100", 4, [(InstitutionSnapshot, ended, headcount)]),
            (
                "620100",
                6,
                [
                    (InstitutionSnapshot, renewed, headcount),
                    (InstitutionResigned, corresponding_day(renewed, 6), {}),
                ],
            ),
        )
    )


def _institution(region: str, number: int, story: list[_Fact]) -> tuple[tuple[str, str], list[Event]]:
    place = PLACE_OF[region]
    code = place.institution(number)
    history = History(region, "", code, f"ev-{place.county}-h{number:05d}")
    for kind, date, fields in story:
        history.add(kind, date, physician_code=None, **fields)
    return (region, code), history.events
