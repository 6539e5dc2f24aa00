package screening.peer;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;

/** A claim as it lies on the topic {@code claims}; fields that the decision does not need are left out. */
@JsonIgnoreProperties(ignoreUnknown = true)
record Claim(
    @JsonProperty("claim_id") String claimId,
    @JsonProperty("claim_version") Integer claimVersion,
    @JsonProperty("region") String region,
    @JsonProperty("institution_code") String institutionCode,
    @JsonProperty("physician_code") String physicianCode,
    @JsonProperty("encounter_type") String encounterType,
    @JsonProperty("service_date") String serviceDate,
    @JsonProperty("service_start") String serviceStart,
    @JsonProperty("fund_amount") String fundAmount) {

  int version() {
    return claimVersion == null ? 1 : claimVersion;
  }

  /** The code without surrounding white space, or null when there is none. */
  String physician() {
    return physicianCode == null || physicianCode.isBlank() ? null : physicianCode.strip();
  }
}
