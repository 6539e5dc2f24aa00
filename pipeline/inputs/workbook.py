"""Workbooks (.xlsx): one sheet, of which the first row that is not empty names the columns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.inputs.errors import InputError
from topics.normalisation import normal_id


class Sheet:
    """The sheet of a workbook that is read. Raises InputError for one that cannot be read, or has several sheets with content."""

    def __init__(self, path: Path, name: str, wanted: str | None) -> None:
        from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415  # only who reads workbooks needs it

        try:
            book = CalamineWorkbook.from_path(str(path))
            full = [sheet for sheet in book.sheet_names if book.get_sheet_by_name(sheet).total_height]
            if wanted is not None and wanted not in book.sheet_names:
                raise InputError(f"{name}: has no sheet {wanted!r}; it has {', '.join(book.sheet_names)}")
            if wanted is None and len(full) != 1:
                has = f"several sheets with content ({', '.join(full)}); name one as `sheet` in the mapping"
                raise InputError(f"{name}: has {has if full else 'no content'}")
            self.name = wanted or full[0]
            self._rows = book.get_sheet_by_name(self.name).to_python(skip_empty_area=False)
        except CalamineError as error:
            raise InputError(f"{name}: cannot be read as a workbook: {error}") from None
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"{name}: cannot be read as a workbook: {error}") from None
        header = next((number for number, row in enumerate(self._rows) if any(_given(cell) for cell in row)), None)
        if header is None:
            raise InputError(f"{name}: is empty; expected a header that names the columns")
        cells = self._rows[header]
        names = [normal_id(str(cell)) if _given(cell) else f"column_{place}" for place, cell in enumerate(cells, 1)]
        if len(set(names)) != len(names):
            raise InputError(
                f"{name}: row {header + 1}: expected a header that names every column once, found {names!r}"
            )
        self.columns = tuple(names)
        self.header = header + 1
        self.height = len(self._rows)

    def rows(self) -> Iterator[tuple[int, dict[str, Any] | None]]:
        """Every row below the header with its number, counted from 1; None for an empty one."""
        for number in range(self.header, self.height):
            cells = self._rows[number]
            if not any(_given(cell) for cell in cells):
                yield number + 1, None
                continue
            yield number + 1, dict(zip(self.columns, map(_plain, cells), strict=False))


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
