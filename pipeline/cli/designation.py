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
