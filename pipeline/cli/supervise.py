"""`screening supervise`: figures about institutions for people to act on; none of them decides a claim."""

from __future__ import annotations

import datetime as dt
import json
import time
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from rich.markup import escape

from pipeline.cli.exits import Exit, fail
from pipeline.cli.options import json_option, lang_option, mapping_option, metrics_file_option
from pipeline.cli.telling import tell_notice
from pipeline.telemetry.console import err, out

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.explain.explaining import Unusable
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

    Exit code 0: shown; 3: some lines could not be used, and are named; 1: none could, or the file cannot be read; 2: the settings
    cannot be used.

    \b
    Example:
      screening supervise shares --events events.ndjson --year 2025
    """
    from rules.events import CHINA
    from rules.shares import year_shares
    from rules.text import pick

    of_year = dt.datetime.now(CHINA).year if year is None else year
    read = _read(events_file)
    packs = read.packs
    found = year_shares(_timelines(read.persons, packs), read.institutions, packs, of_year)
    if as_json:
        click.echo(json.dumps([_row(one) for one in found], ensure_ascii=False))
    else:
        for one in found:
            out.print(
                escape(f"{one.region} {one.institution}  {pick(one.text, lang)} ({one.citation})"), soft_wrap=True
            )
        if not found:
            out.print("no institution with a headcount (institution_snapshot)")
    read.told(events_file)


@supervise.command()
@click.option(
    "--events", "events_file", required=True, type=click.Path(path_type=Path), help="Events as NDJSON, as on the wire."
)
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="The day. [default: today in China]")
@lang_option
@json_option
def integrity(events_file: Path, on: dt.datetime | None, lang: Lang, as_json: bool) -> None:
    """Shows what is published of institutions and physicians of schemes with points (002 第十九条, 第二十二条).

    Of institutions: what their headcounts mean for the rating and the annual assessment (no A rating, points off). Of physicians:
    who may be proposed for the list of honest physicians, because the standing is normal and no point was taken off in the
    running term. It decides nothing; whom an institution proposes, it decides itself.

    Exit code 0: shown; 3: some lines could not be used, and are named; 1: none could, or the file cannot be read; 2: the settings
    cannot be used.

    \b
    Example:
      screening supervise integrity --events events.ndjson --on 2015-06-30
    """
    from rules.dossier import fold
    from rules.events import CHINA
    from rules.integrity import candidates
    from rules.measures import measures
    from rules.text import pick

    day = dt.datetime.now(CHINA).date() if on is None else on.date()
    read = _read(events_file)
    honest = list(candidates(_timelines(read.persons, read.packs), day))
    by_institution = groupby(sorted(read.institutions, key=_institution), key=_institution)
    ratings = [
        (region, code, measure)
        for (region, code), own in by_institution
        for measure in measures(fold(list(own)), read.packs.law(region), code)
        if measure.day <= day
    ]
    if as_json:
        told = [
            {"region": region, "institution": code, "day": one.day, "citation": one.citation, **one.text._asdict()}
            for region, code, one in ratings
        ]
        rows = {"on": day, "ratings": told, "honest": [one._asdict() for one in honest]}
        click.echo(json.dumps(rows, ensure_ascii=False, default=str))
    else:
        for region, code, one in ratings:
            out.print(escape(f"{region} {code}  {one.day} {pick(one.text, lang)} ({one.citation})"), soft_wrap=True)
        for (region, code), own in groupby(honest, key=lambda one: one[:2]):
            names = ", ".join(one.physician for one in own)
            said = "可推荐诚信医师" if lang == "zh" else "may be proposed as honest"
            out.print(escape(f"{region} {code}  {said}: {names}"), soft_wrap=True)
        if not ratings and not honest:
            out.print("no institution at a mark, and nobody to propose")
    read.told(events_file)


@supervise.command("measures")
@click.argument("claims")
@click.option("--year", type=click.IntRange(2000, 9998), help="The calendar year. [default: this year in China]")
@click.option(
    "--verdicts",
    type=click.Path(path_type=Path),
    metavar="PLACE",
    help="What the gate said: the folder of an archive or of a replay. Rejected claims then cost nothing.",
)
@click.option("--cases", "cases_file", type=click.Path(path_type=Path), help="Cases as NDJSON, as on the wire.")
@click.option("--states", "states_file", type=click.Path(path_type=Path), help="Records of case-state as NDJSON.")
@click.option(
    "--sample", "sample_file", type=click.Path(path_type=Path, dir_okay=False), help="Write the stays to review there."
)
@mapping_option
@metrics_file_option
@lang_option
@json_option
def measures_command(
    claims: str,
    year: int | None,
    verdicts: Path | None,
    cases_file: Path | None,
    states_file: Path | None,
    sample_file: Path | None,
    mapping: str,
    metrics_file: Path | None,
    lang: Lang,
    as_json: bool,
) -> None:
    """Shows the measures of a year from claims of files or of the archive (001 篇5 and 篇8).

    What the fund paid by area, and growth over the year before, where more than 10 % is told; the 5 institutions of an area that
    use most of it; a sample of 5 % of each institution's discharges of the year before, the same in every run; and, with --cases
    and --states, the share of suspects that people have decided. None of them decides a claim.

    Exit code 0: shown; 3: rows that are no claims were left out; 1: all rows were, or a file cannot be read; 2: wrong use or
    settings.

    \b
    Example:
      screening supervise measures archive --verdicts archive --year 2025 --sample stays.ndjson
    """
    from pipeline.inputs.errors import InputError, MappingError
    from pipeline.inputs.mapping import load_mapping
    from pipeline.inputs.verdicts import read_verdicts
    from pipeline.supervision.measures import measures
    from pipeline.supervision.reading import read_cases, read_claims, read_states
    from pipeline.supervision.report import lines, row, write_metrics, write_sample
    from rules.events import CHINA

    if states_file is not None and cases_file is None:
        fail("--states tells where cases stand; it goes with --cases", Exit.USAGE)
    begun = time.monotonic()
    of_year = dt.datetime.now(CHINA).year if year is None else year
    try:
        read = read_claims(claims, load_mapping(mapping), tell_notice)
        found = measures(
            read.claims,
            of_year,
            None if verdicts is None else read_verdicts(verdicts),
            None if states_file is None else read_states(states_file),
            None if cases_file is None else read_cases(cases_file),
        )
        if sample_file is not None:
            write_sample(sample_file, found)
        if metrics_file is not None:
            write_metrics(metrics_file, found, time.monotonic() - begun)
    except MappingError as error:
        fail(str(error), Exit.USAGE)
    except InputError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or claims}: {error.strerror or error}")
    if as_json:
        click.echo(json.dumps(row(found), ensure_ascii=False))
    else:
        for line in lines(found, lang):
            out.print(escape(line), soft_wrap=True)
    if read.not_claims:
        fail(
            f"{read.not_claims:,} rows are no claims and were left out; `screening replay` names each of them",
            Exit.PARTLY if read.claims.height else Exit.FAILED,
        )


@supervise.command()
@click.option(
    "--region", required=True, metavar="CODE", help="A division code; the rounds are those of its pooling area."
)
@click.option("--year", type=click.IntRange(1990, 9998), help="The calendar year. [default: this year in China]")
@lang_option
@json_option
def rounds(region: str, year: int | None, lang: Lang, as_json: bool) -> None:
    """Shows the rounds of registration that begin in a calendar year, and by when the agency reports on each (002 第六条(五)).

    They follow from the law of the area and the calendar alone. No event records a report, so none is called missed.

    Exit code 0: shown, also where there is none; 2: the settings cannot be used.

    \b
    Example:
      screening supervise rounds --region 620100 --year 2015
    """
    from pipeline.settings.model import SettingsError, load_settings
    from pipeline.settings.packs import load_pack_set
    from rules.areas import pooling_area
    from rules.events import CHINA
    from rules.packs.pack import PackError
    from rules.schemes.registry import scheme_of

    try:
        settings = load_settings()
        packs = load_pack_set(settings.packs_dir, settings.packs_on, settings.holidays_file)
    except (PackError, SettingsError) as error:
        fail(str(error), Exit.USAGE)
    of_year = dt.datetime.now(CHINA).year if year is None else year
    found = [
        (pack.name, one)
        for pack in packs.law(pooling_area(region)).packs
        if pack.ledger is not None and pack.in_force.start is not None
        for one in scheme_of(pack.ledger).rounds(
            pack.ledger, pack.in_force.start, min(pack.in_force.end or dt.date.max, dt.date(of_year, 12, 31))
        )
        if one.start.year == of_year
    ]
    if as_json:
        click.echo(json.dumps([{"rule_pack": name, **one._asdict()} for name, one in found], default=str))
        return
    for _, one in found:
        told = {
            "zh": f"{one.start}至{one.end}集中办理登记备案" + (f"，{one.report_by}前书面报告" if one.report_by else ""),
            "en": f"{one.start} to {one.end}" + (f", report by {one.report_by}" if one.report_by else ""),
        }
        out.print(escape(f"{told[lang]} ({one.citation})"), soft_wrap=True)
    if not found:
        out.print(f"no round of registration begins in {of_year} by the law of {pooling_area(region)}")


class _Read(NamedTuple):
    """The events of a file, each of its area, and the lines that count for nothing."""

    packs: PackSet
    persons: list[Event]
    institutions: list[Event]
    unusable: Sequence[Unusable]

    def told(self, file: Path) -> None:
        """Names the lines that could not be used; if there are any, ends the command with 3, or with 1 where no other is left."""
        for line in self.unusable:
            err.print(f"[yellow]{escape(str(file))}:{line.line}:[/] {escape('; '.join(line.problems))}", soft_wrap=True)
        if self.unusable:
            some = self.persons or self.institutions
            fail(f"{len(self.unusable)} unusable lines counted for nothing", Exit.PARTLY if some else Exit.FAILED)


def _read(file: Path) -> _Read:
    """Reads events as on the wire. Exits 2 for packs or settings that cannot be used, 1 for a file that cannot be read."""
    import msgspec

    from pipeline.explain.explaining import read_events
    from pipeline.inputs.errors import InputError
    from pipeline.inputs.records import read_records
    from pipeline.settings.model import SettingsError, load_settings
    from pipeline.settings.packs import load_pack_set
    from rules.packs.pack import PackError

    try:
        settings = load_settings()
        packs = load_pack_set(settings.packs_dir, settings.packs_on, settings.holidays_file)
        lines = [line for _, line in read_records(file)]
    except (PackError, SettingsError) as error:
        fail(str(error), Exit.USAGE)
    except InputError as error:
        fail(str(error))
    read = read_events(lines, packs)
    # An institution is one in its pooling area, and a person has one dossier there, whatever place of it an event names (P1).
    events = [msgspec.structs.replace(one.event, region=one.area) for one in read.events]
    persons = [event for event in events if not event.of_institution]
    return _Read(packs, persons, [event for event in events if event.of_institution], read.unusable)


def _institution(event: Event) -> tuple[str, str]:
    return event.region, event.institution or ""


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
