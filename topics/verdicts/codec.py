"""From rulings to the bytes of verdicts and cases. Field order is the contract's, so equal verdicts are equal bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import repeat

import msgspec
import polars as pl

from rules.screens.index import FIRST_DAY, LAST_DAY
from rules.screens.table import Ruling
from rules.screens.verdict import Screen
from rules.vocabulary import Disposition
from rules.wording.explanation import explain

RULING_FIELDS = ("disposition", "reason", "exempted_ground", "cost_bearer", "rule_pack", "citations")


def _ruling_field(ruling: Ruling, field: str) -> str | list[str] | None:
    if field == "rule_pack":
        return ruling.pack.name
    if field == "citations":
        return list(ruling.citations)
    value = getattr(ruling, field)
    return None if value is None else str(value)


class VerdictCodec:
    """Makes verdict frames for one `Screen`. Holds the rulings' fields as columns, to be gathered by ruling number."""

    def __init__(self, screen: Screen) -> None:
        self._rulings = screen.rulings
        self._flagged = pl.Series([ruling.disposition is not Disposition.PAY for ruling in screen.rulings])
        self._columns = {
            field: pl.Series(
                field,
                [_ruling_field(ruling, field) for ruling in screen.rulings],
                dtype=pl.List(pl.String) if field == "citations" else pl.String,
            )
            for field in RULING_FIELDS
        }

    def verdicts(self, claims: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
        """The verdict of every claim, as the columns of the wire up to and including standing_revision.

        `claims` are decoded claims, `decided` what `Screen.decide` answered for them.
        """
        ruling = decided["ruling"]
        picked = {field: column.gather(ruling) for field, column in self._columns.items()}
        return claims.select(
            "claim_id",
            "claim_version",
            "region",
            "institution_code",
            "physician_code",
            "encounter_type",
            "service_date",
            "fund_amount",
            picked["disposition"],
            picked["reason"],
            picked["exempted_ground"],
            picked["cost_bearer"],
            decided["standing"],
            _period(decided),
            picked["rule_pack"],
            picked["citations"],
            decided["revision"].alias("standing_revision"),
        )

    def flagged(self, decided: pl.DataFrame) -> pl.Series:
        """Which claims open a case: every reject and every review."""
        return self._flagged.gather(decided["ruling"])

    def cases(
        self,
        verdicts: pl.DataFrame,
        rulings: pl.Series,
        documents: Sequence[str],
        evidence: Sequence[tuple[str, ...]],
        opened_at: str | Sequence[str],
    ) -> list[dict[str, str | bytes]]:
        """The case record {"key", "value"} of every verdict given; all of them must be flagged.

        `documents` are the verdicts' own JSON. A case is the verdict's fields and, after them, its id, when it was opened,
        the explanation in both languages and the ids of the events behind the standing. `opened_at` is one time for all, or
        one a case.
        """
        made: list[dict[str, str | bytes]] = []
        columns = (
            "claim_id",
            "claim_version",
            "physician_code",
            "institution_code",
            "encounter_type",
            "service_date",
            "standing",
            "penalty_period",
        )
        rows = verdicts.select(columns).iter_rows()
        opened = repeat(opened_at, verdicts.height) if isinstance(opened_at, str) else opened_at
        for row, ruling_number, document, causes, at in zip(rows, rulings, documents, evidence, opened, strict=True):
            ruling = self._rulings[ruling_number]
            number = case_id(row[0], row[1], ruling.ground)
            tail = _CaseTail(
                case_id=number,
                opened_at=at,
                explanation=explain(ruling, *row[2:]),
                evidence=causes,
            )
            made.append({"key": number, "value": document[:-1].encode() + b"," + _encode(tail)[1:]})
        return made


class _CaseTail(msgspec.Struct, gc=False):
    case_id: str
    opened_at: str
    explanation: dict[str, str]
    evidence: tuple[str, ...]


_encode = msgspec.json.Encoder().encode


def _period(decided: pl.DataFrame) -> pl.Series:
    """penalty_period as two ISO dates, an open end null; null where there is no window."""
    if decided["window_start"].null_count() == decided.height:
        return pl.Series("penalty_period", [None] * decided.height, dtype=pl.List(pl.String))

    def date(column: str, open_day: int) -> pl.Expr:
        return pl.when(pl.col(column) != open_day).then(pl.col(column)).cast(pl.Date).dt.to_string("%Y-%m-%d")

    return decided.select(
        pl.when(pl.col("window_start").is_not_null())
        .then(pl.concat_list(date("window_start", FIRST_DAY), date("window_end", LAST_DAY)))
        .alias("penalty_period")
    )["penalty_period"]


def to_documents(
    verdicts: pl.DataFrame, topic: str, partitions: pl.Series, offsets: pl.Series, screened_at: str | pl.Series
) -> list[str]:
    """JSON text of every verdict, with its source and the time of screening (one for all, or one a verdict)."""
    if verdicts.is_empty():
        return []
    source = verdicts.select(pl.lit(topic).alias("topic"), partitions.alias("partition"), offsets.alias("offset"))
    return (
        verdicts.select(
            pl.struct(
                *verdicts.columns,
                source.to_struct("source"),
                (pl.lit(screened_at) if isinstance(screened_at, str) else screened_at).alias("screened_at"),
            ).struct.json_encode()
        )
        .to_series()
        .to_list()
    )


def case_id(claim_id: str, claim_version: int, ground: str) -> str:
    """The id of a case: the same claim, version and ground always give the same one."""
    text = f"{claim_id}\x1f{claim_version}\x1f{ground}"
    return f"case-{hashlib.sha256(text.encode()).hexdigest()[:24]}"
