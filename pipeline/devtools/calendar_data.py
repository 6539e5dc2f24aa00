"""Writes `rules/calendars/china.yaml` from two packages: the yearly notices (chinesecalendar) and the days that are free by law.

Run it when a year's notice is out and the package knows it: `python -m pipeline.devtools.calendar_data`. The file is ours: it
is read, reviewed and committed like a rule pack, and no package moves a day at run time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from chinese_calendar import constants as published  # type: ignore[import-untyped]  # the package ships no types
from lunar_python import Lunar  # type: ignore[import-untyped]  # the package ships no types

from rules import __file__ as rules_file

FILE = Path(rules_file).parent / "calendars" / "china.yaml"
LAST_YEAR = 2050
_ONE = dt.timedelta(days=1)

_HEAD = """\
# Public holidays of China. `years`: the yearly notices of the General Office of the State Council. `statutory`: what is free by
# law whatever the notice of a later year will say. Written by pipeline/devtools/calendar_data.py from chinesecalendar
# {notices} and lunar-python {lunar}; a package that is upgraded changes nothing here until somebody commits it.
"""
_LAW = (
    "全国年节及纪念日放假办法（国务院令第795号修订，自2025-01-01起施行）第二条; "
    "农历日期按GB/T 33661-2017 / lunar days by GB/T 33661-2017"
)


def _lunar(year: int, month: int, day: int) -> dt.date:
    return dt.date.fromisoformat(Lunar.fromYmd(year, month, day).getSolar().toYmd())


def _qingming(year: int) -> dt.date:
    return dt.date.fromisoformat(Lunar.fromYmd(year, 1, 1).getJieQiTable()["清明"].toYmd())


def statutory(year: int) -> tuple[dt.date, ...]:
    """The 13 days of a year that are free by law: New Year, the eve to the third day of Spring Festival, Qingming, 1 and 2 May,
    Dragon Boat, Mid-Autumn, 1 to 3 October; fewer where two fall on one day."""
    spring = _lunar(year, 1, 1)
    days = {
        dt.date(year, 1, 1),
        *(spring + number * _ONE for number in range(-1, 3)),
        _qingming(year),
        dt.date(year, 5, 1),
        dt.date(year, 5, 2),
        _lunar(year, 5, 5),
        _lunar(year, 8, 15),
        *(dt.date(year, 10, day) for day in (1, 2, 3)),
    }
    return tuple(sorted(days))


def render() -> str:
    """The file's text."""
    years = sorted({day.year for day in published.holidays})
    lines = [_HEAD.format(notices=version("chinesecalendar"), lunar=version("lunar-python")), "years:"]
    for year in years:
        lines += [
            f"  {year}:",
            f"    source: 国务院办公厅关于{year}年部分节假日安排的通知",
            f"    holidays: {_days(day for day in published.holidays if day.year == year)}",
            f"    make_up_days: {_days(day for day in published.workdays if day.year == year)}",
        ]
    lines += ["statutory:", f"  source: {_LAW}", "  years:"]
    lines += [f"    {year}: {_days(statutory(year))}" for year in range(years[-1] + 1, LAST_YEAR + 1)]
    return "\n".join(lines) + "\n"


def _days(days: Iterable[dt.date]) -> str:
    return f"[{', '.join(day.strftime('%m-%d') for day in sorted(days))}]"


if __name__ == "__main__":
    FILE.write_text(render(), "utf-8")
