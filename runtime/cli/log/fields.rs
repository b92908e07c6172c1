//! The JSON lines that the reading commands print, field by field: the one place that says so.
//!
//! A line is one object. Its fields stand in this order, and none is ever left out: what is absent
//! is null, unless said otherwise. A field's meaning never changes; new ones may join.

/// A field of a JSON line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Where it stands: a dot leads into an object, `[]` into each entry of a list, `*` stands for
    /// any name.
    pub path: &'static str,
    /// JSON type; `or null` where it may be absent.
    pub kind: &'static str,
    /// Unit; empty without.
    pub unit: &'static str,
    /// What it says.
    pub meaning: &'static str,
}

const fn field(
    path: &'static str,
    kind: &'static str,
    unit: &'static str,
    meaning: &'static str,
) -> Field {
    Field {
        path,
        kind,
        unit,
        meaning,
    }
}

const SINCE_EPOCH: &str = "ns since 1970-01-01 UTC";

/// `outrigger log read TOPIC --format json`: a record of a topic, `_dead-letters` included.
pub const RECORD: &[Field] = &[
    field("topic", "string", "", "the topic"),
    field("seq", "number", "", "sequence number in the topic; rises"),
    field("source.tap", "string", "", "tap that captured it"),
    field(
        "source.frames",
        "list of numbers",
        "",
        "sequence numbers of its frames in the journal, rising",
    ),
    field(
        "source.index",
        "number",
        "",
        "ordinal among the records whose last frame is the same",
    ),
    field(
        "captured_ns",
        "number",
        SINCE_EPOCH,
        "when its last frame was captured",
    ),
    field(
        "class",
        "string or null",
        "",
        "class of the message; null for a rejected frame",
    ),
    field(
        "key",
        "string or null",
        "",
        "natural key, such as a track's; null without one",
    ),
    field(
        "event_ns",
        "number or null",
        SINCE_EPOCH,
        "time of applicability, as the decoder found it; null for a rejected frame",
    ),
    field("label", "string", "", "security label"),
    field(
        "verdict",
        "string or null",
        "",
        "`pass` or `anomaly`; null in dead letters",
    ),
    field(
        "anomalies",
        "list",
        "",
        "the rules it broke, in the order of the validators",
    ),
    field("anomalies[].rule", "string", "", "name of the rule"),
    field(
        "anomalies[].severity",
        "string",
        "",
        "`minor`, `major` or `critical`",
    ),
    field("anomalies[].score", "number", "", "0 to 1, in thousandths"),
    field(
        "anomalies[].detail",
        "object",
        "in the names",
        "the numbers that broke the rule",
    ),
    field("anomalies[].plugin", "string", "", "validator that says so"),
    field(
        "plugins.*",
        "string",
        "",
        "SHA-256 of each plugin on the way of its tap and class, hexadecimal",
    ),
    field(
        "body",
        "object",
        "in the names",
        "the message, as its class's schema says; bytes as hexadecimal",
    ),
];

/// What a dead letter has besides [`RECORD`]; other records have none of it.
pub const DEAD_LETTER: &[Field] = &[
    field(
        "cause",
        "string",
        "",
        "the decoder's reason, or the fault's name",
    ),
    field(
        "stage",
        "string",
        "",
        "`decode`, `carry`, `validate`, `route` or `deliver`, a colon, the plugin, tap or topic",
    ),
    field("detail", "string", "", "what was wrong, for people"),
    field(
        "frame_hex",
        "string or null",
        "",
        "the last frame, hexadecimal; null if the journal no longer held it",
    ),
];

/// `outrigger log read _audit --format json`: what the runtime and its operators did.
pub const AUDIT: &[Field] = &[
    field("topic", "string", "", "`_audit`"),
    field("seq", "number", "", "sequence number; rises"),
    field(
        "time_ns",
        "number",
        SINCE_EPOCH,
        "when, by the host's clock",
    ),
    field("event", "string", "", "what, in one word"),
    field(
        "uid",
        "number or null",
        "",
        "user who asked; null for the runtime's own acts",
    ),
    field("pid", "number or null", "", "process that asked or acted"),
    field("detail", "string", "", "what it concerned, for people"),
];

/// `outrigger journal read --format json`: a frame.
pub const FRAME: &[Field] = &[
    field("seq", "number", "", "sequence number in the journal; rises"),
    field("block", "number", "", "block that holds it"),
    field("tap", "string", "", "tap that captured it"),
    field("captured_ns", "number", SINCE_EPOCH, "when it was captured"),
    field("frame_hex", "string", "", "the frame, hexadecimal"),
    field(
        "text",
        "string or null",
        "",
        "the frame as text; null if not all of it prints",
    ),
];

/// `outrigger journal read --rulings --format json`: a ruling.
pub const RULING: &[Field] = &[
    field("block", "number", "", "block that holds the ruling"),
    field(
        "next_seq",
        "number",
        "",
        "sequence number of the frame behind it",
    ),
    field(
        "time_ns",
        "number",
        SINCE_EPOCH,
        "when, by the host's clock",
    ),
    field(
        "ruling",
        "string",
        "",
        "`late`, `restart`, `lift`, `pause`, `resume`, `shed` or `refused`",
    ),
    field(
        "of_block",
        "number or null",
        "",
        "block that it concerns, or from which it holds",
    ),
    field(
        "call",
        "number or null",
        "",
        "late: ordinal of the call in the block",
    ),
    field(
        "name",
        "string or null",
        "",
        "plugin or tap that it concerns",
    ),
    field("uid", "number or null", "", "user who asked"),
];

/// Every kind of line, with a title.
pub const LINES: &[(&str, &[Field])] = &[
    ("log read TOPIC", RECORD),
    ("log read TOPIC, in dead letters also", DEAD_LETTER),
    ("log read _audit", AUDIT),
    ("journal read", FRAME),
    ("journal read --rulings", RULING),
];

/// The fields as a Markdown table, as the README has it.
pub fn markdown(fields: &[Field]) -> String {
    let mut out = String::from("| field | type | unit | meaning |\n|---|---|---|---|\n");
    for field in fields {
        let Field {
            path,
            kind,
            unit,
            meaning,
        } = field;
        out.push_str(&format!("| `{path}` | {kind} | {unit} | {meaning} |\n"));
    }
    out
}
