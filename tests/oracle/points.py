"""The national opinion (source 003) with the numbers with which provinces work since 2025, from the sheet on practice alone.

Determinations: N1 (which status governs), N3 (stays), N5 (repair), D4 (objections), T2 to T5; the return after a termination is
that of a Lanzhou cancellation (L1), whose words the spec lends to `reapply_not_before`.
"""

# ruff: noqa: PLR0911 - the returns of a judgement stand one under the other, in the order of precedence

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from .days import ONE_DAY, Event, corr, day, known, of, stay, until
from .outcome import Outcome, at_a_pharmacy, blank, expect, pay, reject, review, urgent

START = date(2025, 3, 1)  # the day on which most provinces began
CAP = 12
MARK = 9
SHORTEST, LONGEST = 1, 6  # months of a suspension, set by the agency
BAR_CUMULATIVE, BAR_AT_ONCE = 12, 36  # months
GIVEN_BACK_AN_ACT, GIVEN_BACK_A_YEAR = 1, 4
EXEMPT = ("emergency", "rescue")


@dataclass
class Status:
    """A filing status; `decided` is the day of the points that it follows from, None for one that was recorded as such."""

    kind: str
    first: date
    last: date | None
    decided: date | None = None

    def covers(self, d: date) -> bool:
        """Whether a day lies in it."""
        return self.first <= d and (self.last is None or d <= self.last)

    def pair(self) -> list[str | None]:
        """As the case files write it."""
        return [self.first.isoformat(), None if self.last is None else self.last.isoformat()]


@dataclass
class File:
    """What is on file after the events of the days up to `asked`."""

    asked: date
    registered: bool = False
    early: bool = False
    totals: dict[int, int] = field(default_factory=dict)
    given_back: dict[int, int] = field(default_factory=dict)
    statuses: list[Status] = field(default_factory=list)
    terminations: list[Status] = field(default_factory=list)

    def governing(self, d: date) -> Status | None:
        """N1: the later first day; of one day the later in `history`."""
        found: Status | None = None
        for status in self.statuses:
            if status.covers(d) and (found is None or status.first >= found.first):
                found = status
        return found

    def bars(self) -> list[Status]:
        """Terminations by points that work on the day asked about (T4: from the day after)."""
        return [status for status in self.terminations if status.decided is not None and status.decided < self.asked]

    def abnormal(self) -> Status | None:
        """The suspension or termination of the day asked about."""
        status = self.governing(self.asked)
        return None if status is None or status.kind == "normal" else status


def voided(events: list[Event]) -> tuple[set[str], set[str]]:
    """Points that an objection took away, and statuses that it or a correction did (003 四, D4), from their start.

    An answer that names the decision answers the last objection to it by then. Two answers to one objection that contradict
    each other take nothing away: the text lets neither of them hold against the other.
    """
    objections = of(events, "objection_filed")
    said: dict[tuple[str, str], set[str]] = {}
    for place, e in enumerate(events):
        if e["type"] != "objection_answered" or e["answer"] == "to_experts":
            continue
        by_name = [o for o in objections if o.get("id") == e["ref"]]
        against = [o for o in of(events[:place], "objection_filed") if o["ref"] == e["ref"]]
        asked = (by_name or against or [None])[-1]
        key = (e["ref"], "") if asked is None else (asked["ref"], asked["id"])
        said.setdefault(key, set()).add(e["answer"])
    upheld = {decision for (decision, _), answers in said.items() if answers == {"upheld"}}
    return upheld, upheld | {e["ref"] for e in of(events, "status_corrected")}


def take(file: File, event: Event, void_points: set[str], void_statuses: set[str]) -> None:
    """One event of the file, in the order of the law."""
    on, name = day(event["date"]), event.get("id")
    if event["type"] == "registration":
        register(file, on)
    elif event["type"] == "status" and name not in void_statuses:
        file.statuses.append(Status(event["status"], on, event["until"] and day(event["until"])))
    elif event["type"] == "repair":
        current = file.governing(on)
        if current is not None and current.kind != "normal":
            current.last = day(event["new_until"])
    elif event["type"] == "points_recorded" and name not in void_points:
        if event["points"] < 0:
            give_back(file, on.year, -event["points"])
        else:
            count(file, event, on, name in void_statuses)


def register(file: File, on: date) -> None:
    """A filing. After a termination it counts once no new filing is barred any more; one before contradicts the bar (L1)."""
    before = [status for status in file.terminations if status.decided is not None and status.decided < on]
    file.registered = True
    if before and any(status.last is None or on <= status.last for status in before):
        file.early = True
    elif before:
        file.early = False
        file.terminations = [status for status in file.terminations if status not in before]


def give_back(file: File, year: int, points: int) -> None:
    """N5: repair within what the province allows, and never below nothing."""
    left = GIVEN_BACK_A_YEAR - file.given_back.get(year, 0)
    back = min(points, GIVEN_BACK_AN_ACT, left, file.totals.get(year, 0))
    file.given_back[year] = file.given_back.get(year, 0) + back
    file.totals[year] = file.totals.get(year, 0) - back


def count(file: File, event: Event, on: date, void: bool) -> None:
    """Points of a calendar year, at most the cap, and the status that they bring from the next day on (T4)."""
    before = file.totals.get(on.year, 0)
    after = min(CAP, before + event["points"])
    file.totals[on.year] = after
    if void:
        return
    at_once = event["points"] >= CAP
    months = event.get("suspension_months")
    if at_once or before < CAP <= after:
        status = Status("terminated", on + ONE_DAY, corr(on, BAR_AT_ONCE if at_once else BAR_CUMULATIVE), on)
        file.statuses.append(status)
        file.terminations.append(status)
    elif any(status.covers(on + ONE_DAY) for status in file.terminations):
        return
    elif MARK <= after < CAP and (before < MARK or months):
        file.statuses.append(Status("suspended", on + ONE_DAY, corr(on, months or SHORTEST), on))


def on_file(events: list[Event], asked: date) -> File:
    """The file of a day. What is dated later is ignored, but for what takes a decision away (T2)."""
    file = File(asked)
    void_points, void_statuses = voided(events)
    for event in until(events, asked):
        take(file, event, void_points, void_statuses)
    return file


def of_the_person(file: File) -> Outcome:
    """The standing side of the day asked about."""
    d, abnormal, bars = file.asked, file.abnormal(), file.bars()
    if not file.registered:
        return expect("unregistered")
    ends = max((status.last for status in bars if status.last is not None), default=None)
    total = file.totals.get(d.year, 0)
    if bars and file.early:
        outcome = expect("terminated")
    elif ends is not None and d > ends:
        return expect("unregistered")
    elif abnormal is not None:
        outcome = expect(abnormal.kind, 0 if abnormal.kind == "terminated" else CAP - total, total)
    else:
        coming = [s for s in file.statuses if s.decided == d and s.kind == "suspended"]
        outcome = expect("suspension_pending" if coming else "normal", CAP - total, total)
        abnormal = coming[-1] if coming else None
    if abnormal is not None:
        outcome["penalty_period"] = abnormal.pair()
    if outcome["standing"] == "terminated" and ends is not None:
        outcome["reapply_not_before"] = (ends + timedelta(days=1)).isoformat()
    return outcome


def bars(case: dict, on: date) -> bool:
    """P4: whether a person with this history has a recorded bar on a day that the claim's encounter does not lift."""
    file = on_file(known(case), on)
    standing = of_the_person(file)["standing"]
    status = file.abnormal()
    if standing == "unregistered" and status is not None:
        standing = status.kind
    return standing == "terminated" or (standing == "suspended" and case["claim"]["encounter_type"] not in EXEMPT)


def judge(case: dict) -> Outcome:
    """The expected outcome under the opinion with numbers, for services from its first day on."""
    claim = case["claim"]
    if blank(claim["physician_code"]):
        nobody = expect("not_applicable")
        return pay(nobody) if at_a_pharmacy(claim) else review(nobody, "physician_missing")  # P6
    events = known(case)
    file = on_file(events, day(claim["service_date"]))
    outcome = of_the_person(file)
    if outcome["standing"] == "unregistered":
        return reject(outcome, "physician_unregistered", "unspecified")
    if claim.get("staff_category") == "settlement_audit":  # P5
        return review(outcome, "data_conflict")
    if file.bars() and file.early:
        return review(outcome, "reapplication_conflict")
    days = [on_file(events, d).abnormal() for d in stay(claim)]
    barred = [status for status in days if status is not None]
    if barred and len(barred) < len(days):  # N3
        return review(outcome | {"penalty_period": (days[-1] or barred[-1]).pair()}, "straddles_abnormal")
    if outcome["standing"] == "suspended" and claim["encounter_type"] in EXEMPT:
        return pay(outcome, "exempt_" + claim["encounter_type"])
    if outcome["standing"] in ("suspended", "terminated"):
        if urgent(claim):
            return review(outcome, "status_abnormal_emergency")
        return reject(outcome, "status_abnormal", "unspecified")
    past = until(events, file.asked)
    if not any(e["institution"] == claim["institution"] for e in of(past, "registration", "site_declaration")):
        return review(outcome, "site_not_declared")
    return pay(outcome)
