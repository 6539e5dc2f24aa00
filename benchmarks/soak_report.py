"""What the long run came to: the balance, the waits, the memory; as rows, as tables and as a picture."""

from __future__ import annotations

import datetime as dt
import json
import os
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl
import vl_convert

from benchmarks.report import Row, table
from pipeline.devtools.kafka_jars import KAFKA_VERSION

SETTLING_S = 30.0
"""After a disturbance claims count as disturbed for so long: dead workers are noticed after ten seconds, restarts take some."""

MOST_GROWTH = 0.05
"""Resident memory at the end may be this much above that of minutes six to nine, and counts as flat. By then the broker was away
once: what had to be caught up with set the memory that a process keeps for its largest batches."""

_BACK_MS = 1_000.0


@dataclass(frozen=True)
class Disturbance:
    """Something that was done to the house; seconds from the first claim."""

    begun: float
    done: float
    what: str


@dataclass(frozen=True)
class Soak:
    """What was sent, seen and sampled. Moments are seconds from the first claim; latency runs from the moment a claim was meant
    to be sent, so that a sender which is held up hides nothing."""

    rate: float
    seconds: float
    meant: int
    sent: pl.DataFrame
    seen: pl.DataFrame
    letters: int
    events: int
    late: float
    disturbances: list[Disturbance]
    memory: pl.DataFrame
    audit: dict[str, Any]

    @cached_property
    def balance(self) -> dict[str, int]:
        """Claims by what became of them; all but the first must be 0."""
        place = ["partition", "offset"]
        outcomes = self.seen.group_by(place).len()
        lost = self.sent.join(outcomes, on=place, how="anti").height
        return {
            "answered once": outcomes.filter(pl.col("len") == 1).join(self.sent, on=place, how="semi").height,
            "never sent": self.meant - self.sent.height,
            "lost": lost,
            "answered more than once": outcomes.filter(pl.col("len") > 1).height,
            "invented": outcomes.join(self.sent, on=place, how="anti").height,
        }

    @cached_property
    def waits(self) -> pl.DataFrame:
        """Every claim: moment, ms until its outcome could be read, whether the house was disturbed then."""
        first = self.seen.group_by("partition", "offset").agg(pl.col("seen").min())
        disturbed = pl.any_horizontal(
            pl.col("moment").is_between(item.begun - 1, item.done + SETTLING_S) for item in self.disturbances
        ) if self.disturbances else pl.lit(value=False)  # fmt: skip
        return (
            self.sent.join(first, on=["partition", "offset"])
            .select("moment", ms=(pl.col("seen") - pl.col("moment")) * 1000)
            .with_columns(disturbed=disturbed)
            .sort("moment")
        )

    def quantiles(self, *, disturbed: bool | None = None) -> dict[str, float]:
        """p50, p95, p99 and the longest wait, ms; of all claims, or of those sent while (not) disturbed."""
        waits = self.waits if disturbed is None else self.waits.filter(pl.col("disturbed") == disturbed)
        ms = waits["ms"]
        found = {f"p{share:.0%}".rstrip("%"): ms.quantile(share) for share in (0.5, 0.95, 0.99)} | {"max": ms.max()}
        return {name: float(value) for name, value in found.items() if isinstance(value, float)}

    def after(self, item: Disturbance) -> tuple[float, float]:
        """The longest wait (s) of a claim around a disturbance, and how long (s) until claims were answered as usual again."""
        near = self.waits.filter(pl.col("moment").is_between(item.begun - 15, item.done + SETTLING_S))
        slow = near.filter(pl.col("ms") > _BACK_MS)
        if slow.is_empty():
            return float(near["ms"].max() or 0.0) / 1000, 0.0  # type: ignore[arg-type]  # a float column's
        end = (slow["moment"] + slow["ms"] / 1000).max()
        return float(slow["ms"].max()) / 1000, max(0.0, float(end) - item.begun)  # type: ignore[arg-type]  # float columns'

    def grown(self, process: str) -> tuple[float, float]:
        """Resident memory (MB, median) of a process from 0.3 to 0.45 of the run, and in its last 0.15."""
        own = self.memory.filter(pl.col("process") == process)
        begun = own.filter(pl.col("moment").is_between(self.seconds * 0.3, self.seconds * 0.45))["mb"].median()
        ended = own.filter(pl.col("moment") > self.seconds * 0.85)["mb"].median()
        return float(begun or 0.0), float(ended or 0.0)  # type: ignore[arg-type]  # a float column's

    @property
    def minutes(self) -> list[int]:
        """Minutes of the run at which memory is told."""
        last = int(self.seconds / 60)
        return sorted({1, *(range(2, last, max(2, last // 10))), last})

    def remembered(self) -> list[list[str]]:
        """A line a process: its memory (MB) at these minutes."""
        lines = []
        for (process,), own in self.memory.group_by("process", maintain_order=True):
            near = [own.sort((pl.col("moment") - minute * 60).abs())["mb"][0] for minute in self.minutes]
            lines.append([str(process), *(f"{value:,.0f}" for value in near)])
        return lines

    @cached_property
    def targets(self) -> list[tuple[str, str, bool]]:
        """What must hold: in words, as measured, and whether it does."""
        wrong = sum(count for name, count in self.balance.items() if name != "answered once")
        differences = self.audit.get("differences")
        found = [
            ("nothing lost, repeated or invented", f"{wrong:,}", wrong == 0),
            (
                "the audit finds nothing",
                str(self.audit.get("failed") if differences is None else f"{len(differences):,} differences"),
                differences == [],
            ),
        ]
        for process in self.memory["process"].unique(maintain_order=True):
            begun, ended = self.grown(process)
            flat = ended <= begun * (1 + MOST_GROWTH)
            found.append((f"memory of the {process} flat", f"{begun:,.0f} MB, then {ended:,.0f} MB", flat))
        return found

    @property
    def passed(self) -> bool:
        """Whether everything holds."""
        return all(met for _, _, met in self.targets)

    def rows(self) -> list[Row]:
        """The figures for machines."""
        made = [Row("soak", name.replace(" ", "_"), float(count), "claims") for name, count in self.balance.items()]
        made += [
            Row("soak", "dead_letters", float(self.letters), "claims"),
            Row("soak", "events", float(self.events), "events"),
            Row(
                "soak",
                "workers_killed",
                float(sum(item.what == "worker killed" for item in self.disturbances)),
                "kills",
            ),
            Row("soak", "audit_differences", float(len(self.audit.get("differences", [None]))), "differences"),
        ]
        for which, disturbed in (("all", None), ("undisturbed", False), ("disturbed", True)):
            if disturbed is None or self.waits["disturbed"].eq(disturbed).any():
                made += [Row(which, f"latency_{name}", round(value, 1), "ms") for name, value in self.quantiles(disturbed=disturbed).items()]  # fmt: skip  # noqa: E501
        for process in self.memory["process"].unique(maintain_order=True):
            begun, ended = self.grown(process)
            made += [
                Row(process, "memory_early", round(begun, 1), "MB"),
                Row(process, "memory_late", round(ended, 1), "MB"),
            ]
        return made


def as_markdown(soak: Soak) -> str:
    """The tables for people."""
    now = dt.datetime.now(dt.UTC)
    quantiles = [
        [name, *(f"{value:,.1f}" for value in soak.quantiles(disturbed=disturbed).values()), f"{count:,}"]
        for name, disturbed, count in (
            ("all", None, soak.waits.height),
            ("undisturbed", False, soak.waits.filter(~pl.col("disturbed")).height),
            (f"within {SETTLING_S:.0f} s of a disturbance", True, soak.waits.filter("disturbed").height),
        )
        if count
    ]
    disturbances = [
        [
            f"{item.begun / 60:.1f}",
            item.what,
            *(f"{value:.1f}" for value in (item.done - item.begun, *soak.after(item))),
        ]
        for item in soak.disturbances
    ]
    return "\n".join(
        [
            f"# Soak, {now:%Y-%m-%d %H:%M} UTC\n",
            f"{soak.seconds / 60:.0f} minutes at {soak.rate:,.0f} claims and "
            f"{soak.events / soak.seconds:.1f} events a second; two workers, "
            f"control plane, broker and sender share {os.cpu_count()} cores; Apache Kafka {KAFKA_VERSION}, "
            f"confluent-kafka {version('confluent-kafka')}, faust-streaming {version('faust-streaming')}.\n",
            f"{soak.meant:,} claims meant: {', '.join(f'{name} {count:,}' for name, count in soak.balance.items())}; "
            f"{soak.letters:,} of the outcomes are dead letters of the sample's broken records. "
            f"The sender was late by at most {soak.late * 1000:,.0f} ms.\n",
            "![Latency and memory over the run](soak.svg)\n",
            table(["target", "measured", ""], [[words, told, "PASS" if met else "FAIL"] for words, told, met in soak.targets]),
            "\n## From the moment a claim is meant to be sent to its outcome being readable, ms\n",
            table(["claims", "p50", "p95", "p99", "max", "count"], quantiles),
            "\n## Disturbances\n",
            table(["minute", "what", "took, s", "longest wait, s", "as usual again after, s"], disturbances),
            "\n## Resident memory of what lived through it all, MB\n",
            table(["process", *(f"minute {minute}" for minute in soak.minutes)], soak.remembered()),
            "",
        ]
    )  # fmt: skip


def as_picture(soak: Soak) -> str:
    """Latency (p99 of each five seconds) and memory over the run, disturbances marked; SVG."""
    marks = pl.DataFrame([{"minute": item.begun / 60, "what": item.what} for item in soak.disturbances] or
                         {"minute": [], "what": []}, schema={"minute": pl.Float64, "what": pl.String})  # fmt: skip
    waits = (
        soak.waits.group_by((pl.col("moment") // 5 * 5 / 60).alias("minute"))
        .agg(p50=pl.col("ms").quantile(0.5), p99=pl.col("ms").quantile(0.99))
        .unpivot(index="minute", variable_name="quantile", value_name="ms")
        .sort("minute")
    )
    memory = soak.memory.select(minute=pl.col("moment") / 60, process="process", mb="mb")
    kinds = alt.Scale(domain=["worker killed", "broker restarted"], range=["#c44e52", "#173f6b"])
    x = alt.X("minute:Q", title="minutes", scale=alt.Scale(domain=[0, soak.seconds / 60], nice=False))
    rules = (
        alt.Chart(marks).mark_rule(strokeDash=[3, 3]).encode(x=x, color=alt.Color("what:N", scale=kinds, title=None))
    )
    latency = alt.Chart(waits).mark_line().encode(
        x=x,
        y=alt.Y("ms:Q", title="claim to outcome, ms (log)", scale=alt.Scale(type="log")),
        strokeDash=alt.StrokeDash("quantile:N", title=None, sort=["p99", "p50"]),
    )  # fmt: skip
    used = alt.Chart(memory).mark_line().encode(
        x=x,
        y=alt.Y("mb:Q", title="resident, MB", scale=alt.Scale(zero=True)),
        color=alt.Color("process:N", title=None, scale=alt.Scale(range=["#2b6cb0", "#e2963a"])),
    )  # fmt: skip
    size = {"width": 720, "height": 200}
    panels = [
        alt.layer(lines, rules).resolve_scale(color="independent").properties(**size) for lines in (latency, used)
    ]
    chart = (
        alt.vconcat(*panels).resolve_scale(color="independent", strokeDash="independent").configure(background="white")
    )
    return str(vl_convert.vegalite_to_svg(chart.to_dict()))


def write(soak: Soak, folder: Path) -> str:
    """Writes rows, tables and picture; returns the tables."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "soak.json").write_text(json.dumps([asdict(row) for row in soak.rows()], indent=1) + "\n")
    (folder / "soak.svg").write_text(as_picture(soak))
    text = as_markdown(soak)
    (folder / "soak.md").write_text(text)
    return text
