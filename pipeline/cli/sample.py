"""`screening sample`: generated input. The same seed gives the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click
from rich.markup import escape

from pipeline.cli.exits import fail
from pipeline.cli.options import encoding_option, mapping_option
from pipeline.inputs.encodings import Encoding
from pipeline.telemetry.console import out


@click.group()
def sample() -> None:
    """Writes generated input: the same seed gives the same bytes."""


_ENDINGS = (".ndjson", ".jsonl", ".json")


def _json_lines(_context: click.Context, _parameter: click.Parameter, file: Path) -> Path:
    """Refuses a name that promises a format that is not written: a replay would take claims.parquet for Parquet."""
    if not file.name.removesuffix(".gz").endswith(_ENDINGS):
        raise click.BadParameter(
            f"{file.name}: what is written is JSON lines; the name ends in {' or '.join(_ENDINGS)}, or in .gz after that"
        )
    return file


def _sample_command(what: Literal["claims", "events", "standing"], count: int, text: str) -> None:
    @sample.command(what, help=f"{text}\n\n\b\nExample:\n  screening sample {what} --seed 7 {what}.ndjson.gz")
    @click.argument("file", type=click.Path(path_type=Path, dir_okay=False, writable=True), callback=_json_lines)
    @click.option("--seed", default=7, show_default=True, help="The same seed gives the same bytes.")
    @click.option("--count", default=count, show_default=True, type=click.IntRange(1), help="How many to write.")
    def command(file: Path, seed: int, count: int) -> None:
        from pipeline.sample import write_sample

        try:
            written = write_sample(what, file, seed=seed, count=count)
        except OSError as error:
            fail(f"{file}: {error.strerror}")
        out.print(f"{escape(str(file))}: {written:,} lines")


_sample_command("claims", 20_000, "Writes claims, one JSON object a line; .gz is compressed.")
_sample_command(
    "events", 2_000, "Writes the events of physicians and institutions: what `screening control` makes standings of."
)
_sample_command("standing", 2_000, "Writes the standings that the law makes of the events of the same seed.")


@sample.command("events-for")
@click.argument("claims")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, writable=True), callback=_json_lines)
@mapping_option
@encoding_option
@click.option("--seed", default=7, show_default=True, help="The same seed gives the same bytes.")
def events_for_command(claims: str, file: Path, mapping: str, encoding: Encoding | None, seed: int) -> None:
    """Writes generated events for the physicians whom CLAIMS names, so that any claims can be replayed.

    CLAIMS is whatever `screening replay` reads. Institutions are the claims' own; what became of each physician is made up.
    FILE is NDJSON; a name that ends in .gz is compressed.

    Exit code 0: written; 1: the claims cannot be read.

    \b
    Example:
      screening sample events-for claims.parquet events.ndjson.gz --seed 7
    """
    from pipeline.inputs.errors import MappingError
    from pipeline.inputs.mapping import load_mapping
    from pipeline.sample.events import ClaimsFileError, people_of, write_events

    try:
        people = people_of(claims, load_mapping(mapping), encoding)
        written = write_events(file, people, seed=seed)
    except (ClaimsFileError, MappingError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from None
    click.echo(f"{file}: {written:,} events of {len(people):,} physicians")
