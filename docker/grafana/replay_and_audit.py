"""The dashboard of the audit and of replays: what ran and ended, from the files that they leave."""

from __future__ import annotations

from panels import Board, Panel


def _newest(metric: str, *labels: str) -> str:
    """A figure of the last run; several files that tell the same are one."""
    return f"max by ({', '.join(labels)}) ({metric})"


REPLAY_AND_AUDIT = Board(
    uid="screening-replay-and-audit",
    title="Replay and audit",
    description="Does what is published follow from the logs? What did replays say? Each figure is of a last run. 核对与重算",
    rows={
        "Audit": (
            Panel(
                "Differences",
                "Does anything published not follow from the logs? Nothing is shown while the last audit was not completed",
                ((f"sum({_newest('screening_audit_differences', 'part', 'kind')})", ""),),
                kind="stat",
                width=6,
            ),
            Panel(
                "Completed",
                "Could the last audit be completed (1) or not (0)?",
                ((_newest("screening_audit_completed", "scope"), "{{scope}}"),),
                kind="stat",
                width=6,
            ),
            Panel(
                "Age of the last completed audit",
                "Since when does nobody know?",
                ((f"time() - {_newest('screening_audit_last_completed_timestamp_seconds', 'scope')}", "{{scope}}"),),
                "s",
                "stat",
                6,
            ),
            Panel(
                "Runs in 24 hours",
                "Is it run at all?",
                (("max by (scope) (changes(screening_audit_last_run_timestamp_seconds[24h]))", "{{scope}}"),),
                kind="stat",
                width=6,
            ),
            Panel(
                "Differences by kind",
                "What is wrong, and where?",
                ((_newest("screening_audit_differences", "part", "kind"), "{{part}}: {{kind}}"),),
                kind="stacked",
            ),
            Panel(
                "Compared",
                "How much was read and held against the logs?",
                ((_newest('screening_audit_records{figure!="waiting"}', "part", "figure"), "{{part}}: {{figure}}"),),
            ),
            Panel(
                "Waiting",
                "What is nobody done with yet? It is no difference, and should be little",
                ((_newest('screening_audit_records{figure="waiting"}', "part"), "{{part}}"),),
            ),
            Panel(
                "Age of what waits longest",
                "How close is a claim to the end of its topic's retention, at which it is lost unjudged?",
                ((f"time() - {_newest('screening_audit_oldest_waiting_timestamp_seconds', 'part')}", "{{part}}"),),
                "s",
            ),
            Panel(
                "Duration of an audit",
                "Does it still fit between two?",
                ((_newest("screening_audit_duration_seconds", "scope"), "{{scope}}"),),
                "s",
            ),
        ),
        "Replays": (
            Panel(
                "Completed replays",
                "Did the last run of each come to its end (1) or not (0)?",
                ((_newest("screening_replay_completed", "replay"), "{{replay}}"),),
                kind="stat",
            ),
            Panel(
                "Age of a replay",
                "When did it last come to its end?",
                ((f"time() - {_newest('screening_replay_last_completed_timestamp_seconds', 'replay')}", "{{replay}}"),),
                "s",
                "stat",
            ),
            Panel(
                "Age of the last run",
                "When was it last tried?",
                ((f"time() - {_newest('screening_replay_last_run_timestamp_seconds', 'replay')}", "{{replay}}"),),
                "s",
                "stat",
            ),
            Panel(
                "Claims judged",
                "How many claims does a replay speak of?",
                ((_newest("screening_replay_claims", "replay"), "{{replay}}"),),
            ),
            Panel(
                "Rows a second",
                "How fast was the last run?",
                ((_newest("screening_replay_rows_per_second", "replay"), "{{replay}}"),),
                "cps",
            ),
            Panel(
                "Duration of a replay",
                "How long did the last run take, its report included?",
                ((_newest("screening_replay_duration_seconds", "replay"), "{{replay}}"),),
                "s",
            ),
            Panel(
                "Verdicts",
                "What became of the claims, under each rule set?",
                (
                    (
                        "sum by (replay, rule_set, disposition) (screening_replay_verdicts)",
                        "{{replay}} {{rule_set}}: {{disposition}}",
                    ),
                ),
            ),
            Panel(
                "Grounds of what is not paid",
                "Why, under each rule set?",
                (
                    (
                        'sum by (replay, rule_set, reason) (screening_replay_verdicts{disposition!="pay"})',
                        "{{replay}} {{rule_set}}: {{reason}}",
                    ),
                ),
            ),
            Panel(
                "Fund share",
                "Money by disposition, reversals (冲正) subtracted",
                (
                    (
                        _newest("screening_replay_fund_amount_yuan", "replay", "rule_set", "disposition"),
                        "{{replay}} {{rule_set}}: {{disposition}}",
                    ),
                ),
                "currencyCNY",
            ),
            Panel(
                "Refused rows",
                "Rows that are no claims, by reason",
                ((_newest("screening_replay_refused_rows", "replay", "reason"), "{{replay}}: {{reason}}"),),
                kind="stacked",
            ),
        ),
        "What a replay is held against": (
            Panel(
                "Changed claims",
                "What would the second rule set decide otherwise? The same disposition twice: only the ground is another",
                (
                    (
                        _newest("screening_replay_changed_claims", "replay", "from_disposition", "to_disposition"),
                        "{{replay}}: {{from_disposition}} to {{to_disposition}}",
                    ),
                ),
            ),
            Panel(
                "Records compared with what was recorded",
                "How many verdicts and dead letters does a replay of the topic prove?",
                ((_newest("screening_replay_compared_records", "replay"), "{{replay}}"),),
            ),
            Panel(
                "Records that differ, by cause",
                "Which recorded verdicts do not stand, and why?",
                ((_newest("screening_replay_differing_records", "replay", "cause"), "{{replay}}: {{cause}}"),),
                kind="stacked",
            ),
        ),
    },
)
