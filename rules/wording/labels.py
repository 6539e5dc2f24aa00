"""Names of the law's vocabulary in both languages, shared by the page, the terminal and the explanations."""

from __future__ import annotations

from typing import Literal

from rules.vocabulary import CostBearer, Disposition, EncounterType, Flag, InstitutionStanding, Standing

Lang = Literal["zh", "en"]
Pair = tuple[str, str]
"""(Chinese, English)"""


def pick(pair: Pair, lang: Lang) -> str:
    """The text of a pair in one language."""
    return pair[0] if lang == "zh" else pair[1]


def joined(parts: list[str], lang: Lang) -> str:
    """A list in a sentence."""
    return ("、" if lang == "zh" else ", ").join(parts)


DISPOSITION: dict[Disposition, Pair] = {
    Disposition.PAY: ("予以结算", "pay"),
    Disposition.REJECT: ("不予结算", "reject"),
    Disposition.REVIEW: ("转人工", "review"),
}

BEARER: dict[CostBearer, Pair] = {
    CostBearer.FUND: ("基金", "fund"),
    CostBearer.INSTITUTION: ("医疗机构承担", "institution pays"),
    CostBearer.PATIENT: ("患者承担", "patient pays"),
    CostBearer.UNSPECIFIED: ("由谁承担未规定", "payer not stated"),
    CostBearer.UNDETERMINED: ("待审核", "open"),
}

ENCOUNTER: dict[EncounterType, Pair] = {
    EncounterType.OUTPATIENT: ("门诊", "outpatient"),
    EncounterType.INPATIENT: ("住院", "inpatient"),
    EncounterType.EMERGENCY: ("急诊", "emergency"),
    EncounterType.RESCUE: ("抢救", "rescue"),
    EncounterType.PUBLIC_HEALTH_EMERGENCY: ("公共卫生事件应急处置", "public-health emergency"),
    EncounterType.MATERNITY: ("生育", "maternity"),
}

STANDING: dict[Standing, Pair] = {
    Standing.NOT_APPLICABLE: ("不适用", "not applicable"),
    Standing.UNREGISTERED: ("未登记", "unregistered"),
    Standing.OPTED_OUT: ("申请不纳入", "opted out"),
    Standing.NORMAL: ("正常", "normal"),
    Standing.CAUTIONED_6: ("约谈通报", "cautioned, first step"),
    Standing.CAUTIONED_10: ("约谈告诫", "cautioned, second step"),
    Standing.PENALTY_PENDING: ("责罚决定当日", "day of the penalty decision"),
    Standing.PENALTY: ("责罚期内", "in a penalty period"),
    Standing.PENDING_REINSTATEMENT: ("责罚期满未恢复", "penalty over, not reinstated"),
    Standing.BLACKLIST_PENDING: ("列入黑名单决定当日", "day of the blacklisting decision"),
    Standing.BLACKLISTED: ("黑名单", "blacklisted"),
    Standing.SUSPENSION_PENDING: ("暂停决定当日", "day of the suspension decision"),
    Standing.SUSPENDED: ("暂停服务", "suspended"),
    Standing.CANCELLED: ("资格已取消", "cancelled"),
    Standing.AGREEMENT_EXPIRED: ("无有效协议", "no agreement in force"),
    Standing.TERMINATED: ("终止", "terminated"),
    Standing.POINTS_FULL_ONCE: ("计满12分一次", "12 points reached once"),
}

INSTITUTION: dict[InstitutionStanding, Pair] = {
    InstitutionStanding.ACTIVE: ("协议有效", "agreement in force"),
    InstitutionStanding.TERMINATED: ("协议终止", "agreement ended"),
}

FLAG: dict[Flag, Pair] = {
    Flag.DATA_CONFLICT: ("事件与条文矛盾", "events contradict the text"),
    Flag.BLACKLIST_CONFLICT: ("黑名单期间恢复或登记", "return during a ban"),
    Flag.REAPPLICATION_CONFLICT: ("再次登记不符条件", "return without meeting the conditions"),
    Flag.QUALIFICATION_INCOMPLETE: ("无培训记录", "no training on record"),
}

PARAMETER: dict[str, Pair] = {
    "working_calendar": ("工作日历（缺公告年份的处理）", "working days in a year without a holiday notice"),
    "allowance": ("初始分值", "points at the start"),
    "caution_low": ("约谈通报分值", "first caution at"),
    "caution_high": ("约谈告诫分值", "second caution at"),
    "full": ("责罚期起算分值", "penalty period at"),
    "penalty_months": ("责罚期（月）", "penalty period, months"),
    "repeat_penalty_months": ("连续年度责罚期（月）", "penalty period after consecutive years, months"),
    "two_consecutive_years_at": ("连续两年，每年分值", "two consecutive years, each at"),
    "three_consecutive_years_at": ("连续三年，每年分值", "three consecutive years, each at"),
    "penalty_exempts": ("责罚期除外情形", "exempted in the penalty period"),
    "bonus_cap_per_year": ("每年加分上限", "bonus points a year, at most"),
    "bonus_offsets_tiers": ("可抵扣的扣分档", "tiers that a bonus offsets"),
    "blacklist_at_once": ("黑名单：一次扣分", "blacklist at one time"),
    "blacklist_year_total": ("黑名单：年度累计", "blacklist by the year's total"),
    "ban_months": ("黑名单期（月）", "ban, months"),
    "unsettled_share_borne_by": ("未结算部分承担者", "unsettled share borne by"),
    "term_years": ("协议期（年）", "agreement term, years"),
    "suspend_short_at": ("短期暂停分值", "short suspension at"),
    "suspend_short_months": ("短期暂停（月）", "short suspension, months"),
    "suspend_long_at": ("长期暂停分值", "long suspension at"),
    "suspend_long_months": ("长期暂停（月）", "long suspension, months"),
    "cancel_at": ("取消资格分值", "cancelled at"),
    "reapply_first_months": ("首次取消后限制（月）", "bar after a first cancellation, months"),
    "reapply_second_months": ("再次取消后限制（月）", "bar after a second cancellation, months"),
    "retraining_after_first": ("首次取消后须培训考核", "retraining after a first cancellation"),
    "institution_rating_percent": ("机构：不得评A级比例（%）", "institution: no A rating at, %"),
    "institution_rating_minus": ("机构：不得评A级时考核扣分", "institution: annual assessment minus, no A rating"),
    "institution_end_percent": ("机构：终止协议比例（%）", "institution: agreement ends at, %"),
    "institution_end_minus": ("机构：终止协议时考核扣分", "institution: annual assessment minus, agreement ended"),
    "institution_percent_from": ("机构：按比例的最低医师数", "institution: the share applies from, physicians"),
    "institution_medium_cancelled": (
        "中等机构：终止协议的取消人数",
        "medium institution: ends at, cancelled physicians",
    ),
    "institution_small_below": ("小机构：医师数少于", "small institution: fewer physicians than"),
    "institution_small_cancelled": ("小机构：终止协议的取消人数", "small institution: ends at, cancelled physicians"),
    "registration_months": ("集中登记月份", "registration rounds, months"),
    "abnormal_statuses": ("异常状态", "abnormal statuses"),
    "institution_ratio": ("机构：异常人次比例", "institution: share of abnormal statuses"),
    "transition_end": ("过渡期止", "end of the transition"),
    "full_points": ("一个周期计满分值", "points that fill a period"),
    "blacklist_full_events": ("黑名单：计满次数", "blacklist: times full"),
    "rectification_orders": ("机构：限期整改次数", "institution: rectification orders"),
    "rectification_months": ("机构：整改次数的月数", "institution: within, months"),
    "violation_ratio": ("机构：违规金额占比", "institution: share in breach"),
    "pharmacies_first_selection": ("首批药店数上限", "pharmacies at first selection, at most"),
    "pharmacies_per_chain": ("同一连锁药店数上限", "pharmacies of one chain, at most"),
}

TRIGGER: dict[str, Pair] = {
    "notice_received": ("机构收到书面通知之日", "the institution's receipt of the written notice"),
    "appeal_filed": ("收到复核申请之日", "the request for review"),
    "reinstatement_application": ("收到恢复申请之日", "the application for reinstatement"),
    "bonus": ("加分通知之日", "the bonus"),
    "deduction": ("扣分决定之日", "the deduction decision"),
    "in_force": ("施行之日", "the day of entry into force"),
    "end_of_round": ("每轮登记结束之日", "the end of a round"),
    "first_cancellation": ("首次取消之日", "the first cancellation"),
    "second_cancellation": ("第二次取消之日", "the second cancellation"),
    "opt_out": ("书面申请不纳入之日", "the written request not to be covered"),
    "caution_low": ("满第一档约谈分值之日", "reaching the first mark"),
    "caution_high": ("满第二档约谈分值之日", "reaching the second mark"),
    "full": ("满分之日", "reaching the full points"),
    "penalty": ("决定责罚期之日", "the decision that sets off a penalty period"),
    "long_penalty": ("决定连续年度责罚期之日", "the decision that sets off the period for consecutive years"),
    "penalty_over": ("责罚期满次日", "the day after the penalty period"),
    "blacklisted": ("列入黑名单之日", "the blacklisting decision"),
    "ban_over": ("黑名单期满次日", "the day after the ban"),
    "points_recorded": ("记分之日", "the recording of points"),
    "points_or_status": ("记分、暂停或终止之日", "the recording of points, a suspension or a termination"),
    "status_abnormal": ("暂停或终止之日", "a suspension or termination"),
    "full_12": ("计满12分之日", "the day of a full 12"),
    "criminal_liability": ("被追究刑事责任之日", "criminal liability"),
}

WITHOUT_NUMBER: dict[tuple[bool, bool], Pair] = {
    (True, False): ("及时（未定天数）", "promptly (no number of days)"),
    (False, False): ("未定天数", "no number of days"),
    (False, True): ("自该日起", "from that day on"),
    (True, True): ("自该日起", "from that day on"),
}
"""A limit without a number, by `promptly` and `opens`."""
