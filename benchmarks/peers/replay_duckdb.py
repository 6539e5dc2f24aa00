"""The replay job in DuckDB: ASOF joins on the spans of the register, the same verdict columns, Parquet in and out.

python -m benchmarks.peers.replay_duckdb CLAIMS_DIR LOOKUP_DIR OUT_DIR THREADS

Prints one JSON object: seconds from the first claim read to the last verdict written (the register is loaded before), and the
peak of resident memory.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import duckdb

_PENALISED = "coalesce({s}.penalised_before + if({s}.in_penalty, {day} - {s}.from_day + 1, 0), 0)"

_QUERY = f"""
WITH spanned AS (
    SELECT c.*, s.* EXCLUDE (region, physician_code), {_PENALISED.format(s="s", day="c.service_date")} AS inside_until
    FROM read_parquet('{{claims}}/*.parquet') c
    ASOF LEFT JOIN spans s
      ON c.region = s.region AND c.physician_code = s.physician_code AND c.service_date >= s.from_day
), stays AS (
    SELECT a.*, a.inside_until - {_PENALISED.format(s="b", day="(a.service_start - 1)")} AS inside
    FROM spanned a
    ASOF LEFT JOIN spans b
      ON a.region = b.region AND a.physician_code = b.physician_code AND (a.service_start - 1) >= b.from_day
), grounded AS (
    SELECT j.*, CASE
        WHEN j.service_date < DATE '2022-12-26' THEN 'rule_not_in_force'
        WHEN j.physician_code IS NULL THEN 'physician_missing'
        WHEN j.from_day IS NULL THEN 'physician_unregistered'
        WHEN j.service_start IS NOT NULL AND j.inside > 0 AND j.inside < j.service_date - j.service_start + 1
            THEN 'straddles_penalty'
        WHEN j.in_penalty THEN 'in_penalty_period'
        WHEN j.standing = 'pending_reinstatement' THEN 'pending_reinstatement'
        WHEN t.institution_code IS NULL THEN 'site_not_declared'
        ELSE 'ok' END AS ground
    FROM stays j
    LEFT JOIN sites t
      ON j.region = t.region AND j.physician_code = t.physician_code AND j.institution_code = t.institution_code
     AND j.service_date BETWEEN t.from_day AND t.to_day
)
SELECT g.claim_id, g.claim_version, g.region, g.institution_code, g.physician_code, g.encounter_type, g.service_date,
    g.fund_amount, r.disposition, r.reason, r.exempted_ground, r.cost_bearer,
    CASE WHEN g.physician_code IS NULL OR g.ground = 'rule_not_in_force' THEN 'not_applicable'
         WHEN g.from_day IS NULL THEN 'unregistered' ELSE g.standing END AS standing,
    CASE WHEN g.ground = 'straddles_penalty' THEN g.touched_from
         WHEN g.ground <> 'rule_not_in_force' THEN g.window_from END AS penalty_from,
    CASE WHEN g.ground = 'straddles_penalty' THEN g.touched_to
         WHEN g.ground <> 'rule_not_in_force' THEN g.window_to END AS penalty_to,
    r.rule_pack, r.citations, g.revision AS standing_revision, g.settlement_time,
    date_trunc('month', g.settlement_time)::DATE AS settlement_month,
    CASE WHEN r.disposition <> 'pay' THEN g.causes END AS evidence
FROM grounded g JOIN rulings r ON g.ground = r.ground AND g.encounter_type = r.encounter_type
"""


def main(claims: str, lookup: str, out: str, threads: str) -> None:
    """Runs the job once."""
    connection = duckdb.connect()
    connection.execute(f"SET threads = {int(threads)}")
    connection.execute("SET TimeZone = 'Asia/Shanghai'")
    # The order of the output is not asked for, which lets it write as it goes.
    connection.execute("SET preserve_insertion_order = false")
    connection.execute(f"SET temp_directory = '{out}-spill'")
    for name in ("spans", "sites", "rulings"):
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM read_parquet('{lookup}/{name}.parquet')")
    began = time.perf_counter()
    query = _QUERY.replace("{claims}", claims)
    connection.execute(f"COPY ({query}) TO '{out}' (FORMAT parquet, COMPRESSION zstd, PER_THREAD_OUTPUT true)")
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "peak_bytes": peak, "version": f"DuckDB {duckdb.__version__}"}))


if __name__ == "__main__":
    Path(sys.argv[3]).parent.mkdir(parents=True, exist_ok=True)
    main(*sys.argv[1:5])
