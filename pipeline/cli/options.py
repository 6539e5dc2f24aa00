"""Options that several commands share, and the settings that they lead to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.inputs.encodings import Encoding

if TYPE_CHECKING:
    from pipeline.settings.model import Settings
    from rules.packs.pack_set import PackSet

bootstrap_option = click.option(
    "--bootstrap-servers", metavar="HOST:PORT,...", help="Kafka brokers [env: SCREENING_BOOTSTRAP_SERVERS]"
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts instead of a table.")
lang_option = click.option(
    "--lang", default="en", show_default=True, type=click.Choice(["en", "zh"]), help="Language of the output."
)

mapping_option = click.option(
    "--mapping",
    default="contract",
    show_default=True,
    metavar="NAME|FILE",
    help="Which columns of the source give the fields of a claim: a YAML file, or one of contract, desynpuf-inpatient, "
    "desynpuf-outpatient, fhir-r4-claim, fhir-r4-eob, national-precheck, national-settlement.",
)
encoding_option = click.option(
    "--encoding",
    type=click.Choice([item.value for item in Encoding], case_sensitive=False),
    callback=lambda _context, _option, value: None if value is None else Encoding(value),
    help="Encoding of text files. [default: detected from their bytes]",
)


def tell_of_packs(packs: PackSet, component: str) -> None:
    """Logs every pack that a new process would still judge by although the national transition is over (S4)."""
    from datetime import datetime

    from pipeline.cli.events import PackPastTransition
    from pipeline.telemetry.events import Teller
    from pipeline.telemetry.logs import logger
    from rules.events import CHINA
    from rules.packs.warnings import WarningCode, warnings

    teller = Teller(logger(component=component), None)
    for told in warnings(packs.packs, datetime.now(CHINA).date()):
        if told.code is WarningCode.PAST_TRANSITION:
            teller.tell(PackPastTransition(told.pack, told.text.en))


METRICS_SUFFIX = ".prom"
"""node_exporter's textfile collector reads files of this name only."""


def _metrics_file(_context: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    """Refuses what nobody would ever read, and what nobody could write."""
    if value is not None and value.suffix != METRICS_SUFFIX:
        raise click.BadParameter(f"{value}: node_exporter reads files named *{METRICS_SUFFIX} only", param=parameter)
    if value is not None and not value.absolute().parent.is_dir():
        raise click.BadParameter(f"{value}: there is no folder {value.absolute().parent}", param=parameter)
    return value


metrics_file_option = click.option(
    "--metrics-file",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_metrics_file,
    metavar="FILE.prom",
    help="Write the result as Prometheus metrics, for node_exporter's textfile collector.",
)


def settings_of(**overrides: Any) -> Settings:
    """Settings from the environment, with what the command line says instead. Exits 2 when they cannot be used."""
    from pipeline.cli.exits import Exit, fail
    from pipeline.settings.model import SettingsError, load_settings

    try:
        return load_settings(**overrides)
    except SettingsError as error:
        fail(str(error), Exit.USAGE)
