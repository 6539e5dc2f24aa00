package screening.peer;

import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.module.blackbird.BlackbirdModule;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Properties;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.FixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorContext;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.TimestampedKeyValueStore;
import org.apache.kafka.streams.state.ValueAndTimestamp;

/** The screening job on Kafka Streams: claims and a global table of standings in, verdicts and cases out, exactly once. */
public final class Gate {

  private static final String STANDINGS = "standings";

  /** What becomes of one claim: its verdict, and its case when a person has to look. */
  private record Outcome(byte[] verdict, String caseId, byte[] opened) {}

  /** A standing and the message that it was made from. */
  private record Decoded(byte[] message, Standing standing) {}

  /**
   * Every thread's view of the decoded standings. The store keeps bytes; decoding a message once, and not for every claim,
   * is what a careful user of Kafka Streams would do.
   */
  private static final ConcurrentHashMap<String, Decoded> DECODED = new ConcurrentHashMap<>();

  private static final JsonMapper MAPPER = JsonMapper.builder().addModule(new BlackbirdModule()).build();

  private static final class Screen implements FixedKeyProcessor<byte[], byte[], Outcome> {

    private final ObjectReader claims = MAPPER.readerFor(Claim.class);
    private final ObjectReader standings = MAPPER.readerFor(Standing.Message.class);
    private final ObjectWriter verdicts = MAPPER.writerFor(Verdict.class);
    private final ObjectWriter cases = MAPPER.writerFor(Verdict.Case.class);
    private FixedKeyProcessorContext<byte[], Outcome> context;
    private TimestampedKeyValueStore<String, byte[]> store;

    @Override
    public void init(FixedKeyProcessorContext<byte[], Outcome> given) {
      context = given;
      store = given.getStateStore(STANDINGS);
    }

    @Override
    public void process(FixedKeyRecord<byte[], byte[]> received) {
      try {
        Claim claim = claims.readValue(received.value());
        String physician = claim.physician();
        Standing standing = physician == null ? null : find(claim.region() + "|" + physician);
        Decision decision = Decision.of(claim, standing);
        RecordMetadata at = context.recordMetadata().orElseThrow();
        Verdict.Source source = new Verdict.Source(at.topic(), at.partition(), at.offset());
        String now = Instant.now().truncatedTo(ChronoUnit.MILLIS).toString();
        Verdict verdict = Verdict.of(claim, standing, decision, source, now);
        byte[] written = verdicts.writeValueAsBytes(verdict);
        if (decision.disposition.equals("pay")) {
          context.forward(received.withValue(new Outcome(written, null, null)));
        } else {
          Verdict.Case opened = verdict.asCase(decision);
          context.forward(received.withValue(new Outcome(written, opened.caseId(), cases.writeValueAsBytes(opened))));
        }
      } catch (IOException malformed) {
        throw new UncheckedIOException(malformed);
      }
    }

    private Standing find(String key) throws IOException {
      ValueAndTimestamp<byte[]> found = store.get(key);
      if (found == null) {
        return null;
      }
      Decoded known = DECODED.get(key);
      if (known == null || !Arrays.equals(known.message(), found.value())) {
        known = new Decoded(found.value(), new Standing(standings.readValue(found.value())));
        DECODED.put(key, known);
      }
      return known.standing();
    }
  }

  private static Topology topology(String prefix) {
    StreamsBuilder builder = new StreamsBuilder();
    builder.globalTable(
        "physician-standing",
        Consumed.with(Serdes.String(), Serdes.ByteArray()),
        Materialized.<String, byte[]>as(Stores.inMemoryKeyValueStore(STANDINGS))
            .withKeySerde(Serdes.String())
            .withValueSerde(Serdes.ByteArray()));
    KStream<byte[], Outcome> outcomes =
        builder.stream("claims", Consumed.with(Serdes.ByteArray(), Serdes.ByteArray())).processValues(Screen::new);
    outcomes
        .mapValues(Outcome::verdict)
        .to(prefix + "claim-verdicts", Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
    outcomes
        .filter((key, outcome) -> outcome.opened() != null)
        .map((key, outcome) -> KeyValue.pair(outcome.caseId(), outcome.opened()))
        .to(prefix + "claim-cases", Produced.with(Serdes.String(), Serdes.ByteArray()));
    return builder.build();
  }

  private static String setting(String name, String otherwise) {
    String value = System.getenv("PEER_" + name);
    if (value == null && otherwise == null) {
      throw new IllegalArgumentException("PEER_" + name + " is not set");
    }
    return value == null ? otherwise : value;
  }

  private static Properties settings() {
    Properties settings = new Properties();
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, setting("BOOTSTRAP_SERVERS", null));
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, setting("GROUP_ID", null));
    settings.put(StreamsConfig.STATE_DIR_CONFIG, setting("STATE_DIR", null));
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, setting("THREADS", "2"));
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, setting("COMMIT_MS", "100"));
    settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, "1");
    settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), setting("POLL_RECORDS", "1000"));
    settings.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), setting("LINGER_MS", "100"));
    settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), setting("BATCH_BYTES", "16384"));
    settings.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), setting("COMPRESSION", "none"));
    return settings;
  }

  /** Run until a signal; say READY on standard output when the job has its partitions and its table. */
  public static void main(String[] arguments) throws InterruptedException {
    KafkaStreams streams = new KafkaStreams(topology(setting("OUTPUT_PREFIX", "")), settings());
    CountDownLatch stopped = new CountDownLatch(1);
    streams.setStateListener(
        (now, before) -> {
          if (now == KafkaStreams.State.RUNNING) {
            System.out.println("READY");
          }
          if (now == KafkaStreams.State.ERROR) {
            stopped.countDown();
          }
        });
    streams.setUncaughtExceptionHandler(
        error -> {
          error.printStackTrace();
          return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
    Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(20))));
    streams.start();
    stopped.await();
    System.exit(1);
  }

  private Gate() {}
}
