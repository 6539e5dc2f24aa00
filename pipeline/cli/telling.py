"""What the commands say of the files that they read."""

from __future__ import annotations

from rich.markup import escape

from pipeline.inputs.slicing import Notice
from pipeline.telemetry.console import err


def tell_notice(notice: Notice) -> None:
    """Tells something about a file before it is read; what is only noted stands in the record."""
    if not notice.noted:
        style = "yellow" if notice.doubt else "dim"
        err.print(f"[{style}]{escape(str(notice))}[/]", soft_wrap=True)
