"""From rulings to the bytes of verdicts and cases. Field order is the contract's, so equal verdicts are equal bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import repeat

import msgspec
import polars as pl

from rules.screens.index import FIRST_DAY, LAST_DAY
from rules.screens.verdict import Screen
from rules.wording.explanation import explain
from topics.messages import VerdictRegister
from topics.verdicts.shape import VERDICT_NAMES, WIRE_COLUMNS, ruling_columns


class VerdictCodec:
    """Makes verdict frames for one `Screen`. Holds the rulings' fields as columns, to be gathered by ruling number."""

    def __init__(self, screen: Screen) -> None:
        self._rulings = screen.rulings
        self._flagged = pl.Series([ruling.disposition.opens_case for ruling in screen.rulings])
        self._columns = ruling_columns(screen.rulings, WIRE_COLUMNS)

    def verdicts(self, claims: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
        """The verdict of every claim, as the columns of the wire up to and including standing_revision.

        `claims` are decoded claims, `decided` what `Screen.decide` answered for them.
        """
        ruling = decided["ruling"]
        given = {
            **{name: column.gather(ruling) for name, column in self._columns.items()},
            "standing": decided["standing"],
            "penalty_period": _period(decided),
            "standing_revision": decided["revision"].alias("standing_revision"),
        }
        return claims.select(given.get(name, pl.col(name)) for name in VERDICT_NAMES)

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
    verdicts: pl.DataFrame,
    topic: str,
    partitions: pl.Series,
    offsets: pl.Series,
    screened_at: str | pl.Series,
    register: VerdictRegister | None = None,
) -> list[str]:
    """JSON text of every verdict, with its source and the time of screening (one for all, or one a verdict).

    `register` says by what state of the register all of them were judged; without it the field is absent.
    """
    if verdicts.is_empty():
        return []
    source = verdicts.select(pl.lit(topic).alias("topic"), partitions.alias("partition"), offsets.alias("offset"))
    documents: list[str] = (
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
    if register is None:
        return documents
    # One text for all: as a column it would be encoded anew for each of them.
    last = f',"register":{register.model_dump_json()}}}'
    return [document[:-1] + last for document in documents]


def case_id(claim_id: str, claim_version: int, ground: str) -> str:
    """The id of a case: the same claim, version and ground always give the same one."""
    text = f"{claim_id}\x1f{claim_version}\x1f{ground}"
    return f"case-{hashlib.sha256(text.encode()).hexdigest()[:24]}"
