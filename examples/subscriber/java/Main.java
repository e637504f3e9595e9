import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * A subscriber of the alert topics: a line for each alert event, each event handled once.
 *
 * <p>It knows nothing of the tracker but what its schema says (schemas/alerts/alert.schema.json), and this:
 *
 * <ol>
 *   <li>Records come at least once. An event's `id` names it once and for all, so the ids of what was handled are kept.
 *   <li>What is done and the id are one line of one file: a crash leaves both or neither.
 *   <li>Kafka is told how far we are only after that. What it then sends again is known by its id.
 * </ol>
 *
 * <p>Settings are variables of the environment: see README.md. SIGTERM and Ctrl-C stop it after the event in hand.
 */
public final class Main {
    static final String CATEGORIES = "engagement,speed,authenticity,conversion,compliance,agreement,payout,system";
    static final int SCHEMA_VERSION = 1;
    static final long PAUSE_MS = 2_000;
    static final ObjectMapper JSON = new ObjectMapper();
    static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    static volatile boolean stopping = false;
    static volatile KafkaConsumer<byte[], byte[]> consumer = null;

    /** An event of a version that this program was not written for. It was not handled, and is not lost. */
    @SuppressWarnings("serial")
    static final class UnknownVersion extends Exception {
        UnknownVersion(String id, String version) {
            super(id + ": schemaversion " + version + ", known is " + SCHEMA_VERSION);
        }
    }

    /** What this program wants to know of an alert event. */
    record Told(String id, String type, String line) {}

    /** What a record tells; null for what is no alert event. */
    static Told read(byte[] value) throws UnknownVersion {
        JsonNode event;
        try {
            event = JSON.readTree(value == null ? new byte[0] : value);
        } catch (IOException broken) {
            return null;
        }
        JsonNode alert = event.path("data");
        JsonNode summary = alert.path("summary");
        if (!event.path("id").isTextual() || !event.path("type").isTextual() || !event.has("schemaversion")) {
            return null;
        }
        if (event.get("schemaversion").asInt() != SCHEMA_VERSION) {
            throw new UnknownVersion(event.get("id").asText(), event.get("schemaversion").toString());
        }
        if (!alert.path("severity").isTextual() || !alert.path("rule").isTextual() || !summary.path("en").isTextual()) {
            return null;
        }
        // What is at its default is left out of an event, and values may come that nobody knew when this was written.
        String said = summary.path(setting("ALERT_LANGUAGE", "en")).asText(summary.get("en").asText());
        List<String> subject = new ArrayList<>();
        alert.path("subject").properties().forEach(each -> subject.add(each.getKey() + "=" + each.getValue().asText()));
        String line = String.join(" ", event.get("id").asText(), event.get("type").asText(),
            alert.get("severity").asText(), alert.get("rule").asText(), String.join("/", subject) + ":", said);
        return new Told(event.get("id").asText(), event.get("type").asText(), line.replaceAll("\\s+", " ").strip());
    }

    /** The file of what was handled: a line for each event, its id first. A line without its end was never handled. */
    static final class Ledger implements AutoCloseable {
        private final RandomAccessFile file;
        private final Set<String> seen = new HashSet<>();

        Ledger(String path) throws IOException {
            file = new RandomAccessFile(path, "rw");
            byte[] content = new byte[Math.toIntExact(file.length())];
            file.readFully(content);
            int whole = content.length;
            while (whole > 0 && content[whole - 1] != '\n') {
                whole--;
            }
            file.setLength(whole);
            file.seek(whole);
            new String(content, 0, whole, StandardCharsets.UTF_8).lines()
                .forEach(line -> seen.add(line.substring(0, line.indexOf('\t'))));
        }

        /**
         * Handles an event, unless it was handled before.
         *
         * <p>What must happen once is the line in the file. It is printed before that: a crash may print it twice but
         * never loses it: whatever cannot be one write with the id (a mail, a call) happens at least once.
         */
        void handle(Told told) throws IOException {
            if (seen.contains(told.id())) {
                return;
            }
            OUT.println(told.line());
            file.write((told.id() + "\t" + told.type() + "\t" + told.line() + "\n").getBytes(StandardCharsets.UTF_8));
            file.getFD().sync();
            seen.add(told.id());
        }

        @Override
        public void close() throws IOException {
            file.close();
        }
    }

    static KafkaConsumer<byte[], byte[]> connect() {
        int session = (int) (Double.parseDouble(setting("SESSION_SECONDS", "10")) * 1000);
        KafkaConsumer<byte[], byte[]> made = new KafkaConsumer<>(Map.of(
            "bootstrap.servers", setting("KAFKA_BOOTSTRAP", "127.0.0.1:9092"),
            "group.id", setting("CONSUMER_GROUP", "alert-lines"),
            "enable.auto.commit", "false",
            "auto.offset.reset", "earliest",
            "session.timeout.ms", session,
            "heartbeat.interval.ms", session / 3,
            "max.poll.records", "100",
            "key.deserializer", ByteArrayDeserializer.class,
            "value.deserializer", ByteArrayDeserializer.class));
        List<String> topics = new ArrayList<>();
        for (String category : setting("CATEGORIES", CATEGORIES).split(",")) {
            topics.add(setting("TOPIC_PREFIX", "tracker") + ".alerts." + category);
        }
        made.subscribe(topics);
        return made;
    }

    /** Handles what comes until we are to stop. */
    static void follow(Ledger ledger) throws IOException, UnknownVersion {
        while (!stopping) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(500))) {
                Told told = read(record.value());
                if (told == null) {
                    say(record.topic() + "[" + record.partition() + "]@" + record.offset() + ": no alert event, left out");
                } else {
                    ledger.handle(told);
                }
                if (stopping) {
                    return; // the rest of the batch is not handled, so nothing of it is committed
                }
            }
            try {
                consumer.commitSync();
            } catch (CommitFailedException goneOn) {
                // The group went on without us: this is read again elsewhere, and known by its ids.
                say("Kafka: " + goneOn.getMessage());
            }
        }
    }

    /** Follows the topics, and connects again whenever that fails, until we are to stop; the exit code. */
    static int run(String path) throws IOException, InterruptedException {
        try (Ledger ledger = new Ledger(path)) {
            while (!stopping) {
                try (KafkaConsumer<byte[], byte[]> made = connect()) {
                    consumer = made;
                    follow(ledger);
                } catch (WakeupException stop) {
                    continue; // only the hook wakes us up: it has set `stopping`
                } catch (UnknownVersion unknown) {
                    say(unknown.getMessage() + ". Nothing of it was handled. Get a newer subscriber: it goes on from here.");
                    return 1;
                } catch (KafkaException error) {
                    say("Kafka: " + error.getMessage() + ". Trying again in " + PAUSE_MS / 1000 + " s.");
                    Thread.sleep(PAUSE_MS);
                }
            }
        }
        say("stopped");
        return 0;
    }

    static String setting(String name, String otherwise) {
        String value = System.getenv(name);
        return value == null || value.isEmpty() ? otherwise : value;
    }

    static void say(String line) {
        System.err.println("subscriber: " + line);
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 1) {
            System.err.println("usage: java -cp 'libs/*' Main.java LEDGER.tsv");
            System.exit(2);
        }
        Thread working = Thread.currentThread();
        Thread stop = new Thread(() -> {
            stopping = true;
            KafkaConsumer<byte[], byte[]> current = consumer;
            if (current != null) {
                current.wakeup();
            }
            try {
                working.join();
            } catch (InterruptedException hurried) {
                working.interrupt();
            }
        });
        Runtime.getRuntime().addShutdownHook(stop);
        int code = run(arguments[0]);
        if (code != 0) {
            Runtime.getRuntime().halt(code); // the hook would wait for this very thread
        }
    }
}
