//! Capture files, pcap and pcapng: the UDP payloads, with the times of the capture.
//!
//! The two formats are read here, without a library: the kept one refuses resolutions that are
//! powers of two, misreads big-endian time offsets, and hides why a read failed. Sources: pcap,
//! draft-ietf-opsawg-pcap; pcapng, draft-ietf-opsawg-pcapng.

mod input;
mod ng;

#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::clock::Clock;
use crate::config::PcapConfig;
use crate::error::TapError;
use crate::file::{GZIP_BYTES, RecordingFile};
use crate::packet::{Miss, udp_payload};
use crate::recording::{RecordingTap, Source, Step};
use crate::report::{TapCounts, TapFacts};
use input::{Endianness, Input};

/// Largest captured packet, bytes: the most that tcpdump and Wireshark capture. A larger one is
/// passed over and counted.
const PACKET_BYTES_MAX: usize = 262_144;

/// Buffer of the file, bytes: a packet with the block around it, and room to read ahead.
const BUFFER_BYTES: usize = PACKET_BYTES_MAX + 64 * 1024;

/// Largest length of a record or block that is believed, bytes. A larger one is damage, and ends
/// the recording there.
const BLOCK_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes before the first record of a pcap file.
const HEADER_BYTES: usize = 24;

/// The first four bytes of a capture file.
pub(crate) const MAGIC_BYTES: usize = 4;

/// Largest memory of the tap, bytes.
pub(crate) fn memory_bytes(_config: &PcapConfig) -> usize {
    BUFFER_BYTES + ng::INTERFACES_BYTES + GZIP_BYTES
}

/// Opens a capture file, passing over its first `resume_after` frames.
///
/// # Errors
/// Also when it is neither pcap nor pcapng.
pub(crate) fn open(
    config: &PcapConfig,
    resume_after: u64,
    clock: Box<dyn Clock>,
) -> Result<RecordingTap<Pcap>, TapError> {
    let file = RecordingFile::open("pcap", &config.path)?;
    let mut input = Input::new(file, BUFFER_BYTES);
    let format = match input.need(MAGIC_BYTES)? {
        true => Format::of(input.bytes()),
        false => None,
    };
    let Some(format) = format else {
        let cause = "it is neither a pcap nor a pcapng file";
        let tap = &input.file().tap;
        let remedy = "for lines of text or hex use a tap of kind lines";
        return Err(TapError::fatal(tap, "read the file", cause, Some(remedy)));
    };
    let source = Pcap {
        input,
        format,
        port: config.port,
        frame_bytes_max: config.frame_bytes_max,
        packet: 0,
        payload: 0..0,
        used: 0,
        last_ns: None,
        first_malformed: None,
        cut: None,
    };
    Ok(RecordingTap::new(source, config.pace, resume_after, clock))
}

/// Which format, and what its header said.
enum Format {
    /// pcap, its header not read yet.
    New(Legacy),
    /// pcap.
    Legacy(Legacy),
    /// pcapng.
    Ng(ng::Section),
}

/// What all records of a pcap file share.
#[derive(Clone, Copy)]
struct Legacy {
    endianness: Endianness,
    /// Nanoseconds in a unit of a record's fraction.
    unit_ns: u64,
    /// Bytes before a record's packet.
    record_bytes: usize,
    link_type: u32,
}

impl Format {
    fn of(magic: &[u8]) -> Option<Self> {
        let magic = [magic[0], magic[1], magic[2], magic[3]];
        if u32::from_be_bytes(magic) == ng::SECTION {
            return Some(Self::Ng(ng::Section::default()));
        }
        for endianness in [Endianness::Little, Endianness::Big] {
            let (unit_ns, record_bytes) = match endianness.u32(&magic, 0) {
                0xa1b2_c3d4 => (1_000, 16),
                0xa1b2_3c4d => (1, 16),
                // Kuznetzov's, with eight more bytes a record.
                0xa1b2_cd34 => (1_000, 24),
                _ => continue,
            };
            return Some(Self::New(Legacy {
                endianness,
                unit_ns,
                record_bytes,
                link_type: 0,
            }));
        }
        None
    }
}

/// A packet, or what else stands at its place.
enum Found {
    /// Of this link type, at these bytes of the input, captured then.
    Packet {
        link_type: u32,
        bytes: Range<usize>,
        time_ns: Option<u64>,
        /// Bytes to use up before the next one.
        used: usize,
    },
    /// A packet larger than the buffer; passed over.
    Oversized,
    /// A packet that cannot be read; passed over.
    Malformed(&'static str),
    /// Not a packet; passed over.
    Nothing,
    /// The recording is over, whole.
    End,
    /// The recording breaks off.
    Cut(String),
}

/// The frames of a capture file.
pub(crate) struct Pcap {
    input: Input,
    format: Format,
    port: Option<u16>,
    frame_bytes_max: usize,
    /// Number of the packet last read, from 1.
    packet: u64,
    /// The last frame, in the input's bytes.
    payload: Range<usize>,
    /// Bytes of the input that the last packet took.
    used: usize,
    last_ns: Option<u64>,
    first_malformed: Option<String>,
    cut: Option<String>,
}

impl Source for Pcap {
    fn step(&mut self, counts: &mut TapCounts) -> Result<Step, TapError> {
        if self.cut.is_some() {
            return Ok(Step::End);
        }
        self.input.consume(std::mem::take(&mut self.used));
        let found = match &mut self.format {
            Format::New(legacy) => {
                let mut legacy = *legacy;
                let found = read_header(&mut self.input, &mut legacy)?;
                self.format = Format::Legacy(legacy);
                found
            }
            Format::Legacy(legacy) => read_record(&mut self.input, *legacy)?,
            Format::Ng(section) => section.read_block(&mut self.input)?,
        };
        match found {
            Found::Packet {
                link_type,
                bytes,
                time_ns,
                used,
            } => {
                self.packet += 1;
                self.used = used;
                self.last_ns = time_ns.or(self.last_ns);
                let packet = &self.input.bytes()[bytes.clone()];
                match udp_payload(link_type, packet, self.port) {
                    Ok(payload) if payload.len() > self.frame_bytes_max => counts.oversized += 1,
                    Ok(payload) => {
                        self.payload = bytes.start + payload.start..bytes.start + payload.end;
                        return Ok(Step::Frame(self.last_ns));
                    }
                    Err(Miss::Other) => counts.skipped += 1,
                    Err(Miss::Short) => counts.truncated += 1,
                    Err(Miss::Malformed(why)) => self.refuse(why, link_type, counts),
                }
            }
            Found::Oversized => {
                self.packet += 1;
                counts.oversized += 1;
            }
            Found::Malformed(why) => {
                self.packet += 1;
                self.refuse(why, 0, counts);
            }
            Found::Nothing => {}
            Found::End => return Ok(Step::End),
            Found::Cut(why) => {
                counts.truncated += 1;
                self.cut = Some(format!("after packet {}: {why}", self.packet));
            }
        }
        Ok(Step::Passed)
    }

    fn frame(&self) -> &[u8] {
        &self.input.bytes()[self.payload.clone()]
    }

    fn facts(&self) -> TapFacts {
        let file = self.input.file();
        TapFacts {
            kind: match self.format {
                Format::New(_) | Format::Legacy(_) => "pcap",
                Format::Ng(_) => "pcapng",
            },
            path: Some(file.path.clone()),
            file_bytes: Some(file.bytes),
            cut: self.cut.clone(),
            first_malformed: self.first_malformed.clone(),
            ..TapFacts::default()
        }
    }

    fn identity(&self) -> String {
        let file = self.input.file();
        format!("{}:{}", file.path.display(), file.bytes)
    }

    fn recorded_time(&self) -> bool {
        true
    }
}

impl Pcap {
    fn refuse(&mut self, why: &str, link_type: u32, counts: &mut TapCounts) {
        counts.malformed += 1;
        if self.first_malformed.is_none() {
            let text = format!("packet {} (link type {link_type}): {why}", self.packet);
            self.first_malformed = Some(text);
        }
    }
}

fn read_header(input: &mut Input, legacy: &mut Legacy) -> Result<Found, TapError> {
    if !input.need(HEADER_BYTES)? {
        return Ok(Found::Cut(input.broken_off("the file's header")));
    }
    // The upper bits tell of frame check sequences, which stand after the IP packet.
    legacy.link_type = legacy.endianness.u32(input.bytes(), 20) & 0x0fff_ffff;
    input.consume(HEADER_BYTES);
    Ok(Found::Nothing)
}

fn read_record(input: &mut Input, legacy: Legacy) -> Result<Found, TapError> {
    if !input.need(legacy.record_bytes)? {
        return Ok(match input.ended_well() {
            true => Found::End,
            false => Found::Cut(input.broken_off("a record's header")),
        });
    }
    let u32_at = |at| legacy.endianness.u32(input.bytes(), at);
    let seconds = u64::from(u32_at(0));
    let fraction = u64::from(u32_at(4));
    let bytes = u32_at(8) as usize;
    if bytes > BLOCK_BYTES_MAX {
        let why = format!("a record claims {bytes} bytes, which is damage");
        return Ok(Found::Cut(why));
    }
    let used = legacy.record_bytes + bytes;
    if bytes > PACKET_BYTES_MAX {
        return Ok(match input.pass_over(used)? {
            true => Found::Oversized,
            false => Found::Cut(input.broken_off("a record")),
        });
    }
    if !input.need(used)? {
        return Ok(Found::Cut(input.broken_off("a record")));
    }
    Ok(Found::Packet {
        link_type: legacy.link_type,
        bytes: legacy.record_bytes..used,
        // At most 2^32 s and 2^32 units of 1 µs: below 2^63.
        time_ns: Some(seconds * 1_000_000_000 + fraction * legacy.unit_ns),
        used,
    })
}
