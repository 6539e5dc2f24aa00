package screening.peer;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;

/** A physician's standing with its dates as days since the epoch, made once from the message. */
final class Standing {

  static final int FIRST_DAY = Integer.MIN_VALUE;
  static final int LAST_DAY = Integer.MAX_VALUE;

  /** Days {@code from} to {@code to}, both included, on which one standing holds. */
  record Span(
      int from,
      int to,
      String standing,
      boolean inPenalty,
      String[] window,
      int windowFrom,
      int windowTo,
      List<String> causes) {}

  record Site(String institution, int from, int to, String status) {}

  @JsonIgnoreProperties(ignoreUnknown = true)
  record Message(
      @JsonProperty("revision") long revision,
      @JsonProperty("spans") List<MessageSpan> spans,
      @JsonProperty("sites") List<JsonNode> sites) {}

  @JsonIgnoreProperties(ignoreUnknown = true)
  record MessageSpan(
      @JsonProperty("from") String from,
      @JsonProperty("to") String to,
      @JsonProperty("standing") String standing,
      @JsonProperty("in_penalty") Boolean inPenalty,
      @JsonProperty("penalty_period") String[] penaltyPeriod,
      @JsonProperty("causes") List<String> causes) {}

  final long revision;
  private final Span[] spans;
  private final Site[] sites;

  Standing(Message message) {
    revision = message.revision();
    List<Span> made = new ArrayList<>();
    for (MessageSpan span : message.spans()) {
      String[] window = span.penaltyPeriod();
      boolean inPenalty = span.inPenalty() == null ? span.standing().equals("penalty") : span.inPenalty();
      made.add(
          new Span(
              first(span.from()),
              last(span.to()),
              span.standing(),
              inPenalty,
              window,
              window == null ? FIRST_DAY : first(window[0]),
              window == null ? LAST_DAY : last(window[1]),
              span.causes() == null ? List.of() : span.causes()));
    }
    spans = made.toArray(new Span[0]);
    List<Site> declared = new ArrayList<>();
    for (JsonNode site : message.sites()) {
      declared.add(
          site.isTextual()
              ? new Site(site.textValue(), FIRST_DAY, LAST_DAY, "declared")
              : new Site(
                  site.get("institution_code").textValue(),
                  first(text(site, "from")),
                  last(text(site, "to")),
                  site.get("status").textValue()));
    }
    sites = declared.toArray(new Site[0]);
  }

  /** The span of a day, or null: the physician is not registered on it. */
  Span on(int day) {
    for (Span span : spans) {
      if (span.from() <= day && day <= span.to()) {
        return span;
      }
    }
    return null;
  }

  boolean declaredAt(String institution, int day) {
    Site holding = null;
    for (Site site : sites) {
      if (site.institution().equals(institution)
          && site.from() <= day
          && day <= site.to()
          && (holding == null || holding.from() <= site.from())) {
        holding = site;
      }
    }
    return holding != null && holding.status().equals("declared");
  }

  /**
   * The penalty span that a stay touches while some of its days lie outside every penalty; null when the stay lies wholly
   * inside or wholly outside. Of several, the one whose window ends last, and among those the one that starts first.
   */
  Span straddled(int start, int end) {
    int inside = 0;
    Span touched = null;
    for (Span span : spans) {
      if (span.inPenalty() && span.from() <= end && start <= span.to()) {
        inside += Math.min(end, span.to()) - Math.max(start, span.from()) + 1;
        if (touched == null
            || span.windowTo() > touched.windowTo()
            || (span.windowTo() == touched.windowTo() && span.windowFrom() < touched.windowFrom())) {
          touched = span;
        }
      }
    }
    return inside < end - start + 1 ? touched : null;
  }

  static int day(String date) {
    return (int) LocalDate.parse(date).toEpochDay();
  }

  private static int first(String date) {
    return date == null ? FIRST_DAY : day(date);
  }

  private static int last(String date) {
    return date == null ? LAST_DAY : day(date);
  }

  private static String text(JsonNode node, String field) {
    JsonNode value = node.get(field);
    return value == null || value.isNull() ? null : value.textValue();
  }
}
