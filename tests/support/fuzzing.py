"""Damaged files and messages, given to every reader: nothing crashes, and every line and record is accounted for.

What is accounted for is counted here apart from the readers: line feeds of the text as the standard library unpacks and decodes it,
rows of Parquet by its footer, rows of a workbook by those that were written. A seed gives the same inputs, so a finding is a command.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.inputs.document_slices import json_form
from pipeline.inputs.errors import InputError
from pipeline.inputs.files import input_file
from pipeline.inputs.mapping import load_mapping
from pipeline.inputs.slicing import Cut
from pipeline.inputs.sources import open_inputs, slices
from pipeline.intake.batch import take_files
from pipeline.intake.classes import VisitClasses, load_classes
from pipeline.settings.packs import load_pack_set
from rules.packs.pack_set import PackSet
from tests.support.centre_day import a_day, messages_of
from tests.support.interface_messages import accounted
from tests.support.spoiled import GOOD, claim
from tests.support.workbooks import write_workbook
from topics.claims.codec import decode_claims, decode_few
from topics.events.acceptance import Accepted, Refused, accept

TINY = Cut(rows=7, lines=5, size=400)
"""Slices of a few lines, so that records lie across their edges."""

NATIONAL = {
    "setl_id": "S1", "mdtrtarea_admvs": "522701", "fixmedins_code": "H52270100001", "atddr_no": "D522701000001",
    "med_type": "11", "enddate": "2023-05-10", "begndate": None, "setl_time": "2023-05-11 09:30:00", "psn_no": "P1",
    "insutype": "310", "medfee_sumamt": "123.40", "fund_pay_sumamt": "98.70", "refd_setl_flag": "0", "memo": '消毒 5" 纱布',
}  # fmt: skip
EVENT = {
    "event_id": "e1", "region": "522700", "type": "deduction", "date": "2023-05-10", "recorded_at": "2023-05-10T09:00:00+08:00",
    "physician_code": "D522701000001", "institution": "H52270100001", "points": 6, "cases": 1, "violation_id": "QN-T6-02",
}  # fmt: skip

_PIECES = (
    b"\0", b'"', b'""', b"\\", b"\n", b"\r\n", b"\r", b",", b"\t", b"{", b"}", b"[", b"]", b"null", b"NaN", b"1e999", b"-", b"\xff",
    b"\xef\xbb\xbf", b"\xc4\xe3", "无".encode(), b"\\ud800", b"[" * 70, b'{"a":' * 70, b"9" * 400, b"\x1f\x8b", b"PK", b":", b" ",
)  # fmt: skip


class NotAccounted(AssertionError):
    """An input of which something is neither taken nor told, with what makes it again."""


@dataclass
class Findings:
    """What became of the inputs: counts by kind and outcome."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def inputs(self) -> int:
        """How many inputs were tried."""
        return sum(self.counts.values())


def mutated(rng: random.Random, value: bytes) -> bytes:
    """The value with some bytes cut, doubled, flipped or put in."""
    made = bytearray(value)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        at = rng.randrange(len(made) + 1)
        match rng.randrange(5):
            case 0:
                del made[at : at + rng.choice((1, 2, 9, 60))]
            case 1:
                made[at:at] = rng.choice(_PIECES)
            case 2:
                made[at:at] = made[at : at + rng.choice((1, 5, 40))]
            case 3 if made:
                made[at % len(made)] = rng.randrange(256)
            case _:
                del made[at : len(made) if rng.random() < 0.2 else at + 1]
    return bytes(made)


# -- messages -----------------------------------------------------------------------------------------------------


def fuzz_messages(seed: int, count: int, findings: Findings, batch: int = 500) -> None:
    """Claims by both ways of decoding, and events. Raises NotAccounted."""
    rng = random.Random(f"messages {seed}")
    packs = load_pack_set(switched_on=("shantou-2022-draft",))
    claims = [
        claim(),
        json.dumps(GOOD | {"drug": {"external": True}, "people": [{"person": "D1", "role": "nurse"}]}).encode(),
    ]
    event = json.dumps(EVENT, ensure_ascii=False).encode()
    for start in range(0, count, batch):
        size = min(batch, count - start)
        values: list[bytes | None] = [mutated(rng, rng.choice(claims)) for _ in range(size // 2)]
        decoded, few = decode_claims(values), decode_few(values)
        for found, rows in (
            (decoded.errors, decoded.claims["row"].to_list()),
            (few.errors, [row.row for row in few.rows]),
        ):
            if sorted([*rows, *(row for row, _ in found)]) != list(range(len(values))):
                raise NotAccounted(f"claims: seed {seed}, batch at {start}")
        findings.counts["claim", "taken"] += decoded.claims.height
        findings.counts["claim", "dead letter"] += len(decoded.errors)
        for _ in range(size - size // 2):
            _event(mutated(rng, event), packs, findings, f"events: seed {seed}, batch at {start}")


def _event(value: bytes, packs: PackSet, findings: Findings, where: str) -> None:
    answer = accept(value, packs)
    if not isinstance(answer, Accepted | Refused):
        raise NotAccounted(where)
    findings.counts["event", "taken" if isinstance(answer, Accepted) else "dead letter"] += 1


# -- files --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Base:
    """A file before it is damaged: its name, its bytes and the mapping that reads it."""

    name: str
    data: bytes
    mapping: str = "contract"

    @property
    def packed(self) -> bool:
        """Whether it is compressed, so that text and container can both be damaged."""
        return self.name.endswith(".gz")


def bases(rows: int = 23) -> tuple[Base, ...]:
    """A file of each format, compression and mapping."""
    good = [
        GOOD | {"claim_id": f"C{number}", "memo": '消毒 5" 纱布' if number % 5 == 0 else "ok, 1"}
        for number in range(rows)
    ]
    national = [NATIONAL | {"setl_id": f"S{number}"} for number in range(rows)]
    lines = b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in good)
    own = b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\r\n" for row in national)
    csv = pl.DataFrame(good).write_csv()
    nested = json.dumps(
        [{"infcode": 0, "output": {"setlinfo": national[:3]}}] * 4, ensure_ascii=False, indent=1
    ).encode()
    parquet, book = io.BytesIO(), io.BytesIO()
    pl.DataFrame(good, schema_overrides={"service_start": pl.String}).write_parquet(parquet)
    with tempfile.TemporaryDirectory() as folder:
        book.write(
            write_workbook(Path(folder) / "b.xlsx", [list(good[0]), *(list(row.values()) for row in good)]).read_bytes()
        )
    text = {
        "c.ndjson": lines,
        "c.csv": csv.encode(),
        "gbk.csv": csv.encode("gbk"),
        "tabs.csv": csv.replace(",", "\t").encode(),
    }
    return (
        *(Base(name, data) for name, data in text.items()),
        *(Base(f"{name}.gz", gzip.compress(data, mtime=0)) for name, data in text.items()),
        Base("n.ndjson", own, "national-settlement"),
        Base("n.json", nested, "national-settlement"),
        Base("n.json.gz", gzip.compress(nested, mtime=0), "national-settlement"),
        Base("p.parquet", parquet.getvalue()),
        Base("b.xlsx", book.getvalue()),
    )


def fuzz_files(seed: int, count: int, findings: Findings, folder: Path) -> None:
    """Files of every kind, each read as a replay and as `load` cut it. Raises NotAccounted."""
    rng = random.Random(f"files {seed}")
    kinds = bases()
    for number in range(count):
        base = kinds[number % len(kinds)]
        data = mutated(rng, base.data)
        if base.packed and rng.random() < 0.7:
            data = gzip.compress(mutated(rng, gzip.decompress(base.data)), mtime=0)
        outcome = account(folder / base.name, data, base.mapping, f"seed {seed}, file {number} ({base.name})")
        findings.counts[base.name, outcome] += 1


def fuzz_interface(seed: int, count: int, findings: Findings, folder: Path) -> None:
    """Files of messages of the national interface, spoiled member by member or byte by byte. Raises NotAccounted."""
    rng = random.Random(f"interface {seed}")
    classes = load_classes()
    for number in range(count):
        messages = messages_of(a_day(seed * 1_000 + number, 3), number)
        share = rng.choice((0.0, 0.05, 0.4))
        for message in messages:
            while message and rng.random() < share:
                spoil(message, rng)
        data = "".join(json.dumps(message, ensure_ascii=False) + "\n" for message in messages).encode()
        name = rng.choice(("i.ndjson", "i.json"))
        if rng.random() < 0.5:
            data = mutated(rng, data)
        outcome = _account_interface(folder / name, data, classes, f"seed {seed}, interface {number}")
        findings.counts["interface", outcome] += 1


def spoil(message: dict[str, Any], rng: random.Random) -> None:
    """Changes one member of a message, somewhere in it, or takes it out."""
    holder: Any = message
    while True:
        name = rng.choice(list(holder))
        inner = holder[name]
        if isinstance(inner, list) and inner and isinstance(inner[0], dict):
            inner = rng.choice(inner)
        if not isinstance(inner, dict) or not inner or rng.random() < 0.1:
            break
        holder = inner
    if rng.random() < 0.3:
        del holder[name]
    else:
        holder[name] = rng.choice(_WRONG)


_WRONG = (
    None, "", "x", [], {}, [1], {"a": 1}, -1, 1e300, True, "0001-01-01", "9999-12-31 23:59:59", "9" * 300, "\u200b", "{", '{"a": 1',
)  # fmt: skip


def _account_interface(path: Path, data: bytes, classes: VisitClasses, where: str) -> str:
    path.write_bytes(data)
    out = path.with_name("claims.ndjson")
    out.unlink(missing_ok=True)
    try:
        taken = take_files([str(path)], out, classes)
    except InputError:
        return "refused"
    whole = not taken.damaged and json_form(input_file(path)) == "ndjson"
    if whole and taken.lines != _lines(data, "utf-8"):
        raise NotAccounted(f"{where}: {taken.lines} lines of {_lines(data, 'utf-8')} are accounted for")
    parts = (taken.visits, taken.fee_lines, taken.settlements)
    if taken.lines + taken.further != accounted(taken) or min(parts) < 0 or "unreadable" in taken.set_aside:
        raise NotAccounted(f"{where}: {taken}")
    if (len(out.read_bytes().splitlines()) if out.exists() else 0) != taken.claims:
        raise NotAccounted(f"{where}: {taken.claims} claims are not what was written")
    return "read" if not taken.set_aside else "read in part"


def account(path: Path, data: bytes, mapping_name: str, where: str) -> str:
    """Reads a file and holds what was said of it against what is in it. Answers how it ended. Raises NotAccounted."""
    path.write_bytes(data)
    mapping = load_mapping(mapping_name)
    lines = rows = height = rejected = header = blank = continued = further = 0
    try:
        prepared = open_inputs(str(path), mapping)
        for piece in slices(prepared.files, mapping, TINY):
            decoded = piece.decode()
            places = sorted([*decoded.claims["row"].to_list(), *(item.row for item in decoded.rejected)])
            if places != list(range(decoded.rows)) or decoded.rows != piece.rows:
                raise NotAccounted(f"{where}: rows {piece.rows}, places {places}")
            [piece.line_of(row) for row in places]
            rows, height, rejected = (
                rows + decoded.rows,
                height + decoded.claims.height,
                rejected + len(decoded.rejected),
            )
            lines, header, blank = lines + piece.lines.lines, header + piece.lines.header, blank + piece.lines.blank
            continued, further = continued + piece.lines.continued, further + piece.lines.further
    except InputError:
        return "refused"
    [file] = prepared.files
    expected = _counted(file.format, file.encoding, data)
    if expected is not None and lines != expected:
        raise NotAccounted(f"{where}: {lines} lines of {expected} are accounted for")
    if lines + further != header + blank + continued + rows:
        raise NotAccounted(f"{where}: {lines} lines, {further} further, {header} header, {blank} blank, {rows} rows")
    return "read" if not rejected else "read in part"


def _counted(form: str, encoding: str, data: bytes) -> int | None:
    """Lines or rows that are in a file, without the help of the readers; None where only a reader of the format can tell."""
    count: dict[str, Callable[[], int | None]] = {
        "parquet": lambda: int(pl.scan_parquet(io.BytesIO(data)).select(pl.len()).collect().item()),
        "xlsx": lambda: None,
        "json": lambda: None,
    }
    return count.get(form, lambda: _lines(data, encoding))()


def _lines(data: bytes, encoding: str) -> int:
    text = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    wide = text.decode(encoding, "surrogateescape") if encoding.startswith("utf-16") else text.decode("latin-1")
    return len(_LINE_END.findall(wide)) + (1 if wide and _LINE_END.split(wide)[-1] else 0)


_LINE_END = re.compile("\r\n|\r|\n")


def every(seed: int, messages: int, files: int, folder: Path) -> Iterator[Findings]:
    """All, in turns of a thousand messages, so that progress can be shown. Yields what was found so far."""
    findings = Findings()
    turns = max(1, messages // 10_000)
    for turn in range(turns):
        fuzz_messages(seed * 1_000_003 + turn, messages // turns, findings)
        fuzz_files(seed * 1_000_003 + turn, files // turns, findings, folder)
        fuzz_interface(seed * 1_000_003 + turn, files // turns // 10, findings, folder)
        yield findings
