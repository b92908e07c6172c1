//! Decoders: frames to messages.

use crate::bindings::decoder::exports::outrigger::plugin::decoder as wit;
use crate::body::Body;
use crate::description::index_of;
use crate::packed;
use crate::state::{Slots, State, read};
use crate::{Configuration, ConfigureError, Description};

/// Keys of one frame, at most.
pub const FRAME_KEYS_MAX: usize = 8;
/// Bytes of a key, at most; at least 1.
pub const KEY_BYTES_MAX: usize = 255;
/// Bytes of a reject's detail that are kept.
pub const REJECT_DETAIL_BYTES_MAX: usize = 512;
/// Marking index of a message that carries none.
const MARKING_NONE: u16 = u16::MAX;

/// A decoder turns frames into messages.
pub trait Decoder: Sized + 'static {
    /// What is kept per key between frames; `()` when nothing is.
    type State: State;

    /// Name, classes with their schemas, causes, skips, markings, and whether it is keyed.
    fn describe() -> Description;

    /// Prepares an instance. Instances are made anew at any time: nothing learned from frames may
    /// live in `Self`, or a re-run would differ.
    ///
    /// # Errors
    /// Says which parameter or reference file it cannot work with.
    fn configure(configuration: &Configuration) -> Result<Self, ConfigureError>;

    /// The keys whose state this frame needs. Only asked when the description says `keyed`.
    fn keys(&self, _frame: &Frame, _keys: &mut Keys) {}

    /// Decodes one frame. What it becomes goes into `out`: messages, a reject, a skip; or nothing,
    /// when it was kept in a state. `now_ns` is the latest capture time that the tap has reached.
    fn decode(
        &mut self,
        now_ns: u64,
        frame: &Frame,
        states: &mut FrameStates<Self::State>,
        out: &mut Decoded,
    );

    /// A state was evicted, by age or to keep the host's bounds: says which frames will never be
    /// a message.
    fn expire(&mut self, _now_ns: u64, _key: &[u8], _state: Self::State, _out: &mut Rejects) {}
}

/// What was on the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Sequence number in the journal.
    pub sequence: u64,
    /// Time of capture, nanoseconds since the Unix epoch. May step back.
    pub captured_ns: u64,
    /// Byte for byte; may be empty.
    pub payload: &'a [u8],
}

/// Takes the keys of a frame.
#[derive(Debug)]
pub struct Keys {
    columns: wit::FrameKeys,
    frame_keys: usize,
}

impl Keys {
    /// Adds a key; its state is then `states.get(i)`, counted from 0 in the order of adding.
    ///
    /// # Panics
    /// With more than [`FRAME_KEYS_MAX`] keys, or a key that is empty or longer than
    /// [`KEY_BYTES_MAX`].
    pub fn push(&mut self, key: &[u8]) {
        assert!(
            self.frame_keys < FRAME_KEYS_MAX,
            "a frame has at most {FRAME_KEYS_MAX} keys"
        );
        assert!(
            (1..=KEY_BYTES_MAX).contains(&key.len()),
            "a key has 1 to {KEY_BYTES_MAX} bytes, not {}",
            key.len()
        );
        packed::push(&mut self.columns.keys, key);
        self.frame_keys += 1;
    }
}

/// The states of one frame's keys.
pub struct FrameStates<'a, S> {
    slots: &'a mut Slots<S>,
    frame: &'a [u32],
}

impl<S: State> FrameStates<'_, S> {
    /// The state of the frame's key `index`, in the order in which `keys` gave them. `None` when
    /// nothing is kept; set it to keep something, set `None` to forget.
    ///
    /// # Panics
    /// If `keys` gave fewer.
    pub fn get(&mut self, index: usize) -> &mut Option<S> {
        match self.frame.get(index) {
            Some(&slot) => self.slots.get(slot),
            None => panic!("this frame has no key {index}"),
        }
    }

    /// Number of keys of this frame.
    pub fn len(&self) -> usize {
        self.frame.len()
    }

    /// True when this frame has no keys.
    pub fn is_empty(&self) -> bool {
        self.frame.is_empty()
    }
}

/// Takes frames that will never be a message.
#[derive(Debug)]
pub struct Rejects {
    causes: Vec<&'static str>,
    columns: wit::Rejects,
}

impl Rejects {
    fn new(causes: Vec<&'static str>) -> Self {
        Self {
            causes,
            columns: wit::Rejects {
                sequences: Vec::new(),
                causes: Vec::new(),
                details: packed::empty(0),
            },
        }
    }

    /// Rejects a frame by its sequence number. `detail` says what was wrong and where, for
    /// people; [`REJECT_DETAIL_BYTES_MAX`] bytes are kept.
    ///
    /// # Panics
    /// If the description lacks the cause.
    pub fn reject(&mut self, sequence: u64, cause: &str, detail: &str) {
        let cause = index_of("cause", &self.causes, cause);
        self.columns.sequences.push(sequence);
        self.columns.causes.push(cause);
        let end = detail.floor_char_boundary(REJECT_DETAIL_BYTES_MAX);
        packed::push(&mut self.columns.details, &detail.as_bytes()[..end]);
    }
}

/// Takes what a frame became.
#[derive(Debug)]
pub struct Decoded {
    classes: Vec<&'static str>,
    skip_kinds: Vec<&'static str>,
    markings: Vec<&'static str>,
    rejects: Rejects,
    messages: wit::Messages,
    skips: wit::Skips,
    frame: u32,
    sequence: u64,
}

/// A message just added, to say more about it.
#[derive(Debug)]
pub struct MessageAdded<'a> {
    out: &'a mut Decoded,
}

impl Decoded {
    fn new(description: &Description, frames: usize) -> Self {
        Self {
            classes: description.classes.clone(),
            skip_kinds: description.skips.clone(),
            markings: description.markings.clone(),
            rejects: Rejects::new(description.causes.clone()),
            messages: wit::Messages {
                classes: Vec::with_capacity(frames),
                keys: packed::empty(frames),
                event_ns: Vec::with_capacity(frames),
                markings: Vec::with_capacity(frames),
                bodies: packed::empty(frames),
                source_ends: Vec::with_capacity(frames),
                sources: Vec::with_capacity(frames),
            },
            skips: wit::Skips {
                frames: Vec::new(),
                kinds: Vec::new(),
            },
            frame: 0,
            sequence: 0,
        }
    }

    /// Adds a message made from this frame. `key` is its natural key, 1 to [`KEY_BYTES_MAX`]
    /// bytes; `event_ns` its time of applicability, nanoseconds since the Unix epoch.
    ///
    /// # Panics
    /// If the description lacks the class, or the key is empty or too long.
    pub fn message<B: Body>(
        &mut self,
        class: &str,
        key: &str,
        event_ns: u64,
        body: &B,
    ) -> MessageAdded<'_> {
        assert!(
            (1..=KEY_BYTES_MAX).contains(&key.len()),
            "a key has 1 to {KEY_BYTES_MAX} bytes, not {}",
            key.len()
        );
        let class = index_of("class", &self.classes, class);
        let messages = &mut self.messages;
        messages.classes.push(class);
        packed::push(&mut messages.keys, key.as_bytes());
        messages.event_ns.push(event_ns);
        messages.markings.push(MARKING_NONE);
        body.encode(&mut messages.bodies.bytes);
        packed::close(&mut messages.bodies);
        messages.sources.push(self.sequence);
        messages.source_ends.push(count(messages.sources.len()));
        MessageAdded { out: self }
    }

    /// Rejects this frame; see [`Rejects::reject`].
    pub fn reject(&mut self, cause: &str, detail: &str) {
        self.rejects.reject(self.sequence, cause, detail);
    }

    /// Rejects an earlier frame that was kept in a state.
    pub fn reject_earlier(&mut self, sequence: u64, cause: &str, detail: &str) {
        self.rejects.reject(sequence, cause, detail);
    }

    /// Passes this frame over on purpose; counted by `kind`.
    ///
    /// # Panics
    /// If the description lacks the kind.
    pub fn skip(&mut self, kind: &str) {
        let kind = index_of("skip", &self.skip_kinds, kind);
        self.skips.frames.push(self.frame);
        self.skips.kinds.push(kind);
    }
}

impl MessageAdded<'_> {
    /// The message was also made from these earlier frames, in any order.
    pub fn with_earlier(self, sequences: &[u64]) -> Self {
        let messages = &mut self.out.messages;
        let current = self.out.sequence;
        let start = match messages.source_ends.len() {
            0 | 1 => 0,
            messages_len => messages.source_ends[messages_len - 2] as usize,
        };
        messages
            .sources
            .extend(sequences.iter().filter(|sequence| **sequence != current));
        messages.sources[start..].sort_unstable();
        let mut own = messages.sources.split_off(start);
        own.dedup();
        messages.sources.append(&mut own);
        let end = count(messages.sources.len());
        if let Some(last) = messages.source_ends.last_mut() {
            *last = end;
        }
        self
    }

    /// The message carries a security marking.
    ///
    /// # Panics
    /// If the description lacks it.
    pub fn with_marking(self, marking: &str) -> Self {
        let marking = index_of("marking", &self.out.markings, marking);
        if let Some(last) = self.out.messages.markings.last_mut() {
            *last = marking;
        }
        self
    }
}

fn count(len: usize) -> u32 {
    u32::try_from(len).expect("a batch counts far below 2^32")
}

fn frames_of(frames: &wit::Frames) -> impl Iterator<Item = Frame<'_>> {
    frames
        .sequences
        .iter()
        .zip(&frames.captured_ns)
        .zip(packed::iter(&frames.payloads))
        .map(|((&sequence, &captured_ns), payload)| Frame {
            sequence,
            captured_ns,
            payload,
        })
}

/// A configured decoder, called with columns.
#[doc(hidden)]
pub struct DecoderInstance<D> {
    plugin: D,
    description: Description,
}

impl<D: Decoder> DecoderInstance<D> {
    pub fn configure(configuration: &Configuration) -> Result<Self, ConfigureError> {
        Ok(Self {
            plugin: D::configure(configuration)?,
            description: D::describe(),
        })
    }

    pub fn keys(&self, frames: &wit::Frames) -> wit::FrameKeys {
        let frames_len = frames.sequences.len();
        let mut keys = Keys {
            columns: wit::FrameKeys {
                key_ends: Vec::with_capacity(frames_len),
                keys: packed::empty(frames_len),
            },
            frame_keys: 0,
        };
        for frame in frames_of(frames) {
            keys.frame_keys = 0;
            self.plugin.keys(&frame, &mut keys);
            let end = count(packed::len(&keys.columns.keys));
            keys.columns.key_ends.push(end);
        }
        keys.columns
    }

    pub fn decode(
        &mut self,
        now_ns: u64,
        frames: &wit::Frames,
        states: wit::FrameStates,
    ) -> wit::Decoded {
        let mut out = Decoded::new(&self.description, frames.sequences.len());
        let mut slots = Slots::<D::State>::new(states.states);
        let mut start = 0usize;
        for (index, frame) in frames_of(frames).enumerate() {
            // A decoder without keys gets no slots at all.
            let end = states
                .slot_ends
                .get(index)
                .map_or(start, |end| *end as usize);
            out.frame = count(index);
            out.sequence = frame.sequence;
            let mut frame_states = FrameStates {
                slots: &mut slots,
                frame: &states.slots[start..end],
            };
            self.plugin
                .decode(now_ns, &frame, &mut frame_states, &mut out);
            start = end;
        }
        let (changed, states) = slots.finish();
        wit::Decoded {
            messages: out.messages,
            rejects: out.rejects.columns,
            skips: out.skips,
            changed,
            states,
        }
    }

    pub fn expire(&mut self, now_ns: u64, evicted: &wit::Evicted) -> wit::Rejects {
        let mut out = Rejects::new(self.description.causes.clone());
        for (key, state) in packed::iter(&evicted.keys).zip(packed::iter(&evicted.states)) {
            if let Some(state) = read(state) {
                self.plugin.expire(now_ns, key, state, &mut out);
            }
        }
        out.columns
    }
}
