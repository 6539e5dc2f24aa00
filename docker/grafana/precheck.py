"""The dashboard of the pre-check."""

from __future__ import annotations

from panels import Board, Panel, quantiles, sum_rate

PRECHECK = Board(
    uid="screening-precheck",
    title="Pre-check",
    description="Answers before a claim is settled. 事前审核",
    rows={
        "Now": (
            Panel("Ready instances", "How many answer?", (("sum(screening_precheck_ready)", ""),), kind="stat"),
            Panel(
                "Requests a second",
                "How much is asked?",
                (("sum(rate(screening_precheck_requests_total[5m]))", ""),),
                "reqps",
                "stat",
            ),
            Panel(
                "Versions",
                "What runs?",
                (("count by (version) (screening_precheck_info)", "{{version}}"),),
                kind="stat",
            ),
        ),
        "Answers": (
            Panel(
                "Requests by outcome",
                "Answered, refused, forbidden, limited, held, failed",
                ((sum_rate("screening_precheck_requests_total", "outcome"), "{{outcome}}"),),
                "reqps",
                "stacked",
            ),
            Panel(
                "Claims by verdict",
                "What would become of them?",
                ((sum_rate("screening_precheck_claims_total", "disposition"), "{{disposition}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Time to the answer",
                "How long does a counter wait?",
                quantiles("screening_precheck_latency_seconds"),
                "s",
            ),
            Panel(
                "By a register that was not current",
                "How often did the policy answer?",
                (("sum(rate(screening_precheck_not_current_total[5m]))", ""),),
                "reqps",
            ),
            Panel("Waiting", "Claims that wait for their answer", (("sum(screening_precheck_waiting_claims)", ""),)),
        ),
    },
)
