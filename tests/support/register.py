"""Seeded registers and claims: dense in boundaries, gaps, stays, sites and contradictions, for every rule pack.

The messages obey the standing contract as the ledger would publish them: where penalty windows overlap, a day reports the
one that ends later (determination Q8), so windows along a timeline never end earlier than those before them.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from tests.support.spoiled import settled

QIANNAN, LANZHOU, XIAMEN, SHANTOU, ELSEWHERE = "522700", "620100", "350200", "440500", "110000"
REGIONS = (QIANNAN, LANZHOU, XIAMEN, SHANTOU, ELSEWHERE)

ENCOUNTERS = (
    "outpatient",
    "inpatient",
    "emergency",
    "rescue",
    "public_health_emergency",
    "maternity",
    "pharmacy",
)
FLAGS = ("data_conflict", "blacklist_conflict", "reapplication_conflict", "qualification_incomplete")

_FIRST = {QIANNAN: date(2022, 10, 1), LANZHOU: date(2014, 3, 1), XIAMEN: date(2016, 1, 1)}
_LAST = {QIANNAN: date(2024, 12, 31), LANZHOU: date(2019, 8, 1), XIAMEN: date(2018, 12, 31)}
_QUIET = {
    QIANNAN: ("normal", "normal", "normal", "cautioned_6", "cautioned_10", "penalty_pending", "pending_reinstatement",
              "pending_reinstatement", "blacklist_pending", "blacklisted", "unregistered"),
    LANZHOU: ("normal", "normal", "suspension_pending", "cancelled", "agreement_expired", "unregistered"),
    XIAMEN: ("normal", "blacklisted", "points_full_once"),
    SHANTOU: ("normal",),
    ELSEWHERE: ("normal", "normal", "suspended", "terminated", "unregistered"),
}  # fmt: skip
_PENALISED = {
    QIANNAN: ("penalty", "penalty", "penalty", "blacklisted"),
    LANZHOU: ("suspended", "suspended", "unregistered"),
}


def iso(day: date | None) -> str | None:
    """As on the wire."""
    return None if day is None else day.isoformat()


@dataclass
class Register:
    """Standing messages by key, and the days on which something begins or ends."""

    physicians: dict[str, dict] = field(default_factory=dict)
    institutions: dict[str, dict] = field(default_factory=dict)
    edges: dict[str, list[date]] = field(default_factory=dict)

    def physician(self, claim: dict) -> dict | None:
        """The message that applies to a claim's physician."""
        code = (claim.get("physician_code") or "").strip()
        return self.physicians.get(f"{claim['region']}|{code}")

    def institution(self, claim: dict) -> dict | None:
        """The message that applies to a claim's institution."""
        return self.institutions.get(f"{claim['region']}|{claim['institution_code']}")

    def records(self, topic: str) -> Iterator[dict]:
        """The register's records for one of the two standing topics."""
        messages = self.physicians if topic == "physician-standing" else self.institutions
        for key, message in messages.items():
            yield {"key": key, "value": json.dumps(message, ensure_ascii=False)}

    def lines(self) -> str:
        """All messages as NDJSON."""
        return "".join(
            json.dumps(message, ensure_ascii=False) + "\n"
            for message in (*self.physicians.values(), *self.institutions.values())
        )


def make_register(
    rng: random.Random, physicians: int, institutions: int = 12, regions: tuple[str, ...] = REGIONS
) -> Register:
    """A register of so many physicians and institutions in each region."""
    register = Register()
    for region in regions:
        codes = [f"H{region}{number:05}" for number in range(institutions)]
        for code in codes[: institutions * 2 // 3]:
            register.institutions[f"{region}|{code}"] = _institution(rng, region, code)
        for number in range(physicians):
            message = make_physician(rng, region, f"D{region}{number:06}", codes)
            register.physicians[f"{region}|{message['physician_code']}"] = message
            register.edges[f"{region}|{message['physician_code']}"] = _edges(message)
    return register


def make_physician(
    rng: random.Random, region: str, code: str, institutions: list[str], revision: int | None = None
) -> dict:
    """One physician's standing."""
    message = {
        "region": region,
        "physician_code": code,
        "revision": rng.randrange(1, 500) if revision is None else revision,
        "spans": _timeline(rng, region, code),
        "sites": [_site(rng, region, rng.choice(institutions)) for _ in range(rng.choice((0, 1, 1, 2, 4)))],
    }
    if rng.random() < 0.2:
        message["contested"] = rng.choice((None, _timeline(rng, region, code), _timeline(rng, region, code), []))
    return message


def _day(rng: random.Random, region: str) -> date:
    first, last = _FIRST.get(region, date(2024, 9, 1)), _LAST.get(region, date(2026, 3, 1))
    return first + timedelta(rng.randrange((last - first).days + 1))


def _windows(rng: random.Random, region: str) -> list[tuple[date, date]]:
    if region not in _PENALISED:
        return []
    starts = [_day(rng, region) for _ in range(rng.choice((0, 1, 1, 2, 3)))]
    return [(start, start + timedelta(rng.choice((0, 1, 29, 91, 183)))) for start in starts]


def _chosen(windows: list[tuple[date, date]], day: date) -> tuple[date, date] | None:
    covering = [window for window in windows if window[0] <= day <= window[1]]
    return min(covering, key=lambda window: (-window[1].toordinal(), window[0])) if covering else None


def _timeline(rng: random.Random, region: str, code: str) -> list[dict]:
    windows = _windows(rng, region)
    one = timedelta(1)
    cuts = {_day(rng, region) for _ in range(rng.randrange(1, 5))}
    cuts |= {cut for start, end in windows for cut in (start, end + one)}
    ordered = sorted(cuts)
    ends = [cut - one for cut in ordered[1:]] + [rng.choice((None, ordered[-1] + timedelta(400)))]
    spans = [_span(rng, region, code, windows, *days) for days in zip(ordered, ends, strict=True)]
    if spans[0]["penalty_period"] is None and rng.random() < 0.1:
        spans[0]["from"] = None
    return [span for span in spans if rng.random() > 0.1]


def _span(
    rng: random.Random, region: str, code: str, windows: list[tuple[date, date]], first: date, last: date | None
) -> dict:
    window = _chosen(windows, first)
    # A window that is still running on the last cut has ended long before an open end could matter.
    penalised = window is not None and last is not None and last <= window[1]
    standing = rng.choice(_PENALISED[region] if penalised else _QUIET[region])
    span: dict[str, Any] = {"from": iso(first), "to": iso(last), "standing": standing, "penalty_period": None}
    if penalised:
        assert window is not None
        span["penalty_period"] = [iso(window[0]), iso(window[1])]
        if standing not in ("penalty", "suspended") or rng.random() < 0.5:
            span["in_penalty"] = True
    elif standing in ("suspended", "terminated"):
        span["penalty_period"] = [iso(first), iso(last)]
    elif standing in ("penalty_pending", "pending_reinstatement", "suspension_pending") and windows:
        span["penalty_period"] = [iso(day) for day in rng.choice(windows)]
    if not penalised and region in _PENALISED and rng.random() < 0.2:
        span["in_penalty"] = False
    if rng.random() < 0.15:
        span["flags"] = rng.sample(FLAGS, rng.randrange(1, 3))
    if rng.random() < 0.7:
        span["causes"] = [f"ev-{code}-{iso(first)}"] + (["ev-二"] if rng.random() < 0.1 else [])
    return span


def _site(rng: random.Random, region: str, institution: str) -> dict | str:
    if rng.random() < 0.4:
        return institution
    begins = rng.choice((None, _day(rng, region)))
    ends = rng.choice((None, None, (begins or _FIRST.get(region, date(2024, 9, 1))) + timedelta(rng.randrange(500))))
    status = rng.choice(("declared", "declared", "opted_out", "listed"))
    return {"institution_code": institution, "from": iso(begins), "to": iso(ends), "status": status}


def _institution(rng: random.Random, region: str, code: str) -> dict:
    days = sorted(_day(rng, region) for _ in range(4))
    spans = []
    if rng.random() < 0.6 and days[0] < days[1] < days[2] < days[3]:
        spans = [
            {"from": iso(days[0]), "to": iso(days[1]), "standing": "terminated", "causes": [f"ev-{code}"]},
            {
                "from": iso(days[2]),
                "to": rng.choice((None, iso(days[3]))),
                "standing": rng.choice(("active", "terminated", "suspended", "unknown")),
            },
        ]
    return {"region": region, "institution_code": code, "revision": rng.randrange(50), "spans": spans}


def _edges(message: dict) -> list[date]:
    spans = [*message["spans"], *(message.get("contested") or ())]
    return [date.fromisoformat(span[end]) for span in spans for end in ("from", "to") if span[end]]


_STRANGE: tuple[dict[str, Any], ...] = (
    {"total_amount": "123.40", "fund_amount": "-98.70"},
    {"total_amount": "-123.40", "fund_amount": "0.01"},
    {"total_amount": "98.69", "fund_amount": "98.70"},
    {"total_amount": "0", "fund_amount": "0.01"},
    {"service_date": "1970-01-01", "service_start": None},
    {"service_date": "1989-12-31", "service_start": None},
    {"service_start": "1900-01-01"},
    {"settlement_time": "2012-12-31T16:30:00Z"},
    {"settlement_time": "2012-12-31T09:30:00+08:00", "interim": True},
)
"""What cannot be so, and in the last what can."""


def make_claim(rng: random.Random, register: Register, number: int, regions: tuple[str, ...] = REGIONS) -> dict:
    """One claim, likely near a boundary of its physician's standing and at an institution that the physician knows."""
    region = rng.choice(regions)
    code = f"D{region}{rng.randrange(len(register.physicians) // len(regions)):06}"
    message = register.physicians.get(f"{region}|{code}")
    institution = f"H{region}{rng.randrange(14):05}"
    if message and message["sites"] and rng.random() < 0.75:
        site = rng.choice(message["sites"])
        institution = site if isinstance(site, str) else site["institution_code"]
    edges = register.edges.get(f"{region}|{code}")
    service = (
        rng.choice(edges) + timedelta(rng.choice((-1, 0, 0, 1))) if edges and rng.random() < 0.7 else _day(rng, region)
    )
    physician: str | None = code
    if rng.random() < 0.12:
        physician = rng.choice((None, "", "  ", "\t", f" {code} ", f"D{region}999999", "张三"))
    claim: dict[str, Any] = {
        "claim_id": f"C{number:07}",
        "claim_version": rng.choice((1, 1, 1, 2)),
        "region": region,
        "institution_code": institution,
        "physician_code": physician,
        "encounter_type": rng.choice(ENCOUNTERS),
        "service_date": iso(service),
        "service_start": iso(service - timedelta(rng.choice((0, 1, 3, 40, 200)))) if rng.random() < 0.3 else None,
        "settlement_time": f"{iso(service)}T09:30:00+08:00",
        "insured_id": f"P{rng.randrange(10**6):06}",
        "insurance_type": rng.choice(("resident", "employee")),
        "total_amount": "123.40",
        "fund_amount": rng.choice(("98.70", "0.00", "7")),
    }
    if rng.random() < 0.2:
        claim["total_amount"], claim["fund_amount"] = rng.choice((("-12.5", "-12.5"), ("100000.02", "100000.01")))
    if rng.random() < 0.02:
        claim["encounter_type"] = "unknown"
    if rng.random() < 0.04:
        claim |= rng.choice(_STRANGE)
    if region == SHANTOU or rng.random() < 0.02:
        fields = ("dual_channel", "external", "separate", "within_scope", "within_dosage", "price_ok")
        drug = {name: rng.random() < 0.7 for name in fields if rng.random() < 0.9}
        claim["drug"] = rng.choice((drug, drug, drug, None))
    if rng.random() < 0.05:
        claim["staff_category"] = rng.choice(("medical", "nursing", None))
    if number % 23 == 7:
        claim["visit"] = "seen" if number % 5 == 0 else "not_seen"
    return claim


def wire(claim: dict) -> bytes:
    """A claim's bytes, as a settlement interface sends them."""
    return json.dumps(settled(claim), ensure_ascii=False, separators=(",", ":")).encode()
