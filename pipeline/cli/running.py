"""A process of the command line that reads and commits until it is stopped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from pipeline.cli.exits import Exit, fail
from pipeline.cli.signals import Stop
from pipeline.kafka.diagnostics import words_of
from pipeline.settings.model import Settings, SettingsError
from pipeline.telemetry.events import Event, Teller
from pipeline.telemetry.logs import logger
from rules.packs.errors import PackError


class Process(Protocol):
    """What runs: a worker, an intake."""

    instance: str
    metrics: Any

    def run(self) -> None:
        """Works until it is stopped."""

    def stop(self) -> None:
        """Asks it to stop."""


def run_until_stopped(
    stop: Stop,
    settings: Settings,
    make: Callable[[], Process],
    *,
    component: str,
    failed: Callable[[str], Event[Any]],
    ends_by: tuple[type[Exception], ...],
) -> None:
    """Makes a process and runs it until a signal comes.

    Exits 2 for packs or settings that cannot be used, 1 where its pages cannot be served; also 1 when one of the errors that it
    `ends_by` comes, which is logged as the event `failed`.
    """
    try:
        running = make()
    except (PackError, SettingsError) as error:
        fail(str(error), Exit.USAGE)
    except OSError as error:
        fail(
            f"cannot serve metrics on {settings.metrics_host}:{settings.metrics_port}: {error}; set SCREENING_METRICS_PORT"
        )
    stop.by(running.stop)
    try:
        running.run()
    except ends_by as error:
        Teller(logger(component=component, instance=running.instance), running.metrics).tell(failed(words_of(error)))
        raise SystemExit(Exit.FAILED) from None
