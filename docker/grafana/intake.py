"""The dashboard of the intake."""

from __future__ import annotations

from panels import Board, Panel, quantiles, sum_rate

INTAKE = Board(
    uid="screening-intake",
    title="Intake",
    description="Messages of the national interface in, claims out. 报文接入",
    rows={
        "Now": (
            Panel("Ready instances", "How many take messages?", (("sum(screening_intake_ready)", ""),), kind="stat"),
            Panel(
                "Messages a second",
                "How much comes in?",
                (("sum(rate(screening_intake_messages_total[5m]))", ""),),
                "cps",
                "stat",
            ),
            Panel(
                "Versions", "What runs?", (("count by (version) (screening_intake_info)", "{{version}}"),), kind="stat"
            ),
        ),
        "Messages": (
            Panel(
                "By outcome",
                "Used, joined, waiting, set aside",
                ((sum_rate("screening_intake_messages_total", "outcome"), "{{outcome}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Of other transactions",
                "What claims do not need",
                ((sum_rate("screening_intake_passed_total", "infno"), "{{infno}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Set aside",
                "Dead letters by error",
                ((sum_rate("screening_intake_dead_letters_total", "error"), "{{error}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Still to be taken",
                "Messages by partition",
                (("max by (partition) (screening_intake_lag_records)", "{{partition}}"),),
            ),
        ),
        "Claims": (
            Panel(
                "By kind",
                "First, later versions, refunds",
                ((sum_rate("screening_intake_claims_total", "kind"), "{{kind}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Without their visit",
                "The wait was in vain",
                (("sum(rate(screening_intake_visit_not_seen_total[5m]))", ""),),
                "cps",
            ),
            Panel(
                "Unknown visit classes",
                "By code",
                ((sum_rate("screening_intake_encounter_unknown_total", "code"), "{{code}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Doubts",
                "In spite of what claims were written",
                ((sum_rate("screening_intake_doubts_total", "doubt"), "{{doubt}}"),),
                "cps",
                "stacked",
            ),
        ),
        "Inside": (
            Panel("Deciding a batch", "Time", quantiles("screening_intake_take_seconds"), "s"),
            Panel("Committing a batch", "Time", quantiles("screening_intake_commit_seconds"), "s"),
            Panel(
                "Transactions",
                "Tried, and rolled back by cause",
                (
                    ("sum(rate(screening_intake_commit_seconds_count[5m]))", "tried"),
                    (sum_rate("screening_intake_transactions_aborted_total", "cause"), "{{cause}}"),
                ),
                "ops",
            ),
            Panel("Visits and messages known", "How many?", (("sum(screening_intake_states)", ""),)),
            Panel(
                "Forgotten, and expired unread",
                "How many?",
                (
                    ("sum(rate(screening_intake_forgotten_total[5m]))", "forgotten"),
                    ("sum(rate(screening_intake_expired_unread_total[5m]))", "expired unread"),
                ),
                "cps",
            ),
        ),
    },
)
