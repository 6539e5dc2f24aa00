"""What the national opinion says to people."""

from __future__ import annotations

from rules.schemes.national.parameters import NationalLedger
from rules.schemes.scheme import Fact, Facts, Topic
from rules.text import Text
from rules.vocabulary import Standing

PARAMETERS = {
    "abnormal_statuses": Text("异常状态", "abnormal statuses"),
    "institution_ratio": Text("机构：异常人次比例", "institution: share of abnormal statuses"),
    "transition_end": Text("过渡期止", "end of the transition"),
}


def summary(law: NationalLedger) -> Facts:
    """What the text says, topic by topic."""
    names, share = law.abnormal_statuses, law.institution_ratio
    handling = law.standings.get(Standing.SUSPENDED, (names.citation,))[-1]
    return {
        Topic.POINTS: [
            Fact(
                "未载明分值与阈值；状态由作出决定的机构登记",
                "no scale or marks stated; whoever decides records the status",
                handling,
            )
        ],
        Topic.EXCLUSION: [
            Fact(
                "登记状态暂停或终止期间不予结算；期限未载明",
                "not settled while the filing status is suspended or terminated; no lengths stated",
                names.citation,
            )
        ],
        Topic.COUNTING: [
            Fact("自状态首日至止日，首尾均计", "from the status's first day to its last, both included", names.citation)
        ],
        Topic.RETURN: [
            Fact(
                "状态期满、修复缩短或异议成立后恢复",
                "when the status ends, is shortened by repair, or is corrected",
                handling,
            )
        ],
        Topic.RELIEF: [
            Fact(
                "主动改正的可减免记分、缩短期限",
                "for those who correct themselves points may be reduced and statuses shortened",
                handling,
            )
        ],
        Topic.INSTITUTION: [
            Fact(
                "异常人次超过一定比例的予以处理；比例未载明",
                "sanctions when the share of abnormal statuses is too high; the share is not stated",
                share.citation,
            )
        ],
    }
