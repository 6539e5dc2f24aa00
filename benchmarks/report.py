"""The table: rows of name, metric, value and unit, ratios between contenders, and the targets that they are held to."""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import platform
import re
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline.devtools.kafka_jars import KAFKA_VERSION

GATE = "gate"
LIMIT = "pass-through"


@dataclass(frozen=True)
class Row:
    """One figure."""

    name: str
    metric: str
    value: float
    unit: str
    note: str = ""


@dataclass(frozen=True)
class Target:
    """What a figure has to reach."""

    name: str
    metric: str
    words: str
    met: Callable[[float, Report], bool]


@dataclass
class Report:
    """All figures of a run."""

    claims: int
    standings: int
    rates: dict[str, list[float]] = field(default_factory=dict)
    """Claims a second by contender, one for each round."""
    rows: list[Row] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    load_before: tuple[float, float, float] = field(default_factory=os.getloadavg)

    def add(self, name: str, metric: str, value: float, unit: str, note: str = "") -> None:
        """Add a figure."""
        self.rows.append(Row(name, metric, value, unit, note))

    def value(self, name: str, metric: str) -> float | None:
        """A figure, or None when it was not measured."""
        return next((row.value for row in self.rows if row.name == name and row.metric == metric), None)

    def invalidate(self, name: str, problems: list[str]) -> None:
        """Say that a contender's verdicts are not what they should be. Of a log, the first and the last line are kept."""
        for problem in problems:
            lines = problem.strip().splitlines()
            self.problems.append(f"{name}: {lines[0]}" + (f" … {lines[-1].strip()}" if len(lines) > 1 else ""))

    @property
    def invalid(self) -> set[str]:
        """The contenders whose figures do not count."""
        return {problem.split(": ", 1)[0] for problem in self.problems}

    def add_ratios(self) -> None:
        """Add what every contender is of the limit, and what the gate is of every contender."""
        for name in self.rates:
            if LIMIT in self.rates and name != LIMIT:
                self.add(name, "ratio_to_passthrough", self._times(name, LIMIT), "ratio")
        for name in self.rates:
            if GATE in self.rates and name not in {GATE, LIMIT}:
                self.add(GATE, f"ratio_to_{name}", self._times(GATE, name), "ratio")

    def _times(self, one: str, other: str) -> float:
        """How many times as fast one is as another: by round when both ran in every round, so that a slow moment of the
        machine weighs on both; else by their medians."""
        ours, theirs = self.rates[one], self.rates[other]
        if len(ours) == len(theirs):
            return statistics.median(mine / yours for mine, yours in zip(ours, theirs, strict=True))
        return statistics.median(ours) / statistics.median(theirs)

    def targets(self) -> list[tuple[Target, float, bool]]:
        """The targets whose figures were measured: target, figure, and whether it is reached."""
        answers = []
        for target in _TARGETS:
            value = self.value(target.name, target.metric)
            if value is not None:
                met = not math.isnan(value) and target.name not in self.invalid and target.met(value, self)
                answers.append((target, value, met))
        return answers

    def as_json(self) -> str:
        """The rows for machines."""
        rows: list[dict[str, Any]] = []
        for row in self.rows:
            value = None if math.isnan(row.value) else round(row.value, 4)
            rows.append({"name": row.name, "metric": row.metric, "value": value, "unit": row.unit})
        for name in self.rates:
            if name != LIMIT:
                rows.append(
                    {"name": name, "metric": "verdicts_equal", "value": int(name not in self.invalid), "unit": "bool"}
                )
        return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"

    def as_markdown(self) -> str:
        """The tables for people."""
        sections = [self._heading(), self._throughput(), self._latency(), self._readiness(), self._verdict()]
        return "\n\n".join(section for section in sections if section) + "\n"

    def _heading(self) -> str:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
        now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
        libraries = ", ".join(f"{name} {version(name)}" for name in ("confluent-kafka", "polars", "faust-streaming"))
        return (
            f"# Benchmark, {now}\n\n"
            f"{self.claims:,} claims, {self.standings:,} standings; broker and contenders share {os.cpu_count()} cores and "
            f"{memory:.0f} GiB ({platform.machine()}); Apache Kafka {KAFKA_VERSION}, Python {platform.python_version()}, "
            f"{libraries}. Load average before the run: {self.load_before[0]:.2f}."
        )

    def _named(self, metric: str) -> list[Row]:
        return [row for row in self.rows if row.metric == metric]

    def _throughput(self) -> str:
        rows = sorted(self._named("throughput"), key=lambda row: -row.value)
        if not rows:
            return ""
        lines = []
        for row in rows:
            lines.append(
                [
                    row.name + (" **INVALID**" if row.name in self.invalid else ""),
                    _number(row.value),
                    _number(self.value(row.name, "throughput_second_half")),
                    _ratio(self.value(row.name, "ratio_to_passthrough")),
                    _ratio(self.value(GATE, f"ratio_to_{row.name}")),
                    _number(self.value(row.name, "first_commit_seconds"), 1),
                    _number(self.value(row.name, "cpu_us_per_claim"), 1),
                    _number(self.value(row.name, "resident_mb")),
                    row.note,
                ]
            )
        header = ["contender", "claims/s", "second half", "of pass-through", "gate is", "first commit, s"]
        return "## Throughput\n\n" + table([*header, "CPU µs/claim", "MB", "how"], lines) + self._warmed_up()

    def _warmed_up(self) -> str:
        """Java gets faster while it runs; what the comparison is by the second halves alone."""
        ours, theirs = self.value(GATE, "throughput_second_half"), self.value(STREAMS, "throughput_second_half")
        if not ours or not theirs or math.isnan(ours) or math.isnan(theirs):
            return ""
        words = "By the second half of the claims alone, when Java has warmed up, the gate is"
        return f"\n\n{words} {ours / theirs:.2f}x Kafka Streams."

    def _latency(self) -> str:
        lines = [
            [row.name, row.note, *(_number(self.value(row.name, metric), 1) for metric in _LATENCIES)]
            for row in self._named("latency_p99")
        ]
        if not lines:
            return ""
        title = "## Latency, ms from sending a claim to reading its verdict (read_committed)\n\n"
        return title + table(["contender", "how", "p50", "p95", "p99", "max"], lines)

    def _readiness(self) -> str:
        lines = [
            [row.name, _number(row.value, 1), _number(self.value(row.name, "resident_bytes_per_standing")), row.note]
            for row in self._named("ready_seconds")
        ]
        return "## Readiness\n\n" + table(["contender", "s to ready", "bytes each", "how"], lines) if lines else ""

    def _verdict(self) -> str:
        parts = []
        lines = [[target.words, _number(value, 2), "PASS" if met else "FAIL"] for target, value, met in self.targets()]
        if lines:
            parts.append("## Targets\n\n" + table(["target", "measured", ""], lines))
        for title, items in (("## Not as it should be", self.problems), ("## Notes", self.notes)):
            if items:
                parts.append(title + "\n\n" + "\n".join(f"- {item}" for item in items))
        return "\n\n".join(parts)


_LATENCIES = ("latency_p50", "latency_p95", "latency_p99", "latency_max")


def _number(value: float | None, digits: int = 0) -> str:
    return "" if value is None or math.isnan(value) else f"{value:,.{digits}f}"


def _ratio(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:,.2f}x"


def table(header: list[str], lines: list[list[str]]) -> str:
    """A Markdown table that reads well as plain text too: names to the left, figures to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(header, *lines, strict=True)]
    figures = [all(re.fullmatch(r"[\d.,]*x?", line[number]) for line in lines) for number in range(len(header))]

    def row(cells: list[str]) -> str:
        padded = (
            cell.rjust(width) if figure else cell.ljust(width)
            for cell, width, figure in zip(cells, widths, figures, strict=True)
        )
        return "| " + " | ".join(padded) + " |"

    rule = "|" + "|".join(
        "-" * (width + 1) + (":" if figure else "-") for width, figure in zip(widths, figures, strict=True)
    )
    return "\n".join([row(header), rule + "|", *(row(line) for line in lines)])


def _at_least(bound: float) -> Callable[[float, Report], bool]:
    return lambda value, _report: value >= bound


def _at_most(bound: float) -> Callable[[float, Report], bool]:
    return lambda value, _report: value <= bound


STREAMS = "kafka-streams (2 threads)"


def _below_streams(value: float, report: Report) -> bool:
    theirs = report.value(STREAMS, "latency_p99")
    return theirs is not None and value < theirs


_TARGETS = (
    Target(GATE, "ratio_to_passthrough", "throughput at least 0.4 of the pass-through limit (aim 0.6)", _at_least(0.4)),
    Target(GATE, f"ratio_to_{STREAMS}", "throughput at least 2x Kafka Streams", _at_least(2)),
    Target(GATE, "ratio_to_quix", "throughput at least 5x Quix Streams", _at_least(5)),
    Target(GATE, "ratio_to_faust", "throughput at least 50x Faust", _at_least(50)),
    Target(GATE, "latency_p99", "p99 latency at most 120 ms", _at_most(120)),
    Target(GATE, "latency_p99", "p99 latency below Kafka Streams'", _below_streams),
    Target(GATE, "ready_seconds", "ready in at most 20 s", _at_most(20)),
    Target(GATE, "resident_bytes_per_standing", "at most 400 bytes of resident memory a standing", _at_most(400)),
)


def write(report: Report, folder: Path, name: str) -> None:
    """Write the rows for machines and the tables for people."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(report.as_json())
    (folder / f"{name}.md").write_text(report.as_markdown())
