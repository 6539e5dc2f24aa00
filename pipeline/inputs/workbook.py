"""Workbooks (.xlsx): one sheet, of which the first row that is not empty names the columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from pipeline.inputs.errors import InputError
from pipeline.inputs.header import ROWS_LOOKED_AT, header_among, named_as, told_of_titles


class Sheet:
    """The sheet of a workbook that is read, and the row that names its columns. `wanted` are columns that somebody asks for: of
    several sheets with content it is the one whose header names some. Raises InputError for one that cannot be read.

    `told` is what people should know, and whether it is a doubt.
    """

    def __init__(self, path: Path, name: str, sheet: str | None, wanted: Collection[str] = ()) -> None:
        from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415  # only who reads workbooks needs it

        self.told: list[tuple[str, bool]] = []
        try:
            book = CalamineWorkbook.from_path(str(path))
            if sheet is not None and sheet not in book.sheet_names:
                raise InputError(f"{name}: has no sheet {sheet!r}; it has {', '.join(book.sheet_names)}")
            full = {
                title: book.get_sheet_by_name(title).to_python(skip_empty_area=False)
                for title in ([sheet] if sheet is not None else book.sheet_names)
            }
        except CalamineError as error:
            raise InputError(f"{name}: cannot be read as a workbook: {error}") from None
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"{name}: cannot be read as a workbook: {error}") from None
        self.several = len(book.sheet_names) > 1
        self.name = self._chosen({title: rows for title, rows in full.items() if any(map(_filled, rows))}, name, wanted)
        self._rows = full[self.name]
        header, _ = _header_of(self._rows, wanted)
        self.columns = tuple(named_as([str(cell) if _given(cell) else "" for cell in self._rows[header]]))
        if len(set(self.columns)) != len(self.columns):
            raise InputError(
                f"{name}: row {header + 1}: expected a header that names every column once, found {list(self.columns)!r}"
            )
        self.header = header + 1
        self.blank = sum(not _filled(row) for row in self._rows[:header])
        self.height = len(self._rows)
        if self.blank < header:
            self.told.append((told_of_titles(self.header, header - self.blank), False))

    def _chosen(self, full: dict[str, list[list[Any]]], name: str, wanted: Collection[str]) -> str:
        if len(full) == 1:
            return next(iter(full))
        if not full:
            raise InputError(f"{name}: is empty; expected a header that names the columns")
        fitting = [title for title, rows in full.items() if _header_of(rows, wanted)[1]]
        if len(fitting) != 1:
            raise InputError(
                f"{name}: has several sheets with content ({', '.join(full)}); name one as `sheet` in the mapping"
            )
        others = ", ".join(title for title in full if title != fitting[0])
        self.told.append((f"sheet {fitting[0]} is read, whose header names the columns; not read: {others}", True))
        return fitting[0]

    def rows(self) -> Iterator[tuple[int, dict[str, Any] | None]]:
        """Every row below the header with its number, counted from 1; None for an empty one."""
        for number in range(self.header, self.height):
            cells = self._rows[number]
            if not _filled(cells):
                yield number + 1, None
                continue
            yield number + 1, dict(zip(self.columns, map(_plain, cells), strict=False))


def _header_of(rows: list[list[Any]], wanted: Collection[str]) -> tuple[int, bool]:
    """The row that names the columns, and whether it names wanted ones; without any it is the first that is not empty."""
    first = [number for number, row in enumerate(rows) if _filled(row)][:ROWS_LOOKED_AT]
    names = [named_as([str(cell) if _given(cell) else "" for cell in rows[number]]) for number in first]
    place = header_among(names, wanted) or 0
    return first[place], any(name in wanted for name in names[place])


def _filled(row: list[Any]) -> bool:
    return any(map(_given, row))


def _given(cell: Any) -> bool:
    return cell is not None and not (isinstance(cell, str) and not cell.strip())


def _plain(cell: Any) -> Any:
    """A cell as its format means it: a number without a fraction is a whole one, a time at midnight may be a day."""
    if not _given(cell):
        return None
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return int(cell)
    return cell


def as_text(value: Any) -> str | None:
    """A value as text that is right for every field beyond doubt, else a text that is right for none."""
    if value is None:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, dt.datetime) and value.tzinfo is None and not value.microsecond:
        return DOUBTFUL
    return DOUBTFUL


DOUBTFUL = "\0"
"""No field's expression lets this pass, so that its row is read value by value."""
