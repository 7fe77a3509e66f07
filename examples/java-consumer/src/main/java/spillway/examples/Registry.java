package spillway.examples;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;

/**
 * Decodes events by the schema they were written with, which the registry knows by its id. So a
 * later schema version needs no new release here.
 */
final class Registry {
  private static final long WAIT_MS_MAX = 10_000;

  private final String url;
  private final HttpClient http = HttpClient.newHttpClient();
  private final ObjectMapper json = new ObjectMapper();
  private final Map<Integer, GenericDatumReader<GenericRecord>> readers = new HashMap<>();

  Registry(String url) {
    this.url = url;
  }

  /** Decodes a value in the Confluent wire format. */
  GenericRecord decode(byte[] value) throws IOException, InterruptedException {
    ByteBuffer bytes = ByteBuffer.wrap(value);
    byte magic = bytes.get();
    if (magic != 0) throw new IOException("the value begins with byte " + magic + ", not 0");
    int id = bytes.getInt();
    GenericDatumReader<GenericRecord> reader = readers.get(id);
    if (reader == null) {
      reader = new GenericDatumReader<>(fetch(id));
      readers.put(id, reader);
    }
    var decoder =
        DecoderFactory.get().binaryDecoder(value, bytes.position(), bytes.remaining(), null);
    return reader.read(null, decoder);
  }

  /** The schema; a registry that is down is waited for, because nothing may be skipped. */
  private Schema fetch(int id) throws IOException, InterruptedException {
    URI uri = URI.create(url + "/schemas/ids/" + id);
    HttpRequest request = HttpRequest.newBuilder(uri).timeout(Duration.ofSeconds(5)).build();
    for (long waitMs = 200; ; waitMs = Math.min(2 * waitMs, WAIT_MS_MAX)) {
      String trouble;
      try {
        var answer = http.send(request, BodyHandlers.ofString());
        if (answer.statusCode() == 200) {
          String schema = json.readTree(answer.body()).get("schema").asText();
          return new Schema.Parser().parse(schema);
        }
        trouble = "answered " + answer.statusCode();
        if (answer.statusCode() < 500) throw new UnknownSchema(id, trouble);
      } catch (UnknownSchema e) {
        throw e;
      } catch (IOException e) {
        trouble = e.toString();
      }
      System.err.println("registry: " + trouble + "; trying again in " + waitMs + " ms");
      Thread.sleep(waitMs);
    }
  }

  static final class UnknownSchema extends IOException {
    UnknownSchema(int id, String trouble) {
      super("schema " + id + ": the registry " + trouble);
    }
  }
}
