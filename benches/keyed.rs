//! The track validator with many keys, as the pipeline asks it: states come out of the host's
//! store and go back into it. For both sides of `plugins.rs`.

#![allow(dead_code, reason = "each side uses a part")]

use crate::clock;
use outrigger_policy::Packed;
use outrigger_policy::state::{StateBounds, StateStore, Touch};
use outrigger_sdk::{Body, Text, TimeSource, Track};

/// Messages in a batch.
const BATCH: usize = 256;
/// Seconds between two reports of a ship.
const PERIOD_S: u64 = 10;
/// Its speed, metres per second, to the north.
const SPEED_MPS: f64 = 10.0;
const METRES_PER_DEGREE: f64 = 111_132.0;
const BEGIN_NS: u64 = 1_790_000_000_000_000_000;

/// What a validator is asked.
pub struct Asked {
    /// Latest capture time.
    pub now_ns: u64,
    /// Capture times, which are times of applicability too.
    pub times_ns: Vec<u64>,
    /// Slot per message.
    pub slots: Vec<u32>,
    /// Bodies.
    pub bodies: Packed,
    /// State per slot.
    pub states: Packed,
}

/// What it answered.
pub struct Judged {
    /// Anomalies; ships that keep their course have none.
    pub anomalies: usize,
    /// Slots whose state changed.
    pub changed: Vec<u32>,
    /// Their states.
    pub states: Packed,
}

/// Ships that report in turn, and what is kept of each.
pub struct Keyed {
    keys: Vec<Vec<u8>>,
    store: StateStore,
    turn: usize,
}

impl Keyed {
    /// So many ships. Each has reported twice before anything is timed.
    pub fn new(keys: usize, judge: &mut impl FnMut(Asked) -> Judged) -> Self {
        let bounds = StateBounds {
            value_bytes_max: 1_024,
            keys_max: keys,
            age_ns_max: u64::MAX,
        };
        let key = |key: usize| format!("{:09}", 200_000_000 + key).into_bytes();
        let mut keyed = Self {
            keys: (0..keys).map(key).collect(),
            store: StateStore::new(bounds),
            turn: 0,
        };
        keyed.round(2 * keys, judge);
        keyed
    }

    /// Judges at least so many messages in whole batches. Nanoseconds each: look-up, call, and
    /// putting back.
    pub fn round(&mut self, messages: usize, judge: &mut impl FnMut(Asked) -> Judged) -> f64 {
        let batches = messages.div_ceil(BATCH);
        let mut spent_ns = 0.0;
        for _ in 0..batches {
            let mut asked = Asked {
                now_ns: 0,
                times_ns: Vec::with_capacity(BATCH),
                slots: (0..BATCH as u32).collect(),
                bodies: Packed::default(),
                states: Packed::default(),
            };
            let mut rows = Vec::with_capacity(BATCH);
            for _ in 0..BATCH {
                // An odd step walks all keys, far from one another.
                let row = self.turn.wrapping_mul(7_919) % self.keys.len();
                let report = (self.turn / self.keys.len()) as u64;
                asked.times_ns.push(sailing(row, report, &mut asked.bodies));
                rows.push(row);
                self.turn += 1;
            }
            asked.now_ns = asked.times_ns.iter().copied().max().unwrap_or(0);
            let times_ns = asked.times_ns.clone();
            let start = clock::start(BATCH);
            for &row in &rows {
                asked
                    .states
                    .push(self.store.get(&self.keys[row]).unwrap_or_default());
            }
            let judged = judge(asked);
            let touches = rows.iter().zip(&times_ns).map(|(&row, &time_ns)| Touch {
                key: &self.keys[row],
                class: 0,
                time_ns,
            });
            let changed = judged.changed.iter().zip(judged.states.iter());
            let changes: Vec<(&[u8], &[u8])> = changed
                .map(|(&slot, state)| (&self.keys[rows[slot as usize]][..], state))
                .collect();
            let evicted = self.store.apply(0, touches, &changes);
            spent_ns += start.elapsed_ns();
            assert!(evicted.expect("small enough").is_empty(), "there is room");
            assert_eq!(judged.anomalies, 0, "ships keep their course");
        }
        spent_ns / (batches * BATCH) as f64
    }

    /// Bytes of state per key, the key itself not counted.
    pub fn state_bytes(&self) -> f64 {
        let keys: usize = self.keys.iter().map(Vec::len).sum();
        (self.store.bytes() as f64 - keys as f64) / self.keys.len() as f64
    }
}

/// A ship's report; returns its time.
fn sailing(row: usize, report: u64, bodies: &mut Packed) -> u64 {
    let time_ns = BEGIN_NS + report * PERIOD_S * 1_000_000_000;
    let north_m = (report * PERIOD_S) as f64 * SPEED_MPS;
    let mut digits = *b"mmsi:200000000";
    let mut rest = row;
    for digit in digits[6..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().and_then(Text::new);
    let id = text(&digits).expect("short enough");
    let mut track = Track::new(id, time_ns, TimeSource::UtcSecond);
    track.platform_id = text(&digits[5..]);
    track.platform_class = Text::new("class-a");
    track.lat_deg = Some((row % 1_000) as f64 * 0.05 + north_m / METRES_PER_DEGREE);
    track.lon_deg = Some((row / 1_000) as f64 * 0.05);
    track.speed_mps = Some(SPEED_MPS);
    track.course_deg = Some(0.0);
    track.heading_deg = Some(0.0);
    track.accuracy_m = Some(10.0);
    let mut body = Vec::new();
    track.encode(&mut body);
    bodies.push(&body);
    time_ns
}
