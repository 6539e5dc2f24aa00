"""A new kind of law is one folder and a pack: read, folded, judged, explained and shown on the page, with nothing else changed."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

import rules.schemes
from pipeline.explain.explaining import explain_claim
from pipeline.settings.packs import read_packs
from rules.calendar import MONDAY_TO_FRIDAY
from rules.dossier import fold
from rules.duties import duties
from rules.events import decode
from rules.packs.pack import Pack, PackError, parse_pack
from rules.packs.pack_set import PackSet
from rules.schemes.registry import schemes
from rules.standing import statement
from rules.wording.page import render
from tests.support.explaining import claim, event

REGION = "990200"

FOLDER = '''
"""Strikes: so many decisions in all, whatever their points, and the person is suspended for good."""

from typing import Literal

from rules.schemes.account import FOREVER, Account, Entry, Facts, SpanBuilder
from rules.schemes.ledger import Ledger
from rules.schemes.scheme import Fact, Scheme, Topic
from rules.schemes.sections import Count, Param
from rules.text import Text
from rules.vocabulary import Effect, EventType, Standing


class StrikesLedger(Ledger):
    """The one number of the law."""

    scheme: Literal["strikes"]
    strikes: Param[Count]


class StrikesScheme(Scheme[StrikesLedger]):
    """Counts decisions."""

    name = "strikes"
    ledger = StrikesLedger
    parameters = {"strikes": Text("次数", "strikes")}
    period = Text("终身", "life")

    def fold(self, events, ledger, calendar, *, honour_late=False):
        """One strike a decision."""
        account, spans, causes = Account(), SpanBuilder(), ()
        for event in events:
            day = event.date.toordinal()
            if event.type_name == EventType.REGISTRATION:
                spans.add(day, Facts(Standing.NORMAL, in_penalty=False))
            elif event.type_name == EventType.DEDUCTION:
                causes = (*causes, event.event_id)
                out = len(causes) == ledger.strikes.value
                effects = (Effect.CANCELLED,) if out else ()
                number = len(causes)
                account.entries.append(
                    Entry(event.event_id, event.date, EventType.DEDUCTION, 1, 0, number, number, effects)
                )
                if out:
                    facts = Facts(Standing.SUSPENDED, True, (day + 1, FOREVER), None, None, (), None, None, ("甲",), causes)
                    spans.add(day + 1, facts)
        account.spans = spans.build()
        return account

    def effect(self, effect, ledger, window):
        """What the last strike does."""
        where = ledger.strikes.citation
        return {Effect.CANCELLED: Text(f"满{ledger.strikes.value}次（{where}）", f"struck out ({where})")}[effect]

    def summary(self, ledger):
        """The one thing that the text says."""
        number, where = ledger.strikes.value, ledger.strikes.citation
        return {Topic.EXCLUSION: [Fact(f"满{number}次即停", f"out after {number} strikes", where)]}


SCHEME = StrikesScheme()
'''

PACK = dedent(
    """
    pack: strikes-2026
    version: 1
    title: {zh: 三振办法, en: Measures on strikes}
    source: {file: strikes, name: {zh: 某市, en: A city}}
    regions: ["990200"]
    in_force: {from: 2026-01-01, to: null, citation: 丙}
    exempt_encounters: [emergency]
    screening:
      - ground: physician_unregistered
        when: {standing: [unregistered]}
        ordinary: {disposition: reject, reason: physician_unregistered, cost_bearer: institution}
        citations: [乙]
      - ground: suspended
        when: {in_penalty: true}
        ordinary: {disposition: reject, reason: suspended, cost_bearer: institution}
        exempted: {disposition: pay, reason: exempt, cost_bearer: fund}
        citations: [甲]
    ledger:
      scheme: strikes
      events: [registration, deduction]
      standings: {}
      working_calendar: {value: monday_to_friday, from: null, citation: 丁}
      strikes: {value: 3, from: 2026-01-01, citation: 甲}
      violations:
        - {id: S, points: [1, 12], zh: 违规, en: A breach, from: 2026-01-01, citation: 甲}
      deadlines:
        - {id: tell, working_days: 3, trigger: first_cancellation, actor: {zh: 经办, en: agency}, act: {zh: 告知, en: tell}, from: 2026-01-01, citation: 戊}
    """
)  # fmt: skip

HISTORY = [
    event("r1", "registration", "2026-01-05", REGION),
    *(event(f"d{n}", "deduction", f"2026-02-0{n}", REGION, points=n, violation_id="S") for n in (1, 2, 3)),
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The new scheme's folder, among those of the rules for the length of a test."""
    place = tmp_path / "strikes"
    place.mkdir()
    (place / "__init__.py").write_text(FOLDER, "utf-8")
    monkeypatch.setattr(rules.schemes, "__path__", [*rules.schemes.__path__, str(tmp_path)])
    schemes.cache_clear()
    yield
    schemes.cache_clear()
    sys.modules.pop("rules.schemes.strikes", None)
    vars(rules.schemes).pop("strikes", None)


def pack() -> Pack:
    return parse_pack(PACK, "strikes-2026.yaml")


@pytest.mark.parametrize(
    ("service", "encounter", "disposition", "reason"),
    [
        ("2026-01-04", "outpatient", "reject", "physician_unregistered"),
        ("2026-02-03", "outpatient", "pay", "ok"),
        ("2026-02-04", "outpatient", "reject", "suspended"),
        ("2036-02-04", "emergency", "pay", "exempt_emergency"),
    ],
)
def test_claims_are_judged_by_the_new_law_and_the_chain_behind_it_is_told(service, encounter, disposition, reason):
    packs = PackSet([*read_packs(), pack()])
    wanted = claim(service, region=REGION, encounter_type=encounter)
    done = explain_claim(wanted, HISTORY, packs, as_of=None, today=dt.date(2037, 1, 1))
    assert (done.verdict["disposition"], done.verdict["reason"]) == (disposition, reason)
    assert done.verdict["rule_pack"] == "strikes-2026@1"
    if reason == "suspended":
        assert done.chain.period.en == "life"
        assert [said.zh for line in done.chain.history for said in line.effects] == ["满3次（甲）"]


def test_its_duties_run_and_the_page_shows_it_beside_the_others():
    law = pack()
    file = fold([decode(line) for line in HISTORY])
    (duty,) = duties(file, statement(file, law), law, MONDAY_TO_FRIDAY)
    assert (duty.kind, duty.trigger_id, duty.due_on) == ("tell", "d3", dt.date(2026, 2, 6))
    page = render([*read_packs(), law], "en")
    assert "out after 3 strikes (甲)" in page
    assert "first cancellation" in page


def test_a_slip_in_its_pack_is_told_in_the_words_of_its_own_parameters():
    with pytest.raises(PackError) as error:
        parse_pack(PACK.replace("strikes: {value", "strike: {value"), "x.yaml")
    told = str(error.value)
    assert "ledger.strikes: missing; expected strikes: {value: ..., from: YYYY-MM-DD or null, citation: ...}" in told
    assert "ledger.strike: no such key; expected one of scheme, events" in told
