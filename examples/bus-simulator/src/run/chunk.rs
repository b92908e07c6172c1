//! Encoded datagrams on their way from the player to the sender.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::mpsc::{SyncSender, TrySendError};

use crate::format::Datagram;
use crate::traffic::{Emission, Injected, Traffic};
use crate::truth::{FaultTruth, Truth};

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
    /// Faults that reports show, each at the first datagram of its report.
    faults: Vec<Injected>,
}

#[derive(Debug)]
struct Entry {
    at_ns: u64,
    bytes_end: usize,
    truth_end: usize,
    messages_end: usize,
    /// Place of the sensor that sends it.
    sensor: usize,
    faults_end: usize,
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
        let range = self.range(from, to, |entry| entry.faults_end);
        self.faults[range].iter().copied()
    }

    /// Place of the sensor that sends datagram `place`.
    pub fn sensor(&self, place: usize) -> usize {
        self.entries[place].sensor
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

    /// Adds a datagram; truth and faults of the reports that end with it have been added before.
    pub fn push(&mut self, at_ns: u64, sensor: usize, datagram: &Datagram) {
        self.bytes.extend_from_slice(&datagram.bytes);
        self.messages.extend_from_slice(&datagram.messages);
        self.entries.push(Entry {
            at_ns,
            bytes_end: self.bytes.len(),
            truth_end: self.truth.len(),
            messages_end: self.messages.len(),
            sensor,
            faults_end: self.faults.len(),
        });
    }

    /// Gives what has been written since the last datagram to that one.
    fn close(&mut self) {
        if let Some(last) = self.entries.last_mut() {
            last.truth_end = self.truth.len();
            last.faults_end = self.faults.len();
        }
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
    let mut number = 0_u64;
    let mut lines = Lines::default();
    let mut datagrams = Vec::new();
    let mut chunk = Chunk::default();
    let is_taken = |mut chunk: Chunk| {
        chunk.close();
        match out.try_send(chunk) {
            Ok(()) => true,
            Err(TrySendError::Full(chunk)) => {
                // Told before already, or nobody waits for it: both are fine.
                let _ = ready.try_send(());
                out.send(chunk).is_ok()
            }
            Err(TrySendError::Disconnected(_)) => false,
        }
    };
    while number < count {
        datagrams.clear();
        let Some(emissions) = traffic.next(&mut datagrams) else {
            break;
        };
        // Reports whose datagrams do not all fit are not begun.
        let next = number + datagrams.len() as u64;
        if next > count {
            break;
        }
        // Each line goes with the last datagram of its report; what was not sent goes first.
        let mut waiting = emissions.iter().peekable();
        for (place, datagram) in datagrams.iter().enumerate() {
            let ends_here =
                |emission: &&&Emission| emission.placed.is_none_or(|[_, last]| last <= place);
            while let Some(emission) = waiting.next_if(|emission| ends_here(&emission)) {
                chunk.faults.extend(emission.fault);
                lines.write(
                    with_truth, &traffic, number, emission, &datagrams, &mut chunk,
                );
            }
            let (at_ns, sensor) = emissions
                .first()
                .map_or((0, 0), |emission| (emission.at_ns, emission.sensor));
            chunk.push(at_ns, sensor, datagram);
        }
        for emission in waiting {
            chunk.faults.extend(emission.fault);
            lines.write(
                with_truth, &traffic, number, emission, &datagrams, &mut chunk,
            );
        }
        number = next;
        if chunk.len() >= CHUNK_DATAGRAMS && !is_taken(std::mem::take(&mut chunk)) {
            return;
        }
    }
    if chunk.len() > 0 {
        is_taken(chunk);
    }
    let _ = ready.try_send(());
}

/// Writes truth, and remembers what its next lines need.
#[derive(Debug, Default)]
struct Lines {
    /// Number of the next report.
    report: u64,
    /// First report of faults that are at work; bounded by the faults of the scenario.
    first_reports: BTreeMap<u32, u64>,
}

impl Lines {
    /// Writes the line of a report whose datagrams are counted from `number`, and that of its
    /// fault when this was the last report that it spoils.
    fn write(
        &mut self,
        with_truth: bool,
        traffic: &Traffic,
        number: u64,
        emission: &Emission,
        datagrams: &[Datagram],
        chunk: &mut Chunk,
    ) {
        let report = self.report;
        self.report += 1;
        if !with_truth {
            return;
        }
        let identity = traffic.identity(emission.track);
        let aircraft = traffic.identity(emission.said).aircraft.as_ref();
        let sensor = &traffic.scenario().sensors[emission.sensor].name;
        let key = traffic.key(emission.said, emission.sensor);
        let messages = messages_of(emission, datagrams);
        let stamped = emission.stamped_ns != emission.applies_ns;
        let truth = Truth {
            report,
            datagrams: emission
                .placed
                .map(|places| places.map(|place| number + place as u64)),
            sent_ns: traffic.base_ns() + emission.at_ns,
            applies_ns: traffic.base_ns() + emission.applies_ns,
            stamped_ns: stamped.then(|| traffic.base_ns() + emission.stamped_ns),
            track: &identity.name,
            class: identity.class.name(),
            mmsi: identity.ais.as_ref().map(|ais| ais.mmsi),
            key: key.clone(),
            icao: aircraft.map(|aircraft| format!("{:06x}", aircraft.icao)),
            callsign: aircraft.map(|aircraft| &*aircraft.callsign),
            squawk: aircraft.map(|aircraft| format!("{:04o}", aircraft.squawk)),
            sensor,
            messages: &messages,
            actual: emission.actual,
            reported: emission.reported,
            fault: emission.fault.map(Into::into),
        };
        line(&truth, chunk);
        let Some(injected) = emission.fault else {
            return;
        };
        let first_report = *self.first_reports.entry(injected.id).or_insert(report);
        if injected.last {
            self.first_reports.remove(&injected.id);
            let ended = FaultTruth {
                fault: injected.into(),
                track: &identity.name,
                key,
                sensor,
                first_report,
                last_report: report,
                sent_ns: truth.sent_ns,
            };
            line(&ended, chunk);
        }
    }
}

/// Types of the messages that carry a report: one of its own in a datagram of several.
fn messages_of(emission: &Emission, datagrams: &[Datagram]) -> Vec<&'static str> {
    let Some([first, last]) = emission.placed else {
        return Vec::new();
    };
    let datagrams = &datagrams[first..=last];
    let all = datagrams.iter().flat_map(|datagram| &datagram.messages);
    // Those of ASTERIX are all of one type, one to a report.
    let several = all.clone().all(|name| matches!(*name, "062" | "048"));
    all.copied()
        .take(if several { 1 } else { usize::MAX })
        .collect()
}

fn line(truth: &impl serde::Serialize, chunk: &mut Chunk) {
    serde_json::to_writer(&mut chunk.truth, truth)
        .expect("truth has string keys and memory does not refuse bytes");
    chunk.truth.push(b'\n');
}
