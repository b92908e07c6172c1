//! The arithmetic of the two ledgers: what was counted in one place against what was counted in
//! others, and which of two places a frame is in.
//!
//! | ledger | whole | parts |
//! |---|---|---|
//! | frames, by tap | captured | processed, rejected, shed, waiting |
//! | records, by topic | made | written, held already, waiting to be written |
//! | messages, by class | decoded | delivered, withheld, dead, shed |
//! | deliveries, by topic of Kafka | owed before, written | delivered, waiting, refused, lost |
//!
//! What always holds: no term is made of the others. Each is counted where the thing happens, so
//! that a difference of 0 says something. A frame that was taken is processed; rejected later, say
//! because its other half never came, it is rejected and no longer processed; a frame is rejected
//! once, however many sentences of it are.

use std::collections::VecDeque;
use std::ops::Range;

#[cfg(test)]
mod tests;

/// The whole less its parts: 0 if the ledger adds up, more if something is missing, less if
/// something is there twice.
pub fn difference(whole: &[u64], parts: &[u64]) -> i64 {
    let sum = |terms: &[u64]| terms.iter().map(|&term| i128::from(term)).sum::<i128>();
    let difference = sum(whole) - sum(parts);
    let bound = if difference < 0 { i64::MIN } else { i64::MAX };
    i64::try_from(difference).unwrap_or(bound)
}

/// Frames of a tap that can still change from processed to rejected, the newest. Unit: frames.
/// Reason: a hundred seconds at ten thousand a second, in 128 KiB. An older one stays processed; a
/// late reject of it is a dead letter and a count of its cause as any other.
pub const OPEN_FRAMES_MAX: u64 = 1 << 20;

const WORD: u64 = u64::BITS as u64;

/// Whether frames of a tap are processed or rejected: each is one of them, and counted once.
///
/// A bit for each of the newest frames says that it is processed. Memory: at most
/// [`OPEN_FRAMES_MAX`] bits.
#[derive(Clone, Debug, Default)]
pub struct FrameAccount {
    processed: u64,
    rejected: u64,
    /// Sequence number of the first bit; a multiple of the bits in a word.
    first: u64,
    open: VecDeque<u64>,
}

impl FrameAccount {
    /// Frames that are processed.
    pub fn processed(&self) -> u64 {
        self.processed
    }

    /// Frames that are rejected.
    pub fn rejected(&self) -> u64 {
        self.rejected
    }

    /// The decoder took frames with these sequence numbers, which rise from call to call.
    pub fn take(&mut self, sequences: Range<u64>) {
        self.processed += sequences.end.saturating_sub(sequences.start);
        let newest = sequences.start.max(
            sequences
                .end
                .saturating_sub(OPEN_FRAMES_MAX - WORD)
                .next_multiple_of(WORD),
        );
        let mut at = newest.max(self.first);
        while at < sequences.end {
            let next = (at - at % WORD).saturating_add(WORD).min(sequences.end);
            let mask = u64::MAX >> (WORD - (next - at)) << (at % WORD);
            *self.word_to_set(at) |= mask;
            at = next;
        }
    }

    /// The decoder rejected a frame: now, or one that it had taken. Of a frame that it had not taken
    /// here, or rejected before, nothing changes.
    pub fn reject(&mut self, sequence: u64) {
        let Some(at) = sequence.checked_sub(self.first) else {
            return;
        };
        let word = usize::try_from(at / WORD).unwrap_or(usize::MAX);
        let Some(word) = self.open.get_mut(word) else {
            return;
        };
        let mask = 1 << (at % WORD);
        if *word & mask != 0 {
            *word &= !mask;
            self.processed -= 1;
            self.rejected += 1;
        }
    }

    /// So many frames never were the decoder's: it failed on each of them, or is in quarantine.
    pub fn refuse(&mut self, frames: u64) {
        self.rejected += frames;
    }

    /// The word with the bit of a frame, as the last; what gets too old goes.
    fn word_to_set(&mut self, sequence: u64) -> &mut u64 {
        let words = OPEN_FRAMES_MAX / WORD;
        let mut at = (sequence - self.first) / WORD;
        if self.open.is_empty() || at >= 2 * words {
            self.open.clear();
            self.first = sequence - sequence % WORD;
            at = 0;
        }
        while at >= words {
            self.open.pop_front();
            self.first += WORD;
            at -= 1;
        }
        let at = usize::try_from(at).expect("below the bound, which fits");
        if self.open.len() <= at {
            self.open.resize(at + 1, 0);
        }
        &mut self.open[at]
    }
}
