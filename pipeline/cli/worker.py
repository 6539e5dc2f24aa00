"""`screening worker`: the gate as a process."""

from __future__ import annotations

import click

from pipeline.cli.options import bootstrap_option, settings_of, tell_of_packs
from pipeline.cli.signals import Stop, leave


@click.command()
@bootstrap_option
@click.option("--group-id", help="Consumer group [env: SCREENING_GROUP_ID]")
@click.option("--instance-id", help="Stable name of this worker [env: SCREENING_INSTANCE_ID]")
@click.option(
    "--metrics-port", type=click.IntRange(0, 65535), help="HTTP port; 0 takes a free one [env: SCREENING_METRICS_PORT]"
)
def worker(
    bootstrap_servers: str | None, group_id: str | None, instance_id: str | None, metrics_port: int | None
) -> None:
    """Runs the gate: reads claims, judges them, writes verdicts, cases and dead letters, exactly once.

    Stops cleanly on SIGTERM or Ctrl-C. Several workers share the partitions of the topic.

    Exit code 0: stopped as asked; 1: cannot go on, the last log event says why.

    \b
    Example:
      SCREENING_BOOTSTRAP_SERVERS=localhost:9092 screening worker --metrics-port 9464
    """
    stop = Stop()
    from confluent_kafka import KafkaException

    from pipeline.cli.running import run_until_stopped
    from pipeline.kafka.transactions import TransactionFatal
    from pipeline.screening.events import WorkerFailed
    from pipeline.screening.ownership import WorkerError
    from pipeline.screening.view import ViewError
    from pipeline.screening.worker import Worker
    from pipeline.settings.packs import load_pack_set
    from pipeline.telemetry.logs import configure_logs

    stop.by(leave)
    settings = settings_of(
        bootstrap_servers=bootstrap_servers, group_id=group_id, instance_id=instance_id, metrics_port=metrics_port
    )
    configure_logs(settings.log_format, settings.log_level)

    def made() -> Worker:
        packs = load_pack_set(settings.packs_dir, settings.packs_on, settings.holidays_file, with_subjects=True)
        tell_of_packs(packs, "worker")
        return Worker(settings, packs)

    run_until_stopped(
        stop, settings, made, component="worker", failed=WorkerFailed,
        ends_by=(ViewError, WorkerError, TransactionFatal, KafkaException),
    )  # fmt: skip
