"""`screening explain`: one claim, the decision and the whole chain behind it. The decision is the gate's own (`Gate.rule`)."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.markup import escape

from pipeline.cli.options import json_option, lang_option
from pipeline.explain.view import as_data, parts
from pipeline.screening.gate import Gate
from pipeline.settings.model import SettingsError, load_settings
from pipeline.settings.packs import load_pack_set
from pipeline.telemetry.console import err, fail, out
from rules.calendar import CalendarError, WorkingCalendar
from rules.dossier import fold
from rules.events import CHINA, Event, EventError, check, decode
from rules.packs.pack import Pack, PackError, PackSet
from rules.schemes.ledger import Ledger
from rules.standing import institution_timeline, statement
from rules.text import Lang
from rules.wording.chain import Chain, ClaimFacts, Known, chain
from topics.claims.codec import ClaimError, examine


class ExplainError(ValueError):
    """A claim or a file of events that cannot be used; the message names the file and what is wrong."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """A line of the events file that the ledger cannot use: it would be a dead letter and counts for nothing."""

    line: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """A decision and everything behind it. `verdict` is the wire's, without `source` and `screened_at`."""

    verdict: dict[str, Any]
    chain: Chain
    pack: Pack
    as_of: dt.date | None
    used: int
    others: int
    unusable: tuple[Unusable, ...]


def explain_claim(
    claim: bytes, lines: Sequence[bytes], packs: PackSet, *, as_of: dt.date | None, today: dt.date
) -> Explained:
    """Judges one claim by the events known at `as_of` (None: all) and tells the chain behind it.

    Lines that are no events of the claim's scheme are left out and listed, as in the event topic. Raises ExplainError for a
    value that is not a claim and CalendarError when working days of an unknown year are needed.
    """
    try:
        wanted = examine(claim)
    except ClaimError as error:
        raise ExplainError(str(error)) from error
    pack = packs.for_region(wanted.region)
    if pack.ledger is None:
        raise ExplainError(f"pack {pack.name} has no ledger section; the chain behind a decision needs one")
    calendar = packs.calendar(pack)
    code = (wanted.physician_code or "").strip() or None
    events, others, unusable = _events(lines, pack.ledger, wanted.region, code, wanted.institution_code)
    known = _known(events, pack, code, wanted.region, wanted.institution_code, as_of, calendar)
    gate = Gate(packs)
    if code is not None and known.dossier.events:
        gate.index.put(known.statement.timeline)
    gate.index.put_institution(known.institution)
    ruled = gate.rule([claim])
    verdict = gate.verdicts(ruled).row(0, named=True)
    period = verdict["penalty_period"]
    window = None if period is None else (_day(period[0]), _day(period[1]))
    story = chain(
        gate.screen.rulings[ruled.decided["ruling"][0]],
        ClaimFacts(
            physician_code=code,
            institution_code=wanted.institution_code,
            encounter_type=str(wanted.encounter_type),
            service_date=wanted.service_date,
            service_start=wanted.service_start,
            fund_amount=wanted.fund_amount,
        ),
        verdict["standing"],
        window,
        known,
        calendar,
        today,
    )
    return Explained(verdict, story, pack, as_of, len(events), others, tuple(unusable))


def _day(text: str | None) -> dt.date | None:
    return None if text is None else dt.date.fromisoformat(text)


def _known(
    events: Sequence[Event],
    pack: Pack,
    code: str | None,
    region: str,
    institution_code: str,
    as_of: dt.date | None,
    calendar: WorkingCalendar,
) -> Known:
    dossier = fold(events, as_of)
    file = statement(dossier, pack, calendar=calendar, region=region, physician_code=code or "")
    return Known(
        dossier=dossier,
        statement=file,
        institution_events=tuple(event for event in dossier.events if event.of_institution),
        institution=institution_timeline(dossier, pack, institution_code=institution_code, region=region),
    )


def _events(
    lines: Sequence[bytes], ledger: Ledger, region: str, code: str | None, institution: str
) -> tuple[list[Event], int, list[Unusable]]:
    """The events of the claim's physician and institution, how many concern others, and the lines that are no events."""
    found: list[Event] = []
    others = 0
    unusable: list[Unusable] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            event = decode(line)
        except EventError as error:
            unusable.append(Unusable(number, tuple(error.problems)))
            continue
        mine = event.institution == institution if event.of_institution else event.physician_code == code
        if event.region != region or not mine or (code is None and not event.of_institution):
            others += 1
            continue
        problems = check(event, ledger)
        if problems:
            unusable.append(Unusable(number, tuple(problems)))
        else:
            found.append(event)
    return found, others, unusable


# -- the command --------------------------------------------------------------------------------------------------


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        fail(f"{path}: {error.strerror}", 2)


def _claim(path: Path) -> bytes:
    """The one claim of a file: a JSON object, over several lines or as the only line of NDJSON."""
    text = _read(path).strip()
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        fail(f"{path}: is empty; expected one claim as a JSON object", 1)
    if len(lines) > 1 and all(line.strip().startswith(b"{") and line.strip().endswith(b"}") for line in lines):
        fail(f"{path}: holds {len(lines)} claims, one a line; expected one. Take the line you want: sed -n 1p", 1)
    return text


@click.command("explain")
@click.option(
    "--claim", "claim_file", required=True, type=click.Path(path_type=Path), help="One claim as JSON, as on the wire."
)
@click.option(
    "--events", "events_file", required=True, type=click.Path(path_type=Path), help="Events as NDJSON, as on the wire."
)
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Judge by what was recorded up to this day; by default by everything. Limits are told as of this day, too.",
)
@lang_option
@json_option
def explain_command(claim_file: Path, events_file: Path, as_of: dt.datetime | None, lang: Lang, as_json: bool) -> None:
    """Explains one claim: the decision and the whole chain behind it, as the gate would take it on these events.

    Events of other physicians and institutions are passed over. A line that is no event of the scheme counts for nothing, as in
    the pipeline, and is named.

    Exit code 0: explained; 1: the claim is none, or the law cannot be applied; 2: a file or the settings cannot be used.

    \b
    Example:
      screening explain --claim claim.json --events events.ndjson --lang zh --as-of 2024-06-30
    """
    try:
        settings = load_settings()
        packs = load_pack_set(settings.packs_dir, settings.packs_on, settings.holidays_file)
    except (PackError, SettingsError) as error:
        fail(str(error), 2)
    day = None if as_of is None else as_of.date()
    today = day or dt.datetime.now(CHINA).date()
    try:
        told = explain_claim(_claim(claim_file), _read(events_file).splitlines(), packs, as_of=day, today=today)
    except ExplainError as error:
        fail(f"{claim_file}: {error}", 1)
    except CalendarError as error:
        fail(str(error), 1)
    if as_json:
        click.echo(json.dumps(as_data(told.chain, told.verdict, told.as_of), ensure_ascii=False))
    else:
        for part in parts(told.chain, told.verdict, told.as_of, lang):
            out.print(part)
    for line in told.unusable:
        err.print(
            f"[yellow]{escape(str(events_file))}:{line.line}:[/] {escape('; '.join(line.problems))}", soft_wrap=True
        )
    if told.unusable:
        err.print(f"{len(told.unusable)} unusable lines counted for nothing", style="yellow")
