"""The gate's metrics stay bounded, whatever senders send."""

from __future__ import annotations

from pipeline.telemetry.gate_metrics import MOST_INSTITUTIONS, GateMetrics


def test_of_very_many_institutions_the_busiest_are_counted_by_name_and_the_others_together() -> None:
    metrics = GateMetrics()
    many = [f"H{number:06}" for number in range(MOST_INSTITUTIONS + 500)]
    metrics.institutions.add([(many[0], 3, 2), *((code, 1, 0) for code in many[1:])])
    metrics.institutions.add([("H000000", 1, 0), ("unheard-of", 1, 1)])

    def value(name: str, institution: str) -> float | None:
        return metrics.registry.get_sample_value(f"screening_institution_{name}_total", {"institution": institution})

    assert (value("claims", "H000000"), value("exempted_claims", "H000000")) == (4, 2)
    told = [
        sample
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "screening_institution_claims_total"
    ]
    assert len(told) == MOST_INSTITUTIONS + 1
    assert sum(sample.value for sample in told) == len(many) + 4
