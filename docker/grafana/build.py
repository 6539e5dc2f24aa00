"""The dashboards, as code: `make docs` writes them to the folder that Grafana is given.

A panel is a title, a question in words, and expressions. What a panel shows is told here; how it looks is decided once, below.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import GraphDrawStyle, LegendDisplayMode, LegendPlacement, StackingMode
from grafana_foundation_sdk.models.dashboard import DataSourceRef

FOLDER = Path(__file__).parent / "dashboards"
SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")


@dataclass(frozen=True)
class Panel:
    """One question and its answer. `queries` are pairs of expression and legend. `width` is in columns of 24."""

    title: str
    asks: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    kind: Literal["lines", "stacked", "stat"] = "lines"
    width: int = 8


@dataclass(frozen=True)
class Board:
    """One dashboard: rows of panels."""

    uid: str
    title: str
    description: str
    rows: dict[str, tuple[Panel, ...]] = field(default_factory=dict)


def _sum_rate(metric: str, *labels: str) -> str:
    by = f" by ({', '.join(labels)})" if labels else ""
    return f"sum{by} (rate({metric}[5m]))"


def _quantiles(metric: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (f"histogram_quantile({share}, sum by (le) (rate({metric}_bucket[5m])))", f"p{round(share * 100)}")
        for share in (0.5, 0.95, 0.99)
    )


GATE = Board(
    uid="screening-gate",
    title="Gate",
    description="Claims in, verdicts out: how many, how fast, by which law, and by how fresh a register. 理赔闸口",
    rows={
        "Now": (
            Panel("Ready workers", "How many workers judge?", (("sum(screening_ready)", ""),), kind="stat", width=4),
            Panel("Claims a second", "How much comes out?", (("screening:claims:rate5m", ""),), "cps", "stat", 4),
            Panel(
                "Claims that wait",
                "How far behind are we?",
                (("sum(screening_consumer_lag_records)", ""),),
                kind="stat",
                width=4,
            ),
            Panel(
                "Holding",
                "Does a worker judge nothing because its register is too old?",
                (("sum(screening_held)", ""),),
                kind="stat",
                width=4,
            ),
            Panel(
                "Withheld today",
                "Fund share not paid in 24 hours, rejected and in review",
                (('sum(increase(screening_fund_amount_yuan_total{disposition!="pay",kind="charge"}[24h]))', ""),),
                "currencyCNY",
                "stat",
                4,
            ),
            Panel(
                "Versions",
                "Which packs are in force?",
                (("count by (version, packs) (screening_worker_info)", "{{version}} {{packs}}"),),
                kind="stat",
                width=4,
            ),
        ),
        "Verdicts": (
            Panel(
                "By disposition",
                "Paid, rejected, in review",
                ((_sum_rate("screening_claims_total", "disposition"), "{{disposition}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Grounds of what is not paid",
                "Why",
                ((_sum_rate('screening_claims_total{disposition!="pay"}', "reason"), "{{reason}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Share rejected, by region",
                "Is a region out of its band?",
                (("region:screening_reject_ratio:rate30m", "{{region}}"),),
                "percentunit",
            ),
            Panel(
                "Fund share a second",
                "Money by disposition, reversals (冲正) apart",
                ((_sum_rate("screening_fund_amount_yuan_total", "disposition", "kind"), "{{disposition}} {{kind}}"),),
                "currencyCNY",
            ),
            Panel(
                "Exemptions",
                "Claims paid because of an exemption, by the ground that it lifted",
                ((_sum_rate("screening_exempted_claims_total", "ground", "reason"), "{{ground}}: {{reason}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Institutions that live on exemptions",
                "Share of an institution's claims paid by exemption, the ten highest",
                (("topk(10, institution:screening_exempted_ratio:rate6h)", "{{institution}}"),),
                "percentunit",
            ),
            Panel("Cases opened", "Work for people", ((_sum_rate("screening_cases_total"), "cases"),), "cps"),
            Panel(
                "Dead letters",
                "Records that are no claims, by error",
                ((_sum_rate("screening_dead_letters_total", "error"), "{{error}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Physician codes",
                "Share in the national form (data quality, never a ground)",
                (
                    (
                        'sum(rate(screening_physician_codes_total{form="national"}[30m]))'
                        " / sum(rate(screening_physician_codes_total[30m]))",
                        "national form",
                    ),
                ),
                "percentunit",
            ),
        ),
        "Speed": (
            Panel(
                "Latency",
                "From a claim's Kafka timestamp to the commit of its verdict",
                _quantiles("screening_latency_seconds"),
                "s",
            ),
            Panel("Judging a batch", "Decode, gather, decide, encode", _quantiles("screening_judge_seconds"), "s"),
            Panel("Committing a batch", "One transaction", _quantiles("screening_commit_seconds"), "s"),
            Panel("Batch size", "Claims in a transaction", _quantiles("screening_batch_claims")),
            Panel(
                "Lag by partition",
                "Does one partition stand still?",
                (("sum by (partition) (screening_consumer_lag_records)", "{{partition}}"),),
            ),
            Panel("Partitions owned", "Is the work shared?", (("screening_partitions_owned", "{{instance}}"),)),
            Panel(
                "Transactions",
                "Committed, and rolled back by cause",
                (
                    (_sum_rate("screening_transactions_committed_total"), "committed"),
                    (_sum_rate("screening_transactions_aborted_total", "cause"), "{{cause}}"),
                ),
                "ops",
            ),
        ),
        "Register": (
            Panel(
                "Age of the view",
                "How old may the register be that claims are judged by?",
                (("screening_standing_staleness_seconds", "{{instance}}"),),
                "s",
            ),
            Panel(
                "Physicians and institutions known",
                "Did standings get lost?",
                (
                    ("screening_standing_physicians", "physicians {{instance}}"),
                    ("screening_standing_institutions", "institutions {{instance}}"),
                ),
            ),
            Panel(
                "Standings applied",
                "Updates, tombstones, unreadable records",
                ((_sum_rate("screening_standing_updates_total", "effect"), "{{effect}}"),),
                "ops",
            ),
            Panel("Highest revision", "Does the ledger move?", (("max(screening_standing_revision)", "revision"),)),
        ),
    },
)

LEDGER = Board(
    uid="screening-ledger",
    title="Ledger",
    description="Events in, standings, notices and cases out: the control plane. 一医一档",
    rows={
        "Now": (
            Panel("Ready instances", "How many take events?", (("sum(screening_control_ready)", ""),), kind="stat"),
            Panel(
                "Events a second",
                "How much comes in?",
                (("sum(rate(screening_control_events_total[5m]))", ""),),
                "cps",
                "stat",
            ),
            Panel(
                "Versions",
                "What runs?",
                (("count by (version, faust) (screening_control_info)", "{{version}}, Faust {{faust}}"),),
                kind="stat",
            ),
        ),
        "Events": (
            Panel(
                "By type",
                "What is recorded",
                ((_sum_rate("screening_control_events_total", "type"), "{{type}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "By outcome",
                "Accepted, repeated, forwarded",
                ((_sum_rate("screening_control_events_total", "outcome"), "{{outcome}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Set aside",
                "Dead letters by topic and error",
                ((_sum_rate("screening_control_dead_letters_total", "topic", "error"), "{{topic}}: {{error}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Contradictions",
                "Told to people, by kind",
                ((_sum_rate("screening_control_flags_total", "flag"), "{{flag}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Standings published",
                "By owner",
                ((_sum_rate("screening_control_standings_published_total", "owner"), "{{owner}}"),),
                "cps",
            ),
            Panel(
                "Foreign records",
                "Did anybody else write into a table's topic?",
                ((_sum_rate("screening_control_foreign_records_total"), "written over"),),
                "cps",
            ),
        ),
        "Deadlines and cases": (
            Panel(
                "Notices",
                "By phase",
                ((_sum_rate("screening_control_notices_total", "phase"), "{{phase}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Notices by duty",
                "Which statutory step",
                ((_sum_rate("screening_control_notices_total", "kind"), "{{kind}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Waiting dossiers",
                "How many have a day to come; how many were looked at",
                (
                    ("sum(screening_control_timers)", "waiting"),
                    ("sum(rate(screening_control_timers_due_total[5m]))", "looked at, a second"),
                ),
            ),
            Panel(
                "Late by",
                "Days by which the oldest dossier looked at was late",
                (("max(screening_control_timers_late_days)", "days"),),
                "d",
            ),
            Panel(
                "Cases",
                "By outcome",
                ((_sum_rate("screening_control_cases_total", "outcome"), "{{outcome}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Actions on cases",
                "By action and outcome",
                ((_sum_rate("screening_control_case_actions_total", "action", "outcome"), "{{action}} {{outcome}}"),),
                "cps",
                "stacked",
            ),
        ),
        "Speed and recovery": (
            Panel("Deciding a batch", "Fold and timeline", _quantiles("screening_control_fold_seconds"), "s"),
            Panel(
                "Writing a batch",
                "Until the brokers have acknowledged it",
                _quantiles("screening_control_write_seconds"),
                "s",
            ),
            Panel("Batch size", "Records", _quantiles("screening_control_batch_records")),
            Panel(
                "Partitions owned",
                "Is the work shared?",
                (("sum by (instance, topic) (screening_control_partitions_owned)", "{{instance}} {{topic}}"),),
            ),
            Panel(
                "Recovery",
                "Seconds from the last assignment to readiness; records read back",
                (
                    ("screening_control_recovery_seconds", "seconds {{instance}}"),
                    ("sum(rate(screening_control_recovered_records_total[5m]))", "records a second"),
                ),
            ),
            Panel(
                "Unrest",
                "Rebalances and new beginnings",
                (
                    ("sum(increase(screening_control_rebalances_total[10m]))", "rebalances"),
                    ("sum(increase(screening_control_restarts_total[10m]))", "begun anew"),
                ),
            ),
            Panel(
                "Tables",
                "How large are they? (keys, about)",
                (("sum by (table) (screening_control_table_keys)", "{{table}}"),),
            ),
        ),
    },
)

BOARDS = (GATE, LEDGER)


def _panel(panel: Panel) -> stat.Panel | timeseries.Panel:
    made: stat.Panel | timeseries.Panel
    if panel.kind == "stat":
        made = stat.Panel().height(4)
    else:
        made = (
            timeseries.Panel()
            .height(8)
            .draw_style(GraphDrawStyle.LINE)
            .fill_opacity(30 if panel.kind == "stacked" else 5)
            .legend(
                common.VizLegendOptions()
                .display_mode(LegendDisplayMode.LIST)
                .placement(LegendPlacement.BOTTOM)
                .show_legend(True)
            )
        )
        if panel.kind == "stacked":
            made = made.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    made = made.title(panel.title).description(panel.asks).unit(panel.unit).span(panel.width).datasource(SOURCE)
    for number, (expression, legend) in enumerate(panel.queries):
        query = prometheus.Dataquery().expr(expression).ref_id(chr(ord("A") + number))
        made = made.with_target(query.legend_format(legend or "__auto"))
    return made


def render(board: Board) -> str:
    """The dashboard as Grafana's JSON."""
    made = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .description(board.description)
        .tags(["claims-screening"])
        .readonly()
        .refresh("10s")
        .time("now-3h", "now")
        .timezone("browser")
    )
    for title, panels in board.rows.items():
        made = made.with_row(dashboard.Row(title))
        for panel in panels:
            made = made.with_panel(_panel(panel))
    return JSONEncoder(sort_keys=True, indent=2).encode(made.build()) + "\n"


def main() -> None:
    """Writes every dashboard."""
    FOLDER.mkdir(exist_ok=True)
    for board in BOARDS:
        path = FOLDER / f"{board.uid.removeprefix('screening-')}.json"
        path.write_text(render(board), "utf-8")
        panels = json.loads(path.read_text("utf-8"))["panels"]
        sys.stdout.write(f"{path.name}: {len(panels)} panels and rows\n")


if __name__ == "__main__":
    main()
