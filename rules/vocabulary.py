"""The closed vocabularies of the wire. A name, once published, never changes its meaning.

Declaration order is meaningful where the docstring says so. The numbers that the vector kernel uses for these values
are positions in the declaration order; they never leave the process.
"""

from __future__ import annotations

from enum import StrEnum


class Disposition(StrEnum):
    """What happens to the fund share (医保基金支付部分) of a claim."""

    PAY = "pay"
    REJECT = "reject"
    REVIEW = "review"

    @property
    def opens_case(self) -> bool:
        """Whether people have to see the claim: every reject and every review (疑点案件)."""
        return self is not Disposition.PAY


class CostBearer(StrEnum):
    """Who carries the fund share after the verdict."""

    FUND = "fund"
    INSTITUTION = "institution"
    PATIENT = "patient"
    UNSPECIFIED = "unspecified"
    UNDETERMINED = "undetermined"


class EncounterType(StrEnum):
    """Kind of encounter (就诊类型) of a claim."""

    OUTPATIENT = "outpatient"
    INPATIENT = "inpatient"
    EMERGENCY = "emergency"
    RESCUE = "rescue"
    PUBLIC_HEALTH_EMERGENCY = "public_health_emergency"
    MATERNITY = "maternity"


class Standing(StrEnum):
    """Standing of the responsible physician on the service date."""

    NOT_APPLICABLE = "not_applicable"
    UNREGISTERED = "unregistered"
    OPTED_OUT = "opted_out"
    NORMAL = "normal"
    CAUTIONED_6 = "cautioned_6"
    CAUTIONED_10 = "cautioned_10"
    PENALTY_PENDING = "penalty_pending"
    PENALTY = "penalty"
    PENDING_REINSTATEMENT = "pending_reinstatement"
    BLACKLIST_PENDING = "blacklist_pending"
    BLACKLISTED = "blacklisted"
    SUSPENSION_PENDING = "suspension_pending"
    SUSPENDED = "suspended"
    CANCELLED = "cancelled"
    AGREEMENT_EXPIRED = "agreement_expired"
    TERMINATED = "terminated"
    POINTS_FULL_ONCE = "points_full_once"


class InstitutionStanding(StrEnum):
    """Standing of an institution's service agreement (服务协议)."""

    ACTIVE = "active"
    TERMINATED = "terminated"


class SiteStatus(StrEnum):
    """What an institution has declared about a physician who practises there (执业地点申报)."""

    DECLARED = "declared"
    OPTED_OUT = "opted_out"
    LISTED = "listed"


class Flag(StrEnum):
    """Contradictions and gaps in the register that a person has to settle. They lie on a span of a timeline."""

    DATA_CONFLICT = "data_conflict"
    BLACKLIST_CONFLICT = "blacklist_conflict"
    REAPPLICATION_CONFLICT = "reapplication_conflict"
    QUALIFICATION_INCOMPLETE = "qualification_incomplete"


class StaffCategory(StrEnum):
    """Staff category of the national opinion (003 一)."""

    MEDICAL = "medical"
    PHARMACY = "pharmacy"
    NURSING = "nursing"
    TECHNICAL = "technical"
    SETTLEMENT_AUDIT = "settlement_audit"
    PHARMACY_HEAD = "pharmacy_head"


class Reason(StrEnum):
    """Why a verdict is what it is."""

    OK = "ok"
    RULE_NOT_IN_FORCE = "rule_not_in_force"
    EXEMPT_EMERGENCY = "exempt_emergency"
    EXEMPT_RESCUE = "exempt_rescue"
    EXEMPT_PUBLIC_HEALTH_EMERGENCY = "exempt_public_health_emergency"
    PHYSICIAN_MISSING = "physician_missing"
    MISSING_EMERGENCY_NO_RULE = "missing_emergency_no_rule"
    PHYSICIAN_UNREGISTERED = "physician_unregistered"
    UNREGISTERED_EMERGENCY = "unregistered_emergency"
    INITIAL_REGISTRATION_WINDOW = "initial_registration_window"
    OPTED_OUT = "opted_out"
    OPTED_OUT_EMERGENCY = "opted_out_emergency"
    BLACKLIST_CONFLICT = "blacklist_conflict"
    DATA_CONFLICT = "data_conflict"
    REAPPLICATION_CONFLICT = "reapplication_conflict"
    CANCELLED = "cancelled"
    STRADDLES_PENALTY = "straddles_penalty"
    IN_PENALTY_PERIOD = "in_penalty_period"
    SUSPENDED = "suspended"
    STATUS_ABNORMAL = "status_abnormal"
    STATUS_ABNORMAL_EMERGENCY = "status_abnormal_emergency"
    BLACKLISTED = "blacklisted"
    BLACKLISTED_EMERGENCY = "blacklisted_emergency"
    PENDING_REINSTATEMENT = "pending_reinstatement"
    AGREEMENT_EXPIRED = "agreement_expired"
    INSTITUTION_AGREEMENT_TERMINATED = "institution_agreement_terminated"
    SITE_NOT_DECLARED = "site_not_declared"
    QUALIFICATION_INCOMPLETE = "qualification_incomplete"
    POINTS_FULL_NO_STATED_EFFECT = "points_full_no_stated_effect"
    OVER_LIMITED_SCOPE = "over_limited_scope"
    OVER_DOSAGE = "over_dosage"
    PRESCRIBER_NOT_LISTED = "prescriber_not_listed"
    PRICE_ABOVE_PAYMENT_STANDARD = "price_above_payment_standard"
    MIXED_EXTERNAL_PRESCRIPTION = "mixed_external_prescription"
    STANDING_STALE = "standing_stale"
    """Not of the law: the gate's own view of the register was too old to judge by, and its setting says review."""
    STANDING_UNREADABLE = "standing_unreadable"
    """Not of the law: the register's newest record of this physician or institution could not be read."""
