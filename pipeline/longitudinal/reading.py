"""From claims of the wire to what the checks over time see, and what the gate said of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from pipeline.inputs.errors import InputError
from rules.areas import pooling_area
from rules.longitudinal.claims import Line, PastClaim, Reversal
from rules.vocabulary import Disposition
from topics.messages.claims import Claim, ClaimLine

Judged = Mapping[tuple[str, str, int], str]
"""What the gate said last of a claim: by institution, claim_id and version."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def past_claim(value: bytes) -> PastClaim:
    """A claim of the wire that was accepted before. Raises pydantic's ValidationError for anything else."""
    claim = Claim.model_validate_json(value)
    back = claim.reverses
    settled = dt.datetime.fromisoformat(claim.settlement_time.upper()) - _EPOCH
    return PastClaim(
        area=pooling_area(claim.region, claim.service_date),
        institution=claim.institution_code,
        claim_id=claim.claim_id,
        version=claim.claim_version,
        insured=claim.insured_id,
        encounter=claim.encounter_type,
        first_day=claim.service_start or claim.service_date,
        day=claim.service_date,
        settled=settled // dt.timedelta(microseconds=1),
        total=Decimal(claim.total_amount),
        fund=Decimal(claim.fund_amount),
        emergency_origin=bool(claim.emergency_origin),
        lines=tuple(map(_line, claim.lines or ())),
        reverses=None if back is None else Reversal(back.institution_code, back.claim_id, back.claim_version),
    )


def _line(line: ClaimLine) -> Line:
    quantity = None if line.quantity is None else Decimal(line.quantity)
    return Line(line.day, line.item, quantity, line.prescription, Decimal(line.amount))


def with_verdict(claim: PastClaim, judged: Judged) -> PastClaim | None:
    """The claim with what the gate said of it; None where nothing was said, since then it is not settled yet."""
    said = judged.get((claim.institution, claim.claim_id, claim.version))
    if said is None:
        return None
    return replace(claim, rejected=said == Disposition.REJECT.value)


_COLUMNS = ("institution_code", "claim_id", "claim_version", "disposition")


def read_verdicts(place: Path) -> Judged:
    """The last verdict on each claim: of an archive (its folder, or its table of verdicts), of the folder of a replay, or of one
    Parquet file. Raises InputError."""
    table = next((folder for folder in (place, place / "verdicts") if (folder / "_delta_log").is_dir()), None)
    order = "screened_at"
    try:
        if table is not None:
            files = [str(uri) for uri in DeltaTable(table.absolute()).file_uris()]
        elif place.is_dir():
            folder = place / "verdicts" if (place / "verdicts").is_dir() else place
            files = [str(path) for path in sorted(folder.glob("*.parquet"))]
        else:
            files = [str(place)] if place.is_file() else []
        if not files:
            raise InputError(
                f"{place}: holds no verdicts; expected the folder of an archive or of a replay, or a Parquet file"
            )
        frame = pl.scan_parquet(files, hive_partitioning=False)
        there = frame.collect_schema().names()
        if missing := [name for name in _COLUMNS if name not in there]:
            raise InputError(f"{place}: is no table of verdicts: it has no column {', '.join(missing)}")
        by = [order] if order in there else []
        told = frame.select(*_COLUMNS, *by).with_columns(pl.col("disposition").cast(pl.String)).collect()
    except (pl.exceptions.PolarsError, DeltaError, OSError) as error:
        raise InputError(f"{place}: cannot be read as verdicts: {error}") from error
    rows = told.sort(by, maintain_order=True) if by else told
    return {(row[0], row[1], int(row[2])): row[3] for row in rows.select(*_COLUMNS).iter_rows()}
