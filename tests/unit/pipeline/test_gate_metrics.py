"""The gate's metrics stay bounded, whatever senders send."""

from __future__ import annotations

import pytest

from pipeline.screening.gate import Gate
from pipeline.settings.packs import load_pack_set
from pipeline.telemetry.gate_metrics import MOST_INSTITUTIONS, GateMetrics
from tests.support.explaining import claim


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


@pytest.mark.parametrize("few", [0, 200])
def test_services_after_the_national_transition_are_counted_by_the_local_pack_that_still_judged_them(few) -> None:
    """S4, 003 五¶4: the transition's last day is 2026-09-27; 620100 is under the national opinion by then."""
    gate = Gate(load_pack_set(), few=few)
    days = ["2026-09-27", "2026-09-28", "2026-10-01"]
    values = [
        claim(day, region=region, claim_id=f"{region}-{day}")
        for region in ("522700", "350200", "620100")
        for day in days
    ]
    assert gate.rule(values).past_transition == {"qiannan-2022@1": 2, "xiamen-2017@1": 2}
    assert gate.rule(values[:1]).past_transition == {}
