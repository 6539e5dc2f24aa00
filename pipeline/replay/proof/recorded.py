"""Compares today's verdicts with those recorded: which are equal, which are not, and why.

Verdicts are compared field by field, but for those of the run (`topics.verdicts.shape`); money by its value.
`standing_revision` numbers the knowledge, so it is compared only where each claim is judged by the very revision that its
recorded verdict names.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.inputs.decode import Decoded
from pipeline.inputs.slicing import Slice
from pipeline.replay.knowledge.register import Clock, ClockMode, EventFile
from pipeline.replay.output import CAUSES, DIFFERENCES_SCHEMA, SHOWN
from pipeline.replay.proof.capture import Captured, Part
from rules.areas import areas_of
from rules.vocabulary import Reason
from topics.verdicts.shape import MONEY, VERDICT_NAMES, on_the_wire

Judging = Callable[[pl.DataFrame], pl.DataFrame]
"""From claims to their verdicts, as VERDICT_SCHEMA."""
_OPERATIONAL = [Reason.STANDING_STALE.value, Reason.STANDING_UNREADABLE.value]

_OF_SUBJECTS = [
    Reason.INSURED_SUSPENDED.value, Reason.DEPARTMENT_SUSPENDED.value, Reason.DEPARTMENT_NOT_NAMED.value
]  # fmt: skip

LAG_US = 600 * 1_000_000
"""How much later or earlier than its recording a gate may have learned of an institution's event: ten minutes, in microseconds.

Only for verdicts without `register`, which do not say by what state of the institution they were given: such a verdict is also
equal when it is what the law says by the institution's events up to so long before or after it was screened."""

_EVERYTHING = 2**62

_NEVER = -(2**62)

_SCREENED = "recorded_instant"
_BY = (_SCREENED, "register_offset", "register_institution")


class Proof:
    """The recorded outcomes of a copied range, to be held against those of the replay, part by part, by several threads."""

    def __init__(self, captured: Captured, clock: Clock, events: EventFile) -> None:
        self._captured = captured
        self._as_recorded = clock.mode is ClockMode.AS_RECORDED
        self._arrived = {f"{region}|{code}": times for (region, code, _), times in events.arrived.items()}
        known = [(name, times[-1][0]) for name, times in self._arrived.items()]
        self._institutions = pl.DataFrame(known, schema={"institution": pl.String, "last": pl.Int64}, orient="row")

    def revisions(self) -> dict[tuple[str, str], list[int]]:
        """The revisions that recorded verdicts name, by area and code of the physician."""
        if not self._as_recorded:
            return {}
        fields = ("region", "service_date", "physician_code", "standing_revision")
        named = self._captured.recorded().select(fields).drop_nulls().unique().collect(engine="streaming")
        grouped = (
            named.with_columns(_areas(named))
            .group_by("region", "physician_code")
            .agg(pl.col("standing_revision").unique())
        )
        return {
            (area, code): revisions
            for area, code, revisions in grouped.select("region", "physician_code", "standing_revision").iter_rows()
        }

    def known(self, piece: Slice, decoded: Decoded) -> Decoded:
        """The claims of a part with the columns that say what was known when each was judged (`RevisedIndex`)."""
        first = self._outcomes(self._captured.parts[piece.file]).filter(pl.col("outcome") == "verdict")
        told = first.select(
            "offset",
            pl.col("standing_revision").fill_null(0).alias("known_revision"),
            _instant("screened_at").alias("instant"),
            "register_offset",
            "register_institution",
            pl.col("register_insured").alias("known_insured"),
            pl.col("register_departments").alias("known_departments"),
        )
        offsets = self._offsets(piece)
        places = decoded.claims.select(offsets.gather(decoded.claims["row"]).alias("offset"))
        found = places.join(told, on="offset", how="left", maintain_order="left").select(
            # Where no verdict is recorded, everything counts.
            pl.col("known_revision", "known_insured", "instant").fill_null(_EVERYTHING),
            "register_offset",
            "register_institution",
            "known_departments",
        )
        claims = decoded.claims.hstack(found.rename({"instant": _SCREENED}))
        return replace(decoded, claims=claims.with_columns(self._of_institutions(claims)))

    def _of_institutions(self, claims: pl.DataFrame, shift: int = 0) -> pl.Series:
        """How many events of its institution each recorded verdict rests on: as its `register` says; of a verdict without one
        those that had arrived when it was screened, or `shift` microseconds later."""
        known = [_EVERYTHING] * claims.height
        named = claims.select(_institution(claims), *_BY).iter_rows()
        for row, (institution, instant, offset, revision) in enumerate(named):
            arrived = self._arrived.get(institution)
            if arrived is None:
                continue
            if revision is not None:
                known[row] = revision
            elif offset is not None:
                # Events from elsewhere have no offsets: then what names no revision knew of none.
                known[row] = sum(at is not None and at < offset for _, at in arrived)
            else:
                known[row] = bisect_right(arrived, instant + shift, key=itemgetter(0))
        return pl.Series("known_institution", known, dtype=pl.Int64)

    def differences(
        self, piece: Slice, decoded: Decoded, verdicts: pl.DataFrame, judge: Judging
    ) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, int]]:
        """The verdicts of a part as they stand, the differences as DIFFERENCES_SCHEMA, and counts: all, and by cause."""
        part = self._captured.parts[piece.file]
        recorded = self._outcomes(part)
        compared = self._compared(piece, verdicts, recorded)
        if self._as_recorded:
            verdicts = self._retried(piece, decoded, verdicts, compared, recorded, judge)
            compared = self._compared(piece, verdicts, recorded)
        rows = compared.filter(pl.col("cause").is_not_null())
        shaped = rows.select(
            pl.lit(part.partition, pl.Int32).alias("partition"),
            "offset",
            pl.coalesce("replayed_claim_id", "recorded_claim_id").alias("claim_id"),
            pl.coalesce("replayed_physician_code", "recorded_physician_code").alias("physician_code"),
            pl.col("cause").cast(pl.Enum(CAUSES)),
            "fields",
            pl.col("outcomes").fill_null(0).cast(pl.Int64),
            *(pl.col(f"{side}_{name}") for side in ("recorded", "replayed") for name in ("outcome", *SHOWN)),
            pl.col("recorded_screened_at").alias("screened_at"),
        )
        counts = Counter(rows["cause"].to_list())
        return verdicts, shaped.select(*DIFFERENCES_SCHEMA), {"compared": compared.height, **counts}

    # -- the two sides ------------------------------------------------------------------------------------------

    def _offsets(self, piece: Slice) -> pl.Series:
        """The offset of every record of a part, in its order."""
        path: Path = self._captured.root / "input" / piece.file
        return pl.read_parquet(path, columns=["offset"])["offset"]

    def _outcomes(self, part: Part) -> pl.DataFrame:
        """What is recorded of a part: the first outcome of each offset, and how many there are (`outcomes`)."""
        own = (
            self._captured.recorded()
            .filter(pl.col("partition") == part.partition, pl.col("offset") >= part.first, pl.col("offset") < part.end)
            .collect()
        )
        ordered = own.sort("offset", "written", "at_partition", "at_offset")
        return ordered.group_by("offset", maintain_order=True).agg(
            pl.all().exclude("offset").first(), pl.len().alias("outcomes")
        )

    def _compared(self, piece: Slice, verdicts: pl.DataFrame, recorded: pl.DataFrame) -> pl.DataFrame:
        """Both sides of every offset with the fields that differ and, where anything does, the cause."""
        offsets = self._offsets(piece)
        mine = verdicts.select(
            offsets.gather(verdicts["source_row"] - piece.first_row).alias("offset"), *on_the_wire(verdicts)
        )
        side = _comparable(mine.with_columns(pl.lit("verdict").alias("outcome")), "replayed")
        every = pl.DataFrame({"offset": offsets, "stands": True})
        here = every.join(side, on="offset", how="left", maintain_order="left").with_columns(
            pl.col("replayed_outcome").fill_null("dead_letter")
        )
        both = here.join(_comparable(recorded, "recorded"), on="offset", how="full", coalesce=True).sort("offset")
        names = [name for name in VERDICT_NAMES if self._as_recorded or name != "standing_revision"]
        differing = [
            pl.when(pl.col(f"recorded_{name}").ne_missing(pl.col(f"replayed_{name}"))).then(pl.lit(name))
            for name in names
        ]
        verdict_both = (pl.col("recorded_outcome") == "verdict") & (pl.col("replayed_outcome") == "verdict")
        both = both.with_columns(
            pl.when(verdict_both)
            .then(pl.concat_list(differing).list.drop_nulls())
            .otherwise(pl.lit([], pl.List(pl.String)))
            .alias("fields"),
            pl.col("recorded_outcomes").alias("outcomes"),
        )
        return both.with_columns(self._cause(both))

    def _cause(self, both: pl.DataFrame) -> pl.Series:
        then, now = (pl.col(f"{side}_standing_revision").fill_null(0) for side in ("recorded", "replayed"))
        institution = both.select(
            _institution(both, "replayed_").alias("institution"),
            _instant("recorded_screened_at").alias("at"),
        ).join(self._institutions, on="institution", how="left", maintain_order="left")
        late = institution.select((pl.col("last") > pl.col("at") - LAG_US).fill_null(value=False)).to_series()
        # Where knowledge is as recorded, nothing came later; otherwise the institution may be what changed.
        changed = late & (not self._as_recorded)
        subjects = pl.any_horizontal(pl.col(f"{side}_reason").is_in(_OF_SUBJECTS) for side in ("recorded", "replayed"))
        of_subject = pl.lit(not self._as_recorded) & subjects
        chain = (
            pl.when(pl.col("stands").is_null()).then(pl.lit("no_such_record"))
            .when(pl.col("outcomes").is_null()).then(pl.lit("not_recorded"))
            .when(pl.col("outcomes") > 1).then(pl.lit("recorded_twice"))
            .when(pl.col("recorded_outcome") == "unreadable").then(pl.lit("unreadable"))
            .when(pl.col("recorded_outcome") != pl.col("replayed_outcome")).then(pl.lit("other_code"))
            .when(pl.col("fields").list.len() == 0).then(pl.lit(None, pl.String))
            .when(pl.col("recorded_reason").is_in(_OPERATIONAL)).then(pl.lit("operational"))
            .when(of_subject).then(pl.lit("later_event"))
            .when(pl.col("recorded_rule_pack") != pl.col("replayed_rule_pack")).then(pl.lit("other_pack"))
            .when(now > then).then(pl.lit("later_event"))
            .when(now < then).then(pl.lit("missing_event"))
            .when(changed).then(pl.lit("later_event"))
            .otherwise(pl.lit("other_code"))
        )  # fmt: skip
        return both.select(chain.alias("cause")).to_series()

    # -- the institution's standing -----------------------------------------------------------------------------

    def _retried(
        self,
        piece: Slice,
        decoded: Decoded,
        verdicts: pl.DataFrame,
        compared: pl.DataFrame,
        recorded: pl.DataFrame,
        judge: Judging,
    ) -> pl.DataFrame:
        """The verdicts; those that differ and do not say by what they were given are judged once more, by an institution's
        standing of shortly before and after."""
        for shift in (-LAG_US, LAG_US):
            doubtful = compared.filter(pl.col("cause") == "other_code", pl.col("fields").list.len() > 0)["offset"]
            at = self._offsets(piece).gather(decoded.claims["row"])
            claims = decoded.claims.filter(at.is_in(doubtful.implode())).filter(pl.col("register_offset").is_null())
            claims = claims.filter(_institution(claims).is_in(self._institutions["institution"].implode()))
            if claims.is_empty():
                return verdicts
            again = judge(claims.with_columns(self._of_institutions(claims, shift)))
            tried = self._compared(piece, again, recorded)
            equal = tried.filter(pl.col("cause").is_null() & (pl.col("replayed_outcome") == "verdict"))["offset"]
            rows = again.filter(
                self._offsets(piece).gather(again["source_row"] - piece.first_row).is_in(equal.implode())
            )
            others = verdicts.filter(~pl.col("source_row").is_in(rows["source_row"].implode()))
            verdicts = pl.concat([others, rows]).sort("source_row")
            compared = self._compared(piece, verdicts, recorded)
        return verdicts


def _areas(frame: pl.DataFrame, side: str = "") -> pl.Series:
    """The pooling area of each row's region on its service date, under the name of the region; null where a side has no row."""
    regions = frame[f"{side}region"]
    there = regions.is_not_null()

    def days() -> npt.NDArray[np.int32]:
        if "day" in frame.columns:
            return frame["day"].filter(there).to_numpy()
        told = frame[f"{side}service_date"].filter(there).str.to_date("%Y-%m-%d", strict=False)
        return told.to_physical().fill_null(0).to_numpy()

    areas = areas_of(regions.filter(there), days)
    return regions if areas.len() == 0 else regions.clone().scatter(np.flatnonzero(there.to_numpy()), areas)


def _institution(frame: pl.DataFrame, side: str = "") -> pl.Series:
    """The key of each row's institution."""
    return frame.select(
        pl.concat_str(_areas(frame, side), pl.lit("|"), pl.col(f"{side}institution_code")).alias("institution")
    ).to_series()


def _instant(column: str) -> pl.Expr:
    """Microseconds since 1970 UTC of RFC 3339 times; unreadable ones are before everything."""
    moment = pl.col(column).str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
    return moment.to_physical().fill_null(_NEVER)


def _comparable(frame: pl.DataFrame, side: str) -> pl.DataFrame:
    """One side's fields in forms that can be compared, named after the side."""
    period = pl.col("penalty_period").list.eval(pl.element().fill_null("..")).list.join("/")
    extra = [name for name in ("outcomes", "screened_at") if name in frame.columns]
    return frame.select(
        "offset",
        *(pl.col(name).alias(f"{side}_{name}") for name in ("outcome", *extra)),
        *(
            (
                period
                if name == "penalty_period"
                else pl.col(name).list.join("\x1f")
                if name == "citations"
                else pl.col(name).cast(MONEY, strict=False)
                if name == "fund_amount"
                else pl.col(name).cast(pl.Int64)
                if name == "claim_version"
                else pl.col(name)
            ).alias(f"{side}_{name}")
            for name in VERDICT_NAMES
        ),
    )


def summary(notes: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """What all parts came to: records compared, how many outcomes are equal, and the others by cause."""
    whole: Counter[str] = Counter()
    for note in notes:
        whole.update(note["proof"])
    compared = whole.pop("compared", 0)
    differing = whole.total()
    by_cause = {cause: whole[cause] for cause in CAUSES if whole[cause]}
    return {"compared": compared, "equal": compared - differing, "differing": differing, "by_cause": by_cause}
