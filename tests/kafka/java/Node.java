import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;

/**
 * One Kafka node: formats its log directory when that is new, then serves. Both in one JVM, which
 * saves a second at each start.
 *
 * <p>Arguments: the file of properties, then the options of {@code kafka-storage format}.
 */
public final class Node {
    private Node() {}

    public static void main(String[] args) throws Exception {
        Path file = Path.of(args[0]);
        Properties properties = new Properties();
        try (var in = Files.newInputStream(file)) {
            properties.load(in);
        }
        Path logs = Path.of(properties.getProperty("log.dirs"));
        if (!Files.exists(logs.resolve("meta.properties"))) {
            List<String> format = new ArrayList<>(List.of("format", "--config", file.toString()));
            format.addAll(List.of(args).subList(1, args.length));
            int code = kafka.tools.StorageTool.execute(format.toArray(String[]::new), System.out);
            if (code != 0) {
                System.exit(code);
            }
        }
        kafka.Kafka.main(new String[] {file.toString()});
    }
}
