package spillway.examples;

import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;

/**
 * How far a partition's records were applied, and de-duplication by it: the rule of docs/events.md.
 *
 * <p>A partition has one source shard, whose records are numbered 1, 2, 3 … within an incarnation.
 * After a crash some are written again, never with other content.
 */
record Mark(long incarnation, long sequence) {
  static final Mark START = new Mark(0, 0);

  enum Arrival {
    NEXT,
    REPEAT,
    GAP
  }

  /** What to do with a record of this mark, when `this` is the last that was applied. */
  Arrival arrivalOf(Mark seen) {
    if (seen.incarnation < incarnation) return Arrival.REPEAT;
    long expected = expectedIn(seen.incarnation);
    if (seen.sequence == expected) return Arrival.NEXT;
    return seen.sequence < expected ? Arrival.REPEAT : Arrival.GAP;
  }

  long expectedIn(long seenIncarnation) {
    return seenIncarnation > incarnation ? 1 : sequence + 1;
  }

  /** The mark of a record that `source` wrote; empty for a record that is not of it. */
  static Optional<Mark> of(Headers headers, String source) {
    try {
      // products/3:0:1234:2 is shard, incarnation, command offset, index.
      String[] origin = text(headers, "origin").split(":");
      if (origin.length != 4 || !origin[0].equals(source)) return Optional.empty();
      return Optional.of(
          new Mark(Long.parseLong(origin[1]), Long.parseLong(text(headers, "linkseq"))));
    } catch (NumberFormatException e) {
      return Optional.empty();
    }
  }

  private static String text(Headers headers, String name) {
    Header header = headers.lastHeader(name);
    // The value of a header may be null.
    if (header == null || header.value() == null) return "";
    return new String(header.value(), StandardCharsets.UTF_8);
  }
}
