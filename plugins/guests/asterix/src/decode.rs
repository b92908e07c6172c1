//! One datagram to messages, a reject or a skip.
//!
//! A block is the unit of trust: its records either fill it exactly and are all messages, or none
//! is. So a record before a bad one in the same block is not believed, since the bad one may
//! be the first of which the misreading shows. Blocks are independent: each says its length, and
//! another edition or a fault in one says nothing of its neighbours. What follows the last block
//! that can be delimited is rejected.
//!
//! What always holds: a datagram gives at most one reject and at most one skip, and the answer
//! depends on the datagram and its capture time alone.

use outrigger_sdk::Body;

use crate::air::{Air, TrackBody};
use crate::body::{ItemsBody, RECORD_BYTES_MAX};
use crate::canonical;
use crate::category::{Category, TRACK_AIR, category};
use crate::fault::{Cause, Fault};
use crate::parameters::Settings;
use crate::record::Record;
use crate::walk::Layout;

/// Kinds of datagrams that are passed over: nothing in it; only categories that the parameters
/// skip; only records that become no message (source classes are off, and no track is in it).
pub const SKIPS: [&str; 3] = ["empty", "category", "no-track"];

/// Octets before the records of a block: category and length. Source: EUROCONTROL-SPEC-0149,
/// Part 1.
const HEAD_BYTES: usize = 3;

/// A datagram with its capture time.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Capture time, nanoseconds since the Unix epoch.
    pub captured_ns: u64,
    /// Bytes.
    pub payload: &'a [u8],
}

/// Takes what a datagram became.
pub trait Output {
    /// A message of `class` with its natural key and time of applicability.
    fn message(&mut self, class: &'static str, key: &str, event_ns: u64, body: &impl Body);
    /// This datagram, or a part of it, will never be a message.
    fn reject(&mut self, cause: Cause, detail: &str);
    /// This datagram is passed over.
    fn skip(&mut self, kind: &'static str);
}

/// Decodes datagrams. Remembers nothing of them: the buffer is empty between calls.
#[derive(Clone, Debug)]
pub struct Datagrams {
    settings: Settings,
    /// Room for the layouts of a block's records; never shrinks.
    layouts: Vec<Layout>,
}

/// What a datagram has become so far.
#[derive(Default)]
struct Progress {
    messages: usize,
    fault: Option<Fault>,
    faults: u32,
    /// True if a block of records was whole.
    records: bool,
    /// True if a block was passed over.
    skipped: bool,
}

impl Progress {
    fn fault(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
        self.faults += 1;
    }
}

impl Datagrams {
    /// With these parameters.
    pub fn new(settings: Settings) -> Self {
        // A record becomes at least one message, where it becomes any: no block that is believed
        // has more records.
        let layouts = vec![Layout::EMPTY; settings.frame_messages_max];
        Self { settings, layouts }
    }

    /// Decodes a datagram.
    pub fn decode(&mut self, input: Input<'_>, out: &mut impl Output) {
        let mut progress = Progress::default();
        let mut at = 0;
        while let Some((&number, rest)) = input.payload[at..].split_first() {
            let length = match rest.first_chunk() {
                Some(&length) => usize::from(u16::from_be_bytes(length)),
                None => 0,
            };
            let end = at + length;
            if length <= HEAD_BYTES || end > input.payload.len() {
                progress.fault(Fault {
                    cause: Cause::BlockLength,
                    offset: at,
                    item: "",
                    category: number,
                });
                break;
            }
            if self.settings.is_skipped(number) {
                progress.skipped = true;
            } else if let Some(category) = category(number) {
                let block = &input.payload[at + HEAD_BYTES..end];
                if let Err(fault) = self.block(category, block, &input, &mut progress, out) {
                    progress.fault(Fault {
                        offset: at + HEAD_BYTES + fault.offset,
                        ..fault
                    });
                }
            } else {
                progress.fault(Fault {
                    cause: Cause::Category,
                    offset: at,
                    item: "",
                    category: number,
                });
            }
            at = end;
        }
        if let Some(fault) = progress.fault {
            out.reject(fault.cause, &detail(&fault, progress.faults));
        } else if progress.messages == 0 {
            out.skip(match (progress.records, progress.skipped) {
                (true, _) => SKIPS[2],
                (false, true) => SKIPS[1],
                (false, false) => SKIPS[0],
            });
        }
    }

    /// Messages of a block's records, once all are found whole.
    fn block(
        &mut self,
        category: &'static Category,
        block: &[u8],
        input: &Input<'_>,
        progress: &mut Progress,
        out: &mut impl Output,
    ) -> Result<(), Fault> {
        let settings = &self.settings;
        let fault = |cause, offset, item| Fault {
            cause,
            offset,
            item,
            category: category.number,
        };
        let mut records = 0;
        let mut at = 0;
        while at < block.len() {
            let Some(layout) = self.layouts.get_mut(records) else {
                return Err(fault(Cause::TooManyMessages, at, ""));
            };
            layout
                .read(category, &block[at..], settings.spare_bits_allowed)
                .map_err(|wrong| fault(wrong.cause, at + wrong.offset, wrong.item))?;
            if layout.length() > RECORD_BYTES_MAX {
                return Err(fault(Cause::RecordLength, at, ""));
            }
            at += layout.length();
            records += 1;
        }
        let each = usize::from(settings.source_classes) + usize::from(category.number != 34);
        if progress.messages + records * each > settings.frame_messages_max {
            return Err(fault(Cause::TooManyMessages, 0, ""));
        }
        progress.records = true;
        let mut at = 0;
        for layout in &self.layouts[..records] {
            let end = at + layout.length();
            let record = Record::new(category, layout, &block[at..end], input.captured_ns);
            progress.messages += write(settings, &record, out);
            at = end;
        }
        Ok(())
    }
}

/// Writes the messages of a record; returns how many.
fn write(settings: &Settings, record: &Record<'_>, out: &mut impl Output) -> usize {
    let identity = record.identity();
    let mut messages = 0;
    if identity.is_track {
        let mut air = Air::default();
        let is_track = match record.category.number {
            62 if canonical::is_plane_only(record) => false,
            62 => {
                canonical::of_062(record, &mut air);
                true
            }
            48 => {
                let (sac, sic) = record.source();
                let site = settings.site(sac, sic);
                site.inspect(|site| canonical::of_048(record, site, &mut air))
                    .is_some()
            }
            21 => {
                canonical::of_021(record, &mut air);
                true
            }
            _ => false,
        };
        if is_track {
            let body = TrackBody {
                record,
                identity: &identity,
                air: &air,
            };
            out.message(TRACK_AIR, identity.key(), record.time.time_ns, &body);
            messages += 1;
        }
    }
    if settings.source_classes {
        let body = ItemsBody(record);
        let class = record.category.class;
        out.message(class, identity.key(), record.time.time_ns, &body);
        messages += 1;
    }
    messages
}

/// What was wrong and where, for people.
fn detail(fault: &Fault, faults: u32) -> String {
    let what = match fault.cause {
        Cause::BlockLength => "length of no block, or cut short",
        Cause::Category => "category not decoded",
        Cause::FieldSpecification => "field that the editions known here have not",
        Cause::ItemLength => "does not fit its block",
        Cause::ItemMissing => "missing",
        Cause::SpareBits => "spare bit set, which spare_bits_allowed would let pass,",
        Cause::TimeOfDay => "past the end of the day",
        Cause::RecordLength => "record too long",
        Cause::TooManyMessages => "more messages than are taken",
    };
    let subject = match fault.item {
        "" => format!("CAT{:03}", fault.category),
        item => item.into(),
    };
    let offset = fault.offset;
    match faults - 1 {
        0 => format!("{subject}: {what} at byte {offset}"),
        more => format!("{subject}: {what} at byte {offset}, and {more} more"),
    }
}
