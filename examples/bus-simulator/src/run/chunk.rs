//! Encoded datagrams on their way from the player to the sender.

use std::ops::Range;
use std::sync::mpsc::{SyncSender, TrySendError};

use crate::format::Datagram;
use crate::traffic::{Emission, Injected, Traffic};
use crate::truth::Truth;

/// Datagrams after which a chunk is handed on.
pub const CHUNK_DATAGRAMS: usize = 256;
/// Chunks that may wait: 131,072 datagrams, about 25 MB, and 65 MB more with truth. The player
/// waits when they are full.
pub const CHUNKS_WAITING_MAX: usize = 512;

/// Datagrams in the order of their times.
#[derive(Debug, Default)]
pub struct Chunk {
    bytes: Vec<u8>,
    truth: Vec<u8>,
    entries: Vec<Entry>,
    messages: Vec<&'static str>,
}

#[derive(Debug)]
struct Entry {
    at_ns: u64,
    bytes_end: usize,
    truth_end: usize,
    messages_end: usize,
    /// The fault that the report carried by this datagram shows, at its first datagram.
    fault: Option<Injected>,
}

impl Chunk {
    /// Number of datagrams.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Time of datagram `place` in the scenario, nanoseconds.
    pub fn at_ns(&self, place: usize) -> u64 {
        self.entries[place].at_ns
    }

    /// Payload of datagram `place`.
    pub fn datagram(&self, place: usize) -> &[u8] {
        let start = self.before(place, |entry| entry.bytes_end);
        &self.bytes[start..self.entries[place].bytes_end]
    }

    /// Lines of truth about reports that end in the datagrams `from..to`.
    pub fn truth(&self, from: usize, to: usize) -> &[u8] {
        let range = self.range(from, to, |entry| entry.truth_end);
        &self.truth[range]
    }

    /// Types of the messages that begin in the datagrams `from..to`.
    pub fn messages(&self, from: usize, to: usize) -> &[&'static str] {
        let range = self.range(from, to, |entry| entry.messages_end);
        &self.messages[range]
    }

    /// Faults shown by the datagrams `from..to`.
    pub fn faults(&self, from: usize, to: usize) -> impl Iterator<Item = Injected> {
        self.entries[from..to]
            .iter()
            .filter_map(|entry| entry.fault)
    }

    /// Bytes of the datagrams `from..to`.
    pub fn bytes(&self, from: usize, to: usize) -> usize {
        self.range(from, to, |entry| entry.bytes_end).len()
    }

    fn before(&self, place: usize, end: impl Fn(&Entry) -> usize) -> usize {
        place
            .checked_sub(1)
            .map_or(0, |place| end(&self.entries[place]))
    }

    fn range(&self, from: usize, to: usize, end: impl Fn(&Entry) -> usize) -> Range<usize> {
        self.before(from, &end)..self.before(to, &end)
    }

    /// Adds a datagram; its truth, if any, has been written to `self.truth` before.
    pub fn push(&mut self, at_ns: u64, datagram: &Datagram, fault: Option<Injected>) {
        self.bytes.extend_from_slice(&datagram.bytes);
        self.messages.extend_from_slice(&datagram.messages);
        self.entries.push(Entry {
            at_ns,
            bytes_end: self.bytes.len(),
            truth_end: self.truth.len(),
            messages_end: self.messages.len(),
            fault,
        });
    }
}

/// Plays `traffic` into chunks until it ends, `count` datagrams are out, or nobody takes them.
/// `ready` is told once, when no further chunk fits or there is none.
pub fn play(
    mut traffic: Traffic,
    count: u64,
    with_truth: bool,
    out: &SyncSender<Chunk>,
    ready: &SyncSender<()>,
) {
    let (mut report, mut number) = (0_u64, 0_u64);
    let mut datagrams = Vec::new();
    let mut chunk = Chunk::default();
    let is_taken = |chunk: Chunk| match out.try_send(chunk) {
        Ok(()) => true,
        Err(TrySendError::Full(chunk)) => {
            // Told before already, or nobody waits for it: both are fine.
            let _ = ready.try_send(());
            out.send(chunk).is_ok()
        }
        Err(TrySendError::Disconnected(_)) => false,
    };
    while number < count {
        datagrams.clear();
        let Some(emission) = traffic.next(&mut datagrams) else {
            break;
        };
        // A report whose datagrams do not all fit is not begun.
        let last = number + datagrams.len() as u64 - 1;
        if last >= count {
            break;
        }
        for (place, datagram) in datagrams.iter().enumerate() {
            if with_truth && place + 1 == datagrams.len() {
                write_truth(
                    &traffic,
                    report,
                    [number, last],
                    &emission,
                    &datagrams,
                    &mut chunk,
                );
            }
            let fault = if place == 0 { emission.fault } else { None };
            chunk.push(emission.at_ns, datagram, fault);
        }
        report += 1;
        number = last + 1;
        if chunk.len() >= CHUNK_DATAGRAMS && !is_taken(std::mem::take(&mut chunk)) {
            return;
        }
    }
    if chunk.len() > 0 {
        is_taken(chunk);
    }
    let _ = ready.try_send(());
}

fn write_truth(
    traffic: &Traffic,
    report: u64,
    numbers: [u64; 2],
    emission: &Emission,
    datagrams: &[Datagram],
    chunk: &mut Chunk,
) {
    let identity = traffic.identity(emission.track);
    let messages: Vec<&'static str> = datagrams
        .iter()
        .flat_map(|datagram| datagram.messages.iter().copied())
        .collect();
    let truth = Truth {
        report,
        datagrams: numbers,
        sent_ns: traffic.base_ns() + emission.at_ns,
        applies_ns: traffic.base_ns() + emission.applies_ns,
        track: &identity.name,
        class: identity.class.name(),
        mmsi: identity.ais.as_ref().map(|ais| ais.mmsi),
        sensor: &traffic.scenario().sensors[emission.sensor].name,
        messages: &messages,
        actual: emission.actual,
        reported: emission.reported,
        fault: emission.fault.map(Into::into),
    };
    serde_json::to_writer(&mut chunk.truth, &truth)
        .expect("truth has string keys and memory does not refuse bytes");
    chunk.truth.push(b'\n');
}
