"""`screening supervise`: figures about institutions for people to act on; none of them decides a claim."""

from __future__ import annotations

import datetime as dt
import json
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape

from pipeline.cli.exits import Exit, fail
from pipeline.cli.options import json_option, lang_option
from pipeline.telemetry.console import err, out

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rules.events import Event
    from rules.packs.pack_set import PackSet
    from rules.shares import YearShare
    from rules.text import Lang
    from rules.timeline import PhysicianTimeline


@click.group()
def supervise() -> None:
    """Figures about institutions (监督检查), for people to act on."""


@supervise.command()
@click.option(
    "--events", "events_file", required=True, type=click.Path(path_type=Path), help="Events as NDJSON, as on the wire."
)
@click.option("--year", type=click.IntRange(2000, 9998), help="The calendar year. [default: this year in China]")
@lang_option
@json_option
def shares(events_file: Path, year: int | None, lang: Lang, as_json: bool) -> None:
    """Shows how much of an institution's staff was suspended or terminated in a calendar year (003 五¶1).

    The person-times are counted over everybody on the events and set against the approved number of the institution's latest
    headcount (institution_snapshot); an institution without any is not shown. Where the rules state a ratio, the line says
    whether it is exceeded and what the text attaches to that. It ends no agreement by itself.

    Exit code 0: shown; 1: lines could not be used, and are named; 2: a file or the settings cannot be used.

    \b
    Example:
      screening supervise shares --events events.ndjson --year 2025
    """
    import msgspec

    from pipeline.explain.explaining import read_events
    from pipeline.inputs.errors import InputError
    from pipeline.inputs.records import read_records
    from pipeline.settings.model import SettingsError, load_settings
    from pipeline.settings.packs import load_pack_set
    from rules.events import CHINA
    from rules.packs.pack import PackError
    from rules.shares import year_shares
    from rules.text import pick

    try:
        settings = load_settings()
        packs = load_pack_set(settings.packs_dir, settings.packs_on, settings.holidays_file)
        lines = [line for _, line in read_records(events_file)]
    except (PackError, SettingsError) as error:
        fail(str(error), Exit.USAGE)
    except InputError as error:
        fail(str(error))
    read = read_events(lines, packs)
    of_year = dt.datetime.now(CHINA).year if year is None else year
    # An institution is one in its pooling area, and a person has one dossier there, whatever place of it an event names (P1).
    events = [msgspec.structs.replace(one.event, region=one.area) for one in read.events]
    institutions = [event for event in events if event.of_institution]
    persons = [event for event in events if not event.of_institution]
    found = year_shares(_timelines(persons, packs), institutions, packs, of_year)
    if as_json:
        click.echo(json.dumps([_row(one) for one in found], ensure_ascii=False))
    else:
        for one in found:
            out.print(
                escape(f"{one.region} {one.institution}  {pick(one.text, lang)} ({one.citation})"), soft_wrap=True
            )
        if not found:
            out.print("no institution with a headcount (institution_snapshot)")
    for line in read.unusable:
        err.print(
            f"[yellow]{escape(str(events_file))}:{line.line}:[/] {escape('; '.join(line.problems))}", soft_wrap=True
        )
    if read.unusable:
        fail(f"{len(read.unusable)} unusable lines counted for nothing", Exit.FAILED)


def _timelines(events: Sequence[Event], packs: PackSet) -> Iterator[PhysicianTimeline]:
    """Everybody's standing in every area."""
    from rules.standing import timeline

    ordered = sorted(events, key=_person)
    for (region, code), own in groupby(ordered, key=_person):
        yield timeline(own, packs.law(region), region=region, physician_code=code)


def _row(one: YearShare) -> dict[str, Any]:
    return {**one._asdict(), "share": one.share, "reached": one.reached}


def _person(event: Event) -> tuple[str, str]:
    return event.region, (event.physician_code or "").strip()
