"""Processes of the control plane under test, the histories that they are fed with, and what must come of them."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pipeline.control.contradictions import contradiction_id, flags
from pipeline.control.dossiers import with_event
from pipeline.kafka.partitioner import partition_of
from pipeline.kinds import KINDS
from pipeline.register.difference import Owner
from pipeline.settings.packs import load_pack_set
from rules.dossier import fold
from rules.duties import duties
from rules.events import Event, encode
from rules.standing import statement, timeline
from rules.timeline import PhysicianTimeline
from tests.support.cluster import CONTROL_GROUP, Cluster
from tests.support.histories import history, make
from tests.support.waiting import PATIENCE_S, wait_for
from tests.support.workers import Crew, WorkerProcess
from topics.events.acceptance import kind_of, owner_code

REGION = {"qiannan": "522700", "lanzhou": "620100", "national": "110000", "xiamen": "350200"}
PACKS = load_pack_set()
USUAL = {"session_timeout_ms": 10_000, "control_batch_events": 200}
"""Settings under which a process that a busy machine does not let run for some seconds keeps its partitions; batches are small."""
MORTAL = {"session_timeout_ms": 3000}
"""For a process that a test kills: its death is noticed soon."""

WRITTEN = ("physician-standing", "institution-standing", "dossiers", "notices", "case-state", "ledger-progress",
           "physician-events-dead-letter", "case-actions-dead-letter")  # fmt: skip
"""Topics of the control plane's transactions."""


class ControlProcess(WorkerProcess):
    """One `screening control`, with a folder of its own unless it is given one."""

    command = "control"

    def wait_event(self, name: str, *, count: int = 1, within: float = PATIENCE_S) -> dict[str, Any]:
        """The same; what a worker calls its start is called otherwise here."""
        return super().wait_event("control_started" if name == "worker_started" else name, count=count, within=within)


class Controls(Crew):
    """The control processes of one test."""

    def start(self, **settings: object) -> WorkerProcess:
        """Starts a process."""
        given = {"data_dir": self._folder / "data", **USUAL, **settings}
        made = ControlProcess(self._cluster, self._folder / f"control-{self._started}.log", **given)
        self._started += 1
        self.all.append(made)
        return made


@dataclass
class Physicians:
    """Histories by region and physician, and the events of all."""

    files: dict[tuple[str, str], list[Event]] = field(default_factory=dict)

    @property
    def events(self) -> list[Event]:
        """Every event, one physician after the other."""
        return [event for events in self.files.values() for event in events]


def physicians(seed: int, each: int, localities: Iterable[str] = ("qiannan", "lanzhou", "national")) -> Physicians:
    """So many random histories of each scheme, dense in contradictions."""
    made = Physicians()
    for locality in localities:
        region = REGION[locality]
        for number in range(each):
            code = f"D{region}{seed % 1000:03}{number:05}"
            events = [_moved(event, region, code) for event in history(locality, seed * 10_000 + number)]
            made.files[region, code] = [event for event in events if _known(region, event)]
    return made


def _known(region: str, event: Event) -> bool:
    """Whether the law of the event's own day knows its type."""
    ledger = PACKS.for_region(region, event.date).ledger
    return ledger is not None and event.type_name in ledger.events


def _moved(event: Event, region: str, code: str) -> Event:
    changes: dict[str, Any] = {"region": region, "physician_code": code, "event_id": f"{code}-{event.event_id}"}
    if hasattr(event, "ref"):
        changes["ref"] = f"{code}-{event.ref}"
    return msgspec.structs.replace(event, **changes)


def record(event: Event) -> dict[str, Any]:
    """An event as a register sends it."""
    return {"key": owner_code(event), "value": encode(event)}


def right_place(cluster: Cluster, event: Event) -> dict[str, Any]:
    """The same, in the partition that Kafka's own clients choose."""
    made = record(event)
    partitions = len(cluster.admin.list_topics("physician-events", timeout=20).topics["physician-events"].partitions)
    return {**made, "partition": partition_of(made["key"].encode(), partitions)}


def wait_taken(cluster: Cluster, controls: Controls, *, within: float = PATIENCE_S, group: str = CONTROL_GROUP) -> None:
    """Waits until the group has committed every event, also those that it sent on itself, and readers see what follows."""

    def done() -> bool:
        # In this order: between the two questions a record that lay wrong may be sent on to the end of another partition.
        committed = cluster.committed(group, "physician-events")
        ends = cluster.ends("physician-events", "read_committed")
        return all(committed.get(number, 0) == end for number, end in enumerate(ends) if end)

    wait_for("every event is taken", done, within=within,
             detail=lambda: "\n".join(item.output[-1500:] for item in controls.all))  # fmt: skip
    cluster.wait_shown(WRITTEN)


def last_values(cluster: Cluster, topic: str) -> dict[str, dict[str, Any]]:
    """The newest value of each key of a compacted topic; every key must stand in one partition only."""
    places: dict[str, int] = {}
    found: dict[str, dict[str, Any]] = {}
    for item in cluster.read(topic):
        name = (item.key or b"").decode()
        assert places.setdefault(name, item.partition) == item.partition, f"{name} stands in two partitions"
        found[name] = json.loads(item.value or b"null")
    return found


def expected_standing(region: str, code: str, events: Iterable[Event]) -> PhysicianTimeline:
    """The rules' own fold of a history."""
    return timeline(fold(events), PACKS.law(region), region=region, physician_code=code)


def expected_notices(region: str, code: str, events: Iterable[Event], today: dt.date) -> set[str]:
    """Ids of every notice that a history demands by a day, those of contradictions included."""
    distinct: tuple[Event, ...] = ()
    for event in events:
        distinct = with_event(distinct, event)
    law, file = PACKS.law(region), fold(distinct)
    told = statement(file, law, region=region, physician_code=code)
    owed = {
        duty.notice_id(region, code, phase)
        for duty in duties(file, told, law)
        for phase, day in duty.phases()
        if day <= today
    }
    return owed | {contradiction_id(region, code, issue) for issue in flags(distinct, told, law.on(distinct[-1].date))}


def prove_standings(cluster: Cluster, made: Physicians) -> int:
    """Holds every published standing against the rules' fold, and its revisions against each other; returns how many."""
    revisions: dict[bytes, int] = {}
    for item in cluster.read("physician-standing"):
        revision = json.loads(item.value or b"")["revision"]
        assert revision > revisions.get(item.key or b"", 0), (
            f"{item.key!r} went from {revisions.get(item.key or b'')} to {revision}"
        )
        revisions[item.key or b""] = revision
    published = last_values(cluster, "physician-standing")
    assert published.keys() == {f"{region}|{code}" for region, code in made.files}
    for (region, code), events in made.files.items():
        told = msgspec.convert(published[f"{region}|{code}"], PhysicianTimeline)
        plain = msgspec.structs.replace(told, revision=0, changed=())
        assert plain == expected_standing(region, code, events), f"{region}|{code}"
        assert told.revision <= len(events)
    return len(published)


def suspended(seed: int, each: int) -> dict[Owner, list[Event]]:
    """So many insured persons and departments of Jiangxi with decisions that follow, overlap and are taken back (001 篇1)."""
    draw, city = random.Random(seed), "360100"
    found: dict[Owner, list[Event]] = {}
    for kind in ("insured", "department"):
        for number in range(each):
            who: dict[str, Any] = {"institution": f"H{number}", "department": "骨科", "physician_code": None}
            if kind == "insured":
                who = {"institution": None, "insured_id": f"P{number}", "physician_code": None}
            article = "person_breach" if kind == "insured" else "institution_fraud"
            events: list[Event] = []
            for place in range(draw.randint(1, 4)):
                name, day = f"{kind}-{number}-{place}", dt.date(2025, 1, 1) + dt.timedelta(days=draw.randrange(500))
                told = {**who, "region": city, "article": article, "months": draw.randint(1, 12)}
                events.append(make(f"{kind}_suspended", day.isoformat(), len(events), event_id=name, **told))
                if draw.random() < 0.4:
                    back = {**who, "region": city, "ref": name, "event_id": f"{name}-back"}
                    events.append(
                        make(f"{kind}_restored", (day + dt.timedelta(days=9)).isoformat(), len(events), **back)
                    )
            found[kind_of(events[0]), city, owner_code(events[0])] = events
    return found


def prove_suspensions(cluster: Cluster, made: Mapping[Owner, list[Event]]) -> int:
    """Holds the standings of insured persons and departments against the rules' fold; returns how many there are."""
    packs, published = load_pack_set(with_subjects=True), 0
    for name in ("insured", "department"):
        kind = KINDS[name]
        told = last_values(cluster, kind.topic.name)
        wanted = {}
        for (of, region, code), events in made.items():
            if of == name:
                follows = kind.follows(fold(events), packs, region, code)
                wanted[kind.key(follows)] = follows
        assert told.keys() == wanted.keys()
        for key, follows in wanted.items():
            plain = msgspec.structs.replace(msgspec.convert(told[key], kind.timeline), revision=0, changed=())
            assert plain == msgspec.structs.replace(follows, revision=0, changed=()), key
        published += len(told)
    return published


def prove_notices(cluster: Cluster, made: Physicians, today: dt.date) -> int:
    """Every notice that is due holds, and none is given or withdrawn twice in a row. Returns how many hold.

    Notices are given when the log has been read to its end, which may be a moment after the last event was taken.
    """
    wanted = {
        f"{region}|{code}": expected_notices(region, code, events, today)
        for (region, code), events in made.files.items()
    }
    given: dict[str, list[bool]] = {}

    def missing() -> dict[str, set[str]]:
        given.clear()
        for item in cluster.read("notices"):
            given.setdefault((item.key or b"").decode(), []).append("withdrawn" not in json.loads(item.value or b""))
        left = {who: {name for name in ids if not given.get(name, [False])[-1]} for who, ids in wanted.items()}
        return {who: ids for who, ids in left.items() if ids}

    wait_for("every notice is given", lambda: not missing(), every=0.3, detail=lambda: str(missing())[:2000])
    for name, times in given.items():
        assert times == [number % 2 == 0 for number in range(len(times))], f"{name}: given and withdrawn {times}"
    return sum(times[-1] for times in given.values())


def shuffled(events: list[Event], rng: random.Random, repeats: float = 0.2) -> list[Event]:
    """The events in any order, some of them twice."""
    many = [*events, *rng.sample(events, int(len(events) * repeats))]
    rng.shuffle(many)
    return many
