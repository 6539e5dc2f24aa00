"""Determinations D1 to D6: which act a dossier owes, to what day, what meets it, and what is a right that lapses unused.

Written from the documents alone (qiannan-2022 section 8, lanzhou-2014 sections 6 and 7, national-2024 sections 2, 4, 6 and 7,
xiamen-2017 section 1, determinations D1 to D6). Working days are Monday to Friday (T6).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from . import lanzhou, others, points, qiannan
from .days import Event, corr, day, known, of, until, working_days_passed
from .histories import SITES, generate

LOCALITIES = ("qiannan", "lanzhou", "xiamen", "national", "national_points")
RIGHTS = ("review_request", "statement_of_case", "reapply_after_ban", "reapply_first", "reapply_second", "file_anew")


@dataclass(frozen=True)
class Owed:
    """One act or right. `limit` is in working days after `raised`; None: the text names no day, so nothing is ever late.

    `met` is the day of what met it, or True where something of the day `proven` proves that it was done and does not say when. `void`: what set it
    running was taken away from its start. `stopped`: experts were asked, and the clock of the answer stands still (D4).
    """

    kind: str
    trigger: str
    raised: date
    limit: int | None = None
    site: str | None = None
    met: date | bool | None = None
    void: bool = False
    stopped: bool = False
    proven: date | None = None

    @property
    def right(self) -> bool:
        """D1: what one may do."""
        return self.kind in RIGHTS

    @property
    def key(self) -> tuple[str, str, str | None]:
        """What tells it from the others."""
        return self.kind, self.trigger, self.site

    def past(self, d: date) -> bool:
        """Whether a day is past its last day."""
        return self.limit is not None and not self.stopped and working_days_passed(self.raised, d) > self.limit

    def late(self) -> bool:
        """Whether it was done after its last day."""
        return isinstance(self.met, date) and self.past(self.met)

    def overdue(self, d: date) -> bool:
        """Whether a day is past its last day and nothing was done at all, as far as is known."""
        return not self.void and not self.met and self.past(d)

    def missed(self, d: date) -> bool:
        """D1: only a duty is missed."""
        return not self.right and self.overdue(d)

    def lapsed(self, d: date) -> bool:
        """D1: a right lapses unused."""
        return self.right and self.overdue(d)


def sites(events: list[Event]) -> list[str]:
    """Institutions of practice: those that declared the person, without those at which the last word is an opt-out (Q11)."""
    words: dict[str, bool] = {}
    for e in of(events, "registration", "site_declaration", "opt_out"):
        words[e["institution"]] = e["type"] != "opt_out"
    return sorted(name for name, declared in words.items() if declared)


def first(events: list[Event], ref: str, *types: str, since: date = date.min) -> date | None:
    """The day of the first event of some types about `ref`."""
    return min(
        (day(e["date"]) for e in of(events, *types) if e["ref"] == ref and day(e["date"]) >= since), default=None
    )


def of_qiannan(events: list[Event]) -> Iterator[Owed]:
    """Sections 5, 8, 9 and 11; each mark that a decision passes owes its own act (D3)."""
    gone = {
        e["ref"]
        for e in of(events, "appeal_upheld")
        if not (e.get("revised_points") or 0) and qiannan.in_time(e["ref"], events)
    }
    for number, e in enumerate(events):
        on, name = day(e["date"]), e["id"]
        if on < qiannan.IN_FORCE:
            continue
        if e["type"] == "deduction":
            yield Owed("serve_decision", name, on, met=first(events, name, "notice_received"), void=name in gone)
            yield from of_the_marks(events, number)
        elif e["type"] == "bonus":
            yield Owed("serve_bonus", name, on, met=first(events, name, "notice_received"))
        elif e["type"] == "notice_received":
            if any(d["id"] == e["ref"] for d in of(events, "bonus")):
                yield Owed("tell_bonus", name, on, 3)
                continue
            void = e["ref"] in gone
            filed = first(events, e["ref"], "appeal_filed")
            yield Owed("tell_physician", name, on, 3, met=True if filed else None, void=void, proven=filed)
            yield Owed("review_request", name, on, 7, met=filed, void=void)
        elif e["type"] == "appeal_filed":
            answered = first(events, e["ref"], "appeal_upheld", "appeal_rejected", since=on)
            yield Owed("review_answer", name, on, 15, met=answered)
        elif e["type"] == "reinstatement_application":
            decided = [day(x["date"]) for x in of(events[number:], "reinstatement", "reinstatement_refused")]
            yield Owed("reinstatement_decision", name, on, 5, met=min(decided, default=None))
        elif e["type"] == "opt_out":
            yield Owed("publish_opt_out", name, on)


def of_the_marks(events: list[Event], number: int) -> Iterator[Owed]:
    """000 三(二)1 and 2, 四(二): what one decision owes by the marks that it passes."""
    e = events[number]
    on, name = day(e["date"]), e["id"]
    years, era = qiannan.tell(events[:number], events, honour_late=False)
    low = years[on.year].cycle if on.year in years else 0
    total = years[on.year].total if on.year in years else 0
    windows, listings = len(era.windows), len(era.listings)
    years, era = qiannan.tell(events[: number + 1], events, honour_late=False)
    if on.year not in years:
        return
    high = low + years[on.year].total - total
    here = sites(until(events, on))  # T5, Q11: what the day leaves, whatever its hour
    here = sorted({*here, e["institution"]})  # where it happened the person practises, whoever has declared it
    opened = era.windows[windows:]
    if low < 6 <= high:
        yield from (Owed("caution_talk", name, on, site=site) for site in here)
    if low < 10 <= high:
        yield Owed("warning_talk", name, on)
    if low < 12 <= high:
        yield Owed("report_full", name, on)
        yield Owed("notify_area", name, on)
    if opened:
        yield from (Owed("lock_code", name, on, site=site) for site in here)
        if opened[0].end == corr(on, 12):
            yield Owed("notify_province", name, on)
    if era.listings and not listings:  # who is listed already is not listed anew
        yield Owed("blacklist_referral", name, on)


def of_lanzhou(events: list[Event]) -> Iterator[Owed]:
    """第十五条 and 第二十条: the decision in writing, and the physician told within three working days of it (D6)."""
    for e in events:
        on = day(e["date"])
        if not lanzhou.FIRST_DAY <= on <= lanzhou.LAST_DAY:
            continue
        if e["type"] == "deduction":
            yield Owed("serve_decision", e["id"], on, met=first(events, e["id"], "notice_received"))
            yield Owed("integrity_record", e["id"], on)
        elif e["type"] == "notice_received":
            yield Owed("tell_physician", e["id"], on, 3)


def of_xiamen(events: list[Event]) -> Iterator[Owed]:
    """The integrity file, and the blacklist from the second full twelve or a criminal liability on (XM-P2, XM-P3)."""
    for e in of(events, "full_12", "criminal_liability"):
        kind = "integrity_record" if e["type"] == "full_12" else "integrity_record_crime"
        yield Owed(kind, e["id"], day(e["date"]))


def of_the_opinion(events: list[Event]) -> Iterator[Owed]:
    """003 三¶2-3 and 四: points and statuses are told, marked and may be objected to; no number of days is stated."""
    void_points, void_statuses = points.voided(events)
    for number, e in enumerate(events):
        on, name = day(e["date"]), e["id"]
        if on < others.NATIONAL_START:
            continue
        if e["type"] == "points_recorded":
            yield from (
                Owed("tell_institutions", name, on, site=site, void=name in void_points)
                for site in sites(until(events, on)) or [None]
            )
            yield Owed("statement_of_case", name, on, met=objected(events, name), void=name in void_points)
        elif e["type"] == "status" and e["status"] != "normal":
            yield Owed("statement_of_case", name, on, met=objected(events, name), void=name in void_statuses)
        elif e["type"] == "objection_filed":
            said = [
                x
                for x in of(events[number:], "objection_answered")
                if x["ref"] in (name, e["ref"]) and day(x["date"]) >= on and x["answer"] != "to_experts"
            ]
            yield Owed("objection_answer", name, on, met=min((day(x["date"]) for x in said), default=None))


def objected(events: list[Event], ref: str) -> date | None:
    """The day of the first objection to a decision."""
    return first(events, ref, "objection_filed")


LAW = {"qiannan": of_qiannan, "lanzhou": of_lanzhou, "xiamen": of_xiamen, "national": of_the_opinion,
       "national_points": of_the_opinion}  # fmt: skip
KINDS = {
    "qiannan": {"serve_decision", "tell_physician", "review_request", "review_answer", "reinstatement_decision",
                "serve_bonus", "tell_bonus", "caution_talk", "warning_talk", "report_full", "notify_area",
                "notify_province", "lock_code", "blacklist_referral", "publish_opt_out"},
    "lanzhou": {"serve_decision", "tell_physician", "integrity_record"},
    "xiamen": {"integrity_record", "integrity_record_crime"},
    "national": {"tell_institutions", "statement_of_case", "objection_answer"},
    "national_points": {"tell_institutions", "statement_of_case", "objection_answer"},
}  # fmt: skip
"""The kinds that this account covers; the others of a scheme have tests of their own."""


def owed(case: dict) -> list[Owed]:
    """Everything that the history of a case owes, with the acts that meet it (D5)."""
    events = known(case)
    return [meet(one, of(events, "act_done")) for one in LAW[case["locality"]](events)]


def acted(act: Event) -> date:
    """The day of an act."""
    return day(act.get("on") or act["date"])


def meet(one: Owed, acts: list[Event]) -> Owed:
    """D5: the first act about it that is not dated before its trigger; where every site owes one, that of the site."""
    days = [
        acted(act)
        for act in acts
        if (act["duty"], act["ref"]) == (one.kind, one.trigger)
        and acted(act) >= one.raised
        and (one.site is None or act["institution"] == one.site)
    ]
    if one.met is True:
        told = [d for d in days if one.proven is None or d <= one.proven]
        return replace(one, met=min(told)) if told else one
    if not days:
        return one
    return replace(one, met=min([*days, *([one.met] if one.met else [])]))


def too_early(case: dict) -> set[str]:
    """D5: acts dated before what set their duty running, by their ids: each is a contradiction."""
    events = known(case)
    begun = {e["id"]: day(e["date"]) for e in events}
    return {act["id"] for act in of(events, "act_done") if act["ref"] in begun and acted(act) < begun[act["ref"]]}


def generate_acts(locality: str, seed: int) -> dict:
    """A history of a place with notices, acts and objections in it: done, done late, done twice, done before the cause."""
    rng = random.Random(f"acts {locality} {seed}")
    case = generate(locality, seed)
    history = []
    for number, e in enumerate(case["history"]):
        history.append({"id": f"h{number}", **{k: v for k, v in e.items() if k != "recorded"}})
    case = case | {"history": history, "as_of": "2099-01-01"}
    history += list(notices(rng, history))
    if locality.startswith("national"):
        history += list(objections(rng, history))
    history.sort(key=lambda e: e["date"])
    acts: list[Event] = []
    for one in owed(case):
        for _ in range(rng.choice((0, 0, 1, 1, 1, 2))):
            on = one.raised + timedelta(days=rng.choice((-2, -1, 0, 0, 1, 3, 4, 5, 10, 25)))
            act: Event = {"type": "act_done", "id": f"a{len(acts)}", "date": on.isoformat(), "duty": one.kind,
                          "ref": one.trigger, "by": "x", "institution": one.site or rng.choice(SITES)}  # fmt: skip
            if rng.random() < 0.3:
                told = on + timedelta(days=rng.choice((0, 1, 30)))
                act |= {"date": told.isoformat(), "on": on.isoformat()}
            acts.append(act)
    case["history"] = sorted([*history, *acts], key=lambda e: e["date"])
    return case


def notices(rng: random.Random, history: list[Event]) -> Iterator[Event]:
    """Notices of decisions that have none, and of bonuses (D2)."""
    told = {e["ref"] for e in of(history, "notice_received")}
    for e in of(history, "deduction", "bonus"):
        if e["id"] not in told and rng.random() < 0.5:
            on = day(e["date"]) + timedelta(days=rng.choice((0, 1, 2, 9)))
            yield {"type": "notice_received", "id": f"n-{e['id']}", "date": on.isoformat(), "ref": e["id"]}


def objections(rng: random.Random, history: list[Event]) -> Iterator[Event]:
    """Objections to points and statuses that have none, answered once, through experts, or not at all (D4)."""
    told = {e["ref"] for e in of(history, "objection_filed", "objection_answered", "status_corrected")}
    for e in of(history, "points_recorded", "status"):
        if e["id"] in told or rng.random() < 0.5 or e.get("points", 1) < 0:
            continue
        on, name = day(e["date"]) + timedelta(days=rng.choice((0, 1, 5))), f"f-{e['id']}"
        yield {"type": "objection_filed", "id": name, "date": on.isoformat(), "ref": e["id"]}
        if rng.random() < 0.4:
            on += timedelta(days=rng.choice((0, 2)))
            yield {"type": "objection_answered", "id": f"x-{e['id']}", "date": on.isoformat(), "ref": name,
                   "answer": "to_experts"}  # fmt: skip
        if rng.random() < 0.7:
            on += timedelta(days=rng.choice((0, 4, 40)))
            yield {"type": "objection_answered", "id": f"y-{e['id']}", "date": on.isoformat(),
                   "ref": rng.choice((name, e["id"])), "answer": rng.choice(("upheld", "rejected"))}  # fmt: skip
