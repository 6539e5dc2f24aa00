"""A dossier under whose code many institutions file: one more event costs in proportion to the file, never to its square."""

from __future__ import annotations

import gc
import time

import msgspec
import pytest

from rules.events import Event
from tests.support.histories import history
from tests.unit.pipeline.test_control_parts import Tables

REGIONS = {"qiannan": "522700", "national": "110000", "xiamen": "350200"}
SMALL, LARGE = 600, 2_400


def placeholder(locality: str, count: int) -> list[Event]:
    """Histories of many physicians, all of them filed under one code."""
    events: list[Event] = []
    number = 0
    while len(events) < count:
        for event in history(locality, number):
            ref = getattr(event, "ref", None)
            named = {} if ref is None else {"ref": f"{number}-{ref}"}
            own = {
                "event_id": f"{number}-{event.event_id}",
                "region": REGIONS[locality],
                "physician_code": "D000000000000",
            }
            events.append(msgspec.structs.replace(event, **own, **named))
        number += 1
    return events[:count]


@pytest.mark.long
@pytest.mark.parametrize("locality", REGIONS)
def test_one_more_event_of_a_dossier_four_times_as_large_does_not_cost_sixteen_times_as_much(locality: str) -> None:
    events = placeholder(locality, LARGE + 3)

    def cost(size: int) -> float:
        tables = Tables()
        tables.take(events[:size])
        gc.collect()
        spent = []
        for event in events[size : size + 3]:
            began = time.process_time()
            tables.take([event])
            spent.append(time.process_time() - began)
        return min(spent)

    small, large = cost(SMALL), cost(LARGE)
    assert large < 9 * small, f"{SMALL} events: {small * 1000:.0f} ms, {LARGE}: {large * 1000:.0f} ms"
