package screening.peer;

import java.util.List;

/** The Qiannan decision table on one claim and the standing of its physician. Pure. */
final class Decision {

  static final String RULE_PACK = "qiannan-2022@1";
  private static final int IN_FORCE_FROM = Standing.day("2022-12-26");

  /** What the law says of a ground: in an ordinary encounter, and in one that the law exempts. */
  enum Ground {
    RULE_NOT_IN_FORCE("rule_not_in_force", "pay", "fund", null, List.of("八")),
    PHYSICIAN_MISSING("physician_missing", "reject", "institution", "exempt", List.of("五(三)*", "三(二)2")),
    PHYSICIAN_UNREGISTERED(
        "physician_unregistered", "reject", "institution", "unregistered_emergency", List.of("二(二)", "三(二)2")),
    STRADDLES_PENALTY("straddles_penalty", "review", "undetermined", null, List.of("三(二)2")),
    IN_PENALTY_PERIOD("in_penalty_period", "reject", "institution", "exempt", List.of("三(二)2")),
    BLACKLISTED("blacklisted", "reject", "institution", "blacklisted_emergency", List.of("四(二)", "二(二)")),
    PENDING_REINSTATEMENT("pending_reinstatement", "reject", "institution", "exempt", List.of("三(二)5", "三(二)2")),
    SITE_NOT_DECLARED("site_not_declared", "review", "undetermined", null, List.of("五(二)*")),
    OK("ok", "pay", "fund", null, List.of());

    final String wire;
    final String disposition;
    final String costBearer;
    final String whenExempt;
    final List<String> citations;

    Ground(String wire, String disposition, String costBearer, String whenExempt, List<String> citations) {
      this.wire = wire;
      this.disposition = disposition;
      this.costBearer = costBearer;
      this.whenExempt = whenExempt;
      this.citations = citations;
    }
  }

  final String disposition;
  final String reason;
  final String exemptedGround;
  final String costBearer;
  final String standing;
  final String[] penaltyPeriod;
  final Ground ground;
  final List<String> evidence;

  private Decision(Ground ground, String encounterType, String standing, Standing.Span span) {
    this.ground = ground;
    this.standing = standing;
    penaltyPeriod = span == null ? null : span.window();
    evidence = span == null ? List.of() : span.causes();
    boolean exempt = ground.whenExempt != null && isExempt(encounterType);
    if (exempt && ground.whenExempt.equals("exempt")) {
      disposition = "pay";
      reason = "exempt_" + encounterType;
      costBearer = "fund";
      exemptedGround = ground.wire;
    } else {
      disposition = exempt ? "review" : ground.disposition;
      reason = exempt ? ground.whenExempt : ground.wire;
      costBearer = exempt ? "undetermined" : ground.costBearer;
      exemptedGround = null;
    }
  }

  private static boolean isExempt(String encounterType) {
    return switch (encounterType) {
      case "emergency", "rescue", "public_health_emergency" -> true;
      default -> false;
    };
  }

  static Decision of(Claim claim, Standing standing) {
    String type = claim.encounterType();
    int day = Standing.day(claim.serviceDate());
    if (day < IN_FORCE_FROM) {
      return new Decision(Ground.RULE_NOT_IN_FORCE, type, "not_applicable", null);
    }
    if (claim.physician() == null) {
      return new Decision(Ground.PHYSICIAN_MISSING, type, "not_applicable", null);
    }
    Standing.Span span = standing == null ? null : standing.on(day);
    if (span == null) {
      return new Decision(Ground.PHYSICIAN_UNREGISTERED, type, "unregistered", null);
    }
    if (claim.serviceStart() != null) {
      Standing.Span touched = standing.straddled(Standing.day(claim.serviceStart()), day);
      if (touched != null) {
        return new Decision(Ground.STRADDLES_PENALTY, type, span.standing(), touched);
      }
    }
    Ground ground;
    if (span.inPenalty()) {
      ground = Ground.IN_PENALTY_PERIOD;
    } else if (span.standing().equals("blacklisted")) {
      ground = Ground.BLACKLISTED;
    } else if (span.standing().equals("pending_reinstatement")) {
      ground = Ground.PENDING_REINSTATEMENT;
    } else if (!standing.declaredAt(claim.institutionCode(), day)) {
      ground = Ground.SITE_NOT_DECLARED;
    } else {
      ground = Ground.OK;
    }
    return new Decision(ground, type, span.standing(), span);
  }
}
