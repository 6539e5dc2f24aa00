"""Metrics of a replay: its last run, as a file tells it. Labels are bounded: never a claim, an insured person or a physician.

Every series names its `replay`. `rule_set` is first or second.
"""

from __future__ import annotations

from pipeline.telemetry.textfile import RunMetrics


class ReplayMetrics(RunMetrics):
    """What a replay tells about itself."""

    def __init__(self) -> None:
        super().__init__("replay", "replay")
        self.claims = self.gauge("claims", "Claims judged, over all runs of a replay")
        self.rows_per_second = self.gauge(
            "rows_per_second",
            "Rows judged a second in the last run; absent when it found the replay complete",
        )
        self.refused = self.gauge("refused_rows", "Rows that are no claims, by reason", "reason")
        self.verdicts = self.gauge(
            "verdicts",
            "Claims by verdict, under each rule set",
            *("rule_set", "disposition", "reason"),
        )
        self.fund_amount = self.gauge(
            "fund_amount_yuan",
            "Fund share of the judged claims in yuan, reversals subtracted, under each rule set",
            *("rule_set", "disposition"),
        )
        self.changed = self.gauge(
            "changed_claims",
            "Claims that the second rule set decides otherwise; the same disposition twice: only the ground is another",
            *("from_disposition", "to_disposition"),
        )
        self.compared = self.gauge("compared_records", "Records of the topic held against what was recorded of them")
        self.differing = self.gauge(
            "differing_records",
            "Records with another outcome than the recorded one, by cause",
            "cause",
        )
