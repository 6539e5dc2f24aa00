"""`screening designation`: whether an application for designated status meets the basic conditions, and what it lacks."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape

from pipeline.cli.exits import Exit, fail
from pipeline.cli.options import json_option, lang_option
from pipeline.telemetry.console import out

if TYPE_CHECKING:
    from rules.designation.checking import Check
    from rules.designation.pack import DesignationPack
    from rules.text import Lang


@click.group()
def designation() -> None:
    """Evaluation for designated status (医保定点评估)."""


@designation.command()
@click.argument("application", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--on",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="The day that is asked about. [default: today in China]",
)
@click.option("--pack", default="sichuan-designation", show_default=True, metavar="NAME|FILE", help="The rules.")
@lang_option
@json_option
def check(application: Path, on: dt.datetime | None, pack: str, lang: Lang, as_json: bool) -> None:
    """Checks APPLICATION, a YAML or JSON file, against the basic conditions and the grounds of refusal (001 篇3, Sichuan).

    Lists what is missing, what bars the application and until when, what has not been told, the earliest day to apply where
    only time is lacking, and the days of the procedure. The scores of the evaluation are each pooling area's own. The ids of
    conditions and grounds stand on the page of all schemes.

    \b
    The file:
      kind: pharmacy                       # or medical, with beds and inpatients
      facts: {pharmacy_licences: true, at_address_since: 2026-01-05, pharmacists: 1}
      bars: {false_application: false, ended_for_breach_of_agreement: {since: 2025-06-30, performed: true}}
      failed: [2026-02-01]                 # results of failed evaluations delivered
      received: 2026-06-01                 # and notified, supplemented, published

    Exit code 0: all basic conditions are met; 1: something is missing, bars or was not told; 2: the file cannot be used.

    \b
    Example:
      screening designation check application.yaml --on 2026-06-01
    """
    from pipeline.settings.packs import chosen, read_designations
    from rules.calendar import CalendarError, WithoutData, official_calendar
    from rules.designation.checking import ApplicationError, Result, read_application
    from rules.designation.checking import check as checked
    from rules.designation.pack import parse_designation
    from rules.events import CHINA
    from rules.packs.errors import PackError, Source, mapping
    from rules.wording.designation import answer

    try:
        rules = chosen(read_designations(), pack, parse_designation)
        told = read_application(mapping(Source(application.read_text("utf-8"), str(application))), rules)
        day = dt.datetime.now(CHINA).date() if on is None else on.date()
        found = checked(rules, told, day, official_calendar(WithoutData.MONDAY_TO_FRIDAY))
    except OSError as error:
        fail(f"{application}: {error.strerror}", Exit.USAGE)
    except UnicodeDecodeError:
        fail(f"{application}: not UTF-8", Exit.USAGE)
    except ApplicationError as error:
        fail(f"{application}: {error}", Exit.USAGE)
    except (PackError, CalendarError) as error:
        fail(str(error), Exit.USAGE)
    except (ValueError, OverflowError):
        fail(f"{application}: a day lies too far from the others to be counted", Exit.USAGE)
    if as_json:
        click.echo(json.dumps(_row(rules, found, lang), ensure_ascii=False, default=str))
    else:
        for line in answer(rules, found, lang):
            out.print(escape(line), soft_wrap=True)
    raise SystemExit(Exit.DONE if found.result is Result.MET else Exit.FAILED)


@designation.command()
@click.argument("institution")
@click.option("--region", required=True, metavar="CODE", help="The pooling area whose agency signed, six digits.")
@click.option(
    "--from", "first", required=True, type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="Its first day."
)
@click.option("--months", type=click.IntRange(1, 120), help="Its length. [default: what the rules call normal]")
@click.option("--pack", default="sichuan-designation", show_default=True, metavar="NAME|FILE", help="The rules.")
def signed(institution: str, region: str, first: dt.datetime, months: int | None, pack: str) -> None:
    """Prints the event that records an agreement (服务协议) with INSTITUTION, for `screening load events`.

    The text says that an agreement is normally for 1 year (001 篇3 第二十一条). From the event follows whether the institution
    has an agreement on a service day: claims after its last day are a review until a new agreement is recorded.

    Exit code 0: printed; 2: the rules do not hold in the region, or wrong use.

    \b
    Example:
      screening designation signed H51010000001 --region 510100 --from 2026-07-01 >> events.ndjson
    """
    from pipeline.settings.packs import chosen, load_pack_set, read_designations
    from rules.designation.checking import agreement
    from rules.designation.pack import parse_designation
    from rules.events import CHINA
    from rules.packs.errors import PackError
    from topics.events.acceptance import Refused, accept

    try:
        rules = chosen(read_designations(), pack, parse_designation)
        begin, last = agreement(rules, first.date(), months)
    except PackError as error:
        fail(str(error), Exit.USAGE)
    except (ValueError, OverflowError):
        fail("--from: lies too near the end of the calendar", Exit.USAGE)
    if not region.startswith(rules.territory):
        fail(f"--region {region}: {rules.name} holds where codes begin with {rules.territory}", Exit.USAGE)
    now = dt.datetime.now(CHINA)
    event = {
        "event_id": f"{rules.pack}:{region}:{institution}:{begin}",
        "region": region,
        "type": "institution_signed",
        "date": begin.isoformat(),
        "recorded_at": now.isoformat(timespec="seconds"),
        "institution": institution,
        "from": begin.isoformat(),
        "to": last.isoformat(),
    }
    line = json.dumps(event, ensure_ascii=False)
    answer = accept(line.encode(), load_pack_set())
    if isinstance(answer, Refused):
        fail(answer.reason, Exit.USAGE)
    click.echo(line)


def _row(pack: DesignationPack, found: Check, lang: Lang) -> dict[str, Any]:
    from rules.wording.designation import answer

    days = found.days
    return {
        "pack": pack.name,
        "result": found.result,
        "missing": found.missing,
        "barred": [{"id": one.id, "free_on": one.free_on} for one in found.barred],
        "not_told": found.not_told,
        "earliest": found.earliest,
        "visit": found.visit,
        "supplement_by": days.supplement_by,
        "evaluate_by": days.evaluate_by,
        "publish_until": days.publish_until,
        "told": list(answer(pack, found, lang)),
    }
