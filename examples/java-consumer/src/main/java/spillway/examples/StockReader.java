package spillway.examples;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Prints running stock per SKU from products.events.v1, each event counted once.
 *
 * <p>A line of JSON per change, and a last one with the whole stock when it ends: on SIGTERM or
 * Ctrl-C, or with --to-end at what is the end of the log now. Stock and marks are in memory, so it
 * begins at the start of the log; keep both in one transaction to go on instead (see the Python
 * consumer beside this one).
 */
public final class StockReader {
  private final String topic;
  private final Registry registry;
  private final ObjectMapper json = new ObjectMapper();
  private final Stock stock = new Stock();
  private final Map<Integer, Mark> marks = new HashMap<>();
  /** The link sequence that is missing, by partition, until a repair has written it again. */
  private final Map<String, Long> gaps = new TreeMap<>();

  private long applied, repeats, discarded, aside;

  private StockReader(String topic, Registry registry) {
    this.topic = topic;
    this.registry = registry;
  }

  /** Applies a record, or says why not; gives the SKU that it changed, or null. */
  private String take(ConsumerRecord<byte[], byte[]> record) throws Exception {
    String place = topic + "/" + record.partition();
    Mark seen = Mark.of(record.headers(), "products/" + record.partition()).orElse(null);
    if (seen == null) {
      aside++;
      System.err.printf(
          "%s offset %d is not one of Spillway's: put aside%n", place, record.offset());
      return null;
    }
    Mark mark = marks.getOrDefault(record.partition(), Mark.START);
    switch (mark.arrivalOf(seen)) {
      case NEXT:
        String sku = stock.apply(registry.decode(record.value()));
        marks.put(record.partition(), seen);
        applied++;
        if (gaps.remove(place) != null) System.err.println(place + " is whole again");
        return sku;
      case REPEAT:
        repeats++;
        return null;
      default:
        discarded++;
        long missing = mark.expectedIn(seen.incarnation());
        if (gaps.putIfAbsent(place, missing) == null) {
          System.err.printf(
              "ALARM: %s lacks %d: run spillway repair; reading on%n", place, missing);
        }
        return null;
    }
  }

  private void run(KafkaConsumer<byte[], byte[]> consumer, boolean toEnd) throws Exception {
    List<TopicPartition> partitions = new ArrayList<>();
    consumer
        .partitionsFor(topic, Duration.ofSeconds(30))
        .forEach(found -> partitions.add(new TopicPartition(topic, found.partition())));
    if (partitions.isEmpty()) throw new IllegalStateException("there is no topic " + topic);
    consumer.assign(partitions);
    consumer.seekToBeginning(partitions);
    Map<TopicPartition, Long> ends = toEnd ? consumer.endOffsets(partitions) : Map.of();
    while (!toEnd || partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
      var changed = new TreeSet<String>();
      for (var record : consumer.poll(Duration.ofMillis(500))) {
        String sku = take(record);
        if (sku != null) changed.add(sku);
      }
      if (toEnd) continue;
      for (String sku : changed) print(Map.of(sku, stock.bySku().get(sku)));
    }
  }

  private void printAll() throws Exception {
    var all = new LinkedHashMap<String, Object>();
    all.put("stock", stock.bySku());
    all.put("applied", applied);
    all.put("repeats", repeats);
    all.put("discarded", discarded);
    all.put("aside", aside);
    all.put("gaps", gaps);
    print(all);
  }

  private void print(Object value) throws Exception {
    System.out.println(json.writeValueAsString(value));
  }

  public static void main(String[] args) throws Exception {
    var options = List.of(args);
    int named = options.indexOf("--topic");
    String topic = named < 0 ? "products.events.v1" : options.get(named + 1);
    var reader =
        new StockReader(
            topic, new Registry(env("SCHEMA_REGISTRY_URL", "http://127.0.0.1:28081/apis/ccompat/v7")));
    Map<String, Object> settings =
        Map.of(
            "bootstrap.servers", env("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:29092"),
            "key.deserializer", ByteArrayDeserializer.class,
            "value.deserializer", ByteArrayDeserializer.class,
            // No group: this reader's marks say how far it is.
            "enable.auto.commit", "false",
            "auto.offset.reset", "earliest");
    var consumer = new KafkaConsumer<byte[], byte[]>(settings);
    Thread main = Thread.currentThread();
    // The machine ends when its hooks have: this one waits for the last line.
    Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(consumer, main)));
    try (consumer) {
      reader.run(consumer, options.contains("--to-end"));
    } catch (WakeupException stopped) {
      // Asked to stop, between two batches.
    }
    reader.printAll();
  }

  private static void stop(KafkaConsumer<?, ?> consumer, Thread main) {
    consumer.wakeup();
    try {
      main.join(10_000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static String env(String name, String otherwise) {
    String value = System.getenv(name);
    return value == null || value.isEmpty() ? otherwise : value;
  }
}
