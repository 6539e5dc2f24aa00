package screening.peer;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/** The whole message of the topic {@code claim-verdicts}. */
@JsonPropertyOrder({
  "claim_id", "claim_version", "region", "institution_code", "physician_code", "encounter_type", "service_date",
  "fund_amount", "disposition", "reason", "exempted_ground", "cost_bearer", "standing", "penalty_period", "rule_pack",
  "citations", "standing_revision", "source", "screened_at"
})
record Verdict(
    @JsonProperty("claim_id") String claimId,
    @JsonProperty("claim_version") int claimVersion,
    @JsonProperty("region") String region,
    @JsonProperty("institution_code") String institutionCode,
    @JsonProperty("physician_code") String physicianCode,
    @JsonProperty("encounter_type") String encounterType,
    @JsonProperty("service_date") String serviceDate,
    @JsonProperty("fund_amount") String fundAmount,
    @JsonProperty("disposition") String disposition,
    @JsonProperty("reason") String reason,
    @JsonProperty("exempted_ground") String exemptedGround,
    @JsonProperty("cost_bearer") String costBearer,
    @JsonProperty("standing") String standing,
    @JsonProperty("penalty_period") String[] penaltyPeriod,
    @JsonProperty("rule_pack") String rulePack,
    @JsonProperty("citations") List<String> citations,
    @JsonProperty("standing_revision") Long standingRevision,
    @JsonProperty("source") Source source,
    @JsonProperty("screened_at") String screenedAt) {

  record Source(
      @JsonProperty("topic") String topic,
      @JsonProperty("partition") int partition,
      @JsonProperty("offset") long offset) {}

  record Explanation(@JsonProperty("zh") String zh, @JsonProperty("en") String en) {}

  /** The whole message of the topic {@code claim-cases}: the verdict and why a person has to look at it. */
  record Case(
      @JsonUnwrapped Verdict verdict,
      @JsonProperty("case_id") String caseId,
      @JsonProperty("opened_at") String openedAt,
      @JsonProperty("explanation") Explanation explanation,
      @JsonProperty("evidence") List<String> evidence) {}

  static Verdict of(Claim claim, Standing standing, Decision decision, Source source, String now) {
    String physician = claim.physician();
    return new Verdict(
        claim.claimId(),
        claim.version(),
        claim.region(),
        claim.institutionCode(),
        physician,
        claim.encounterType(),
        claim.serviceDate(),
        claim.fundAmount(),
        decision.disposition,
        decision.reason,
        decision.exemptedGround,
        decision.costBearer,
        decision.standing,
        decision.penaltyPeriod,
        Decision.RULE_PACK,
        decision.ground.citations,
        standing == null ? null : standing.revision,
        source,
        now);
  }

  Case asCase(Decision decision) {
    return new Case(this, caseId(decision), screenedAt, explain(decision), decision.evidence);
  }

  /** The same claim, version and ground always give the same case. */
  private String caseId(Decision decision) {
    try {
      byte[] identity =
          (claimId + "|" + claimVersion + "|" + decision.ground.wire).getBytes(StandardCharsets.UTF_8);
      return "case-" + HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(identity), 0, 16);
    } catch (NoSuchAlgorithmException impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  private Explanation explain(Decision decision) {
    String articles = String.join("、", decision.ground.citations);
    String who = physicianCode == null ? "-" : physicianCode;
    return new Explanation(
        "就诊日期 " + serviceDate + "，医师 " + who + "，状态 " + standing + "，依据 " + articles + "：" + reason + "。",
        "Service on " + serviceDate + " by " + who + ", standing " + standing + ", under " + articles + ": " + reason + ".");
  }
}
