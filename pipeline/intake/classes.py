"""Visit classes (医疗类别) as kinds of encounter: a dated table for each area, as data.

The same number means different things in different provinces, and what a table does not know must never become another class,
because an emergency is paid where an outpatient visit is not. The shipped table is `visit-classes.yaml`; a deployment's own
rows stand beside it and go before it where both fit as well.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from pipeline.inputs.errors import MappingError
from pipeline.inputs.mapping import Part, problems_of, read_yaml
from rules.vocabulary import EncounterType

_SHIPPED = "visit-classes.yaml"


class VisitClass(Part):
    """One row: what a code means for services in an area from a day on."""

    code: Annotated[str, Field(pattern=r"^[0-9A-Z]{1,6}$")]
    name: str
    encounter: EncounterType
    area: Annotated[str, Field(pattern=r"^[0-9]{0,6}$")]
    since: Annotated[dt.date, Field(alias="from")]
    to: dt.date | None = None
    origin: Literal["emergency"] | None = None
    sources: tuple[str, ...]

    @model_validator(mode="after")
    def _runs_forward(self) -> VisitClass:
        if self.to is not None and self.to < self.since:
            raise ValueError("to: must not be before from")
        return self


class _File(Part):
    classes: tuple[VisitClass, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What a code means: the kind of encounter, and whether it began as an emergency."""

    encounter: EncounterType
    from_emergency: bool = False


UNKNOWN = Found(EncounterType.UNKNOWN)


class VisitClasses:
    """The rows of all tables. Of those that fit a code, place and day the longest area decides, then the earlier table."""

    def __init__(self, tables: Iterable[tuple[VisitClass, ...]]) -> None:
        self._rows: dict[str, list[VisitClass]] = {}
        for table in tables:
            for row in table:
                self._rows.setdefault(row.code, []).append(row)
        for rows in self._rows.values():
            rows.sort(key=lambda row: -len(row.area))  # a stable order: earlier tables stay before later ones

    def find(self, place: str, code: str | None, day: dt.date) -> Found:
        """What a code means at a place of care (division code) for a service on a day; UNKNOWN where no row fits."""
        for row in self._rows.get(code or "", ()):
            if place.startswith(row.area) and row.since <= day and (row.to is None or day <= row.to):
                return Found(row.encounter, row.origin == "emergency")
        return UNKNOWN


def load_classes(own: Path | None = None) -> VisitClasses:
    """The shipped table, and before it the rows of a deployment's own file. Raises MappingError with everything wrong in it."""
    tables = []
    if own is not None:
        try:
            text = own.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise MappingError([f"{own}: {getattr(error, 'strerror', None) or error}"]) from error
        tables.append(parse_classes(text, own.name))
    shipped = resources.files("pipeline.intake").joinpath(_SHIPPED)
    return VisitClasses([*tables, parse_classes(shipped.read_text("utf-8"), _SHIPPED)])


def parse_classes(text: str, where: str) -> tuple[VisitClass, ...]:
    """The rows of a file's text. Raises MappingError."""
    try:
        return _File.model_validate(read_yaml(text, where)).classes
    except ValidationError as error:
        raise MappingError(problems_of(error, where)) from None
