"""`screening precheck`: the answer before the money, as a process."""

from __future__ import annotations

import click

from pipeline.cli.exits import Exit, fail
from pipeline.cli.options import bootstrap_option, settings_of, tell_of_packs
from pipeline.cli.signals import Stop, leave


@click.command()
@bootstrap_option
@click.option("--instance-id", help="Stable name of this process [env: SCREENING_INSTANCE_ID]")
@click.option(
    "--metrics-port",
    type=click.IntRange(0, 65535),
    help="HTTP port of the interface and the pages; 0 takes a free one [env: SCREENING_METRICS_PORT]",
)
@click.option(
    "--new-token",
    metavar="INSTITUTION[,...]",
    help="Print a new token, and the line of SCREENING_PRECHECK_TOKENS_FILE that lets it in, and do nothing else.",
)
def precheck(
    bootstrap_servers: str | None, instance_id: str | None, metrics_port: int | None, new_token: str | None
) -> None:
    """Answers over HTTP what the gate would say of a claim, before it is settled; no verdict is written.

    POST /v1/precheck takes one claim or a list of up to 1,000, GET /v1/physicians/REGION/CODE the standing of a day, and
    POST /v1/national transactions 3101, 3102 and 3103 of the national interface, of which feedback (3103) goes to the topic
    `precheck-feedback`. The interface describes itself at /openapi.json; docs/precheck.md shows it with curl. Every answer says
    by what state of the register it was given; when that is not current, SCREENING_STALENESS_POLICY decides as at the gate.

    Stops cleanly on SIGTERM or Ctrl-C. Several processes may run behind any balancer.

    Exit code 0: stopped as asked; 1: cannot go on, the last log event says why; 2: settings that cannot be used.

    \b
    Example:
      screening precheck --new-token H52270100001
      SCREENING_PRECHECK_TOKENS_FILE=tokens.txt screening precheck --metrics-port 9470
    """
    if new_token is not None:
        _print_token(new_token)
        return
    stop = Stop()
    from confluent_kafka import KafkaException

    from pipeline.cli.running import run_until_stopped
    from pipeline.inputs.errors import MappingError
    from pipeline.intake.classes import load_classes
    from pipeline.kafka.diagnostics import ClusterError
    from pipeline.precheck.events import PrecheckFailed
    from pipeline.precheck.service import Precheck
    from pipeline.screening.view import ViewError
    from pipeline.settings.packs import load_pack_set
    from pipeline.telemetry.logs import configure_logs

    stop.by(leave)
    settings = settings_of(bootstrap_servers=bootstrap_servers, instance_id=instance_id, metrics_port=metrics_port)
    try:
        classes = load_classes(settings.intake_classes_file)
    except MappingError as error:
        fail(str(error), Exit.USAGE)
    configure_logs(settings.log_format, settings.log_level)

    def made() -> Precheck:
        packs = load_pack_set(settings.packs_dir, settings.packs_on, settings.holidays_file, with_subjects=True)
        tell_of_packs(packs, "precheck")
        return Precheck(settings, packs, classes)

    run_until_stopped(
        stop, settings, made, component="precheck", failed=PrecheckFailed,
        ends_by=(ViewError, ClusterError, KafkaException),
    )  # fmt: skip


def _print_token(institutions: str) -> None:
    from pipeline.precheck.guard import new_token

    try:
        token, line = new_token(institutions)
    except ValueError as error:
        fail(f"--new-token: {error}", Exit.USAGE)
    click.echo(f"token (give it to the institution, it is not kept): {token}")
    click.echo(f"line for the file of tokens: {line}")
