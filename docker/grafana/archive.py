"""The dashboard of the archive."""

from __future__ import annotations

from panels import Board, Panel, quantiles, sum_rate

ARCHIVE = Board(
    uid="screening-archive",
    title="Archive",
    description="Claims and verdicts kept as Delta tables. 历史档案",
    rows={
        "Now": (
            Panel("Ready", "Are records archived?", (("sum(screening_archive_ready)", ""),), kind="stat"),
            Panel(
                "Rows a second",
                "How much is kept?",
                (("sum(rate(screening_archive_rows_total[5m]))", ""),),
                "cps",
                "stat",
            ),
            Panel(
                "Versions", "What runs?", (("count by (version) (screening_archive_info)", "{{version}}"),), kind="stat"
            ),
        ),
        "Rows": (
            Panel(
                "By table",
                "Claims and verdicts",
                ((sum_rate("screening_archive_rows_total", "table"), "{{table}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Without a row",
                "What is no claim or no verdict",
                ((sum_rate("screening_archive_excluded_total", "why"), "{{why}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Still to be archived",
                "Records by topic",
                (("sum by (topic) (screening_archive_lag_records)", "{{topic}}"),),
            ),
            Panel(
                "Expired unread",
                "Offsets that are gone",
                (("sum(rate(screening_archive_expired_unread_total[5m]))", ""),),
                "cps",
            ),
        ),
        "Tables": (
            Panel("Writing a batch", "Time", quantiles("screening_archive_commit_seconds"), "s"),
            Panel(
                "Commits",
                "Tried, and failed by table",
                (
                    ("sum(rate(screening_archive_commit_seconds_count[5m]))", "tried"),
                    (sum_rate("screening_archive_commits_failed_total", "table"), "{{table}} failed"),
                ),
                "ops",
            ),
            Panel("Files", "By table", (("max by (table) (screening_archive_files)", "{{table}}"),)),
            Panel(
                "Since files were joined",
                "By table",
                (
                    (
                        "time() - max by (table) (screening_archive_last_tidied_timestamp_seconds)",
                        "{{table}}",
                    ),
                ),
                "s",
            ),
        ),
    },
)
