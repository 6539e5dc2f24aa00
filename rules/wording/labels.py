"""Names of the law's vocabulary in both languages, shared by the page, the terminal and the explanations."""

from __future__ import annotations

from rules.text import Text
from rules.vocabulary import (
    CostBearer,
    DerivedTrigger,
    Disposition,
    EncounterType,
    EventType,
    Flag,
    InstitutionStanding,
    Standing,
)

DISPOSITION: dict[Disposition, Text] = {
    Disposition.PAY: Text("予以结算", "pay"),
    Disposition.REJECT: Text("不予结算", "reject"),
    Disposition.REVIEW: Text("转人工", "review"),
}

BEARER: dict[CostBearer, Text] = {
    CostBearer.FUND: Text("基金", "fund"),
    CostBearer.INSTITUTION: Text("医疗机构承担", "institution pays"),
    CostBearer.PATIENT: Text("患者承担", "patient pays"),
    CostBearer.UNSPECIFIED: Text("由谁承担未规定", "payer not stated"),
    CostBearer.UNDETERMINED: Text("待审核", "open"),
}

ENCOUNTER: dict[EncounterType, Text] = {
    EncounterType.OUTPATIENT: Text("门诊", "outpatient"),
    EncounterType.INPATIENT: Text("住院", "inpatient"),
    EncounterType.EMERGENCY: Text("急诊", "emergency"),
    EncounterType.RESCUE: Text("抢救", "rescue"),
    EncounterType.PUBLIC_HEALTH_EMERGENCY: Text("公共卫生事件应急处置", "public-health emergency"),
    EncounterType.MATERNITY: Text("生育", "maternity"),
    EncounterType.PHARMACY: Text("药店购药", "pharmacy"),
    EncounterType.UNKNOWN: Text("类别不明", "unknown class"),
}

STANDING: dict[Standing, Text] = {
    Standing.NOT_APPLICABLE: Text("不适用", "not applicable"),
    Standing.UNREGISTERED: Text("未登记", "unregistered"),
    Standing.OPTED_OUT: Text("申请不纳入", "opted out"),
    Standing.NORMAL: Text("正常", "normal"),
    Standing.CAUTIONED_6: Text("约谈通报", "cautioned, first step"),
    Standing.CAUTIONED_10: Text("约谈告诫", "cautioned, second step"),
    Standing.PENALTY_PENDING: Text("责罚决定当日", "day of the penalty decision"),
    Standing.PENALTY: Text("责罚期内", "in a penalty period"),
    Standing.PENDING_REINSTATEMENT: Text("责罚期满未恢复", "penalty over, not reinstated"),
    Standing.BLACKLIST_PENDING: Text("列入黑名单决定当日", "day of the blacklisting decision"),
    Standing.BLACKLISTED: Text("黑名单", "blacklisted"),
    Standing.SUSPENSION_PENDING: Text("暂停决定当日", "day of the suspension decision"),
    Standing.SUSPENDED: Text("暂停服务", "suspended"),
    Standing.CANCELLED: Text("资格已取消", "cancelled"),
    Standing.AGREEMENT_EXPIRED: Text("无有效协议", "no agreement in force"),
    Standing.TERMINATED: Text("终止", "terminated"),
    Standing.POINTS_FULL_ONCE: Text("计满12分一次", "12 points reached once"),
}

INSTITUTION: dict[InstitutionStanding, Text] = {
    InstitutionStanding.ACTIVE: Text("协议有效", "agreement in force"),
    InstitutionStanding.TERMINATED: Text("协议终止", "agreement ended"),
    InstitutionStanding.SUSPENDED: Text("协议暂停", "agreement suspended"),
    InstitutionStanding.UNKNOWN: Text("协议到期，未见新协议", "agreement over, no other recorded"),
}

FLAG: dict[Flag, Text] = {
    Flag.DATA_CONFLICT: Text("事件与条文矛盾", "events contradict the text"),
    Flag.BLACKLIST_CONFLICT: Text("黑名单期间恢复或登记", "return during a ban"),
    Flag.REAPPLICATION_CONFLICT: Text("再次登记不符条件", "return without meeting the conditions"),
    Flag.QUALIFICATION_INCOMPLETE: Text("无培训记录", "no training on record"),
}

TRIGGER: dict[EventType | DerivedTrigger, Text] = {
    EventType.NOTICE_RECEIVED: Text("机构收到书面通知之日", "the institution's receipt of the written notice"),
    EventType.APPEAL_FILED: Text("收到复核申请之日", "the request for review"),
    EventType.REINSTATEMENT_APPLICATION: Text("收到恢复申请之日", "the application for reinstatement"),
    EventType.BONUS: Text("加分通知之日", "the bonus"),
    EventType.DEDUCTION: Text("扣分决定之日", "the deduction decision"),
    DerivedTrigger.IN_FORCE: Text("施行之日", "the day of entry into force"),
    DerivedTrigger.END_OF_ROUND: Text("每轮登记结束之日", "the end of a round"),
    DerivedTrigger.FIRST_CANCELLATION: Text("首次取消之日", "the first cancellation"),
    DerivedTrigger.SECOND_CANCELLATION: Text("第二次取消之日", "the second cancellation"),
    EventType.OPT_OUT: Text("书面申请不纳入之日", "the written request not to be covered"),
    DerivedTrigger.NOTICE_OF_DEDUCTION: Text(
        "机构收到书面扣分通知之日", "the institution's receipt of the written notice of a deduction"
    ),
    DerivedTrigger.NOTICE_OF_BONUS: Text(
        "机构收到书面加分通知之日", "the institution's receipt of the written notice of a bonus"
    ),
    EventType.INSTITUTION_SIGNED: Text("机构签订协议之日", "the institution's signing of an agreement"),
    EventType.INSTITUTION_SUSPENDED: Text("机构协议暂停之日", "the suspension of the institution's agreement"),
    EventType.INSTITUTION_ENDED: Text("机构协议终止之日", "the end of the institution's agreement"),
    EventType.PHARMACY_HEAD: Text("登记药店主要负责人之日", "the recording of a pharmacy's head"),
    EventType.ACT_DONE: Text("办理之日", "the day of the act"),
    EventType.OBJECTION_FILED: Text("收到申辩之日", "the receipt of the objection"),
    EventType.OBJECTION_ANSWERED: Text("答复申辩之日", "the answer to the objection"),
    EventType.SITE_ENDED: Text("执业地点终止之日", "the end of a site"),
    EventType.PERSON_CHANGED: Text("变更信息之日", "the change of what is on file"),
    EventType.TRAINING_RESULT: Text("培训考核之日", "the result of a training"),
    EventType.COMMITMENT_SIGNED: Text("签署服务承诺之日", "the signing of the commitment"),
    EventType.INSURED_SUSPENDED: Text("决定暂停联网结算之日", "the decision that suspends networked settlement"),
    EventType.INSURED_RESTORED: Text("恢复联网结算之日", "the restoring of networked settlement"),
    EventType.DEPARTMENT_SUSPENDED: Text("决定暂停科室之日", "the decision that suspends the department"),
    EventType.DEPARTMENT_RESTORED: Text("恢复科室之日", "the restoring of the department"),
    EventType.CRIME_REFERRED: Text("移送司法机关之日", "the referral to the judiciary"),
    DerivedTrigger.CAUTION_LOW: Text("满第一档约谈分值之日", "reaching the first mark"),
    DerivedTrigger.CAUTION_HIGH: Text("满第二档约谈分值之日", "reaching the second mark"),
    DerivedTrigger.FULL: Text("满分之日", "reaching the full points"),
    DerivedTrigger.PENALTY: Text("决定责罚期之日", "the decision that sets off a penalty period"),
    DerivedTrigger.LONG_PENALTY: Text(
        "决定连续年度责罚期之日", "the decision that sets off the period for consecutive years"
    ),
    DerivedTrigger.PENALTY_OVER: Text("责罚期满次日", "the day after the penalty period"),
    DerivedTrigger.BLACKLISTED: Text("列入黑名单之日", "the blacklisting decision"),
    DerivedTrigger.BAN_OVER: Text("黑名单期满次日", "the day after the ban"),
    EventType.POINTS_RECORDED: Text("记分之日", "the recording of points"),
    DerivedTrigger.POINTS_OR_STATUS: Text(
        "记分、暂停或终止之日", "the recording of points, a suspension or a termination"
    ),
    DerivedTrigger.STATUS_ABNORMAL: Text("暂停或终止之日", "a suspension or termination"),
    DerivedTrigger.TERMINATED: Text("因记分终止之日", "a termination by points"),
    EventType.FULL_12: Text("计满12分之日", "the day of a full 12"),
    EventType.CRIMINAL_LIABILITY: Text("被追究刑事责任之日", "criminal liability"),
    EventType.REGISTRATION: Text("登记之日", "the registration"),
    EventType.SITE_DECLARATION: Text("申报执业之日", "the declaration at a site"),
    EventType.APPEAL_UPHELD: Text("支持复核之日", "the upholding of a review"),
    EventType.APPEAL_REJECTED: Text("驳回复核之日", "the rejection of a review"),
    EventType.REINSTATEMENT: Text("恢复资格之日", "the reinstatement"),
    EventType.REINSTATEMENT_REFUSED: Text("不予恢复之日", "the refusal to reinstate"),
    EventType.AGREEMENT: Text("签订服务协议之日", "the signing of the service agreement"),
    EventType.RETRAINING_PASSED: Text("培训考核合格之日", "the passing of training and assessment"),
    EventType.INSTITUTION_SNAPSHOT: Text("机构人数登记之日", "the headcount of the institution"),
    EventType.INSTITUTION_RESIGNED: Text("机构重新签订协议之日", "the institution's new agreement"),
    EventType.STATUS: Text("登记状态之日", "the recording of a filing status"),
    EventType.REPAIR: Text("修复之日", "the repair"),
    EventType.STATUS_CORRECTED: Text("异议成立之日", "the acceptance of an objection"),
    EventType.RECTIFICATION_ORDER: Text("责令限期整改之日", "the order to rectify"),
    EventType.INSTITUTION_VIOLATION_RATIO: Text("登记违规金额占比之日", "the recording of the share in breach"),
    EventType.PRESCRIBER_LISTED: Text("报备外配处方医师之日", "the filing of the prescriber"),
}

WITHOUT_NUMBER: dict[tuple[bool, bool], Text] = {
    (True, False): Text("及时（未定天数）", "promptly (no number of days)"),
    (False, False): Text("未定天数", "no number of days"),
    (False, True): Text("自该日起", "from that day on"),
    (True, True): Text("自该日起", "from that day on"),
}
"""A limit without a number, by `promptly` and `opens`."""
