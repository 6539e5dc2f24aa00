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
    PHARMACY = "pharmacy"
    UNKNOWN = "unknown"
    """A visit class (医疗类别) that no table of its area knows; a person decides."""


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
    """Standing of an institution's service agreement (服务协议).

    Unknown: its written last day is over and no other is recorded.
    """

    ACTIVE = "active"
    TERMINATED = "terminated"
    SUSPENDED = "suspended"
    UNKNOWN = "unknown"


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


class Subject(StrEnum):
    """Of whom a law speaks besides physicians and institutions (S1)."""

    INSURED = "insured"
    """An insured person (参保人员)."""
    DEPARTMENT = "department"
    """A department of an institution (科室)."""


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
    IMPLAUSIBLE = "implausible"
    """The claim says what cannot be so, such as a service in 1900 or a fund share larger than the total."""
    ENCOUNTER_UNKNOWN = "encounter_unknown"
    EXEMPT_EMERGENCY = "exempt_emergency"
    EXEMPT_RESCUE = "exempt_rescue"
    EXEMPT_PUBLIC_HEALTH_EMERGENCY = "exempt_public_health_emergency"
    EMERGENCY_ORIGIN = "emergency_origin"
    """A stay that began as an emergency, of which the answer would be another (N4)."""
    VISIT_NOT_SEEN = "visit_not_seen"
    """Nobody knows who was responsible, because the visit behind the settlement was never seen."""
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
    STRADDLES_ABNORMAL = "straddles_abnormal"
    STRADDLES_LAW = "straddles_law"
    """Two packs govern days of one stay and judge their parts differently (S2)."""
    STATUS_ABNORMAL = "status_abnormal"
    STATUS_ABNORMAL_EMERGENCY = "status_abnormal_emergency"
    BLACKLISTED = "blacklisted"
    BLACKLISTED_EMERGENCY = "blacklisted_emergency"
    PENDING_REINSTATEMENT = "pending_reinstatement"
    AGREEMENT_EXPIRED = "agreement_expired"
    INSTITUTION_AGREEMENT_TERMINATED = "institution_agreement_terminated"
    INSTITUTION_AGREEMENT_UNKNOWN = "institution_agreement_unknown"
    SITE_NOT_DECLARED = "site_not_declared"
    QUALIFICATION_INCOMPLETE = "qualification_incomplete"
    POINTS_FULL_NO_STATED_EFFECT = "points_full_no_stated_effect"
    OVER_LIMITED_SCOPE = "over_limited_scope"
    OVER_DOSAGE = "over_dosage"
    PRESCRIBER_NOT_LISTED = "prescriber_not_listed"
    PRICE_ABOVE_PAYMENT_STANDARD = "price_above_payment_standard"
    MIXED_EXTERNAL_PRESCRIPTION = "mixed_external_prescription"
    PRESCRIBER_BARRED = "prescriber_barred"
    """Whoever wrote the prescription was barred on its day (P6)."""
    PHARMACY_HEAD_ABNORMAL = "pharmacy_head_abnormal"
    """The pharmacy's head is suspended or terminated, and the claim names somebody else (P5)."""
    LINE_PERSON_BARRED = "line_person_barred"
    """A line names somebody besides the responsible person who was barred on its day (P4)."""
    INSURED_SUSPENDED = "insured_suspended"
    """The insured person's networked settlement (联网结算) is suspended by a penalty decision."""
    DEPARTMENT_SUSPENDED = "department_suspended"
    """The institution's department may give no services of the fund, by a penalty decision."""
    DEPARTMENT_NOT_NAMED = "department_not_named"
    """A department of the institution is suspended, and the claim does not say of which department it is."""
    STANDING_STALE = "standing_stale"
    """Not of the law: the gate's own view of the register was too old to judge by, and its setting says review."""
    STANDING_UNREADABLE = "standing_unreadable"
    """Not of the law: the register's newest record of this physician or institution could not be read."""


class EventType(StrEnum):
    """What is recorded: the types of `physician-events`."""

    REGISTRATION = "registration"
    SITE_DECLARATION = "site_declaration"
    OPT_OUT = "opt_out"
    DEDUCTION = "deduction"
    BONUS = "bonus"
    NOTICE_RECEIVED = "notice_received"
    APPEAL_FILED = "appeal_filed"
    APPEAL_UPHELD = "appeal_upheld"
    APPEAL_REJECTED = "appeal_rejected"
    REINSTATEMENT_APPLICATION = "reinstatement_application"
    REINSTATEMENT = "reinstatement"
    REINSTATEMENT_REFUSED = "reinstatement_refused"
    AGREEMENT = "agreement"
    RETRAINING_PASSED = "retraining_passed"
    INSTITUTION_SNAPSHOT = "institution_snapshot"
    INSTITUTION_RESIGNED = "institution_resigned"
    STATUS = "status"
    REPAIR = "repair"
    STATUS_CORRECTED = "status_corrected"
    POINTS_RECORDED = "points_recorded"
    FULL_12 = "full_12"
    CRIMINAL_LIABILITY = "criminal_liability"
    RECTIFICATION_ORDER = "rectification_order"
    INSTITUTION_VIOLATION_RATIO = "institution_violation_ratio"
    PRESCRIBER_LISTED = "prescriber_listed"
    INSTITUTION_SIGNED = "institution_signed"
    INSTITUTION_SUSPENDED = "institution_suspended"
    INSTITUTION_ENDED = "institution_ended"
    PHARMACY_HEAD = "pharmacy_head"
    ACT_DONE = "act_done"
    OBJECTION_FILED = "objection_filed"
    OBJECTION_ANSWERED = "objection_answered"
    SITE_ENDED = "site_ended"
    PERSON_CHANGED = "person_changed"
    TRAINING_RESULT = "training_result"
    COMMITMENT_SIGNED = "commitment_signed"
    CRIME_REFERRED = "crime_referred"
    INSURED_SUSPENDED = "insured_suspended"
    INSURED_RESTORED = "insured_restored"
    DEPARTMENT_SUSPENDED = "department_suspended"
    DEPARTMENT_RESTORED = "department_restored"


class Effect(StrEnum):
    """What an event sets off in an account: a mark reached, a listing, a cancellation, a cap."""

    CAUTION_6 = "caution_6"
    CAUTION_10 = "caution_10"
    FULL = "full"
    TWO_CONSECUTIVE_YEARS = "two_consecutive_years"
    THREE_CONSECUTIVE_YEARS = "three_consecutive_years"
    BLACKLIST_AT_ONCE = "blacklist_at_once"
    BLACKLIST_YEAR_TOTAL = "blacklist_year_total"
    BLACKLISTED = "blacklisted"
    CAPPED = "capped"
    SUSPENDED_SHORT = "suspended_short"
    SUSPENDED_LONG = "suspended_long"
    CANCELLED = "cancelled"
    NO_TERM = "no_term"
    SUSPENDED = "suspended"
    """For a length that the agency sets within bounds."""
    TERMINATED = "terminated"
    """By points that added up in the year."""
    TERMINATED_AT_ONCE = "terminated_at_once"


LONG_PERIOD = (Effect.TWO_CONSECUTIVE_YEARS, Effect.THREE_CONSECUTIVE_YEARS)
"""The effects that set off the longer penalty period in place of the short one."""


class DerivedTrigger(StrEnum):
    """What sets a limit running besides the recording of an event: what the account or the timeline says.

    The first two concern no physician and no event: the agency's own rounds.
    """

    IN_FORCE = "in_force"
    END_OF_ROUND = "end_of_round"
    NOTICE_OF_DEDUCTION = "notice_of_deduction"
    NOTICE_OF_BONUS = "notice_of_bonus"
    CAUTION_LOW = "caution_low"
    CAUTION_HIGH = "caution_high"
    FULL = "full"
    PENALTY = "penalty"
    LONG_PENALTY = "long_penalty"
    PENALTY_OVER = "penalty_over"
    BLACKLISTED = "blacklisted"
    BAN_OVER = "ban_over"
    FIRST_CANCELLATION = "first_cancellation"
    SECOND_CANCELLATION = "second_cancellation"
    POINTS_OR_STATUS = "points_or_status"
    STATUS_ABNORMAL = "status_abnormal"
    TERMINATED = "terminated"
    """A termination that bars from a new filing until a day."""


class IssueCode(StrEnum):
    """Contradictions and gaps in a dossier. The event is kept; people are told."""

    SAME_ID_TWICE = "same_id_twice"
    UNKNOWN_REFERENCE = "unknown_reference"
    UNKNOWN_PHYSICIAN = "unknown_physician"
    NOT_OF_THIS_SCHEME = "not_of_this_scheme"
    LATE_REVIEW_UPHELD = "late_review_upheld"
    REVISED_UPWARDS = "revised_upwards"
    ANSWERED_BOTH_WAYS = "answered_both_ways"
    """One request has two answers that contradict each other."""
    REINSTATED_IN_PENALTY = "reinstated_in_penalty"
    RETURNED_IN_BAN = "returned_in_ban"
    RETURNED_TOO_EARLY = "returned_too_early"
    NO_TERM = "no_term"
    EMPTY_TERM = "empty_term"
    OTHER_TERM = "other_term"
    REPAIR_WITHOUT_STATUS = "repair_without_status"
    REPAIR_LENGTHENS = "repair_lengthens"
    REPAIR_BEYOND_BOUNDS = "repair_beyond_bounds"
    ACT_BEFORE_ITS_CAUSE = "act_before_its_cause"
    POINTS_WITHOUT_DECISION = "points_without_decision"
    POINTS_OUTSIDE_BAND = "points_outside_band"
    LENGTH_NOT_SET = "length_not_set"
    LENGTH_OUT_OF_BOUNDS = "length_out_of_bounds"
    LENGTH_WITHOUT_MARK = "length_without_mark"
