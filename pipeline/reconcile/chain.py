"""The chain of revisions of each claim record (复核更正链), of which the last holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import polars as pl

from pipeline.kafka.reading import read_to_end
from pipeline.settings.model import Settings
from topics.catalogue import CLAIM_REVISIONS
from topics.messages.revisions import ClaimRevision

LAST = {
    "source_topic_id": pl.String, "source_partition": pl.Int32, "source_offset": pl.Int64, "number": pl.Int32,
    "disposition": pl.String, "reason": pl.String, "exempted_ground": pl.String, "cost_bearer": pl.String,
    "standing": pl.String, "rule_pack": pl.String, "standing_revision": pl.Int64, "institution_revision": pl.Int64,
}  # fmt: skip
"""The last revision of a claim record, and what it says."""


def read_revisions(settings: Settings) -> Iterator[ClaimRevision]:
    """Every revision that is published. Raises ClusterError, and ValidationError for a record that is no revision."""
    for record in read_to_end(settings, CLAIM_REVISIONS.name, group=settings.group_id):
        yield ClaimRevision.model_validate_json(record.value() or b"")


def chain_of(revisions: Iterable[ClaimRevision]) -> pl.DataFrame:
    """The last of the revisions of every claim record, as LAST."""
    last: dict[tuple[str | None, int, int], ClaimRevision] = {}
    for revision in revisions:
        where = revision.source.topic_id, revision.source.partition, revision.source.offset
        if where not in last or last[where].number < revision.number:
            last[where] = revision
    rows = [
        (
            *where, one.number, one.new.disposition.value, one.new.reason.value,
            None if one.new.exempted_ground is None else one.new.exempted_ground.value, one.new.cost_bearer.value,
            one.new.standing.value, one.new.rule_pack, one.new.standing_revision, one.new.institution_revision,
        )
        for where, one in last.items()
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=LAST, orient="row")


def followed_by(chain: pl.DataFrame, revisions: Iterable[ClaimRevision]) -> pl.DataFrame:
    """A chain with later revisions at its end."""
    later = chain_of(revisions)
    places = list(LAST)[:3]
    return pl.concat([chain.join(later, on=places, how="anti", nulls_equal=True), later])
