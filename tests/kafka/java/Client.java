import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.quota.ClientQuotaAlteration;
import org.apache.kafka.common.quota.ClientQuotaEntity;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Kafka's own Java client behind a line protocol: one JSON request a line, answered by lines, the
 * last of which has {@code "done"}. It shares no code with librdkafka, which it is there to check.
 * Bytes are hexadecimal. Ends with its standard input.
 */
public final class Client {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final HexFormat HEX = HexFormat.of();
    private static final int RECORDS_A_LINE = 256;

    private final JsonNode request;
    private final BufferedWriter out;
    private final Properties properties = new Properties();

    private Client(JsonNode request, BufferedWriter out) {
        this.request = request;
        this.out = out;
        properties.put("bootstrap.servers", request.path("bootstrap").asText());
        // Tests create their topics; a reader that does so by mistake would hide a fault.
        properties.put("allow.auto.create.topics", "false");
        request.path("properties").properties().forEach(
            entry -> properties.put(entry.getKey(), entry.getValue().asText()));
    }

    public static void main(String[] args) throws IOException {
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        var out = new BufferedWriter(new OutputStreamWriter(System.out, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            ObjectNode last;
            try {
                last = new Client(JSON.readTree(line), out).answer();
            } catch (Exception error) {
                Throwable cause = error instanceof ExecutionException ? error.getCause() : error;
                last = JSON.createObjectNode();
                last.put("error", cause.getClass().getSimpleName() + ": " + cause.getMessage());
            }
            last.put("done", true);
            write(out, last);
            out.flush();
        }
    }

    private static void write(BufferedWriter out, JsonNode line) throws IOException {
        out.write(JSON.writeValueAsString(line));
        out.write('\n');
    }

    private ObjectNode answer() throws Exception {
        return switch (request.path("do").asText()) {
            case "create" -> create();
            case "delete" -> delete();
            case "describe" -> describe();
            case "configure" -> configure();
            case "partitions" -> partitions();
            case "key" -> key();
            case "offsets" -> offsets();
            case "group" -> group();
            case "commit" -> commit();
            case "produce" -> produce();
            case "read" -> read();
            case "allow" -> allow();
            case "quota" -> quota();
            default -> throw new IllegalArgumentException("no such request");
        };
    }

    private Admin admin() {
        return Admin.create(properties);
    }

    private String topic() {
        return request.path("topic").asText();
    }

    private ObjectNode create() throws Exception {
        Map<String, String> configs = new HashMap<>();
        request.path("configs").properties().forEach(
            entry -> configs.put(entry.getKey(), entry.getValue().asText()));
        var topic = new NewTopic(topic(), request.path("partitions").asInt(),
            (short) request.path("replication").asInt()).configs(configs);
        try (Admin admin = admin()) {
            admin.createTopics(List.of(topic)).all().get();
            // Created is not yet known everywhere: wait until each partition has its leader.
            long deadline = System.nanoTime() + timeout().toNanos();
            while (System.nanoTime() < deadline) {
                try {
                    var described = admin.describeTopics(List.of(topic())).allTopicNames().get();
                    if (described.get(topic()).partitions().stream()
                            .allMatch(partition -> partition.leader() != null)) {
                        // A leader opens its log only after it is known as leader. A producer that
                        // is turned away then, with its next batch already let in, stays out of
                        // sequence for good.
                        Map<TopicPartition, OffsetSpec> logs = new HashMap<>();
                        for (int i = 0; i < topic.numPartitions(); i++) {
                            logs.put(new TopicPartition(topic(), i), OffsetSpec.latest());
                        }
                        admin.listOffsets(logs).all().get();
                        return JSON.createObjectNode();
                    }
                } catch (ExecutionException error) {
                    if (!(error.getCause()
                            instanceof org.apache.kafka.common.errors.RetriableException)) {
                        throw error;
                    }
                }
                Thread.sleep(20);
            }
            throw new IllegalStateException("a partition has no leader");
        }
    }

    private ObjectNode delete() throws Exception {
        try (Admin admin = admin()) {
            admin.deleteTopics(List.of(topic())).all().get();
        }
        return JSON.createObjectNode();
    }

    private ObjectNode describe() throws Exception {
        try (Admin admin = admin()) {
            var result = JSON.createObjectNode();
            var described = admin.describeTopics(List.of(topic())).allTopicNames().get();
            ArrayNode partitions = result.putArray("partitions");
            for (var partition : described.get(topic()).partitions()) {
                ObjectNode node = partitions.addObject();
                node.put("leader", partition.leader() == null ? -1 : partition.leader().id());
                ArrayNode replicas = node.putArray("replicas");
                partition.replicas().forEach(replica -> replicas.add(replica.id()));
                ArrayNode inSync = node.putArray("in_sync");
                partition.isr().forEach(replica -> inSync.add(replica.id()));
            }
            var resource = new ConfigResource(ConfigResource.Type.TOPIC, topic());
            ObjectNode configs = result.putObject("configs");
            admin.describeConfigs(List.of(resource)).all().get().get(resource).entries()
                .forEach(entry -> configs.put(entry.name(), entry.value()));
            return result;
        }
    }

    /** Sets configs of a topic. */
    private ObjectNode partitions() throws Exception {
        var more = org.apache.kafka.clients.admin.NewPartitions.increaseTo(
            request.path("partitions").asInt());
        try (Admin admin = admin()) {
            admin.createPartitions(Map.of(topic(), more)).all().get();
        }
        return JSON.createObjectNode();
    }

    private ObjectNode configure() throws Exception {
        List<AlterConfigOp> ops = new ArrayList<>();
        request.path("configs").properties().forEach(entry -> ops.add(new AlterConfigOp(
            new ConfigEntry(entry.getKey(), entry.getValue().asText()), AlterConfigOp.OpType.SET)));
        try (Admin admin = admin()) {
            var resource = new ConfigResource(ConfigResource.Type.TOPIC, topic());
            admin.incrementalAlterConfigs(Map.of(resource, ops)).all().get();
        }
        return JSON.createObjectNode();
    }

    private Consumer<byte[], byte[]> consumer(String isolation) {
        Properties own = new Properties();
        own.putAll(properties);
        own.put("isolation.level", isolation);
        own.put("enable.auto.commit", "false");
        own.put("auto.offset.reset", "none");
        own.put("max.poll.records", "5000");
        own.put("fetch.max.wait.ms", "50");
        return new KafkaConsumer<>(own, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private Duration timeout() {
        return Duration.ofMillis(request.path("timeout_ms").asLong(30_000));
    }

    private List<TopicPartition> partitions(Consumer<byte[], byte[]> consumer) {
        var found = consumer.partitionsFor(topic(), timeout());
        if (found == null || found.isEmpty()) {
            throw new IllegalStateException("no such topic");
        }
        return found.stream().map(info -> new TopicPartition(topic(), info.partition()))
            .sorted((a, b) -> Integer.compare(a.partition(), b.partition()))
            .collect(Collectors.toList());
    }

    /** Log start, log end and last stable offset of each partition. */
    private ObjectNode offsets() {
        try (var all = consumer("read_uncommitted"); var committed = consumer("read_committed")) {
            var partitions = partitions(all);
            var starts = all.beginningOffsets(partitions, timeout());
            var ends = all.endOffsets(partitions, timeout());
            var stable = committed.endOffsets(partitions, timeout());
            var result = JSON.createObjectNode();
            ArrayNode list = result.putArray("offsets");
            for (var partition : partitions) {
                list.addObject().put("start", starts.get(partition)).put("end", ends.get(partition))
                    .put("stable", stable.get(partition));
            }
            return result;
        }
    }

    /** The private key of a key store, in PEM. */
    private ObjectNode key() throws Exception {
        var password = request.path("password").asText().toCharArray();
        var store = KeyStore.getInstance(new File(request.path("keystore").asText()), password);
        var key = store.getKey(store.aliases().nextElement(), password);
        var base64 = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(key.getEncoded());
        var pem = "-----BEGIN PRIVATE KEY-----\n" + base64 + "\n-----END PRIVATE KEY-----\n";
        return JSON.createObjectNode().put("pem", pem);
    }

    /** Committed offsets of a consumer group in a topic. */
    private ObjectNode group() throws Exception {
        try (Admin admin = admin()) {
            var group = request.path("group").asText();
            var offsets = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata();
            var result = JSON.createObjectNode();
            ObjectNode list = result.putObject("offsets");
            offsets.get().forEach((partition, offset) -> {
                if (partition.topic().equals(topic()) && offset != null) {
                    list.put(String.valueOf(partition.partition()), offset.offset());
                }
            });
            return result;
        }
    }

    /** Sets committed offsets of a consumer group that nobody is in. */
    private ObjectNode commit() throws Exception {
        try (Admin admin = admin()) {
            Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
            request.path("offsets").properties().forEach(entry -> offsets.put(
                new TopicPartition(topic(), Integer.parseInt(entry.getKey())),
                new OffsetAndMetadata(entry.getValue().asLong())));
            admin.alterConsumerGroupOffsets(request.path("group").asText(), offsets).all().get();
            return JSON.createObjectNode();
        }
    }

    private static byte[] bytes(JsonNode hex) {
        return hex.isTextual() ? HEX.parseHex(hex.asText()) : null;
    }

    /** Records with the default partitioner unless they name a partition; transactional if asked. */
    private ObjectNode produce() throws Exception {
        Properties own = new Properties();
        own.putAll(properties);
        own.remove("allow.auto.create.topics");
        own.put("acks", "all");
        own.put("linger.ms", "0");
        own.put("max.in.flight.requests.per.connection", "1");
        long timeout = Math.max(timeout().toMillis(), 2);
        own.put("delivery.timeout.ms", String.valueOf(timeout));
        own.put("request.timeout.ms", String.valueOf(timeout / 2));
        own.putIfAbsent("max.block.ms", "10000");
        String id = request.path("transactional_id").asText("");
        if (!id.isEmpty()) {
            own.put("transactional.id", id);
        }
        var serializer = new ByteArraySerializer();
        try (var producer = new KafkaProducer<byte[], byte[]>(own, serializer, serializer)) {
            if (!id.isEmpty()) {
                producer.initTransactions();
                producer.beginTransaction();
            }
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (JsonNode record : request.path("records")) {
                Integer partition = record.path("partition").isInt()
                    ? record.path("partition").asInt() : null;
                var made = new ProducerRecord<>(
                    topic(), partition, bytes(record.path("key")), bytes(record.path("value")));
                for (JsonNode header : record.path("headers")) {
                    made.headers().add(header.get(0).asText(), bytes(header.get(1)));
                }
                sent.add(producer.send(made));
            }
            producer.flush();
            var result = JSON.createObjectNode();
            ArrayNode placed = result.putArray("placed");
            for (var one : sent) {
                RecordMetadata metadata = one.get();
                placed.addArray().add(metadata.partition()).add(metadata.offset());
            }
            if (!id.isEmpty()) {
                if (request.path("commit").asBoolean()) {
                    producer.commitTransaction();
                } else {
                    producer.abortTransaction();
                }
            }
            return result;
        }
    }

    /**
     * From the start to the end that the isolation level shows when asked: log end, or last stable
     * offset. With {@code at_least}, on to that number of records.
     */
    private ObjectNode read() throws IOException {
        long deadline = System.nanoTime() + timeout().toNanos();
        long atLeast = request.path("at_least").asLong(0);
        long count = 0;
        try (var consumer = consumer(request.path("isolation").asText("read_committed"))) {
            var partitions = partitions(consumer);
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            var ends = consumer.endOffsets(partitions, timeout());
            ArrayNode lines = JSON.createArrayNode();
            while (count < atLeast || partitions.stream()
                    .anyMatch(one -> consumer.position(one, timeout()) < ends.get(one))) {
                if (System.nanoTime() > deadline) {
                    throw new IllegalStateException("timed out after " + count + " records");
                }
                for (var record : consumer.poll(Duration.ofMillis(100))) {
                    // Past the end that was asked for: another read's business.
                    if (atLeast == 0 && record.offset() >= ends.get(
                            new TopicPartition(record.topic(), record.partition()))) {
                        continue;
                    }
                    lines.add(line(record));
                    count++;
                    if (lines.size() == RECORDS_A_LINE) {
                        write(out, JSON.createObjectNode().set("records", lines));
                        lines = JSON.createArrayNode();
                    }
                }
            }
            return JSON.createObjectNode().set("records", lines);
        }
    }

    private static ObjectNode line(ConsumerRecord<byte[], byte[]> record) {
        ObjectNode node = JSON.createObjectNode();
        node.put("partition", record.partition());
        node.put("offset", record.offset());
        node.put("timestamp_ms", record.timestamp());
        node.put("key", record.key() == null ? null : HEX.formatHex(record.key()));
        node.put("value", record.value() == null ? null : HEX.formatHex(record.value()));
        ArrayNode headers = node.putArray("headers");
        for (Header header : record.headers()) {
            String value = header.value() == null ? null : HEX.formatHex(header.value());
            headers.addArray().add(header.key()).add(value);
        }
        return node;
    }

    /** Allows a user one operation on a topic, or on all ("*"). Needs an authorizer. */
    private ObjectNode allow() throws Exception {
        var pattern = new ResourcePattern(
            ResourceType.valueOf(request.path("resource").asText("TOPIC")),
            request.path("name").asText(), PatternType.LITERAL);
        var entry = new AccessControlEntry("User:" + request.path("user").asText(), "*",
            AclOperation.valueOf(request.path("operation").asText()), AclPermissionType.ALLOW);
        try (Admin admin = admin()) {
            admin.createAcls(List.of(new AclBinding(pattern, entry))).all().get();
        }
        return JSON.createObjectNode();
    }

    /** Sets a quota of a client id, or removes it when it has no value. */
    private ObjectNode quota() throws Exception {
        var entity = new ClientQuotaEntity(
            Map.of(ClientQuotaEntity.CLIENT_ID, request.path("client_id").asText()));
        JsonNode value = request.path("value");
        var op = new ClientQuotaAlteration.Op(request.path("name").asText(),
            Optional.of(value).filter(JsonNode::isNumber).map(JsonNode::asDouble).orElse(null));
        try (Admin admin = admin()) {
            admin.alterClientQuotas(List.of(new ClientQuotaAlteration(entity, List.of(op))))
                .all().get();
        }
        return JSON.createObjectNode();
    }
}
