"""Verdicts as they are written: one rule set with what it knows, applied to a slice of claims."""

from __future__ import annotations

from typing import Any

import polars as pl

from pipeline.inputs.decode import Decoded
from pipeline.inputs.slicing import Slice
from pipeline.replay.output import (
    CHINA_ZONE,
    REJECTED_SCHEMA,
    VERDICT_SCHEMA,
)
from rules.screens.facts import KNOWN
from rules.screens.index import StandingIndex
from rules.screens.rows import FIRST_DAY, LAST_DAY
from rules.screens.verdict import Screen
from topics.verdicts.shape import CLAIM_NAMES, PARQUET_COLUMNS, ruling_columns

_CHINA_US = 8 * 3_600_000_000
_DAY_US = 86_400_000_000


class Judge:
    """One rule set with what it knows: claims in, verdicts as they are written out. May be used by several threads at once."""

    def __init__(self, screen: Screen, index: StandingIndex) -> None:
        self.screen = screen
        self._index = index
        rulings = screen.rulings
        self._ruled = ruling_columns(rulings, PARQUET_COLUMNS)
        self._flagged = pl.Series([ruling.disposition.opens_case for ruling in rulings])
        self._evidence, self._institution_evidence = index.evidence()
        self._warm_up()

    def _warm_up(self) -> None:
        """The index sorts its names when it is first asked, which two threads must not do at once."""
        claims = pl.DataFrame(
            {"region": ["0"] * _WARM, "institution_code": ["0"] * _WARM, "physician_code": ["0"] * _WARM},
            schema_overrides={"region": pl.String},
        ).with_columns(
            pl.lit(None, VERDICT_SCHEMA["encounter_type"]).alias("encounter_type"),
            pl.lit(0, pl.Int32).alias("day"),
            pl.lit(None, pl.Int32).alias("start_day"),
            *(pl.lit(0, pl.Int64).alias(name) for name in KNOWN if name != "known_departments"),
            pl.lit(None, pl.String).alias("known_departments"),
        )
        self.screen.decide(claims, self._index)

    def verdicts(self, claims: pl.DataFrame, first_row: int) -> pl.DataFrame:
        """The verdicts on decoded claims, as VERDICT_SCHEMA; `first_row` is the source row of the slice's first."""
        decided = self.screen.decide(claims, self._index)
        ruling = decided["ruling"]
        flagged = self._flagged.gather(ruling)
        days = {"service_date": pl.col("day").cast(pl.Date).alias("service_date")}
        local = (pl.col("instant") + _CHINA_US).floordiv(_DAY_US).cast(pl.Int32).cast(pl.Date)
        return claims.select(
            (pl.col("row") + first_row).alias("source_row"),
            *(days.get(name, pl.col(name)) for name in CLAIM_NAMES),
            *(column.gather(ruling) for column in self._ruled.values()),
            decided["standing"],
            _period(decided),
            decided["revision"].alias("standing_revision"),
            pl.from_epoch("instant", "us")
            .dt.replace_time_zone("UTC")
            .dt.convert_time_zone(CHINA_ZONE)
            .alias("settlement_time"),
            local.dt.month_start().alias("settlement_month"),
            ruling,
            self._causes(decided, flagged).alias("evidence"),
            decided["people"],
        ).select(*VERDICT_SCHEMA)

    def _causes(self, decided: pl.DataFrame, flagged: pl.Series) -> pl.Series:
        span = _numbers(decided["span"], flagged)
        institution_span = _numbers(decided["institution_span"], flagged)
        none = pl.Series([[]], dtype=pl.List(pl.String))
        parts = [
            source.gather(numbers)
            if len(source)
            else pl.Series([None], dtype=pl.List(pl.String)).new_from_index(0, len(numbers))
            for source, numbers in ((self._evidence, span), (self._institution_evidence, institution_span))
        ]
        frame = pl.DataFrame(
            {"own": parts[0], "other": parts[1], "flagged": flagged, "none": none.new_from_index(0, len(flagged))}
        )
        own = pl.coalesce("own", "none")
        both = pl.when(pl.col("other").list.len() > 0).then(pl.concat_list(own, "other")).otherwise(own)
        causes = frame.select(pl.when("flagged").then(both).alias("evidence")).to_series()
        further = (decided["people_spans"], decided["causes"])
        if all(column.null_count() == len(decided) for column in further):
            return causes
        found = causes.to_list()
        for row, spans in enumerate(decided["people_spans"].to_list()):
            if spans:
                others = (cause for span in spans.split(",") for cause in self._evidence[int(span)])
                found[row] = list(dict.fromkeys([*found[row], *others]))
        for row, beside in enumerate(decided["causes"].to_list()):
            if beside:
                found[row] = list(dict.fromkeys([*(found[row] or []), *beside]))
        return pl.Series("evidence", found, dtype=pl.List(pl.String))


_WARM = 1_024


def _numbers(column: pl.Series, flagged: pl.Series) -> pl.Series:
    """Numbers of spans where a claim is flagged and has one; null elsewhere."""
    return pl.select(pl.when(flagged & (column >= 0)).then(column)).to_series()


def _period(decided: pl.DataFrame) -> pl.Series:
    def date(column: str, open_day: int) -> pl.Expr:
        return pl.when(pl.col(column) != open_day).then(pl.col(column)).cast(pl.Date)

    period = pl.struct(date("window_start", FIRST_DAY).alias("from"), date("window_end", LAST_DAY).alias("to"))
    shown = pl.when(pl.col("window_start").is_not_null()).then(period)
    return decided.select(shown.alias("penalty_period")).to_series()


def rejected_frame(decoded: Decoded, piece: Slice) -> pl.DataFrame:
    """The rows of a slice that are no claims, as REJECTED_SCHEMA."""
    rows = [
        (piece.first_row + item.row, piece.file, piece.line_of(item.row), item.kind, item.field, item.problem, item.raw)
        for item in decoded.rejected
    ]
    return pl.DataFrame(rows, schema=REJECTED_SCHEMA, orient="row")


def tally(verdicts: pl.DataFrame) -> list[list[Any]]:
    """Ruling, claims and fund share of every ruling that occurs."""
    counted = verdicts.group_by("ruling").agg(pl.len().alias("claims"), pl.col("fund_amount").sum().alias("fund"))
    return [[ruling, claims, str(fund)] for ruling, claims, fund in counted.sort("ruling").iter_rows()]
