"""`screening archive`: claims and verdicts as Delta tables."""

from __future__ import annotations

import json

import click

from pipeline.cli.exits import Exit, fail
from pipeline.cli.options import bootstrap_option, json_option, settings_of
from pipeline.cli.signals import Stop, leave


@click.command()
@bootstrap_option
@click.option("--to", "place", metavar="FOLDER|URL", help="Where the tables are [env: SCREENING_ARCHIVE_URL]")
@click.option(
    "--until-end", is_flag=True, help="End when all that is there now is archived, after joining small files."
)
@click.option("--instance-id", help="Stable name of this process [env: SCREENING_INSTANCE_ID]")
@click.option(
    "--metrics-port", type=click.IntRange(0, 65535), help="HTTP port; 0 takes a free one [env: SCREENING_METRICS_PORT]"
)
@json_option
def archive(
    bootstrap_servers: str | None,
    place: str | None,
    until_end: bool,
    instance_id: str | None,
    metrics_port: int | None,
    as_json: bool,
) -> None:
    """Keeps every claim and every verdict as rows of two Delta tables, each exactly once.

    The tables `claims` and `verdicts` lie in a folder or a store such as S3. They are partitioned by the year of service and a
    bucket of the physician, and sorted by physician and day. A restart goes on where the tables end. Small files are joined and
    old ones removed by the process itself. One process writes an archive: a second one is refused by the tables.

    It stops cleanly on SIGTERM or Ctrl-C. With --until-end it is a run that ends, and tells what it has written.

    Exit code 0: stopped as asked, or all is archived; 1: cannot go on, the last log event says why; 2: the settings cannot be
    used.

    \b
    Example:
      screening archive --to /var/lib/screening/archive
      screening archive --to s3://fund/archive --until-end --json
    """
    stop = Stop()
    from confluent_kafka import KafkaException
    from deltalake.exceptions import DeltaError

    from pipeline.archive.events import ArchiveFailed
    from pipeline.archive.live import Archive, ArchiveError
    from pipeline.cli.running import run_until_stopped
    from pipeline.kafka.diagnostics import ClusterError
    from pipeline.telemetry.console import out
    from pipeline.telemetry.logs import configure_logs

    stop.by(leave)
    if as_json and not until_end:
        fail("--json tells what a run has written; it goes with --until-end", Exit.USAGE)
    settings = settings_of(
        bootstrap_servers=bootstrap_servers, archive_url=place, instance_id=instance_id, metrics_port=metrics_port
    )
    configure_logs(settings.log_format, settings.log_level)
    made: list[Archive] = []

    def make() -> Archive:
        made.append(Archive(settings, until_end=until_end))
        return made[-1]

    run_until_stopped(
        stop, settings, make, component="archive", failed=ArchiveFailed,
        ends_by=(ArchiveError, ClusterError, KafkaException, DeltaError, OSError),
    )  # fmt: skip
    if not until_end:
        return
    told = {"place": settings.archive_place(), "archived": dict(made[-1].archived), "excluded": dict(made[-1].excluded)}
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        out.print(
            f"{told['place']}: {made[-1].archived['claims']:,} claims and {made[-1].archived['verdicts']:,} verdicts more; "
            f"{sum(made[-1].excluded.values()):,} records have no row",
            soft_wrap=True,
        )
