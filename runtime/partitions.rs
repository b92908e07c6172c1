//! How keys would spread over partitions: pure, from counts by key.
//!
//! A topic's order is per key and per partition, so a partition is also what one consumer takes at
//! least. More partitions let more consumers share, until the busiest key, or the few keys there are,
//! leave some of them with little to do.

use std::collections::BTreeMap;

/// Partitions that are tried. Reason: beyond, a topic of one host costs brokers more than it gives.
pub const CANDIDATES: std::ops::RangeInclusive<u32> = 1..=64;
/// Most keys that are told apart. Reason: some 100 MiB. Reached: records of further keys are only
/// counted, and the report says so.
pub const KEYS_MAX: usize = 1_000_000;
/// Largest share of the mean that the hottest partition may have in a recommendation. Ours: half as
/// much again is what a consumer is sized for in any case.
pub const SKEW_MAX: f64 = 1.5;
/// Fewest keys per partition in a recommendation. Ours: below, a key that comes or goes shifts a
/// partition's load by more than a tenth.
pub const KEYS_PER_PARTITION_MIN: f64 = 10.0;
/// Bytes per second that one partition is reckoned with. Source: 10 MB/s is the lower end of what is
/// given for one partition with replication ("How to choose the number of topics/partitions in a
/// Kafka cluster?", Confluent).
pub const PARTITION_BYTES_PER_S: f64 = 10_000_000.0;

/// Records and bytes by key, in a window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Load {
    /// Records and bytes of each key.
    pub keys: BTreeMap<Vec<u8>, (u64, u64)>,
    /// Records of keys beyond [`KEYS_MAX`].
    pub beyond: u64,
    /// Records without a key: they go anywhere.
    pub keyless: u64,
    /// Capture times of the first and the last record, nanoseconds since the Unix epoch.
    pub span_ns: Option<(u64, u64)>,
}

impl Load {
    /// Counts a record.
    pub fn add(&mut self, key: &[u8], bytes: u64, time_ns: u64) {
        let (first, last) = self.span_ns.unwrap_or((time_ns, time_ns));
        self.span_ns = Some((first.min(time_ns), last.max(time_ns)));
        if key.is_empty() {
            self.keyless += 1;
        } else if let Some((records, sum)) = self.keys.get_mut(key) {
            *records += 1;
            *sum += bytes;
        } else if self.keys.len() < KEYS_MAX {
            self.keys.insert(key.to_vec(), (1, bytes));
        } else {
            self.beyond += 1;
        }
    }

    /// Records that have a key and were told apart.
    pub fn records(&self) -> u64 {
        self.keys.values().map(|(records, _)| records).sum()
    }

    /// Mean rate over the window, bytes per second; 0 for a single moment.
    pub fn bytes_per_s(&self) -> f64 {
        let bytes: u64 = self.keys.values().map(|(_, bytes)| bytes).sum();
        let span_ns = self.span_ns.map_or(0, |(first, last)| last - first);
        match span_ns {
            0 => 0.0,
            ns => bytes as f64 * 1e9 / ns as f64,
        }
    }
}

/// How a number of partitions would be used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Partitions.
    pub partitions: u32,
    /// Share of the records that the hottest takes, 0 to 1.
    pub hottest: f64,
    /// The hottest's records over the mean.
    pub skew: f64,
    /// Fewest, mean and most keys in a partition.
    pub keys: (u64, f64, u64),
}

/// A number of partitions, and why this one.
#[derive(Clone, Debug, PartialEq)]
pub struct Advice {
    /// Partitions.
    pub partitions: u32,
    /// Why.
    pub why: String,
}

/// Kafka's own hash of a key. Source: `org.apache.kafka.common.utils.Utils.murmur2`, after Austin
/// Appleby's MurmurHash 2 with 32 bits.
pub fn murmur2(key: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;
    let mut hash = SEED ^ key.len() as u32;
    let mut words = key.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(M);
        k ^= k >> R;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        for (at, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * at);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

/// Partition of a key among `partitions`, which must not be 0.
pub fn partition_of(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) & 0x7fff_ffff) % partitions
}

/// How each candidate would be used.
pub fn spreads(load: &Load) -> Vec<Spread> {
    let hashed: Vec<(u32, u64)> = load
        .keys
        .iter()
        .map(|(key, (records, _))| (murmur2(key) & 0x7fff_ffff, *records))
        .collect();
    let records = load.records();
    CANDIDATES
        .map(|partitions| {
            let mut loads = vec![(0u64, 0u64); partitions as usize];
            for (hash, records) in &hashed {
                let place = &mut loads[(hash % partitions) as usize];
                place.0 += records;
                place.1 += 1;
            }
            let most = loads.iter().map(|(records, _)| *records).max().unwrap_or(0);
            let counts = || loads.iter().map(|(_, keys)| *keys);
            let hottest = if records == 0 {
                0.0
            } else {
                most as f64 / records as f64
            };
            Spread {
                partitions,
                hottest,
                skew: hottest * f64::from(partitions),
                keys: (
                    counts().min().unwrap_or(0),
                    hashed.len() as f64 / f64::from(partitions),
                    counts().max().unwrap_or(0),
                ),
            }
        })
        .collect()
}

/// What to choose: the most partitions that are still evenly used, and no fewer than the rate needs.
pub fn advise(load: &Load, spreads: &[Spread]) -> Advice {
    let needed = (load.bytes_per_s() / PARTITION_BYTES_PER_S).ceil().max(1.0) as u32;
    let even =
        |spread: &&Spread| spread.skew <= SKEW_MAX && spread.keys.1 >= KEYS_PER_PARTITION_MIN;
    let most = spreads
        .iter()
        .filter(even)
        .map(|spread| spread.partitions)
        .max();
    match most {
        Some(most) if most >= needed => Advice {
            partitions: most,
            why: format!(
                "the most whose hottest takes at most {SKEW_MAX} times the mean, with at least \
                 {KEYS_PER_PARTITION_MIN} keys each; the rate needs {needed}"
            ),
        },
        Some(most) => Advice {
            partitions: needed,
            why: format!(
                "the rate needs {needed} at {:.0} MB/s each, though only up to {most} are evenly \
                 used",
                PARTITION_BYTES_PER_S / 1e6
            ),
        },
        None => Advice {
            partitions: needed,
            why: format!(
                "the rate needs {needed}, and with {} keys no more are evenly used",
                load.keys.len()
            ),
        },
    }
}

/// What is to be said of a topic that has `partitions`, if anything.
pub fn judge(partitions: u32, spreads: &[Spread], advice: &Advice) -> Option<&'static str> {
    let skewed = spreads
        .iter()
        .find(|spread| spread.partitions == partitions)
        .is_some_and(|spread| spread.skew > SKEW_MAX || spread.keys.1 < KEYS_PER_PARTITION_MIN);
    if partitions < advice.partitions {
        Some("under-partitioned: more consumers could share it")
    } else if partitions > advice.partitions && skewed {
        Some("over-partitioned: some partitions have little to do")
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
