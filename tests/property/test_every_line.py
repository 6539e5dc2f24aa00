"""Every line of a file is judged, set aside or told as one that came more than once: proved by a count from outside the reader."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import re
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.inputs.errors import InputError
from pipeline.inputs.mapping import CONTRACT, load_mapping
from pipeline.inputs.slicing import Cut
from pipeline.inputs.sources import open_inputs, slices
from tests.support.spoiled import GOOD, claim

HEADER = ",".join(GOOD)
SMALL = Cut(rows=7, lines=7, size=600)
"""Slices so small that a record may lie across two of them."""

cells = st.one_of(
    st.just("ok"), st.sampled_from(['"quoted"', '"two\nlines"', '"5 gauze', '5" gauze', '"a,b"', "", " ", "无", "\u200b"]), st.text(max_size=5)
)  # fmt: skip


def row(number: int, memo: str, cut_to: int) -> str:
    """A claim as a line of CSV, its insurance type replaced by a memo, perhaps cut short."""
    fields = {**GOOD, "claim_id": f"C{number}", "insurance_type": memo}
    return ",".join("" if value is None else str(value) for value in list(fields.values())[:cut_to])


def accounted(path: Path) -> tuple[int, int, int]:
    """What the reader says: lines, and those that it counts in one way or another, and rows judged or set aside."""
    mapping = load_mapping(CONTRACT)
    lines = counted = decided = 0
    for piece in slices(open_inputs(str(path), mapping).files, mapping, SMALL):
        told = piece.decode()
        assert told.rows == piece.rows == told.claims.height + len(told.rejected)
        assert len(told.records()) == told.claims.height
        assert len({*told.claims["row"], *(item.row for item in told.rejected)}) == told.rows
        lines += piece.lines.lines
        counted += piece.rows + piece.lines.blank + piece.lines.continued + piece.lines.header - piece.lines.further
        decided += told.rows
    return lines, counted, decided


LINE_END = re.compile("\r\n|\r|\n")


def lines_in(text: str) -> int:
    """Lines, counted without the reader: whatever ends a line anywhere ends one here."""
    return len(LINE_END.findall(text)) + (LINE_END.split(text)[-1] != "")


def as_packed(data: bytes, how: str) -> bytes:
    """The bytes as a file has them, packed in one way or not at all."""
    if how == "gzip":
        return gzip.compress(data)
    if how == "zip":
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("inside.csv", data)
        return made.getvalue()
    return data


@pytest.mark.parametrize("name", ["c.csv", "c.csv.gz"])
@given(
    rows=st.lists(st.tuples(cells, st.sampled_from([13, 13, 13, 12, 4])), min_size=1, max_size=40),
    ends=st.lists(st.sampled_from(["\n", "\r", "\r\n", "\n\n", "\r\r\n"]), min_size=1, max_size=4),
    top=st.sampled_from(["", "", "sep=,", "2023年5月结算明细", "标题,,,"]),
    tail=st.sampled_from(["", "", "\0\0\0", "\x1a", "\n\x1a\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]),
    how=st.sampled_from(["", "gzip", "zip"]),
)
def test_every_line_of_a_csv_is_accounted_for(
    name: str, rows: list[tuple[str, int]], ends: list[str], top: str, tail: str, encoding: str, how: str
) -> None:
    """However lines end, whatever stands above and below the rows, and however the file is packed, whatever its name says."""
    end = itertools.cycle(ends)
    lines = [*([top] if top else []), HEADER, *(row(number, memo, cut) for number, (memo, cut) in enumerate(rows))]
    text = "".join(line + next(end) for line in lines).encode("utf-8", "replace").decode() + tail
    data = text.encode(encoding)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(as_packed(data, how))
        lines_read, counted, _ = accounted(path)
    assert lines_read == counted == lines_in(text)


@pytest.mark.parametrize("name", ["c.ndjson", "c.jsonl.gz"])
@given(
    rows=st.lists(st.one_of(st.just(None), st.binary(max_size=12)), min_size=1, max_size=40),
    end=st.sampled_from([b"\n", b"\r", b"\r\n", b"\r\r\n"]),
)
def test_every_line_of_json_is_accounted_for(name: str, rows: list[bytes | None], end: bytes) -> None:
    kept = [claim(claim_id=f"C{number}") if item is None else item for number, item in enumerate(rows)]
    data = end.join([claim(), *kept]) + end
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        lines, counted, decided = accounted(path)
    assert lines == counted == lines_in(data.decode("latin-1"))
    assert decided >= 1 + sum(item is None for item in rows)


@given(at=st.integers(0, 2_000), bit=st.integers(0, 7), packed=st.booleans(), table=st.booleans())
def test_a_file_with_a_flipped_bit_is_read_or_refused_and_never_a_crash(
    at: int, bit: int, packed: bool, table: bool
) -> None:
    """The fuzz at a small size: whatever the damage, the answer is rows that add up or one sentence."""
    text = "\n".join([HEADER, *(row(number, "ok", 13) for number in range(12))]) + "\n"
    plain = text.encode() if table else b"\n".join(claim(claim_id=f"C{number}") for number in range(12)) + b"\n"
    data = bytearray(gzip.compress(plain, mtime=0) if packed else plain)
    data[at % len(data)] ^= 1 << bit
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"c.{'csv' if table else 'ndjson'}{'.gz' if packed else ''}"
        path.write_bytes(data)
        try:
            lines, counted, _ = accounted(path)
        except InputError:
            return
    assert lines == counted


@given(count=st.integers(1, 30), odd=st.lists(st.sampled_from([1, "text", None, {"claim_id": 3}, []]), max_size=5))
def test_every_element_of_an_array_is_accounted_for(count: int, odd: list[object]) -> None:
    documents = [json.loads(claim(claim_id=f"C{number}")) for number in range(count)] + odd
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.json"
        path.write_text(json.dumps(documents, indent=1, ensure_ascii=False), "utf-8")
        _, _, decided = accounted(path)
    assert decided == len(documents)
