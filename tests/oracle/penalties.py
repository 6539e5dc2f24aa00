"""001 篇1, articles 1 to 11, written out from the document: which tier a case has, or why a person decides.

All facts are told. `judge` answers (article, tier, fine, suspension) with the fine as (unit, over, up to) and the suspension as
(what, over, up to) in months, or (article, "by hand", why). A number with 以上 is excluded and one with 以下 included.
"""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

ACTS = (
    "agency_fraud",
    "institution_breach",
    "institution_management",
    "institution_fraud",
    "person_breach",
    "person_fraud",
)
YES_OR_NO = (
    "first", "corrected", "refuses", "obstructs", "intent", "personal_account", "self_found", "single", "serious", "emergency",
)  # fmt: skip


def judge(act: str, facts: dict[str, Any], printed_600: bool = False) -> tuple[Any, ...]:
    """The answer about a case of which every fact is told."""
    if act == "institution_breach" and facts["intent"]:
        act = "institution_fraud"
    if act == "person_breach" and facts["intent"]:
        act = "person_fraud"
    article = {
        "agency_fraud": _agency,
        "institution_breach": _breach,
        "institution_management": _management,
        "institution_fraud": _fraud,
        "person_breach": _person_breach,
        "person_fraud": _person_fraud,
    }[act]
    return (act, *article(facts, printed_600))


def _weighed(severe: tuple[Any, ...] | None, lighter: list[tuple[Any, ...]], ordinary: tuple[Any, ...] | None):
    """Article 7: severe and lighter at once is weighed. Ordinary is what has none of the others."""
    if severe and lighter:
        return "by hand", "mixed"
    if severe or lighter or ordinary:
        return severe or (lighter or [ordinary])[0]
    return "by hand", "not_first_or_not_corrected"


def _stubborn(facts: dict[str, Any]) -> bool:
    """Article 10."""
    return facts["obstructs"] and facts["refuses"]


def _mild(facts: dict[str, Any]) -> bool:
    return facts["first"] and facts["corrected"]


def _agency(facts: dict[str, Any], _printed: bool) -> tuple[Any, ...]:
    amount = facts["amount"]
    severe = ("severe", ("times", 4, 5), None) if amount > 6000 or _stubborn(facts) else None
    lighter: list[tuple[Any, ...]] = []
    if _mild(facts):
        if amount <= 1000:
            lighter.append(("reduced_1", ("times", None, 1), None))
        elif amount <= 2000:
            lighter.append(("reduced_2", ("times", 1, 2), None))
        elif amount <= 5000:
            lighter.append(("lenient", ("times", 2, 3), None))
    ordinary = ("ordinary", ("times", 3, 4), None) if 5000 < amount <= 6000 else None
    return _weighed(severe, lighter, ordinary)


def _breach(facts: dict[str, Any], _printed: bool) -> tuple[Any, ...]:
    amount, share = facts["amount"], facts["share"]
    half = Fraction(3, 2)
    severe = None
    if share > half or _stubborn(facts):
        severe = ("severe", ("times", half, 2), ("department", 6, 12) if facts["refuses"] else None)
    lighter: list[tuple[Any, ...]] = []
    if facts["self_found"] and facts["corrected"] and amount <= 100_000:
        lighter.append(("none_self_found", None, None))
    if not facts["self_found"] and facts["first"] and facts["single"] and amount <= 5000 and facts["corrected"]:
        lighter.append(("none_small", None, None))
    if _mild(facts) and share <= Fraction(1, 5):
        lighter.append(("reduced", ("times", None, 1), None))
    if _mild(facts) and Fraction(1, 5) < share <= Fraction(1, 2):
        lighter.append(("lenient", ("times", 1, half), None))
    ordinary = ("ordinary", ("times", half, half), None) if Fraction(1, 2) < share <= half else None
    return _weighed(severe, lighter, ordinary)


def _management(facts: dict[str, Any], _printed: bool) -> tuple[Any, ...]:
    item, refuses = facts["item"], facts["refuses"]
    if item == 6 and facts["emergency"]:
        return "excepted", None, None
    most = ("yuan", 40_000, 50_000)
    severe = None
    if item <= 5 and refuses and (facts["serious"] or facts["obstructs"]):
        severe = ("severe_1", most, None)
    if item == 6 and refuses and (facts["amount"] > 1000 or facts["obstructs"]):
        severe = ("severe_2", most, None)
    if item == 7 and refuses:
        severe = ("severe_3", most, None)
    lighter: list[tuple[Any, ...]] = [("none", None, None)] if _mild(facts) else []
    if item == 6 and facts["amount"] <= 1000 and refuses:
        lighter.append(("lenient", ("yuan", 10_000, 20_000), None))
    return _weighed(severe, lighter, ("ordinary", ("yuan", 20_000, 40_000), None) if item <= 5 and refuses else None)


def _fraud(facts: dict[str, Any], _printed: bool) -> tuple[Any, ...]:
    share = facts["share"]
    severe = None
    if share > Fraction(3, 2) or _stubborn(facts):
        severe = ("severe", ("times", 4, 5), ("department", 12, 12))
    lighter: list[tuple[Any, ...]] = []
    if _mild(facts) and share <= Fraction(1, 5):
        lighter.append(("reduced", ("times", None, 2), ("department", None, 6)))
    elif _mild(facts) and share <= Fraction(1, 2):
        lighter.append(("lenient", ("times", 2, 3), ("department", 6, 9)))
    ordinary = None
    if Fraction(1, 2) < share <= Fraction(3, 2):
        ordinary = ("ordinary", ("times", 3, 4), ("department", 9, 12))
    return _weighed(severe, lighter, ordinary)


def _by_steps(amount: Fraction) -> int | None:
    """The three lighter steps of persons: up to 500, 1,000 and 2,000."""
    return next((step for step, most in enumerate((500, 1000, 2000)) if amount <= most), None)


_LIGHT = ("reduced_1", "reduced_2", "lenient")
_MONTHS = ((None, 1), (1, 3), (3, 6))


def _person_breach(facts: dict[str, Any], printed: bool) -> tuple[Any, ...]:
    amount, step = facts["amount"], _by_steps(facts["amount"])

    def settled(low: int | None, high: int) -> tuple[Any, ...] | None:
        return ("networked_settlement", low, high) if facts["insured"] else None

    severe = ("severe", None, settled(9, 12)) if amount > (600 if printed else 6000) or _stubborn(facts) else None
    lighter: list[tuple[Any, ...]] = []
    if facts["personal_account"] and facts["corrected"]:
        lighter.append(("none", None, None))
    if _mild(facts) and step is not None:
        lighter.append((_LIGHT[step], None, settled(*_MONTHS[step])))
    ordinary = ("ordinary", None, settled(6, 9)) if 2000 < amount <= 6000 else None
    return _weighed(severe, lighter, ordinary)


def _person_fraud(facts: dict[str, Any], _printed: bool) -> tuple[Any, ...]:
    amount, step = facts["amount"], _by_steps(facts["amount"])

    def settled(low: int | None, high: int) -> tuple[Any, ...] | None:
        return ("networked_settlement", low, high) if facts["insured"] else None

    severe = ("severe", ("times", 4, 5), settled(9, 12)) if amount > 6000 or _stubborn(facts) else None
    if _mild(facts) and step is None and facts["personal_account"]:
        # Every lighter tier names the personal account as an alternative to its amount.
        return ("by hand", "mixed") if severe else ("by hand", "personal_account_above_bands")
    lighter: list[tuple[Any, ...]] = []
    if _mild(facts) and step is not None:
        fine = ((None, 1), (1, 2), (2, 3))[step]
        lighter.append((_LIGHT[step], ("times", *fine), settled(*_MONTHS[step])))
    ordinary = ("ordinary", ("times", 3, 4), settled(6, 9)) if 2000 < amount <= 6000 else None
    return _weighed(severe, lighter, ordinary)


# -- cases ----------------------------------------------------------------------------------------------------------

_EDGES = (0, 500, 600, 1000, 2000, 5000, 6000, 100_000)


def generate(seed: int) -> tuple[str, dict[str, Any], bool]:
    """A case: its act, all its facts, and whether article 5 is read as printed. Dense at the edges of bands."""
    draw = random.Random(seed)
    cents = draw.choice(_EDGES) * 100 + draw.choice((-1, 0, 1)) if draw.random() < 0.7 else draw.randrange(12_000_00)
    hundredths = draw.choice((0, 20, 50, 150)) + draw.choice((-1, 0, 1)) if draw.random() < 0.7 else draw.randrange(300)
    facts: dict[str, Any] = {
        "amount": Fraction(max(0, cents), 100),
        "share": Fraction(max(0, hundredths), 100),
        "item": draw.randint(1, 7),
        "insured": draw.random() < 0.8,
        **{name: draw.random() < 0.5 for name in YES_OR_NO},
    }
    if facts["corrected"]:
        facts["refuses"] = False
    return draw.choice(ACTS), facts, draw.random() < 0.2
