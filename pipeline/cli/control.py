"""The command `screening control`."""

from __future__ import annotations

import click

from pipeline.cli.options import bootstrap_option, tell_of_packs
from pipeline.cli.signals import Stop, leave


@click.command()
@bootstrap_option
@click.option("--group-id", help="Consumer group of the control plane [env: SCREENING_CONTROL_GROUP_ID]")
@click.option("--data-dir", type=click.Path(file_okay=False), help="Folder of the tables [env: SCREENING_DATA_DIR]")
@click.option(
    "--metrics-port", type=click.IntRange(0, 65535), help="HTTP port; 0 takes a free one [env: SCREENING_METRICS_PORT]"
)
def control(
    bootstrap_servers: str | None, group_id: str | None, data_dir: str | None, metrics_port: int | None
) -> None:
    """Runs the control plane: events become standings, deadlines become notices, and cases are kept.

    Stops cleanly on SIGTERM or Ctrl-C. Several processes share the partitions of the topics. The page /physicians/REGION/CODE
    of the HTTP port shows one dossier.

    Exit code 0: stopped as asked; 1: cannot go on, the last log event says why; 2: a setting cannot be used.

    \b
    Example:
      SCREENING_BOOTSTRAP_SERVERS=localhost:9092 screening control --metrics-port 9465
    """
    stop = Stop()
    from pipeline.cli.exits import Exit, fail
    from pipeline.control.clock import ClockError
    from pipeline.control.events import ControlFailed
    from pipeline.control.service import Control, ControlError
    from pipeline.kafka.diagnostics import ClusterError
    from pipeline.settings.model import SettingsError, load_settings
    from pipeline.settings.packs import load_pack_set
    from pipeline.telemetry.events import Teller
    from pipeline.telemetry.logs import configure_logs, logger
    from rules.packs.pack import PackError

    stop.by(leave)  # until the event loop has handlers of its own
    try:
        settings = load_settings(
            bootstrap_servers=bootstrap_servers, control_group_id=group_id, data_dir=data_dir, metrics_port=metrics_port
        )
        configure_logs(settings.log_format, settings.log_level)
        packs = load_pack_set(settings.packs_dir, settings.packs_on, settings.holidays_file, with_subjects=True)
        tell_of_packs(packs, "control")
        running = Control(settings, packs)
    except (SettingsError, PackError, ClockError) as error:
        fail(str(error), Exit.USAGE)
    except OSError as error:
        fail(f"cannot begin: {error}; check SCREENING_METRICS_PORT and SCREENING_DATA_DIR")
    try:
        running.run()
    except (ControlError, ClusterError) as error:
        Teller(logger(component="control", instance=running.instance), running.metrics).tell(ControlFailed(str(error)))
        raise SystemExit(Exit.FAILED) from None
