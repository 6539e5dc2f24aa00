"""Seeded random cases in the schema of the spec (README section 3), without `expect`: dense in boundary days.

`generate(locality, seed)` depends on its two arguments alone. Events of one date stand in the order in which they were
recorded, so that the place in `history` and the time of recording tell the same story (G1). The file is long because the draws
of all schemes share one order of chances: a seed that once found a fault must go on meaning the same case.
"""

from __future__ import annotations

import random
from datetime import date, timedelta

from .days import ONE_DAY, corr, day
from .outcome import EMERGENCIES, NORMAL_ENCOUNTERS
from .wire import STAFF_CATEGORIES

SITES = ("H1", "H2", "H3")
PREFIX = {"qiannan": "QN", "lanzhou": "LZ", "national": "NA", "national_points": "NP", "xiamen": "XM", "shantou": "ST"}
SOURCE = {
    "qiannan": "000_5db5b567944008cc.txt",
    "lanzhou": "002_0d8737387619c9dd.txt",
    "national": "003_f8557b3ad886018c.txt",
    "national_points": "outside-2025",
    "xiamen": "004_cfea7f112d15eb01.txt",
    "shantou": "001_26bb3732d2793229.txt",
}
EDGES = (-1, 0, 0, 1, 1, 2)


class Maker:
    """A history in the making, with the days worth looking at."""

    def __init__(self, rng: random.Random, start: date) -> None:
        self.rng = rng
        self.now = start
        self.history: list[dict] = []
        self.marks: list[date] = []  # ends of windows and the like
        self.deductions: list[dict] = []

    def chance(self, share: float) -> bool:
        """True in that share of calls."""
        return self.rng.random() < share

    def add(self, kind: str, on: date | None = None, **fields: object) -> dict:
        """Appends one event, now and then recorded late."""
        event: dict = {"type": kind, "date": (on or self.now).isoformat(), **fields}
        if self.chance(0.07):
            late = self.rng.choice((1, 3, 20, 45, 120, 400))
            event["recorded"] = (day(event["date"]) + timedelta(days=late)).isoformat()
        self.history.append(event)
        return event

    def mark(self, *days: date) -> None:
        """Remembers days at whose edges something changes."""
        self.marks.extend(days)

    def step(self) -> date:
        """Moves on: not at all, by days, to a month end, a leap day, a year's turn, or the edge of a window."""
        now, kind = self.now, self.rng.random()
        if kind < 0.15:
            return now
        if kind < 0.25:
            self.now = now + ONE_DAY
        elif kind < 0.40:
            self.now = month_end(corr(now, self.rng.choice((0, 1, 1, 2, 3))))
        elif kind < 0.50:
            self.now = date(now.year, 12, 31) if self.chance(0.5) else date(now.year + 1, 1, 1)
        elif kind < 0.55:
            self.now = month_end(date(now.year + (now.month > 2), 2, 1))
        elif kind < 0.70:
            later = [m for m in self.marks if m > now]
            self.now = min(later) + timedelta(days=self.rng.choice((0, 1))) if later else now + timedelta(days=9)
        else:
            self.now = now + timedelta(days=self.rng.randint(2, 130))
        self.now = max(now, self.now)
        return self.now

    def pick_day(self, first: date, last: date) -> date:
        """A service day: at the edge of an event or a window, or anywhere."""
        near = [day(e["date"]) for e in self.history] + 2 * self.marks
        near += [date(year, month, 28) + timedelta(days=3) for year in (first.year, last.year) for month in (2, 12)]
        if self.chance(0.03):
            return self.rng.choice((first, last)) + timedelta(days=self.rng.randint(-3, 3))
        for _ in range(4):
            chosen = self.rng.choice(near) + timedelta(days=self.rng.choice(EDGES))
            if self.chance(0.12):
                chosen = self.now + timedelta(days=self.rng.randint(-200, 500))
            if first <= chosen <= last:
                return chosen
        return min(max(chosen, first), last)

    def finish(self, locality: str, seed: int, service: date, claim: dict) -> dict:
        """The case, with its events by date and time of recording."""
        settled = service + timedelta(days=self.rng.choice((0, 0, 1, 15, 40)))
        as_of = settled + timedelta(days=self.rng.choice((0, 0, 0, 5, 30, 90, 700)))
        code: str | None = "P-0001"
        if self.chance(0.03):
            code = self.rng.choice((None, "", "  "))
        self.history.sort(key=lambda e: (e["date"], e.get("recorded", e["date"])))
        return {
            "id": f"{PREFIX[locality]}-O{seed}",
            "locality": locality,
            "source": f"{SOURCE[locality]} generated",
            "as_of": as_of.isoformat(),
            "history": self.history,
            "claim": {
                "service_date": service.isoformat(),
                "settlement_date": settled.isoformat(),
                "physician_code": code,
                **claim,
            },
            "note": f"Generated from seed {seed}.",
        }

    def claim(self, service: date, share_here: float = 0.85, stays: bool = False) -> dict:
        """Institution, encounter and, for a stay, its first day."""
        rng = self.rng
        seen = [e["institution"] for e in self.history if e.get("institution")]
        institution = rng.choice(seen) if seen and self.chance(share_here) else rng.choice(SITES)
        encounter = rng.choice(EMERGENCIES) if self.chance(0.3) else rng.choice(NORMAL_ENCOUNTERS)
        found: dict = {"institution": institution, "encounter_type": encounter}
        if stays and self.chance(0.3):
            edges = [m for m in self.marks if service - timedelta(days=150) <= m < service]
            start = service - timedelta(days=rng.choice((0, 1, 2, 7, 30, 100)))
            if edges and self.chance(0.6):
                start = rng.choice(edges) + timedelta(days=rng.choice((0, 1)))
            found |= {"encounter_type": "inpatient", "service_start": min(start, service).isoformat()}
        return found


def month_end(d: date) -> date:
    """The last day of the month of `d`."""
    return corr(d.replace(day=1), 1) - ONE_DAY


# --- Qiannan ---


def deduct(m: Maker, tier: int, cases: int = 1) -> None:
    """One decision, with the days at which its consequences could turn."""
    items = {1: 6, 2: 3, 3: 4, 6: 3, 12: 3}[tier]
    number = len(m.deductions) + 1
    fields: dict = {"id": f"d{number}", "points": tier * cases}
    fields["violation_id"] = f"QN-T{tier}-{m.rng.randint(1, items):02d}"
    fields["institution"] = m.rng.choice(SITES[:2])
    if cases > 1:
        fields["cases"] = cases
    if m.chance(0.1):
        fields["violation_date"] = (m.now - timedelta(days=m.rng.randint(1, 60))).isoformat()
    m.deductions.append(m.add("deduction", **fields))
    total = sum(d["points"] for d in m.deductions if day(d["date"]).year == m.now.year)
    if total >= 10:
        m.mark(corr(m.now, 3))
    if total >= 10 and len({d["date"][:4] for d in m.deductions}) > 1:
        m.mark(corr(m.now, 12))
    if total >= 18 or tier == 12:
        m.mark(corr(m.now, 36), corr(corr(m.now, 3), 36))


def some_deduction(m: Maker) -> None:
    """Any tier, now and then several cases at once."""
    tier = m.rng.choice((1, 2, 3, 3, 6, 6, 6, 12))
    cases = m.rng.choice((2, 2, 3, 4)) if m.chance(0.2) else 1
    deduct(m, tier, min(cases, 2) if tier == 12 else cases)


def fill_a_cycle(m: Maker) -> None:
    """Deductions that reach 12 one after the other."""
    for tier, cases in m.rng.choice(
        (((6, 1), (6, 1)), ((6, 2),), ((3, 3), (3, 1)), ((6, 1), (3, 1), (3, 1)), ((12, 1),))
    ):
        deduct(m, tier, cases)
        if m.chance(0.7):
            m.step()


def full_years(m: Maker) -> None:
    """12 in two years running, or 10 in three (section 5, QN-H12Y)."""
    years, tiers = m.rng.choice(((2, (6, 6)), (3, (6, 2, 2)), (3, (6, 3, 1)), (2, (6, 6, 6)), (3, (6, 6))))
    for _ in range(years):
        for tier in tiers:
            deduct(m, tier)
            if m.chance(0.5):
                m.now = min(date(m.now.year, 12, 31), m.now + timedelta(days=m.rng.randint(0, 50)))
        m.now = m.rng.choice((date(m.now.year + 1, 1, 1), date(m.now.year + 1, m.rng.randint(1, 10), 28)))


def appeal(m: Maker) -> None:
    """A review of an earlier decision: in time, on the last day, too late, without notice or without filing."""
    reviewed = {e["ref"] for e in m.history if "ref" in e}
    open_ones = [d for d in m.deductions if d["id"] not in reviewed]
    if not open_ones:
        return some_deduction(m)
    target = m.rng.choice(open_ones[-3:])
    ref, decided = target["id"], day(target["date"])
    notice = decided + timedelta(days=m.rng.choice((0, 1, 2, 3)))
    filed = notice + timedelta(days=m.rng.choice((1, 5, 7, 9, 9, 10, 11, 11, 12, 13, 15)))
    if m.chance(0.85):
        m.add("notice_received", notice, ref=ref)
    if m.chance(0.9):
        m.add("appeal_filed", filed, ref=ref)
    answered = filed + timedelta(days=m.rng.choice((0, 1, 14, 21, 60, 100)))
    if m.chance(0.2):
        m.add("appeal_rejected", answered, ref=ref)
        return None
    upheld = m.add("appeal_upheld", answered, ref=ref)
    if m.chance(0.5) and target["points"] > 1:
        upheld["revised_points"] = m.rng.randint(0, target["points"] - 1)
    return None


def bonus(m: Maker) -> None:
    """One bonus, or several that pass the yearly 6."""
    for _ in range(m.rng.choice((1, 1, 2, 3))):
        m.add("bonus", points=m.rng.choice((1, 2, 5)), bonus_id=m.rng.choice(("QN-B1", "QN-B2", "QN-B5")))
        if m.chance(0.4):
            m.step()


def reinstate(m: Maker) -> None:
    """A reinstatement at the edge of a window's end, inside it, or well after."""
    ends = [e for e in m.marks if e > m.now - timedelta(days=60)]
    on = (m.rng.choice(ends[:3]) + timedelta(days=m.rng.choice((-20, 0, 1, 1, 2, 10)))) if ends else m.now
    site = m.rng.choice(SITES[:2])
    if m.chance(0.3):
        m.add("reinstatement_application", on, institution=site)
    if m.chance(0.15):
        m.add("reinstatement_refused", on, institution=site)
    else:
        m.add("reinstatement", on, institution=site)
    m.now = max(m.now, on)


def register_again(m: Maker) -> None:
    """A registration around the end of a ban, with or without training."""
    ends = [e for e in m.marks if e > m.now]
    if ends and m.chance(0.8):
        m.now = max(m.now, max(ends) + timedelta(days=m.rng.choice((-30, 0, 1, 1, 1, 15))))
    event = m.add("registration", institution=m.rng.choice(SITES[:2]))
    if m.chance(0.25):
        event["training"] = False


def declare(m: Maker) -> None:
    """Sites and opt-outs, also both on one day (Q11)."""
    site = m.rng.choice(SITES)
    for _ in range(m.rng.choice((1, 1, 2))):
        m.add(m.rng.choice(("site_declaration", "site_declaration", "opt_out")), institution=site)
        if m.chance(0.4):
            m.step()


def qiannan(rng: random.Random, seed: int) -> dict:
    """Any mixture of the above."""
    starts = (date(2022, 12, 26), date(2023, 1, 3), date(2023, 1, 31), date(2023, 11, 30), date(2023, 12, 31))
    m = Maker(rng, rng.choice((*starts, date(2024, 2, 29), date(2023, rng.randint(1, 12), rng.randint(1, 28)))))
    if m.chance(0.97):
        first = m.add("registration", institution="H1")
        if m.chance(0.1):
            first["training"] = False
    if m.chance(0.4):
        m.add("site_declaration", institution="H2")
    motifs = (some_deduction, some_deduction, fill_a_cycle, fill_a_cycle, full_years, appeal, appeal, bonus, reinstate)
    for _ in range(rng.randint(0, 7)):
        m.step()
        rng.choice((*motifs, reinstate, reinstate, register_again, declare))(m)
    service = m.pick_day(date(2022, 12, 26), date(2032, 12, 31))
    return m.finish("qiannan", seed, service, m.claim(service, stays=True))


# --- Lanzhou ---


def lanzhou_deduct(m: Maker, points: int) -> None:
    """One decision of 1-3, 5 or 10 points."""
    group, items = {10: ("T10", 6), 5: ("T5", 8)}.get(points, ("T13", 9))
    number = len(m.deductions) + 1
    violation = f"LZ-{group}-{m.rng.randint(1, items):02d}"
    m.deductions.append(m.add("deduction", id=f"d{number}", points=points, violation_id=violation, institution="H1"))
    m.mark(corr(m.now, 3), corr(m.now, 6))
    if points == 10 or sum(d["points"] for d in m.deductions) >= 10:
        m.mark(corr(m.now, 12))


def sign(m: Maker, start: date) -> None:
    """An agreement of two years, now and then signed on another day than it starts."""
    end = corr(start, 24) - ONE_DAY
    signed = start - timedelta(days=m.rng.choice((0, 0, 0, 10)))
    m.add("agreement", signed, start=start.isoformat(), end=end.isoformat())
    m.mark(end)


def come_back(m: Maker) -> None:
    """After a cancellation: training, registration and agreement around the earliest day, complete or not."""
    earliest = corr(day(m.deductions[-1]["date"]), 12) + ONE_DAY
    m.now = max(m.now, earliest + timedelta(days=m.rng.choice((-40, -1, 0, 0, 1, 20))))
    if m.chance(0.75):
        m.add("retraining_passed", max(m.now - timedelta(days=m.rng.choice((0, 0, 1, 15))), date(2014, 5, 1)))
    m.add("registration", institution=m.rng.choice(SITES[:2]))
    if m.chance(0.8):
        sign(m, m.now + timedelta(days=m.rng.choice((0, 0, 5))))
    if m.chance(0.3):
        m.now += timedelta(days=20)
        m.add("retraining_passed")
        m.add("registration", institution="H1")
    if m.chance(0.35):
        m.step()
        lanzhou_deduct(m, 10)
        m.mark(corr(m.now, 60))


def snapshots(m: Maker) -> None:
    """An institution around the marks of 第二十二条, and its way back."""
    approved = m.rng.choice((9, 10, 19, 20, 21, 40, 41, 100))
    cancelled = m.rng.choice((0, 1, 1, 2, 2, 3, 5))
    site = m.rng.choice(SITES[:2])
    m.add("institution_snapshot", institution=site, approved_physicians=approved, cancelled_in_term=cancelled)
    if m.chance(0.5):
        m.step()
        m.add("institution_resigned", institution=site)


def lanzhou(rng: random.Random, seed: int) -> dict:
    """Terms back to back, thresholds, cancellations, returns, institutions."""
    m = Maker(rng, rng.choice((date(2014, 5, 1), date(2014, 7, 1), date(2014, 8, 31), date(2015, 1, 10))))
    m.mark(date(2014, 7, 1))
    if m.chance(0.95):
        m.add("registration", institution=rng.choice(SITES[:2]))
    if m.chance(0.93):
        sign(m, m.now)
        if m.chance(0.4):
            sign(m, corr(m.now, 24) + timedelta(days=rng.choice((0, 0, 0, 1, 30, -30))))
    for _ in range(rng.randint(0, 6)):
        m.step()
        kind = rng.random()
        if kind < 0.6:
            for points in rng.choice(((1,), (3, 3), (5, 1), (5, 1, 2), (3, 3, 2), (5, 3), (5, 5), (3, 5, 2), (10,))):
                lanzhou_deduct(m, points)
                if m.chance(0.6):
                    m.step()
        elif kind < 0.75 and m.deductions:
            come_back(m)
        elif kind < 0.9:
            snapshots(m)
        else:
            m.add("registration", institution=rng.choice(SITES))
    if m.deductions and m.chance(0.25):
        come_back(m)
    service = m.pick_day(date(2014, 5, 1), date(2019, 4, 30))
    return m.finish("lanzhou", seed, service, m.claim(service, stays=True))


# --- National, Xiamen, Shantou ---


def national(rng: random.Random, seed: int) -> dict:
    """Statuses that overlap, with repairs and corrections, and stays over their edges (N3)."""
    starts = (date(2024, 2, 29), date(2024, 11, 30), date(2025, 1, 1), date(2025, 1, 31), date(2025, 6, 15))
    m = Maker(rng, rng.choice(starts))
    if m.chance(0.95):
        m.add("registration", institution="H1")
    ids: list[str] = []
    for _ in range(rng.randint(0, 6)):
        m.step()
        if m.chance(0.06):
            m.now = max(m.now, date(2028, 2, rng.choice((28, 29, 29))))
        kind = rng.random()
        if kind < 0.5 or not ids:
            end = None if m.chance(0.25) else m.now + timedelta(days=rng.choice((0, 1, 30, 89, 180, 364)))
            ids.append(f"s{len(ids) + 1}")
            status = rng.choice(("suspended", "suspended", "terminated"))
            m.add("status", id=ids[-1], status=status, until=end.isoformat() if end else None)
            m.mark(end or m.now)
        elif kind < 0.7:
            end = m.now + timedelta(days=rng.choice((-1, 0, 1, 10, 60)))
            m.add("repair", new_until=end.isoformat())
            m.mark(end)
        elif kind < 0.82:
            m.add("status_corrected", ref=rng.choice(ids))
        elif kind < 0.92:
            m.add("site_declaration", institution=rng.choice(SITES))
        else:
            m.add("points_recorded", points=rng.randint(1, 12))
    service = m.pick_day(date(2025, 1, 1), date(2028, 12, 31))
    claim = m.claim(service, stays=True)
    if m.chance(0.2):
        claim["staff_category"] = rng.choice(STAFF_CATEGORIES)
    return m.finish("national", seed, service, claim)


def some_points(m: Maker, ids: list[str]) -> None:
    """One decision on points around the mark and the cap, with or without a length, and the days at which it could turn."""
    points = m.rng.choice((1, 1, 2, 2, 3, 3, 4, 5, 6, 8, 9, 9, 9, 10, 10, 11, 11, 12, 14))
    event = m.add("points_recorded", id=f"p{len(ids) + 1}", points=points)
    ids.append(event["id"])
    if m.chance(0.45):
        event["suspension_months"] = m.rng.choice((1, 2, 4, 6, 6, 8))
    m.mark(m.now + ONE_DAY, corr(m.now, event.get("suspension_months", 1)))
    if points >= 3 and m.chance(0.5):
        m.mark(corr(m.now, 36 if points >= 12 else 12))


def object_to(m: Maker, ids: list[str]) -> None:
    """An objection to a status or to points, answered, sent to experts or left open."""
    about, name = m.rng.choice(ids[-3:]), f"o{len(m.history)}"
    filed = m.chance(0.8)
    if filed:
        m.add("objection_filed", id=name, ref=about)
        if m.chance(0.6):
            m.step()
    if m.chance(0.85):
        answer = m.rng.choice(("upheld", "upheld", "rejected", "to_experts"))
        m.add("objection_answered", ref=name if filed and m.chance(0.6) else about, answer=answer)


def national_points(rng: random.Random, seed: int) -> dict:
    """Points to the mark and the cap within a year and over its turn, repairs, objections, statuses besides, and returns."""
    starts = (date(2025, 3, 1), date(2025, 3, 31), date(2025, 8, 30), date(2025, 11, 30), date(2026, 1, 31))
    m = Maker(rng, rng.choice(starts))
    if m.chance(0.95):
        m.add("registration", date(2025, 1, 20) if m.chance(0.3) else m.now, institution="H1")
    ids: list[str] = []
    for _ in range(rng.randint(0, 7)):
        m.step()
        if m.chance(0.05):
            m.now = max(m.now, date(2028, 2, rng.choice((28, 29, 29))))
        kind = rng.random()
        if kind < 0.45 or not ids:
            for _ in range(rng.choice((1, 1, 1, 1, 1, 2, 3))):
                some_points(m, ids)
                if m.chance(0.5):
                    m.now = min(date(m.now.year, 12, 31), m.now + timedelta(days=rng.randint(0, 60)))
        elif kind < 0.55:
            for _ in range(rng.choice((1, 1, 2, 5))):
                m.add("points_recorded", id=f"b{len(m.history)}", points=-rng.choice((1, 1, 2)))
        elif kind < 0.63:
            end = m.now + timedelta(days=rng.choice((-1, 0, 1, 10, 60, 200)))
            m.add("repair", new_until=end.isoformat())
            m.mark(end)
        elif kind < 0.71:
            object_to(m, ids)
        elif kind < 0.75:
            m.add("status_corrected", ref=rng.choice(ids))
        elif kind < 0.81:
            ids.append(f"s{len(ids) + 1}")
            end = None if m.chance(0.2) else m.now + timedelta(days=rng.choice((0, 1, 30, 89, 364)))
            status = rng.choice(("suspended", "terminated", "normal"))
            m.add("status", id=ids[-1], status=status, until=end.isoformat() if end else None)
            m.mark(end or m.now)
        elif kind < 0.86:
            m.add("site_declaration", institution=rng.choice(SITES))
        else:
            ends = [e for e in m.marks if e > m.now - timedelta(days=40)]
            if ends and m.chance(0.8):
                m.now = max(m.now, rng.choice(ends) + timedelta(days=rng.choice((-20, 0, 1, 1, 2))))
            m.add("registration", institution=rng.choice(SITES[:2]))
    service = max(m.pick_day(date(2025, 3, 1), date(2030, 12, 31)), date(2025, 3, 1))
    claim = m.claim(service, stays=True)
    if "service_start" in claim:
        claim["service_start"] = max(claim["service_start"], "2025-03-01")
    if m.chance(0.1):
        claim["staff_category"] = rng.choice(STAFF_CATEGORIES)
    return m.finish("national_points", seed, service, claim)


def xiamen(rng: random.Random, seed: int) -> dict:
    """Full 12s, criminal liability, orders around the 12 months, ratios around 40 %."""
    m = Maker(rng, rng.choice((date(2017, 8, 2), date(2018, 2, 28), date(2020, 2, 29), date(2021, 12, 31))))
    m.add("registration", institution="H1")
    for _ in range(rng.randint(0, 6)):
        m.step()
        kind = rng.random()
        if kind < 0.35:
            m.add("full_12", period=str(m.now.year))
        elif kind < 0.45:
            m.add("criminal_liability")
        elif kind < 0.85:
            site, first = rng.choice(SITES[:2]), m.now
            m.add("rectification_order", institution=site)
            m.mark(corr(first, 12))
            if m.chance(0.6):
                m.add("rectification_order", first + timedelta(days=rng.randint(0, 300)), institution=site)
                last = corr(first, 12) + timedelta(days=rng.choice((-1, 0, 1)))
                m.add("rectification_order", last, institution=site)
                m.mark(last)
        else:
            m.add("institution_violation_ratio", institution=rng.choice(SITES), ratio=rng.choice((0.39, 0.4, 0.41)))
    service = m.pick_day(date(2017, 8, 2), date(2030, 12, 31))
    return m.finish("xiamen", seed, service, m.claim(service))


def shantou(rng: random.Random, seed: int) -> dict:
    """Every combination of the drug's attributes, with and without a listed prescriber."""
    m = Maker(rng, date(2022, 6, 1))
    m.add("registration", institution="H1")
    if m.chance(0.7):
        m.step()
        m.add("prescriber_listed", institution=rng.choice(SITES[:2]))
    service = m.pick_day(date(2022, 6, 1), date(2024, 12, 31))
    likely = {"dual_channel": 0.9, "external": 0.8, "separate": 0.8}
    likely |= {"within_scope": 0.85, "within_dosage": 0.85, "price_ok": 0.85}
    drug = {name: m.chance(share) for name, share in likely.items()}
    return m.finish("shantou", seed, service, m.claim(service) | {"drug": drug})


LOCALITIES = {
    "qiannan": qiannan,
    "lanzhou": lanzhou,
    "national": national,
    "xiamen": xiamen,
    "shantou": shantou,
    "national_points": national_points,
}


def generate(locality: str, seed: int) -> dict:
    """One case without `expect`, the same for the same arguments."""
    return LOCALITIES[locality](random.Random(f"{locality}-{seed}"), seed)
