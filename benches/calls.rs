//! Calls of a decoder as both sides of `plugins.rs` have them, and how one tells the other.

#![allow(dead_code, reason = "each side uses a part")]

use std::io::{Read, Write};

/// What `keys` and `decode` are asked for one batch, in the columns of the contract.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// Latest capture time of the tap.
    pub now_ns: u64,
    /// Sequence number per frame.
    pub sequences: Vec<u64>,
    /// Capture time per frame.
    pub captured_ns: Vec<u64>,
    /// End per payload.
    pub payload_ends: Vec<u32>,
    /// Payloads.
    pub payloads: Vec<u8>,
    /// Per frame: end of its slots.
    pub slot_ends: Vec<u32>,
    /// Slots.
    pub slots: Vec<u32>,
    /// End per state.
    pub state_ends: Vec<u32>,
    /// States.
    pub states: Vec<u8>,
}

impl Call {
    /// Writes it.
    pub fn write(&self, out: &mut impl Write) {
        let wide = |values: &[u64]| -> Vec<u8> {
            values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect()
        };
        let narrow = |values: &[u32]| -> Vec<u8> {
            values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect()
        };
        write(out, &self.now_ns.to_le_bytes());
        write(out, &wide(&self.sequences));
        write(out, &wide(&self.captured_ns));
        write(out, &narrow(&self.payload_ends));
        write(out, &self.payloads);
        write(out, &narrow(&self.slot_ends));
        write(out, &narrow(&self.slots));
        write(out, &narrow(&self.state_ends));
        write(out, &self.states);
    }

    /// Reads it.
    pub fn read(from: &mut impl Read) -> Self {
        fn wide(bytes: &[u8]) -> Vec<u64> {
            let chunks = bytes.as_chunks().0.iter();
            chunks.map(|chunk| u64::from_le_bytes(*chunk)).collect()
        }
        fn narrow(bytes: &[u8]) -> Vec<u32> {
            let chunks = bytes.as_chunks().0.iter();
            chunks.map(|chunk| u32::from_le_bytes(*chunk)).collect()
        }
        Self {
            now_ns: wide(&read(from))[0],
            sequences: wide(&read(from)),
            captured_ns: wide(&read(from)),
            payload_ends: narrow(&read(from)),
            payloads: read(from),
            slot_ends: narrow(&read(from)),
            slots: narrow(&read(from)),
            state_ends: narrow(&read(from)),
            states: read(from),
        }
    }
}

/// Writes some bytes after their number.
pub fn write(out: &mut impl Write, bytes: &[u8]) {
    let len = (bytes.len() as u64).to_le_bytes();
    let written = out.write_all(&len).and_then(|()| out.write_all(bytes));
    written.expect("the other side listens");
}

/// Reads what [`write`] wrote.
pub fn read(from: &mut impl Read) -> Vec<u8> {
    let mut len = [0; 8];
    from.read_exact(&mut len).expect("the other side goes on");
    let mut bytes = vec![0; u64::from_le_bytes(len) as usize];
    from.read_exact(&mut bytes).expect("the other side goes on");
    bytes
}

/// A sum of answers, so that both sides know that they did the same. FNV-1a, 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum(pub u64);

impl Sum {
    /// Of nothing.
    pub const NOTHING: Self = Self(0xcbf2_9ce4_8422_2325);

    /// Adds bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }

    /// Adds numbers.
    pub fn numbers<T: Copy + Into<u64>>(&mut self, numbers: &[T]) {
        for &number in numbers {
            self.bytes(&number.into().to_le_bytes());
        }
    }
}
