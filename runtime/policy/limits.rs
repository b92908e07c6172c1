//! Every hard bound and every default, with unit, reason, and what happens when it is reached.
//!
//! A [`Setting`] can be set in the configuration, within its range; a plain constant cannot. The
//! bounds at a plugin's boundary are also stated in `wit/`, and the two say the same.

/// Wasmtime fuel: about one unit per WebAssembly instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fuel(u64);

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(u64);

impl Fuel {
    /// So much fuel.
    pub const fn new(fuel: u64) -> Self {
        Self(fuel)
    }

    /// The number of units.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl Bytes {
    /// So many bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number of bytes.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// A number that the configuration may set: its range, both ends included, and its default.
/// A value out of the range is refused when the configuration is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Smallest allowed value.
    pub min: u64,
    /// Value when the configuration is silent.
    pub default: u64,
    /// Largest allowed value.
    pub max: u64,
}

impl Setting {
    /// Checked when the constant is built: `min <= default <= max`, and `max` fits TOML's integer.
    const fn new(min: u64, default: u64, max: u64) -> Self {
        assert!(min <= default && default <= max && max <= i64::MAX as u64);
        Self { min, default, max }
    }

    /// True when `value` is allowed.
    pub const fn allows(self, value: u64) -> bool {
        self.min <= value && value <= self.max
    }
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;
const TIB: u64 = 1024 * GIB;

// The configuration itself. More is refused when it is read.

/// Largest configuration file, bytes. Reason: it is read whole before anything else is checked.
pub const CONFIG_BYTES_MAX: u64 = MIB;
/// Most errors shown at once. Reason: one screen. More are counted.
pub const CONFIG_ERRORS_MAX: usize = 20;
/// Longest name of a tap, plugin, class, topic or label, bytes. Reason: names stand in every
/// record and are file names; the same bound as in `wit/plugin`.
pub const NAME_BYTES_MAX: usize = 64;
/// Most labels. Reason: dominance of one label is one 32-bit word.
pub const LABELS_MAX: usize = 32;
/// Most taps. Reason: each has a thread and a receive buffer.
pub const TAPS_MAX: usize = 32;
/// Most plugins. Reason: each has memories of its own, one per label.
pub const PLUGINS_MAX: usize = 64;
/// Most classes. Reason: as many as one plugin may describe (`wit/plugin`).
pub const CLASSES_MAX: usize = 256;
/// Most topics, reserved ones included. Reason: each has open files and a writer.
pub const TOPICS_MAX: usize = 64;
/// Most names in one list of the configuration. Reason: the largest set that a list can name.
pub const LIST_MAX: usize = CLASSES_MAX;
/// Largest parameters of one plugin, bytes of MessagePack. Reason: passed to each new instance.
pub const PARAMETERS_BYTES_MAX: usize = 64 * KIB as usize;
/// Deepest nesting of parameters, the outermost map being 1. Reason: guests may recurse.
pub const PARAMETERS_DEPTH_MAX: usize = 8;
/// Most reference files of one plugin. Reason: all are passed in one call.
pub const REFERENCES_MAX: usize = 16;
/// Largest reference file, bytes. Reason: held in the runtime's memory and copied into each new
/// instance. A larger file is refused at start.
pub const REFERENCE_BYTES_MAX: u64 = 16 * MIB;

// A plugin's boundary, as stated in `wit/`: what the configuration may set up to. The bounds on
// an answer that it cannot set stand in `claims`. A plugin that passes one is at fault.

/// Most frames or messages in a call. Source: `benches/`, gains end at batches of 64 to 256.
pub const BATCH_MAX: usize = 256;
/// Largest frame, bytes. Reason: the largest UDP payload is 65,507. A larger one is cut by no
/// one: the tap sheds it and counts it.
pub const FRAME_BYTES_MAX: usize = 65_535;
/// Largest body of a message, bytes. Reason: same as a frame, from which it is made.
pub const BODY_BYTES_MAX: usize = 65_535;
// What a block becomes. These bound the pipeline's memory whatever plugins answer.

/// Records that one batch may become, bytes: this, or [`BATCH_RECORDS_FACTOR`] times the frames of its
/// block, whichever is more. Reached: the answer that would pass it is a fault of its plugin. Source:
/// a full datagram of tracks of 45 bytes becomes records of 1.5 KiB each; small frames become less.
pub const BATCH_RECORDS_BYTES: usize = 16 * MIB as usize;
/// See [`BATCH_RECORDS_BYTES`].
pub const BATCH_RECORDS_FACTOR: usize = 64;
/// What a record is reckoned to take beside its key, body, frames' numbers and evidence, bytes: names,
/// times, digests of a handful of plugins.
pub const RECORD_BYTES: usize = 512;
/// What an anomaly is reckoned to take in a record beside its evidence, bytes: two names and numbers.
pub const ANOMALY_BYTES: usize = 160;
/// Frames that dead letters of one batch carry along, bytes. Reached: further ones are without; the
/// journal holds their frames. Reason: every frame of the largest block once, and once more; a decoder
/// may reject one frame many times.
pub const DEAD_FRAMES_BYTES: usize = 4 * MIB as usize;
/// Records that wait to be written before their block is done, bytes. Reached: they are written at the
/// end of the batch. Reason: so much is one write of a topic's full blocks, some times over.
pub const WAITING_RECORDS_BYTES: usize = 8 * MIB as usize;

// [journal]

/// Journal on disk, bytes. Reached: the oldest segment that is owed to no one goes; when all are
/// owed, the tap sheds and counts. Default: 10 hours of 500 small frames a second.
pub const JOURNAL_BYTES: Setting = Setting::new(4 * MIB, GIB, 64 * TIB);
/// Age of a journal's segment, hours. Reached: removed, unless owed. Default: three days.
pub const JOURNAL_AGE_HOURS: Setting = Setting::new(1, 72, 87_600);
/// Segment file, bytes: the step in which retention frees space. Reached: the next one begins.
pub const SEGMENT_BYTES: Setting = Setting::new(128 * KIB, 16 * MIB, GIB);
/// Segments that a log's bound must have room for, so that freeing one leaves most of the log.
pub const SEGMENTS_MIN: u64 = 4;
/// Segments that a log's bound may have room for. Reason: opening a log lists them all.
pub const SEGMENTS_MAX: u64 = 65_536;
/// Full blocks that a segment must have room for, so that a block with its head always fits one.
pub const SEGMENT_BLOCKS_MIN: u64 = 2;
/// Time between `fdatasync` calls, milliseconds: what a power cut can take.
pub const SYNC_INTERVAL_MS: Setting = Setting::new(10, 500, 60_000);
/// Frames in a block. Reached: the block is appended. A block is a plugin's batch.
pub const BLOCK_FRAMES: Setting = Setting::new(1, BATCH_MAX as u64, BATCH_MAX as u64);
/// Bytes of frames in a block. Reached: the block is appended. The smallest holds any one frame,
/// the largest leaves half of the journal's largest block to other columns.
pub const BLOCK_BYTES: Setting = Setting::new(64 * KIB, 256 * KIB, 2 * MIB);
/// Longest wait of a frame for others to share its block, microseconds. Default: a quarter of the
/// 2 ms from tap to verdict.
pub const BLOCK_DELAY_US: Setting = Setting::new(0, 500, 100_000);
/// Silence of a tap after which an empty block is appended, milliseconds, so that time and expiry
/// advance.
pub const TICK_MS: Setting = Setting::new(100, 1_000, 60_000);
/// Time between signed heads, seconds: how far before a malicious change evidence may end.
pub const SIGNED_HEAD_S: Setting = Setting::new(1, 60, 86_400);

// [pipeline]

/// Blocks in an instance span: plugins restart, and snapshots may be taken, at every block whose
/// number is a multiple of it. Default: a restart of 10 µs costs below 0.1 µs per block, and
/// recovery repeats at most a snapshot interval and 256 blocks.
pub const INSTANCE_BLOCKS: Setting = Setting::new(1, 256, 1_048_576);
/// Messages in one call to a validator or router. Reached: a further call.
pub const BATCH_MESSAGES: Setting = Setting::new(1, BATCH_MAX as u64, BATCH_MAX as u64);
/// Time between snapshots, seconds: how much recovery repeats.
pub const SNAPSHOT_INTERVAL_S: Setting = Setting::new(1, 60, 86_400);

// [budget]: the contract with the host's owner. Defaults are its rule of a tenth.

/// CPU of the whole process, permille of all cores. Spent: the pipeline waits, then lags.
pub const CPU_PERMILLE: Setting = Setting::new(1, 100, 1_000);
/// Share of the CPU budget that only taps may spend, permille. Default: a frame costs a tap a fourth
/// of what it costs the pipeline (`benches/README.md`, 30,000/s), so the pipeline always lags first.
pub const TAP_PERMILLE: Setting = Setting::new(50, 300, 900);
/// Memory of the whole process, permille of the host's. A plan beyond it is refused.
pub const MEMORY_PERMILLE: Setting = Setting::new(1, 100, 1_000);
/// The same as a number of bytes. Smallest: what an empty runtime takes.
pub const MEMORY_BUDGET_BYTES: (u64, u64) = (16 * MIB, 64 * TIB);
/// Link that mirrored records leave by, bytes per second. Default: a gigabit.
pub const LINK_BYTES_PER_S: Setting = Setting::new(1_000, 125_000_000, 125_000_000_000);
/// Share of the link, permille. Spent: delivery waits; the topic logs hold what waits.
pub const EGRESS_PERMILLE: Setting = Setting::new(1, 100, 1_000);
/// The same as bytes per second.
pub const EGRESS_BYTES_PER_S: (u64, u64) = (1_024, 125_000_000_000);
/// Bound of everything on disk, bytes: logs at their bounds and two snapshots.
pub const STORAGE_BYTES: (u64, u64) = (MIB, 1_024 * TIB);
/// Bound on the age of what came from the bus, hours.
pub const STORAGE_AGE_HOURS: (u64, u64) = (1, 87_600);
/// How far the pipeline may be behind the journal's newest block, milliseconds. Half of it: classes
/// at most once are shed; three quarters: at least once too; all of it: every class.
pub const LAG_MS: Setting = Setting::new(100, 10_000, 3_600_000);
/// Share of frames that are lost before they are captured, permille. More: the breaker opens, as a
/// mirror with more holes than frames is worth no CPU. 1000 is never.
pub const DROPS_PERMILLE: Setting = Setting::new(1, 500, 1_000);
/// CPU that others use, permille of all cores. More: the breaker opens. 1000 is never.
pub const HOST_CPU_PERMILLE: Setting = Setting::new(1, 900, 1_000);
/// Memory that must be available on the host, permille. Less: the breaker opens. 0 is never.
pub const HOST_AVAILABLE_PERMILLE: Setting = Setting::new(0, 50, 999);
/// Share of time in which some task waited for a CPU (PSI `some avg10`), permille. More: the breaker
/// opens. 1000 is never. Default never: a host that is busy for seconds at a time, as any is, has
/// hundreds, and `host_cpu_permille_max` tells the same of it without our own share.
pub const PRESSURE_CPU_PERMILLE: Setting = Setting::new(1, 1_000, 1_000);
/// Share of time in which all tasks waited for memory (PSI `full avg10`), permille. More: the
/// breaker opens. 1000 is never. Default: swapping a tenth of the time, nothing works well.
pub const PRESSURE_MEMORY_PERMILLE: Setting = Setting::new(1, 100, 1_000);
/// How long something must hold before the breaker opens, milliseconds. Default: the starting of one
/// program does not count.
pub const TRIP_AFTER_MS: Setting = Setting::new(500, 5_000, 600_000);
/// First wait in Open, milliseconds; twice as long with each trip that follows soon.
pub const BACKOFF_MS: Setting = Setting::new(500, 5_000, 3_600_000);
/// Longest wait in Open, milliseconds.
pub const BACKOFF_MS_MAX: Setting = Setting::new(500, 300_000, 86_400_000);
/// First slice of time in which HalfOpen mirrors, milliseconds; twice as long with each slice.
/// Default: joining a group tells the network, so slices are of seconds.
pub const PROBE_MS: Setting = Setting::new(500, 1_000, 60_000);
/// Niceness of all threads but the taps'. Default: whoever is not nice goes first, nothing starves.
pub const NICE: Setting = Setting::new(0, 10, 19);
/// How much dearer than its baseline a message may become before it is said, permille.
pub const DRIFT_PERMILLE: Setting = Setting::new(10, 200, 10_000);

// [taps]

/// Kernel's receive buffer asked for, bytes. Full: the kernel drops, and the tap counts its drops.
/// Default: 70 ms of a saturated gigabit link in 512-byte datagrams.
pub const RECEIVE_BUFFER_BYTES: Setting = Setting::new(64 * KIB, 4 * MIB, 256 * MIB);
/// Largest frame that a tap takes, bytes. Larger: shed and counted.
pub const TAP_FRAME_BYTES: Setting =
    Setting::new(1, FRAME_BYTES_MAX as u64, FRAME_BYTES_MAX as u64);
/// UDP or TCP port; 0 would be any.
pub const PORT_MIN: u64 = 1;
/// Largest UDP or TCP port.
pub const PORT_MAX: u64 = 65_535;
/// Fastest replay of a recording, as a factor of its own pace. Reason: beyond it `flat-out` is
/// meant.
pub const PACE_FACTOR_MAX: f64 = 1_000_000.0;
/// Slowest replay of a recording, as a factor of its own pace. Reason: a thousandth is a pause.
pub const PACE_FACTOR_MIN: f64 = 0.001;

// [plugins]: limits of each plugin. Passing one is a fault of the plugin, never of the runtime.

/// Fuel per message of a call, a mean: a call gets `call_fuel + n × message_fuel`. Spent: the
/// call traps and its batch is halved. Default: ten times a small decoder.
pub const MESSAGE_FUEL: Setting = Setting::new(1, 100_000, 1_000_000_000);
/// Fuel per call on top of its messages'. Default: allocator and loops of an empty call.
pub const CALL_FUEL: Setting = Setting::new(0, 1_000_000, 100_000_000_000);
/// Fuel of `configure`, per instance. Spent: the plugin refuses to start. Default: a pass over
/// some MiB of reference data.
pub const CONFIGURE_FUEL: Setting = Setting::new(1, 100_000_000, 100_000_000_000);
/// Linear memory of one instance, bytes. Reached: growth fails in the guest.
pub const MEMORY_BYTES: Setting = Setting::new(64 * KIB, 8 * MIB, GIB);
/// Bytes that one call may return. More: the call fails.
pub const CALL_BYTES: Setting = Setting::new(64 * KIB, 4 * MIB, 256 * MIB);
/// State of one key, bytes. Larger: the batch's changes are refused whole, a fault.
pub const STATE_BYTES: Setting = Setting::new(1, 1_024, MIB);
/// Keys with state, per label. Reached: the key not seen for longest is evicted.
pub const STATE_KEYS: Setting = Setting::new(1, 10_000, 10_000_000);
/// Time since a key was seen, seconds of capture time. Older: evicted.
pub const STATE_AGE_S: Setting = Setting::new(1, 3_600, 31_536_000);
/// Messages that a decoder may make per frame, or deliveries that a router may make per message.
/// The number bounds the call's sum, as a mean. More: a fault.
pub const OUTPUTS_PER_INPUT: Setting = Setting::new(1, 64, 1_024);
/// Body of one output, bytes. Larger: a fault.
pub const OUTPUT_BYTES: Setting = Setting::new(1, 4_096, BODY_BYTES_MAX as u64);
/// Wall-clock time of one call, milliseconds: the backstop behind fuel, and far above it, because
/// where it fires is not repeatable and has to be written down.
pub const DEADLINE_MS: Setting = Setting::new(10, 1_000, 60_000);
/// Faults before a plugin is quarantined. Default: one is bad luck, ten are a bad plugin.
pub const FAULTS: Setting = Setting::new(1, 10, 1_000_000);

/// Smallest share of an instance's memory that is not one key's state: its inverse. Reason: the
/// guest holds state, message and its own working copy.
pub const STATE_MEMORY_SHARE: u64 = 4;

// [topics]

/// A topic's log on disk, bytes. Reached: the oldest segment that is owed to no one goes.
pub const TOPIC_BYTES: Setting = Setting::new(4 * MIB, GIB, 64 * TIB);
/// Age of a topic's segment, hours. Reached: removed, unless owed.
pub const TOPIC_AGE_HOURS: Setting = Setting::new(1, 72, 87_600);
/// A reserved topic's log on disk, bytes.
pub const RESERVED_BYTES: Setting = Setting::new(4 * MIB, 256 * MIB, TIB);
/// Age of a reserved topic's segment, hours. Default: one year, for an audit.
pub const RESERVED_AGE_HOURS: Setting = Setting::new(1, 8_760, 87_600);

// [kafka]

/// Most clusters. Reason: each has up to three producers, with memory and threads of their own.
pub const KAFKA_CLUSTERS_MAX: usize = 8;
/// Partitions of a topic that is made. Default: as many as `outrigger partitions` finds worth it for
/// a few hundred keys.
pub const KAFKA_PARTITIONS: Setting = Setting::new(1, 6, 1_024);
/// Copies of a topic that is made; 0 leaves it to the brokers' `default.replication.factor`.
pub const KAFKA_REPLICATION: Setting = Setting::new(0, 0, 15);
/// Retention of a topic that is made, hours. Default: as the topic log's.
pub const KAFKA_RETENTION_HOURS: Setting = Setting::new(1, 72, 87_600);
/// Time between transactions, milliseconds. A record at a low rate does not wait for it.
pub const KAFKA_COMMIT_INTERVAL_MS: Setting = Setting::new(10, 100, 60_000);
/// Time after which brokers abort a transaction, milliseconds. Default: three of our calls' longest
/// waits. Largest: the brokers' own default bound.
pub const KAFKA_TRANSACTION_TIMEOUT_MS: Setting = Setting::new(1_000, 30_000, 900_000);
/// Wait of a record for others, milliseconds.
pub const KAFKA_LINGER_MS: Setting = Setting::new(0, 5, 1_000);
/// Records that wait in a producer, bytes. Reached: the forwarder waits. Default: a second of 10,000
/// records of 400 bytes.
pub const KAFKA_QUEUE_BYTES: Setting = Setting::new(256 * KIB, 4 * MIB, GIB);
/// Largest record that is sent, bytes. Larger: a dead letter. Default: the brokers' own default.
pub const KAFKA_RECORD_BYTES: Setting = Setting::new(64 * KIB, MIB, 64 * MIB);
/// Rate at which a producer sends, bytes per second. Default: a tenth of a gigabit link.
pub const KAFKA_EGRESS_BYTES_PER_S: Setting = Setting::new(1_024, 12_500_000, 12_500_000_000);
/// Time between looks at how far consumer groups are behind, seconds; 0 for never. Default: an
/// operator's minute has two, and each costs a short-lived client per group.
pub const KAFKA_CONSUMER_LAG_S: Setting = Setting::new(0, 30, 86_400);

// What must hold between them, or a valid configuration could not work.
const _: () = {
    assert!(LABELS_MAX <= u32::BITS as usize);
    assert!(BACKOFF_MS.default <= BACKOFF_MS_MAX.default);
    assert!(TAP_PERMILLE.max < 1_000);
    assert!(BLOCK_BYTES.min >= FRAME_BYTES_MAX as u64);
    assert!(SEGMENT_BYTES.min >= SEGMENT_BLOCKS_MIN * BLOCK_BYTES.min);
    assert!(SEGMENT_BYTES.default >= SEGMENT_BLOCKS_MIN * BLOCK_BYTES.default);
    assert!(SEGMENTS_MIN < SEGMENTS_MAX);
    assert!(JOURNAL_BYTES.min >= SEGMENTS_MIN * SEGMENT_BYTES.min);
    assert!(JOURNAL_BYTES.default >= SEGMENTS_MIN * SEGMENT_BYTES.default);
    assert!(TOPIC_BYTES.default >= SEGMENTS_MIN * SEGMENT_BYTES.default);
    assert!(RESERVED_BYTES.default >= SEGMENTS_MIN * SEGMENT_BYTES.default);
    assert!(BLOCK_BYTES.max <= u32::MAX as u64);
    assert!(BLOCK_FRAMES.max as usize == BATCH_MAX && BATCH_MESSAGES.max as usize == BATCH_MAX);
    assert!(STATE_BYTES.default <= MEMORY_BYTES.default / STATE_MEMORY_SHARE);
    assert!(OUTPUT_BYTES.default <= CALL_BYTES.default);
    assert!(BODY_BYTES_MAX as u64 <= CALL_BYTES.min);
    assert!(DEAD_FRAMES_BYTES as u64 >= 2 * BLOCK_BYTES.max);
    assert!(BATCH_RECORDS_BYTES as u64 >= BATCH_RECORDS_FACTOR as u64 * BLOCK_BYTES.default);
    // The fuel of the largest call is a number.
    assert!(CALL_FUEL.max < u64::MAX / 2);
    assert!(MESSAGE_FUEL.max < u64::MAX / 2 / BATCH_MAX as u64);
};
