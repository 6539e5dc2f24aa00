"""Records that are not claims, each spoiled in one way, with the kind of error and the part of the reason that names it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

GOOD: dict[str, object] = {
    "claim_id": "C0001",
    "claim_version": 1,
    "region": "522700",
    "institution_code": "H52270100001",
    "physician_code": "D522701000001",
    "encounter_type": "outpatient",
    "service_date": "2023-05-10",
    "service_start": None,
    "settlement_time": "2023-05-11T09:30:00+08:00",
    "insured_id": "P-secret-1",
    "insurance_type": "resident",
    "total_amount": "123.40",
    "fund_amount": "98.70",
}
"""A claim as the contract shows it."""


def claim(**changes: object) -> bytes:
    """The good claim with some fields changed."""
    return json.dumps(settled(GOOD | changes), ensure_ascii=False, separators=(",", ":")).encode()


def settled(fields: dict[str, object]) -> dict[str, object]:
    """The same, settled on the day of service where that lies after the good claim's settlement."""
    day = fields.get("service_date")
    late = isinstance(day, str) and len(day) == 10 and day > "2023-05-11"
    if late and fields.get("settlement_time") == GOOD["settlement_time"]:
        return fields | {"settlement_time": f"{day}T18:00:00+08:00"}
    return fields


def without(field: str) -> bytes:
    """The good claim without a field."""
    return json.dumps({name: value for name, value in GOOD.items() if name != field}).encode()


def extended(more: bytes) -> bytes:
    """The good claim with further raw members."""
    return claim()[:-1] + b"," + more + b"}"


@dataclass(frozen=True)
class Spoiled:
    """A record value that must become a dead letter."""

    name: str
    value: bytes | None
    kind: str
    tells: str


def _fields() -> Iterator[Spoiled]:
    for field in ("claim_id", "region", "institution_code", "encounter_type", "service_date", "settlement_time",
                  "insured_id", "insurance_type", "total_amount", "fund_amount"):  # fmt: skip
        yield Spoiled(f"{field} is missing", without(field), "missing_field", f"{field}:")
        yield Spoiled(
            f"{field} is a number",
            claim(**{field: 17}),
            "wrong_type" if field != "encounter_type" else "invalid_value",
            f"{field}:",
        )
    for field in ("claim_id", "institution_code", "insured_id", "insurance_type"):
        yield Spoiled(
            f"{field} is blank", claim(**{field: " \u3000"}), "invalid_value", f"{field}: must not be empty or blank"
        )
        yield Spoiled(
            f"{field} is far too long", claim(**{field: "x" * 257}), "invalid_value", f"{field}: must not be longer"
        )
    yield Spoiled("physician_code is far too long", claim(physician_code="x" * 257), "invalid_value", "physician_code:")
    yield Spoiled("physician_code is a number", claim(physician_code=1), "wrong_type", "physician_code:")
    for region in ("52270", "5227000", "52270x", "Qiannan"):
        yield Spoiled(f"region {region!r}", claim(region=region), "invalid_value", "region: ")
    for money in ("12,30", "1.234", "", "-", "1e3", "NaN", "12345678901234567", "98.70\n", "٩٨", "+1", ".5", "5."):
        yield Spoiled(
            f"fund_amount {money!r}", claim(fund_amount=money), "invalid_value", "fund_amount: expected a decimal"
        )
    for day in ("2023-02-29", "2023-13-01", "2023-5-10", "20230510", "2023- 5-10", " 2023-5-10", "0000-01-01", "+023-05-10",
                "2023-05-10T00:00:00", "２023-05-10", "2023-05-10\n", ""):  # fmt: skip
        yield Spoiled(
            f"service_date {day!r}", claim(service_date=day), "invalid_value", "service_date: expected a calendar date"
        )
    yield Spoiled("service_start is a moment's NUL", claim(service_start="\0"), "invalid_value", "service_start:")
    yield Spoiled(
        "the stay ends before it starts", claim(service_start="2023-05-11"), "invalid_value", "service_start: must not"
    )
    for moment in (
        "2023-05-11", "2023-05-11T09:30:00", "2023-05-11 09:30:00Z", "2023-05-11T24:00:00Z", "2023-05-11T09:30:60Z",
        "2023-05-11T09:30:00+08:99", "2023-05-11T09:30:00+24:00", "0000-01-01T00:00:00Z", "2023-02-30T09:30:00Z",
    ):  # fmt: skip
        yield Spoiled(
            f"settlement_time {moment!r}", claim(settlement_time=moment), "invalid_value", "settlement_time: expected"
        )
    for kind in ("Outpatient", "", "dental"):
        yield Spoiled(f"encounter_type {kind!r}", claim(encounter_type=kind), "invalid_value", "encounter_type:")
    for version in (0, -1, 2**31, 10**30, -(2**62)):
        yield Spoiled(f"claim_version {version}", claim(claim_version=version), "invalid_value", "claim_version:")
    for kind_of in (None, 1.0, "1", True):
        yield Spoiled(f"claim_version {kind_of!r}", claim(claim_version=kind_of), "wrong_type", "claim_version:")
    yield Spoiled("an unknown staff category", claim(staff_category="porter"), "invalid_value", "staff_category:")
    yield Spoiled("a staff category of one NUL", claim(staff_category="\0"), "invalid_value", "staff_category:")
    yield Spoiled("the drug is a list", claim(drug=[]), "wrong_type", "drug:")
    yield Spoiled("a drug field is a number", claim(drug={"external": 1}), "wrong_type", "drug.external:")


def _shapes() -> Iterator[Spoiled]:
    yield Spoiled("a tombstone", None, "null_value", "no value")
    yield Spoiled("nothing", b"", "empty_value", "empty")
    yield Spoiled("only blanks", b" \r\n\t", "empty_value", "empty")
    yield Spoiled("10 MB", b'{"claim_id":"' + b"x" * 10_000_000 + b'"}', "too_large", "10000015 bytes")
    yield Spoiled("a claim above a million bytes", claim(note="x" * 1_000_000), "too_large", "at most 1000000")
    yield Spoiled("not UTF-8", claim(insured_id="X").replace(b'"X"', b'"\xff"'), "invalid_utf8", "is not UTF-8")
    yield Spoiled("not UTF-8 in an unknown field", extended(b'"x":"\xc0\x80"'), "invalid_utf8", "is not UTF-8")
    yield Spoiled("GBK", claim(institution_code="贵州").decode().encode("gbk"), "invalid_utf8", "is not UTF-8")
    yield Spoiled("cut off", claim()[:-9], "invalid_json", "at character")
    yield Spoiled("two claims in one", claim() + claim(), "invalid_json", "Extra data")
    yield Spoiled("two lines", claim() + b"\n" + claim(), "invalid_json", "Extra data")
    yield Spoiled(
        "a raw newline inside a string", claim().replace(b"D5227", b"D52\n27"), "invalid_json", "control character"
    )
    yield Spoiled("a comma too many", claim()[:-1] + b",}", "invalid_json", "at character")
    yield Spoiled("single quotes", claim().replace(b'"', b"'"), "invalid_json", "at character")
    yield Spoiled("plain text", "患者".encode(), "invalid_json", "at character")
    yield Spoiled("NaN", extended(b'"x":NaN'), "invalid_json", "NaN is not JSON")
    yield Spoiled("NaN as money", claim(fund_amount="N").replace(b'"N"', b"NaN"), "invalid_json", "NaN is not JSON")
    yield Spoiled("Infinity", extended(b'"x":-Infinity'), "invalid_json", "Infinity is not JSON")
    yield Spoiled("a number of 5000 digits", extended(b'"x":' + b"9" * 5000), "invalid_json", "4300 digits")
    yield Spoiled(
        "money as a huge number", claim(fund_amount="N").replace(b'"N"', b"1e400"), "wrong_type", "fund_amount:"
    )
    yield Spoiled("half a surrogate pair", extended(b'"x":"\\ud800"'), "invalid_json", "surrogate")
    yield Spoiled(
        "half a surrogate pair as id", claim(claim_id="X").replace(b'"X"', b'"\\udfff"'), "invalid_json", "surrogate"
    )
    yield Spoiled("nested 65 deep", extended(b'"x":' + b"[" * 64 + b"]" * 64), "too_deep", "64 levels")
    yield Spoiled("nested 100,000 deep", b"[" * 100_000, "too_deep", "64 levels")
    for name, value in {
        "list": b"[1]",
        "number": b"17",
        "string": b'"C1"',
        "null": b"null",
        "claim in a list": b"[" + claim() + b"]",
    }.items():
        yield Spoiled(f"a {name}", value, "not_an_object", "expected a JSON object")
    yield Spoiled("two ids", extended(b'"claim_id":"C0002"'), "duplicate_key", "claim_id: stands twice")
    yield Spoiled(
        "two ids, one escaped", extended(b'"claim\\u005fid":"C0002"'), "duplicate_key", "claim_id: stands twice"
    )
    yield Spoiled("an unknown field twice", extended(b'"x":1,"x":1'), "duplicate_key", "x: stands twice")
    yield Spoiled(
        "a drug field twice", extended(b'"drug":{"external":true,"external":false}'), "duplicate_key", "drug.external:"
    )
    yield Spoiled("an empty object", b"{}", "missing_field", "claim_id: ")


SPOILED: tuple[Spoiled, ...] = (*_shapes(), *_fields())

UNUSUAL: dict[str, bytes] = {
    "no version": without("claim_version"),
    "no physician field": without("physician_code"),
    "a null physician": claim(physician_code=None),
    "a blank physician": claim(physician_code=" \t "),
    "an empty physician": claim(physician_code=""),
    "a physician with blanks around": claim(physician_code="  D522701000001\u3000"),
    "a physician code in another form": claim(physician_code="张三-7"),
    "a reversal": claim(total_amount="-123.40", fund_amount="-98.7"),
    "unknown fields": extended(b'"x":{"y":[1,{"z":null}]},"\\u00fc":1e5'),
    "64 levels": extended(b'"x":' + b"[" * 63 + b"]" * 63),
    "blanks between": json.dumps(GOOD, indent=2).encode(),
    "a newline at the end": claim() + b"\r\n",
    "escaped names": claim().replace(b"claim_id", b"claim\\u005fid"),
    "colons and quotes in a value": claim(insured_id='P":"{x}'),
    "a Chinese institution": claim(institution_code="贵州省人民医院"),
    "256 characters": claim(claim_id="é" * 256),
    "an empty drug": claim(drug={}),
    "no drug": claim(drug=None),
    "a drug": claim(drug={"dual_channel": True, "external": False}),
    "a staff category": claim(staff_category="nursing"),
    "a stay": claim(service_start="2023-05-01"),
    "a stay of one day": claim(service_start="2023-05-10"),
    "lower case t and z": claim(settlement_time="2023-05-11t01:30:00z"),
    "nanoseconds": claim(settlement_time="2023-05-11T01:30:00.123456789Z"),
    "the last day of the calendar": claim(service_date="9999-12-31"),
    "the first day of the calendar": claim(service_date="0001-01-01"),
    "a leap day": claim(service_date="2024-02-29"),
    "a million bytes": claim(note="x" * (1_000_000 - len(claim(note="")))),
}
"""Claims that look odd and are none the less claims."""
