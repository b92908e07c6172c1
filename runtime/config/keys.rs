//! Every key of the configuration file: unit, default, range, meaning. The reader looks keys up
//! here and nowhere else, so this list, the reader and the README's table cannot differ.

use outrigger_policy::limits::{self, Setting};

/// A table of the file. `NAME` stands for a name that the file chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// `[runtime]`
    Runtime,
    /// `[labels]`
    Labels,
    /// `[journal]`
    Journal,
    /// `[pipeline]`
    Pipeline,
    /// `[budget]`
    Budget,
    /// `[taps.NAME]`
    Tap,
    /// `[plugins.NAME]`
    Plugin,
    /// `[[plugins.NAME.references]]`
    Reference,
    /// `[classes.NAME]`
    Class,
    /// `[topics.NAME]`
    Topic,
    /// `[kafka.NAME]`
    Kafka,
    /// `[topics._dead-letters]` and `[topics._audit]`
    Reserved,
}

impl Section {
    /// As it stands in the README.
    pub fn name(self) -> &'static str {
        match self {
            Self::Runtime => "runtime",
            Self::Labels => "labels",
            Self::Journal => "journal",
            Self::Pipeline => "pipeline",
            Self::Budget => "budget",
            Self::Tap => "taps.NAME",
            Self::Plugin => "plugins.NAME",
            Self::Reference => "plugins.NAME.references",
            Self::Class => "classes.NAME",
            Self::Topic => "topics.NAME",
            Self::Kafka => "kafka.NAME",
            Self::Reserved => "topics._RESERVED",
        }
    }
}

/// Which values a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// A whole number with a default.
    Setting(Setting),
    /// A whole number without one: smallest and largest.
    Number(u64, u64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// True or false.
    Flag,
    /// What these words say.
    Other(&'static str),
}

/// One key of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The table that it stands in.
    pub section: Section,
    /// Its name.
    pub name: &'static str,
    /// Kinds of taps or roles of plugins that have this key; empty for all.
    pub only: &'static [&'static str],
    /// Unit of a number; empty without.
    pub unit: &'static str,
    /// Allowed values.
    pub range: Range,
    default: &'static str,
    /// True when a change alters what the pipeline makes of the same journal.
    pub shapes_output: bool,
    /// What it is for.
    pub meaning: &'static str,
}

impl Key {
    /// Allowed values, in words.
    pub fn rule(&self) -> String {
        match self.range {
            Range::Setting(Setting { min, max, .. }) | Range::Number(min, max) => {
                format!("{min} to {max}")
            }
            Range::Choice([only]) => format!("{only:?}"),
            Range::Choice(words) => {
                let (last, first) = words.split_last().expect("a choice has words");
                let first: Vec<String> = first.iter().map(|word| format!("{word:?}")).collect();
                format!("{} or {last:?}", first.join(", "))
            }
            Range::Flag => "true or false".to_owned(),
            Range::Other(rule) => rule.to_owned(),
        }
    }

    /// The default, in words; `required` when there is none.
    pub fn default(&self) -> String {
        match self.range {
            Range::Setting(setting) => setting.default.to_string(),
            Range::Number(..) | Range::Choice(_) | Range::Flag | Range::Other(_) => {
                self.default.to_owned()
            }
        }
    }

    /// Where it stands, as `plugins.NAME.message_fuel`.
    pub fn path(&self) -> String {
        format!("{}.{}", self.section.name(), self.name)
    }

    const fn only(mut self, only: &'static [&'static str]) -> Self {
        self.only = only;
        self
    }

    const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    const fn shapes(mut self) -> Self {
        self.shapes_output = true;
        self
    }
}

/// The key of this name in a section.
pub fn find(section: Section, name: &str) -> Option<&'static Key> {
    KEYS.iter()
        .find(|key| key.section == section && key.name == name)
}

const fn set(
    section: Section,
    name: &'static str,
    unit: &'static str,
    setting: Setting,
    meaning: &'static str,
) -> Key {
    Key {
        unit,
        ..key(section, name, Range::Setting(setting), "", meaning)
    }
}

const fn key(
    section: Section,
    name: &'static str,
    range: Range,
    default: &'static str,
    meaning: &'static str,
) -> Key {
    Key {
        section,
        name,
        only: &[],
        unit: "",
        range,
        default,
        shapes_output: false,
        meaning,
    }
}

const NAME_RULE: &str = "1 to 64 of a-z, 0-9, '-', '_' and '.', the first a letter or a digit";
/// Rule for the names of taps, plugins, classes, topics and labels.
pub const NAME: Range = Range::Other(NAME_RULE);
/// Rule for a digest.
pub const SHA256: Range = Range::Other("64 hexadecimal digits");
const NAMES: Range = Range::Other("a list of at most 256 names, each once");
const PATH: Range = Range::Other("a path, relative to this file");
const PORT: Range = Range::Number(limits::PORT_MIN, limits::PORT_MAX);
const SOLE_LABEL: &str = "the only label; required when there are several";

use Range::{Choice, Flag, Other};
use Section::{
    Budget, Class, Journal, Kafka, Labels, Pipeline, Plugin, Reference, Reserved, Runtime, Tap,
    Topic,
};

/// All keys, in the order of the README's table.
pub const KEYS: &[Key] = &[
    key(
        Runtime,
        "name",
        NAME,
        "\"outrigger\"",
        "name of this deployment, in logs and status",
    ),
    key(
        Runtime,
        "data_dir",
        PATH,
        "\"data\"",
        "journal, topics, snapshots; owned by one process",
    ),
    key(
        Runtime,
        "plugins_dir",
        PATH,
        "\"plugins\"",
        "installed plugins and outrigger.lock",
    ),
    key(
        Labels,
        "order",
        Other("a list of lists of label names, each from low to high"),
        "one label, \"unlabelled\"",
        "security labels; two lists may share names, any two labels need one join",
    )
    .shapes(),
    set(
        Journal,
        "bytes_max",
        "bytes",
        limits::JOURNAL_BYTES,
        "journal on disk; oldest goes first",
    ),
    set(
        Journal,
        "age_hours_max",
        "hours",
        limits::JOURNAL_AGE_HOURS,
        "age at which segments go",
    ),
    set(
        Journal,
        "segment_bytes",
        "bytes",
        limits::SEGMENT_BYTES,
        "step in which space is freed",
    ),
    set(
        Journal,
        "sync_interval_ms",
        "milliseconds",
        limits::SYNC_INTERVAL_MS,
        "what a power cut can take",
    ),
    set(
        Journal,
        "block_frames_max",
        "frames",
        limits::BLOCK_FRAMES,
        "frames in a block",
    ),
    set(
        Journal,
        "block_bytes_max",
        "bytes",
        limits::BLOCK_BYTES,
        "bytes of frames in a block",
    ),
    set(
        Journal,
        "block_delay_us",
        "microseconds",
        limits::BLOCK_DELAY_US,
        "longest wait of a frame for others to share its block",
    ),
    set(
        Journal,
        "tick_ms",
        "milliseconds",
        limits::TICK_MS,
        "silence after which a tap appends an empty block",
    ),
    set(
        Journal,
        "signed_head_s",
        "seconds",
        limits::SIGNED_HEAD_S,
        "time between signatures of the chain's head",
    ),
    key(
        Journal,
        "signing_key",
        Other("a path outside data_dir, relative to this file"),
        "journal.key in plugins_dir",
        "Ed25519 key that signs the chain's head; made at the first start",
    ),
    set(
        Pipeline,
        "instance_blocks",
        "blocks",
        limits::INSTANCE_BLOCKS,
        "plugins restart, and snapshots may be taken, every so many blocks",
    )
    .shapes(),
    set(
        Pipeline,
        "batch_messages_max",
        "messages per call",
        limits::BATCH_MESSAGES,
        "messages in one call of a validator or router",
    )
    .shapes(),
    set(
        Pipeline,
        "snapshot_interval_s",
        "seconds",
        limits::SNAPSHOT_INTERVAL_S,
        "how much a recovery repeats",
    ),
    set(
        Budget,
        "cpu_permille",
        "‰ of all cores",
        limits::CPU_PERMILLE,
        "CPU of the whole process; spent: the pipeline waits",
    ),
    set(
        Budget,
        "tap_permille",
        "‰ of the CPU budget",
        limits::TAP_PERMILLE,
        "share that is the taps' whenever they want it",
    ),
    set(
        Budget,
        "memory_permille",
        "‰ of RAM",
        limits::MEMORY_PERMILLE,
        "memory of the whole process; a plan above it is refused",
    ),
    key(
        Budget,
        "memory_bytes_max",
        Range::Number(limits::MEMORY_BUDGET_BYTES.0, limits::MEMORY_BUDGET_BYTES.1),
        "none",
        "the same in bytes; the smaller holds",
    )
    .unit("bytes"),
    set(
        Budget,
        "link_bytes_per_s",
        "bytes per second",
        limits::LINK_BYTES_PER_S,
        "what the link to Kafka carries",
    ),
    set(
        Budget,
        "egress_permille",
        "‰ of the link",
        limits::EGRESS_PERMILLE,
        "what all producers send together; spent: delivery waits",
    ),
    key(
        Budget,
        "egress_bytes_per_s",
        Range::Number(limits::EGRESS_BYTES_PER_S.0, limits::EGRESS_BYTES_PER_S.1),
        "none",
        "the same in bytes per second; the smaller holds",
    )
    .unit("bytes per second"),
    key(
        Budget,
        "storage_bytes_max",
        Range::Number(limits::STORAGE_BYTES.0, limits::STORAGE_BYTES.1),
        "the sum of the logs' bounds",
        "what all logs and snapshots may come to; bounds that exceed it are refused",
    )
    .unit("bytes"),
    key(
        Budget,
        "storage_age_hours_max",
        Range::Number(limits::STORAGE_AGE_HOURS.0, limits::STORAGE_AGE_HOURS.1),
        "that of each log",
        "age of what came from the bus; a log that keeps it longer is refused, but for reserved ones",
    )
    .unit("hours"),
    set(
        Budget,
        "lag_ms_max",
        "milliseconds",
        limits::LAG_MS,
        "how far the pipeline may lag: at half, three quarters and all of it classes at most once, at least once and exactly once are shed",
    ),
    set(
        Budget,
        "drops_permille_max",
        "‰ of frames",
        limits::DROPS_PERMILLE,
        "frames lost before capture; more: mirroring stops; 1000: never",
    ),
    set(
        Budget,
        "host_cpu_permille_max",
        "‰ of all cores",
        limits::HOST_CPU_PERMILLE,
        "CPU used by others; more: mirroring stops; 1000: never",
    ),
    set(
        Budget,
        "host_available_permille_min",
        "‰ of RAM",
        limits::HOST_AVAILABLE_PERMILLE,
        "memory available on the host; less: mirroring stops; 0: never",
    ),
    set(
        Budget,
        "pressure_cpu_permille_max",
        "‰ of time",
        limits::PRESSURE_CPU_PERMILLE,
        "pressure on CPU, PSI some avg10; more: mirroring stops; 1000: never",
    ),
    set(
        Budget,
        "pressure_memory_permille_max",
        "‰ of time",
        limits::PRESSURE_MEMORY_PERMILLE,
        "pressure on memory, PSI full avg10; more: mirroring stops; 1000: never",
    ),
    set(
        Budget,
        "trip_after_ms",
        "milliseconds",
        limits::TRIP_AFTER_MS,
        "how long an overrun holds before mirroring stops",
    ),
    set(
        Budget,
        "backoff_ms",
        "milliseconds",
        limits::BACKOFF_MS,
        "first wait before mirroring is tried again; doubles",
    ),
    set(
        Budget,
        "backoff_ms_max",
        "milliseconds",
        limits::BACKOFF_MS_MAX,
        "longest wait",
    ),
    set(
        Budget,
        "probe_ms",
        "milliseconds",
        limits::PROBE_MS,
        "first slice of mirroring when it is tried; doubles",
    ),
    set(
        Budget,
        "nice",
        "niceness",
        limits::NICE,
        "of all threads but the taps'",
    ),
    key(
        Budget,
        "baseline",
        PATH,
        "none",
        "resource trace of `outrigger profile`; live cost is compared with it",
    ),
    set(
        Budget,
        "drift_permille",
        "‰",
        limits::DRIFT_PERMILLE,
        "how much dearer than the baseline a message may become before it is said",
    ),
    key(
        Tap,
        "kind",
        Choice(&["udp", "tcp", "pcap", "lines", "kafka"]),
        "required",
        "what it reads",
    ),
    key(Tap, "label", NAME, SOLE_LABEL, "label of its frames").shapes(),
    key(
        Tap,
        "address",
        Other("an IP address"),
        "\"0.0.0.0\"",
        "address to receive at",
    )
    .only(&["udp"]),
    key(
        Tap,
        "group",
        Other("a multicast address"),
        "none: unicast",
        "multicast group to join",
    )
    .only(&["udp"]),
    key(
        Tap,
        "port",
        PORT,
        "udp: required; pcap: all ports",
        "port to receive at; destination port to pick from a capture",
    )
    .only(&["udp", "pcap"]),
    key(
        Tap,
        "interface",
        Other("1 to 15 characters, an interface's name or one of its IPv4 addresses"),
        "the system's choice",
        "interface on which the group is joined",
    )
    .only(&["udp"]),
    set(
        Tap,
        "receive_buffer_bytes",
        "bytes",
        limits::RECEIVE_BUFFER_BYTES,
        "kernel's buffer asked for; it may grant less",
    )
    .only(&["udp"]),
    set(
        Tap,
        "datagram_bytes_max",
        "bytes",
        limits::TAP_FRAME_BYTES,
        "larger datagrams are shed and counted",
    )
    .only(&["udp"]),
    key(
        Tap,
        "connect",
        Other("host:port"),
        "required",
        "server to read from; reconnected when it closes",
    )
    .only(&["tcp"]),
    key(
        Tap,
        "framing",
        Choice(&["line", "length-prefixed", "beast"]),
        "required",
        "how the stream is cut into frames",
    )
    .only(&["tcp"]),
    key(
        Tap,
        "prefix_bytes",
        Other("1, 2 or 4"),
        "2",
        "size of the length prefix",
    )
    .only(&["tcp"]),
    key(
        Tap,
        "prefix_endian",
        Choice(&["big", "little"]),
        "\"big\"",
        "order of the prefix's bytes",
    )
    .only(&["tcp"]),
    key(
        Tap,
        "prefix_includes_itself",
        Flag,
        "false",
        "the length counts the prefix too",
    )
    .only(&["tcp"]),
    key(Tap, "path", PATH, "required", "recording to read").only(&["pcap", "lines"]),
    key(
        Tap,
        "encoding",
        Choice(&["text", "hex"]),
        "\"text\"",
        "what a line holds: the frame's text, or its bytes in hexadecimal",
    )
    .only(&["lines"]),
    key(
        Tap,
        "time_column",
        Flag,
        "false",
        "lines start with a time since the Unix epoch, ended by a comma, semicolon, space or tab",
    )
    .only(&["lines"]),
    key(
        Tap,
        "pace",
        Choice(&["recorded", "flat-out"]),
        "\"recorded\"; \"flat-out\" for lines without time_column",
        "how fast a recording is read",
    )
    .only(&["pcap", "lines"]),
    key(
        Tap,
        "factor",
        Other("0.001 to 1000000"),
        "1.0",
        "recorded pace, so many times faster",
    )
    .only(&["pcap", "lines"]),
    set(
        Tap,
        "frame_bytes_max",
        "bytes",
        limits::TAP_FRAME_BYTES,
        "larger frames are shed and counted",
    )
    .only(&["tcp", "pcap", "lines"]),
    key(
        Tap,
        "kafka",
        Other("a name of [kafka.NAME]"),
        "required",
        "cluster to read from; every topic goes to it too, exactly once",
    )
    .only(&["kafka"]),
    key(
        Tap,
        "topic",
        Other("a name as Kafka allows it"),
        "required",
        "topic to read; each record's value is a frame, or a message",
    )
    .only(&["kafka"]),
    key(
        Tap,
        "content",
        Choice(&["raw", "decoded"]),
        "\"raw\"",
        "what the records are: frames for a decoder, or messages as Outrigger writes them",
    )
    .only(&["kafka"])
    .shapes(),
    key(
        Tap,
        "classes",
        Other("a list of classes"),
        "required with content \"decoded\"",
        "classes of the messages; of one alone, a record needs no header that names it",
    )
    .only(&["kafka"])
    .shapes(),
    key(
        Tap,
        "value",
        Choice(&["messagepack", "json"]),
        "\"messagepack\"",
        "how the bodies of messages are written",
    )
    .only(&["kafka"])
    .shapes(),
    key(
        Tap,
        "consumer_group",
        Other("a name as Kafka allows it"),
        "outrigger- and runtime.name",
        "group whose processes share the topic's partitions",
    )
    .only(&["kafka"]),
    key(
        Tap,
        "state_topic",
        Other("a name as Kafka allows it"),
        "consumer_group and -state",
        "compacted topic of state, partition by partition",
    )
    .only(&["kafka"]),
    key(
        Tap,
        "dead_letters_topic",
        Other("a name as Kafka allows it"),
        "consumer_group and -dead-letters",
        "topic of dead letters, as JSON",
    )
    .only(&["kafka"]),
    key(
        Tap,
        "confined",
        Flag,
        "false",
        "every key's frames are in one partition; demanded where plugins keep state per key",
    )
    .only(&["kafka"]),
    key(
        Plugin,
        "component",
        Other("a file name without directories, ending in .wasm"),
        "required",
        "the component, as installed in plugins_dir",
    ),
    key(
        Plugin,
        "sha256",
        SHA256,
        "as outrigger.lock says",
        "pin of the component; check --strict demands it",
    ),
    key(
        Plugin,
        "role",
        Choice(&["decoder", "validator", "router"]),
        "required",
        "what it is allowed to be",
    )
    .shapes(),
    key(Plugin, "taps", NAMES, "required", "taps that it decodes")
        .only(&["decoder"])
        .shapes(),
    key(
        Plugin,
        "writes",
        NAMES,
        "required",
        "classes that it may write",
    )
    .only(&["decoder"])
    .shapes(),
    key(
        Plugin,
        "markings",
        Other("a table of marking = label, names both"),
        "none",
        "label of each marking that its frames can carry",
    )
    .only(&["decoder"])
    .shapes(),
    key(
        Plugin,
        "routes",
        Other("a table of at least one route = topic, names both"),
        "required",
        "topic of each route that it declares",
    )
    .only(&["router"])
    .shapes(),
    key(
        Plugin,
        "parameters",
        Other("a table, at most 8 deep and 65536 bytes as MessagePack"),
        "empty",
        "passed to the plugin as a MessagePack map",
    )
    .shapes(),
    key(
        Plugin,
        "references",
        Other("1 to 16 tables of name, path, sha256"),
        "none",
        "files passed to the plugin",
    ),
    set(
        Plugin,
        "message_fuel",
        "fuel per message",
        limits::MESSAGE_FUEL,
        "a call gets call_fuel + messages × message_fuel",
    )
    .shapes(),
    set(
        Plugin,
        "call_fuel",
        "fuel per call",
        limits::CALL_FUEL,
        "see message_fuel",
    )
    .shapes(),
    set(
        Plugin,
        "configure_fuel",
        "fuel per instance",
        limits::CONFIGURE_FUEL,
        "to take in parameters and references",
    )
    .shapes(),
    set(
        Plugin,
        "memory_bytes_max",
        "bytes per instance",
        limits::MEMORY_BYTES,
        "linear memory; growth beyond fails",
    )
    .shapes(),
    set(
        Plugin,
        "call_bytes_max",
        "bytes per call",
        limits::CALL_BYTES,
        "what a call may return",
    )
    .shapes(),
    set(
        Plugin,
        "state_bytes_max",
        "bytes per key",
        limits::STATE_BYTES,
        "state of one key",
    )
    .only(&["decoder", "validator"])
    .shapes(),
    set(
        Plugin,
        "state_keys_max",
        "keys per label",
        limits::STATE_KEYS,
        "the key not seen for longest goes first",
    )
    .only(&["decoder", "validator"])
    .shapes(),
    set(
        Plugin,
        "state_age_s_max",
        "seconds",
        limits::STATE_AGE_S,
        "capture time without the key, after which its state goes",
    )
    .only(&["decoder", "validator"])
    .shapes(),
    set(
        Plugin,
        "outputs_per_input_max",
        "outputs per input",
        limits::OUTPUTS_PER_INPUT,
        "messages per frame, or deliveries per message; a mean over the call",
    )
    .only(&["decoder", "router"])
    .shapes(),
    set(
        Plugin,
        "output_bytes_max",
        "bytes per output",
        limits::OUTPUT_BYTES,
        "body of an output",
    )
    .only(&["decoder", "router"])
    .shapes(),
    set(
        Plugin,
        "deadline_ms",
        "milliseconds per call",
        limits::DEADLINE_MS,
        "wall clock, the backstop behind fuel",
    )
    .shapes(),
    set(
        Plugin,
        "faults_max",
        "faults",
        limits::FAULTS,
        "faults until it is quarantined",
    )
    .shapes(),
    key(
        Plugin,
        "on_quarantine",
        Choice(&["dead-letter", "bypass", "stop"]),
        "\"dead-letter\"",
        "what becomes of its messages then; bypass for validators only",
    )
    .shapes(),
    key(
        Reference,
        "name",
        NAME,
        "required",
        "name that the plugin knows it by",
    )
    .shapes(),
    key(
        Reference,
        "path",
        PATH,
        "required",
        "the file, at most 16 MiB",
    ),
    key(
        Reference,
        "sha256",
        SHA256,
        "required",
        "digest that the file must have",
    )
    .shapes(),
    key(
        Class,
        "validators",
        NAMES,
        "none",
        "plugins that judge it, in this order",
    )
    .shapes(),
    key(
        Class,
        "topic",
        NAME,
        "this or router",
        "topic of all its messages",
    )
    .shapes(),
    key(
        Class,
        "router",
        NAME,
        "this or topic",
        "plugin that says where messages go",
    )
    .shapes(),
    key(
        Class,
        "expired_topic",
        NAME,
        "topic; required with a router and validators",
        "topic of anomalies about keys gone silent",
    )
    .shapes(),
    key(
        Topic,
        "guarantee",
        Choice(&["exactly-once", "at-least-once", "at-most-once"]),
        "\"exactly-once\"",
        "what holds after a crash",
    )
    .shapes(),
    key(
        Topic,
        "label",
        NAME,
        SOLE_LABEL,
        "must dominate all that can reach it",
    )
    .shapes(),
    set(
        Topic,
        "bytes_max",
        "bytes",
        limits::TOPIC_BYTES,
        "log on disk; oldest goes first",
    ),
    set(
        Topic,
        "age_hours_max",
        "hours",
        limits::TOPIC_AGE_HOURS,
        "age at which segments go",
    ),
    set(
        Topic,
        "segment_bytes",
        "bytes",
        limits::SEGMENT_BYTES,
        "step in which space is freed",
    ),
    key(
        Topic,
        "kafka",
        NAME,
        "none: the log alone",
        "cluster that it is mirrored to",
    ),
    key(
        Topic,
        "kafka_topic",
        Other("1 to 249 of a-z, A-Z, 0-9, '.', '_' and '-'"),
        "the topic's name",
        "its name there",
    ),
    key(
        Topic,
        "value",
        Choice(&["messagepack", "json"]),
        "\"messagepack\"",
        "how bodies are written there",
    ),
    set(
        Topic,
        "partitions",
        "partitions",
        limits::KAFKA_PARTITIONS,
        "when it is made there",
    ),
    key(
        Kafka,
        "bootstrap",
        Other("host:port, several separated by commas"),
        "required",
        "brokers to ask first",
    ),
    key(
        Kafka,
        "label",
        NAME,
        SOLE_LABEL,
        "must dominate the label of every topic that is mirrored there",
    ),
    key(
        Kafka,
        "tls",
        Flag,
        "false",
        "encrypt, and verify the brokers' certificates and names",
    ),
    key(
        Kafka,
        "ca_file",
        PATH,
        "the system's authorities",
        "PEM of the authorities that sign the brokers' certificates",
    ),
    key(
        Kafka,
        "certificate_file",
        PATH,
        "none",
        "PEM of our certificate, for brokers that ask for one",
    ),
    key(Kafka, "key_file", PATH, "none", "PEM of its key"),
    key(
        Kafka,
        "sasl",
        Choice(&["none", "plain", "scram-sha-256", "scram-sha-512"]),
        "\"none\"",
        "how we say who we are",
    ),
    key(
        Kafka,
        "username",
        Other("1 to 256 characters"),
        "required with sasl",
        "who we are",
    ),
    key(
        Kafka,
        "password_file",
        PATH,
        "this or password_env, with sasl",
        "file that holds the password, and a line end at most",
    ),
    key(
        Kafka,
        "password_env",
        Other("a name of A-Z, 0-9 and '_'"),
        "this or password_file, with sasl",
        "variable of the environment that holds the password",
    ),
    key(
        Kafka,
        "create_topics",
        Flag,
        "true",
        "make topics that are missing; else they are only verified",
    ),
    set(
        Kafka,
        "replication",
        "copies",
        limits::KAFKA_REPLICATION,
        "of topics that are made; 0 is the brokers' default",
    ),
    set(
        Kafka,
        "retention_hours",
        "hours",
        limits::KAFKA_RETENTION_HOURS,
        "of topics that are made",
    ),
    set(
        Kafka,
        "commit_interval_ms",
        "milliseconds",
        limits::KAFKA_COMMIT_INTERVAL_MS,
        "time between transactions of exactly-once topics",
    ),
    set(
        Kafka,
        "transaction_timeout_ms",
        "milliseconds",
        limits::KAFKA_TRANSACTION_TIMEOUT_MS,
        "after which the brokers abort what we did not end",
    ),
    set(
        Kafka,
        "linger_ms",
        "milliseconds",
        limits::KAFKA_LINGER_MS,
        "longest wait of a record for others to share its request",
    ),
    key(
        Kafka,
        "compression",
        Choice(&["lz4", "zstd", "none"]),
        "\"lz4\"",
        "of batches of records",
    ),
    set(
        Kafka,
        "queue_bytes_max",
        "bytes per producer",
        limits::KAFKA_QUEUE_BYTES,
        "records that wait in memory for a broker",
    ),
    set(
        Kafka,
        "record_bytes_max",
        "bytes",
        limits::KAFKA_RECORD_BYTES,
        "larger records become dead letters",
    ),
    set(
        Kafka,
        "egress_bytes_per_s",
        "bytes per second",
        limits::KAFKA_EGRESS_BYTES_PER_S,
        "how fast a backlog leaves, of each guarantee",
    ),
    key(
        Kafka,
        "progress_topic",
        Other("1 to 249 of a-z, A-Z, 0-9, '.', '_' and '-'"),
        "\"outrigger-progress\"",
        "compacted topic that holds how far exactly-once topics are",
    ),
    set(
        Kafka,
        "consumer_lag_s",
        "seconds",
        limits::KAFKA_CONSUMER_LAG_S,
        "time between looks at how far readers are behind; 0: never",
    ),
    key(
        Reserved,
        "label",
        NAME,
        "the join of all that is captured",
        "label of the dead letters or of the audit log",
    )
    .shapes(),
    set(
        Reserved,
        "bytes_max",
        "bytes",
        limits::RESERVED_BYTES,
        "log on disk; oldest goes first",
    ),
    set(
        Reserved,
        "age_hours_max",
        "hours",
        limits::RESERVED_AGE_HOURS,
        "age at which segments go",
    ),
    set(
        Reserved,
        "segment_bytes",
        "bytes",
        limits::SEGMENT_BYTES,
        "step in which space is freed",
    ),
];
