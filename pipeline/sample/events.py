"""Events for the physicians whom a claims file names, so that any claims can be replayed: who practises where is the claims',
what became of each physician is made from a seed.

A physician's events follow from the seed and the code alone, whoever else is in the file. They are the sample's own histories
in the sample's own proportions; beside these, one physician in a hundred was never registered, a few places of practice were
never declared, and some events were recorded weeks after their day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec
import polars as pl

from pipeline.inputs.encodings import Encoding
from pipeline.inputs.errors import InputError
from pipeline.inputs.mapping import CONTRACT, Mapping, load_mapping
from pipeline.inputs.sources import open_inputs, slices
from pipeline.sample.files import write_lines
from pipeline.sample.histories import QIANNAN_START, History, Maker
from pipeline.sample.roster import PLACE_OF, Place
from rules.events import Event, OptOut, SiteDeclaration, encode

_OTHERWISE = "330100"
"""The sample's place under the national opinion, whose histories physicians of every further region take."""

_NEVER_REGISTERED = 0.01
_UNDECLARED, _OPTED_OUT = 0.08, 0.02
_LATE = 0.05


class Person(NamedTuple):
    """A physician as the claims show him or her: institutions with the busiest first."""

    region: str
    physician_code: str
    institutions: tuple[str, ...]


class ClaimsFileError(ValueError):
    """A file from which no physicians can be read."""


def people_of(place: Path | str, mapping: Mapping | None = None, encoding: Encoding | None = None) -> list[Person]:
    """The physicians of claims (a file, folder or pattern, under the wire contract's names or a mapping), by region and code.

    Raises ClaimsFileError when they cannot be read, or lack columns.
    """
    columns = ["region", "physician_code", "institution_code"]
    mapping = mapping or load_mapping(CONTRACT)
    counts = pl.DataFrame(schema={**dict.fromkeys(columns, pl.String), "claims": pl.UInt32})
    rows = accepted = 0
    try:
        for piece in slices(open_inputs(str(place), mapping, encoding).files, mapping):
            decoded = piece.decode()
            rows, accepted = rows + decoded.rows, accepted + decoded.claims.height
            named = decoded.claims.select(columns).drop_nulls("physician_code")
            more = named.group_by(columns).agg(pl.len().cast(pl.UInt32).alias("claims"))
            counts = pl.concat([counts, more]).group_by(columns).agg(pl.col("claims").sum())
    except InputError as error:
        raise ClaimsFileError(f"{place}: no claims with {', '.join(columns)} can be read from it: {error}") from None
    if rows and not accepted:
        raise ClaimsFileError(f"{place}: none of its {rows:,} rows is a claim; `screening replay` tells why")
    ordered = (
        counts.sort("region", "physician_code", "claims", "institution_code", descending=[False, False, True, False])
        .group_by("region", "physician_code", maintain_order=True)
        .agg("institution_code")
    )
    return [Person(region, code, tuple(institutions)) for region, code, institutions in ordered.iter_rows()]


def write_events(path: Path, people: Iterable[Person], *, seed: int) -> int:
    """Writes the events of every physician, one JSON object a line (.gz is compressed). Returns their number."""
    return write_lines(path, (encode(event) for person in people for event in events_of(seed, person)))


def events_of(seed: int, person: Person) -> Iterator[Event]:
    """The events of one physician, in the order of their days."""
    rng = Random(f"events {seed} {person.region} {person.physician_code}")
    if rng.random() < _NEVER_REGISTERED:
        return
    place = PLACE_OF.get(person.region, PLACE_OF[_OTHERWISE])
    made = History(
        person.region, person.physician_code, person.institutions[0], f"ev-{person.region}-{person.physician_code}"
    )
    _maker(rng, place)(rng, made)
    if place.has_sites:
        _practise(rng, place, made, person.institutions[1:])
    for event in sorted(made.events, key=lambda event: event.date):
        yield _late(rng, event) if rng.random() < _LATE else event


def _maker(rng: Random, place: Place) -> Maker:
    makers = [*place.marked, (place.ordinary, 1000 - sum(per_mille for _, per_mille in place.marked))]
    return rng.choices([maker for maker, _ in makers], [per_mille for _, per_mille in makers])[0]


def _practise(rng: Random, place: Place, made: History, further: Iterable[str]) -> None:
    """Declares the further institutions, nearly all of them from the beginning."""
    for institution in further:
        chance = rng.random()
        if place.has_opt_out and chance < _OPTED_OUT:
            made.add(OptOut, QIANNAN_START + dt.timedelta(days=rng.randrange(900)), institution=institution)
        elif chance >= _OPTED_OUT + _UNDECLARED:
            made.add(SiteDeclaration, made.events[0].date, institution=institution)


def _late(rng: Random, event: Event) -> Event:
    assert event.recorded_at is not None
    return msgspec.structs.replace(event, recorded_at=event.recorded_at + dt.timedelta(days=rng.randrange(7, 60)))
