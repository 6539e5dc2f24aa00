"""The dashboard of the control plane."""

from __future__ import annotations

from panels import Board, Panel, quantiles, sum_rate

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
                ((sum_rate("screening_control_events_total", "type"), "{{type}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "By outcome",
                "Accepted, repeated, forwarded",
                ((sum_rate("screening_control_events_total", "outcome"), "{{outcome}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Set aside",
                "Dead letters by topic and error",
                ((sum_rate("screening_control_dead_letters_total", "topic", "error"), "{{topic}}: {{error}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Contradictions",
                "Told to people, by kind",
                ((sum_rate("screening_control_flags_total", "flag"), "{{flag}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Standings published",
                "By owner",
                ((sum_rate("screening_control_standings_published_total", "owner"), "{{owner}}"),),
                "cps",
            ),
            Panel(
                "Foreign records",
                "Did anybody else write into a table's topic?",
                ((sum_rate("screening_control_foreign_records_total"), "written over"),),
                "cps",
            ),
        ),
        "Is the ledger at the end of its log?": (
            Panel(
                "Events to take",
                "Recorded, and not yet followed by a standing",
                (("max by (topic, partition) (screening_control_lag_events)", "{{topic}} {{partition}}"),),
            ),
            Panel(
                "Time behind",
                "Since the ledger had last taken everything of a partition",
                (("max by (topic, partition) (screening_control_lag_seconds)", "{{topic}} {{partition}}"),),
                "s",
            ),
            Panel(
                "Behind an open transaction",
                "Offsets that nobody may read, because somebody's transaction before them is open",
                (("max by (topic, partition) (screening_control_open_offsets)", "{{topic}} {{partition}}"),),
            ),
            Panel(
                "Progress",
                "Offsets taken a second, by topic",
                (("sum by (topic) (rate(screening_control_progress_offset[5m]))", "{{topic}}"),),
                "cps",
            ),
        ),
        "Deadlines and cases": (
            Panel(
                "Notices",
                "By phase",
                ((sum_rate("screening_control_notices_total", "phase"), "{{phase}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Notices by duty",
                "Which statutory step",
                ((sum_rate("screening_control_notices_total", "kind"), "{{kind}}"),),
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
                ((sum_rate("screening_control_cases_total", "outcome"), "{{outcome}}"),),
                "cps",
                "stacked",
            ),
            Panel(
                "Actions on cases",
                "By action and outcome",
                ((sum_rate("screening_control_case_actions_total", "action", "outcome"), "{{action}} {{outcome}}"),),
                "cps",
                "stacked",
            ),
        ),
        "Speed and recovery": (
            Panel("Deciding a batch", "Fold and timeline", quantiles("screening_control_fold_seconds"), "s"),
            Panel(
                "Writing a batch",
                "Until the brokers have acknowledged it",
                quantiles("screening_control_write_seconds"),
                "s",
            ),
            Panel("Batch size", "Records", quantiles("screening_control_batch_records")),
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
