//! Bodies of the source classes: the time, then every item by the tables.

use outrigger_sdk::{Body, BodyError};

use crate::category::FIELDS_MAX;
use crate::items::{write_bytes, write_item};
use crate::pack;
use crate::record::Record;

/// Bytes of a body, at most: what the host takes unless told otherwise. A record whose items would
/// be more has all of them as bytes, and then always fits.
pub const BODY_BYTES_MAX: usize = 4_096;

/// Bytes of a record, at most, so that its items as bytes fit a body. A longer one is rejected.
pub const RECORD_BYTES_MAX: usize = 3_072;

/// Bytes around the items: of each, key and head, and the time at the start.
const OVERHEAD_BYTES_MAX: usize = FIELDS_MAX * (1 + 8 + 3) + 3 + 8 + 9 + 12 + 14;

const _: () = assert!(RECORD_BYTES_MAX + OVERHEAD_BYTES_MAX <= BODY_BYTES_MAX);

/// Body of `asterix.cat…`.
#[derive(Clone, Copy, Debug)]
pub struct ItemsBody<'a>(pub Record<'a>);

impl Body for ItemsBody<'_> {
    fn decode(_class: &str, _bytes: &[u8]) -> Result<Self, BodyError> {
        Err(BodyError("this plugin only writes this body".into()))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let Self(record) = self;
        out.reserve(BODY_BYTES);
        let start = out.len();
        for write in [write_item, write_bytes] {
            out.truncate(start);
            pack::map(out, 2 + record.layout.len());
            pack::text(out, "time_ns");
            pack::unsigned(out, record.time.time_ns);
            pack::text(out, "time_source");
            pack::text(out, record.time.source.as_str());
            for number in record.layout.numbers() {
                if let Some(item) = &record.category.items[number] {
                    write(out, item, record.item(number).unwrap_or_default());
                }
            }
            if out.len() - start <= BODY_BYTES_MAX {
                break;
            }
        }
    }
}

/// Room for nearly any body here, in bytes; measured on the recordings, where the largest has
/// some 1,100. A larger one grows the buffer.
const BODY_BYTES: usize = 1_536;
