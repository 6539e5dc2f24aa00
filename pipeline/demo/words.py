"""Everything that the demo says, in English and in Chinese."""

from __future__ import annotations

from typing import Literal

from rules.vocabulary import Reason

Language = Literal["en", "zh"]

_WORDS: dict[str, tuple[str, str]] = {
    # progress
    "broker": (
        "Embedded broker on {address}, {topics} topics",
        "内嵌消息服务 {address}，{topics} 个主题",
    ),
    "register": (
        "{events:,} events to the control plane: {physicians:,} physicians, {institutions} institutions without agreement",
        "已向台账送 {events:,} 个事件：医师 {physicians:,} 名，协议终止机构 {institutions} 家",
    ),
    "joining": (
        "The control plane makes the standings; the worker waits for all of them",
        "台账正在形成资格状态，筛查进程等候其完整",
    ),
    "worker": (
        "Ready: {workers} worker(s) under {packs} rule packs; metrics at {address}/metrics while it runs",
        "就绪：筛查进程 {workers} 个，规则包 {packs} 个；运行期间指标见 {address}/metrics",
    ),
    "sent": ("claims sent", "已送结算记录"),
    "judged": ("answered", "已答复"),
    "state": (
        "{withheld} yuan withheld, {dead} dead letters",
        "拒付 {withheld} 元，死信 {dead}",
    ),
    # money
    "settled": ("settled", "予以结算"),
    "withheld": ("withheld", "不予结算"),
    "in_review": ("in review", "转人工审核"),
    "of_claims": ("{claims:,} claims, {share:.1%}", "{claims:,} 笔，占 {share:.1%}"),
    # tables
    "by_reason": ("Claims by disposition and reason", "按处置与事由"),
    "disposition": ("verdict", "处置"),
    "reason": ("reason", "事由"),
    "claims": ("claims", "笔数"),
    "share": ("share", "占比"),
    "fund": ("fund, yuan", "基金应付（元）"),
    "by_pack": ("Claims by rule pack", "按规则包"),
    "pack": ("rule pack", "规则包"),
    "pay": ("pay", "支付"),
    "reject": ("reject", "拒付"),
    "review": ("review", "审核"),
    "withheld_yuan": ("withheld, yuan", "拒付（元）"),
    "negative": (
        "Below zero: more was taken back (refunds are claims with a negative amount) than charged.",
        "负数表示退费（金额为负的结算记录）多于收费。",
    ),
    "exempted": (
        "Emergencies paid all the same, by the ground that the exemption lifted",
        "因急救等情形照常支付的，按被豁免的事由",
    ),
    "ground": ("ground lifted", "被豁免的事由"),
    "emergency": ("emergency", "急诊"),
    "rescue": ("rescue", "抢救"),
    "public_health_emergency": ("public health", "公共卫生"),
    "dead": (
        "Records that are not claims, set aside byte for byte with the reason",
        "不成其为结算记录的，原样转入死信并注明原因",
    ),
    "redrive": (
        "On a real cluster they wait on {topic}: screening dlq list shows them, screening dlq redrive sends them again.",
        "正式集群上均在 {topic} 中等候：screening dlq list 查看，screening dlq redrive 重送。",
    ),
    "error": ("error", "错误"),
    "records": ("records", "条数"),
    "first": ("the first of them", "首条"),
    "place": ("from", "来源"),
    "cases": ("Cases as a reviewer gets them", "审核人员看到的案件"),
    "behind": ("events behind it", "依据事件"),
    "none": ("none", "无"),
    # story
    "story": (
        "One physician, live: events go in, the standing changes, the next claim of 15 July is answered differently",
        "一名医师的实时经过：事件登记后，资格状态随之改变，7月15日的下一笔结算随之不同",
    ),
    "recorded": ("recorded by then", "已登记"),
    "standing": ("standing on that day", "当日状态"),
    "next_claim": ("next claim", "下一笔结算"),
    "answer": ("answer", "处置"),
    "revision": ("revision", "版本"),
    "nothing": ("the registration", "登记"),
    "twelve_points": ("6 points on 1 July, 6 on 10 July: twelve", "7月1日扣6分、7月10日扣6分，计满12分"),
    "appeal_upheld": ("review upheld: the second decision is void", "复核支持：第二次扣分作废"),
    # proof
    "proof": ("Proof", "核对"),
    "conservation": (
        "in {records_in:,} = verdicts {verdicts:,} + dead letters {dead_letters:,}",
        "输入 {records_in:,} = 裁定 {verdicts:,} + 死信 {dead_letters:,}",
    ),
    "once": (
        "each of the {records_in:,} input offsets answered exactly once (lost {lost}, repeated {repeated})",
        "{records_in:,} 个输入位点各答复一次（遗漏 {lost}，重复 {repeated}）",
    ),
    "every_case": (
        "cases {cases:,} = rejects and reviews {cases_expected:,}",
        "案件 {cases:,} = 拒付与审核 {cases_expected:,}",
    ),
    "bytes_kept": (
        "dead letters with their bytes unchanged: {unchanged:,} of {dead_letters:,}",
        "死信字节未变：{unchanged:,} / {dead_letters:,}",
    ),
    "speed": (
        "rush: {rush_claims:,} claims as fast as they are judged, {rate:,.0f} a second, with broker, sender and reader in "
        "the same process",
        "突发：{rush_claims:,} 笔，每秒 {rate:,.0f} 笔（消息服务、发送与读取同在一个进程内）",
    ),
    "latency": (
        "steady: {claims:,} claims at {steady:,} a second; from a claim's Kafka timestamp to its verdict at a committed "
        "reader: p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms",
        "平稳：{claims:,} 笔，每秒 {steady:,} 笔；从记录时间戳到读到已提交裁定：p50 {p50:.0f} 毫秒，p95 {p95:.0f} 毫秒，"
        "p99 {p99:.0f} 毫秒",
    ),
    "transactions": (
        "{committed} transactions committed, {aborted} rolled back; {seconds:.1f} s in all (sample seed {seed})",
        "提交事务 {committed} 个，回滚 {aborted} 个；共 {seconds:.1f} 秒（样本种子 {seed}）",
    ),
    "rolled_back": (
        "the embedded broker shows the records of rolled-back transactions too; a real cluster hides them from this reader",
        "内嵌消息服务会显示已回滚事务的记录；正式集群对本读取方不可见",
    ),
    "note": (
        "The embedded broker is for this demo only and never keeps data; all of it is gone now. "
        "For a real cluster: screening topics apply, screening control, screening worker.",
        "内嵌消息服务仅供演示，从不保存数据，现已全部清除。"
        "正式集群请用：screening topics apply、screening control、screening worker。",
    ),
}

_REASONS_ZH = {
    Reason.OK: "无异常",
    Reason.RULE_NOT_IN_FORCE: "规则未生效或已失效",
    Reason.EXEMPT_EMERGENCY: "急诊除外",
    Reason.EXEMPT_RESCUE: "抢救除外",
    Reason.EXEMPT_PUBLIC_HEALTH_EMERGENCY: "公共卫生事件除外",
    Reason.EMERGENCY_ORIGIN: "急诊转住院",
    Reason.VISIT_NOT_SEEN: "未见就诊信息",
    Reason.PHYSICIAN_MISSING: "缺医师信息",
    Reason.MISSING_EMERGENCY_NO_RULE: "缺医师信息的急救（无规定）",
    Reason.PHYSICIAN_UNREGISTERED: "医师未登记",
    Reason.UNREGISTERED_EMERGENCY: "未登记医师的急救",
    Reason.INITIAL_REGISTRATION_WINDOW: "首次登记期内",
    Reason.OPTED_OUT: "申请不纳入支付",
    Reason.OPTED_OUT_EMERGENCY: "申请不纳入支付者的急救",
    Reason.BLACKLIST_CONFLICT: "黑名单期间重新登记",
    Reason.DATA_CONFLICT: "登记数据矛盾",
    Reason.REAPPLICATION_CONFLICT: "重新申请条件不符",
    Reason.CANCELLED: "资格已取消",
    Reason.STRADDLES_PENALTY: "住院跨责罚期",
    Reason.IN_PENALTY_PERIOD: "责罚期内",
    Reason.SUSPENDED: "暂停期内",
    Reason.STRADDLES_LAW: "住院跨两部规则",
    Reason.STRADDLES_ABNORMAL: "住院跨异常状态期间",
    Reason.STATUS_ABNORMAL: "登记状态异常",
    Reason.STATUS_ABNORMAL_EMERGENCY: "登记状态异常者的急救",
    Reason.BLACKLISTED: "黑名单",
    Reason.BLACKLISTED_EMERGENCY: "黑名单医师的急救",
    Reason.PENDING_REINSTATEMENT: "责罚期满待恢复",
    Reason.AGREEMENT_EXPIRED: "服务协议到期",
    Reason.INSTITUTION_AGREEMENT_UNKNOWN: "机构协议到期未续",
    Reason.INSTITUTION_AGREEMENT_TERMINATED: "机构协议终止",
    Reason.SITE_NOT_DECLARED: "执业地点未申报",
    Reason.QUALIFICATION_INCOMPLETE: "未见培训记录",
    Reason.POINTS_FULL_NO_STATED_EFFECT: "计满12分（后果未载明）",
}

Words = dict[str, str]


def reason_label(reason: str, lang: Language) -> str:
    """The reason's name on the wire, in Chinese with a short label before it."""
    label = _REASONS_ZH.get(Reason(reason)) if lang == "zh" else None
    return f"{label} {reason}" if label else reason


def words(lang: Language) -> Words:
    """All texts in one language."""
    return {name: texts[0] if lang == "en" else texts[1] for name, texts in _WORDS.items()}
