"""What the commands say of the files that they read."""

from __future__ import annotations

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


def tell_bad_line(bad: BadLine) -> None:
    """Tells of a line that was left out: its place and what is wrong with it."""
    where = f"{bad.file}: " if bad.file else ""
    err.print(f"[yellow]{escape(where)}line {bad.number}:[/] {escape(bad.reason)}", soft_wrap=True)
