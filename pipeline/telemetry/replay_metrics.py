"""Metrics of a replay: its last run, as a file tells it. Labels are bounded: never a claim, an insured person or a physician.

Every series names its `replay`, so that files of several replays can lie in one folder. `rule_set` is first or second.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge

LAST_COMPLETED = "screening_replay_last_completed_timestamp_seconds"


class ReplayMetrics:
    """What a replay tells about itself, in a registry of its own. What does not hold for a run is absent, never zero."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.last_run = self._gauge(
            "screening_replay_last_run_timestamp_seconds",
            "When the last run ended, completed or not, in seconds since 1970 UTC",
        )
        self.completed = self._gauge("screening_replay_completed", "1 when the last run came to its end")
        self.last_completed = self._gauge(
            LAST_COMPLETED, "When the last run that came to its end ended, in seconds since 1970 UTC"
        )
        self.duration = self._gauge(
            "screening_replay_duration_seconds",
            "How long the last run took; of a replay that was taken up again, the last stretch",
        )
        self.claims = self._gauge("screening_replay_claims", "Claims judged, over all runs of a replay")
        self.rows_per_second = self._gauge(
            "screening_replay_rows_per_second",
            "Rows judged a second in the last run; absent when it found the replay complete",
        )
        self.refused = self._gauge("screening_replay_refused_rows", "Rows that are no claims, by reason", "reason")
        self.verdicts = self._gauge(
            "screening_replay_verdicts",
            "Claims by verdict, under each rule set",
            *("rule_set", "disposition", "reason"),
        )
        self.fund_amount = self._gauge(
            "screening_replay_fund_amount_yuan",
            "Fund share of the judged claims in yuan, reversals subtracted, under each rule set",
            *("rule_set", "disposition"),
        )
        self.changed = self._gauge(
            "screening_replay_changed_claims",
            "Claims that the second rule set decides otherwise; the same disposition twice: only the ground is another",
            *("from_disposition", "to_disposition"),
        )
        self.compared = self._gauge(
            "screening_replay_compared_records", "Records of the topic held against what was recorded of them"
        )
        self.differing = self._gauge(
            "screening_replay_differing_records",
            "Records with another outcome than the recorded one, by cause",
            "cause",
        )

    def _gauge(self, name: str, documentation: str, *labels: str) -> Gauge:
        return Gauge(name, documentation, ["replay", *labels], registry=self.registry)
