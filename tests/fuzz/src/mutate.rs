//! Changes of frames that know nothing of their form, from a seeded generator.

use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng;

use crate::case::{CASE_FRAMES_MAX, Case};

/// Bytes of a changed frame, at most: a UDP datagram holds no more.
const FRAME_BYTES_MAX: usize = 65_507;
/// Values at which counters, lengths and signs turn.
const TURNS: [u8; 8] = [0x00, 0x01, 0x7f, 0x80, 0x81, 0xfe, 0xff, 0x20];

/// Puts a frame's checksum or length right.
pub type Repair = fn(&mut Vec<u8>);

/// Makes cases from a corpus: the same from the same seed and corpus.
pub struct Mutator(Pcg32);

impl Mutator {
    /// The mutator of one case.
    pub fn new(seed: u64, case: u64) -> Self {
        Self(Pcg32::new(seed, case))
    }

    /// A number below `end`; 0 if `end` is 0.
    fn below(&mut self, end: usize) -> usize {
        ((u64::from(self.0.next_u32()) * end as u64) >> 32) as usize
    }

    /// Some frames in a row from one place of the corpus, some of them changed.
    pub fn case(&mut self, corpus: &[Case], repair: Repair) -> Case {
        let recording = &corpus[self.below(corpus.len())];
        let start = self.below(recording.len());
        let end = (start + 1 + self.below(CASE_FRAMES_MAX)).min(recording.len());
        let mut case = recording[start..end].to_vec();
        let other = &corpus[self.below(corpus.len())];
        for _ in 0..=self.below(4) {
            let place = self.below(case.len());
            match self.below(16) {
                0 => {
                    let again = case[self.below(case.len())].clone();
                    case.insert(place, again);
                }
                1 if case.len() > 1 => drop(case.remove(place)),
                2 => {
                    let with = self.below(case.len());
                    case.swap(place, with);
                }
                3 => case[place].0 = self.time(case[place].0),
                _ => {
                    let donor = &other[self.below(other.len())].1;
                    let frame = &mut case[place].1;
                    for _ in 0..1 + self.below(4) {
                        self.change(frame, donor);
                    }
                    frame.truncate(FRAME_BYTES_MAX);
                    if self.below(2) == 0 {
                        repair(frame);
                    }
                }
            }
        }
        case
    }

    /// A capture time: somewhat earlier or later, or any.
    fn time(&mut self, captured_ns: u64) -> u64 {
        match self.below(4) {
            0 => self.0.next_u64(),
            1 => captured_ns.saturating_sub(self.0.next_u64() >> 20),
            _ => captured_ns.saturating_add(self.0.next_u64() >> 20),
        }
    }

    /// One change: flip, set, insert, delete, repeat, truncate, splice, or a turned word.
    fn change(&mut self, frame: &mut Vec<u8>, donor: &[u8]) {
        let at = self.below(frame.len());
        let rest = frame.len() - at;
        let span = 1 + self.below(rest.min(16));
        let end = (at + span).min(frame.len());
        match self.below(9) {
            0 | 1 if rest > 0 => frame[at] ^= 1 << self.below(8),
            2 if rest > 0 => frame[at] = self.0.next_u32() as u8,
            3 if rest > 0 => frame[at] = TURNS[self.below(TURNS.len())],
            4 => frame.insert(at, self.0.next_u32() as u8),
            5 => drop(frame.drain(at..end)),
            6 => {
                let again: Vec<u8> = frame[at..end].repeat(1 + self.below(8));
                frame.splice(at..at, again);
            }
            7 => frame.truncate(at),
            _ => {
                let from = self.below(donor.len());
                let until = (from + 1 + self.below(64)).min(donor.len());
                let over = if self.below(2) == 0 { at } else { end };
                frame.splice(at..over, donor[from..until].iter().copied());
            }
        }
    }
}
