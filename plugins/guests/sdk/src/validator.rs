//! Validators: verdicts on messages.

use crate::bindings::validator::exports::outrigger::plugin::validator as wit;
use crate::body::{Body, Map, read_body};
use crate::description::{class_name, index_of};
use crate::packed;
use crate::state::{Slots, State, read};
use crate::{Configuration, ConfigureError, Description};

/// Anomalies of one message that are kept; further ones are dropped.
pub const MESSAGE_ANOMALIES_MAX: usize = 8;
/// Bytes of an anomaly's evidence, at most.
pub const EVIDENCE_BYTES_MAX: usize = 1_024;
/// The surest score, in permille.
pub const SCORE_MAX: u16 = 1_000;

/// A validator judges messages; it never changes them.
pub trait Validator: Sized + 'static {
    /// Body of the messages that it reads, for instance [`Track`](crate::Track).
    type Body: Body;
    /// What is kept per key; `()` when nothing is.
    type State: State;

    /// Name, classes that it reads, rules.
    fn describe() -> Description;

    /// Prepares an instance. Instances are made anew at any time: nothing learned from messages
    /// may live in `Self`, or a re-run would differ.
    ///
    /// # Errors
    /// Says which parameter or reference file it cannot work with.
    fn configure(configuration: &Configuration) -> Result<Self, ConfigureError>;

    /// Judges one message. An anomaly in `out` makes its verdict *anomaly*, none makes it *pass*.
    /// `state` is that of the message's key: `None` when nothing is kept.
    fn validate(
        &mut self,
        message: &Message<Self::Body>,
        state: &mut Option<Self::State>,
        out: &mut Anomalies,
    );

    /// A state was evicted, by age or to keep the host's bounds: may say what that means, for
    /// instance that a track has gone silent.
    fn expire(
        &mut self,
        _now_ns: u64,
        _class: &str,
        _key: &str,
        _state: Self::State,
        _out: &mut Anomalies,
    ) {
    }
}

/// A message to judge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Message<B> {
    /// Class, by its name in the description.
    pub class: &'static str,
    /// Capture time of its last frame, nanoseconds since the Unix epoch.
    pub captured_ns: u64,
    /// Time of applicability, nanoseconds since the Unix epoch. From the bus: it may be forged.
    pub event_ns: u64,
    /// The latest capture time that the tap has reached, nanoseconds since the Unix epoch.
    pub now_ns: u64,
    /// What it says.
    pub body: B,
}

/// How bad an anomaly is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth a look.
    Minor,
    /// Do not trust this message.
    Major,
    /// Do not trust its source.
    Critical,
}

impl Severity {
    /// As it crosses: 1, 2, 3.
    pub fn code(self) -> u8 {
        match self {
            Self::Minor => 1,
            Self::Major => 2,
            Self::Critical => 3,
        }
    }

    /// From what crosses; `None` for 0, which is *no anomaly*, and for anything past 3.
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::Minor, Self::Major, Self::Critical]
            .into_iter()
            .find(|severity| severity.code() == code)
    }
}

/// Takes the anomalies of a message.
#[derive(Debug)]
pub struct Anomalies {
    rules: Vec<&'static str>,
    columns: wit::Anomalies,
    message: u32,
    message_anomalies: usize,
}

impl Anomalies {
    pub(crate) fn new(description: &Description) -> Self {
        Self {
            rules: description.rules.clone(),
            columns: wit::Anomalies {
                messages: Vec::new(),
                rules: Vec::new(),
                severities: Vec::new(),
                scores: Vec::new(),
                details: packed::empty(0),
            },
            message: 0,
            message_anomalies: 0,
        }
    }

    fn begin(&mut self, message: usize) {
        self.message = u32::try_from(message).expect("a batch counts far below 2^32");
        self.message_anomalies = 0;
    }

    /// A rule is broken, worth a look. `score_permille` says how sure; `evidence` writes the
    /// numbers that broke it, with units in their names.
    pub fn minor(&mut self, rule: &str, score_permille: u16, evidence: impl FnOnce(&mut Map)) {
        self.anomaly(rule, Severity::Minor, score_permille, evidence);
    }

    /// A rule is broken: do not trust this message. Else as [`minor`](Self::minor).
    pub fn major(&mut self, rule: &str, score_permille: u16, evidence: impl FnOnce(&mut Map)) {
        self.anomaly(rule, Severity::Major, score_permille, evidence);
    }

    /// A rule is broken: do not trust the source. Else as [`minor`](Self::minor).
    pub fn critical(&mut self, rule: &str, score_permille: u16, evidence: impl FnOnce(&mut Map)) {
        self.anomaly(rule, Severity::Critical, score_permille, evidence);
    }

    /// A rule is broken. Past [`MESSAGE_ANOMALIES_MAX`] of one message, later ones are dropped; a
    /// score past [`SCORE_MAX`] counts as that.
    ///
    /// # Panics
    /// If the description lacks the rule, or the evidence passes [`EVIDENCE_BYTES_MAX`].
    pub fn anomaly(
        &mut self,
        rule: &str,
        severity: Severity,
        score_permille: u16,
        evidence: impl FnOnce(&mut Map),
    ) {
        if self.message_anomalies == MESSAGE_ANOMALIES_MAX {
            return;
        }
        self.message_anomalies += 1;
        let columns = &mut self.columns;
        columns.messages.push(self.message);
        columns.rules.push(index_of("rule", &self.rules, rule));
        columns.severities.push(severity.code());
        columns.scores.push(score_permille.min(SCORE_MAX));
        let start = columns.details.bytes.len();
        Map::write(&mut columns.details.bytes, evidence);
        let evidence_bytes = columns.details.bytes.len() - start;
        assert!(
            evidence_bytes <= EVIDENCE_BYTES_MAX,
            "evidence of rule {rule:?} has {evidence_bytes} bytes, at most {EVIDENCE_BYTES_MAX} are allowed"
        );
        packed::close(&mut columns.details);
    }
}

/// A configured validator, called with columns.
#[doc(hidden)]
pub struct ValidatorInstance<V> {
    plugin: V,
    description: Description,
}

impl<V: Validator> ValidatorInstance<V> {
    pub fn configure(configuration: &Configuration) -> Result<Self, ConfigureError> {
        Ok(Self {
            plugin: V::configure(configuration)?,
            description: V::describe(),
        })
    }

    pub fn validate(&mut self, batch: wit::Batch) -> wit::Judgement {
        let mut out = Anomalies::new(&self.description);
        let mut slots = Slots::<V::State>::new(batch.states);
        let mut verdicts = Vec::with_capacity(batch.classes.len());
        for (index, body) in packed::iter(&batch.bodies).enumerate() {
            let class = class_name(&self.description, batch.classes[index]);
            let message = Message {
                class,
                captured_ns: batch.captured_ns[index],
                event_ns: batch.event_ns[index],
                now_ns: batch.now_ns,
                body: read_body::<V::Body>(class, body),
            };
            out.begin(index);
            self.plugin
                .validate(&message, slots.get(batch.slots[index]), &mut out);
            verdicts.push(u8::from(out.message_anomalies > 0));
        }
        let (changed, states) = slots.finish();
        wit::Judgement {
            verdicts,
            anomalies: out.columns,
            changed,
            states,
        }
    }

    pub fn expire(&mut self, now_ns: u64, evicted: &wit::Evicted) -> wit::Anomalies {
        let mut out = Anomalies::new(&self.description);
        let entries = packed::iter(&evicted.keys).zip(packed::iter(&evicted.states));
        for (index, (key, state)) in entries.enumerate() {
            let class = class_name(&self.description, evicted.classes[index]);
            let key = std::str::from_utf8(key).expect("the host passes keys in UTF-8");
            out.begin(index);
            if let Some(state) = read(state) {
                self.plugin.expire(now_ns, class, key, state, &mut out);
            }
        }
        out.columns
    }
}
