"""What the commands say of the files that they read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape

from pipeline.telemetry.console import err

if TYPE_CHECKING:
    from pipeline.inputs.slicing import Notice
    from pipeline.loading import BadLine


def tell_notice(notice: Notice) -> None:
    """Tells something about a file before it is read; what is only noted stands in the record."""
    if not notice.noted:
        style = "yellow" if notice.doubt else "dim"
        err.print(f"[{style}]{escape(str(notice))}[/]", soft_wrap=True)


_MOST_LINES = 5


def tell_bad_lines(lines: Sequence[BadLine], most: int) -> None:
    """Tells of lines that were left out, each cause once, with how many lines it has and the first of them.

    At most so many causes are told.
    """
    causes: dict[tuple[str, str], list[int]] = {}
    for bad in lines:
        causes.setdefault((bad.file, bad.reason), []).append(bad.number)
    for (file, reason), numbers in list(causes.items())[:most]:
        where = f"{file}: " if file else ""
        first = ", ".join(map(str, numbers[:_MOST_LINES]))
        more = f" and {len(numbers) - _MOST_LINES:,} more" if len(numbers) > _MOST_LINES else ""
        told = f"line {first}" if len(numbers) == 1 else f"{len(numbers):,} lines ({first}{more})"
        err.print(f"[yellow]{escape(where)}{told}:[/] {escape(reason)}", soft_wrap=True)
    if len(causes) > most:
        err.print(f"[yellow]{len(causes) - most:,} further causes are counted, not shown; --json has all[/]")


def tell_bad_line(bad: BadLine) -> None:
    """Tells of a line that was left out: its place and what is wrong with it."""
    where = f"{bad.file}: " if bad.file else ""
    err.print(f"[yellow]{escape(where)}line {bad.number}:[/] {escape(bad.reason)}", soft_wrap=True)
