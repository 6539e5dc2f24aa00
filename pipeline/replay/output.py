"""The files that a replay writes, and how they are written.

The folder (`--out DIR`). Everything but `timing.json` depends on the input, the packs and the settings alone, byte by byte.

    DIR/verdicts/part-00000.parquet ...   one row an accepted claim, in the order of the input; see VERDICT_SCHEMA
    DIR/rejected-input.parquet            what the gate would have made a dead letter; see REJECTED_SCHEMA
    DIR/repeated-claims.parquet           claims that came more than once and do not stand; see REPEATED_SCHEMA
    DIR/standings.parquet                 the physicians' timelines that the verdicts rest on; see STANDING_SCHEMA
    DIR/institutions.parquet              the same of institutions; see INSTITUTION_SCHEMA
    DIR/unusable-events.parquet           lines of the events that count for nothing: line (from 1), code, problems (list)
    DIR/run.json                          provenance and counts; see below
    DIR/timing.json                       wall-clock figures; never the same twice
    DIR/other/verdicts/part-00000.parquet, DIR/other/standings.parquet, DIR/other/institutions.parquet
                                          the same under the second rule set (--compare, --set): part N of both folders holds
                                          the same claims in the same order, so that rows may be put side by side
    DIR/input/, DIR/recorded/, DIR/capture.json
                                          with --from-topic: the records of the range and what was recorded of them, as copied;
                                          see INPUT_SCHEMA, EVENTS_SCHEMA and RECORDED_SCHEMA
    DIR/differences.parquet               with --from-topic: one row a record with another outcome here; see DIFFERENCES_SCHEMA
    DIR/.replay/                          the state of an unfinished run; gone when the run is complete

A verdict is the wire's (`topics.messages.verdicts.Verdict`) with `source_row` in place of `source` and `screened_at`. Types are
Parquet's own where JSON has text only: dates are Date, money is Decimal(18, 2) in yuan, closed vocabularies are Enum
(dictionaries that every reader shows as text), `penalty_period` is a struct {from, to} whose open end is null, itself null where
there is no window.

    source_row        Int64     row of the input, counted from 0 over all files in the order of run.json's `inputs`
    claim_id ... standing_revision        as on the wire
    settlement_time   Datetime(us, Asia/Shanghai)
    settlement_month  Date      first day of the month of settlement, in China
    ruling            UInt16    position in `rules.screens.verdict.Screen(packs).rulings`, for explanations and case ids
    evidence          List(String), ids of the events behind the standing; null for claims that are paid
    people            String, JSON of the barred people whom the claim names, where they make it a review; else null

run.json: `format` 1; `inputs` and `events` (name, bytes, sha256), `rows` by input, `lines` by input (how its lines divide:
`pipeline.inputs.sources.Lines`), `notices` (what was told of the files before anything was judged), `mapping`, `packs` and
`other_packs` (name on the wire and sha256 of what they say), `changes` (--set), `clock` {mode, day}, `code` {version,
sha256}; `counts` {rows, which is accepted and rejected and duplicate and replaced and conflict; reversals among the accepted,
rejected_by_reason, parts}; `event_lines` {lines, used, unusable, unusable_by_code (of each code how many lines, the numbers of
the first, an example), repeated, same_id (ids with several contents, events under them, lines of the first)}; `rule_sets`,
the first and, if any, the second: `by_disposition` and `by_ruling` (claims, fund_amount in yuan as a decimal string),
`physicians`, `institutions`, `unanswered` (owners whose standing could not be computed: their claims are in review). With
--from-topic also `capture` (what was asked for, the offsets that this was, what was copied, digests) and `recorded` {compared,
equal, differing, by_cause}.
"""

from __future__ import annotations

import polars as pl

from rules.screens.facts import STANDING
from rules.vocabulary import Flag, InstitutionStanding, SiteStatus
from topics.verdicts.shape import PARQUET_COLUMNS, PERIOD, WIRE_COLUMNS

CHINA_ZONE = "Asia/Shanghai"

VERDICT_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "source_row": pl.Int64,
    **PARQUET_COLUMNS,
    "settlement_time": pl.Datetime("us", CHINA_ZONE),
    "settlement_month": pl.Date,
    "ruling": pl.UInt16,
    "evidence": pl.List(pl.String),
    "people": pl.String,
}
"""Columns of `verdicts/*.parquet`."""

REJECTED_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "source_row": pl.Int64,
    "file": pl.String,
    "line": pl.Int64,
    "reason": pl.String,
    "field": pl.String,
    "problem": pl.String,
    "raw": pl.String,
}
"""Columns of `rejected-input.parquet`. `line` counts from 1 within `file` (a name of run.json's `inputs`): lines of NDJSON, rows
of Parquet, records of CSV, whose header is the first. `reason` is one of `topics.claims.codec.ClaimError.KINDS`, `field` the
first field that is wrong (null: the whole record), `problem` the reason in full as in a dead letter, `raw` the record as text,
bytes that are no UTF-8 escaped."""

REPEATED_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "source_row": pl.Int64,
    "file": pl.String,
    "kind": pl.String,
    "stands": pl.Int64,
    "claim_id": pl.String,
    "claim_version": pl.Int32,
    "region": pl.String,
    "institution_code": pl.String,
    "physician_code": pl.String,
    "service_date": pl.Date,
    "fund_amount": PARQUET_COLUMNS["fund_amount"],
    "disposition": VERDICT_SCHEMA["disposition"],
    "settlement_time": VERDICT_SCHEMA["settlement_time"],
}
"""Columns of `repeated-claims.parquet`. `kind` is duplicate, replaced (by a later version) or conflict (other content under
the same identity: none of them stands); `stands` is the source row that stands in its place, null in a conflict. The
disposition is the one that the row had by itself; it counts nowhere."""

_SPAN = pl.Struct(
    {
        "from": pl.Date,
        "to": pl.Date,
        "standing": STANDING,
        "in_penalty": pl.Boolean,
        "penalty_period": PERIOD,
        "ban_period": PERIOD,
        "reapply_not_before": pl.Date,
        "flags": pl.List(pl.Enum([flag.value for flag in Flag])),
        "points_remaining": pl.Int32,
        "points_accumulated": pl.Int32,
        "citations": pl.List(pl.String),
        "causes": pl.List(pl.String),
    }
)
_SITE = pl.Struct(
    {
        "institution_code": pl.String,
        "from": pl.Date,
        "to": pl.Date,
        "status": pl.Enum([status.value for status in SiteStatus]),
    }
)

STANDING_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "region": pl.String,
    "physician_code": pl.String,
    "revision": pl.Int64,
    "spans": pl.List(_SPAN),
    "sites": pl.List(_SITE),
    "contested": pl.List(_SPAN),
    "points_remaining": pl.Int32,
    "points_accumulated": pl.Int32,
}
"""Columns of `standings.parquet`: `rules.timeline.PhysicianTimeline`, sorted by region and code. Open ends are null; `in_penalty`
says whether a penalty window covers the days of the span (never null); points are those of the day of knowledge (null: no scale).
With --as-known-at-settlement it is the last version, that of everything recorded. `revision` counts the events behind it."""

INSTITUTION_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "region": pl.String,
    "institution_code": pl.String,
    "revision": pl.Int64,
    "spans": pl.List(
        pl.Struct(
            {
                "from": pl.Date,
                "to": pl.Date,
                "standing": pl.Enum([standing.value for standing in InstitutionStanding]),
                "citations": pl.List(pl.String),
                "causes": pl.List(pl.String),
            }
        )
    ),
}
"""Columns of `institutions.parquet`: `rules.timeline.InstitutionTimeline`, of the institutions that events speak of."""

# -- a range of a topic -------------------------------------------------------------------------------------------

INPUT_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "partition": pl.Int32,
    "offset": pl.Int64,
    "timestamp": pl.Int64,
    "key": pl.Binary,
    "value": pl.Binary,
}
"""Columns of `input/claims-*.parquet`: records as received, by partition and offset; one file holds one partition's only.
`timestamp` is the record's, in milliseconds since 1970 UTC (null: it has none)."""

EVENTS_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "partition": pl.Int32,
    "offset": pl.Int64,
    "arrived": pl.Int64,
    "value": pl.Binary,
}
"""Columns of `input/events.parquet`, in the order of arrival within each physician and institution; `arrived` in microseconds
since 1970 UTC. What the control plane has set aside is left out; `offset` is null of a record that lay in another partition than
its own, whose copy counts."""

RECORDED_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "partition": pl.Int32,
    "offset": pl.Int64,
    "outcome": pl.String,
    "at_partition": pl.Int32,
    "at_offset": pl.Int64,
    "written": pl.Int64,
    "error": pl.String,
    **WIRE_COLUMNS,
    "screened_at": pl.String,
    "register_offset": pl.Int64,
    "register_institution": pl.Int64,
    "register_insured": pl.Int64,
    "register_departments": pl.String,
}
"""Columns of `recorded/*.parquet`. `partition` and `offset` are the claim's; `at_...` and `written` (milliseconds since 1970 UTC)
the outcome's own. `outcome` is verdict, dead_letter (with its `error`) or unreadable (a verdict that names its source and is
none); the other columns are the verdict's, as on the wire. `register_offset` is how far the verdict's `register` had come in the
partition of its institution's events, `register_institution` the revision that it names; null in verdicts that do not say so.
`register_insured` and `register_departments` (JSON, by name) are the revisions of the standings of its insured person and of
departments; 0 and none where nothing was recorded of them."""

CAUSES = (
    "other_pack",
    "later_event",
    "missing_event",
    "other_code",
    "operational",
    "recorded_twice",
    "not_recorded",
    "no_such_record",
    "unreadable",
)
"""Why an outcome is another than the one recorded. other_pack: the verdicts name different packs. later_event: more is known now
than then. missing_event: the recorded verdict rests on more events than there are. other_code: same pack, same knowledge, and
another outcome all the same. operational: the gate could not read its register, or it was too old. recorded_twice: more than one
outcome. not_recorded: none. no_such_record: an outcome of an offset at which no claim stands. unreadable: what is recorded is no
verdict."""

SHOWN = ("disposition", "reason", "standing", "penalty_period", "standing_revision", "rule_pack")
_COMPARED = {"outcome": pl.String, **{name: WIRE_COLUMNS[name] for name in SHOWN}, "penalty_period": pl.String}

DIFFERENCES_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "partition": pl.Int32,
    "offset": pl.Int64,
    "claim_id": pl.String,
    "physician_code": pl.String,
    "cause": pl.Enum(CAUSES),
    "fields": pl.List(pl.String),
    "outcomes": pl.Int64,
    **{f"{side}_{name}": kind for side in ("recorded", "replayed") for name, kind in _COMPARED.items()},
    "screened_at": pl.String,
}
"""Columns of `differences.parquet`, in the order of partition and offset. `fields` are those of the verdict that differ;
`outcomes` how many were recorded, of which the first is shown."""
