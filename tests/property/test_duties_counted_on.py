"""Duties counted on from an earlier count are those that a count from the beginning finds, whatever comes and whenever."""

from __future__ import annotations

import datetime as dt
import random

import msgspec
import pytest

from rules.calendar import MONDAY_TO_FRIDAY, WorkingCalendar
from rules.dossier import fold
from rules.duties import Counted, count, duties
from rules.events import Event
from rules.packs.pack import Pack
from rules.packs.pack_set import Law
from rules.standing import statement
from tests.oracle.histories import generate
from tests.property.test_succession_oracle import law
from tests.support.against_oracle import arriving
from tests.support.histories import make
from tests.support.law import PACK, pack
from tests.support.thorough import share

LOCALITIES = tuple(name for name in PACK if name != "shantou")
DOSSIERS = share(30)
CHANGED = law(dt.date(2024, 5, 14), dt.date(2024, 9, 1)).law("522700")


def coming(locality: str, seed: int) -> list[Event]:
    """The events of two generated histories under one code, in an order that nothing follows from, some of them twice."""
    events = []
    for number in (0, 1):
        for event in arriving(generate(locality, 2 * seed + number), seed).events:
            ref = getattr(event, "ref", None)
            named = {} if ref is None else {"ref": f"{number}-{ref}"}
            events.append(msgspec.structs.replace(event, event_id=f"{number}-{event.event_id}", **named))
    random.Random(seed).shuffle(events)
    return events


def further(counted: Counted, number: int, chance: random.Random) -> Event | None:
    """Somebody does what a duty asks, or objects to what set it running, or answers an objection."""
    if not counted.duties:
        return None
    objected = [duty for duty in counted.duties if duty.trigger_id.startswith("further-")]
    if objected and chance.random() < 0.5:
        duty = chance.choice(objected)
        fields = {"ref": duty.trigger_id, "answer": chance.choice(["upheld", "rejected", "to_experts", "to_experts"])}
        return make("objection_answered", duty.raised_on, number, event_id=f"further-{number}", **fields)
    duty = chance.choice(counted.duties)
    day = duty.raised_on + dt.timedelta(days=chance.randint(-3, 40))
    kind = chance.choice(["act_done", "objection_filed"])
    fields = {"duty": duty.kind, "by": "agency", "institution": duty.site} if kind == "act_done" else {}
    return make(kind, day, number, event_id=f"further-{number}", ref=duty.trigger_id, **fields)


def grow(rules: Pack | Law, calendar: WorkingCalendar | None, locality: str, seed: int) -> tuple[int, int]:
    """Adds the events one by one; returns how many duties were taken over from the count before, and how many there were."""
    chance, known, before = random.Random(seed), list[Event](), None
    taken = every = 0
    waiting = coming(locality, seed)
    while waiting:
        known.append(waiting.pop())
        if before is not None and chance.random() < 0.3:
            more = further(before, len(known), chance)
            known += [] if more is None else [more]
        file = fold(known)
        said = statement(file, rules, calendar=calendar)
        anew = duties(file, said, rules, calendar)
        counted = count(file, said, rules, calendar, before)
        assert counted.duties == anew, (locality, seed, len(known))
        old = set() if before is None else {id(duty) for duty in before.duties}
        taken += sum(id(duty) in old for duty in counted.duties)
        every += len(anew)
        before = counted
    return taken, every


@pytest.mark.parametrize("locality", LOCALITIES)
def test_duties_counted_on_are_those_counted_from_the_beginning(locality: str) -> None:
    sums = [grow(pack(locality), MONDAY_TO_FRIDAY, locality, seed) for seed in range(DOSSIERS)]
    taken, every = map(sum, zip(*sums, strict=True))
    assert taken > every / 3, "most of a dossier's duties stay what they were"


def test_they_are_so_under_a_law_that_follows_another_one() -> None:
    sums = [grow(CHANGED, None, "qiannan", seed) for seed in range(DOSSIERS)]
    assert sum(taken for taken, _ in sums) > 0


def test_a_count_by_another_law_or_calendar_is_not_taken_over() -> None:
    file = fold(coming("qiannan", 1))
    rules = pack("qiannan")
    said = statement(file, rules, calendar=MONDAY_TO_FRIDAY)
    before = count(file, said, rules, MONDAY_TO_FRIDAY)
    other = pack("qiannan").model_copy()
    again = count(file, said, other, MONDAY_TO_FRIDAY, before)
    assert again.duties == before.duties
    assert not {id(duty) for duty in again.duties} & {id(duty) for duty in before.duties}
