"""The report's executive summary: what the figures say, in sentences of both languages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from pipeline.replay.report.words import count, reason, share, signed, yuan
from pipeline.replay.sums import Row
from rules.text import Pair


def sentences(found: Row) -> list[Pair]:
    """What happened in this replay, (Chinese, English), in the order of importance."""
    return [*_base(found), *(_what_if(found["what_if"], found) if "what_if" in found else ())]


def _base(found: Row) -> Iterator[Pair]:
    total, extent = found["totals"], found["extent"]
    if not total["claims"]:
        yield "没有可判定的结算记录。", "There was no claim to judge."
        return
    yield (
        f"本次回放判定{count(total['claims'])}笔结算记录，服务日期{extent['first_service']}至{extent['last_service']}，"
        f"涉及医师{count(extent['physicians'])}名、机构{count(extent['institutions'])}家，基金支付额{yuan(total['amount'])}元。",
        f"{_claims(total['claims'])} judged, with services from {extent['first_service']} to "
        f"{extent['last_service']}, {count(extent['physicians'])} physicians and {count(extent['institutions'])} institutions; "
        f"their fund share is {yuan(total['amount'])} yuan.",
    )
    yield (
        f"予以结算{count(total['paid_claims'])}笔（{share(total['paid_claims'], total['claims'])}），"
        f"计{yuan(total['paid_amount'])}元；"
        f"不予结算{count(total['withheld_claims'])}笔，计{yuan(total['withheld_amount'])}元；"
        f"转人工{count(total['in_review_claims'])}笔，计{yuan(total['in_review_amount'])}元。",
        f"Paid: {count(total['paid_claims'])} ({share(total['paid_claims'], total['claims'])}), "
        f"{yuan(total['paid_amount'])} yuan. "
        f"Withheld: {count(total['withheld_claims'])}, {yuan(total['withheld_amount'])} yuan. "
        f"In review: {count(total['in_review_claims'])}, {yuan(total['in_review_amount'])} yuan.",
    )
    rejected = [row for row in found["by_ground"] if row["disposition"] == "reject"]
    if rejected:
        largest = max(rejected, key=lambda row: (Decimal(row["amount"]), row["ground"]))
        part = share(largest["amount"], total["withheld_amount"])
        yield (
            f"不予结算金额最多的事由是“{reason(largest['ground'], 'zh')}”：{count(largest['claims'])}笔，"
            f"{yuan(largest['amount'])}元，占不予结算金额的{part}。",
            f"The ground with most money withheld is “{reason(largest['ground'], 'en')}”: "
            f"{_claims(largest['claims'])}, {yuan(largest['amount'])} yuan, {part} of all that is withheld.",
        )
    exempted = sum(row["claims"] for row in found["exempted"])
    if exempted:
        yield (
            f"另有{count(exempted)}笔因急诊、抢救等除外情形照常结算。",
            f"{_claims(exempted)} stayed payable because emergency, rescue or public-health care is exempted.",
        )
    if "recorded" in found["provenance"]:
        yield _recorded(found["provenance"]["recorded"])
    records = found["data_quality"]["rejected_records"]
    if records:
        yield (
            f"{count(records)}条输入无法作为结算记录读取，已另行存放，未计入以上数字。",
            f"{count(records)} input records could not be read as claims; they are set aside and in none of these figures.",
        )


def _recorded(told: Row) -> Pair:
    if not told["differing"]:
        return (
            f"与原裁定逐条比较：{count(told['compared'])}条记录全部相同。",
            f"Held against what was recorded: all of the {count(told['compared'])} records come out equal.",
        )
    return (
        f"与原裁定逐条比较：{count(told['compared'])}条记录中，{count(told['differing'])}条结果不同，原因见下表。",
        f"Held against what was recorded: {count(told['differing'])} of {count(told['compared'])} records come out otherwise; "
        "the causes are in the table below.",
    )


def _claims(number: int) -> str:
    return f"{count(number)} claim" if number == 1 else f"{count(number)} claims"


def _physicians(number: int) -> str:
    return f"{count(number)} physician" if number == 1 else f"{count(number)} physicians"


# -- the second rule set ------------------------------------------------------------------------------------------


def _what_if(second: Row, found: Row) -> Iterator[Pair]:
    flips = second["flips"]
    difference = Decimal(second["totals"]["paid_amount"]) - Decimal(found["totals"]["paid_amount"])
    yield (
        f"若适用第二套规则，{count(flips['claims'])}笔结算记录的处理结果改变，另有{count(flips['told_otherwise'])}笔结果相同而事由不同；"
        f"予以结算的金额变动{signed(difference)}元。",
        f"Under the second rule set {_claims(flips['claims'])} would flip, and {count(flips['told_otherwise'])} more "
        f"would keep their disposition for another ground; what is paid would change by {signed(difference)} yuan.",
    )
    people = second["physicians"]
    yield (
        f"{count(people['physicians'])}名医师的资格状态改变，其中{count(people['physicians_in_period'])}名在服务日期范围内，"
        f"共{count(people['days'])}个医师日；普通门诊费用因此转为不予结算的{count(people['barred_days'])}日"
        f"（{count(people['newly_barred'])}名），转为人工审核的{count(people['in_review_days'])}日（{count(people['newly_in_review'])}名），"
        f"转为予以结算的{count(people['payable_days'])}日（{count(people['newly_payable'])}名）。",
        f"The standing of {_physicians(people['physicians'])} would change, for {count(people['physicians_in_period'])} of them "
        f"within the days of service, on {count(people['days'])} physician-days in all. Ordinary care would newly be rejected on "
        f"{count(people['barred_days'])} days ({_physicians(people['newly_barred'])}), go to review on "
        f"{count(people['in_review_days'])} ({_physicians(people['newly_in_review'])}) and be paid on "
        f"{count(people['payable_days'])} ({_physicians(people['newly_payable'])}).",
    )
    yield from _longest(people["longest_new_suspensions"])
    moved = second["deadlines"]["moved"]
    if moved:
        yield (
            f"{count(moved)}项法定期限的日期改变。",
            f"{count(moved)} statutory deadlines would fall on another day." if moved > 1
            else "One statutory deadline would fall on another day.",
        )  # fmt: skip
    conflicts = sum(row["claims"] for row in flips["matrix"] if row["to_reason"] == "data_conflict")
    if conflicts:
        yield (
            f"须注意：其中{count(conflicts)}笔转人工，是因为事件按原规则发生（如按原期限恢复资格），与第二套规则相矛盾；"
            "若规则当时即已不同，有关人员的行为也会不同。",
            f"Mind that {_claims(conflicts)} go to review only because the events happened under the rules in force (a "
            "reinstatement at the old date, for example) and contradict the second rule set; had the rules been others, people "
            "would have acted otherwise.",
        )


def _longest(rows: Sequence[Row]) -> Iterator[Pair]:
    if rows:
        row = rows[0]
        still = (
            ("，至服务日期范围末仍未结束", ", and goes on beyond the days of service") if row["goes_on"] else ("", "")
        )
        yield (
            f"新增不能结算最长的一段为{count(row['days'])}日（不予结算{count(row['rejected_days'])}日、"
            f"转人工{count(row['in_review_days'])}日）：医师{row['physician_code']}，{row['from']}至{row['to']}{still[0]}。",
            f"The longest new suspension takes {count(row['days'])} days ({count(row['rejected_days'])} rejected, "
            f"{count(row['in_review_days'])} in review): physician {row['physician_code']}, {row['from']} to "
            f"{row['to']}{still[1]}.",
        )
