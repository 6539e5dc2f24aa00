"""The replay job in pandas: merge_asof on the spans of the register, file by file, Parquet in and out.

python -m benchmarks.peers.replay_pandas CLAIMS_DIR LOOKUP_DIR OUT_DIR THREADS

Prints one JSON object, as `replay_duckdb`. pandas computes in one thread; pyarrow reads and writes in several.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

_KEYS = ["region", "physician_code"]
_DAY = pd.Timedelta(days=1)
_SPAN = ["from_day", "standing", "in_penalty", "penalised_before", "window_from", "window_to", "touched_from", "touched_to",
         "revision", "causes"]  # fmt: skip


def _as_of(frame: pd.DataFrame, spans: pd.DataFrame, day: str) -> pd.DataFrame:
    """The span of every row's day, in the order of the rows."""
    asked = frame[[*_KEYS, day]].dropna().sort_values(day, kind="stable")
    found = pd.merge_asof(asked, spans, left_on=day, right_on="from_day", by=_KEYS)
    found.index = asked.index
    return found[_SPAN].reindex(frame.index)


def _inside(span: pd.DataFrame, day: pd.Series) -> pd.Series:
    """Days in penalty windows up to and including the day."""
    running = (day - span["from_day"]).dt.days + 1
    counted = span["penalised_before"] + running.where(span["in_penalty"].eq(True), 0)
    return counted.fillna(0)


def _judge(claims: pd.DataFrame, spans: pd.DataFrame, sites: pd.DataFrame, rulings: pd.DataFrame) -> pd.DataFrame:
    claims = claims.reset_index(drop=True)
    for day in ("service_date", "service_start"):
        claims[day] = pd.to_datetime(claims[day]).astype("datetime64[us]")
    claims["day_before"] = claims["service_start"] - _DAY
    span = _as_of(claims, spans, "service_date")
    before = _as_of(claims, spans, "day_before")
    inside = _inside(span, claims["service_date"]) - _inside(before, claims["day_before"])
    length = (claims["service_date"] - claims["service_start"]).dt.days + 1
    declared = claims.merge(sites, on=[*_KEYS, "institution_code"], how="left")
    covered = (declared["from_day"] <= declared["service_date"]) & (declared["service_date"] <= declared["to_day"])
    known = span["from_day"].notna()
    straddles = (inside > 0) & (inside < length)
    ground = np.select(
        [
            claims["service_date"] < pd.Timestamp("2022-12-26"),
            claims["physician_code"].isna(),
            ~known,
            straddles,
            span["in_penalty"].eq(True),
            span["standing"].eq("pending_reinstatement"),
            ~covered,
        ],
        ["rule_not_in_force", "physician_missing", "physician_unregistered", "straddles_penalty", "in_penalty_period",
         "pending_reinstatement", "site_not_declared"],
        "ok",
    )  # fmt: skip
    claims["ground"] = ground
    ruled = claims.merge(rulings, on=["ground", "encounter_type"], how="left")
    in_force = ground != "rule_not_in_force"
    touched = ground == "straddles_penalty"
    local = ruled["settlement_time"].dt.tz_convert("Asia/Shanghai").dt.tz_localize(None)
    nobody = claims["physician_code"].isna() | ~in_force
    unused = ["ground", "day_before", "service_start", "insured_id", "insurance_type", "total_amount"]
    return ruled.drop(columns=unused).assign(
        standing=np.select([nobody, ~known], ["not_applicable", "unregistered"], span["standing"]),
        penalty_from=span["touched_from"].where(touched, span["window_from"].where(in_force)),
        penalty_to=span["touched_to"].where(touched, span["window_to"].where(in_force)),
        standing_revision=span["revision"],
        settlement_month=local.dt.to_period("M").dt.to_timestamp(),
        evidence=span["causes"].where(ruled["disposition"] != "pay"),
    )


def main(claims: str, lookup: str, out: str, threads: str) -> None:
    """Runs the job once."""
    pa.set_cpu_count(int(threads))
    Path(out).mkdir(parents=True, exist_ok=True)
    spans, sites, rulings = (pd.read_parquet(f"{lookup}/{name}.parquet") for name in ("spans", "sites", "rulings"))
    for table in (spans, sites):
        for day in [name for name in table if name.endswith(("_day", "_from", "_to"))]:
            table[day] = pd.to_datetime(table[day]).astype("datetime64[us]")
    spans = spans.sort_values("from_day", kind="stable")
    began = time.perf_counter()
    for number, path in enumerate(sorted(Path(claims).glob("*.parquet"))):
        judged = _judge(pd.read_parquet(path), spans, sites, rulings)
        judged.to_parquet(f"{out}/part-{number:05d}.parquet", compression="zstd", index=False)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "peak_bytes": peak, "version": f"pandas {pd.__version__}"}))


if __name__ == "__main__":
    main(*sys.argv[1:5])
