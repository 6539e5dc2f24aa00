"""Metrics of the checks over time: the last run, as a file tells it. Labels are bounded: never a person, a claim or a drug."""

from __future__ import annotations

from pipeline.telemetry.textfile import RunMetrics


class LongitudinalMetrics(RunMetrics):
    """What a run of the checks over time tells about itself. Every series names its `run`."""

    def __init__(self) -> None:
        super().__init__("longitudinal", "run")
        self.claims = self.gauge(
            "claims", "Claims of the last run, by figure: read, counted in the end, not judged yet", "figure"
        )
        self.findings = self.gauge("findings", "Cases of the last run, by ground, those at zero too", "ground")
        self.not_examined = self.gauge(
            "not_examined", "Claims of the last run that a check could not examine, because a fact is missing", "needs"
        )
