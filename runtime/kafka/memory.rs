//! What a client can come to in memory, bytes, from the same bounds that it is made with.

use crate::client::{Bounds, REQUESTS_IN_FLIGHT};
use crate::producer::WITH_HEADERS;

/// Brokers that a plan reckons with. Reason: a client opens a connection to each broker that leads
/// a partition it writes, and to its coordinators; clusters at the edge are of one to five.
pub const BROKERS_PLANNED: u64 = 5;

/// librdkafka's structures per waiting record beside its bytes: message, opaque, and a list of headers,
/// each an allocation of its own. Source: with a queue full of records of 40 bytes and eight headers, and
/// no broker, resident memory was 840 above the bytes of each (librdkafka 2.12); `tests/memory.rs`
/// repeats it.
const RECORD_OVERHEAD_BYTES: u64 = 1_024;
/// Stack that a thread of librdkafka really touches, and its allocator's arena share, bytes.
const THREAD_BYTES: u64 = 256 << 10;
/// TLS sessions, metadata cache and statistics text, bytes.
const CLIENT_BYTES: u64 = 2 << 20;

/// A line of a memory plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLine {
    /// What it is.
    pub what: &'static str,
    /// Worst case, bytes.
    pub bytes: u64,
}

/// What one producer can come to.
pub fn producer_memory(bounds: &Bounds) -> Vec<MemoryLine> {
    let line = |what, bytes| MemoryLine { what, bytes };
    vec![
        line(
            "records that wait",
            WITH_HEADERS * bounds.queue_bytes_max
                + bounds.queue_records_max * RECORD_OVERHEAD_BYTES,
        ),
        line(
            // Each request is written once plain and once compressed.
            "requests under way",
            BROKERS_PLANNED * REQUESTS_IN_FLIGHT * 2 * bounds.batch_bytes_max,
        ),
        // Responses to produce requests are small; a metadata answer is the largest.
        line("a response", bounds.response_bytes_max),
        line("threads and client", client_bytes()),
    ]
}

/// What a consumer of `fetch_bytes_max` can come to.
pub fn consumer_memory(bounds: &Bounds, fetch_bytes_max: u64) -> Vec<MemoryLine> {
    let line = |what, bytes| MemoryLine { what, bytes };
    vec![
        line("fetched records", 2 * fetch_bytes_max),
        line("a response", bounds.response_bytes_max),
        line("threads and client", client_bytes()),
    ]
}

fn client_bytes() -> u64 {
    CLIENT_BYTES + (BROKERS_PLANNED + 2) * THREAD_BYTES
}
