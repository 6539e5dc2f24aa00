"""What the Xiamen report says to people."""

from __future__ import annotations

from rules.schemes.scheme import Fact, Facts, Topic
from rules.schemes.xiamen.parameters import XiamenLedger
from rules.text import Text

PARAMETERS = {
    "full_points": Text("一个周期计满分值", "points that fill a period"),
    "blacklist_full_events": Text("黑名单：计满次数", "blacklist: times full"),
    "rectification_orders": Text("机构：限期整改次数", "institution: rectification orders"),
    "rectification_months": Text("机构：整改次数的月数", "institution: within, months"),
    "violation_ratio": Text("机构：违规金额占比", "institution: share in breach"),
}


def summary(law: XiamenLedger) -> Facts:
    """What the text says, topic by topic."""
    full, times = law.full_points, law.blacklist_full_events
    share = f"{law.violation_ratio.value:.0%}"
    orders, months = law.rectification_orders.value, law.rectification_months.value
    return {
        Topic.POINTS: [
            Fact(
                f"记分周期（长度未载明）满{full.value}分",
                f"{full.value} in a scoring period of unstated length",
                full.citation,
            )
        ],
        Topic.EXCLUSION: [
            Fact(
                f"计满{full.value}分一次的后果未载明",
                f"the effect of {full.value} points once is not stated",
                full.citation,
            )
        ],
        Topic.BLACKLIST: [
            Fact(
                f"累计{times.value}次计满{full.value}分，或因违法被追究刑事责任",
                f"{full.value} points {times.value} times, or criminal liability",
                times.citation,
            )
        ],
        Topic.RETURN: [Fact("不得再成为医保服务人员", "none: never again insurance service staff", times.citation)],
        Topic.INSTITUTION: [
            Fact(
                f"连续{months}个月内限期整改{orders}次：解除协议",
                f"{orders} rectification orders within {months} months: agreement ended",
                law.rectification_orders.citation,
            ),
            Fact(
                f"违规金额达刷卡额{share}：解除协议",
                f"amount in breach reaches {share} of card turnover: agreement ended",
                law.violation_ratio.citation,
            ),
        ],
    }
