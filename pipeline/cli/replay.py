"""`screening replay`: claims of the past through the same law, from files or from the topic that they came by."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.exits import Exit, fail
from pipeline.cli.options import bootstrap_option, encoding_option, json_option, mapping_option, metrics_file_option
from pipeline.cli.replay_view import show
from pipeline.cli.telling import tell_notice
from pipeline.inputs.encodings import Encoding
from pipeline.inputs.errors import InputError, MappingError
from pipeline.inputs.mapping import CONTRACT, load_mapping
from pipeline.kafka.diagnostics import ClusterError
from pipeline.replay.errors import ReplayError
from pipeline.replay.sums import FiguresError
from pipeline.settings.model import SettingsError, load_settings
from pipeline.settings.packs import load_pack_set
from pipeline.telemetry.console import err as _err
from pipeline.telemetry.console import out as _out
from rules.packs.pack import PackError

if TYPE_CHECKING:
    from pipeline.replay.knowledge.register import Clock
    from pipeline.replay.progress import Progress
    from pipeline.replay.proof.capture import Captured
    from pipeline.replay.proof.topic_range import Wanted
    from pipeline.replay.run.engine import Job
    from pipeline.settings.model import Settings


@click.command("replay")
@click.argument("claims", required=False)
@click.option(
    "--events",
    "events_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Events as NDJSON (.gz too), as on the wire; with --from-topic by default those of the topic physician-events.",
)
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="The folder for all output."
)
@mapping_option
@encoding_option
@click.option(
    "--compare",
    "compare_dir",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A second rule set: the packs of this folder.",
)
@click.option(
    "--set", "changes", multiple=True, metavar="PACK.PATH=VALUE", help="A second rule set: one value of a pack changed."
)
@click.option(
    "--as-known-on",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Judge by what was recorded up to the end of this day.",
)
@click.option(
    "--as-known-at-settlement",
    is_flag=True,
    help="Judge every claim by what was recorded at its own settlement, as a live gate would have.",
)
@click.option(
    "--from-topic", is_flag=True, help="Replay a range of the topic of claims and compare it with what was recorded."
)
@click.option(
    "--from-offsets", metavar="OFFSETS", help="First offsets of the range: 250 for all partitions, or 0:100,1:250."
)
@click.option(
    "--to-offsets", metavar="OFFSETS", help="Offsets before which the range ends. [default: what has been judged]"
)
@click.option(
    "--since", metavar="TIME", help="The range begins with the first record of this time (RFC 3339) or later."
)
@click.option("--until", metavar="TIME", help="The range ends before the first record of this time or later.")
@click.option(
    "--as-recorded",
    is_flag=True,
    help="Judge every claim by the revision of the register that its recorded verdict names [default with --from-topic]",
)
@click.option("--as-known-now", is_flag=True, help="Judge by everything recorded [default without --from-topic]")
@bootstrap_option
@click.option(
    "--strict",
    is_flag=True,
    help="Stop at the first row that is not a claim, and before anything is judged if a column or an event is in doubt.",
)
@click.option(
    "--resume/--no-resume",
    default=True,
    show_default=True,
    help="Continue an interrupted run, or replace what --out holds.",
)
@click.option("--report/--no-report", default=True, show_default=True, help="Also write report.html and report.json.")
@click.option("--cases", is_flag=True, help="Write every reject and review as a case to cases.ndjson.gz.")
@click.option("--publish", is_flag=True, help="Write the cases and send them to the topic claim-cases.")
@metrics_file_option
@click.option(
    "--metrics-name",
    metavar="NAME",
    help="The label `replay` of these metrics, its own in a folder of files. [default: the name of --out]",
)
@json_option
def replay_command(
    claims: str | None,
    events_file: Path | None,
    out: Path,
    mapping: str,
    encoding: Encoding | None,
    compare_dir: Path | None,
    changes: tuple[str, ...],
    as_known_on: dt.datetime | None,
    as_known_at_settlement: bool,
    from_topic: bool,
    from_offsets: str | None,
    to_offsets: str | None,
    since: str | None,
    until: str | None,
    as_recorded: bool,
    as_known_now: bool,
    bootstrap_servers: str | None,
    strict: bool,
    resume: bool,
    report: bool,
    cases: bool,
    publish: bool,
    metrics_file: Path | None,
    metrics_name: str | None,
    as_json: bool,
) -> None:
    """Judges past claims by recorded events, with the gate's own decision. Replaying files needs no Kafka.

    CLAIMS is a file, a folder or a quoted pattern of Parquet, NDJSON, JSON, CSV or workbooks (text also .gz). Verdicts are
    written as Parquet below --out, rows that are not claims to rejected-input.parquet with their reason, and claims that come
    more than once to repeated-claims.parquet; run.json says what the run is based on. The same input gives the same bytes. The
    same command continues an interrupted run.

    With --from-topic a range of the topic of claims is replayed instead of CLAIMS. It is copied with its recorded verdicts and
    dead letters, and today's verdicts are compared with them: differences.parquet has a row for every record that differs, with
    the cause. Each claim is judged by the revision of the register that its recorded verdict names, unless another option says
    otherwise.

    The metrics file is written as a whole at the end of a run. Claims, verdicts and differences are those of the whole replay,
    however often it was continued; duration and speed are those of the last run. For a run that failed or was interrupted the
    file has no figures.

    Exit code 0: done, and with --from-topic all equal; 1: stopped by --strict, or by a file or folder that is not there or
    cannot be read to its end, or no row could be judged, with --from-topic: differences; 2: the arguments, the settings, the
    mapping or the columns of a file cannot be used, with --from-topic whatever else stops the run; 3: done, but rows or lines of
    events were set aside or contradict each other (not with --from-topic); 130: interrupted.

    \b
    Example:
      screening replay claims.parquet --events events.ndjson.gz --out replayed
      screening replay "export/*.csv.gz" --events events.ndjson --out replayed --mapping national-settlement
      screening replay claims.parquet --events events.ndjson --out what-if --set qiannan-2022.penalty.months=6
      screening replay claims.parquet --events events.ndjson --out then --as-known-at-settlement --cases
      screening replay --from-topic --since 2026-11-01T00:00:00+08:00 --until 2026-12-01T00:00:00+08:00 --out november
      screening replay --from-topic --from-offsets 0:100,1:250 --to-offsets 0:200,1:300 --out stretch --as-known-now
    """
    from pipeline.replay.progress import plain_or_live
    from pipeline.replay.run.engine import Interrupted, Job, replay  # polars loads slowly; --help must not wait
    from pipeline.replay.run.metering import Meter
    from pipeline.replay.what_if.rule_set import other_rules

    _check_source(claims, events_file, from_topic, mapping, out)
    if metrics_name is not None and metrics_file is None:
        fail("--metrics-name is a label of the metrics; it goes with --metrics-file", Exit.USAGE)
    meter = click.get_current_context().with_resource(Meter(metrics_file, metrics_name, out))
    # With --from-topic 1 means differences, so that whatever stops the run is 2, as it is for `screening audit`.
    failed = Exit.USAGE if from_topic else Exit.FAILED
    try:
        clock = _clock(as_known_on, as_known_at_settlement, as_recorded, as_known_now, from_topic=from_topic)
        wanted = _wanted(from_offsets, to_offsets, since, until, from_topic=from_topic)
        settings = load_settings(bootstrap_servers=bootstrap_servers)
        packs = load_pack_set(settings.packs_dir, settings.packs_on, settings.holidays_file, with_subjects=True)
        other = other_rules(packs, compare_dir, changes) if compare_dir is not None or changes else None
        fitted = load_mapping(mapping)
        shown = plain_or_live(_err, quiet=as_json)
        captured = None if wanted is None else _captured(out, settings, wanted, events_file, shown, resume=resume)
        events = events_file if captured is None or captured.events is None else captured.events
        assert events is not None
        job = Job(
            claims=claims or "",
            events=events,
            out=out,
            mapping=fitted,
            packs=packs,
            other=other,
            changes=changes,
            clock=clock,
            strict=strict,
            resume=resume,
            captured=captured,
            encoding=encoding,
        )
        record = replay(job, shown, tell_notice)
        made = _made(job, record, settings, report=report, cases=cases or publish, publish=publish)
        meter.completed(job, record, report=report)
    except (PackError, SettingsError, MappingError) as error:
        fail(str(error), Exit.USAGE)
    except (ReplayError, InputError, FiguresError, ClusterError) as error:
        fail(str(error), failed)
    except OSError as error:
        fail(f"{error.filename or out}: {error.strerror or error}", failed)
    except (Interrupted, KeyboardInterrupt) as stopped:
        kept = f" after {stopped}; they are kept" if isinstance(stopped, Interrupted) else " before the first claim"
        _err.print(f"interrupted{kept}: give the same command again to go on", soft_wrap=True)
        raise SystemExit(Exit.INTERRUPTED) from None
    if as_json:
        click.echo(json.dumps(record, ensure_ascii=False))
    else:
        show(record, out)
        for line in made:
            _out.print(line, soft_wrap=True)
    _end(record, from_topic=from_topic)


def _end(record: dict[str, Any], *, from_topic: bool) -> None:
    """Ends the command with another code than 0 where not all went as asked."""
    if record.get("recorded", {}).get("differing"):
        raise SystemExit(Exit.FAILED)
    counts, lines = record["counts"], record["event_lines"]
    if not counts["accepted"] and not from_topic:
        fail("no row was judged: every one of them was set aside; the reasons are above")
    if lines["lines"] and lines["lines"] == lines["unusable"]:
        fail(
            "no line of the events was usable, so that every physician counted as unregistered: is this a file of events?"
        )
    left_out = counts["rejected"] + counts["conflict"] + lines["unusable"] + lines["same_id"]["ids"]
    if left_out and not from_topic:
        raise SystemExit(Exit.PARTLY)


def _check_source(claims: str | None, events_file: Path | None, from_topic: bool, mapping: str, out: Path) -> None:
    if out.exists() and not out.is_dir():
        fail(f"--out is the folder for all output; {out} is none", Exit.USAGE)
    if from_topic == (claims is not None):
        which = "not both" if from_topic else "or a range of their topic as --from-topic"
        fail(f"claims come from one place: give a file, folder or pattern as CLAIMS, {which}", Exit.USAGE)
    if not from_topic and events_file is None:
        fail("--events is missing: claims of files need events of a file", Exit.USAGE)
    if from_topic and mapping != CONTRACT:
        fail("--mapping is for files; the records of the topic have the contract's own fields", Exit.USAGE)


def _wanted(
    from_offsets: str | None, to_offsets: str | None, since: str | None, until: str | None, *, from_topic: bool
) -> Wanted | None:
    """The range that is asked for; None without --from-topic. Raises RangeError."""
    from pipeline.replay.proof.topic_range import Wanted, parse_offsets, parse_time

    given = {"--from-offsets": from_offsets, "--to-offsets": to_offsets, "--since": since, "--until": until}
    named = [name for name, value in given.items() if value is not None]
    if not from_topic:
        if named:
            fail(f"{named[0]} is a range of the topic; it goes with --from-topic", Exit.USAGE)
        return None
    for pair in (("--from-offsets", "--since"), ("--to-offsets", "--until")):
        if all(name in named for name in pair):
            fail(f"{pair[0]} and {pair[1]} are the same end of the range; give one", Exit.USAGE)
    return Wanted(
        from_offsets=None if from_offsets is None else parse_offsets(from_offsets),
        to_offsets=None if to_offsets is None else parse_offsets(to_offsets),
        since=None if since is None else parse_time(since),
        until=None if until is None else parse_time(until),
    )


def _captured(
    out: Path, settings: Settings, wanted: Wanted, events_file: Path | None, shown: Progress, *, resume: bool
) -> Captured:
    from pipeline.replay.proof.capture import capture

    try:
        return capture(out, settings, wanted, with_events=events_file is None, resume=resume, progress=shown)
    except BaseException:
        shown.close()
        raise


def _made(
    job: Job, record: dict[str, Any], settings: Settings, *, report: bool, cases: bool, publish: bool
) -> list[str]:
    """Makes what is wanted beside the verdicts, and says what that is."""
    if not record["counts"]["rows"] and job.captured is None:
        raise ReplayError(f"no row was judged: there was none in {job.claims}")
    told = []
    if report:
        from pipeline.replay.report.report import report_of  # charts load slowly

        data, page = report_of(job)
        told.append(f"report: {page}; its figures: {data}")
    if cases:
        from pipeline.replay.report.cases import FILE, publish_cases, write_cases

        told.append(f"{write_cases(job.out, job.packs):,} cases: {job.out / FILE}")
        if publish:
            published = publish_cases(job.out, settings)
            if published.refused:
                raise ReplayError(
                    f"{len(published.refused):,} of the cases were refused by the brokers, {published.delivered:,} taken; "
                    f"the first: {published.refused[0]}. Sending again does no harm: give the same command again"
                )
            told.append(f"{published.delivered:,} cases published to {settings.output_prefix}claim-cases")
    return told


def _clock(
    day: dt.datetime | None, at_settlement: bool, as_recorded: bool, as_known_now: bool, *, from_topic: bool
) -> Clock:
    from pipeline.replay.knowledge.register import Clock, ClockMode

    given = {
        "--as-known-on": day is not None,
        "--as-known-at-settlement": at_settlement,
        "--as-recorded": as_recorded,
        "--as-known-now": as_known_now,
    }
    named = [name for name, is_given in given.items() if is_given]
    if len(named) > 1:
        fail(f"{named[0]} and {named[1]} are two clocks; give one", Exit.USAGE)
    if as_recorded and not from_topic:
        fail("--as-recorded needs recorded verdicts; it goes with --from-topic", Exit.USAGE)
    if day is not None:
        return Clock(ClockMode.KNOWN_ON, day.date())
    if at_settlement:
        return Clock(ClockMode.AT_SETTLEMENT)
    return Clock(ClockMode.EVERYTHING if as_known_now or not from_topic else ClockMode.AS_RECORDED)
