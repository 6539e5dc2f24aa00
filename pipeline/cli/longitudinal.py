"""`screening longitudinal`: what needs earlier claims, examined beside the gate."""

from __future__ import annotations

import json
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape

from pipeline.cli.exits import Exit, fail
from pipeline.cli.options import json_option, lang_option, mapping_option, metrics_file_option
from pipeline.cli.telling import tell_notice
from pipeline.telemetry.console import err, out

if TYPE_CHECKING:
    from pipeline.longitudinal.run import Read, Result
    from rules.longitudinal.facts import Facts
    from rules.longitudinal.pack import LongitudinalPack
    from rules.text import Lang

_SHOWN = 20


@click.command()
@click.argument("claims")
@click.option(
    "--facts",
    "facts_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Covers, referrals, lists of drugs and pharmacies, prescriptions, as YAML or JSON; without it nothing is known.",
)
@click.option(
    "--pack",
    "names",
    multiple=True,
    metavar="NAME|FILE",
    help="A pack that is off by default: chongqing-students, shantou-dual-channel; or a YAML file. May be repeated.",
)
@click.option(
    "--verdicts",
    type=click.Path(path_type=Path),
    metavar="PLACE",
    help="What the gate said: the folder of an archive or of a replay. Rejected claims then count for nothing, and claims "
    "without a verdict wait. [default: every claim counts]",
)
@click.option("--to", "target", type=click.Path(path_type=Path, dir_okay=False), help="Write the cases to this file.")
@click.option(
    "--before",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The cases of the run before: tells how many are new, changed or hold no more.",
)
@mapping_option
@metrics_file_option
@lang_option
@json_option
def longitudinal(
    claims: str,
    facts_file: Path | None,
    names: tuple[str, ...],
    verdicts: Path | None,
    target: Path | None,
    before: Path | None,
    mapping: str,
    metrics_file: Path | None,
    lang: Lang,
    as_json: bool,
) -> None:
    """Examines claims together with the earlier claims of their insured persons; every finding is a review for people.

    CLAIMS is a file, a folder, a pattern, or the folder of an archive. Examined are the year's caps and benefits of students
    (001 篇4), prescriptions and lists of dual-channel drugs (001 篇10), and examinations that are repeated although another
    institution's result is to be recognised (001 篇6). Of each claim the newest version counts, without what was taken back,
    in the order of service day, settlement time and identity: late, corrected and reversed claims give everything anew.

    It holds in memory the claims that it reads. It is no verdict of the gate and changes none.

    Exit code 0: examined, whatever was found; 3: rows that are no claims were left out; 1: all rows were, or a file cannot be
    read; 2: the facts, a pack, the mapping or the settings cannot be used.

    \b
    Example:
      screening longitudinal archive --verdicts archive --pack shantou-dual-channel --facts lists.yaml --to cases.ndjson
    """
    from pipeline.inputs.errors import InputError, MappingError
    from pipeline.inputs.mapping import load_mapping
    from pipeline.inputs.verdicts import read_verdicts
    from pipeline.longitudinal.run import earlier_cases, examine, read_claims, write_cases
    from pipeline.settings.model import SettingsError, load_settings
    from pipeline.settings.packs import read_holidays
    from rules.calendar import WithoutData, official_calendar
    from rules.longitudinal.checking import Checks
    from rules.longitudinal.facts import FactsError
    from rules.packs.errors import PackError

    begun = time.monotonic()
    try:
        settings = load_settings()
        packs = _packs(names)
        facts = _facts(facts_file)
        _told(packs, facts, lang)
        calendar = official_calendar(WithoutData.MONDAY_TO_FRIDAY, read_holidays(settings.holidays_file))
        fitted = load_mapping(mapping)
    except (PackError, SettingsError, MappingError, FactsError) as error:
        fail(str(error), Exit.USAGE)
    try:
        judged = None if verdicts is None else read_verdicts(verdicts)
        read = read_claims(claims, fitted, judged, tell_notice)
        known = None if before is None else list(earlier_cases(before))
        result = examine(read.claims, Checks(packs, facts, calendar), known)
        if target is not None:
            write_cases(target, result.cases)
        if metrics_file is not None:
            _measure(metrics_file, read, result, time.monotonic() - begun)
    except MappingError as error:
        _failed(metrics_file, begun)
        fail(str(error), Exit.USAGE)
    except InputError as error:
        _failed(metrics_file, begun)
        fail(str(error))
    except OSError as error:
        _failed(metrics_file, begun)
        fail(f"{error.filename or target}: {error.strerror or error}")
    if as_json:
        click.echo(json.dumps(_row(packs, read, result), ensure_ascii=False))
    else:
        _show(read, result, lang)
    if read.not_claims:
        fail(
            f"{read.not_claims:,} rows are no claims and were left out; `screening replay` names each of them",
            Exit.PARTLY if read.claims else Exit.FAILED,
        )


def _packs(names: tuple[str, ...]) -> list[LongitudinalPack]:
    """The packs that are on by default, and those that were asked for. Raises PackError."""
    from pipeline.settings.packs import chosen, read_longitudinal
    from rules.longitudinal.pack import parse_longitudinal

    shipped = read_longitudinal()
    asked = [chosen(shipped, name, parse_longitudinal) for name in dict.fromkeys(names)]
    taken = {pack.pack for pack in asked}
    return [*(pack for pack in shipped if pack.enabled and pack.pack not in taken), *asked]


def _facts(file: Path | None) -> Facts:
    """The facts of a file. Raises FactsError or PackError."""
    from rules.longitudinal.facts import Facts, FactsError, read_facts
    from rules.packs.errors import Source, mapping

    if file is None:
        return Facts()
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise FactsError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise FactsError(f"{file}: not UTF-8") from None
    try:
        if file.suffix.lower() == ".json":
            return read_facts(json.loads(text))
        return read_facts(mapping(Source(text, str(file))))
    except json.JSONDecodeError as error:
        raise FactsError(f"{file}: is no JSON: {error.msg} in line {error.lineno}") from None
    except FactsError as error:
        raise FactsError(f"{file}: {error}") from None


def _told(packs: list[LongitudinalPack], facts: Facts, lang: Lang) -> None:
    """Refuses what could find nothing, and tells where the lists themselves are beyond the text. Raises FactsError."""
    from rules.longitudinal.facts import FactsError, selection_problems
    from rules.longitudinal.pack import DualChannelPack
    from rules.text import pick

    for pack in packs:
        if isinstance(pack, DualChannelPack):
            if facts.dual_channel.issued is None:
                raise FactsError(
                    f"{pack.pack}: the draft names no day; say in the facts from which day it holds, as dual_channel.issued"
                )
            for text in selection_problems(facts.dual_channel, pack):
                err.print(f"[yellow]{escape(pick(text, lang))}[/]", soft_wrap=True)


def _row(packs: list[LongitudinalPack], read: Read, result: Result) -> dict[str, Any]:
    return {
        "packs": [pack.name for pack in packs],
        "rows": read.rows,
        "not_claims": read.not_claims,
        "not_judged": read.not_judged,
        "counted": result.counted,
        "cases": dict(sorted(Counter(case["reason"] for case in result.cases).items())),
        "not_examined": dict(sorted(result.not_examined.items())),
        "changes": dict(sorted(result.changes.items())),
    }


def _show(read: Read, result: Result, lang: Lang) -> None:
    from rules.longitudinal.claims import Ground
    from rules.longitudinal.wording import GROUND
    from rules.text import pick

    for case in result.cases[:_SHOWN]:
        name = pick(GROUND[Ground(case["reason"])], lang)
        where = f"{case['service_date']} {case['institution_code']} {case['claim_id']}"
        out.print(escape(f"{where}  {name}: {case['explanation'][lang]}"), soft_wrap=True)
    if len(result.cases) > _SHOWN:
        out.print(f"{len(result.cases) - _SHOWN:,} further cases are not shown; --to writes all")
    out.print(f"{read.rows:,} rows, {result.counted:,} claims count, {len(result.cases):,} cases")
    for what, many in sorted(result.not_examined.items()):
        out.print(escape(f"{many:,} claims could not be examined, {what} is not told"))
    if read.not_judged:
        out.print(f"{read.not_judged:,} claims have no verdict yet and wait")
    if result.changes:
        out.print(", ".join(f"{many:,} {what}" for what, many in sorted(result.changes.items())))


def _failed(path: Path | None, begun: float) -> None:
    """Tells in the metrics file, where one is wanted and can be written, that the run did not come to its end."""
    from pipeline.telemetry.longitudinal_metrics import LongitudinalMetrics

    if path is not None:
        metrics = LongitudinalMetrics()
        metrics.ended(path, path.stem, completed=False, seconds=time.monotonic() - begun)
        with suppress(OSError):
            metrics.write(path)


def _measure(path: Path, read: Read, result: Result, seconds: float) -> None:
    from pipeline.telemetry.longitudinal_metrics import LongitudinalMetrics
    from rules.longitudinal.claims import Ground

    metrics = LongitudinalMetrics()
    run = path.stem
    for figure, many in (("read", read.rows), ("counted", result.counted), ("not_judged", read.not_judged)):
        metrics.claims.labels(run, figure).set(many)
    found = Counter(case["reason"] for case in result.cases)
    for ground in Ground:
        metrics.findings.labels(run, ground.value).set(found[ground.value])
    for what, many in result.not_examined.items():
        metrics.not_examined.labels(run, what).set(many)
    metrics.ended(path, run, completed=True, seconds=seconds)
    metrics.write(path)
