"""Duties, rights and what meets them (D1 to D6) against an evaluation written from the documents alone, in every scheme."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from rules.calendar import MONDAY_TO_FRIDAY
from rules.dossier import fold
from rules.duties import Duty, duties
from rules.standing import statement
from rules.vocabulary import IssueCode
from tests.oracle.acts import KINDS, LOCALITIES, Owed, generate_acts, owed, too_early
from tests.support.against_oracle import arriving
from tests.support.law import pack
from tests.support.thorough import share

HISTORIES = share(300, least=60)
DAYS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 20, 21, 22, 23, 60, 900)


def states(one: Owed, found: Duty) -> list[tuple[str, int, bool, str]]:
    """Where the two tell a day differently: missed, lapsed, or done too late."""
    differ: list[tuple[str, int, bool, str]] = []
    for number in DAYS:
        day = one.raised + timedelta(days=number)
        for name, wanted in (("missed", one.missed(day)), ("lapsed", one.lapsed(day))):
            if wanted != (found.state(day) == name):
                differ.append((name, number, wanted, found.state(day)))
    if one.met and not one.void and one.late() != (found.state(one.raised) == "met_late"):
        differ.append(("late", 0, one.late(), found.state(one.raised)))
    return differ


@pytest.mark.parametrize("locality", LOCALITIES)
def test_every_act_is_owed_met_missed_or_lapsed_as_the_documents_say(locality):
    rules = pack(locality)
    seen: Counter[str] = Counter()
    for seed in range(HISTORIES):
        case = generate_acts(locality, seed)
        file = fold(arriving(case, seed).events)
        said = statement(file, rules, calendar=MONDAY_TO_FRIDAY)
        found = {
            (duty.kind, duty.trigger_id, duty.site): duty
            for duty in duties(file, said, rules, MONDAY_TO_FRIDAY)
            if duty.kind in KINDS[locality]
        }
        wanted = {one.key: one for one in owed(case)}
        assert found.keys() == wanted.keys(), (seed, found.keys() ^ wanted.keys())
        for key, one in wanted.items():
            duty = found[key]
            assert (duty.raised_on, duty.right) == (one.raised, one.right), (seed, key)
            if not one.met:
                assert duty.void == one.void, (seed, key)
            if not one.void:
                assert (duty.met_by is not None) == bool(one.met), (seed, key, one, duty)
            assert states(one, duty) == [], (seed, key, one, duty)
            seen.update([key[0], *(["missed"] if one.missed(one.raised + timedelta(900)) else [])])
            seen.update(
                [*(["lapsed"] if one.lapsed(one.raised + timedelta(900)) else []), *(["met"] if one.met else [])]
            )
        early = {issue.event_id for issue in said.issues if issue.code is IssueCode.ACT_BEFORE_ITS_CAUSE}
        assert early == too_early(case), seed
    assert seen.keys() >= {*KINDS[locality], "met"}, seen
    if locality == "qiannan":
        assert min(seen["missed"], seen["lapsed"]) > HISTORIES / 20
