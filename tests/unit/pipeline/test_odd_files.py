"""Files as old programs, spreadsheets and mail leave them: every row is read, or the file is refused with what to do."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.inputs.errors import InputError, MappingError
from pipeline.inputs.mapping import CONTRACT, load_mapping
from pipeline.inputs.sources import open_inputs, slices
from tests.support.spoiled import GOOD, claim
from tests.support.workbooks import workbook

NAMES = list(GOOD)
HEADER = ",".join(NAMES)


def fields(number: int) -> list[str]:
    return ["" if value is None else str(value) for value in {**GOOD, "claim_id": f"C{number}"}.values()]


def table(rows: int, mark: str = ",", end: str = "\n") -> str:
    return end.join([HEADER.replace(",", mark), *(mark.join(fields(number)) for number in range(rows))]) + end


def zipped(**files: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in files.items():
            packed.writestr(name.replace("__", "."), data)
    return made.getvalue()


def read(path: Path | str) -> tuple[list[str], int, list[str]]:
    """Ids of the claims, how many rows were set aside, and what was told before."""
    mapping = load_mapping(CONTRACT)
    prepared = open_inputs(str(path), mapping)
    ids: list[str] = []
    aside = 0
    for piece in slices(prepared.files, mapping):
        told = piece.decode()
        ids += told.claims["claim_id"].to_list()
        aside += len(told.rejected)
    return ids, aside, [str(notice) for notice in prepared.notices if not notice.noted]


def expected(rows: int) -> list[str]:
    return [f"C{number}" for number in range(rows)]


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("end", ["\r", "\r\n", "\n", "\r\r\n"], ids=repr)
def test_every_kind_of_line_end_ends_a_row(end: str, packed: bool, tmp_path: Path) -> None:
    data = table(40, end=end).encode()
    (file := tmp_path / f"c.csv{'.gz' if packed else ''}").write_bytes(gzip.compress(data) if packed else data)
    assert read(file)[:2] == (expected(40), 0)


def test_a_carriage_return_alone_among_other_line_ends_swallows_no_row(tmp_path: Path) -> None:
    lines = table(6).encode().splitlines()
    ends = [b"\n", b"\r", b"\r\n", b"\r", b"\n", b"\r", b""]
    (file := tmp_path / "c.csv").write_bytes(b"".join(map(bytes.__add__, lines, ends)))
    assert read(file)[:2] == (expected(6), 0)
    (file := tmp_path / "c.ndjson").write_bytes(b"\r".join(claim(claim_id=f"C{number}") for number in range(6)))
    assert read(file)[:2] == (expected(6), 0)


@pytest.mark.parametrize("end", [b"\0" * 5, b"\x1a", b"\r\n\x1a\r\n", b"\0\r\n\0\x1a"], ids=repr)
@pytest.mark.parametrize("name", ["c.csv", "c.ndjson"])
def test_nuls_and_an_end_mark_behind_the_last_row_are_no_row(name: str, end: bytes, tmp_path: Path) -> None:
    lines = b"".join(claim(claim_id=f"C{number}") + b"\n" for number in range(3))
    (file := tmp_path / name).write_bytes((table(3).encode() if name.endswith("csv") else lines) + end)
    assert read(file)[:2] == (expected(3), 0)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", ["c.csv", "c.ndjson"])
def test_utf_16_without_a_mark_is_known_by_its_bytes_and_told(name: str, encoding: str, tmp_path: Path) -> None:
    lines = "".join(claim(claim_id=f"C{number}", department="骨科").decode() + "\r\n" for number in range(3))
    text = table(3, end="\r\n").replace("resident", "城乡居民") if name.endswith("csv") else lines
    (file := tmp_path / name).write_bytes(text.encode(encoding))
    ids, aside, told = read(file)
    assert (ids, aside) == (expected(3), 0)
    assert encoding.upper() in told[0]


@pytest.mark.parametrize("mark", [";", "\t", "^"])
@pytest.mark.parametrize("hint", ["sep={}", '"sep={}"', "\ufeffSEP={}"])
def test_a_first_line_that_names_the_separator_is_obeyed(hint: str, mark: str, tmp_path: Path) -> None:
    (file := tmp_path / "c.csv").write_text(hint.format(mark) + "\r\n" + table(3, mark, "\r\n"), "utf-8", newline="")
    assert read(file)[:2] == (expected(3), 0)


TITLE = [["2023年5月门诊结算明细表"], ["导出时间：2023-06-01", "", "制表人：某某"], []]


def padded(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    return [[*row, *[""] * (len(NAMES) - len(row))] for row in rows]


@pytest.mark.parametrize("name", ["c.csv", "c.xlsx"])
def test_titles_above_the_header_are_passed_over_and_told(name: str, tmp_path: Path) -> None:
    rows = [*padded(TITLE), NAMES, *(fields(number) for number in range(3))]
    if name.endswith(".xlsx"):
        (tmp_path / name).write_bytes(workbook(rows))
    else:
        (tmp_path / name).write_text("\n".join(map(",".join, rows)) + "\n", "utf-8")
    ids, aside, told = read(tmp_path / name)
    assert (ids, aside) == (expected(3), 0)
    assert "its header is line 4" in told[0]


def test_a_file_without_a_header_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (file := tmp_path / "c.csv").write_text("\n".join(",".join(fields(number)) for number in range(3)) + "\n", "utf-8")
    with pytest.raises((InputError, MappingError), match=r"names none of the columns .* header"):
        read(file)


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("c.csv", gzip.compress(table(3).encode()), "is gzip, by its bytes"),
        ("c.csv.gz", table(3).encode(), "is not compressed, by its bytes"),
        ("c.csv.gz", zipped(a__csv=table(3).encode()), "is a zip of a.csv, by its bytes"),
        ("c.csv", zipped(a__csv=table(3).encode()), "is a zip of a.csv, by its bytes"),
        ("c.zip", zipped(a__csv=table(3).encode()), None),
        ("c.csv", workbook([NAMES, *(fields(number) for number in range(3))]), "is a workbook, by its bytes"),
        ("c.xlsx", table(3).encode(), "is text, by its bytes"),
        ("c.xls", table(3, "\t").encode("gbk"), "is text, by its bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_of_another_kind_than_its_name_says_is_read_as_what_it_is_and_told(
    name: str, data: bytes, told: str | None, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(data)
    ids, aside, notices = read(tmp_path / name)
    assert (ids, aside) == (expected(3), 0)
    assert told is None or told in notices[0]


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("c.zip", zipped(a__csv=table(2).encode(), b__csv=table(2).encode()), "several files.*a.csv, b.csv.*unpack it"),
        ("c.csv.gz", zipped(a__csv=table(2).encode(), b__csv=table(2).encode()), "several files.*unpack it"),
        ("c.csv", b"7z\xbc\xaf\x27\x1c\0\4" + b"\0" * 60, "is a 7-Zip archive: unpack it"),
        ("c.csv", b"Rar!\x1a\7\1\0" + b"\0" * 60, "is a RAR archive: unpack it"),
        ("c.ndjson", b"\x28\xb5\x2f\xfd" + b"\0" * 60, "is compressed with Zstandard: unpack it"),
        ("c.xls", b"<html><body><table><tr><td>claim_id</td></tr></table>", "is a web page.*save it as .xlsx or .csv"),
        ("c.csv", "\ufeff".encode("utf-32-le") + table(2).encode("utf-32-le"), "UTF-32: save it as UTF-8"),
        ("c.zip", b"PK\3\4 and no more", "cannot be read as a zip"),
        ("c.zip", zipped(a__doc=b"text"), "a.doc.*unknown format"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_read_beyond_doubt_is_refused_with_what_to_do(
    name: str, data: bytes, told: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=told):
        read(tmp_path / name)
