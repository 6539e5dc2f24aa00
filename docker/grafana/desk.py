"""The dashboard of the desk."""

from __future__ import annotations

from panels import Board, Panel, quantiles, sum_rate

DESK = Board(
    uid="screening-desk",
    title="Desk",
    description="The pages where people review cases. 审核工作台",
    rows={
        "Now": (
            Panel("Ready", "Are pages shown?", (("sum(screening_desk_ready)", ""),), kind="stat"),
            Panel(
                "Newest entry of the journal",
                "How long is it?",
                (("max(screening_desk_journal_head)", ""),),
                kind="stat",
            ),
            Panel(
                "Versions", "What runs?", (("count by (version) (screening_desk_info)", "{{version}}"),), kind="stat"
            ),
        ),
        "Pages": (
            Panel(
                "Requests by outcome",
                "Shown, refused, limited, failed",
                ((sum_rate("screening_desk_pages_total", "outcome"), "{{outcome}}"),),
                "reqps",
                "stacked",
            ),
            Panel("Time to a page", "How long do people wait?", quantiles("screening_desk_latency_seconds"), "s"),
            Panel(
                "Acts on cases",
                "What is sent?",
                ((sum_rate("screening_desk_actions_total", "action"), "{{action}}"),),
                "cps",
            ),
            Panel(
                "Log-ins",
                "Done, refused, limited",
                ((sum_rate("screening_desk_log_ins_total", "outcome"), "{{outcome}}"),),
                "cps",
            ),
        ),
        "Journal": (
            Panel(
                "Entries",
                "By act",
                ((sum_rate("screening_desk_journal_entries_total", "act"), "{{act}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Entries that could not be written",
                "Their pages were not shown",
                (("sum(rate(screening_desk_journal_failures_total[5m]))", ""),),
                "cps",
            ),
        ),
        "Read model": (
            Panel("Behind the topics", "Records without rows", (("sum(screening_desk_lag_records)", ""),)),
            Panel("Records taken", "By topic", ((sum_rate("screening_desk_rows_total", "topic"), "{{topic}}"),), "cps"),
            Panel(
                "Unreadable records",
                "By topic",
                ((sum_rate("screening_desk_unreadable_total", "topic"), "{{topic}}"),),
                "cps",
            ),
        ),
    },
)
