"""What a dashboard is made of, and how it looks: decided once, for all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import GraphDrawStyle, LegendDisplayMode, LegendPlacement, StackingMode
from grafana_foundation_sdk.models.dashboard import DataSourceRef

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


def sum_rate(metric: str, *labels: str) -> str:
    """A counter's rate over five minutes, by labels."""
    by = f" by ({', '.join(labels)})" if labels else ""
    return f"sum{by} (rate({metric}[5m]))"


def quantiles(metric: str) -> tuple[tuple[str, str], ...]:
    """The queries of a histogram: median, p95, p99 over five minutes."""
    return tuple(
        (f"histogram_quantile({share}, sum by (le) (rate({metric}_bucket[5m])))", f"p{round(share * 100)}")
        for share in (0.5, 0.95, 0.99)
    )


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
