"""The decision: a frame of claims in, one ruling a claim out.

This is the only definition. The gate, replay, conformance and explanations all call `Screen.decide`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from rules.packs.pack import PackSet
from rules.screens.index import (
    INSTITUTION_UNREADABLE,
    NO_STANDING,
    NO_WINDOW,
    STANDING_CODE,
    STANDINGS,
    UNREADABLE,
    StandingIndex,
    day_number,
)
from rules.screens.table import (
    ENCOUNTER,
    REGISTER_FRESH,
    REGISTER_STALE,
    REGISTER_UNREADABLE,
    DecisionTable,
    Ruling,
)
from rules.vocabulary import Disposition, Reason, Standing

DRUG_FIELDS = ("dual_channel", "external", "separate", "within_scope", "within_dosage", "price_ok")

CLAIM_FACTS: dict[str, pl.DataType | type[pl.DataType]] = {
    "region": pl.String,
    "physician_code": pl.String,
    "institution_code": pl.String,
    "encounter_type": ENCOUNTER,
    "day": pl.Int32,
    "start_day": pl.Int32,
    **dict.fromkeys(DRUG_FIELDS, pl.Boolean),
}
"""What `decide` reads of a claim. physician_code is null for a missing, empty or blank code and has no surrounding white
space; day and start_day are days since 1970-01-01; the drug fields are null unless the claim has a drug object (the
columns may be left out altogether)."""

STANDING = pl.Enum([standing.value for standing in STANDINGS])


class Screen:
    """The packs of a process, compiled. `rulings` holds every pack's outcome tables, one after the other."""

    def __init__(self, packs: PackSet) -> None:
        self.packs = packs
        self.rulings: list[Ruling] = []
        self._tables: list[DecisionTable] = []
        for pack in packs.packs:
            table = DecisionTable(pack, len(self.rulings))
            self._tables.append(table)
            self.rulings.extend(table.rulings)
        self._rejecting = np.array([_rank(ruling.disposition) for ruling in self.rulings], np.uint8)
        self._by_ground = {
            reason: np.array([ruling.ground is reason for ruling in self.rulings], np.bool_)
            for reason in (
                Reason.RULE_NOT_IN_FORCE,
                Reason.OPTED_OUT,
                Reason.STRADDLES_PENALTY,
                Reason.STRADDLES_ABNORMAL,
                Reason.STANDING_STALE,
                Reason.STANDING_UNREADABLE,
            )
        }

    def decide(self, claims: pl.DataFrame, index: StandingIndex, *, stale: bool = False) -> pl.DataFrame:
        """Rules on every claim of a frame (columns of CLAIM_FACTS), in its order.

        Answers the columns ruling (UInt16, a position in `rulings`), standing (Enum), window_start and window_end
        (Int32 days, null: no window; FIRST_DAY or LAST_DAY: open), revision (Int64, null: nothing known), span and
        institution_span (Int32, for `StandingIndex.causes`).

        `stale` says that the register is too old to judge by; what would have asked it goes to review.
        """
        claims = self._prepare(claims)
        facts = index.gather(claims)
        frame = self._with_register(claims.hstack(facts), stale=stale)
        ruling = self._rule(frame)
        ruling, base = self._settle_contested(claims, frame, ruling, index, stale=stale)
        return self._describe(frame, ruling, base)

    def _prepare(self, claims: pl.DataFrame) -> pl.DataFrame:
        pack_number = self._pack_numbers(claims["region"].unique().to_list())
        missing = [field for field in DRUG_FIELDS if field not in claims.columns]
        return claims.with_columns(
            pl.concat_str("region", pl.lit("|"), "physician_code").alias("physician_key"),
            pl.concat_str("region", pl.lit("|"), "institution_code").alias("institution_key"),
            pack_number.alias("pack_number"),
            *(pl.lit(None, pl.Boolean).alias(field) for field in missing),
        )

    def _pack_numbers(self, regions: Sequence[str]) -> pl.Expr:
        """The pack that answers for each claim's region on its service day (S1), as a position in the set's packs."""
        laws = {region: self.packs.law(region).segments for region in regions}
        if not laws:  # a batch in which nothing is a claim: of an empty mapping polars makes strings
            return pl.lit(None, pl.UInt16)
        first = {region: self.packs.number_of(segments[0].pack) for region, segments in laws.items()}
        number = pl.col("region").replace_strict(first, return_dtype=pl.UInt16)
        for region, segments in laws.items():
            for segment in segments[1:]:
                if segment.start is not None:
                    later = (pl.col("region") == pl.lit(region)) & (pl.col("day") >= day_number(segment.start))
                    position = pl.lit(self.packs.number_of(segment.pack), pl.UInt16)
                    number = pl.when(later).then(position).otherwise(number)
        return number

    def _with_register(self, frame: pl.DataFrame, *, stale: bool) -> pl.DataFrame:
        asking = [number for number, table in enumerate(self._tables) if table.asks_institution]
        unreadable = (pl.col("flags") & pl.lit(UNREADABLE, pl.UInt8)) != 0
        unreadable |= (pl.col("institution") == INSTITUTION_UNREADABLE) & pl.col("pack_number").is_in(asking)
        return frame.with_columns(
            pl.when(unreadable)
            .then(pl.lit(REGISTER_UNREADABLE, pl.UInt8))
            .otherwise(pl.lit(REGISTER_STALE if stale else REGISTER_FRESH, pl.UInt8))
            .alias("register")
        )

    def _rule(self, frame: pl.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.uint16]]:
        """Ruling of every row, each under the pack of its region."""
        present = frame["pack_number"].unique().to_list()
        if len(present) == 1:
            return frame.select(self._tables[present[0]].expression.alias("ruling"))["ruling"].to_numpy()
        answer = np.zeros(frame.height, np.uint16)
        for number in present:
            mask = (frame["pack_number"] == number).to_numpy()
            part = frame.filter(pl.Series(mask))
            answer[mask] = part.select(self._tables[number].expression.alias("ruling"))["ruling"].to_numpy()
        return answer

    def _settle_contested(
        self,
        claims: pl.DataFrame,
        frame: pl.DataFrame,
        ruling: np.ndarray[tuple[int], np.dtype[np.uint16]],
        index: StandingIndex,
        *,
        stale: bool,
    ) -> tuple[np.ndarray[tuple[int], np.dtype[np.uint16]], np.ndarray[tuple[int], np.dtype[np.uint16]]]:
        """Determination Q2: judge once more with late upholdings honoured; where the dispositions differ, review.

        Returns the settled rulings and the rulings before that, which still say what the other fields are.
        """
        at = np.flatnonzero(frame["contested"].to_numpy())
        if not len(at):
            return ruling, ruling
        second_claims = claims[at]
        second = self._rule(
            self._with_register(second_claims.hstack(index.gather(second_claims, contested=True)), stale=stale)
        )
        settled = ruling.copy()
        for row, with_upholding in zip(at, second, strict=True):
            without = int(ruling[row])
            table = self._tables[frame["pack_number"][int(row)]]
            if table.contested is None or without in table.keeps:
                continue
            if self._rejecting[without] != self._rejecting[with_upholding]:
                settled[row] = table.contested
        return settled, ruling

    def _describe(
        self,
        frame: pl.DataFrame,
        ruling: np.ndarray[tuple[int], np.dtype[np.uint16]],
        base: np.ndarray[tuple[int], np.dtype[np.uint16]],
    ) -> pl.DataFrame:
        """Standing and window as the spec's section 3 has them (Q12: none for a physician who is not registered)."""
        grounds = {reason: pl.Series(mask[base]) for reason, mask in self._by_ground.items()}
        required = [number for number, table in enumerate(self._tables) if table.pack.registration_required]
        unknown = (
            pl.when(pl.col("pack_number").is_in(required))
            .then(STANDING_CODE[Standing.UNREGISTERED])
            .otherwise(STANDING_CODE[Standing.NORMAL])
        )
        not_applicable = (
            pl.col("physician_code").is_null()
            | grounds[Reason.RULE_NOT_IN_FORCE]
            | grounds[Reason.STANDING_STALE]
            | grounds[Reason.STANDING_UNREADABLE]
        )
        standing = (
            pl.when(not_applicable)
            .then(STANDING_CODE[Standing.NOT_APPLICABLE])
            .when(grounds[Reason.OPTED_OUT])
            .then(STANDING_CODE[Standing.OPTED_OUT])
            .when(pl.col("standing") == NO_STANDING)
            .then(unknown)
            .otherwise(pl.col("standing"))
            .cast(pl.UInt8)
        )
        frame = frame.with_columns(standing.alias("standing"))
        hidden = [STANDING_CODE[s] for s in (Standing.NOT_APPLICABLE, Standing.UNREGISTERED, Standing.OPTED_OUT)]
        straddling = grounds[Reason.STRADDLES_PENALTY] | grounds[Reason.STRADDLES_ABNORMAL]

        def window(end: str) -> pl.Expr:
            day = pl.when(straddling).then(pl.col(f"touched_{end}")).otherwise(pl.col(f"window_{end}"))
            shown = (day != NO_WINDOW) & ~pl.col("standing").is_in(hidden)
            return pl.when(shown).then(day).alias(f"window_{end}")

        return frame.select(
            pl.Series("ruling", ruling),
            pl.col("standing").cat.to(STANDING),
            window("start"),
            window("end"),
            pl.when(pl.col("revision") >= 0).then(pl.col("revision")).alias("revision"),
            "span",
            "institution_span",
        )


def _rank(disposition: Disposition) -> int:
    return tuple(Disposition).index(disposition)
