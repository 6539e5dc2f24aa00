"""The law agrees with an evaluation written from the documents alone, field by field, on thousands of random histories.

The suite asks 2,000 a scheme; ORACLE_HISTORIES=20000 is the long run. Shantou, which has little to vary, gets a fifth; so does
the model of provincial points, which decides nothing until it is switched on. A case on which the two differ is printed as the
command that shows it.
"""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter

import pytest

from pipeline.conformance.cases import SWITCHED_ON
from pipeline.settings.packs import load_pack_set
from tests.oracle.__main__ import command, main
from tests.oracle.histories import LOCALITIES, generate
from tests.oracle.law import judge_case
from tests.support.against_oracle import answers
from tests.support.thorough import share

HISTORIES = int(os.environ.get("ORACLE_HISTORIES", "0")) or share(5_000)
CHUNK = 2_500
PACKS = load_pack_set(switched_on=SWITCHED_ON)
OFF = ("shantou", "national_points")
COUNTS = {name: max(1, HISTORIES // 5) if name in OFF else HISTORIES for name in LOCALITIES}


@pytest.mark.parametrize("locality", LOCALITIES)
def test_the_oracle_and_the_law_agree_in_every_field(locality):
    failing: list[str] = []
    for first in range(0, COUNTS[locality], CHUNK):
        seeds = range(first, min(first + CHUNK, COUNTS[locality]))
        for seed, got in zip(seeds, answers(locality, seeds, PACKS), strict=True):
            if got != judge_case(generate(locality, seed)):
                failing.append(command(locality, seed))
        if len(failing) > 20:
            break
    assert not failing, "the two differ; to see how:\n" + "\n".join(failing[:20])


def test_the_command_shows_both_answers(capsys):
    assert main(["--against-rules", "qiannan", "7"]) == 0
    told = capsys.readouterr().out
    assert "QN-O7" in told
    assert "oracle" in told
    assert "1 agree, 0 differ" in told
    assert main(["--against-rules", "nowhere", "7"]) == 2


# -- what the histories contain --------------------------------------------------------------------------------------

SAMPLE = range(2_000)


def _last_of_month(day: dt.date) -> bool:
    return (day + dt.timedelta(days=1)).day == 1


@pytest.mark.parametrize("locality", ["qiannan", "lanzhou", "national", "national_points", "xiamen"])
def test_month_ends_leap_days_and_year_ends_come_far_more_often_than_by_chance(locality):
    """By chance a day is a month's last once in 30, 29 February once in 1461, New Year or its eve twice in 365."""
    days: list[dt.date] = []
    for seed in SAMPLE:
        case = generate(locality, seed)
        days += [dt.date.fromisoformat(event["date"]) for event in case["history"]]
        days.append(dt.date.fromisoformat(case["claim"]["service_date"]))
    share = Counter()
    for day in days:
        share["month end"] += _last_of_month(day)
        share["leap day"] += (day.month, day.day) == (2, 29)
        share["turn of the year"] += (day.month, day.day) in ((12, 31), (1, 1))
    assert share["month end"] / len(days) > 3 / 30
    assert share["leap day"] / len(days) > 5 / 1461
    assert share["turn of the year"] / len(days) > 5 * 2 / 365
    several = sum(len({event["date"] for event in generate(locality, seed)["history"]}) > 2 for seed in SAMPLE)
    assert several > len(SAMPLE) / 3
