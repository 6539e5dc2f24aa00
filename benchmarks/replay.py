"""`screening replay` measured: claims a second, resident memory and the growth curve, beside the same job in DuckDB and pandas.

python -m benchmarks.replay             1 M and 10 M claims, and the peers; some minutes and 2 GB of disk
python -m benchmarks.replay --full      100 M claims, too; needs 6 GB of disk
python -m benchmarks.replay --quick     a smoke run of a minute; its figures mean nothing

Rates count from the first claim read to the last verdict written; reading events and folding dossiers is a row of its own.
Every peer's verdicts are counted and summed by what was decided, and compared with the product's: a difference makes the row
INVALID and the command fail.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import polars as pl

from benchmarks.contenders import LockedPeer
from benchmarks.replay_workload import REGION, write_claims, write_events
from benchmarks.report import Row
from pipeline.settings.packs import load_pack_set
from rules.packs.pack import EXEMPT_PREFIX, Outcome, Pack
from rules.vocabulary import EncounterType, Reason

RESULTS = Path(__file__).resolve().parent / "results"
PHYSICIANS = 200_000
MILLION = 1_000_000
RATE_TARGET = 1_000_000
MEMORY_TARGET = 2 << 30
LINEAR_WITHIN = 1.25
"""The time of a claim in the largest run may be so many times that in the run of ten million."""

_COUNTED = ("disposition", "reason", "exempted_ground", "standing")


@dataclass(frozen=True)
class Measured:
    """One run of one contender."""

    seconds: float
    peak_bytes: int
    counts: pl.DataFrame
    preparing: float | None = None


def replay_once(claims: Path, events: Path, out: Path) -> Measured:
    """The product, as installed, in a process of its own."""
    command = [str(Path(sys.executable).with_name("screening")), "replay", str(claims)]
    command += ["--events", str(events), "--out", str(out), "--no-report", "--json"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    timing = json.loads((out / "timing.json").read_text("utf-8"))
    return Measured(
        timing["judging_s"], timing["peak_resident_bytes"], _counts(out / "verdicts"), timing["preparing_s"]
    )


def peer_once(peer: LockedPeer, module: str, claims: Path, lookup: Path, out: Path) -> Measured:
    """A peer, in its locked environment and a process of its own."""
    command = [str(peer._python), "-m", f"benchmarks.peers.{module}", str(claims), str(lookup), str(out)]
    done = subprocess.run(
        [*command, str(os.cpu_count() or 1)], check=True, stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent
    )
    told = json.loads(done.stdout)
    return Measured(told["seconds"], told["peak_bytes"], _counts(out))


def _counts(folder: Path) -> pl.DataFrame:
    """Claims and fund share by what was decided; penalty windows and evidence by how many there are."""
    verdicts = pl.scan_parquet(folder / "*.parquet")
    names = verdicts.collect_schema().names()
    window = pl.col("penalty_period").struct.field("from") if "penalty_period" in names else pl.col("penalty_from")
    return (
        verdicts.group_by([pl.col(name).cast(pl.String) for name in _COUNTED])
        .agg(
            pl.len().alias("claims"),
            pl.col("fund_amount").cast(pl.Decimal(38, 2)).sum().alias("fund"),
            window.is_not_null().sum().alias("windows"),
            window.cast(pl.Date).to_physical().cast(pl.Int64).sum().alias("window_days"),
            pl.col("evidence").list.len().sum().cast(pl.Int64).alias("evidence"),
        )
        .sort(*_COUNTED)
        .collect()
    )


# -- what the peers look things up in -----------------------------------------------------------------------------


def write_lookup(out: Path, folder: Path) -> None:
    """The register of a replay as flat tables, and the pack's outcomes by ground and encounter: the peers' preparation."""
    folder.mkdir(parents=True, exist_ok=True)
    standings = pl.read_parquet(out / "standings.parquet")
    span = pl.col("spans").struct
    flat = standings.select("region", "physician_code", "revision", "spans").explode("spans")
    spans = flat.select(
        "region",
        "physician_code",
        "revision",
        span.field("from").alias("from_day"),
        span.field("standing").cast(pl.String),
        span.field("in_penalty"),
        span.field("penalty_period").struct.field("from").alias("window_from"),
        span.field("penalty_period").struct.field("to").alias("window_to"),
        span.field("causes"),
        pl.when(span.field("in_penalty"))
        .then((span.field("to") - span.field("from")).dt.total_days() + 1)
        .otherwise(0)
        .alias("days"),
    ).with_columns(
        (pl.col("days").cum_sum() - pl.col("days")).over("region", "physician_code").alias("penalised_before"),
        *(
            pl.when("in_penalty")
            .then(f"window_{end}")
            .forward_fill()
            .over("region", "physician_code")
            .alias(f"touched_{end}")
            for end in ("from", "to")
        ),
    )
    spans.drop("days").write_parquet(folder / "spans.parquet")
    site = pl.col("sites").struct
    standings.select("region", "physician_code", "sites").explode("sites").select(
        "region",
        "physician_code",
        site.field("institution_code"),
        site.field("from").alias("from_day"),
        site.field("to").fill_null(pl.date(2099, 12, 31)).alias("to_day"),
    ).write_parquet(folder / "sites.parquet")
    _rulings(load_pack_set().for_region(REGION)).write_parquet(folder / "rulings.parquet")


def _rulings(pack: Pack) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    for encounter in EncounterType:
        rows.append(_ruling(pack, "ok", encounter, None, ()))
        for ground in pack.screening:
            exempt = pack.exempt_encounters if ground.exempt_encounters is None else ground.exempt_encounters
            outcome = ground.exempted if ground.exempted is not None and encounter in exempt else ground.ordinary
            rows.append(_ruling(pack, ground.ground.value, encounter, outcome, ground.citations))
    return pl.DataFrame(rows, schema_overrides={"exempted_ground": pl.String, "citations": pl.List(pl.String)})


def _ruling(
    pack: Pack, ground: str, encounter: EncounterType, outcome: Outcome | None, citations: tuple[str, ...]
) -> dict[str, Any]:
    exempt = outcome is not None and outcome.reason == "exempt"
    reason = Reason.OK.value if outcome is None else str(outcome.reason)
    return {
        "ground": ground,
        "encounter_type": encounter.value,
        "disposition": "pay" if outcome is None else outcome.disposition.value,
        "reason": f"{EXEMPT_PREFIX}{encounter}" if exempt else reason,
        "exempted_ground": ground if exempt else None,
        "cost_bearer": "fund" if outcome is None else outcome.cost_bearer.value,
        "rule_pack": pack.name,
        "citations": list(citations),
    }


# -- the run ------------------------------------------------------------------------------------------------------


class Bench:
    """One run over growing numbers of claims."""

    def __init__(self, work: Path, sizes: list[int], peer_sizes: list[int], physicians: int, *, text: bool) -> None:
        self._work = work
        self._sizes = sizes
        self._peer_sizes = peer_sizes
        self._physicians = physicians
        self._text = text
        self.rows: list[Row] = []
        self.valid = True

    def run(self) -> None:
        """Measures everything."""
        events = self._work / "events.ndjson"
        write_events(events, self._physicians)
        peers = {"DuckDB": LockedPeer("duckdb", "replay_duckdb"), "pandas": LockedPeer("pandas", "replay_pandas")}
        for size in self._sizes:
            claims, out = self._work / f"claims-{size}", self._work / f"out-{size}"
            print(f"making {size:,} claims", flush=True)
            write_claims(claims, size, self._physicians, text=self._text)
            mine = replay_once(claims, events, out)
            self._add("screening replay", size, mine)
            if size in self._peer_sizes:
                write_lookup(out, self._work / "lookup")
                for name, peer in peers.items():
                    peer.prepare()
                    theirs = peer_once(
                        peer, f"replay_{name.lower()}", claims, self._work / "lookup", self._work / f"{name}-{size}"
                    )
                    self._compare(name, size, mine, theirs)
            for folder in self._work.glob(f"*-{size}*"):
                shutil.rmtree(folder)

    def _add(self, name: str, size: int, run: Measured, note: str = "") -> None:
        claims = f"{size // MILLION} M claims" if size >= MILLION else f"{size:,} claims"
        self.rows.append(Row(name, f"rate, {claims}", round(size / run.seconds), "claims/s", note))
        self.rows.append(Row(name, f"peak resident memory, {claims}", round(run.peak_bytes / (1 << 20)), "MiB", note))
        if run.preparing is not None:
            self.rows.append(
                Row(
                    name,
                    f"events and dossiers before, {claims}",
                    round(run.preparing, 1),
                    "s",
                    f"{self._physicians:,} physicians",
                )
            )
        for row in self.rows[-3 if run.preparing is not None else -2 :]:
            print(f"{row.name}: {row.metric}: {row.value:,} {row.unit} {row.note}", flush=True)

    def _compare(self, name: str, size: int, mine: Measured, theirs: Measured) -> None:
        same = mine.counts.equals(theirs.counts)
        self.valid &= same
        if not same:
            print(mine.counts, theirs.counts, sep="\n", file=sys.stderr)
        self._add(name, size, theirs, "same verdicts" if same else "INVALID: other verdicts")
        self.rows.append(
            Row(
                "ratio",
                f"screening replay to {name}, {size // MILLION or 1} M claims",
                round(theirs.seconds / mine.seconds, 2),
                "times",
            )
        )

    def targets(self) -> list[str]:
        """A line a target: what was wanted, what came out."""
        rates = {
            row.metric: row.value for row in self.rows if row.name == "screening replay" and row.unit == "claims/s"
        }
        memory = [row.value for row in self.rows if row.name == "screening replay" and row.unit == "MiB"]
        lines = [
            f"at least {RATE_TARGET:,} claims/s: {min(rates.values()):,} at worst, {_met(min(rates.values()) >= RATE_TARGET)}",
            f"at most {MEMORY_TARGET >> 20:,} MiB: {max(memory):,.0f}, {_met(max(memory) <= MEMORY_TARGET >> 20)}",
        ]
        if len(rates) > 1:
            first, last = list(rates.values())[-2:]
            lines.append(
                f"cost linear: a claim of the largest run takes {first / last:.2f} times that of the one before, "
                f"{_met(first / last <= LINEAR_WITHIN)}"
            )
        return lines


def _met(reached: bool) -> str:
    return "met" if reached else "MISSED"


def page(bench: Bench) -> str:
    """The figures as a page."""
    lines = ["# Replay", "", "| who | what | value | unit | note |", "|---|---|---:|---|---|"]
    lines += [f"| {row.name} | {row.metric} | {row.value:,} | {row.unit} | {row.note} |" for row in bench.rows]
    lines += ["", *(f"* {line}" for line in bench.targets()), ""]
    lines.append(
        f"Python {platform.python_version()}, polars {pl.__version__}, {os.cpu_count()} cores, load average of the last minute "
        f"{os.getloadavg()[0]:.1f}; `python -m benchmarks.replay`."
    )
    return "\n".join(lines) + "\n"


@click.command()
@click.option("--quick", is_flag=True, help="A smoke run; writes quick-replay.*")
@click.option("--full", is_flag=True, help="With 100 M claims.")
@click.option("--text", is_flag=True, help="Dates, times and money as text; writes replay-text.*")
@click.option("--work-dir", type=click.Path(path_type=Path), help="Where the data go; by default a temporary folder.")
def main(quick: bool, full: bool, text: bool, work_dir: Path | None) -> None:
    """Exit code 0: every target met and all verdicts the same; 1: not so."""
    sizes = [200_000] if quick else [MILLION, 10 * MILLION, *([100 * MILLION] if full else [])]
    peer_sizes = sizes if quick else [10 * MILLION]
    if work_dir is not None:
        work_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work_dir, prefix="replay-") as folder:
        bench = Bench(Path(folder), sizes, peer_sizes, 5_000 if quick else PHYSICIANS, text=text)
        bench.run()
    name = "quick-replay" if quick else "replay-text" if text else "replay"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps([asdict(row) for row in bench.rows], indent=1) + "\n", "utf-8")
    (RESULTS / f"{name}.md").write_text(page(bench), "utf-8")
    lines = bench.targets()
    print(*lines, sep="\n")
    missed = any("MISSED" in line for line in lines) and not quick
    raise SystemExit(int(missed or not bench.valid))


if __name__ == "__main__":
    main()
