"""`screening sample events-for`: generated events for the physicians of a claims file."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("events-for")
@click.argument("claims", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, writable=True))
@click.option("--seed", default=7, show_default=True, help="The same seed gives the same bytes.")
def events_for_command(claims: Path, file: Path, seed: int) -> None:
    """Writes generated events for the physicians whom CLAIMS names, so that any claims can be replayed.

    CLAIMS is Parquet or NDJSON (.gz too) with the wire contract's fields. Institutions are the claims' own; what became of each
    physician is made up. FILE is NDJSON; a name that ends in .gz is compressed.

    Exit code 0: written; 1: the claims cannot be read.

    \b
    Example:
      screening sample events-for claims.parquet events.ndjson.gz --seed 7
    """
    from pipeline.sample.events import ClaimsFileError, people_of, write_events  # noqa: PLC0415  # --help must not wait

    try:
        people = people_of(claims)
        written = write_events(file, people, seed=seed)
    except ClaimsFileError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from None
    click.echo(f"{file}: {written:,} events of {len(people):,} physicians")
