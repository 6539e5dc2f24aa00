"""Qiannan 2022 (source 000), evaluated for one day from the list of events."""

# ruff: noqa: PLR0911 - the returns of a judgement stand one under the other, in the order of precedence

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from .days import ONE_DAY, Event, Window, chosen, corr, day, known, of, stay, until, window_after, working_days_passed
from .outcome import Outcome, blank, expect, not_in_force, pay, reject, review, urgent

IN_FORCE = date(2022, 12, 26)  # 000 八
YEARLY_POINTS = 12  # 000 三 intro
YEARLY_BONUS = 6  # 000 四(一)
LISTING_TOTAL = 18  # 000 四(二)
BAN_MONTHS = 36  # 000 四(二)


@dataclass
class Year:
    """The account of one calendar year (QN-P1..P5, section 10)."""

    cycle: int = 0  # points of the open cycle, net of bonus
    total: int = 0  # points of the year across cycles, net of bonus
    offsettable: int = 0  # of the open cycle, what bonus may still offset (tiers 1, 2, 3)
    granted: int = 0  # bonus granted this year
    bank: int = 0  # bonus not used yet
    two_year_fired: bool = False
    three_year_fired: bool = False


@dataclass
class Era:
    """What happened since the first registration, or since the registration that closed the last ban (Q10)."""

    registrations: list[Event] = field(default_factory=list)
    reinstated: list[date] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    exhausted: list[Window] = field(default_factory=list)  # windows of the decisions that closed a cycle
    listings: list[date] = field(default_factory=list)  # blacklisting decisions

    def ban(self) -> tuple[date, date] | None:
        """Section 11: three years from the day after the anchor, the later of the last penalty end and the decision.

        "The decision" is read as the one that listed the physician. A further decision that meets the test while the ban
        runs lists nobody anew: 000 四(二) counts the three years from the end of the penalty period, so only a penalty that
        the decision brings moves the ban.
        """
        if not self.listings:
            return None
        anchor = max([w.end for w in self.windows] + self.listings[:1])
        return anchor + ONE_DAY, corr(anchor, BAN_MONTHS)


def tier(deduction: Event) -> int:
    """Points a case of the item: QN-T12-01 is tier 12."""
    return int(deduction["violation_id"].split("-")[1].removeprefix("T"))


def in_time(ref: str, events: list[Event]) -> bool:
    """Section 8, Q1: filed within 7 working days of the notice. No notice or no filing: in time."""
    notices = [day(e["date"]) for e in of(events, "notice_received") if e["ref"] == ref]
    filings = [day(e["date"]) for e in of(events, "appeal_filed") if e["ref"] == ref]
    if not notices or not filings:
        return True
    return working_days_passed(min(notices), min(filings)) <= 7


def points_of(deduction: Event, events: list[Event], honour_late: bool) -> int:
    """Section 8, T2: a review voids or lowers the deduction from its original date, whenever dated itself.

    Of answers that differ the one that leaves most counts, and that which leaves least where doubts are honoured (Q2).
    """
    name = deduction.get("id")
    upheld = [e.get("revised_points") or 0 for e in of(events, "appeal_upheld") if e["ref"] == name]
    kept = [deduction["points"] for e in of(events, "appeal_rejected") if e["ref"] == name]
    if honour_late and upheld:
        return min(upheld)
    return max(upheld + kept, default=deduction["points"]) if in_time(name, events) else deduction["points"]


def take_deduction(years: dict[int, Year], era: Era, deduction: Event, points: int) -> None:
    """Sections 5, 10, 11: one decision, with the thresholds that it reaches."""
    decided = day(deduction["date"])
    year = years.setdefault(decided.year, Year())
    before = year.total
    if tier(deduction) <= 3:
        used = min(year.bank, points)
        year.bank -= used
        points -= used
        year.offsettable += points
    year.cycle += points
    year.total += points

    def total_of(number: int) -> int:
        return years[number].total if number in years else 0

    last, before_last = total_of(decided.year - 1), total_of(decided.year - 2)
    months = 0
    if year.cycle >= YEARLY_POINTS:  # QN-H12
        months = 3
    if year.total >= 12 and last >= 12 and not year.two_year_fired:  # QN-H12Y, two years
        months = 12
        year.two_year_fired = True
    if year.total >= 10 and last >= 10 and before_last >= 10 and not year.three_year_fired:  # QN-H12Y, three years
        months = 12
        year.three_year_fired = True
    if months:
        era.windows.append(window_after(decided, months))
    if year.cycle >= YEARLY_POINTS:  # QN-P3; only a cycle that reaches 12 starts again
        era.exhausted.append(window_after(decided, months))
        year.cycle = 0
        year.offsettable = 0
    at_one_time = tier(deduction) == 12 and points >= 12  # QN-K1, Q3
    if at_one_time or before < LISTING_TOTAL <= year.total:  # QN-K2
        era.listings.append(decided)


def take_bonus(years: dict[int, Year], bonus: Event) -> None:
    """Section 10: at most 6 a year; offsets tiers 1, 2, 3 of the open cycle, now or later; never undoes a threshold."""
    year = years.setdefault(day(bonus["date"]).year, Year())
    granted = min(bonus["points"], YEARLY_BONUS - year.granted)
    year.granted += granted
    year.bank += granted
    used = min(year.bank, year.offsettable)
    year.bank -= used
    year.offsettable -= used
    year.cycle -= used
    year.total -= used


def tell(past: list[Event], events: list[Event], honour_late: bool) -> tuple[dict[int, Year], Era]:
    """Goes through the events of the past in order."""
    years: dict[int, Year] = {}
    era = Era()
    for e in past:
        if e["type"] == "registration":
            ban = era.ban()
            if ban and day(e["date"]) > ban[1]:  # Q10
                era = Era()
            era.registrations.append(e)
        elif e["type"] == "reinstatement":
            era.reinstated.append(day(e["date"]))
        elif e["type"] == "bonus":
            take_bonus(years, e)
        elif e["type"] == "deduction":
            points = points_of(e, events, honour_late)
            if points > 0:
                take_deduction(years, era, e, points)
    return years, era


def opted_out(past: list[Event], institution: str) -> bool:
    """README section 1, Q11: the last word of the institution on this physician is an opt-out."""
    words = [e for e in of(past, "opt_out", "registration", "site_declaration") if e["institution"] == institution]
    return bool(words) and words[-1]["type"] == "opt_out"


def has_data_conflict(era: Era, service: date, banned: bool, ban: tuple[date, date] | None) -> bool:
    """Section 9, Q4: a reinstatement inside a window, until one after the end of that window."""
    for w in era.windows:
        for r in era.reinstated:
            itself_blacklist_conflict = banned and ban is not None and era.listings[0] < r <= ban[1]
            if not w.covers(r) or itself_blacklist_conflict:
                continue
            if not any(w.end < later <= service for later in era.reinstated):
                return True
    return False


def standing_of(era: Era, year: Year, service: date, banned: bool) -> tuple[str, list[str] | None]:
    """Q6: the standing and the window that goes with it."""
    covering = [w for w in era.windows if w.covers(service)]
    ended = [w for w in era.windows if w.end < service and not any(w.end < r <= service for r in era.reinstated)]
    starting = [w for w in era.windows if w.decided == service]
    if banned:
        return "blacklisted", chosen(covering)
    if covering:
        return "penalty", chosen(covering)
    if ended:
        return "pending_reinstatement", chosen(ended)
    if service in era.listings:
        return "blacklist_pending", chosen(starting)
    if starting:
        return "penalty_pending", chosen(starting)
    if year.cycle >= 10:
        return "cautioned_10", None
    if year.cycle >= 6:
        return "cautioned_6", None
    return "normal", None


def remaining_of(era: Era, year: Year, service: date) -> int:
    """README section 3, the display rule of `points_remaining`."""
    if any(w.decided <= service <= w.end and w.decided.year == service.year for w in era.exhausted):
        return 0
    return max(0, YEARLY_POINTS - year.cycle)


def evaluate(case: dict, events: list[Event], honour_late: bool) -> Outcome:
    """The claim with a physician, inside the rule's validity; with or without the late upholdings."""
    claim = case["claim"]
    service = day(claim["service_date"])
    here = claim["institution"]
    past = until(events, service)
    if opted_out(past, here):
        if urgent(claim):
            return review(expect("opted_out"), "opted_out_emergency")
        return reject(expect("opted_out"), "opted_out", "patient")

    years, era = tell(past, events, honour_late)
    ban = era.ban()
    ban_over = ban is not None and service > ban[1]
    if not era.registrations or ban_over:
        if urgent(claim):
            return review(expect("unregistered"), "unregistered_emergency")
        return reject(expect("unregistered"), "physician_unregistered", "institution")

    banned = ban is not None and era.listings[0] < service
    year = years.get(service.year, Year())
    standing, window = standing_of(era, year, service, banned)
    outcome = expect(standing, None if banned else remaining_of(era, year, service), year.total)
    outcome["penalty_period"] = window
    if standing in ("blacklisted", "blacklist_pending"):
        outcome["ban_period"] = [ban[0].isoformat(), ban[1].isoformat()]

    if banned:  # sections 9 and 11, Q5
        returns = era.reinstated + [day(e["date"]) for e in era.registrations]
        if any(era.listings[0] < r <= ban[1] for r in returns):
            return review(outcome, "blacklist_conflict")
    if has_data_conflict(era, service, banned, ban):
        return review(outcome, "data_conflict")

    days = stay(claim)  # README section 3, Q7, Q8
    touched = [w for w in era.windows if any(w.covers(d) for d in days)]
    if touched and any(not any(w.covers(d) for w in era.windows) for d in days):
        return review(outcome | {"penalty_period": chosen(touched)}, "straddles_penalty")
    if any(w.covers(service) for w in era.windows):  # 000 三(二)2
        return exempt(outcome, claim) if urgent(claim) else reject(outcome, "in_penalty_period", "institution")
    if banned:  # 000 四(二)
        if urgent(claim):
            return review(outcome, "blacklisted_emergency")
        return reject(outcome, "blacklisted", "institution")
    if standing == "pending_reinstatement":  # 000 三(二)5
        return exempt(outcome, claim) if urgent(claim) else reject(outcome, "pending_reinstatement", "institution")
    if not any(e["institution"] == here for e in of(past, "registration", "site_declaration")):  # 000 五(二)
        return review(outcome, "site_not_declared")
    if not any(e.get("training", True) for e in era.registrations):  # 000 二(一), Q9
        return review(outcome, "qualification_incomplete")
    return pay(outcome)


def exempt(outcome: Outcome, claim: dict) -> Outcome:
    """A ground held, and a stated exemption lifts it."""
    return pay(outcome, "exempt_" + claim["encounter_type"])


def judge(case: dict) -> Outcome:
    """The expected outcome of a Qiannan case."""
    claim = case["claim"]
    if day(claim["service_date"]) < IN_FORCE:
        return not_in_force()
    if blank(claim["physician_code"]):  # 000 五(三)
        outcome = expect("not_applicable")
        return exempt(outcome, claim) if urgent(claim) else reject(outcome, "physician_missing", "institution")
    events = known(case)
    without = evaluate(case, events, honour_late=False)
    if without["standing"] in ("unregistered", "opted_out") or without["reason"] == "blacklist_conflict":  # Q2
        return without
    honoured = evaluate(case, events, honour_late=True)
    if honoured["disposition"] != without["disposition"]:
        return review(without, "data_conflict")
    return without
