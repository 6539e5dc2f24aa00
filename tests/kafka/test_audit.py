"""The audit on a real Kafka: a faultless run finds nothing, and everything that is spoiled is found and named.

The file is long because every way of spoiling starts from the same faultless run, which is described once, at the top.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from confluent_kafka import Message, TopicPartition

from pipeline.audit import events, notices, offsets, standings
from pipeline.kafka.offsets import PartitionOffsets, group_offsets
from pipeline.kafka.reading import read_to_end
from pipeline.settings.model import Settings
from rules.events import Event
from tests.support.auditing import TODAY, audit, figures, named
from tests.support.cluster import CONTROL_GROUP, Cluster
from tests.support.histories import make
from tests.support.ledger import tell_progress
from tests.support.published import (
    commit,
    event_record,
    letter_record,
    notice_records,
    partition,
    standing,
    standing_record,
    standing_records,
)

pytestmark = pytest.mark.kafka


@pytest.fixture(autouse=True)
def nobody_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """No control plane runs beside these topics, so that nobody's first commit is to be waited for."""
    monkeypatch.setattr(offsets, "FIRST_COMMIT_S", 0.0)


EVENTS, STANDING, OF_INSTITUTIONS = "physician-events", "physician-standing", "institution-standing"
LETTERS, NOTICES = "physician-events-dead-letter", "notices"


def qiannan(code: str) -> list[Event]:
    """A physician who reaches twelve points and asks for review."""
    common: dict[str, Any] = {"region": "522700", "physician_code": code}
    return [
        make("registration", "2023-01-03", 0, event_id=f"{code}-0", **common),
        make("deduction", "2023-05-09", 1, event_id=f"{code}-1", points=6, violation_id="QN-T6-01", **common),
        make("deduction", "2023-05-10", 2, event_id=f"{code}-2", points=6, violation_id="QN-T6-01", **common),
        make("notice_received", "2023-05-11", 3, event_id=f"{code}-3", ref=f"{code}-2", **common),
        make("appeal_filed", "2023-05-15", 4, event_id=f"{code}-4", ref=f"{code}-2", **common),
    ]


def lanzhou(code: str) -> list[Event]:
    """An institution whose agreement ends and is signed again."""
    common: dict[str, Any] = {"region": "620100", "institution": code, "physician_code": None}
    snapshot = {"approved_physicians": 20, "cancelled_in_term": 1}
    return [
        make("institution_snapshot", "2016-03-01", 0, event_id=f"{code}-0", **snapshot, **common),
        make("institution_resigned", "2016-09-01", 1, event_id=f"{code}-1", **common),
    ]


@dataclass
class Topics:
    """Everything that a faultless run leaves, to be spoiled before it is written."""

    physicians: dict[str, list[Event]] = field(
        default_factory=lambda: {code: qiannan(code) for code in ("D1", "D2", "D3")}
    )
    institutions: dict[str, list[Event]] = field(default_factory=lambda: {"H9": lanzhou("H9")})

    def __post_init__(self) -> None:
        files = [*self.physicians.values(), *self.institutions.values()]
        self.events = [event_record(event) for file in files for event in file]
        self.standings = [record for file in self.physicians.values() for record in standing_records(file)]
        self.of_institutions = [record for file in self.institutions.values() for record in standing_records(file)]
        self.notices = [
            record
            for file in (*self.institutions.values(), *self.physicians.values())
            for record in notice_records(file, TODAY)
        ]
        self.letters: list[dict[str, Any]] = []

    def write(self, cluster: Cluster) -> None:
        cluster.send(EVENTS, self.events)
        cluster.send(STANDING, self.standings)
        cluster.send(OF_INSTITUTIONS, self.of_institutions)
        cluster.send(NOTICES, self.notices)
        cluster.send(LETTERS, self.letters)


def found(cluster: Cluster, topics: Topics) -> list[tuple[str, str]]:
    """What the audit of these topics names, as (part, kind)."""
    topics.write(cluster)
    told = audit(cluster, "standings")
    return [(item["part"], item["kind"]) for item in told["differences"]]


# -- standings ----------------------------------------------------------------------------------------------------


def test_a_faultless_run_finds_nothing(cluster: Cluster) -> None:
    topics = Topics()
    topics.write(cluster)
    done = cluster.screening("audit", "--json", "--notices-on", TODAY.isoformat())
    told = json.loads(done.stdout)
    assert (done.returncode, told["differences"]) == (0, [])
    assert figures(told, "events") == {
        "read": 17, "accepted": 17, "repeated": 0, "forwarded": 0, "dead_letters": 0, "waiting": 0,
    }  # fmt: skip
    assert figures(told, "standings")["same"] == 4
    assert figures(told, "notices")["demanded"] == len(topics.notices)


def test_events_sent_twice_and_in_any_order_are_no_difference(cluster: Cluster) -> None:
    topics = Topics()
    topics.events = [*reversed(topics.events), *topics.events[:5]]
    topics.standings = [record for file in topics.physicians.values() for record in standing_records(file[::-1])]
    topics.of_institutions = standing_records(topics.institutions["H9"][::-1])
    topics.write(cluster)
    told = audit(cluster, "standings")
    assert told["differences"] == []
    assert (figures(told, "events")["accepted"], figures(told, "events")["repeated"]) == (17, 5)


def test_a_dossier_of_which_nothing_was_published_is_missing(cluster: Cluster) -> None:
    topics = Topics()
    topics.standings = [record for record in topics.standings if record["key"] != "522700|D2"]
    topics.write(cluster)
    told = audit(cluster, "standings")
    assert named(told) == "missing: physician-standing 522700|D2: 5 events are recorded and nothing is published"


def test_a_standing_without_any_event_is_unexpected(cluster: Cluster) -> None:
    topics = Topics()
    topics.standings += standing_records(qiannan("D77"))
    assert found(cluster, topics) == [("standings", "unexpected")]


def test_a_lost_update_is_named_with_its_fields_and_days(cluster: Cluster) -> None:
    topics = Topics()
    last = [record for record in topics.standings if record["key"] == "522700|D1"][-1]
    topics.standings.remove(last)
    topics.write(cluster)
    told = audit(cluster, "standings")
    (only,) = told["differences"]
    assert (only["kind"], only["where"]) == ("different", "physician-standing 522700|D1")
    assert only["detail"].startswith("spans at revision 2; days: 2023-05-10")
    shown = cluster.screening("audit", "--standings", "--notices-on", TODAY.isoformat())
    assert shown.returncode == 1
    assert "different: physician-standing 522700|D1: spans at revision 2" in shown.stdout
    assert "1 differences" in shown.stdout


def test_points_alone_make_a_difference_though_they_change_no_verdict(cluster: Cluster) -> None:
    topics = Topics()
    told = msgspec.structs.replace(standing(topics.physicians["D1"]), points={"remaining": 5, "accumulated": 12})
    topics.standings = [record for record in topics.standings if record["key"] != "522700|D1"] + [standing_record(told)]
    topics.write(cluster)
    told_by = audit(cluster, "standings")
    assert named(told_by).endswith("points at revision 5; days: no day's outcome")


def test_an_institutions_standing_is_compared_as_well(cluster: Cluster) -> None:
    topics = Topics()
    topics.of_institutions = topics.of_institutions[:-1]
    topics.write(cluster)
    told = audit(cluster, "standings")
    assert named(told) == "different: institution-standing 620100|H9: spans at revision 1; days: 2016-09-01 to …"


def test_a_revision_that_counts_more_than_the_events_is_named(cluster: Cluster) -> None:
    topics = Topics()
    ahead = msgspec.structs.replace(standing(topics.physicians["D3"]), revision=6)
    topics.standings.append(standing_record(ahead))
    assert found(cluster, topics) == [("standings", "revision_ahead")]


def test_a_revision_that_no_beginning_of_the_log_explains_is_named(cluster: Cluster) -> None:
    """The right content under the revision of the day before: somebody counted wrongly."""
    topics = Topics()
    early = msgspec.structs.replace(standing(topics.physicians["D3"]), revision=2)
    topics.standings = [record for record in topics.standings if record["key"] != "522700|D3"] + [
        standing_record(early)
    ]
    topics.write(cluster)
    told = audit(cluster, "standings")
    assert named(told) == (
        "revision_wrong: physician-standing 522700|D3: the first 2 events of the log make another standing"
    )


def test_a_revision_that_went_back_is_named_though_the_content_is_right(cluster: Cluster) -> None:
    topics = Topics()
    file = topics.physicians["D3"]
    topics.standings += [standing_record(msgspec.structs.replace(standing(file), revision=2))]
    topics.write(cluster)
    told = audit(cluster, "standings")
    assert "revision_went_back: physician-standing 522700|D3: from 3 at offset" in named(told)


def test_one_revision_that_says_two_things_is_named(cluster: Cluster) -> None:
    topics = Topics()
    mine = [record for record in topics.standings if record["key"] == "522700|D3"][-1]
    other = msgspec.structs.replace(standing(topics.physicians["D3"]), revision=3, sites=())
    topics.standings.remove(mine)
    topics.standings += [standing_record(other), mine]
    assert found(cluster, topics) == [("standings", "revision_twice")]


def test_a_key_in_two_partitions_is_named(cluster: Cluster) -> None:
    topics = Topics()
    mine = [record for record in topics.standings if record["key"] == "522700|D3"][-1]
    topics.standings.append({**mine, "partition": (partition("D3") + 1) % 3})
    assert ("standings", "two_partitions") in found(cluster, topics)


def test_a_standing_that_cannot_be_read_is_named(cluster: Cluster) -> None:
    topics = Topics()
    topics.standings.append({"key": "522700|D1", "value": b'{"revision":9,"spans":7}', "partition": partition("D1")})
    assert found(cluster, topics) == [("standings", "unreadable")]


def test_an_erased_standing_is_missing(cluster: Cluster) -> None:
    topics = Topics()
    topics.standings.append({"key": "522700|D1", "value": None, "partition": partition("D1")})
    assert found(cluster, topics) == [("standings", "missing")]


def test_what_the_control_plane_has_not_committed_yet_waits_and_is_no_difference(cluster: Cluster) -> None:
    topics = Topics()
    topics.standings = [record for record in topics.standings if record["key"] != "522700|D2"]
    topics.notices = [record for record in topics.notices if b'"D2"' not in record["value"]]
    topics.write(cluster)
    mine = [record.offset for record in cluster.read(EVENTS) if record.key == b"D2"]
    ends = dict(enumerate(cluster.ends(EVENTS, "read_committed")))
    commit(cluster, "claims-screening-control", EVENTS, {**ends, partition("D2"): min(mine)})
    told = audit(cluster, "standings")
    assert told["differences"] == told["notes"] == []
    assert figures(told, "standings")["waiting"] == 1
    commit(cluster, "claims-screening-control", EVENTS, ends)
    told = audit(cluster, "standings")
    assert {item["kind"] for item in told["differences"]} == {"missing"}


def test_before_any_control_plane_has_run_every_event_waits_and_it_is_said(cluster: Cluster) -> None:
    topics = Topics()
    topics.standings, topics.of_institutions, topics.notices = [], [], []
    topics.write(cluster)
    cluster.send(EVENTS, [{"key": "D1", "value": b"{"}])
    done = cluster.screening("audit", "--standings", "--json", "--notices-on", TODAY.isoformat())
    told = json.loads(done.stdout)
    assert (done.returncode, told["differences"]) == (0, [])
    assert told["notes"] == [
        f"the ledger has never run: group {CONTROL_GROUP} has committed nothing and nothing is published, so 18 events wait; "
        "start a control plane"
    ]
    assert figures(told, "events")["waiting"] == 18
    assert figures(told, "standings")["waiting"] == 4


def test_a_ledger_that_has_told_its_progress_has_run_though_the_group_was_forgotten(cluster: Cluster) -> None:
    topics = Topics()
    topics.standings, topics.of_institutions, topics.notices = [], [], []
    topics.write(cluster)
    tell_progress(cluster)
    told = audit(cluster, "standings")
    assert {item["kind"] for item in told["differences"]} == {"missing"}
    assert told["notes"] == [
        f"group {CONTROL_GROUP} has committed nothing: every event is taken as one that it is done with"
    ]


# -- events -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("read", [STANDING, OF_INSTITUTIONS, LETTERS, EVENTS])
def test_an_event_that_comes_while_the_audit_reads_is_no_difference(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, read: str
) -> None:
    """A physician's last event is recorded, and the new standing published, in the very moment after a topic was read."""
    topics = Topics({"D1": qiannan("D1"), "D3": qiannan("D3")[:3]})
    (last,) = (record for record in topics.events if b'"D3-2"' in record["value"])
    topics.events.remove(last)
    late = [(EVENTS, last), (STANDING, topics.standings.pop())]
    topics.write(cluster)
    commit(cluster, CONTROL_GROUP, EVENTS, dict(Counter(record["partition"] for record in topics.events)))

    def reading(settings: Settings, topic: str) -> Iterator[Message]:
        yield from read_to_end(settings, topic)
        while topic == read and late:
            where, record = late.pop(0)
            cluster.send(where, [record])

    for module in (events, standings, notices):
        monkeypatch.setattr(module, "read_to_end", reading)
    assert named(audit(cluster, "standings")) == ""
    assert not late


def test_a_plane_that_has_just_begun_is_given_the_time_of_its_first_commit(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has published the first standings, not the last, and commits a moment after the audit has begun."""
    topics = Topics()
    topics.standings.pop()
    topics.write(cluster)
    asked: list[dict[int, PartitionOffsets]] = []

    def asking(settings: Settings, topic: str, group: str) -> dict[int, PartitionOffsets]:
        found = group_offsets(settings, topic, group)
        if not asked:
            commit(cluster, group, topic, dict.fromkeys(found, 0))
        asked.append(found)
        return found

    monkeypatch.setattr(offsets, "FIRST_COMMIT_S", 30.0)
    monkeypatch.setattr(offsets, "group_offsets", asking)
    told = audit(cluster, "standings")
    assert named(told) == ""
    assert figures(told, "standings")["waiting"] == 1
    assert len(asked) == 2


def poisoned(topics: Topics, cluster: Cluster) -> tuple[str, int, int]:
    """Adds an event that no scheme takes; returns the place at which it will stand."""
    value = b'{"event_id":"bad","region":"522700","type":"deduction","date":"2023-05-10"}'
    topics.events.append({"key": "D1", "value": value, "partition": 0})
    return EVENTS, 0, sum(record["partition"] == 0 for record in topics.events) - 1


def test_an_unusable_event_with_its_dead_letter_balances(cluster: Cluster) -> None:
    topics = Topics()
    topics.letters = [letter_record(poisoned(topics, cluster), b"")]
    topics.write(cluster)
    told = audit(cluster, "standings")
    assert told["differences"] == []
    counted = figures(told, "events")
    assert (counted["read"], counted["accepted"], counted["dead_letters"]) == (18, 17, 1)


def test_an_unusable_event_that_nobody_set_aside_is_named_with_its_reason(cluster: Cluster) -> None:
    topics = Topics()
    _, number, offset = poisoned(topics, cluster)
    topics.write(cluster)
    told = audit(cluster, "standings")
    assert named(told).startswith(
        f"missing_dead_letter: {EVENTS}/{number} offsets {offset}: 1 unusable and not set aside"
    )
    assert "points: missing" in named(told)


def test_a_letter_that_has_expired_is_not_missing_though_its_event_is_kept_for_ever(cluster: Cluster) -> None:
    topics = Topics()
    place = poisoned(topics, cluster)
    topics.letters = [letter_record(place, b"")]
    topics.write(cluster)
    for future in cluster.admin.delete_records([TopicPartition(LETTERS, 0, 1)]).values():
        future.result(30)
    told = audit(cluster, "standings")
    assert told["differences"] == []
    assert "1 unusable events are older than the oldest dead letter that is kept" in told["notes"]


def test_a_dead_letter_of_a_usable_event_is_needless_and_its_standing_would_be_wrong(cluster: Cluster) -> None:
    topics = Topics()
    code = "D1"
    place = (
        EVENTS,
        partition(code),
        next(
            number
            for number, record in enumerate(
                record for record in topics.events if record["partition"] == partition(code)
            )
            if b'"D1-2"' in record["value"] and b"deduction" in record["value"]
        ),
    )
    topics.letters = [letter_record(place, b"")]
    topics.write(cluster)
    told = audit(cluster, "standings")
    kinds = {item["kind"] for item in told["differences"]}
    assert {"needless_dead_letter", "different"} <= kinds
    assert "D1-2 is usable: invalid" in named(told)


def test_a_dead_letter_that_names_no_event_is_named(cluster: Cluster) -> None:
    topics = Topics()
    topics.letters = [
        letter_record((EVENTS, 0, 4711), b""),
        letter_record(("claims", 0, 1), b""),
        letter_record((EVENTS, 55, 0), b""),
        {"value": b"", "headers": [("error", b"lost")]},
    ]
    assert sorted(found(cluster, topics)) == [
        ("events", "foreign_dead_letter"),
        ("events", "foreign_dead_letter"),
        ("events", "needless_dead_letter"),
        ("events", "unreadable_dead_letter"),
    ]


def test_two_dead_letters_of_one_event_are_told_and_are_no_difference(cluster: Cluster) -> None:
    topics = Topics()
    place = poisoned(topics, cluster)
    topics.letters = [letter_record(place, b""), letter_record(place, b"")]
    topics.write(cluster)
    told = audit(cluster, "standings")
    assert told["differences"] == []
    assert "1 events have several dead letters: after a crash a batch is done again" in told["notes"]


def test_an_event_in_the_wrong_partition_has_to_be_sent_on(cluster: Cluster) -> None:
    topics = Topics()
    stray = make(
        "bonus", "2023-05-20", 9, points=1, bonus_id="QN-B1", region="522700", physician_code="D3", event_id="D3-9"
    )
    topics.events.append(event_record(stray, partition=(partition("D3") + 1) % 3))
    assert found(cluster, topics) == [("events", "misplaced")]


# -- notices ------------------------------------------------------------------------------------------------------


def test_a_notice_that_was_never_published_is_missing(cluster: Cluster) -> None:
    topics = Topics()
    lost = topics.notices.pop()
    topics.write(cluster)
    told = audit(cluster, "standings")
    (only,) = told["differences"]
    assert (only["part"], only["kind"]) == ("notices", "missing")
    assert lost["key"] in only["detail"]
    assert f"522700|D3 {json.loads(lost['value'])['kind']}" == only["where"]


def test_a_notice_that_went_out_before_its_day_has_to_be_withdrawn(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D4 is barred until 2026 and was reminded of its end in 2023, by a clock that was ahead."""
    monkeypatch.setattr(notices, "this_day", lambda: TODAY)
    barred = [
        make("registration", "2023-01-03", 0, region="522700", physician_code="D4", event_id="D4-0"),
        make("deduction", "2023-08-01", 1, region="522700", physician_code="D4", event_id="D4-1",
             points=12, violation_id="QN-T12-01"),
    ]  # fmt: skip
    topics = Topics(physicians={"D4": barred})
    given = {notice["key"] for notice in topics.notices}
    (early,) = [item for item in notice_records(barred, dt.date(2060, 1, 1)) if item["key"] not in given]
    topics.notices.append(early)
    assert found(cluster, topics) == [("notices", "not_withdrawn")]
    said = json.loads(early["value"]) | {"withdrawn": TODAY.isoformat()}
    cluster.send(NOTICES, [{**early, "value": json.dumps(said)}])
    told = audit(cluster, "standings")
    assert told["differences"] == []
    assert figures(told, "notices")["withdrawn"] == 1


def test_a_notice_published_twice_is_doubled(cluster: Cluster) -> None:
    topics = Topics()
    topics.notices.append(topics.notices[0])
    assert found(cluster, topics) == [("notices", "doubled")]


def test_notices_are_demanded_until_the_day_named_and_not_beyond(cluster: Cluster) -> None:
    topics = Topics()
    topics.write(cluster)
    early = audit(cluster, "standings", on=dt.date(2023, 5, 15))
    assert early["differences"] == []
    assert figures(early, "notices")["demanded"] < len(topics.notices)
    late = audit(cluster, "standings", on=dt.date(2030, 1, 1))
    assert late["differences"] == [], "every limit of these files had passed by the first of September"
    assert figures(late, "notices")["demanded"] == len(topics.notices)


# -- use ----------------------------------------------------------------------------------------------------------


def test_wrong_use_and_an_absent_topic_are_told_apart_from_differences(cluster: Cluster) -> None:
    done = cluster.screening("audit", "--notices-on", "soon")
    assert done.returncode == 2
    assert "--notices-on" in done.stderr
    cluster.admin.delete_topics(["notices"], operation_timeout=30)["notices"].result(30)
    done = cluster.screening("audit", "--standings")
    assert done.returncode == 2
    assert "topic notices does not exist; create it with `screening topics apply`" in done.stderr


def test_the_day_comes_from_the_rehearsals_clock_unless_it_is_named(cluster: Cluster, tmp_path) -> None:
    Topics().write(cluster)
    clock = tmp_path / "clock"
    clock.write_text("2023-05-09T23:30:00+08:00")
    done = cluster.screening("audit", "--json", "--standings", control_clock_file=clock)
    assert json.loads(done.stdout)["figures"][-1]["what"] == "until 2023-05-09"
    clock.write_text("yesterday")
    done = cluster.screening("audit", "--json", "--standings", control_clock_file=clock)
    assert done.returncode == 2
    assert "SCREENING_CONTROL_CLOCK_FILE" in done.stderr
