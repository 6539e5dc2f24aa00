"""Metrics of the measures of supervision: the last run, as a file tells it. Institutions are named only among the top five."""

from __future__ import annotations

from pipeline.telemetry.textfile import RunMetrics


class SupervisionMetrics(RunMetrics):
    """What a run of the measures tells. Every series names its `run`."""

    def __init__(self) -> None:
        super().__init__("supervision", "run")
        self.fund = self.gauge(
            "fund_amount_yuan", "What the fund paid in an area: in the year, and in the one before", *("area", "year")
        )
        self.growth = self.gauge("fund_growth_ratio", "Growth of an area's spending over the year before", "area")
        self.growing = self.gauge(
            "growing_institutions", "Institutions whose spending grew by more than a tenth", "area"
        )
        self.top = self.gauge(
            "top_institution_yuan", "What the fund paid the five that use most of it", *("area", "institution")
        )
        self.discharges = self.gauge(
            "discharges", "Stays that ended in the year before, and those of the sample", "figure"
        )
        self.cases = self.gauge("cases", "Cases of the year: all, and those that people have decided", "figure")
