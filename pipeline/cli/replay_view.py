"""What `screening replay` prints of its record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.markup import escape

from pipeline.inputs.same_ids import SameIds
from pipeline.telemetry.console import Table
from pipeline.telemetry.console import out as _out

_REPEATED = {
    "duplicate": "the same claim once more",
    "replaced": "replaced by a later version",
    "conflict": "other content under the same identity, so that none of them stands",
}


def show(record: dict[str, Any], out: Path) -> None:
    """Prints what a replay came to; `out` is its folder."""
    sets = record["rule_sets"]
    table = Table(box=None, pad_edge=False)
    table.add_column("disposition")
    for number in range(len(sets)):
        name = "" if len(sets) == 1 else ("first " if number == 0 else "other ")
        table.add_column(f"{name}claims", justify="right")
        table.add_column(f"{name}fund share, yuan", justify="right")
    for disposition in sets[0]["by_disposition"]:
        cells = []
        for rule_set in sets:
            row = rule_set["by_disposition"][disposition]
            cells += [f"{row['claims']:,}", f"{float(row['fund_amount']):,.2f}"]
        table.add_row(disposition, *cells)
    _out.print(table)
    counts, events = record["counts"], record["event_lines"]
    _out.print(
        f"{counts['rows']:,} rows: {counts['accepted']:,} claims judged, {counts['rejected']:,} set aside "
        f"({out / 'rejected-input.parquet'})",
        soft_wrap=True,
    )
    first = _first_of_each(out) if counts["rejected"] else {}
    for reason, count in counts["rejected_by_reason"].items():
        _out.print(f"  {reason}: {count:,}")
        if reason in first:
            _out.print(f"    [dim]the first: {escape(first[reason])}[/]", soft_wrap=True)
    again = {kind: counts[kind] for kind in ("duplicate", "replaced", "conflict") if counts[kind]}
    for kind, count in again.items():
        _out.print(f"  {_REPEATED[kind]}: [{'red' if kind == 'conflict' else 'yellow'}]{count:,}[/]")
    if again:
        _out.print(f"  these count nowhere: {out / 'repeated-claims.parquet'}", soft_wrap=True)
    _show_events(events, out)
    if not events["lines"]:
        _out.print("[bold red]there was no event: every physician counts as unregistered[/]", soft_wrap=True)
    unanswered = sum(len(rule_set["unanswered"]) for rule_set in sets)
    if unanswered:
        _out.print(f"[yellow]{unanswered:,} standings could not be computed; their claims are in review[/] (run.json)")
    _out.print(f"verdicts: {out / 'verdicts'}; provenance: {out / 'run.json'}", soft_wrap=True)
    if "recorded" in record:
        _show_recorded(record["recorded"], out)


def _show_events(events: dict[str, Any], out: Path) -> None:
    """Says which lines of the events count for nothing and why, and which share an event_id."""
    if events["unusable"]:
        _out.print(
            f"[yellow]{events['unusable']:,} of {events['lines']:,} lines of events count for nothing[/] "
            f"({out / 'unusable-events.parquet'})",
            soft_wrap=True,
        )
        for code, told in events["unusable_by_code"].items():
            lines = ", ".join(map(str, told["first"])) + (" ..." if told["lines"] > len(told["first"]) else "")
            _out.print(f"  {code}: {told['lines']:,}, line{'s' if told['lines'] > 1 else ''} {lines}")
            _out.print(f"    [dim]the first: {escape(told['example'])}[/]", soft_wrap=True)
    if events["repeated"]:
        _out.print(f"{events['repeated']:,} lines of events say the same event once more; it counts once")
    same = events["same_id"]
    if same["ids"]:
        _out.print(f"[red]{SameIds(**{**same, 'first': tuple(map(tuple, same['first']))})}[/]", soft_wrap=True)


def _first_of_each(out: Path) -> dict[str, str]:
    """By reason the first row that was set aside, with its place and what is wrong with it."""
    import polars as pl

    rows = pl.scan_parquet(out / "rejected-input.parquet").unique("reason", keep="first", maintain_order=True)
    first = rows.select("file", "line", "reason", "problem").collect()
    return {reason: f"{file} line {line}: {problem}" for file, line, reason, problem in first.iter_rows()}


def _show_recorded(found: dict[str, Any], out: Path) -> None:
    _out.print(f"{found['compared']:,} records compared with what was recorded: {found['equal']:,} equal")
    if not found["differing"]:
        _out.print("[bold green]every verdict is the one recorded[/]")
        return
    for cause, count in found["by_cause"].items():
        _out.print(f"  {cause}: {count:,}")
    _out.print(f"[bold red]{found['differing']:,} differ[/]: {out / 'differences.parquet'}", soft_wrap=True)
