"""The output of the commands: at a terminal as wide as the terminal, elsewhere as wide as the content. Nothing is cut."""

from __future__ import annotations

import os
from typing import Any

from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, Group, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table as RichTable

_PROSE = 120
"""Columns of running text and boxes where there is no terminal."""

_NARROW = 80
"""A terminal with fewer columns than this has no room for columns that never wrap."""

_UNBOUNDED = 100_000


class Table(RichTable):
    """Rich's table, but what has no room is folded instead of being cut short."""

    def __rich_console__(self, console: RichConsole, options: ConsoleOptions) -> RenderResult:
        for column in self.columns:
            column.overflow = "fold"
            column.no_wrap = column.no_wrap and console.width >= _NARROW
        return super().__rich_console__(console, options)


class Console(RichConsole):
    """Rich's console, but a file or a pipe gets tables as wide as their content, and lines that are not broken.

    COLUMNS in the environment is a width that somebody asked for, and is kept to.
    """

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self._own_width = how.get("width") is not None

    def print(self, *objects: Any, **how: Any) -> None:
        """As rich's."""
        asked = os.environ.get("COLUMNS", "")
        before = self._width
        if asked.isdigit() and not self._own_width:
            self._width = int(asked)  # rich looks only when the console is made
        elif not (self.is_terminal or asked.isdigit()):
            self._width = max(_PROSE, *(self._wanted(item) for item in objects), 0)
            if all(isinstance(item, str) for item in objects):
                how.setdefault("soft_wrap", True)
        try:
            super().print(*objects, **how)
        finally:
            self._width = before

    def fits(self, table: RichTable) -> bool:
        """Whether a table has room as it is; elsewhere than at a terminal everything has, unless COLUMNS says otherwise."""
        asked = os.environ.get("COLUMNS", "")
        if asked.isdigit() and not self._own_width:
            return self._wanted(table) <= int(asked)
        return not self.is_terminal or self._wanted(table) <= self.width

    def _wanted(self, item: Any) -> int:
        """Columns that the tables of a renderable need."""
        if isinstance(item, RichTable):
            return Measurement.get(self, self.options.update(width=_UNBOUNDED), item).maximum
        if isinstance(item, Padding):
            return self._wanted(item.renderable) + item.left + item.right
        if isinstance(item, Group):
            return max((self._wanted(part) for part in item.renderables), default=0)
        return 0


out = Console(highlight=False)
err = Console(stderr=True, highlight=False)
