"""What the findings over time say to people, in Chinese and English."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

from rules.longitudinal.claims import Ground, PastClaim
from rules.text import Text

GROUND: dict[Ground, Text] = {
    Ground.NO_COVER: Text("当年无待遇", "no cover in the year"),
    Ground.EXCLUDED_SERVICE: Text("属不予支付范围", "excluded from payment"),
    Ground.NOT_REFERRED: Text("未经转诊", "not referred"),
    Ground.NOT_NOTIFIED: Text("未按时备案", "not notified in time"),
    Ground.NOT_APPROVED: Text("特殊疾病未经审批", "disease not approved"),
    Ground.BENEFIT_DIFFERS: Text("待遇金额不符", "benefit differs"),
    Ground.PRESCRIPTION_UNKNOWN: Text("无相应处方", "no such prescription"),
    Ground.PRESCRIPTION_USED_AGAIN: Text("处方重复使用", "prescription used again"),
    Ground.OVER_PRESCRIBED: Text("超处方量", "more than prescribed"),
    Ground.PRESCRIBER_NOT_LISTED: Text("非指定医师", "prescriber not listed"),
    Ground.OVER_LIMITED_SCOPE: Text("超限定支付范围", "beyond the limited scope"),
    Ground.OVER_DOSAGE: Text("超使用剂量", "beyond the dosage"),
    Ground.PRICE_ABOVE_PAYMENT_STANDARD: Text("超支付标准", "price above the payment standard"),
    Ground.PHARMACY_NOT_CONNECTED: Text("药店未遴选或未对接", "pharmacy not selected or not connected"),
    Ground.DRUG_FILE_MISSING: Text("无用药档案", "no drug file"),
    Ground.PURCHASE_IN_STAY: Text("住院期间外购药", "purchase during a stay"),
    Ground.REPEAT_EXAMINATION: Text("重复检查", "repeated examination"),
}


def calculation(
    claim: PastClaim,
    self_borne: Decimal,
    deductible: Decimal,
    rate: Decimal,
    full: Decimal,
    left: Decimal,
    due: Decimal,
) -> Text:
    """How a benefit was computed, with both figures."""
    terms = f"({claim.total:.2f} - {self_borne:.2f} - {deductible:.2f}) × {rate:.0%} = {full:.2f}"
    return Text(
        f"结算{claim.fund:.2f}元，应付{due:.2f}元：{terms}，当年限额余{left:.2f}元",
        f"settled {claim.fund:.2f} yuan, due {due:.2f}: {terms}, and {left:.2f} is left of the year's cap",
    )


def not_payable(claim: PastClaim, why: Text, article: str) -> Text:
    """Why nothing was due."""
    return Text(
        f"结算{claim.fund:.2f}元，应付0.00元：{why.zh}（{article}）",
        f"settled {claim.fund:.2f} yuan, due 0.00: {why.en} ({article})",
    )


def repeated(earlier: Sequence[tuple[str, dt.date, str]]) -> Text:
    """Items that were done before, with the day and the institution."""
    return Text(
        "；".join(f"{item}已于{day}在{place}检查" for item, day, place in earlier),
        "; ".join(f"{item} was done on {day} at {place}" for item, day, place in earlier),
    )


def unknown_prescription(name: str | None, item: str) -> Text:
    """A line without a prescription that fits it."""
    if name is None:
        return Text(f"{item}未载处方", f"{item} names no prescription")
    return Text(f"{item}无相符处方{name}", f"no prescription {name} of {item} fits this patient and day")


def used_again(name: str, institution: str, claim_id: str, day: dt.date) -> Text:
    """A prescription that was crossed off before."""
    return Text(
        f"处方{name}已由{institution}于{day}核销（{claim_id}）",
        f"prescription {name} was crossed off on {day} by {institution} (claim {claim_id})",
    )


def over_prescribed(name: str, prescribed: Decimal, dispensed: Decimal) -> Text:
    """More than was prescribed."""
    return Text(
        f"处方{name}开具{prescribed:f}，发药{dispensed:f}",
        f"prescription {name}: {prescribed:f} prescribed, {dispensed:f} given",
    )


def out_of_scope(name: str) -> Text:
    """The prescriber found the use beyond what insurance pays for."""
    return Text(
        f"处方{name}经指定医师确定不在医保限定支付范围",
        f"prescription {name} is beyond the scope that insurance pays for",
    )


def not_listed(physician: str, institution: str, day: dt.date) -> Text:
    """A prescriber who was not appointed."""
    return Text(
        f"{physician}在{day}非{institution}指定医师",
        f"{physician} was not appointed by {institution} on {day}",
    )


def price(item: str, standard: Decimal, unit: Decimal) -> Text:
    """A price above the standard."""
    return Text(
        f"{item}单价{unit:f}元，支付标准{standard:f}元",
        f"{item}: {unit:f} yuan a unit, the payment standard is {standard:f}",
    )


def dosage(item: str, most: Decimal, days: int, total: Decimal) -> Text:
    """More within the days than the dosage allows."""
    return Text(
        f"{item}{days}日内用量{total:f}，限{most:f}", f"{item}: {total:f} within {days} days, the limit is {most:f}"
    )


def not_connected(institution: str, *, selected: bool) -> Text:
    """A pharmacy that may not settle such drugs."""
    if selected:
        return Text(
            f"{institution}未与电子处方流转中心对接", f"{institution} was not connected to the provincial centre"
        )
    return Text(f"{institution}非双通道药店", f"{institution} is not a selected pharmacy")


def no_drug_file(institution: str) -> Text:
    """A patient without a drug file."""
    return Text(f"{institution}未为参保人建立用药档案", f"{institution} keeps no drug file of the patient")


def purchase(institution: str, claim_id: str, first: dt.date, last: dt.date, amount: Decimal) -> Text:
    """What joins a stay."""
    return Text(
        f"{first}至{last}在{institution}住院（{claim_id}），外购{amount:.2f}元计入当次住院，并从医疗机构扣除",
        f"in {institution} from {first} to {last} (claim {claim_id}): {amount:.2f} yuan join the stay and are deducted from it",
    )
