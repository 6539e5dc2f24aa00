"""The dashboard of looking back."""

from __future__ import annotations

from panels import Board, Panel, sum_rate

LOOKING_BACK = Board(
    uid="screening-looking-back",
    title="Looking back",
    description="Answers that have changed because the past has, and the money that moves. 回看复核",
    rows={
        "Now": (
            Panel("Ready", "Does anybody look back?", (("sum(screening_reconcile_ready)", ""),), kind="stat"),
            Panel(
                "Waiting",
                "How long does the oldest change wait?",
                (("max(screening_reconcile_lag_seconds)", ""),),
                "s",
                "stat",
            ),
            Panel(
                "Held",
                "Revisions that somebody has to allow",
                (("max(screening_reconcile_held_revisions)", ""),),
                kind="stat",
            ),
        ),
        "Money": (
            Panel(
                "To claw back by area",
                "Yuan that the fund gets back",
                (('sum by (area) (screening_reconcile_to_fund_yuan{kind="claw_back"}) or vector(0)', "{{area}}"),),
                width=12,
            ),
            Panel(
                "To release by area",
                "Yuan that the fund pays after all",
                (('-sum by (area) (screening_reconcile_to_fund_yuan{kind="release"}) or vector(0)', "{{area}}"),),
                width=12,
            ),
            Panel(
                "To claw back by month of service",
                "Yuan that the fund gets back",
                (('sum by (month) (screening_reconcile_to_fund_yuan{kind="claw_back"}) or vector(0)', "{{month}}"),),
                width=12,
            ),
            Panel(
                "To release by month of service",
                "Yuan that the fund pays after all",
                (('-sum by (month) (screening_reconcile_to_fund_yuan{kind="release"}) or vector(0)', "{{month}}"),),
                width=12,
            ),
        ),
        "Revisions": (
            Panel(
                "By kind",
                "What became of the claims",
                (("sum by (kind) (screening_reconcile_revisions) or vector(0)", "{{kind}}"),),
            ),
            Panel(
                "By cause",
                "The ground that arose or fell away",
                (("sum by (cause) (screening_reconcile_revisions) or vector(0)", "{{cause}}"),),
            ),
            Panel(
                "Claims judged again",
                "By what was looked at",
                ((sum_rate("screening_reconcile_judged_total", "scope"), "{{scope}}"),),
                "cps",
            ),
        ),
        "Work": (
            Panel(
                "One look back",
                "p95 of its time, by what was looked at",
                (
                    (
                        "histogram_quantile(0.95, sum by (le, scope) (rate(screening_reconcile_pass_seconds_bucket[5m])))",
                        "{{scope}}",
                    ),
                ),
                "s",
            ),
            Panel(
                "Failures",
                "Looks back that were tried again",
                ((sum_rate("screening_reconcile_failures_total"), ""),),
                "ops",
            ),
            Panel(
                "Versions",
                "What runs?",
                (("count by (version) (screening_reconcile_info)", "{{version}}"),),
                kind="stat",
            ),
        ),
    },
)
