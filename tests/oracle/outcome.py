"""What a judgement looks like: the `expect` object of a case (spec README section 3), and the names used in it."""

from __future__ import annotations

EMERGENCIES = ("emergency", "rescue", "public_health_emergency")
NORMAL_ENCOUNTERS = ("outpatient", "inpatient", "maternity")
ENCOUNTERS = (*NORMAL_ENCOUNTERS, *EMERGENCIES, "pharmacy", "unknown")

Outcome = dict


def blank(code: str | None) -> bool:
    """A physician code that is null, empty or blank counts as missing (Qiannan section 2.3)."""
    return code is None or not code.strip()


def urgent(claim: dict) -> bool:
    """急诊, 抢救 or 公共卫生事件应急处置."""
    return claim["encounter_type"] in EMERGENCIES


def at_a_pharmacy(claim: dict) -> bool:
    """药店购药, which the texts of Qiannan and Lanzhou do not cover (P6)."""
    return claim["encounter_type"] == "pharmacy"


def expect(standing: str, remaining: int | None = None, accumulated: int | None = None) -> Outcome:
    """An outcome whose claim side is still open."""
    return {
        "disposition": None,
        "reason": None,
        "points_remaining": remaining,
        "points_accumulated": accumulated,
        "standing": standing,
        "penalty_period": None,
        "cost_bearer": None,
    }


def pay(outcome: Outcome, reason: str = "ok") -> Outcome:
    """The fund pays."""
    return outcome | {"disposition": "pay", "reason": reason, "cost_bearer": "fund"}


def reject(outcome: Outcome, reason: str, bearer: str) -> Outcome:
    """The fund share is not settled; `bearer` carries it."""
    return outcome | {"disposition": "reject", "reason": reason, "cost_bearer": bearer}


def review(outcome: Outcome, reason: str) -> Outcome:
    """The text leaves it open."""
    return outcome | {"disposition": "review", "reason": reason, "cost_bearer": "undetermined"}


def not_in_force() -> Outcome:
    """Outside the rule's validity nothing is evaluated, so nothing stops the payment."""
    return pay(expect("not_applicable"), "rule_not_in_force")
