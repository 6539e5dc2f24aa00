"""What is published now: by which revisions of standings claims would be judged, for all owners of standings."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import polars as pl

from pipeline.kinds import Kind
from rules.timeline import AnyTimeline
from topics.events.acceptance import OwnerKind

_NOW = {"region": pl.String, "code": pl.String, "now": pl.Int64, "places": pl.UInt32}


@dataclass(slots=True)
class Revisions:
    """The revision of every owner's standing, by the keys of the standing topics."""

    by_kind: dict[OwnerKind, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    touched: dict[OwnerKind, set[str]] = field(default_factory=dict)
    """Whose standing has become another one since somebody emptied this, by the keys of the standing topics."""

    def heard(self, kind: Kind, name: str, timeline: AnyTimeline | None) -> None:
        """A standing is another one, or (None) nothing readable is published any more."""
        self.touched.setdefault(kind.name, set()).add(name)
        if timeline is None:
            self.by_kind[kind.name].pop(name, None)
        else:
            self.by_kind[kind.name][name] = timeline.revision

    def of(self, kind: OwnerKind) -> pl.DataFrame:
        """A row for each code: where it is recorded last (`region`) and by which revision (`now`), and in how many places."""
        owners = [(*name.split("|", 1), revision) for name, revision in self.by_kind[kind].items()]
        frame = pl.DataFrame(owners, schema={name: _NOW[name] for name in ("region", "code", "now")}, orient="row")
        return frame.group_by("code").agg(
            pl.col("region").max(), pl.col("now").max(), pl.len().cast(pl.UInt32).alias("places")
        )

    def insured(self) -> list[str]:
        """The ids of insured persons of whom anything is recorded, in capital letters, as claims are asked by."""
        return sorted({name.split("|", 1)[1].upper() for name in self.by_kind["insured"]})

    def with_departments(self) -> list[str]:
        """The codes of institutions of whose departments anything is recorded, in capital letters."""
        return sorted({name.split("|")[1].upper() for name in self.by_kind["department"]})
